import SQLiteBridge
import TestSupport
import Testing

@Suite("Opening SQLite files")
struct OpeningTests {
  let folder = TemporaryFolder()

  static let first = SQLiteMigration("first", script: "CREATE TABLE one (a INTEGER); -- first\n")
  static let second = SQLiteMigration(
    "second", script: "CREATE TABLE two (a INTEGER); INSERT INTO two VALUES (2);")

  func schema(_ migrations: SQLiteMigration...) -> SQLiteSchema {
    SQLiteSchema(applicationID: 0x1234_5678, migrations: migrations)
  }

  func options(
    _ name: String = "a.db", _ access: SQLiteOptions.Access = .create
  ) -> SQLiteOptions {
    SQLiteOptions(
      location: .file(folder.file(name)), access: access, busyTimeoutMilliseconds: 100)
  }

  func expectOpening(
    _ options: SQLiteOptions, _ schema: SQLiteSchema? = nil, fails code: SQLiteError.Code,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectCode(code, sourceLocation: sourceLocation) { () throws(SQLiteError) in
      let connection = try SQLiteConnection(options, schema: schema)
      // Some damage shows only in use.
      _ = try connection.queryInteger("SELECT count(*) FROM one")
    }
  }

  @Test("every connection is in WAL mode with full synchronisation")
  func durable() throws {
    let connection = try SQLiteConnection(options())
    #expect(try connection.queryText("PRAGMA journal_mode") == "wal")
    #expect(try connection.queryInteger("PRAGMA synchronous") == 2)
    #expect(try connection.queryInteger("PRAGMA foreign_keys") == 1)
    #expect(try connection.queryInteger("PRAGMA wal_autocheckpoint") == 1_000)
    #expect(SQLiteConnection.libraryVersion >= SQLiteConnection.oldestLibraryVersion)
    let reader = try SQLiteConnection(options("a.db", .read))
    #expect(try reader.queryInteger("PRAGMA synchronous") == 2)
  }

  @Test("an exclusive connection needs no shared memory and keeps others out")
  func exclusive() throws {
    var exclusive = options()
    exclusive.isExclusive = true
    let connection = try SQLiteConnection(exclusive, schema: schema(Self.first))
    #expect(try connection.queryText("PRAGMA journal_mode") == "wal")
    try connection.execute("INSERT INTO one VALUES (1)")
    expectOpening(options(), fails: .busy)
  }

  @Test("a missing file is made only when asked for")
  func missing() throws {
    expectOpening(options("none.db", .write), fails: .cannotOpen)
    expectOpening(options("none.db", .read), fails: .cannotOpen)
    expectOpening(options("no/such/folder.db"), fails: .cannotOpen)
    expectOpening(SQLiteOptions(location: .file(folder.path)), fails: .cannotOpen)
    expectOpening(SQLiteOptions(location: .file("")), fails: .cannotOpen)
    expectOpening(SQLiteOptions(location: .file("a\u{0}b")), fails: .cannotOpen)
    var strange = options()
    strange.vfs = "no-such-vfs"
    #expect(throws: SQLiteError.self) { try SQLiteConnection(strange) }
  }

  @Test("migrations run once, in order, and only those that are missing")
  func migrations() throws {
    do {
      let old = try SQLiteConnection(options(), schema: schema(Self.first))
      #expect(try old.schemaVersion() == 1)
      try old.execute("INSERT INTO one VALUES (7)")
    }
    for _ in 0..<2 {
      let new = try SQLiteConnection(options(), schema: schema(Self.first, Self.second))
      #expect(try new.schemaVersion() == 2)
      #expect(try new.queryInteger("SELECT a FROM one") == 7)
      #expect(try new.queryInteger("SELECT count(*) FROM two") == 1)
    }
  }

  @Test("a migration that fails leaves the file as it was")
  func failingMigration() throws {
    _ = try SQLiteConnection(options(), schema: schema(Self.first))
    let failing = SQLiteMigration("bad", script: "CREATE TABLE two (a INTEGER); NONSENSE;")
    expectOpening(options(), schema(Self.first, failing), fails: .misuse)
    let old = try SQLiteConnection(options(), schema: schema(Self.first))
    #expect(try old.schemaVersion() == 1)
    #expect(try old.queryInteger("SELECT count(*) FROM sqlite_schema") == 1)
  }

  @Test("a new file is made whole, an old one takes the steps that it lacks")
  func wholeSchema() throws {
    let whole = SQLiteMigration("all", script: "CREATE TABLE made_at_once (a INTEGER) STRICT;")
    let schema = SQLiteSchema(
      applicationID: 0x1234_5678, migrations: [Self.first, Self.second], whole: whole)
    let new = try SQLiteConnection(options("new.db"), schema: schema)
    #expect(try new.schemaVersion() == 2)
    #expect(try new.queryText("SELECT group_concat(name) FROM sqlite_schema") == "made_at_once")
    _ = try SQLiteConnection(options(), schema: self.schema(Self.first))
    let old = try SQLiteConnection(options(), schema: schema)
    #expect(try old.schemaVersion() == 2)
    #expect(try old.queryInteger("SELECT count(*) FROM two") == 1)
  }

  @Test("two connections may make the same new file at once")
  func racingMigration() throws {
    let one = try SQLiteConnection(options())
    let other = try SQLiteConnection(options(), schema: schema(Self.first))
    let third = try SQLiteConnection(options(), schema: schema(Self.first))
    #expect(try one.schemaVersion() == 1)
    #expect(try other.schemaVersion() == 1)
    #expect(try third.schemaVersion() == 1)
  }

