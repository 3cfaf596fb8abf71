import ByteCoding
package import Sealing

/// The name of a device as records carry it: readable for members, opaque for a relay.
///
/// Key epoch (4 bytes), nonce (24), padded and encrypted name, tag (16). The device's key is the
/// associated data, so that a name cannot be moved to another device.
package struct SealedName: Hashable, Sendable {
  /// In UTF-8.
  package static let nameBytesMax = 256
  static let byteCountMax = overhead + Padme.paddedCount(ofBody: nameBytesMax)
  static let byteCountMin = overhead + 1
  private static let overhead = 4 + AEADKey.nonceByteCount + AEADKey.tagByteCount

  let bytes: [UInt8]

  /// Which of the workspace's keys the name is sealed with.
  package var keyEpoch: UInt32 {
    bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  init(
    _ name: String, device: SigningKey.Public, key: WorkspaceKey, keyEpoch: UInt32,
    entropy: Entropy
  ) throws(MembershipError) {
    var body = Array(name.utf8)
    guard body.count <= SealedName.nameBytesMax else { throw .nameTooLong(bytes: body.count) }
    let count = body.count
    let padded = Padme.paddedCount(ofBody: count)
    body.append(contentsOf: repeatElement(0, count: padded - count))
    body.withUnsafeMutableBytes { Padme.pad($0, body: count) }
    var writer = ByteWriter(reservingCapacity: SealedName.byteCountMax)
    writer.write(fixed: keyEpoch)
    writer.write(
      raw: key.nameKey.seal(body, associatedData: device.array, entropy: entropy))
    bytes = writer.bytes
  }

  init(from reader: inout ByteReader) throws(ByteDecodingError) {
    let start = reader.offset
    let count = try reader.readInt(
      "device name", in: SealedName.byteCountMin...SealedName.byteCountMax)
    bytes = try reader.readRaw(count, "device name")
    let padded = count - SealedName.overhead
    guard Padme.length(of: padded) == padded else {
      throw ByteDecodingError(.notCanonical, "device name", at: start)
    }
  }

  func write(to writer: inout ByteWriter) {
    writer.write(lengthPrefixed: bytes)
  }

  /// The name in clear.
  package func open(
    device: SigningKey.Public, key: WorkspaceKey
  ) throws(MembershipError) -> String {
    do {
      var body = try key.nameKey.open(
        Array(bytes.dropFirst(4)), associatedData: device.array, "device name")
      try Padme.removePadding(from: &body, "device name")
      guard let name = String(validating: body, as: UTF8.self) else {
        throw SealingError(.notAuthentic, "device name")
      }
      return name
    } catch {
      throw .sealedName
    }
  }
}
