package import ByteCoding
package import Sealing

/// What a device tells of the moment: who is there, where somebody's cursor is. It is passed on and
/// shown, expires, and is never stored.
///
/// Around it in clear, so that a relay can check and forward it: whose it is, which of the device's
/// runs it comes from, its number in that run, and how long it counts. What it says is sealed with
/// the workspace's key and padded.
///
/// A value of this type is well-formed and signed. `FORMAT.md` beside this file gives the bytes.
package struct PresenceNote: Equatable, Sendable {
  package static let version: UInt8 = 1
  /// What one note may say.
  package static let stateBytesMax = 1_024
  /// The longest that a note counts.
  package static let lifetimeMillisecondsMax: UInt64 = 60_000
  package static let bytesMax = 1_536
  static let domain = Domain("skerry presence")

  /// The note as it is sent.
  package let bytes: [UInt8]
  package let workspace: WorkspaceID
  package let device: SigningKey.Public
  /// One life of a process on the device, by a random number.
  package let run: UInt64
  /// Ascending within the run, from 1.
  package let number: UInt64
  /// How long the note counts from when it is received; 0 takes the one before back.
  package let lifetimeMilliseconds: UInt64
  package let keyEpoch: UInt32
  private let header: [UInt8]
  private let sealed: [UInt8]

  /// Seals and signs a note; nil for a state that is too long.
  package init?(
    _ state: [UInt8], run: UInt64, number: UInt64, lifetimeMilliseconds: UInt64,
    workspace: WorkspaceID, key: WorkspaceKey, keyEpoch: UInt32, by device: SigningKey,
    entropy: Entropy
  ) {
    guard state.count <= PresenceNote.stateBytesMax, number > 0, keyEpoch > 0,
      lifetimeMilliseconds <= PresenceNote.lifetimeMillisecondsMax
    else { return nil }
    var writer = ByteWriter(reservingCapacity: state.count + 320)
    writer.write(PresenceNote.version)
    workspace.bytes.write(to: &writer)
    device.publicKey.write(to: &writer)
    writer.write(fixed: run)
    writer.write(varint: number)
    writer.write(varint: lifetimeMilliseconds)
    writer.write(fixed: keyEpoch)
    header = writer.bytes
    var body = state
    body.append(
      contentsOf: repeatElement(
        0, count: Padme.paddedCount(ofBody: state.count) - state.count))
    body.withUnsafeMutableBytes { Padme.pad($0, body: state.count) }
    sealed = key.presenceKey.seal(body, associatedData: header, entropy: entropy)
    writer.write(lengthPrefixed: sealed)
    let hash = Digest.of(writer.bytes, domain: PresenceNote.domain)
    device.sign(hash, domain: PresenceNote.domain).write(to: &writer)
    bytes = writer.bytes
    self.workspace = workspace
    self.device = device.publicKey
    self.run = run
    self.number = number
    self.lifetimeMilliseconds = lifetimeMilliseconds
    self.keyEpoch = keyEpoch
  }

  /// Reads a note and checks its form and its signature.
  ///
  /// - Throws: `checksumMismatch` for a signature that is not the device's.
  package init(parsing bytes: [UInt8]) throws(ByteDecodingError) {
    guard bytes.count <= PresenceNote.bytesMax else {
      throw ByteDecodingError(.limitExceeded, "presence")
    }
    var reader = ByteReader(bytes)
    guard try reader.readByte("version") == PresenceNote.version else {
      throw ByteDecodingError(.unsupportedVersion, "presence")
    }
    workspace = WorkspaceID(try Bytes32(from: &reader, "workspace"))
    device = try SigningKey.Public(from: &reader, "device")
    run = try reader.readFixed64("run of a presence")
    number = try reader.readVarint("number of a presence")
    lifetimeMilliseconds = try reader.readVarint("lifetime of a presence")
    keyEpoch = try reader.readFixed32("key epoch")
    header = Array(bytes.prefix(reader.offset))
    guard number > 0, keyEpoch > 0,
      lifetimeMilliseconds <= PresenceNote.lifetimeMillisecondsMax
    else { throw ByteDecodingError(.invalidValue, "presence", at: reader.offset) }
    sealed = try reader.readLengthPrefixed("presence", limit: PresenceNote.bytesMax)
    let hash = Digest.of(Array(bytes.prefix(reader.offset)), domain: PresenceNote.domain)
    let signature = try Signature(from: &reader, "signature")
    try reader.finish("presence")
    guard device.verifies(signature, of: hash, domain: PresenceNote.domain) else {
      throw ByteDecodingError(.checksumMismatch, "signature of a presence")
    }
    self.bytes = bytes
  }

  /// What the note says.
  package func open(with key: WorkspaceKey) throws(SealingError) -> [UInt8] {
    var body = try key.presenceKey.open(sealed, associatedData: header, "presence")
    try Padme.removePadding(from: &body, "presence")
    guard body.count <= PresenceNote.stateBytesMax else {
      throw SealingError(.wrongLength, "presence")
    }
    return body
  }
}