  @Test("a newer file is refused by its number and not touched")
  func tooNew() throws {
    _ = try SQLiteConnection(options(), schema: schema(Self.first, Self.second))
    let before = folder.read("a.db")
    expectOpening(options(), schema(Self.first), fails: .tooNew(found: 2, supported: 1))
    expectOpening(
      options("a.db", .read), schema(Self.first), fails: .tooNew(found: 2, supported: 1))
    #expect(folder.holds(before, in: "a.db"))
    // Without a schema it can still be looked at.
    let reader = try SQLiteConnection(options("a.db", .read))
    #expect(try reader.schemaVersion() == 2)
  }

  @Test("reading only: an older or empty file is not migrated, and nothing can be written")
  func readOnly() throws {
    _ = try SQLiteConnection(options(), schema: schema(Self.first))
    expectOpening(
      options("a.db", .read), schema(Self.first, Self.second),
      fails: .needsMigration(found: 1, required: 2))
    let reader = try SQLiteConnection(options("a.db", .read), schema: schema(Self.first))
    expectCode(.readOnly) { () throws(SQLiteError) in
      try reader.execute("INSERT INTO one VALUES (1)")
    }
    expectCode(.readOnly) { () throws(SQLiteError) in
      try reader.transaction { () throws(SQLiteError) in
        try reader.execute("INSERT INTO one VALUES (1)")
      }
    }
    #expect(try reader.queryInteger("SELECT count(*) FROM one") == 0)
    folder.write([], to: "empty.db")
    expectOpening(
      options("empty.db", .read), schema(Self.first), fails: .needsMigration(found: 0, required: 1))
  }

  @Test("a database of another program is left alone")
  func foreign() throws {
    do {
      let other = try SQLiteConnection(options())
      try other.execute("CREATE TABLE theirs (a)")
      try other.execute("PRAGMA journal_mode = DELETE")
    }
    let before = folder.read("a.db")
    expectOpening(options(), schema(Self.first), fails: .foreign(applicationID: 0))
    #expect(folder.holds(before, in: "a.db"))
    do {
      let other = try SQLiteConnection(options())
      try other.execute("PRAGMA application_id = 99")
    }
    expectOpening(options(), schema(Self.first), fails: .foreign(applicationID: 99))
  }

  @Test(
    "a file that is no database says so",
    arguments: [2, 15, 100, 512, 4_096, 100_000])
  func notADatabase(count: Int) throws {
    folder.write((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 13) }, to: "a.db")
    let before = folder.read("a.db")
    expectOpening(options(), schema(Self.first), fails: .notADatabase)
    expectOpening(options("a.db", .read), fails: .notADatabase)
    #expect(folder.holds(before, in: "a.db"))
  }

  @Test("a damaged file is named as damaged")
  func damaged() throws {
    do {
      let connection = try SQLiteConnection(options(), schema: schema(Self.first))
      try connection.transaction { () throws(SQLiteError) in
        for number in 0..<5_000 {
          try connection.execute("INSERT INTO one VALUES (?)", SQLiteValue(number))
        }
      }
      #expect(try connection.integrityCheck() == [])
      #expect(try connection.byteCount() > 40_000)
    }
    folder.write([UInt8](repeating: 0xA5, count: 4_096), to: "a.db", at: 4_096)
    let damaged = try SQLiteConnection(options(), schema: schema(Self.first))
    #expect(try !damaged.integrityCheck().isEmpty)
    #expect(try damaged.integrityCheck(isQuick: true, limit: 1).count == 1)
    expectCode(.damaged) { () throws(SQLiteError) in
      _ = try damaged.queryInteger("SELECT count(*) FROM one")
    }
    do throws(SQLiteError) {
      _ = try damaged.queryInteger("SELECT count(*) FROM one")
    } catch {
      #expect(error.isAboutTheFile)
      #expect(error.description.contains("malformed"))
    }
  }

  @Test("a file that lost its end is damaged")
  func shortened() throws {
    do {
      let connection = try SQLiteConnection(options(), schema: schema(Self.first))
      for number in 0..<50 {
        try connection.execute("INSERT INTO one VALUES (?)", SQLiteValue(number))
      }
    }
    folder.truncate("a.db", to: 4_096)
    expectOpening(options(), schema(Self.first), fails: .damaged)
  }

  @Test("bytes flipped anywhere give an error or an answer, never a trap", arguments: 0..<60)
  func flipped(step: Int) throws {
    do {
      let connection = try SQLiteConnection(options(), schema: schema(Self.first, Self.second))
      for number in 0..<200 {
        try connection.execute("INSERT INTO one VALUES (?)", SQLiteValue(number))
      }
    }
    var bytes = folder.read("a.db")
    let place = step < 30 ? step * 4 : (step &* 2_654_435_761) % bytes.count
    bytes[place] ^= 0xFF
    folder.write(bytes, to: "a.db")
    do throws(SQLiteError) {
      let connection = try SQLiteConnection(options(), schema: schema(Self.first, Self.second))
      var rows = try connection.query("SELECT a FROM one")
      while try rows.next() { _ = try rows.optionalInteger(0) }
      _ = try connection.integrityCheck(limit: 3)
    } catch {
      #expect(!error.description.isEmpty)
    }
  }

  @Test("the WAL can be copied back and emptied")
  func checkpoint() throws {
    let connection = try SQLiteConnection(options(), schema: schema(Self.first))
    try connection.execute("INSERT INTO one VALUES (1)")
    #expect(try connection.checkpoint(.passive).copied > 0)
    try connection.checkpoint(.truncate)
    #expect(folder.holds([], in: "a.db-wal"))
  }

  @Test("paths with a meaning of their own for SQLite are only paths")
  func strangePaths() throws {
    let connection = try SQLiteConnection(options("file:a?mode=memory"), schema: schema(Self.first))
    try connection.execute("INSERT INTO one VALUES (1)")
    #expect(!folder.holds([], in: "file:a?mode=memory"))
  }
}
