import ByteCoding
import Causality
import SQLiteBridge

/// Writes checksums into the rows of files that have none yet.
enum CounterChecksums {
  static func fill(_ connection: SQLiteConnection) throws(SQLiteError) {
    for table in ["applied_origin", "lamport_step", "feed_run", "unsealed", "floor"] {
      try connection.execute("ALTER TABLE \(table) ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0")
    }
    for row in try rows(
      "id, origin, applied, lamport, position, is_head", "applied_origin", connection,
      { (rows) throws(SQLiteError) in
        AppliedOrigin(
          StoreState.Row(
            id: try rows.integer(0), lamport: try rows.counter(3), position: try rows.integer(4)),
          try ReplicaStore.origin(1, of: rows), applied: try rows.counter(2),
          isHead: try rows.integer(5) != 0)
      })
    {
      try connection.execute(
        "UPDATE applied_origin SET checksum = ? WHERE id = ?", .integer(row.checksum),
        .integer(row.id))
    }
    for step in try rows(
      "origin, sequence, lamport", "lamport_step", connection,
      { (rows) throws(SQLiteError) in
        LamportStep(
          origin: try rows.integer(0), sequence: try rows.counter(1), lamport: try rows.counter(2))
      })
    {
      try connection.execute(
        "UPDATE lamport_step SET checksum = ? WHERE origin = ? AND sequence = ?",
        .integer(step.checksum), .integer(step.origin), try SQLiteValue(counter: step.sequence))
    }
    for run in try rows(
      "position, origin, first_sequence", "feed_run", connection,
      { (rows) throws(SQLiteError) in
        StoredRun(
          position: try rows.integer(0), origin: try rows.integer(1),
          firstSequence: try rows.counter(2))
      })
    {
      try connection.execute(
        "UPDATE feed_run SET checksum = ? WHERE position = ?", .integer(run.checksum),
        .integer(run.position))
    }
    for range in try rows(
      "first_sequence, last_sequence", "unsealed", connection,
      { (rows) throws(SQLiteError) in
        UnsealedRange(first: try rows.counter(0), last: try rows.counter(1))
      })
    {
      try connection.execute(
        "UPDATE unsealed SET checksum = ? WHERE first_sequence = ?", .integer(range.checksum),
        try SQLiteValue(counter: range.first))
    }
    for (id, checksum) in try rows(
      "id, vector", "floor", connection,
      { (rows) throws(SQLiteError) in
        (try rows.integer(0), Int64(CRC32C.checksum(try rows.blob(1))))
      })
    {
      try connection.execute(
        "UPDATE floor SET checksum = ? WHERE id = ?", .integer(checksum), .integer(id))
    }
    try markContradictions(in: connection)
  }

  // MARK: What had rotted before

  /// What no row has.
  private static let none: Int64 = -1

  /// A number that rotted before there were checksums has a right one now. Where rows say different
  /// things the one that can be made anew from others counts as rotten, so that it is.
  ///
  /// - Throws: `.damaged` where that cannot be told.
  private static func markContradictions(
    in connection: SQLiteConnection
  ) throws(SQLiteError) {
    let tables = try CounterTables(connection, own: nil)
    guard tables.areOriginsSound else {
      throw SQLiteError(
        code: .damaged,
        message: "what is applied of each origin does not add up to the changes that were applied")
    }
    if let position = try CounterMending(tables, connection).firstLostPosition() {
      try connection.execute(
        "UPDATE feed_run SET checksum = ? WHERE position >= ?", .integer(none),
        .integer(position))
    }
    if !tables.hasTakenBack {
      for origin in tables.origins where try !areStepsSound(of: origin, connection) {
        try connection.execute(
          "UPDATE lamport_step SET checksum = ? WHERE origin = ?", .integer(none),
          .integer(origin.id))
      }
    }
    guard let own = tables.own else { return }
    for range in try UnsealedMending.contradictions(in: connection, of: own) {
      try connection.execute(
        "UPDATE unsealed SET checksum = ? WHERE first_sequence = ?", .integer(none),
        try SQLiteValue(counter: range.first))
    }
  }

  /// A Lamport time is further ahead of the number of its change the later that is.
  private static func areStepsSound(
    of origin: AppliedOrigin, _ connection: SQLiteConnection
  ) throws(SQLiteError) -> Bool {
    var lead: UInt64?
    var steps = try connection.query(
      "SELECT \(LamportStep.columns) FROM lamport_step WHERE origin = ? ORDER BY sequence",
      .integer(origin.id))
    while try steps.next() {
      let step = try LamportStep(steps)
      guard step.sequence > 0, step.sequence <= origin.applied, step.lamport >= step.sequence,
        step.lamport - step.sequence >= lead ?? 0
      else { return false }
      lead = step.lamport - step.sequence
    }
    return lead.map { origin.lamport == origin.applied &+ $0 } ?? true
  }

  private static func rows<Row>(
    _ columns: String, _ table: String, _ connection: SQLiteConnection,
    _ read: (borrowing SQLiteRows) throws(SQLiteError) -> Row
  ) throws(SQLiteError) -> [Row] {
    var found: [Row] = []
    var rows = try connection.query("SELECT \(columns) FROM \(table)")
    while try rows.next() { found.append(try read(rows)) }
    return found
  }
}
