import TestSupport
import Testing

@testable import SQLiteBridge

@Suite("What has rotted in the first sector of a log")
struct LogBeginningTests {
  private let written = WrittenLog()
  private var folder: TemporaryFolder { written.folder }
  private static let all = Array(repeating: Int64?.some(24), count: 3)
  /// The headers of the log and of its first frame.
  private static let headerBytes = LogSalvage.headerBytes + LogSalvage.frameHeaderBytes

  private func withRot(_ log: [UInt8], _ places: Range<Int>, seed: UInt64 = 7) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    var rotten = log
    for place in places { rotten[place] ^= UInt8.random(in: 1...255, using: &random) }
    return rotten
  }

  /// A log that has begun anew over another one, and what the file has without it.
  ///
  /// - Parameter number: how many commits were before; the second log holds those after them.
  private func restarted(
    after number: Int, _ body: (SQLiteConnection) throws -> Void
  ) throws -> (file: [UInt8], log: [UInt8]) {
    let connection = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("w.db")), walAutocheckpointPages: 0))
    try connection.script("CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB); CREATE TABLE u (n)")
    try connection.execute("INSERT INTO u VALUES (0)")
    for number in 1...number { try written.commit(number, connection) }
    _ = try connection.checkpoint(.passive)
    try body(connection)
    defer { connection.close() }
    return (folder.read("w.db"), folder.read("w.db-wal"))
  }

  @Test("the header is made again from the first frame, whatever stands there", arguments: 0..<8)
  func header(seed: UInt64) throws {
    let (file, log) = try written.log(checkpoint: [nil, 12, 24][Int(seed) % 3])
    let start = Int(seed) * 3
    var rottens = [withRot(log, start..<LogSalvage.headerBytes, seed: seed)]
    if seed == 0 { rottens.append([UInt8](repeating: 0, count: 32) + log.dropFirst(32)) }
    for rotten in rottens {
      let connection = try written.open(file, rotten)
      #expect(folder.read("c.db-wal") == log)
      #expect(try written.commits(connection) == Self.all)
      let frames = (log.count - LogSalvage.headerBytes) / WrittenLog.frameBytes
      #expect(connection.mendedLog == MendedLog(end: frames))
      try connection.execute("INSERT INTO t VALUES (25, NULL)")
      connection.close()
      let again = try SQLiteConnection(
        SQLiteOptions(location: .file(folder.file("c.db")), access: .write))
      #expect(again.mendedLog == nil)
      #expect(try again.queryInteger("SELECT count(*) FROM t") == 25)
      again.close()
    }
  }

  @Test("so is that of the first frame, from the second, where the file lacks what the log holds")
  func bothHeaders() throws {
    for checkpoint in [nil, 12] {
      let written = WrittenLog()
      let (file, log) = try written.log(checkpoint: checkpoint)
      let connection = try written.open(file, withRot(log, 0..<Self.headerBytes))
      #expect(written.folder.read("c.db-wal") == log)
      #expect(try written.commits(connection) == Self.all)
      #expect(connection.mendedLog?.frames == 1 && connection.mendedLog?.damaged == 0)
      #expect(try connection.integrityCheck() == [])
      connection.close()
    }
  }

  @Test("pages of which the numbers are alike in the checksum are told apart, or neither is taken")
  func alikeNumbers() throws {
    // A file of more than 256 pages, and a log whose first frame is one that no other is of.
    let connection = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("w.db")), walAutocheckpointPages: 0))
    try connection.script("CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB); CREATE TABLE u (n)")
    try connection.execute("INSERT INTO u VALUES (0)")
    for number in 1...12 {
      try connection.execute("INSERT INTO t VALUES (?, zeroblob(100000))", SQLiteValue(number))
    }
    _ = try connection.checkpoint(.passive)
    for number in 13...24 { try written.commit(number, connection) }
    let (file, log) = (folder.read("w.db"), folder.read("w.db-wal"))
    connection.close()
    // All of it, all but the page, and all but the checkpoints.
    for kept in [0..<0, 32..<36, 12..<16] {
      var rotten = withRot(log, 0..<Self.headerBytes)
      rotten.replaceSubrange(kept, with: log[kept])
      let connection = try written.open(file, rotten)
      if connection.mendedLog?.isLost == true {
        #expect(kept.isEmpty)
        #expect(try connection.queryInteger("SELECT max(n) FROM t") == 12)
      } else {
        #expect(folder.read("c.db-wal") == log, "\(kept)")
        #expect(try written.commits(connection) == Self.all, "\(kept)")
      }
      #expect(try connection.integrityCheck() == [])
      connection.close()
    }
  }

  @Test("salts that can still be read in either header are as good", arguments: [16, 40])
  func readableSalts(start: Int) throws {
    let (file, log) = try written.log(checkpoint: 24)
    var rotten = withRot(log, 0..<Self.headerBytes)
    rotten.replaceSubrange(start..<start + 8, with: log[start..<start + 8])
    let connection = try written.open(file, rotten)
    #expect(folder.read("c.db-wal") == log)
    #expect(connection.mendedLog?.isLost == false)
    connection.close()
    let other = try written.open(file, withRot(log, 0..<Self.headerBytes))
    #expect(other.mendedLog == MendedLog(isLost: true))
    #expect(try written.commits(other) == Self.all)
    other.close()
  }

  @Test("the whole sector is made again where its page begins with the same somewhere else")
  func sector() throws {
    let (file, log) = try restarted(after: 12) { connection in
      for number in 13...24 { try written.commit(number, connection) }
    }
    for rotten in [
      withRot(log, 0..<LogBeginning.sectorBytes),
      [UInt8](repeating: 0, count: 512) + log.dropFirst(512),
    ] {
      let connection = try written.open(file, rotten)
      #expect(folder.read("c.db-wal") == log)
      #expect(try written.commits(connection) == Self.all)
      #expect(connection.mendedLog?.frames == 1 && connection.mendedLog?.damaged == 0)
      #expect(try connection.integrityCheck() == [])
      connection.close()
    }
  }

  @Test("what cannot be made again is said to be lost, and does not come back later")
  func lost() throws {
    // The first page of this log is the first one of the file, which begins otherwise since.
    let (file, log) = try written.log(checkpoint: 12)
    let connection = try written.open(file, withRot(log, 0..<LogBeginning.sectorBytes))
    #expect(connection.mendedLog == MendedLog(isLost: true))
    #expect(try written.commits(connection) == Array(repeating: 12, count: 3))
    #expect(try connection.integrityCheck() == [])
    try connection.execute("UPDATE u SET n = 1000")
    let (afterFile, afterLog) = (folder.read("c.db"), folder.read("c.db-wal"))
    connection.close()
    let again = try written.open(afterFile, afterLog)
    #expect(again.mendedLog == nil)
    #expect(try again.queryInteger("SELECT n FROM u") == 1_000)
    #expect(try again.queryInteger("SELECT max(n) FROM t") == 12)
  }

  @Test("what is lost does not follow what is written over it with the same salts")
  func sameSalts() throws {
    var (file, log) = try restarted(after: 12) { connection in
      for number in 13...24 { try written.commit(number, connection) }
    }
    try #require(log[12..<16] != [0, 0, 0, 0])
    // The checksum of the header, and two pages in the midst of the commits.
    log = withRot(log, 24..<LogSalvage.headerBytes)
    for frame in [12, 13] {
      let end = LogSalvage.headerBytes + (frame + 1) * WrittenLog.frameBytes
      log = withRot(log, end - 512..<end)
    }
    for round in 1...3 {
      let connection = try written.open(file, log)
      #expect(connection.mendedLog == (round == 1 ? MendedLog(isLost: true) : nil))
      try connection.execute("UPDATE u SET n = ?", SQLiteValue(1_000 + round))
      (file, log) = (folder.read("c.db"), folder.read("c.db-wal"))
      #expect(try written.commits(connection) == [12, 12, Int64(1_000 + round)])
      connection.close()
    }
  }

  @Test("a log that could be read in part only is not read, as the file may have all of it")
  func part() throws {
    for checkpoint in [12, 24] {
      let written = WrittenLog()
      let (file, log) = try written.log(checkpoint: checkpoint)
      let frames = (log.count - LogSalvage.headerBytes) / WrittenLog.frameBytes
      var rotten = withRot(log, 0..<LogSalvage.headerBytes)
      for frame in [frames / 4, frames / 4 + 1] {
        let end = LogSalvage.headerBytes + (frame + 1) * WrittenLog.frameBytes
        rotten = withRot(rotten, end - 512..<end)
      }
      let connection = try written.open(file, rotten)
      #expect(connection.mendedLog == MendedLog(isLost: true))
      #expect(try written.commits(connection) == Array(repeating: Int64(checkpoint), count: 3))
      #expect(try connection.integrityCheck() == [])
      connection.close()
    }
  }

  @Test("what a power failure has left of the last commit does not count, as ever")
  func torn() throws {
    let (file, log) = try written.log()
    let rotten = withRot(Array(log.dropLast(1_000)), 0..<LogSalvage.headerBytes)
    let connection = try written.open(file, rotten)
    #expect(connection.mendedLog?.isLost == false)
    #expect(try written.commits(connection) == Array(repeating: 23, count: 3))
  }

  // MARK: Logs that have begun anew

  @Test("the rest of an older log stays behind the newer one", arguments: [32, 56])
  func olderRest(rot: Int) throws {
    let (file, log) = try restarted(after: 14) { connection in
      for number in 15...24 { try written.commit(number, connection) }
    }
    let last = log.count - WrittenLog.frameBytes
    try #require(log[40..<48] != log[last + 8..<last + 16])
    let connection = try written.open(file, withRot(log, 0..<rot))
    #expect(folder.read("c.db-wal") == log)
    #expect(try written.commits(connection) == Self.all)
    #expect(connection.mendedLog?.isLost == false)
  }

  @Test("an older log does not come back where the newer one has a single frame, which has rotted")
  func singleFrame() throws {
    // Twice a log begins anew, and the second time its only commit makes of its page what the first
    // commit of the one before had made of it.
    let (file, log) = try restarted(after: 12) { connection in
      for number in 13...24 { try written.commit(number, connection) }
      _ = try connection.checkpoint(.passive)
      try connection.execute("UPDATE u SET n = 13")
      _ = try connection.checkpoint(.passive)
    }
    for rot in [Self.headerBytes, LogBeginning.sectorBytes] {
      let connection = try written.open(file, withRot(log, 0..<rot))
      #expect(connection.mendedLog == MendedLog(isLost: true), "\(rot)")
      #expect(try written.commits(connection) == [24, 24, 13], "\(rot)")
      connection.close()
    }
    // With the frame it is known which log it is.
    let connection = try written.open(file, withRot(log, 0..<LogSalvage.headerBytes))
    #expect(connection.mendedLog?.end == 1)
    #expect(try written.commits(connection) == [24, 24, 13])
  }

  @Test("a log in which nothing was committed is none that is lost")
  func empty() throws {
    let (file, _) = try written.log(checkpoint: 24)
    for count in [31, 32, 33, 64, 512, 5_000, 20_000] {
      let zeros = [UInt8](repeating: 0, count: count)
      for bytes in [zeros, withRot(zeros, 0..<min(32, count))] {
        let connection = try written.open(file, bytes)
        #expect(connection.mendedLog == nil, "\(count)")
        #expect(try written.commits(connection) == Self.all)
        try connection.execute("UPDATE u SET n = 25")
        connection.close()
      }
    }
  }
}
