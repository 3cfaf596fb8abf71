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

  init(_ connection: SQLiteConnection) throws(SQLiteError) {
    lanes = []
    var rows = try connection.query(
      "SELECT id, origin, applied FROM applied_origin ORDER BY origin")
    while try rows.next() {
      let row = try rows.integer(0)
      lanes.append(
        Lane(
          row: row, origin: try ReplicaStore.origin(1, of: rows),
          stretches: try Self.stretches(of: row, through: try rows.counter(2), connection)))
    }
  }

  private static func stretches(
    of row: Int64, through last: UInt64, _ connection: SQLiteConnection
  ) throws(SQLiteError) -> [Stretch] {
    // Without a step the Lamport time is the sequence number.
    var starts: [(sequence: UInt64, lamport: UInt64)] = [(1, 1)]
    var rows = try connection.query(
      "SELECT sequence, lamport FROM lamport_step WHERE origin = ? ORDER BY sequence",
      .integer(row))
    while try rows.next() {
      let start = (sequence: try rows.counter(0), lamport: try rows.counter(1))
      if start.sequence == 1 { starts = [] }
      starts.append(start)
    }
    var stretches: [Stretch] = []
    var end = last
    for start in starts.reversed() where start.sequence <= end && start.sequence > 0 {
      stretches.append(
        Stretch(
          sequence: start.sequence, lamport: start.lamport, count: end - start.sequence + 1))
      end = start.sequence - 1
    }
    return stretches
  }

  /// Writes the runs.
  ///
  /// Complexity: O(runs × origins), and O(steps of Lamport times).
  mutating func write(to connection: SQLiteConnection) throws(SQLiteError) {
    var position: Int64 = 1
    var lastRow: Int64?
    while let (index, limit) = next() {
      guard let stretch = lanes[index].stretches.popLast() else { return }
      let row = lanes[index].row
      if row != lastRow {
        try connection.execute(
          "INSERT INTO feed_run VALUES (?, ?, ?)", .integer(position), .integer(row),
          try SQLiteValue(counter: stretch.sequence))
        lastRow = row
      }
      // Up to the next change of another origin.
      var count = stretch.count
      if let limit {
        let isFirst = lanes[index].origin < limit.origin
        count = min(count, limit.lamport - stretch.lamport + (isFirst ? 1 : 0))
      }
      count = max(1, count)
      position += Int64(clamping: count)
      guard count < stretch.count else { continue }
      lanes[index].stretches.append(
        Stretch(
          sequence: stretch.sequence + count, lamport: stretch.lamport &+ count,
          count: stretch.count - count))
    }
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
