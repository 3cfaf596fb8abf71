import SQLiteBridge
import TestSupport
import Testing

@Suite("SQLite transactions")
struct TransactionTests {
  let folder = TemporaryFolder()
  let database: SQLiteConnection

  struct Refused: Error, SQLiteFailure, Equatable {
    var cause: SQLiteError?
    init() {}
    init(_ error: SQLiteError) { cause = error }
  }

  init() throws {
    database = try SQLiteConnection(SQLiteOptions(location: .file(folder.file("a.db"))))
    try database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT")
  }

  func ids(_ connection: SQLiteConnection? = nil) throws -> [Int64] {
    var rows = try (connection ?? database).query("SELECT id FROM item ORDER BY id")
    var ids: [Int64] = []
    while try rows.next() { ids.append(try rows.integer(0)) }
    return ids
  }

  func second() throws -> SQLiteConnection {
    try SQLiteConnection(
      SQLiteOptions(
        location: .file(folder.file("a.db")), access: .write, busyTimeoutMilliseconds: 20))
  }

  @Test("what a transaction wrote is there for another connection once it returns")
  func commits() throws {
    let other = try second()
    let result = try database.transaction { () throws(SQLiteError) in
      try database.execute("INSERT INTO item VALUES (1, 'a')")
      #expect(database.isInTransaction)
      return 5
    }
    #expect(result == 5)
    #expect(!database.isInTransaction)
    #expect(try ids(other) == [1])
  }

