internal import CSQLite

package enum SQLiteCheckpointMode: Sendable {
  /// Copies what it can without waiting for anybody.
  case passive
  /// Waits for readers and writers, copies everything, and empties the WAL.
  case truncate
}

extension SQLiteConnection {
  /// A number that changes when another connection, also of another process, has committed. Commits
  /// of this connection do not change it.
  package func dataVersion() throws(SQLiteError) -> Int64 {
    try queryInteger("PRAGMA data_version") ?? 0
  }

  /// A number that changes with every commit, of this connection and of others, as far as this
  /// connection has seen them: in a transaction for writing, and in others after the first read.
  /// Costs no statement. Nil when the connection is closed.
  package var seenVersion: UInt64? {
    guard let handle else { return nil }
    var version: UInt32 = 0
    guard sqlite3_file_control(handle, "main", SQLITE_FCNTL_DATA_VERSION, &version) == SQLITE_OK
    else { return nil }
    // SQLite begins anew with every handle.
    return UInt64(openingCount) << 32 | UInt64(version)
  }

  /// What SQLite finds wrong with the file, in its words; empty when nothing is.
  ///
  /// - Parameters:
  ///   - isQuick: leaves out whether indexes match their tables.
  ///   - limit: the most findings to report.
  ///   - ofReferences: also whether rows name rows that are not there.
  package func integrityCheck(
    isQuick: Bool = false, limit: Int = 100, ofReferences: Bool = true
  ) throws(SQLiteError) -> [String] {
    var findings: [String] = []
    do throws(SQLiteError) {
      let pragma = isQuick ? "quick_check" : "integrity_check"
      try appendPageFindings("\(pragma)(\(limit))", to: &findings)
      if ofReferences { try appendOrphans(limit: limit, to: &findings) }
    } catch {
      // Damage can be such that the check itself cannot go on.
      guard error.code == .damaged else { throw error }
      findings.append(error.message)
    }
    return Array(findings.prefix(limit))
  }

  /// Whether a table and its indexes are whole, whatever else is wrong with the file.
  package func isWhole(table: String) throws(SQLiteError) -> Bool {
    var findings: [String] = []
    do throws(SQLiteError) {
      try appendPageFindings("integrity_check(\"\(table)\")", to: &findings)
    } catch {
      guard error.code == .damaged else { throw error }
      return false
    }
    return findings.isEmpty
  }

  private func appendPageFindings(
    _ pragma: String, to findings: inout [String]
  ) throws(SQLiteError) {
    var rows = try query("PRAGMA \(pragma)")
    while try rows.next() {
      // Before what it finds in the tables SQLite puts a line that says which file it is in.
      let lines = try rows.text(0).split(separator: "\n").filter { !$0.hasPrefix("***") }
      if lines != ["ok"] { findings += lines.map(String.init) }
    }
  }

  private func appendOrphans(limit: Int, to findings: inout [String]) throws(SQLiteError) {
    var orphans = try query("PRAGMA foreign_key_check")
    while findings.count < limit, try orphans.next() {
      let table = try orphans.text(0)
      let row = try orphans.optionalInteger(1).map { "row \($0)" } ?? "a row"
      findings.append("\(row) of \(table) names a row of \(try orphans.text(2)) that is not there")
    }
  }

  /// Copies the WAL into the file.
  ///
  /// - Returns: how many pages the WAL still holds, and how many of them have been copied.
  /// - Throws: `.busy` when `.truncate` cannot get to the end.
  @discardableResult
  package func checkpoint(
    _ mode: SQLiteCheckpointMode
  ) throws(SQLiteError) -> (pages: Int, copied: Int) {
    let handle = try liveHandle()
    var pages: Int32 = 0
    var copied: Int32 = 0
    let code = sqlite3_wal_checkpoint_v2(
      handle, "main", mode == .truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
      &pages, &copied)
    guard code == SQLITE_OK else { throw failure(code, in: "wal_checkpoint") }
    return (max(0, Int(pages)), max(0, Int(copied)))
  }

  /// The paths of all files that SQLite keeps for a database, that of the database last.
  package static func files(of path: String) -> [String] {
    ["-wal", "-shm", "-journal", ""].map { path + $0 }
  }

  /// The size of the database without its WAL, in bytes.
  package func byteCount() throws(SQLiteError) -> Int {
    let pages = try queryInteger("PRAGMA page_count") ?? 0
    let size = try queryInteger("PRAGMA page_size") ?? 0
    return Int(pages) * Int(size)
  }
}
