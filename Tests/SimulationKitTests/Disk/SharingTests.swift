import SQLiteBridge
import TestSupport
import Testing

@testable import SimulationKit

@Suite("The disk: several connections on one file")
struct SharingTests {
  private func connect(
    _ disk: VirtualDisk, _ access: SQLiteOptions.Access = .create
  ) throws -> SQLiteConnection {
    try SQLiteConnection(
      SQLiteOptions(
        location: .file("shared.db"), access: access, vfs: disk.vfsName,
        busyTimeoutMilliseconds: 20, walAutocheckpointPages: 20))
  }

  @Test("two connections see each other's commits, and one writes at a time")
  func twoConnections() throws {
    let disk = VirtualDisk(seed: 1, name: "two")
    let one = try connect(disk)
    let two = try connect(disk)
    try one.execute("CREATE TABLE t (n INTEGER)")
    for number in 1...100 {
      let writer = number % 2 == 0 ? one : two
      let reader = number % 2 == 0 ? two : one
      try writer.transaction { () throws(SQLiteError) in
        try writer.execute("INSERT INTO t VALUES (?)", .integer(Int64(number)))
        #expect(throws: SQLiteError.self) { try reader.transaction { () throws(SQLiteError) in } }
        #expect(try reader.queryInteger("SELECT count(*) FROM t") == Int64(number - 1))
      }
      #expect(try reader.queryInteger("SELECT count(*) FROM t") == Int64(number))
    }
    one.close()
    #expect(try two.integrityCheck() == [])
    two.close()
    #expect(disk.image.fileNames == ["shared.db"])
  }

  @Test("a reader keeps its view while another connection writes and copies the WAL back")
  func unchangingView() throws {
    let disk = VirtualDisk(seed: 1, name: "view")
    let writer = try connect(disk)
    try writer.execute("CREATE TABLE t (n INTEGER, filler BLOB)")
    try writer.execute("INSERT INTO t VALUES (1, NULL)")
    let reader = try connect(disk, .read)
    try reader.transaction(.read) { () throws(SQLiteError) in
      #expect(try reader.queryInteger("SELECT count(*) FROM t") == 1)
      for _ in 1...50 {
        try writer.execute(
          "INSERT INTO t VALUES (2, ?)", .blob([UInt8](repeating: 7, count: 3_000)))
      }
      _ = try writer.checkpoint(.passive)
      #expect(try reader.queryInteger("SELECT count(*) FROM t") == 1)
      #expect(throws: SQLiteError.self) { try writer.checkpoint(.truncate) }
    }
    #expect(try reader.queryInteger("SELECT count(*) FROM t") == 51)
    _ = try writer.checkpoint(.truncate)
    #expect(try reader.queryInteger("SELECT count(*) FROM t") == 51)
  }

  @Test("when one process of two dies the other's work goes on after both have started again")
  func crashWithTwo() throws {
    for steps in 0...20 {
      let disk = VirtualDisk(seed: UInt64(steps), name: "both")
      let one = try connect(disk)
      let two = try connect(disk)
      try one.execute("CREATE TABLE t (n INTEGER)")
      var acknowledged: Int64 = 0
      disk.planCrash(.power, afterSteps: steps)
      while !disk.isDown {
        let writer = acknowledged % 2 == 0 ? one : two
        do {
          try writer.execute("INSERT INTO t VALUES (?)", .integer(acknowledged))
          acknowledged += 1
        } catch {}
      }
      disk.crash(.process)
      let three = try connect(disk)
      one.close()
      let count = try #require(try three.queryInteger("SELECT count(*) FROM t"))
      two.close()
      #expect(count >= acknowledged && count <= acknowledged + 1, "\(steps)")
      try three.execute("INSERT INTO t VALUES (-1)")
      #expect(try three.integrityCheck() == [])
    }
  }

  @Test("temporary files work and are part of no image")
  func temporaryFiles() throws {
    let disk = VirtualDisk(seed: 1, name: "temporary")
    let connection = try connect(disk)
    try connection.execute("PRAGMA temp_store = FILE")
    try connection.execute("PRAGMA cache_size = 5")
    try connection.execute("CREATE TEMP TABLE t (n INTEGER, filler BLOB)")
    disk.startRecording()
    try connection.transaction { () throws(SQLiteError) in
      for number in 1...200 {
        try connection.execute(
          "INSERT INTO t VALUES (?, randomblob(2000))", .integer(Int64(number)))
      }
    }
    var rows = try connection.query("SELECT n FROM t ORDER BY filler")
    var count = 0
    while try rows.next() { count += 1 }
    #expect(count == 200)
    let recording = try #require(disk.stopRecording())
    #expect(Array(recording).count == recording.steps.count + 1)
    #expect(disk.image.fileNames.allSatisfy { $0.hasPrefix("shared.db") })
  }

  @Test("a disk lives for as long as a connection on it")
  func lifetime() throws {
    weak var seen: VirtualDisk?
    var connection: SQLiteConnection?
    do {
      let disk = VirtualDisk(seed: 1, name: "short")
      seen = disk
      connection = try connect(disk)
    }
    try connection?.execute("CREATE TABLE t (n INTEGER)")
    #expect(seen != nil)
    connection?.close()
    connection = nil
    #expect(seen == nil)
  }
}
