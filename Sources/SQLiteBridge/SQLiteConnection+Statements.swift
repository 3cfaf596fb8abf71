internal import CSQLite

/// SQLite copies what is bound with this destructor before the call returns.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension SQLiteConnection {
  /// Runs one statement to its end and drops the rows it may return. Statements are compiled once
  /// and kept by their text, so the text should be constant. Long blobs and texts are not copied.
  ///
  /// - Throws: what SQLite reports; `.misuse` for a wrong number of bindings; `.deadTransaction`.
  package func execute(_ sql: String, _ bindings: SQLiteValue...) throws(SQLiteError) {
    try execute(sql, bindings: bindings)
  }

  package func execute(_ sql: String, bindings: [SQLiteValue]) throws(SQLiteError) {
    try checkTransaction(before: sql)
    try run(sql, bindings: bindings)
  }

  /// Runs a statement and reads its rows one after the other.
  ///
  /// - Throws: what SQLite reports; `.misuse` for a wrong number of bindings; `.deadTransaction`.
  package func query(_ sql: String, _ bindings: SQLiteValue...) throws(SQLiteError) -> SQLiteRows {
    try query(sql, bindings: bindings)
  }

  package func query(_ sql: String, bindings: [SQLiteValue]) throws(SQLiteError) -> SQLiteRows {
    try checkTransaction(before: sql)
    let statement = try checkedStatement(sql, bindingCount: bindings.count)
    for (index, value) in bindings.enumerated() {
      let code = bindCopy(value, at: Int32(index + 1), of: statement.handle)
      guard code == SQLITE_OK else {
        statement.finish()
        throw failure(code, in: sql)
      }
    }
    return SQLiteRows(connection: self, statement: statement)
  }

  /// The first row of a query, as `read` sees it; nil when there is none.
  @inlinable
  package func first<Result, Failure: SQLiteFailure>(
    _ sql: String, _ bindings: SQLiteValue...,
    read: (borrowing SQLiteRows) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    var rows: SQLiteRows = try converting(to: Failure.self) { () throws(SQLiteError) in
      try query(sql, bindings: bindings)
    }
    let isThere: Bool
    do throws(SQLiteError) { isThere = try rows.next() } catch { throw Failure(error) }
    guard isThere else { return nil }
    return try read(rows)
  }

  @inlinable
  func converting<Result: ~Copyable, Failure: SQLiteFailure>(
    to _: Failure.Type, _ body: () throws(SQLiteError) -> Result
  ) throws(Failure) -> Result {
    do throws(SQLiteError) { return try body() } catch { throw Failure(error) }
  }

  /// The first column of the first row; nil when there is no row or it is null.
  package func queryInteger(
    _ sql: String, _ bindings: SQLiteValue...
  ) throws(SQLiteError) -> Int64? {
    var rows = try query(sql, bindings: bindings)
    guard try rows.next() else { return nil }
    return try rows.optionalInteger(0)
  }

  /// The first column of the first row; nil when there is no row or it is null.
  package func queryText(
    _ sql: String, _ bindings: SQLiteValue...
  ) throws(SQLiteError) -> String? {
    var rows = try query(sql, bindings: bindings)
    guard try rows.next() else { return nil }
    return try rows.optionalText(0)
  }

  /// The first column of the first row; nil when there is no row or it is null.
  package func queryBlob(
    _ sql: String, _ bindings: SQLiteValue...
  ) throws(SQLiteError) -> [UInt8]? {
    var rows = try query(sql, bindings: bindings)
    guard try rows.next() else { return nil }
    return try rows.optionalBlob(0)
  }

  /// Runs several statements without parameters, one after the other, such as those that make
  /// tables.
  package func script(_ sql: String) throws(SQLiteError) {
    var rest = Array(sql.utf8)[...]
    while !rest.isEmpty {
      try checkTransaction(before: sql)
      let (statement, used) = try compile(rest, text: sql, flags: 0)
      rest = rest.dropFirst(used)
      guard let statement else { continue }
      defer { sqlite3_finalize(statement) }
      var code: Int32
      repeat { code = sqlite3_step(statement) } while code == SQLITE_ROW
      guard code == SQLITE_DONE else { throw failure(code, in: sql) }
    }
  }

  /// The row id of the last row that this connection inserted.
  package var lastInsertedRow: Int64 {
    handle.map { sqlite3_last_insert_rowid($0) } ?? 0
  }

  /// How many rows the last `INSERT`, `UPDATE` or `DELETE` changed.
  package var changedRowCount: Int {
    handle.map { Int(sqlite3_changes64($0)) } ?? 0
  }

  // MARK: Compiling

  /// Runs a statement whatever the state of the transaction.
  func run(_ sql: String, bindings: [SQLiteValue] = []) throws(SQLiteError) {
    let statement = try checkedStatement(sql, bindingCount: bindings.count)
    let code = stepToEnd(statement.handle, binding: bindings, from: 0)
    guard code == SQLITE_DONE else {
      let error = failure(code, in: sql)
      statement.finish()
      throw error
    }
    statement.finish()
  }

  private func checkedStatement(
    _ sql: String, bindingCount: Int
  ) throws(SQLiteError) -> PreparedStatement {
    let statement = try prepared(sql)
    guard statement.parameterCount == bindingCount else {
      throw ending(
        SQLiteError(
          code: .misuse,
          message: "\(bindingCount) values for \(statement.parameterCount) parameters",
          statement: sql))
    }
    statement.isInUse = true
    return statement
  }

  private func prepared(_ sql: String) throws(SQLiteError) -> PreparedStatement {
    if let poison { throw poison }
    if let statement = statements.idle(sql) { return statement }
    let bytes = Array(sql.utf8)[...]
    let (compiled, used) = try compile(bytes, text: sql, flags: UInt32(SQLITE_PREPARE_PERSISTENT))
    guard let compiled else {
      throw ending(SQLiteError(code: .misuse, message: "no statement", statement: sql))
    }
    let statement = PreparedStatement(handle: compiled, sql: sql)
    guard bytes.dropFirst(used).allSatisfy({ $0 == 0x20 || $0 == 0x0A || $0 == 0x3B }) else {
      throw ending(
        SQLiteError(code: .misuse, message: "more than one statement", statement: sql))
    }
    statements.insert(statement)
    return statement
  }

  /// Compiles the first statement in `bytes`.
  ///
  /// - Returns: the statement, nil if there is only space, and how many bytes it took.
  private func compile(
    _ bytes: ArraySlice<UInt8>, text: String, flags: UInt32
  ) throws(SQLiteError) -> (OpaquePointer?, Int) {
    let handle = try liveHandle()
    guard let count = Int32(exactly: bytes.count) else {
      throw ending(SQLiteError(code: .misuse, message: "the statement is too long"))
    }
    var statement: OpaquePointer?
    var used = bytes.count
    let code = bytes.withUnsafeBytes { raw -> Int32 in
      let start = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
      var tail: UnsafePointer<CChar>?
      let code = sqlite3_prepare_v3(handle, start, count, flags, &statement, &tail)
      if let start, let tail { used = tail - start }
      return code
    }
    guard code == SQLITE_OK else { throw failure(code, in: text) }
    return (statement, used)
  }

  // MARK: Binding

  /// Binds the values from `index` on and runs the statement inside of the scopes in which the
  /// memory of long ones is valid, so that SQLite need not copy them.
  private func stepToEnd(
    _ statement: OpaquePointer, binding values: [SQLiteValue], from index: Int
  ) -> Int32 {
    var index = index
    while index < values.count {
      let parameter = Int32(index + 1)
      switch values[index] {
      case .blob(let bytes) where bytes.count >= Self.copiedByteCountMax:
        return bytes.withUnsafeBytes { raw in
          let code = sqlite3_bind_blob64(
            statement, parameter, raw.baseAddress, UInt64(raw.count), nil)
          guard code == SQLITE_OK else { return code }
          return stepToEnd(statement, binding: values, from: index + 1)
        }
      case .text(var text) where text.utf8.count >= Self.copiedByteCountMax:
        return text.withUTF8 { utf8 in
          utf8.withMemoryRebound(to: CChar.self) { characters in
            let code = sqlite3_bind_text64(
              statement, parameter, characters.baseAddress, UInt64(characters.count), nil,
              UInt8(SQLITE_UTF8))
            guard code == SQLITE_OK else { return code }
            return stepToEnd(statement, binding: values, from: index + 1)
          }
        }
      case let value:
        let code = bindCopy(value, at: parameter, of: statement)
        guard code == SQLITE_OK else { return code }
      }
      index += 1
    }
    var code: Int32
    repeat { code = sqlite3_step(statement) } while code == SQLITE_ROW
    return code
  }

  /// Below this a copy costs less than it saves.
  private static var copiedByteCountMax: Int { 256 }

  private func bindCopy(
    _ value: SQLiteValue, at parameter: Int32, of statement: OpaquePointer
  ) -> Int32 {
    switch value {
    case .null: return sqlite3_bind_null(statement, parameter)
    case .integer(let integer): return sqlite3_bind_int64(statement, parameter, integer)
    case .real(let real): return sqlite3_bind_double(statement, parameter, real)
    case .text(var text):
      return text.withUTF8 { utf8 in
        utf8.withMemoryRebound(to: CChar.self) { characters in
          // Without an address SQLite would bind null.
          guard let start = characters.baseAddress, !characters.isEmpty else {
            return sqlite3_bind_text64(statement, parameter, "", 0, copied, UInt8(SQLITE_UTF8))
          }
          return sqlite3_bind_text64(
            statement, parameter, start, UInt64(characters.count), copied, UInt8(SQLITE_UTF8))
        }
      }
    case .blob(let bytes):
      guard !bytes.isEmpty else { return sqlite3_bind_zeroblob(statement, parameter, 0) }
      return bytes.withUnsafeBytes { raw in
        sqlite3_bind_blob64(statement, parameter, raw.baseAddress, UInt64(raw.count), copied)
      }
    }
  }
}
