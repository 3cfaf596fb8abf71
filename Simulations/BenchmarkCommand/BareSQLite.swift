import CSQLite

/// SQLite with nothing of this project around it: WAL and `synchronous=FULL`, one table of rows by
/// integer key, statements compiled once. What stores are held against.
final class BareSQLite {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let handle: OpaquePointer
  private let begin, commit, insert, select, update: OpaquePointer
  private let path: String

  init(path: String) throws {
    self.path = path
    var opened: OpaquePointer?
    guard sqlite3_open(path, &opened) == SQLITE_OK, let opened else {
      throw Failure(description: "SQLite cannot open \(path)")
    }
    handle = opened
    let setup = """
      PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -4096;
      CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, value BLOB NOT NULL);
      """
    guard sqlite3_exec(opened, setup, nil, nil, nil) == SQLITE_OK else {
      throw Failure(description: "SQLite cannot prepare \(path)")
    }
    func compiled(_ sql: String) throws -> OpaquePointer {
      var statement: OpaquePointer?
      guard sqlite3_prepare_v2(opened, sql, -1, &statement, nil) == SQLITE_OK, let statement else {
        throw Failure(description: "SQLite does not compile \(sql)")
      }
      return statement
    }
    begin = try compiled("BEGIN IMMEDIATE")
    commit = try compiled("COMMIT")
    insert = try compiled("INSERT INTO item (value) VALUES (?)")
    select = try compiled("SELECT value FROM item WHERE id = ?")
    update = try compiled("UPDATE item SET value = ? WHERE id = ?")
  }

  deinit {
    for statement in [begin, commit, insert, select, update] { sqlite3_finalize(statement) }
    sqlite3_close(handle)
  }

  /// Commits transactions of so many rows each.
  func write(_ transactions: Int, rows: Int, of value: [UInt8]) throws {
    for _ in 0..<transactions {
      try step(begin, expecting: SQLITE_DONE)
      for _ in 0..<rows {
        value.withUnsafeBytes { bytes in
          _ = sqlite3_bind_blob(insert, 1, bytes.baseAddress, Int32(bytes.count), nil)
        }
        try step(insert, expecting: SQLITE_DONE)
      }
      try step(commit, expecting: SQLITE_DONE)
    }
  }

  /// Writes rows anew by their keys, all in one transaction.
  func rewrite(_ keys: some Sequence<Int>, with value: [UInt8]) throws {
    try step(begin, expecting: SQLITE_DONE)
    for key in keys {
      value.withUnsafeBytes { bytes in
        _ = sqlite3_bind_blob(update, 1, bytes.baseAddress, Int32(bytes.count), nil)
      }
      sqlite3_bind_int64(update, 2, Int64(key))
      try step(update, expecting: SQLITE_DONE)
    }
    try step(commit, expecting: SQLITE_DONE)
  }

  /// Reads rows by their keys, each a query.
  ///
  /// - Returns: how many bytes they have.
  func read(_ keys: some Sequence<Int>) throws -> Int {
    var bytes = 0
    for key in keys {
      sqlite3_bind_int64(select, 1, Int64(key))
      guard sqlite3_step(select) == SQLITE_ROW, let start = sqlite3_column_blob(select, 0) else {
        throw Failure(description: "row \(key) is not there")
      }
      let value = UnsafeRawBufferPointer(
        start: start, count: Int(sqlite3_column_bytes(select, 0)))
      bytes += [UInt8](value).count
      sqlite3_reset(select)
    }
    return bytes
  }

  /// How many rows there are.
  func count() throws -> Int {
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    guard sqlite3_prepare_v2(handle, "SELECT count(*) FROM item", -1, &statement, nil) == SQLITE_OK,
      sqlite3_step(statement) == SQLITE_ROW
    else { throw Failure(description: "\(path) cannot be counted") }
    return Int(sqlite3_column_int64(statement, 0))
  }

  private func step(_ statement: OpaquePointer, expecting code: Int32) throws {
    let found = sqlite3_step(statement)
    sqlite3_reset(statement)
    guard found == code else {
      throw Failure(description: "SQLite: \(String(cString: sqlite3_errmsg(handle)))")
    }
  }
}
