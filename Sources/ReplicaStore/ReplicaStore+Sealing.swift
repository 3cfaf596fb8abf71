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
    let others: PrivateChanges
    do throws(StoreError) {
      others = try privateChanges()
    } catch {
      // Where those before cannot be read, writing goes on and sealing waits.
      guard case .damaged = error else { throw error }
      return false
    }
    guard others.count == 0, !others.isSuspect, changes.count <= Self.segmentChangesAim,
      ChangeBlock.fits(changes), let first = changes.first?.id.sequence,
      let last = changes.last?.id.sequence
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
      let (changes, byteCount, isLoose) = try unsealedChanges(from: next)
      sealedBytes += byteCount
      if isLoose { loose.add(changes: changes.count, bytes: byteCount) }
      for change in changes {
        if run.isFull(with: change, bytes: byteCount / changes.count) {
          sealed.append(try seal(run, with: sealer))
          run = SegmentRun()
        }
        run.append(change, bytes: byteCount / changes.count)
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

  /// The changes of a row, which begins with this one, about how many bytes they take, and whether
  /// they lie as they were committed.
  private func unsealedChanges(
    from sequence: UInt64
  ) throws(StoreError) -> (changes: [Change], byteCount: Int, isLoose: Bool) {
    let block = try sql { () throws(SQLiteError) in
      try connection.queryBlob(
        "SELECT block FROM unsealed WHERE first_sequence = ?", try SQLiteValue(counter: sequence))
    }
    guard let block else { throw .damaged("own change \(sequence) is missing") }
    do throws(ByteDecodingError) {
      return try opened(block, from: sequence)
    } catch {
      if let found = try remakeUnsealed(block, from: sequence) { return found }
      throw .damaged("a block of own changes is unreadable (\(error))")
    }
  }

  private func opened(
    _ block: [UInt8], from sequence: UInt64
  ) throws(ByteDecodingError) -> (changes: [Change], byteCount: Int, isLoose: Bool) {
    let (changes, byteCount) = try KeptBlock.open(block, in: language)
    guard changes.first?.id == ChangeID(origin: identity.origin, sequence: sequence) else {
      throw ByteDecodingError(.invalidValue, "first own change")
    }
    return (changes, byteCount, block.first != KeptBlock.packedVersion)
  }

  /// Own changes of one document lie in its tail as well, byte for byte, until that is folded: what
  /// has rotted in the one place is taken from the other. Within a transaction for writing.
  ///
  /// Complexity: O(runs of the order, and tails of all documents).
  private func remakeUnsealed(
    _ rotten: [UInt8], from sequence: UInt64
  ) throws(StoreError) -> (changes: [Change], byteCount: Int, isLoose: Bool)? {
    let first = SQLiteValue(clampedCounter: sequence)
    let last = try sql { () throws(SQLiteError) in
      try connection.queryInteger(
        "SELECT last_sequence FROM unsealed WHERE first_sequence = ?", first)
    }
    guard let last = last.flatMap({ UInt64(exactly: $0) }),
      let position = try feedPosition(of: ChangeID(origin: identity.origin, sequence: last))
    else { return nil }
    let whole: [UInt8]?
    if rotten.first == KeptBlock.listVersion {
      // Each block of it is in the tail of its document.
      let count = Int64(clamping: last &- sequence)
      let list = KeptBlock.list(try tailBlocks(from: position &- count, through: position))
      whole = list.count == rotten.count ? list : nil
    } else {
      // What lies there in parts does not hold the changes as they were made: by their checksum, or
      // but for it, the two have to be the same.
      whole = try tailBlocks(from: position, through: position).first { block in
        block.count == rotten.count
          && (block.suffix(4) == rotten.suffix(4) || block.dropLast(4) == rotten.dropLast(4))
      }
    }
    guard let whole, let found = try? opened(whole, from: sequence),
      found.changes.last?.id.sequence == last
    else { return nil }
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "UPDATE unsealed SET block = ? WHERE first_sequence = ?", .blob(whole), first)
    }
    try noteMended(["Own changes that nobody else had have rotted, and were in their document."])
    return found
  }

  private func tailBlocks(
    from first: Int64, through last: Int64
  ) throws(StoreError) -> [[UInt8]] {
    try sql { () throws(SQLiteError) in
      var blocks: [[UInt8]] = []
      var rows = try connection.query(
        """
        SELECT t.block FROM document_tail AS t JOIN document AS d
        ON d.id = t.id >> \(DocumentTail.rowBits)
        WHERE t.position BETWEEN ? AND ? ORDER BY t.position, d.document
        """, .integer(first), .integer(last))
      while try rows.next() { blocks.append(try rows.blob(0)) }
      return blocks
    }
  }
}
