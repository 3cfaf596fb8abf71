internal import CSQLite

/// The rows of a query, read one after the other: `while try rows.next() { … rows.integer(0) … }`.
///
/// Each accessor checks that the column holds what is asked for and throws `.unexpectedValue` when
/// it does not, as it may in a damaged file; none converts. The statement is free for its next use
/// when the value goes out of scope.
package struct SQLiteRows: ~Copyable {
  private let connection: SQLiteConnection
  private let statement: PreparedStatement
  private var columnCount: Int32 = 0
  private var isDone = false

  init(connection: SQLiteConnection, statement: PreparedStatement) {
    self.connection = connection
    self.statement = statement
  }

  deinit {
    statement.finish()
  }

  /// Goes to the next row.
  ///
  /// - Returns: false when there is none.
  package mutating func next() throws(SQLiteError) -> Bool {
    guard !isDone else { return false }
    columnCount = 0
    _ = try connection.liveHandle()
    try connection.checkTransaction(before: statement.sql)
    let code = sqlite3_step(statement.handle)
    switch code {
    case SQLITE_ROW:
      columnCount = sqlite3_data_count(statement.handle)
      return true
    case SQLITE_DONE:
      isDone = true
      sqlite3_reset(statement.handle)
      return false
    default:
      isDone = true
      throw connection.failure(code, in: statement.sql)
    }
  }

  package func isNull(_ column: Int) throws(SQLiteError) -> Bool {
    try type(of: column) == SQLITE_NULL
  }

  package func integer(_ column: Int) throws(SQLiteError) -> Int64 {
    try expect(SQLITE_INTEGER, "an integer", in: column)
    return sqlite3_column_int64(statement.handle, Int32(column))
  }

  /// An integer that must not be negative.
  package func counter(_ column: Int) throws(SQLiteError) -> UInt64 {
    guard let counter = UInt64(exactly: try integer(column)) else {
      throw unexpected("a negative number", expected: "a counter", in: column)
    }
    return counter
  }

  /// An integer that must not be negative, as a number of something in memory.
  package func count(_ column: Int) throws(SQLiteError) -> Int {
    guard let count = Int(exactly: try counter(column)) else {
      throw unexpected("a number out of range", expected: "a count", in: column)
    }
    return count
  }

  package func real(_ column: Int) throws(SQLiteError) -> Double {
    try expect(SQLITE_FLOAT, "a real number", in: column)
    return sqlite3_column_double(statement.handle, Int32(column))
  }

  package func text(_ column: Int) throws(SQLiteError) -> String {
    try expect(SQLITE_TEXT, "text", in: column)
    guard let start = sqlite3_column_text(statement.handle, Int32(column)) else {
      throw connection.failure(SQLITE_NOMEM, in: statement.sql)
    }
    let count = Int(sqlite3_column_bytes(statement.handle, Int32(column)))
    let bytes = UnsafeBufferPointer(start: start, count: count)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw unexpected("bytes that are not UTF-8", expected: "text", in: column)
    }
    return text
  }

  /// A copy of a blob.
  package func blob(_ column: Int) throws(SQLiteError) -> [UInt8] {
    try withBlob(column) { (bytes) throws(SQLiteError) in Array(bytes) }
  }

  /// A copy of a blob whose length is known.
  package func blob(_ column: Int, count: Int) throws(SQLiteError) -> [UInt8] {
    let bytes = try blob(column)
    guard bytes.count == count else {
      throw unexpected("\(bytes.count) bytes", expected: "\(count) bytes", in: column)
    }
    return bytes
  }

  /// The bytes of a blob where SQLite keeps them; valid until `body` returns.
  package func withBlob<Result, Failure: SQLiteFailure>(
    _ column: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let bytes: UnsafeRawBufferPointer
    do throws(SQLiteError) {
      try expect(SQLITE_BLOB, "a blob", in: column)
      let start = sqlite3_column_blob(statement.handle, Int32(column))
      let count = Int(sqlite3_column_bytes(statement.handle, Int32(column)))
      guard start != nil || count == 0 else {
        throw connection.failure(SQLITE_NOMEM, in: statement.sql)
      }
      bytes = UnsafeRawBufferPointer(start: start, count: count)
    } catch {
      throw Failure(error)
    }
    return try body(bytes)
  }

  // MARK: Rows of unknown form

  /// The names of the columns, as the statement gives them.
  package var columnNames: [String] {
    (0..<sqlite3_column_count(statement.handle)).map { column in
      sqlite3_column_name(statement.handle, column).map { String(cString: $0) } ?? ""
    }
  }

  /// Whatever is in a column of the current row; bytes that are no UTF-8 are replaced in a text.
  package func value(_ column: Int) throws(SQLiteError) -> SQLiteValue {
    switch try type(of: column) {
    case SQLITE_INTEGER: return .integer(try integer(column))
    case SQLITE_FLOAT: return .real(try real(column))
    case SQLITE_BLOB: return .blob(try blob(column))
    case SQLITE_TEXT:
      guard let start = sqlite3_column_text(statement.handle, Int32(column)) else {
        throw connection.failure(SQLITE_NOMEM, in: statement.sql)
      }
      let count = Int(sqlite3_column_bytes(statement.handle, Int32(column)))
      return .text(
        String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
    default: return .null
    }
  }

  package func optionalInteger(_ column: Int) throws(SQLiteError) -> Int64? {
    try isNull(column) ? nil : integer(column)
  }

  package func optionalText(_ column: Int) throws(SQLiteError) -> String? {
    try isNull(column) ? nil : text(column)
  }

  package func optionalBlob(_ column: Int) throws(SQLiteError) -> [UInt8]? {
    try isNull(column) ? nil : blob(column)
  }

  // MARK: Types

  private func type(of column: Int) throws(SQLiteError) -> Int32 {
    guard connection.isOpen else {
      throw SQLiteError(
        code: .closed, message: "the connection was closed while its rows were being read",
        statement: statement.sql)
    }
    guard column >= 0, column < Int(columnCount) else {
      throw SQLiteError(
        code: .misuse, message: "there is no column \(column) in the current row",
        statement: statement.sql)
    }
    return sqlite3_column_type(statement.handle, Int32(column))
  }

  private func expect(
    _ expected: Int32, _ words: @autoclosure () -> String, in column: Int
  ) throws(SQLiteError) {
    let found = try type(of: column)
    guard found == expected else {
      throw unexpected(Self.words(for: found), expected: words(), in: column)
    }
  }

  private func unexpected(_ found: String, expected: String, in column: Int) -> SQLiteError {
    SQLiteError(
      code: .unexpectedValue, message: "column \(column) holds \(found) instead of \(expected)",
      statement: statement.sql)
  }

  private static func words(for type: Int32) -> String {
    switch type {
    case SQLITE_INTEGER: "an integer"
    case SQLITE_FLOAT: "a real number"
    case SQLITE_TEXT: "text"
    case SQLITE_BLOB: "a blob"
    default: "null"
    }
  }
}
