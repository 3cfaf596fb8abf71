import Causality
import SQLiteBridge

/// Makes again what has rotted of the tables that count, from those that have not.
///
/// The order in which changes were applied says how far each origin is, but for the last turn, of
/// which the documents know the end; the steps of Lamport times say the Lamport time of any change.
/// The other way round, how far each origin is and the Lamport times say an order in which all
/// could have been applied. Where both have rotted, the file does not say how far it is.
struct CounterMending {
  private let tables: CounterTables
  private let connection: SQLiteConnection

  init(_ tables: CounterTables, _ connection: SQLiteConnection) {
    (self.tables, self.connection) = (tables, connection)
  }

  /// - Complexity: O(turns that origins took).
  func mended() throws(StoreError) -> StoreState {
    do throws(SQLiteError) {
      guard !tables.hasTakenBack else { throw Self.contradiction }
      let (runs, rotten) = try readRuns()
      if let rotten { return try stateWithNewOrder(behind: runs, at: rotten) }
      guard tables.areOriginsSound else { return try stateByOrder(runs) }
      // It is the end of the order that is not there.
      let (rest, position) = lost(runs)
      return try stateWithNewOrder(behind: rest, at: position)
    } catch {
      throw StoreError(error)
    }
  }

  /// From where on the order is lost; nil where it is not.
  func firstLostPosition() throws(SQLiteError) -> Int64? {
    tables.hasTakenBack ? nil : try readRuns().rotten
  }

  // MARK: Origins, by the order

  private func stateByOrder(_ runs: [StoredRun]) throws(SQLiteError) -> StoreState {
    let end = try self.end(of: runs)
    var ends: [Int64: (applied: UInt64, position: Int64)] = [:]
    for (place, run) in runs.enumerated() {
      let last = place + 1 < runs.count ? runs[place + 1].position &- 1 : end
      guard last >= run.position, run.firstSequence == (ends[run.origin]?.applied ?? 0) &+ 1 else {
        throw Self.contradiction
      }
      ends[run.origin] = (run.lastSequence(through: last), last)
    }
    var origins = tables.origins
    // A row that matches its checksum and says something else is of another time than the order.
    guard origins.allSatisfy({ $0.applied == ends[$0.id]?.applied ?? 0 }) else {
      throw Self.contradiction
    }
    let lacking = ends.keys.sorted().filter { id in !origins.contains { $0.id == id } }
    let names = try names(of: lacking, beside: origins)
    var sentences: [String] = []
    for (id, name) in zip(lacking, names) {
      guard let end = ends[id] else { continue }
      let step = try lastStep(of: id, atMost: end.applied)
      let lamport =
        step.map { $0.lamport &+ (end.applied &- $0.sequence) } ?? end.applied
      // It may be that others build on it: naming it once more says nothing wrong.
      let row = StoreState.Row(id: id, lamport: lamport, position: end.position)
      origins.append(AppliedOrigin(row, name, applied: end.applied, isHead: true))
      sentences.append(
        "What is applied of \(name) had rotted in the file and was counted anew: "
          + "\(end.applied) changes.")
    }
    if sentences.isEmpty {
      // Of an origin of which nothing was applied.
      sentences.append("An origin that nothing is applied of had rotted in the file.")
    }
    origins.sort { $0.origin < $1.origin }
    var state = StoreState(origins, lastRun: runs.last, ownInFile: nil)
    guard state.position == end else { throw Self.contradiction }
    state.mended = sentences
    return state
  }

  /// The position of the last change.
  private func end(of runs: [StoredRun]) throws(SQLiteError) -> Int64 {
    guard let last = runs.last else { return 0 }
    if let row = tables.origins.first(where: { $0.id == last.origin }) { return row.position }
    // Every change edits a document, which knows the position of its last one.
    let known = try connection.queryInteger(
      """
      SELECT max(
        coalesce((SELECT max(position) FROM document_tail), 0),
        coalesce((SELECT max(position) FROM document), 0))
      """)
    return known ?? 0
  }

  /// Whose rows they are: of whom segments are stored or own changes kept, and no other row is.
  private func names(
    of rows: [Int64], beside known: [AppliedOrigin]
  ) throws(SQLiteError) -> [Origin] {
    guard !rows.isEmpty else { return [] }
    let taken = Set(known.map(\.origin))
    var candidates: Set<Origin> = []
    if let own = tables.own, !taken.contains(own) { candidates.insert(own) }
    var found = try connection.query(
      "SELECT origin FROM segment_origin UNION SELECT origin FROM inherited")
    while try found.next() {
      let origin = try ReplicaStore.origin(0, of: found)
      if !taken.contains(origin) { candidates.insert(origin) }
    }
    var names: [Origin?] = rows.map { row in
      let read = tables.rotten.first { $0.id == row }?.origin
      guard let read, candidates.contains(read) else { return nil }
      candidates.remove(read)
      return read
    }
    let left = names.indices.filter { names[$0] == nil }
    if left.count == 1, candidates.count == 1 { names[left[0]] = candidates.first }
    let sure = names.compactMap { $0 }
    guard sure.count == rows.count else { throw Self.contradiction }
    return sure
  }

