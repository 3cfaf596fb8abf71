import ByteCoding
package import Sealing

/// What a person keeps apart from the backups of a store, so that one of them can go on as this
/// device: its secret keys and the workspace's, as text.
///
/// `skerrykey1` and 140 characters of base64url. Whoever reads it can read and write the workspace
/// as this device. It stays the same until the workspace's key does not.
package struct RecoveryKey: Sendable {
  package let workspace: WorkspaceID
  package let keyEpoch: UInt32
  package let key: WorkspaceKey
  package let device: DeviceKeys

  private static let prefix = "skerrykey1"
  private static let checksumByteCount = 4
  private static let domain = Domain("skerry recovery")

  package init(
    workspace: WorkspaceID, keyEpoch: UInt32, key: WorkspaceKey, device: DeviceKeys
  ) {
    self.workspace = workspace
    self.keyEpoch = keyEpoch
    self.key = key
    self.device = device
  }

  package var code: String {
    var writer = ByteWriter()
    writer.write(fixed: keyEpoch)
    workspace.write(to: &writer)
    writer.write(raw: key.encoded().array)
    writer.write(raw: device.encoded().array)
    writer.write(raw: Self.checksum(writer.bytes))
    return Self.prefix + Base64URL.encode(writer.bytes)
  }

  /// Reads a code; white space around and within it is passed over.
  ///
  /// - Throws: ``RecoveryKeyError``.
  package init(code: String) throws(RecoveryKeyError) {
    let text = String(code.unicodeScalars.filter { !$0.properties.isWhitespace })
    guard text.hasPrefix(Self.prefix) else { throw RecoveryKeyError() }
    do {
      let payload = try Base64URL.decode(text.dropFirst(Self.prefix.count))
      let body = Array(payload.dropLast(Self.checksumByteCount))
      guard payload.suffix(Self.checksumByteCount) == Self.checksum(body) else {
        throw RecoveryKeyError()
      }
      var reader = ByteReader(body)
      let keyEpoch = try reader.readFixed32("key epoch")
      let workspace = try WorkspaceID(from: &reader, "workspace")
      let key = try WorkspaceKey(decoding: try reader.readRaw(WorkspaceKey.byteCount, "key"))
      let device = try DeviceKeys(
        decoding: try reader.readRaw(DeviceKeys.encodedByteCount, "device keys"))
      try reader.finish("recovery key")
      guard keyEpoch >= 1 else { throw RecoveryKeyError() }
      self.init(workspace: workspace, keyEpoch: keyEpoch, key: key, device: device)
    } catch {
      throw RecoveryKeyError()
    }
  }

  private static func checksum(_ payload: [UInt8]) -> ArraySlice<UInt8> {
    Digest.of(Array(prefix.utf8) + payload, domain: domain).array.prefix(checksumByteCount)
  }
}

/// A text is no recovery key, or not all of one.
package struct RecoveryKeyError: Error, Equatable, Sendable, CustomStringConvertible {
  package var description: String {
    "this is not a whole recovery key; copy it again, from 'skerrykey1' to its last character"
  }
}
