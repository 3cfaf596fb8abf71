import ByteCoding
package import Causality
import Sabotages
package import Sealing

/// A sealed run of consecutive changes of one origin: what is stored, sent and forwarded, verbatim.
///
/// Layout: header (clear, and the associated data of the body), nonce, ciphertext with tag, and a
/// signature by the device that owns the origin. `FORMAT.md` beside this file gives the offsets.
/// A value of this type is well-formed; whether it is *authentic* is asked with
/// ``verifySignature(by:)``, whether it comes *next* with ``verifyFollows(_:)``.
package struct Segment: Hashable, Sendable {
  /// A whole segment, with header and signature.
  package static let bytesMax = 8 << 20
  /// The changes in one segment.
  package static let changesMax = 1 << 20
  /// What sealing adds to a padded body.
  package static let overhead =
    SegmentHeader.byteCount + AEADKey.nonceByteCount + AEADKey.tagByteCount + Signature.byteCount

  /// The longest body whose segment does not exceed ``bytesMax``.
  package static let bodyBytesMax: Int = {
    var low = 0
    var high = bytesMax
    while low < high {
      let middle = (low + high + 1) / 2
      if Padme.paddedCount(ofBody: middle) + overhead <= bytesMax {
        low = middle
      } else {
        high = middle - 1
      }
    }
    return low
  }()

  static let domain = Domain("skerry segment")
  static let nonceStart = SegmentHeader.byteCount
  static let bodyStart = nonceStart + AEADKey.nonceByteCount

  /// The segment as it is stored and sent.
  package let bytes: [UInt8]
  package let header: SegmentHeader
  /// The chain hash: of header, nonce and ciphertext. The next segment names it.
  package let hash: Digest
  /// The branch that it stands on, where its origin is known to be forked before it.
  package private(set) var branch: Branch?

  /// The chain that it is a part of.
  package var origin: Origin { branch?.origin ?? header.origin }
  /// The first change in the numbers of that chain.
  package var firstSequence: UInt64 { header.firstSequence - (branch?.start ?? 0) }
  package var lastSequence: UInt64 { header.lastSequence - (branch?.start ?? 0) }
  /// The first change, as messages about the segment name it.
  package var firstChange: ChangeID { ChangeID(origin: origin, sequence: firstSequence) }

  /// Where the chain stood before this segment.
  package var previous: ChainPosition {
    firstSequence == 1
      ? .start : ChainPosition(sequence: firstSequence - 1, hash: header.previousHash)
  }

  /// Where the chain stands after this segment.
  package var position: ChainPosition { ChainPosition(sequence: lastSequence, hash: hash) }

  /// The segment as a part of a branch; nil when it cannot be one.
  package func on(_ branch: Branch) -> Segment? {
    guard branch.root == header.origin, branch.start < header.firstSequence else { return nil }
    var segment = self
    segment.branch = branch
    return segment
  }

  init(trusted bytes: [UInt8], _ header: SegmentHeader, _ hash: Digest) {
    self.bytes = bytes
    self.header = header
    self.hash = hash
  }

  /// Reads a segment and checks its form and limits; no key is needed.
  ///
  /// Complexity: O(n), one hash over the bytes.
  package init(parsing bytes: [UInt8]) throws(SegmentError) {
    do throws(ByteDecodingError) {
      guard bytes.count <= Segment.bytesMax else {
        throw ByteDecodingError(.limitExceeded, "segment")
      }
      guard bytes.count > Segment.overhead else {
        throw ByteDecodingError(.truncated, "segment", at: bytes.count)
      }
      guard bytes[0] == SegmentHeader.version else {
        throw ByteDecodingError(.unsupportedVersion, "segment")
      }
      header = bytes.withUnsafeBytes { SegmentHeader(loadingFrom: $0) }
      try header.check()
      let expected = Segment.bodyStart + header.bodyLength + Signature.byteCount
      guard bytes.count >= expected else {
        throw ByteDecodingError(.truncated, "segment", at: bytes.count)
      }
      guard bytes.count == expected else {
        throw ByteDecodingError(.trailingBytes, "segment", at: expected)
      }
    } catch {
      throw .malformed(error)
    }
    self.bytes = bytes
    hash = bytes.withUnsafeBytes {
      Digest.of(
        UnsafeRawBufferPointer(rebasing: $0[..<($0.count - Signature.byteCount)]),
        domain: Segment.domain)
    }
  }

  /// Checks that `key`, the key of the device that owns the origin, signed this segment.
  package func verifySignature(by key: SigningKey.Public) throws(SegmentError) {
    if Sabotage.skipSignatureCheck.isPlanted { return }
    guard let signature = Signature(bytes.suffix(Signature.byteCount)),
      key.verifies(signature, of: hash, domain: Segment.domain)
    else { throw .badSignature(firstChange) }
  }

  /// Checks that this segment comes next where its chain stands at `position`.
  package func verifyFollows(_ position: ChainPosition) throws(SegmentError) {
    let previous = previous
    guard previous.sequence <= position.sequence else {
      throw .gap(origin: origin, expected: position.sequence + 1, found: firstSequence)
    }
    guard previous.sequence == position.sequence else {
      throw .overlap(origin: origin, held: position.sequence, found: firstSequence)
    }
    guard previous.hash == position.hash else {
      throw .forked(origin: origin, after: position.sequence)
    }
  }

  /// The body, opened with the workspace key of the header's epoch, its padding checked and gone.
  package func open(with key: WorkspaceKey) throws(SegmentError) -> [UInt8] {
    let opened = bytes.withUnsafeBytes { whole in
      func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: whole[range])
      }
      return key.segmentKey.decrypt(
        part(Segment.bodyStart..<(Segment.bodyStart + header.bodyLength)),
        associatedData: part(0..<SegmentHeader.byteCount),
        nonce: part(Segment.nonceStart..<Segment.bodyStart))
    }
    let tag = AEADKey.tagByteCount + Signature.byteCount
    let isClear = Sabotage.sealWithoutEncrypting.isPlanted
    let plain = isClear ? Array(bytes[Segment.bodyStart..<(bytes.count - tag)]) : opened
    guard var body = plain else { throw .notAuthentic(firstChange) }
    do {
      try Padme.removePadding(from: &body, "segment body")
    } catch {
      throw .notAuthentic(firstChange)
    }
    return body
  }

  package static func == (left: Segment, right: Segment) -> Bool { left.bytes == right.bytes }

  package func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}
