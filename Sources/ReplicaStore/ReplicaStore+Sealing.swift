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
  private static let segmentBytesAim = 512 << 10
  private static let segmentChangesAim = 2_000

  /// Seals all own changes that are not sealed yet, and stores the segments. From here on others
  /// may have them. Those that were taken over with a copied file get new names first, so ask
  /// somebody before whether they are known, see ``hasInherited()``.
  ///
  /// - Returns: the segments, in order; none when there is nothing to seal.
  package func seal(entropy: Entropy) throws(StoreError) -> [Segment] {
    // Looking first spares idle stores the write lock.
    guard try unsealedCount() > 0 else { return [] }
    return try write { () throws(StoreError) in
      guard try prepareToSeal(entropy: entropy) else { return [] }
      return try sealUnsealed(entropy: entropy)
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
    let others = try privateChanges()
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

  func sealUnsealed(entropy: Entropy) throws(StoreError) -> [Segment] {
    let sealer = sealer(entropy)
    var sealed: [Segment] = []
    while try privateChanges().unsealed != nil {
      let run = try nextUnsealedRun()
      guard let first = run.first, let last = run.last else { return sealed }
      let segment = try seal(
        ChangeBlock.encode(run), first.id.sequence...last.id.sequence, with: sealer)
      sealed.append(segment)
      try sql { () throws(SQLiteError) in
        try connection.execute(
          "DELETE FROM unsealed WHERE last_sequence <= ?",
          try SQLiteValue(counter: last.id.sequence))
      }
      knownPrivateChanges?.seal(through: last.id.sequence)
    }
    return sealed
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

  /// The changes for one segment: whole rows, as many as it should hold and at least one.
  private func nextUnsealedRun() throws(StoreError) -> [Change] {
    var changes: [Change] = []
    do {
      var bytes = 0
      var operations = 0
      var rows = try connection.query("SELECT block FROM unsealed ORDER BY first_sequence")
      while try rows.next() {
        let block = try rows.blob(0)
        let more = try ChangeBlock.decode(block, in: language)
        bytes += block.count
        for change in more { operations += ChangeBlock.weight(of: change) }
        let isFull =
          bytes > Self.segmentBytesAim || operations > ChangeBlock.operationCountMax
          || changes.count + more.count > Self.segmentChangesAim
        if !changes.isEmpty, isFull { break }
        changes += more
      }
    } catch let error as SQLiteError {
      throw StoreError(error)
    } catch {
      throw .damaged("a block of own changes is unreadable (\(error))")
    }
    return changes
  }
}
