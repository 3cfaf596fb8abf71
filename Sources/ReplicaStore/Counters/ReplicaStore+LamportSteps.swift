import Causality
import Documents
import SQLiteBridge

extension ReplicaStore {
  /// The last step of the Lamport times of an origin at or below a sequence; nil when there is
  /// none.
  func lamportStep(
    of row: Int64, atMost sequence: UInt64
  ) throws(StoreError) -> (sequence: UInt64, lamport: UInt64)? {
    do throws(StoreError) {
      return try storedStep(of: row, atMost: sequence)
    } catch {
      guard case .damaged = error, connection.isInTransaction, options.access != .read,
        let origin = state.origins.first(where: { $0.id == row })?.origin
      else { throw error }
      try remakeSteps(of: origin, row, because: error)
      return try storedStep(of: row, atMost: sequence)
    }
  }

  private func storedStep(
    of row: Int64, atMost sequence: UInt64
  ) throws(StoreError) -> (sequence: UInt64, lamport: UInt64)? {
    try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT \(LamportStep.columns) FROM lamport_step WHERE origin = ? AND sequence <= ?
        ORDER BY sequence DESC LIMIT 1
        """, .integer(row), SQLiteValue(clampedCounter: sequence)
      ) { (row) throws(SQLiteError) in
        let step = try LamportStep(row)
        return (step.sequence, step.lamport)
      }
    }
  }

  /// Makes the steps of an origin again from its changes, which say their Lamport times themselves.
  /// Within a transaction for writing.
  ///
  /// Complexity: O(changes of the origin).
  ///
  /// - Throws: `cause` when not all its changes are held here any more.
  func remakeSteps(
    of origin: Origin, _ row: Int64, because cause: StoreError
  ) throws(StoreError) {
    guard try segmentFloor()[origin] == 0 else { throw cause }
    var steps: [(sequence: UInt64, lamport: UInt64)] = []
    var (sequence, lamport): (UInt64, UInt64) = (0, 0)
    while sequence < state.applied[origin] {
      do {
        let next = ChangeID(origin: origin, sequence: sequence + 1)
        for change in try appliedBlock(with: next)
        where change.id.sequence == sequence + 1 && sequence < state.applied[origin] {
          sequence += 1
          if change.lamport != lamport &+ 1 { steps.append((sequence, change.lamport)) }
          lamport = change.lamport
        }
        guard sequence >= next.sequence else { throw cause }
      } catch {
        throw cause
      }
    }
    try sql { () throws(SQLiteError) in
      try connection.execute("DELETE FROM lamport_step WHERE origin = ?", .integer(row))
      for step in steps { try insertLamportStep(of: row, step.sequence, step.lamport) }
    }
    try noteMended(["The Lamport times of \(origin) had rotted in the file and were made anew."])
  }
}