  private func lastStep(
    of row: Int64, atMost sequence: UInt64
  ) throws(SQLiteError) -> LamportStep? {
    try connection.first(
      """
      SELECT \(LamportStep.columns) FROM lamport_step WHERE origin = ? AND sequence <= ?
      ORDER BY sequence DESC LIMIT 1
      """, .integer(row), SQLiteValue(clampedCounter: sequence)
    ) { (row) throws(SQLiteError) in try LamportStep(row) }
  }

  // MARK: The order, by origins

  /// - Returns: the runs up to the first that has rotted, and where the order is lost; nil when it
  ///   is not.
  private func readRuns() throws(SQLiteError) -> (runs: [StoredRun], rotten: Int64?) {
    var runs: [StoredRun] = []
    var next: [Int64: UInt64] = [:]
    var rows = try connection.query("SELECT \(StoredRun.columns) FROM feed_run ORDER BY position")
    while try rows.next() {
      let run: StoredRun
      do throws(SQLiteError) {
        run = try StoredRun(rows)
      } catch {
        guard error.code == .unexpectedValue else { throw error }
        return lost(runs)
      }
      if let last = runs.last {
        // What lies between has to be what follows of its origin.
        guard run.position > last.position else { return lost(runs) }
        next[last.origin] = last.lastSequence(through: run.position)
      } else if run.position != 1 {
        return lost(runs)
      }
      guard run.firstSequence == next[run.origin] ?? 1 else { return lost(runs) }
      runs.append(run)
    }
    if let last = runs.last, let row = tables.origins.first(where: { $0.id == last.origin }),
      row.position < last.position || row.applied != last.lastSequence(through: row.position)
    {
      return lost(runs)
    }
    return (runs, nil)
  }

  /// How long the last run that was read is only the next one would say.
  private func lost(_ runs: [StoredRun]) -> (runs: [StoredRun], rotten: Int64) {
    (runs.dropLast(), runs.last?.position ?? 1)
  }

  private func stateWithNewOrder(
    behind runs: [StoredRun], at position: Int64
  ) throws(SQLiteError) -> StoreState {
    guard tables.rotten.isEmpty else { throw Self.contradiction }
    // How far each origin was at the position.
    var reached: [Int64: UInt64] = [:]
    for (place, run) in runs.enumerated() {
      let last = (place + 1 < runs.count ? runs[place + 1].position : position) &- 1
      reached[run.origin] = run.lastSequence(through: last)
    }
    var order = try FeedReconstruction(of: tables.origins, behind: reached, connection)
    let fresh = order.runs(from: position)
    var origins = tables.origins
    var end = position &- 1
    for (place, run) in fresh.enumerated() {
      guard let index = origins.firstIndex(where: { $0.id == run.origin }) else { continue }
      guard origins[index].applied >= run.firstSequence else { throw Self.contradiction }
      let isLast = place + 1 == fresh.count
      let last =
        isLast
        ? run.position &+ Int64(clamping: origins[index].applied - run.firstSequence)
        : fresh[place + 1].position &- 1
      origins[index].position = last
      end = max(end, last)
    }
    let sum = origins.reduce(UInt64(0)) { $0 &+ $1.applied }
    guard sum == UInt64(clamping: end) else { throw Self.contradiction }
    var state = StoreState(origins, lastRun: fresh.last ?? runs.last, ownInFile: nil)
    state.mendedRuns = (position, fresh)
    state.mended = [
      "The order in which changes were applied here had rotted in the file from position "
        + "\(position) on and was made anew."
    ]
    return state
  }

  private static let contradiction = SQLiteError(
    code: .damaged,
    message: "what is applied of each origin and the order in which it was do not fit together")
}

extension ReplicaStore {
  /// Writes what was made again, and notes for people that it was. Within a transaction for
  /// writing.
  func writeMendedCounters() throws(StoreError) {
    guard !state.mended.isEmpty else { return }
    try sql { () throws(SQLiteError) in
      // Rows are named by others while they are replaced.
      try connection.execute("PRAGMA defer_foreign_keys = ON")
      try connection.execute("DELETE FROM applied_origin")
    }
    for row in state.origins {
      try sql { () throws(SQLiteError) in try row.insert(into: connection) }
      if row.origin == identity.origin { state.ownInFile = row }
    }
    if let (position, runs) = state.mendedRuns {
      try sql { () throws(SQLiteError) in
        try connection.execute("DELETE FROM feed_run WHERE position >= ?", .integer(position))
        for run in runs { try insertRun(at: run.position, run.origin, run.firstSequence) }
        // Whoever follows is told again rather than not at all.
        try connection.execute(
          "UPDATE feed_consumer SET position = ?1 WHERE position > ?1", .integer(position - 1))
      }
    }
    if let unsealed = state.mendedUnsealed {
      try sql { () throws(SQLiteError) in try unsealed.write(to: connection) }
      forgetPrivateChanges()
    }
    try noteMended(state.mended)
    state.mended = []
    state.mendedRuns = nil
    state.mendedUnsealed = nil
  }
}
