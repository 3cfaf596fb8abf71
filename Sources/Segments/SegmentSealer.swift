import ByteCoding
package import Causality
import Sabotages
package import Sealing

/// Seals a device's changes into segments.
///
/// It keeps no position: which segment comes before is the store's to say, in the transaction that
/// takes the new one.
package struct SegmentSealer: Sendable {
  private let workspace: WorkspaceID
  private let keyEpoch: UInt32
  private let key: WorkspaceKey
  private let device: DeviceKeys
  private let entropy: Entropy

  /// - Precondition: `keyEpoch` is at least 1.
  package init(
    workspace: WorkspaceID, keyEpoch: UInt32, key: WorkspaceKey, device: DeviceKeys,
    entropy: Entropy
  ) {
    precondition(keyEpoch >= 1, "key epochs count from 1")
    self.workspace = workspace
    self.keyEpoch = keyEpoch
    self.key = key
    self.device = device
    self.entropy = entropy
  }

  /// Pads, encrypts and signs `body`, which holds the changes `sequences` of `origin`; `previous`
  /// is the hash of the segment before, zeros when there is none.
  ///
  /// Complexity: O(n); the segment's own array and one for the header are all that is allocated.
  ///
  /// - Precondition: `sequences` starts at 1 or above, and `previous` is zero exactly when it
  ///   starts at 1.
  /// - Throws: `tooLong` above ``Segment/bodyBytesMax`` or ``Segment/changesMax``.
  package func seal(
    _ body: [UInt8], format: UInt8 = SegmentHeader.changeBlockFormat, origin: Origin,
    sequences: ClosedRange<UInt64>, after previous: Digest
  ) throws(SegmentError) -> Segment {
    precondition(sequences.lowerBound >= 1, "changes count from 1")
    precondition((sequences.lowerBound == 1) == (previous == .zero), "only the first has no hash")
    precondition(format >= 1, "body formats count from 1")
    guard body.count <= Segment.bodyBytesMax,
      sequences.upperBound - sequences.lowerBound < UInt64(Segment.changesMax),
      sequences.upperBound <= UInt64(Int64.max)
    else {
      throw .tooLong(
        bytes: body.count, changes: (sequences.upperBound - sequences.lowerBound) &+ 1)
    }
    let padded = Padme.paddedCount(ofBody: body.count)
    let header = SegmentHeader(
      bodyFormat: format, keyEpoch: keyEpoch, bodyLength: padded + AEADKey.tagByteCount,
      workspace: workspace, origin: origin, firstSequence: sequences.lowerBound,
      lastSequence: sequences.upperBound, previousHash: previous)
    var clear = ByteWriter(reservingCapacity: SegmentHeader.byteCount)
    header.write(to: &clear)

    let signed = Segment.bodyStart + header.bodyLength
    let total = signed + Signature.byteCount
    var hash = Digest.zero
    let bytes = [UInt8](unsafeUninitializedCapacity: total) { buffer, initialized in
      let whole = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<total])
      func part(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: whole[range])
      }
      whole.copyBytes(from: clear.bytes)
      let nonce = part(Segment.nonceStart..<Segment.bodyStart)
      entropy.fill(nonce)
      let plain = part(Segment.bodyStart..<(Segment.bodyStart + padded))
      plain.copyBytes(from: body)
      Padme.pad(plain, body: body.count)
      key.segmentKey.encrypt(
        inPlace: part(Segment.bodyStart..<signed), count: padded,
        associatedData: UnsafeRawBufferPointer(part(0..<SegmentHeader.byteCount)),
        nonce: UnsafeRawBufferPointer(nonce))
      if Sabotage.sealWithoutEncrypting.isPlanted {
        plain.copyBytes(from: body)
        Padme.pad(plain, body: body.count)
      }
      hash = Digest.of(UnsafeRawBufferPointer(part(0..<signed)), domain: Segment.domain)
      let signature = device.signing.sign(hash, domain: Segment.domain)
      signature.withUnsafeBytes { part(signed..<total).copyMemory(from: $0) }
      initialized = total
    }
    return Segment(trusted: bytes, header, hash)
  }
}
