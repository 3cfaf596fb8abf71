import Causality
import SQLiteBridge

/// In which order a file of an earlier format has applied its changes is not known any more. They
/// get the order of the log, which is one in which they could have been applied: by Lamport time,
/// then by origin.
struct FeedReconstruction {
  /// Changes of one origin whose Lamport times follow one another.
  private struct Stretch {
    var sequence: UInt64
    var lamport: UInt64
    var count: UInt64
  }

  private struct Lane {
    let row: Int64
    let origin: Origin
    /// The next one last.
    var stretches: [Stretch]

    var stamp: (UInt64, Origin)? { stretches.last.map { ($0.lamport, origin) } }
  }

  private var lanes: [Lane]

  /// Of a file whose rows have no checksums.
  ///
  /// - Throws: `.damaged` where they speak of other changes than were applied, of which there might
  ///   be any number.
  init(_ connection: SQLiteConnection) throws(SQLiteError) {
    lanes = []
    let sums = try connection.first("SELECT total(applied), max(position) FROM applied_origin") {
      (row) throws(SQLiteError) in
      (try row.real(0), Double(try row.optionalInteger(1) ?? 0))
    }
    guard let sums, sums.0 == sums.1 else {
      throw SQLiteError(
        code: .damaged,
        message: "what is applied of each origin does not add up to the changes that were applied")
    }
    var rows = try connection.query(
      "SELECT id, origin, applied FROM applied_origin ORDER BY origin")
    while try rows.next() {
      let row = try rows.integer(0)
      let origin = try ReplicaStore.origin(1, of: rows)
      let through = try rows.counter(2)
      var steps = try connection.query(
        "SELECT sequence, lamport FROM lamport_step WHERE origin = ? ORDER BY sequence",
        .integer(row))
      var starts: [(sequence: UInt64, lamport: UInt64)] = []
      while try steps.next() { starts.append((try steps.counter(0), try steps.counter(1))) }
      lanes.append(
        Lane(row: row, origin: origin, stretches: Self.stretches(starts, behind: 0, through)))
    }
  }

  /// Of the changes behind what had been reached of each origin, by its row.
  init(
    of origins: [AppliedOrigin], behind reached: [Int64: UInt64], _ connection: SQLiteConnection
  ) throws(SQLiteError) {
    lanes = []
    for row in origins.sorted(by: { $0.origin < $1.origin }) {
      var steps = try connection.query(
        "SELECT \(LamportStep.columns) FROM lamport_step WHERE origin = ? ORDER BY sequence",
        .integer(row.id))
      var starts: [(sequence: UInt64, lamport: UInt64)] = []
      while try steps.next() {
        let step = try LamportStep(steps)
        starts.append((step.sequence, step.lamport))
      }
      lanes.append(
        Lane(
          row: row.id, origin: row.origin,
          stretches: Self.stretches(starts, behind: reached[row.id] ?? 0, row.applied)))
    }
  }

  /// - Returns: the next one last.
  private static func stretches(
    _ steps: [(sequence: UInt64, lamport: UInt64)], behind first: UInt64, _ last: UInt64
  ) -> [Stretch] {
    // Without a step the Lamport time is the sequence number.
    let starts = steps.first?.sequence == 1 ? steps : [(1, 1)] + steps
    var stretches: [Stretch] = []
    var end = last
    for start in starts.reversed() where start.sequence <= end && start.sequence > 0 {
      guard end > first else { break }
      let skipped = first >= start.sequence ? first - start.sequence + 1 : 0
      stretches.append(
        Stretch(
          sequence: start.sequence + skipped, lamport: start.lamport &+ skipped,
          count: end - start.sequence + 1 - skipped))
      end = start.sequence - 1
    }
    return stretches
  }

  /// Writes the runs, without checksums.
  mutating func write(to connection: SQLiteConnection) throws(SQLiteError) {
    for run in runs(from: 1) {
      try connection.execute(
        "INSERT INTO feed_run VALUES (?, ?, ?)", .integer(run.position), .integer(run.origin),
        try SQLiteValue(counter: run.firstSequence))
    }
  }

  /// The runs that begin at a position.
  ///
  /// Complexity: O(runs × origins), and O(steps of Lamport times).
  mutating func runs(from start: Int64) -> [StoredRun] {
    var runs: [StoredRun] = []
    var position = start
    while let (index, limit) = next() {
      guard let stretch = lanes[index].stretches.popLast() else { break }
      let row = lanes[index].row
      if row != runs.last?.origin {
        runs.append(
          StoredRun(position: position, origin: row, firstSequence: stretch.sequence))
      }
      // Up to the next change of another origin.
      var count = stretch.count
      if let limit {
        let isFirst = lanes[index].origin < limit.origin
        count = min(count, limit.lamport - stretch.lamport + (isFirst ? 1 : 0))
      }
      count = max(1, count)
      // Of a file that has rotted the numbers may not go together.
      position = position &+ Int64(clamping: count)
      guard count < stretch.count else { continue }
      lanes[index].stretches.append(
        Stretch(
          sequence: stretch.sequence + count, lamport: stretch.lamport &+ count,
          count: stretch.count - count))
    }
    return runs
  }

  /// The lane whose turn it is, and the first stamp of all others.
  private func next() -> (index: Int, limit: (lamport: UInt64, origin: Origin)?)? {
    var best: (index: Int, stamp: (UInt64, Origin))?
    var second: (UInt64, Origin)?
    for (index, lane) in lanes.enumerated() {
      guard let stamp = lane.stamp else { continue }
      if let held = best, held.stamp < stamp {
        if second.map({ stamp < $0 }) ?? true { second = stamp }
      } else {
        if let held = best { second = held.stamp }
        best = (index, stamp)
      }
    }
    return best.map { ($0.index, second.map { (lamport: $0.0, origin: $0.1) }) }
  }
}
