import ByteCoding
import Causality
import ChangeCoding
import Documents
import SQLiteBridge
package import Sealing
import SegmentStore
package import Segments

extension ReplicaStore {
  /// Segments of changes that are small are filled up to about this.
  fileprivate static let segmentBytesAim = 128 << 10
  fileprivate static let segmentChangesAim = 2_000

  /// Seals all own changes that are not sealed yet, and stores the segments. From here on others
  /// may have them. Those that were taken over with a copied file get new names first, so ask
  /// somebody before whether they are known, see ``hasInherited()``.
  ///
  /// - Parameter limitBytes: about how many bytes of changes are sealed; the rest stays unsealed.
  /// - Returns: the segments, in order; none when there is nothing to seal.
  package func seal(
    entropy: Entropy, limitBytes: Int = .max
  ) throws(StoreError) -> [Segment] {
    // Looking first spares idle stores the write lock.
    guard try unsealedCount() > 0 else { return [] }
    return try write { () throws(StoreError) in
      guard try prepareToSeal(entropy: entropy) else { return [] }
      return try sealUnsealed(entropy: entropy, limitBytes: limitBytes)
    }
  }

  /// The segments that groups have sealed with what they committed, in order, each once.
  package func takeSealedAtOnce() -> [Segment] {
    defer { sealedAtOnce = [] }
    return sealedAtOnce
  }

  /// Seals changes that are being committed, in the same transaction, unless others have to be
  /// sealed before, or looked at.
  ///
  /// - Returns: whether it did.
  func sealAtOnce(
    _ changes: [Change], _ block: EncodedBlock, entropy: Entropy
  ) throws(StoreError) -> Bool {
    guard let others = try privateChangesToFollow(), others.count == 0, !others.isSuspect,
      changes.count <= Self.segmentChangesAim, ChangeBlock.fits(changes),
      let first = changes.first?.id.sequence,
      let last = changes.last?.id.sequence,
      // Where own changes are gone, sealing says so, and writing goes on.
      try chainEnd(of: identity.origin).sequence == first &- 1
    else { return false }
    sealedAtOnce.append(try seal(block.bytes, first...last, with: sealer(entropy)))
    return true
  }

  private func sealer(_ entropy: Entropy) -> SegmentSealer {
    SegmentSealer(
      workspace: identity.workspace, keyEpoch: identity.keyEpoch, key: identity.key,
      device: identity.device, entropy: entropy)
  }

  func sealUnsealed(
    entropy: Entropy, limitBytes: Int
  ) throws(StoreError) -> [Segment] {
    guard let range = try privateChanges().unsealed else { return [] }
    let sealer = sealer(entropy)
    var sealed: [Segment] = []
    var run = SegmentRun()
    var next = range.lowerBound
    var sealedBytes = 0
    var loose = PrivateChanges.Loose()
    // Rows are taken whole.
    while next <= range.upperBound, sealedBytes < limitBytes {
      let row = try unsealedChanges(from: next)
      sealedBytes += row.byteCount
      if row.isLoose { loose.add(changes: row.changes.count, bytes: row.byteCount) }
      let bytesOfEach = row.byteCount / row.changes.count
      for change in row.changes {
        if run.isFull(with: change, bytes: bytesOfEach) {
          sealed.append(try seal(run, with: sealer))
          run = SegmentRun()
        }
        run.append(change, bytes: bytesOfEach)
        next = change.id.sequence + 1
      }
    }
    sealed.append(try seal(run, with: sealer))
    try writeOwnOrigin()
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "DELETE FROM unsealed WHERE first_sequence < ?", try SQLiteValue(counter: next))
    }
    knownPrivateChanges?.seal(through: next - 1, loose: loose)
    return sealed
  }

  /// The changes for one segment.
  private struct SegmentRun {
    var changes: [Change] = []
    private var bytes = 0
    private var operations = 0

    func isFull(with change: Change, bytes more: Int) -> Bool {
      guard !changes.isEmpty else { return false }
      return bytes + more > ReplicaStore.segmentBytesAim
        || operations + ChangeBlock.weight(of: change) > ChangeBlock.operationCountMax
        || changes.count >= ReplicaStore.segmentChangesAim
    }

    mutating func append(_ change: Change, bytes more: Int) {
      changes.append(change)
      bytes += more
      operations += ChangeBlock.weight(of: change)
    }
  }

  private func seal(_ run: SegmentRun, with sealer: SegmentSealer) throws(StoreError) -> Segment {
    guard let first = run.changes.first?.id.sequence, let last = run.changes.last?.id.sequence
    else { throw .damaged("the unsealed changes are missing") }
    return try seal(ChangeBlock.encode(run.changes), first...last, with: sealer)
  }

  private func seal(
    _ block: [UInt8], _ sequences: ClosedRange<UInt64>, with sealer: SegmentSealer
  ) throws(StoreError) -> Segment {
    let origin = identity.origin
    let previous = try chainEnd(of: origin)
    guard previous.sequence == sequences.lowerBound - 1 else {
      throw .damaged(
        "the unsealed changes start at \(sequences.lowerBound) but the segments end at "
          + "\(previous.sequence)")
    }
    let segment: Segment
    do throws(SegmentError) {
      segment = try sealer.seal(
        block, origin: origin, sequences: sequences, after: previous.hash)
    } catch {
      throw .segment(error)
    }
    _ = try stored { () throws(SegmentStoreError) in try append(segment) }
    // Only from here on others can mean these changes when they name them.
    lanes.wake(by: origin, applied: sequences.upperBound)
    return segment
  }

  /// The changes of a row, which begins with this one.
  private func unsealedChanges(from sequence: UInt64) throws(StoreError) -> OpenedUnsealed {
    let block = try sql { () throws(SQLiteError) in
      try connection.queryBlob(
        "SELECT block FROM unsealed WHERE first_sequence = ?", try SQLiteValue(counter: sequence))
    }
    guard let block else { throw .damaged("own change \(sequence) is missing") }
    do throws(ByteDecodingError) {
      return try openUnsealed(block, from: sequence)
    } catch {
      if let found = try remakeUnsealed(block, from: sequence) { return found }
      throw .damaged("a block of own changes is unreadable (\(error))")
    }
  }
}
