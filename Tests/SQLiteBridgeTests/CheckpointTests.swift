import TestSupport
import Testing

@testable import SQLiteBridge

@Suite("Checkpoints that are left to others")
struct CheckpointTests {
  private func insert(into connection: SQLiteConnection) throws {
    try connection.transaction(.write) { () throws(SQLiteError) in
      try connection.execute("INSERT INTO t VALUES (zeroblob(3000))")
    }
  }

  private func fill(_ connection: SQLiteConnection, pages: Int) throws {
    while connection.logPages < pages { try insert(into: connection) }
  }

  @Test("no commit copies the log before it is as long as it may be, and that one does")
  func limits() throws {
    let folder = TemporaryFolder()
    let path = folder.file("w.db")
    let connection = try SQLiteConnection(
      SQLiteOptions(location: .file(path), walAutocheckpointPages: 10))
    try connection.execute("CREATE TABLE t (b BLOB)")
    #expect(connection.logPages == 0)
    try connection.leaveCheckpoints(below: 60)
    try fill(connection, pages: 55)
    // The log begins anew when all of it was copied.
    for _ in 0..<40 where connection.logPages >= 40 {
      try insert(into: connection)
      #expect(connection.logPages <= 64)
    }
    #expect(connection.logPages < 40)
  }

  @Test("another connection copies the log meanwhile")
  func others() throws {
    let folder = TemporaryFolder()
    let path = folder.file("w.db")
    let connection = try SQLiteConnection(SQLiteOptions(location: .file(path)))
    try connection.execute("CREATE TABLE t (b BLOB)")
    try connection.leaveCheckpoints(below: 10_000)
    try fill(connection, pages: 50)
    let other = try SQLiteConnection(SQLiteOptions(location: .file(path), access: .write))
    let copied = try other.checkpoint(.passive)
    #expect(copied.pages == copied.copied && copied.pages >= 50)
    try insert(into: connection)
    #expect(connection.logPages < 10)
    let rows = try connection.queryInteger("SELECT count(*) FROM t") ?? 0
    #expect(try other.queryInteger("SELECT count(*) FROM t") == rows)
  }

  @Test("what is deleted is not written once more")
  func deleting() throws {
    let folder = TemporaryFolder()
    let connection = try SQLiteConnection(SQLiteOptions(location: .file(folder.file("w.db"))))
    try connection.execute("CREATE TABLE t (b BLOB)")
    try connection.leaveCheckpoints(below: 10_000)
    try connection.execute("INSERT INTO t VALUES (randomblob(1000000))")
    let written = connection.logPages
    #expect(written > 244)
    try connection.execute("DELETE FROM t")
    #expect(connection.logPages > written && connection.logPages < written + 10)
  }

  @Test("commits are written where the log has bytes already; those behind them say nothing")
  func room() throws {
    let folder = TemporaryFolder()
    let path = folder.file("w.db")
    let connection = try SQLiteConnection(SQLiteOptions(location: .file(path)))
    try connection.execute("CREATE TABLE t (b BLOB)")
    try connection.leaveCheckpoints(below: 10_000)
    try fill(connection, pages: LogRoom.pagesMin - 4)
    // A short log is as long as what was written to it.
    #expect(folder.read("w.db-wal").count == LogSalvage.headerBytes + connection.logPages * 4_120)
    var lengths: Set<Int> = []
    for _ in 0..<200 {
      try insert(into: connection)
      lengths.insert(folder.read("w.db-wal").count)
    }
    #expect(lengths.count < 40)
    let rows = try connection.queryInteger("SELECT count(*) FROM t") ?? 0
    // As a crash leaves them.
    folder.write(folder.read("w.db"), to: "c.db")
    folder.write(folder.read("w.db-wal"), to: "c.db-wal")
    let after = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("c.db")), access: .write))
    #expect(try after.queryInteger("SELECT count(*) FROM t") == rows)
    #expect(after.mendedLog == nil)
    #expect(try after.integrityCheck() == [])
  }

  @Test("two who write by turns make room for each other and overwrite nothing")
  func roomOfTwo() throws {
    let folder = TemporaryFolder()
    let path = folder.file("w.db")
    let first = try SQLiteConnection(SQLiteOptions(location: .file(path)))
    try first.execute("CREATE TABLE t (b BLOB)")
    let second = try SQLiteConnection(SQLiteOptions(location: .file(path), access: .write))
    for connection in [first, second] { try connection.leaveCheckpoints(below: 10_000) }
    for number in 0..<300 { try insert(into: number % 3 == 0 ? second : first) }
    #expect(try second.queryInteger("SELECT count(*) FROM t") == 300)
    folder.write(folder.read("w.db"), to: "c.db")
    folder.write(folder.read("w.db-wal"), to: "c.db-wal")
    let after = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("c.db")), access: .write))
    #expect(try after.queryInteger("SELECT count(*) FROM t") == 300)
    #expect(try after.integrityCheck() == [])
  }
}
