import SQLiteBridge
import Testing

@Suite("SQLite statements")
struct StatementTests {
  let database: SQLiteConnection

  init() throws {
    database = try SQLiteConnection(SQLiteOptions(location: .memory))
    try database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, value ANY)")
  }

  @Test(
    "every kind of value comes back as it was bound",
    arguments: [
      SQLiteValue.null, .integer(0), .integer(.min), .integer(.max), .real(-0.5),
      .real(.greatestFiniteMagnitude), .text(""), .text("søl\u{0}vær 🏝"), .blob([]),
      .blob([0, 255, 1]),
    ])
  func roundTrip(value: SQLiteValue) throws {
    try database.execute("INSERT INTO item VALUES (1, ?)", value)
    var rows = try database.query("SELECT value FROM item")
    #expect(try rows.next())
    switch value {
    case .null: #expect(try rows.isNull(0))
    case .integer(let expected): #expect(try rows.integer(0) == expected)
    case .real(let expected): #expect(try rows.real(0) == expected)
    case .text(let expected): #expect(try rows.text(0) == expected)
    case .blob(let expected): #expect(try rows.blob(0) == expected)
    }
    #expect(try !rows.next())
    #expect(try !rows.next())
  }

  @Test(
    "short values are copied and long ones are not; both arrive",
    arguments: [0, 1, 255, 256, 257, 100_000])
  func lengths(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let text = String(repeating: "x", count: count)
    try database.execute("CREATE TABLE pair (a BLOB, b TEXT, c BLOB, d INTEGER)")
    try database.execute(
      "INSERT INTO pair VALUES (?, ?, ?, ?)", .blob(bytes), .text(text), .blob(bytes), 7)
    var rows = try database.query("SELECT a, b, c, d FROM pair")
    #expect(try rows.next())
    #expect(try rows.blob(0) == bytes)
    #expect(try rows.text(1) == text)
    #expect(try rows.blob(2, count: count) == bytes)
    #expect(try rows.integer(3) == 7)
  }

  @Test("reading a value as another type is an error, not a conversion")
  func typeMismatch() throws {
    try database.execute("INSERT INTO item VALUES (1, 'text')")
    var rows = try database.query("SELECT id, value, NULL, -1, x'0102' FROM item")
    #expect(try rows.next())
    expectCode(.unexpectedValue) { () throws(SQLiteError) in _ = try rows.text(0) }
    expectCode(.unexpectedValue) { () throws(SQLiteError) in _ = try rows.integer(1) }
    expectCode(.unexpectedValue) { () throws(SQLiteError) in _ = try rows.blob(1) }
    expectCode(.unexpectedValue) { () throws(SQLiteError) in _ = try rows.real(0) }
    expectCode(.unexpectedValue) { () throws(SQLiteError) in _ = try rows.integer(2) }
    expectCode(.unexpectedValue) { () throws(SQLiteError) in _ = try rows.counter(3) }
    expectCode(.unexpectedValue) { () throws(SQLiteError) in _ = try rows.count(3) }
    expectCode(.unexpectedValue) { () throws(SQLiteError) in _ = try rows.blob(4, count: 3) }
    expectCode(.misuse) { () throws(SQLiteError) in _ = try rows.integer(5) }
    expectCode(.misuse) { () throws(SQLiteError) in _ = try rows.integer(-1) }
    #expect(try rows.integer(3) == -1)
    #expect(try rows.optionalText(2) == nil)
  }

  @Test("text that is not UTF-8 is an error")
  func invalidText() throws {
    var rows = try database.query("SELECT CAST(x'C328' AS TEXT)")
    #expect(try rows.next())
    expectCode(.unexpectedValue) { () throws(SQLiteError) in _ = try rows.text(0) }
  }

  @Test("a row is read only while there is one")
  func noRow() throws {
    var rows = try database.query("SELECT 1")
    expectCode(.misuse) { () throws(SQLiteError) in _ = try rows.integer(0) }
    #expect(try rows.next())
    #expect(try !rows.next())
    expectCode(.misuse) { () throws(SQLiteError) in _ = try rows.integer(0) }
  }

  @Test("a wrong number of values, bad SQL and several statements are refused")
  func misuse() throws {
    let database = database
    expectCode(.misuse) { () throws(SQLiteError) in try database.execute("SELECT ?") }
    expectCode(.misuse) { () throws(SQLiteError) in _ = try database.query("SELECT ?", 1, 2) }
    expectCode(.misuse) { () throws(SQLiteError) in try database.execute("SELEKT 1") }
    expectCode(.misuse) { () throws(SQLiteError) in try database.execute("SELECT 1; SELECT 2") }
    expectCode(.misuse) { () throws(SQLiteError) in try database.execute("") }
    #expect(try database.queryInteger("SELECT 5") == 5)
  }

  @Test("one query can be read while the same is being read")
  func nestedRows() throws {
    for id in 1...3 { try database.execute("INSERT INTO item VALUES (?, 0)", SQLiteValue(id)) }
    var pairs: [[Int64]] = []
    var outer = try database.query("SELECT id FROM item ORDER BY id")
    while try outer.next() {
      var inner = try database.query("SELECT id FROM item ORDER BY id")
      while try inner.next() { pairs.append([try outer.integer(0), try inner.integer(0)]) }
    }
    #expect(pairs.count == 9)
    #expect(pairs.last == [3, 3])
  }

  @Test("more different statements than the cache keeps")
  func manyStatements() throws {
    var held = try database.query("SELECT 0")
    #expect(try held.next())
    for number in 1...600 {
      #expect(try database.queryInteger("SELECT \(number)") == Int64(number))
    }
    #expect(try held.integer(0) == 0)
  }

  @Test("counters that SQLite cannot hold are refused")
  func counters() throws {
    #expect(try SQLiteValue(counter: UInt64(Int64.max)) == .integer(.max))
    expectCode(.tooBig) { () throws(SQLiteError) in
      _ = try SQLiteValue(counter: UInt64(Int64.max) + 1)
    }
    #expect(SQLiteValue(clampedCounter: .max) == .integer(.max))
  }

  @Test("the number of changed rows is known")
  func changes() throws {
    try database.execute("INSERT INTO item VALUES (1, 1), (2, 2), (3, 3)")
    #expect(database.changedRowCount == 3)
    #expect(database.lastInsertedRow == 3)
    try database.execute("UPDATE item SET value = 0 WHERE id > ?", 1)
    #expect(database.changedRowCount == 2)
    try database.execute("DELETE FROM item WHERE id = 9")
    #expect(database.changedRowCount == 0)
  }

  @Test("a closed connection refuses and does not crash")
  func closed() throws {
    var rows = try database.query("SELECT 1 UNION SELECT 2")
    #expect(try rows.next())
    database.close()
    database.close()
    #expect(!database.isOpen)
    expectCode(.closed) { () throws(SQLiteError) in _ = try rows.next() }
    expectCode(.closed) { () throws(SQLiteError) in _ = try rows.integer(0) }
    let database = database
    expectCode(.closed) { () throws(SQLiteError) in try database.execute("SELECT 1") }
    expectCode(.closed) { () throws(SQLiteError) in
      try database.transaction { () throws(SQLiteError) in }
    }
  }
}

/// Runs `body` and expects it to fail with `code`. (The macros cannot close over rows, which are
/// not copyable.)
func expectCode(
  _ code: SQLiteError.Code, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws(SQLiteError) -> Void
) {
  do throws(SQLiteError) {
    try body()
    Issue.record("no error instead of \(code)", sourceLocation: sourceLocation)
  } catch {
    #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    #expect(!error.remedy.isEmpty, sourceLocation: sourceLocation)
  }
}
