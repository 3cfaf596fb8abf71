// What follows from the rest of a damaged file can be made again.
extension SQLiteConnection {
  /// Runs `body`, in which pages are not looked at before they are used: what has rotted can be
  /// cleared only then.
  package func clearingDamage<Result>(
    _ body: () throws(SQLiteError) -> Result
  ) throws(SQLiteError) -> Result {
    try execute("PRAGMA cell_size_check = OFF")
    do throws(SQLiteError) {
      let result = try body()
      try execute("PRAGMA cell_size_check = ON")
      return result
    } catch {
      try? execute("PRAGMA cell_size_check = ON")
      throw error
    }
  }

  /// Takes tables, with their indexes and triggers, and views out of the schema, whatever their
  /// pages hold. Those are free once the file is written anew, see ``remakeIndexes()``.
  ///
  /// - Parameter pattern: the names of the tables and views, as `GLOB` has it.
  package func forgetTables(named pattern: String) throws(SQLiteError) {
    try rewritingSchema { () throws(SQLiteError) in
      try execute("DELETE FROM sqlite_schema WHERE tbl_name GLOB ?", .text(pattern))
    }
  }

  /// Makes all indexes again from their tables, in place if their old pages can be cleared, else
  /// beside them, after which the whole file is written anew. That is done only where all tables
  /// are whole: it would leave out what cannot be read, and nothing would tell.
  ///
  /// - Returns: whether nothing is wrong with the file then.
  package func remakeIndexes() throws(SQLiteError) -> Bool {
    let isInPlace = try carryingOn { () throws(SQLiteError) in
      try transaction { () throws(SQLiteError) in try execute("REINDEX") }
    }
    if try integrityCheck(limit: 1).isEmpty { return true }
    if !isInPlace {
      _ = try carryingOn { () throws(SQLiteError) in try rewritingSchema(replaceIndexes) }
    }
    for table in try tables() {
      guard try isWhole(table: table) else { return false }
    }
    _ = try carryingOn { () throws(SQLiteError) in try execute("VACUUM") }
    return try integrityCheck(limit: 1).isEmpty
  }

  private func tables() throws(SQLiteError) -> [String] {
    var names: [String] = []
    var rows = try query(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name")
    while try rows.next() { names.append(try rows.text(0)) }
    return names
  }

  /// Makes each index once more, under another name, and gives its pages to the one that is there.
  private func replaceIndexes() throws(SQLiteError) {
    for (place, index) in try indexes().enumerated() {
      // SQLite remembers each name until it reads the schema again.
      let other = "remade_index_\(place)"
      try execute(index.statement(named: other))
      try execute(
        """
        UPDATE sqlite_schema
        SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = ?1) WHERE name = ?2
        """, .text(other), .text(index.name))
      try execute("DELETE FROM sqlite_schema WHERE name = ?", .text(other))
    }
  }

  private struct Index {
    let name: String
    let table: String
    /// Nil for one that comes with a constraint of its table.
    let sql: String?
    /// Of such a one, as they stand in a statement.
    var columns: [String] = []

    /// What makes the same index under another name.
    func statement(named other: String) -> String {
      guard let sql else {
        return "CREATE UNIQUE INDEX \(other) ON \"\(table)\" (\(columns.joined(separator: ", ")))"
      }
      return sql.replacing(name, with: other, maxReplacements: 1)
    }
  }

  private func indexes() throws(SQLiteError) -> [Index] {
    var indexes: [Index] = []
    var rows = try query(
      "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' ORDER BY name")
    while try rows.next() {
      let sql = try rows.isNull(2) ? nil : rows.text(2)
      indexes.append(Index(name: try rows.text(0), table: try rows.text(1), sql: sql))
    }
    for place in indexes.indices where indexes[place].sql == nil {
      var columns = try query(
        "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno",
        .text(indexes[place].name))
      while try columns.next() {
        let order = try columns.integer(1) == 0 ? "" : " DESC"
        indexes[place].columns.append(
          "\"\(try columns.text(0))\" COLLATE \(try columns.text(2))\(order)")
      }
    }
    return indexes
  }

  /// Runs `body` in a transaction in which the schema itself can be written.
  private func rewritingSchema(_ body: () throws(SQLiteError) -> Void) throws(SQLiteError) {
    try execute("PRAGMA writable_schema = ON")
    do throws(SQLiteError) {
      try transaction { () throws(SQLiteError) in
        try body()
        // Without it other connections would go on with what they know.
        let version = try queryInteger("PRAGMA schema_version") ?? 0
        try execute("PRAGMA schema_version = \(version &+ 1)")
      }
      try execute("PRAGMA writable_schema = RESET")
    } catch {
      try? execute("PRAGMA writable_schema = RESET")
      throw error
    }
  }

  /// Runs `body`, which may find damage and then has done nothing.
  ///
  /// - Returns: whether it came to its end.
  private func carryingOn(_ body: () throws(SQLiteError) -> Void) throws(SQLiteError) -> Bool {
    do throws(SQLiteError) {
      try body()
      return true
    } catch {
      guard error.code == .damaged else { throw error }
      return false
    }
  }
}
