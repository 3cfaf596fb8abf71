import ByteCoding
package import Causality
package import Sealing

/// The place up to which an origin's chain of segments is known.
package struct ChainPosition: Hashable, Sendable {
  /// The last change; 0 before the first.
  package var sequence: UInt64
  /// The hash of the segment that ends there; zeros before the first.
  package var hash: Digest

  package init(sequence: UInt64, hash: Digest) {
    self.sequence = sequence
    self.hash = hash
  }

  package static let start = ChainPosition(sequence: 0, hash: .zero)
}

/// What a segment says about itself in clear: enough to store it, to forward it and to check who
/// wrote it, and nothing about what is in it.
package struct SegmentHeader: Hashable, Sendable {
  /// The version of the layout of header, nonce, body and signature.
  package static let version: UInt8 = 1
  package static let byteCount = 106
  /// A body that is a change block.
  package static let changeBlockFormat: UInt8 = 1

  /// How the opened body is to be read. Bodies of formats that a replica does not know are stored
  /// and forwarded like any other.
  package var bodyFormat: UInt8
  /// Which of the workspace's keys the body is sealed with.
  package var keyEpoch: UInt32
  /// Bytes of ciphertext and tag.
  package var bodyLength: Int
  package var workspace: WorkspaceID
  package var origin: Origin
  package var firstSequence: UInt64
  package var lastSequence: UInt64
  /// The hash of the segment that ends at `firstSequence - 1`; zeros when there is none.
  package var previousHash: Digest
}

extension SegmentHeader {
  func write(to writer: inout ByteWriter) {
    writer.write(SegmentHeader.version)
    writer.write(bodyFormat)
    writer.write(fixed: keyEpoch)
    writer.write(fixed: UInt32(bodyLength))
    workspace.write(to: &writer)
    origin.write(to: &writer)
    writer.write(fixed: firstSequence)
    writer.write(fixed: lastSequence)
    previousHash.write(to: &writer)
  }

  /// Reads the fields of a header of this version, as they are.
  ///
  /// - Precondition: `bytes` has at least `byteCount` bytes.
  init(loadingFrom bytes: UnsafeRawBufferPointer) {
    bodyFormat = bytes[1]
    keyEpoch = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt32.self))
    bodyLength = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 6, as: UInt32.self)))
    workspace = WorkspaceID(Bytes32(UnsafeRawBufferPointer(rebasing: bytes[10..<42])) ?? .zero)
    func word(_ offset: Int) -> UInt64 {
      UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    origin = Origin(high: word(42), low: word(50))
    firstSequence = word(58)
    lastSequence = word(66)
    previousHash = Digest(Bytes32(UnsafeRawBufferPointer(rebasing: bytes[74..<106])) ?? .zero)
  }

  /// Checks all that can be checked without a key.
  func check() throws(ByteDecodingError) {
    guard bodyFormat > 0 else { throw ByteDecodingError(.invalidValue, "body format", at: 1) }
    guard keyEpoch > 0 else { throw ByteDecodingError(.invalidValue, "key epoch", at: 2) }
    let padded = bodyLength - AEADKey.tagByteCount
    guard padded >= 1, Padme.length(of: padded) == padded else {
      throw ByteDecodingError(.notCanonical, "body length", at: 6)
    }
    guard firstSequence >= 1 else {
      throw ByteDecodingError(.invalidValue, "first sequence", at: 58)
    }
    guard lastSequence >= firstSequence, lastSequence <= UInt64(Int64.max) else {
      throw ByteDecodingError(.invalidValue, "last sequence", at: 66)
    }
    guard lastSequence - firstSequence < UInt64(Segment.changesMax) else {
      throw ByteDecodingError(.limitExceeded, "changes in a segment", at: 66)
    }
    guard (firstSequence == 1) == (previousHash == .zero) else {
      throw ByteDecodingError(.invalidValue, "previous hash", at: 74)
    }
  }
}
