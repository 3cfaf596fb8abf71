import ByteCoding
import Causality
import ChangeCoding
import Documents
import SQLiteBridge

// What `doctor` looks at, and `--repair` makes anew, of the rows that count. Opening looks at what
// every commit counts on; the rest is looked at where it is read.
extension ReplicaStore {
  /// - Returns: what is wrong, in sentences; empty when nothing is.
  /// - Complexity: O(origins, steps of Lamport times, turns, and bytes of own changes that are not
  ///   sealed).
  func checkCounters() throws(StoreError) -> [String] {
    var findings = state.mended
    let order = try sql { () throws(SQLiteError) in try counterMending().firstLostPosition() }
    if let order {
      findings.append(
        "The order in which changes were applied has rotted from position \(order) on; it can be "
          + "made anew: run doctor with --repair.")
    }
    for origin in try originsWithRottenSteps() {
      findings.append(
        "The Lamport times of \(origin.origin) have rotted; they can be made anew from its changes "
          + "where all of them are here: run doctor with --repair.")
    }
    let rotten = try rottenFloors()
    if rotten > 0 {
      findings.append(
        "\(rotten) of the versions at which documents were folded have rotted; the next replica "
          + "that has the documents gives them again when you sync.")
    }
    let strays = try sql { () throws(SQLiteError) in
      try connection.queryInteger(
        """
        SELECT count(*) FROM document_tail
        WHERE id >> \(DocumentTail.rowBits) NOT IN (SELECT id FROM document)
        """) ?? 0
    }
    if strays > 0 {
      findings.append("\(strays) edits are filed under documents that are not there.")
    }
    return findings + (try checkUnsealed())
  }

  /// Makes anew what ``checkCounters()`` finds and can be. Noted for people as it is done.
  func repairCounters() throws(StoreError) {
    try write { () throws(StoreError) in
      let mending = try sql { () throws(SQLiteError) in try counterMending() }
      if try sql({ () throws(SQLiteError) in try mending.firstLostPosition() }) != nil {
        state = try mending.mended()
        try writeMendedCounters()
      }
      do throws(StoreError) {
        try mendUnsealed()
      } catch {
        guard case .damaged = error else { throw error }
      }
      for row in try originsWithRottenSteps() {
        do throws(StoreError) {
          try remakeSteps(
            of: row.origin, row.id, because: .damaged("the Lamport times of \(row.origin)"))
        } catch {
          guard case .damaged = error else { throw error }
        }
      }
    }
  }

  private func counterMending() throws(SQLiteError) -> CounterMending {
    CounterMending(try CounterTables(connection, own: nil), connection)
  }

  private func originsWithRottenSteps() throws(StoreError) -> [AppliedOrigin] {
    try sql { () throws(SQLiteError) in
      var rotten: Set<Int64> = []
      var rows = try connection.query(
        "SELECT \(LamportStep.columns) FROM lamport_step ORDER BY origin, sequence")
      while try rows.next() {
        let row = try rows.integer(0)
        if (try? LamportStep(rows)) == nil { rotten.insert(row) }
      }
      return state.origins.filter { rotten.contains($0.id) }
    }
  }

  private func rottenFloors() throws(StoreError) -> Int {
    try sql { () throws(SQLiteError) in
      var count = 0
      var rows = try connection.query("SELECT vector, checksum FROM floor")
      while try rows.next() {
        if Int64(CRC32C.checksum(try rows.blob(0))) != (try rows.integer(1)) { count += 1 }
      }
      return count
    }
  }

  /// Own changes that no segment holds: nobody else can give them again.
  private func checkUnsealed() throws(StoreError) -> [String] {
    do {
      var next: UInt64?
      var rows = try connection.query(
        "SELECT \(UnsealedRange.columns), block FROM unsealed ORDER BY first_sequence")
      while try rows.next() {
        let range = try UnsealedRange(rows)
        let changes = try KeptBlock.open(try rows.blob(3), in: language).changes
        guard range.first == next ?? range.first, changes.first?.id.sequence == range.first,
          changes.last?.id.sequence == range.last,
          UInt64(changes.count) == range.last &- range.first &+ 1
        else { return ["Own changes from \(range.first) on are filed wrongly."] }
        next = range.last &+ 1
      }
      if let next, next != state.applied[identity.origin] &+ 1 {
        return ["Own changes from \(next) on are counted and missing."]
      }
      return []
    } catch let error as SQLiteError where error.code != .unexpectedValue {
      throw StoreError(error)
    } catch {
      return ["Own changes that nobody else has are damaged (\(error))."]
    }
  }
}
