package import Causality
import ChangeCoding
package import Documents
import SQLiteBridge
import SegmentStore
import Segments

/// A change as the log shows it.
package struct LoggedChange: Hashable, Sendable {
  package let id: ChangeID
  package let lamport: UInt64
  /// The author's wall clock.
  package let time: Timestamp
  /// Of the change alone, encoded.
  package let byteCount: Int
  /// Sorted.
  package let documents: [DocumentID]
  /// Whether a segment holds it: own changes wait a little for others to be sealed with.
  package let isSealed: Bool
}

extension ReplicaStore {
  /// The applied changes, newest first: by Lamport time, then by origin, which is the same order on
  /// every replica, as far as they are held: it ends where segments were dropped. Of each origin
  /// only a few segments are in memory at a time.
  ///
  /// - Parameters:
  ///   - document: only changes that edit it.
  ///   - body: returns false to end the log.
  /// - Throws: what `body` throws, and ``StoreError``.
  package func log(
    document: DocumentID? = nil, _ body: (LoggedChange) throws -> Bool
  ) throws {
    try changes { change, isSealed in
      guard document == nil || change.edits.contains(where: { $0.document == document }) else {
        return true
      }
      return try body(
        LoggedChange(
          id: change.id, lamport: change.lamport, time: change.time,
          byteCount: ChangeBlock.encode([change]).count, documents: change.edits.map(\.document),
          isSealed: isSealed))
    }
  }

  /// The applied changes with all that is in them, in the order of ``log(document:_:)``.
  package func changes(_ body: (_ change: Change, _ isSealed: Bool) throws -> Bool) throws {
    try read {
      let floor = try segmentFloor()
      var cursors = state.applied.entries.map {
        BackwardCursor(origin: $0.origin, floor: floor[$0.origin], through: $0.sequence)
      }
      for index in cursors.indices { try load(&cursors[index]) }
      while let index = newest(in: cursors), let change = cursors[index].changes.popLast() {
        let isSealed = cursors[index].isSealed
        if cursors[index].changes.isEmpty { try load(&cursors[index]) }
        guard try body(change, isSealed) else { return }
      }
    }
  }

  /// The changes of one origin, from the last one backwards.
  private struct BackwardCursor {
    let origin: Origin
    /// The last change that is not held any more.
    let floor: UInt64
    /// The last change that is not loaded yet.
    var through: UInt64
    var changes: [Change] = []
    var isSealed = true
    /// The segments before, the first of them first, and how many are to be read at once: more for
    /// whoever goes far back.
    var ahead: [StoredSegment] = []
    var aheadCount = 0

    static let aheadCountMax = 64
    static let aheadBytesMax = 64 << 10
  }

  private func newest(in cursors: [BackwardCursor]) -> Int? {
    var found: (index: Int, stamp: Stamp)?
    for (index, cursor) in cursors.enumerated() {
      guard let last = cursor.changes.last else { continue }
      let stamp = Stamp(lamport: last.lamport, origin: last.id.origin)
      if found.map({ $0.stamp < stamp }) ?? true { found = (index, stamp) }
    }
    return found?.index
  }

  private func load(_ cursor: inout BackwardCursor) throws {
    guard cursor.through > cursor.floor else { return }
    let id = ChangeID(origin: cursor.origin, sequence: cursor.through)
    let hasPrivate = try privateChanges().count > 0
    let block: [UInt8]? = try sql { () throws(SQLiteError) in
      guard hasPrivate else { return nil }
      let sequence = SQLiteValue(clampedCounter: cursor.through)
      if cursor.origin == identity.origin,
        let block = try connection.queryBlob(
          "SELECT block FROM unsealed WHERE first_sequence <= ? AND last_sequence >= ?", sequence,
          sequence)
      {
        return block
      }
      return try connection.queryBlob(
        """
        SELECT block FROM inherited
        WHERE origin = ? AND first_sequence <= ? AND last_sequence >= ?
        """, .blob(cursor.origin.bytes), sequence, sequence)
    }
    var changes =
      if let block {
        try KeptBlock.open(block, in: language).changes
      } else {
        try open(segment(with: id, &cursor))
      }
    cursor.isSealed = block == nil
    while let last = changes.last, last.id.sequence > cursor.through { changes.removeLast() }
    guard let first = changes.first else {
      throw StoreError.damaged("change \(id) is missing")
    }
    cursor.changes = changes
    cursor.through = first.id.sequence - 1
  }

  /// The segment that holds a change; those before it are read ahead.
  private func segment(
    with change: ChangeID, _ cursor: inout BackwardCursor
  ) throws(StoreError) -> Segment {
    if let next = cursor.ahead.popLast(), next.lastSequence == change.sequence {
      return try parsed(next)
    }
    let segment = try storedSegment(with: change)
    let first = segment.firstChange
    let count = cursor.aheadCount
    cursor.ahead = try stored { () throws(SegmentStoreError) in
      try segments.segments(
        before: first, limitBytes: BackwardCursor.aheadBytesMax, limitCount: count)
    }.reversed()
    cursor.aheadCount = min(max(4, count * 4), BackwardCursor.aheadCountMax)
    return segment
  }
}
