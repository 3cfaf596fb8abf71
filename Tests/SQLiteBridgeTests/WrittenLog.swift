import TestSupport
import Testing

@testable import SQLiteBridge

/// A file and its log as a crash leaves them, and what is read when the log has rotted since.
final class WrittenLog {
  let folder = TemporaryFolder()
  static let commits = 24
  static let frameBytes = 4_096 + LogSalvage.frameHeaderBytes

  /// One commit for each row, the last one number ``commits``, and all they wrote in the log.
  ///
  /// - Parameter checkpoint: behind how many commits all was copied into the file, while somebody
  ///   reads who keeps the log from beginning anew.
  func log(checkpoint: Int? = nil) throws -> (file: [UInt8], log: [UInt8]) {
    let connection = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("w.db")), walAutocheckpointPages: 0))
    let reader = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("w.db")), walAutocheckpointPages: 0))
    try connection.script("CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB); CREATE TABLE u (n)")
    try connection.execute("INSERT INTO u VALUES (0)")
    for number in 1...Self.commits {
      try commit(number, connection)
      guard number == checkpoint else { continue }
      try reader.begin(.read)
      _ = try reader.queryInteger("SELECT count(*) FROM t")
      #expect(try connection.checkpoint(.passive).copied >= number)
    }
    let bytes = (folder.read("w.db"), folder.read("w.db-wal"))
    if checkpoint != nil { try reader.commit() }
    reader.close()
    connection.close()
    return bytes
  }

  func commit(_ number: Int, _ connection: SQLiteConnection) throws {
    try connection.transaction(.write) { () throws(SQLiteError) in
      try connection.execute("INSERT INTO t VALUES (?, zeroblob(500))", SQLiteValue(number))
      try connection.execute("UPDATE u SET n = ?", SQLiteValue(number))
    }
  }

  func open(_ file: [UInt8], _ log: [UInt8]) throws -> SQLiteConnection {
    for name in folder.files where name.hasPrefix("c.db") { folder.truncate(name, to: 0) }
    folder.write(file, to: "c.db")
    folder.write(log, to: "c.db-wal")
    return try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("c.db")), access: .write))
  }

  /// The numbers in both tables, which every commit makes equal.
  func commits(_ connection: SQLiteConnection) throws -> [Int64?] {
    [
      try connection.queryInteger("SELECT count(*) FROM t"),
      try connection.queryInteger("SELECT max(n) FROM t"),
      try connection.queryInteger("SELECT n FROM u"),
    ]
  }
}