  @Test("a body that throws leaves nothing")
  func rollsBack() throws {
    #expect(throws: Refused()) {
      try database.transaction { () throws(Refused) in
        do throws(SQLiteError) {
          try database.execute("INSERT INTO item VALUES (1, 'a')")
        } catch {
          throw Refused(error)
        }
        throw Refused()
      }
    }
    #expect(try ids() == [])
    #expect(!database.isInTransaction)
  }

  @Test("after an error nothing more runs, and nothing is committed even if it is swallowed")
  func deadAfterError() throws {
    try database.execute("INSERT INTO item VALUES (9, 'taken')")
    let database = database
    expectCode(.constraint) { () throws(SQLiteError) in
      try database.transaction { () throws(SQLiteError) in
        try database.execute("INSERT INTO item VALUES (1, 'a')")
        expectCode(.constraint) { () throws(SQLiteError) in
          try database.execute("INSERT INTO item VALUES (2, 'taken')")
        }
        expectCode(.deadTransaction) { () throws(SQLiteError) in
          try database.execute("INSERT INTO item VALUES (3, 'c')")
        }
        expectCode(.deadTransaction) { () throws(SQLiteError) in
          _ = try database.query("SELECT 1")
        }
        expectCode(.deadTransaction) { () throws(SQLiteError) in
          try database.script("INSERT INTO item VALUES (4, 'd')")
        }
      }
    }
    #expect(try ids() == [9])
    try database.transaction { () throws(SQLiteError) in
      try database.execute("INSERT INTO item VALUES (5, 'e')")
    }
    #expect(try ids() == [5, 9])
  }

  @Test("an error that makes SQLite roll back by itself does not let later statements commit")
  func rolledBackBySQLite() throws {
    try database.execute("INSERT INTO item VALUES (9, 'taken')")
    let database = database
    expectCode(.constraint) { () throws(SQLiteError) in
      try database.transaction { () throws(SQLiteError) in
        try database.execute("INSERT INTO item VALUES (1, 'a')")
        do throws(SQLiteError) {
          try database.execute("INSERT OR ROLLBACK INTO item VALUES (2, 'taken')")
        } catch {}
        do throws(SQLiteError) {
          try database.execute("INSERT INTO item VALUES (3, 'c')")
          Issue.record("ran in autocommit")
        } catch {
          #expect(error.code == .deadTransaction)
        }
      }
    }
    #expect(try ids() == [9])
  }

  @Test("a rollback behind our back is noticed without an error")
  func rolledBackSilently() throws {
    let database = database
    expectCode(.deadTransaction) { () throws(SQLiteError) in
      try database.transaction { () throws(SQLiteError) in
        try database.execute("INSERT INTO item VALUES (1, 'a')")
        try database.execute("ROLLBACK")
      }
    }
    #expect(try ids() == [])
    #expect(!database.isInTransaction)
  }

  @Test("a statement that does not compile ends the transaction too")
  func deadAfterBadSQL() throws {
    let database = database
    expectCode(.misuse) { () throws(SQLiteError) in
      try database.transaction { () throws(SQLiteError) in
        try database.execute("INSERT INTO item VALUES (1, 'a')")
        do throws(SQLiteError) { try database.execute("INSERT INTO nowhere VALUES (1)") } catch {}
      }
    }
    #expect(try ids() == [])
  }

  @Test("a full database rolls back and says so")
  func full() throws {
    try database.execute("PRAGMA max_page_count = 20")
    let database = database
    expectCode(.diskFull) { () throws(SQLiteError) in
      try database.transaction { () throws(SQLiteError) in
        try database.execute("CREATE TABLE big (bytes BLOB)")
        for _ in 0..<100 {
          try database.execute(
            "INSERT INTO big VALUES (?)", .blob([UInt8](repeating: 1, count: 4096)))
        }
      }
    }
    #expect(try database.queryInteger("SELECT count(*) FROM sqlite_schema WHERE name='big'") == 0)
    try database.execute("INSERT INTO item VALUES (1, 'a')")
    #expect(try database.integrityCheck() == [])
  }

  @Test("transactions do not nest")
  func nesting() throws {
    let database = database
    try database.transaction { () throws(SQLiteError) in
      expectCode(.misuse) { () throws(SQLiteError) in
        try database.transaction { () throws(SQLiteError) in }
      }
      try database.execute("INSERT INTO item VALUES (1, 'a')")
    }
    #expect(try ids() == [1])
  }

  @Test("a savepoint takes back its own part only")
  func savepoints() throws {
    let database = database
    try database.transaction { () throws(SQLiteError) in
      try database.execute("INSERT INTO item VALUES (1, 'a')")
      do throws(Refused) {
        try database.savepoint { () throws(Refused) in
          do throws(SQLiteError) {
            try database.execute("INSERT INTO item VALUES (2, 'b')")
            try database.savepoint { () throws(SQLiteError) in
              try database.execute("INSERT INTO item VALUES (3, 'c')")
            }
          } catch { throw Refused(error) }
          throw Refused()
        }
      } catch { #expect(error == Refused()) }
      try database.savepoint { () throws(SQLiteError) in
        try database.execute("INSERT INTO item VALUES (4, 'd')")
      }
    }
    #expect(try ids() == [1, 4])
    expectCode(.misuse) { () throws(SQLiteError) in
      try database.savepoint { () throws(SQLiteError) in }
    }
  }

  @Test("an error of SQLite in a savepoint ends the whole transaction")
  func deadSavepoint() throws {
    let database = database
    expectCode(.constraint) { () throws(SQLiteError) in
      try database.transaction { () throws(SQLiteError) in
        try database.execute("INSERT INTO item VALUES (1, 'a')")
        do throws(SQLiteError) {
          try database.savepoint { () throws(SQLiteError) in
            try database.execute("INSERT INTO item VALUES (1, 'b')")
          }
        } catch {}
      }
    }
    #expect(try ids() == [])
  }

  @Test("a second writer is told that the file is busy, and may try again")
  func busy() throws {
    let other = try second()
    try database.transaction { () throws(SQLiteError) in
      try database.execute("INSERT INTO item VALUES (1, 'a')")
      expectCode(.busy) { () throws(SQLiteError) in
        try other.transaction { () throws(SQLiteError) in }
      }
      expectCode(.busy) { () throws(SQLiteError) in
        try other.execute("INSERT INTO item VALUES (2, 'b')")
      }
    }
    try other.transaction { () throws(SQLiteError) in
      try other.execute("INSERT INTO item VALUES (2, 'b')")
    }
    #expect(try ids() == [1, 2])
  }

  @Test("a reading transaction sees one state, and does not hinder the writer")
  func snapshot() throws {
    let other = try second()
    try database.execute("INSERT INTO item VALUES (1, 'a')")
    try other.transaction(.read) { () throws(SQLiteError) in
      #expect(try other.queryInteger("SELECT count(*) FROM item") == 1)
      try database.execute("INSERT INTO item VALUES (2, 'b')")
      #expect(try other.queryInteger("SELECT count(*) FROM item") == 1)
    }
    #expect(try ids(other) == [1, 2])
  }

  @Test("data_version changes when somebody else commits, and only then")
  func dataVersion() throws {
    let other = try second()
    let before = try other.dataVersion()
    #expect(try other.dataVersion() == before)
    try other.execute("INSERT INTO item VALUES (1, 'a')")
    #expect(try other.dataVersion() == before)
    try database.execute("INSERT INTO item VALUES (2, 'b')")
    #expect(try other.dataVersion() != before)
  }

  @Test("foreign keys hold at the commit")
  func foreignKeys() throws {
    try database.execute(
      """
      CREATE TABLE part (item INTEGER NOT NULL REFERENCES item(id) DEFERRABLE INITIALLY DEFERRED)
      """)
    let database = database
    expectCode(.constraint) { () throws(SQLiteError) in
      try database.transaction { () throws(SQLiteError) in
        try database.execute("INSERT INTO part VALUES (77)")
      }
    }
    #expect(!database.isInTransaction)
    #expect(try database.queryInteger("SELECT count(*) FROM part") == 0)
  }

  @Test("a writer that dies in the middle leaves the last commit")
  func killed() throws {
    var dying: SQLiteConnection? = try second()
    try dying?.execute("INSERT INTO item VALUES (1, 'a')")
    // What kill -9 leaves: an open transaction in the WAL that nobody finishes.
    try dying?.execute("BEGIN IMMEDIATE")
    try dying?.execute("INSERT INTO item VALUES (2, 'b')")
    let bytes = (db: folder.read("a.db"), wal: folder.read("a.db-wal"))
    dying = nil
    folder.write(bytes.db, to: "copy.db")
    folder.write(bytes.wal, to: "copy.db-wal")
    let copy = try SQLiteConnection(SQLiteOptions(location: .file(folder.file("copy.db"))))
    #expect(try ids(copy) == [1])
    #expect(try copy.integrityCheck() == [])
    #expect(try ids() == [1])
  }

  @Test("a WAL cut anywhere opens to a whole number of commits")
  func tornLog() throws {
    let writer = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("w.db")), walAutocheckpointPages: 0))
    try writer.execute("CREATE TABLE pair (a INTEGER, b BLOB)")
    try writer.checkpoint(.truncate)
    for number in 0..<6 {
      try writer.transaction { () throws(SQLiteError) in
        let blob = SQLiteValue.blob([UInt8](repeating: UInt8(number), count: 6_000))
        try writer.execute("INSERT INTO pair VALUES (?, ?)", SQLiteValue(number), blob)
        try writer.execute("INSERT INTO pair VALUES (?, ?)", SQLiteValue(number), blob)
      }
    }
    let (file, log) = (folder.read("w.db"), folder.read("w.db-wal"))
    var seen: Set<Int64> = []
    for cut in stride(from: 0, through: log.count, by: 3_333) {
      folder.write(file, to: "t\(cut).db")
      folder.write(Array(log.prefix(cut)), to: "t\(cut).db-wal")
      let torn = try SQLiteConnection(SQLiteOptions(location: .file(folder.file("t\(cut).db"))))
      let count = try #require(try torn.queryInteger("SELECT count(*) FROM pair"))
      #expect(count % 2 == 0)
      seen.insert(count)
    }
    #expect(seen == [0, 2, 4, 6, 8, 10] || seen == [0, 2, 4, 6, 8, 10, 12])
  }
}
