import Causality
import Documents
import SQLiteBridge

// The order in which changes were applied here. It is kept in runs: a row says from which position
// on the changes of one origin stand one after the other, so whoever writes alone adds no row, and
// a batch of somebody else's adds one.

/// Consecutive positions that hold consecutive changes of one origin.
struct FeedRun: Equatable {
  let position: Int64
  /// The row of the origin in `applied_origin`.
  let originRow: Int64
  let origin: Origin
  let firstSequence: UInt64
  /// The last position of the run.
  var end: Int64

  var lastSequence: UInt64 { sequence(at: end) }

  func sequence(at position: Int64) -> UInt64 {
    firstSequence &+ UInt64(clamping: position &- self.position)
  }

  func change(at position: Int64) -> ChangeID {
    ChangeID(origin: origin, sequence: sequence(at: position))
  }
}

extension ReplicaStore {
  /// Notes at which position a change was applied. Writes nothing when the change before was one of
  /// the same origin.
  func noteRun(of change: ChangeID, in originRow: Int64) throws(StoreError) {
    if let last = state.lastRun, last.origin == originRow,
      last.lastSequence(through: state.position) == change.sequence
    {
      return
    }
    try sql { () throws(SQLiteError) in
      try insertRun(at: state.position, originRow, change.sequence)
    }
    state.lastRun = StoredRun(
      position: state.position, origin: originRow, firstSequence: change.sequence)
  }

  /// The runs from the one that holds a position on, at most `limit`. Complexity: O(result).
  func feedRuns(from position: Int64, limit: Int = .max) throws(StoreError) -> [FeedRun] {
    try sql { () throws(SQLiteError) in
      var runs: [FeedRun] = []
      var rows = try connection.query(
        """
        SELECT r.position, r.origin, o.origin, r.first_sequence, r.checksum
        FROM feed_run AS r JOIN applied_origin AS o ON o.id = r.origin
        WHERE r.position >= coalesce(
          (SELECT position FROM feed_run WHERE position <= ? ORDER BY position DESC LIMIT 1), 0)
        ORDER BY r.position LIMIT ?
        """, .integer(position), SQLiteValue(Int64(clamping: limit).addingOne))
      while try rows.next() {
        let start = try rows.integer(0)
        if !runs.isEmpty { runs[runs.count - 1].end = start - 1 }
        if runs.count == limit { return runs }
        let row = StoredRun(
          position: start, origin: try rows.integer(1), firstSequence: try rows.counter(3))
        guard row.checksum == (try rows.integer(4)) else { throw Self.rottenRun(start) }
        runs.append(
          FeedRun(
            position: start, originRow: try rows.integer(1), origin: try Self.origin(2, of: rows),
            firstSequence: try rows.counter(3), end: state.position))
      }
      return runs
    }
  }

  private static func rottenRun(_ position: Int64) -> SQLiteError {
    SQLiteError(
      code: .damaged,
      message: "the order in which changes were applied has rotted at position \(position), which "
        + "'doctor --repair' makes anew")
  }

  /// Gives changes their new names in the order in which they were applied: each keeps its
  /// position.
  ///
  /// Complexity: O(runs since the first of them).
  ///
  /// - Parameter changes: the last ones of their origins, in the order in which they were applied.
  func renameRuns(of changes: [Change], _ renaming: Renaming) throws(StoreError) {
    guard let target = changes.first.map({ renaming[$0.id].origin }) else { return }
    var firsts: [Origin: UInt64] = [:]
    for change in changes {
      firsts[change.id.origin] = min(firsts[change.id.origin] ?? .max, change.id.sequence)
    }
    let targetRow = try originRow(target).id
    var left = changes.count
    var before = state.position
    while left > 0, before > 0, let run = try feedRuns(from: before, limit: 1).first {
      let end = before
      before = run.position - 1
      guard let first = firsts[run.origin], run.sequence(at: end) >= first else { continue }
      let start = max(first, run.firstSequence)
      let position = run.position + Int64(clamping: start - run.firstSequence)
      left -= Int(clamping: end - position + 1)
      let name = renaming[ChangeID(origin: run.origin, sequence: start)]
      try sql { () throws(SQLiteError) in
        try insertRun(at: position, targetRow, name.sequence, isRenaming: true)
      }
    }
    try readLastRun()
  }

  /// Gives the changes of an origin from one on the names of another, whose numbers begin there.
  /// Each keeps its position.
  ///
  /// Complexity: O(runs).
  func renameRuns(
    of origin: Origin, from first: UInt64, to target: Origin
  ) throws(StoreError) {
    let targetRow = try originRow(target).id
    for run in try feedRuns(from: 1) where run.origin == origin && run.lastSequence >= first {
      let start = max(first, run.firstSequence)
      let position = run.position + Int64(clamping: start - run.firstSequence)
      try sql { () throws(SQLiteError) in
        try insertRun(at: position, targetRow, start - first + 1, isRenaming: true)
      }
    }
    try readLastRun()
  }

  /// The position at which a change was applied, the last one where it was more than once; nil when
  /// the feed does not know it.
  ///
  /// Complexity: O(runs).
  func feedPosition(of change: ChangeID) throws(StoreError) -> Int64? {
    let run = try feedRuns(from: 1).last {
      $0.origin == change.origin && $0.firstSequence <= change.sequence
        && change.sequence <= $0.lastSequence
    }
    return run.map { $0.position + Int64(clamping: change.sequence - $0.firstSequence) }
  }

  private func readLastRun() throws(StoreError) {
    state.lastRun = try sql { () throws(SQLiteError) in try StoredRun.last(in: connection) }
  }
}

extension Int64 {
  /// One more, as long as there is one.
  fileprivate var addingOne: Int64 { self == .max ? self : self + 1 }
}
