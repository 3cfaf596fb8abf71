package import ByteCoding
package import Causality
package import Sealing

/// What a device says about itself: it has applied, durably, all that the vector covers, and
/// whatever it writes from now on was made knowing of that. In clear, so that a relay can check and
/// forward it.
///
/// Of each device the one with the highest number counts. Receipts are how the **stable cut** comes
/// to be known, below which history may be folded. A device that lies in one harms itself: what it
/// writes afterwards without that knowledge is not applied by who has folded.
///
/// A value of this type is well-formed and signed. `FORMAT.md` beside this file gives the bytes.
package struct Receipt: Sendable {
  package static let version: UInt8 = 1
  /// The most origins of a vector. A device that knows of more writes no receipts.
  package static let originsMax = 16_384
  package static let bytesMax = 512 << 10
  static let domain = Domain("skerry receipt")

  /// The receipt as it is stored and sent.
  package let bytes: [UInt8]
  package let workspace: WorkspaceID
  package let device: SigningKey.Public
  /// Ascending, from 1.
  package let number: UInt64
  package let seen: VersionVector

  /// Makes and signs a receipt; nil where the vector has too many origins.
  package init?(
    _ seen: VersionVector, number: UInt64, workspace: WorkspaceID, by device: SigningKey
  ) {
    guard seen.entries.count <= Receipt.originsMax else { return nil }
    var writer = ByteWriter(reservingCapacity: 160 + 26 * seen.entries.count)
    writer.write(Receipt.version)
    workspace.bytes.write(to: &writer)
    device.publicKey.write(to: &writer)
    writer.write(varint: number)
    seen.write(to: &writer)
    let hash = Digest.of(writer.bytes, domain: Receipt.domain)
    device.sign(hash, domain: Receipt.domain).write(to: &writer)
    bytes = writer.bytes
    self.workspace = workspace
    self.device = device.publicKey
    self.number = number
    self.seen = seen
  }

  /// Reads a receipt and checks its form and its signature.
  ///
  /// - Throws: `checksumMismatch` for a signature that is not the device's.
  package init(parsing bytes: [UInt8]) throws(ByteDecodingError) {
    guard bytes.count <= Receipt.bytesMax else {
      throw ByteDecodingError(.limitExceeded, "receipt")
    }
    var reader = ByteReader(bytes)
    guard try reader.readByte("version") == Receipt.version else {
      throw ByteDecodingError(.unsupportedVersion, "receipt")
    }
    workspace = WorkspaceID(try Bytes32(from: &reader, "workspace"))
    device = try SigningKey.Public(from: &reader, "device")
    number = try reader.readVarint("number of a receipt")
    seen = try VersionVector(from: &reader)
    guard number > 0, seen.entries.count <= Receipt.originsMax else {
      throw ByteDecodingError(.invalidValue, "receipt", at: reader.offset)
    }
    let hash = Digest.of(Array(bytes.prefix(reader.offset)), domain: Receipt.domain)
    let signature = try Signature(from: &reader, "signature")
    try reader.finish("receipt")
    guard device.verifies(signature, of: hash, domain: Receipt.domain) else {
      throw ByteDecodingError(.checksumMismatch, "signature of a receipt")
    }
    self.bytes = bytes
  }
}

extension Receipt {
  /// A number for a set of receipts: two sides of which it is the same need not exchange them.
  package static func digest(of receipts: [[UInt8]]) -> UInt64 {
    receipts.reduce(0) { sum, bytes in
      let hash = Digest.of(bytes, domain: Receipt.domain)
      return sum &+ hash.bytes.withUnsafeBytes { UInt64(bigEndian: $0.load(as: UInt64.self)) }
    }
  }
}
