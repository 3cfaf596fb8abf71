import TestSupport
import Testing

@testable import SQLiteBridge

@Suite("What has rotted in the log of a file")
struct LogSalvageTests {
  private let written = WrittenLog()
  private var folder: TemporaryFolder { written.folder }
  private static let commits = WrittenLog.commits
  private static let frameBytes = WrittenLog.frameBytes
  private static let all = Array(repeating: Int64?.some(24), count: 3)

  /// Two in a row, in its midst: what is behind them cannot be read.
  private func withTwoDamagedPages(_ log: [UInt8]) -> [UInt8] {
    var rotten = log
    let frames = (log.count - LogSalvage.headerBytes) / Self.frameBytes
    for frame in frames / 2...frames / 2 + 1 {
      let end = LogSalvage.headerBytes + (frame + 1) * Self.frameBytes
      rotten.replaceSubrange(end - 512..<end, with: repeatElement(0xA5, count: 512))
    }
    return rotten
  }

  @Test("one bit anywhere is put right", arguments: [nil, 12, 24])
  func flippedBit(checkpoint: Int?) throws {
    let (file, log) = try written.log(checkpoint: checkpoint)
    let frames = (log.count - LogSalvage.headerBytes) / Self.frameBytes
    try #require(frames >= 2 * Self.commits)
    let header = (0..<LogSalvage.headerBytes).map { $0 }
    let places = [0, frames / 2, frames - 1].flatMap { frame in
      (0..<40).map { place in
        LogSalvage.headerBytes + frame * Self.frameBytes
          // Every byte of the header, and some of the page.
          + (place < 24 ? place : 24 + (place - 24) * 255)
      }
    }
    for (number, place) in (header + places).enumerated() {
      var rotten = log
      let isPage = (place - LogSalvage.headerBytes) % Self.frameBytes >= 24
      let isLast = place >= log.count - Self.frameBytes
      // The highest bits of a word do to the checksum what those of others do.
      if isPage || isLast, place % 4 == 3 || number % 8 == 7 { continue }
      rotten[place] ^= 1 << UInt8(number % 8)
      let connection = try written.open(file, rotten)
      #expect(folder.read("c.db-wal") == log, "byte \(place)")
      #expect(try written.commits(connection) == Self.all, "byte \(place)")
      #expect(connection.mendedLog != nil, "byte \(place)")
      #expect(connection.mendedLog?.damaged == 0 && connection.mendedLog?.isCut == false)
      #expect(try connection.integrityCheck() == [])
      try connection.execute("INSERT INTO t VALUES (?, NULL)", SQLiteValue(Self.commits + 1))
      connection.close()
      let again = try SQLiteConnection(
        SQLiteOptions(location: .file(folder.file("c.db")), access: .write))
      #expect(try again.queryInteger("SELECT count(*) FROM t") == 25)
      #expect(again.mendedLog == nil)
      again.close()
    }
  }

  @Test("a sector in the midst of it costs the page that it is of, and no commit behind it")
  func sector() throws {
    let (file, log) = try written.log(checkpoint: 12)
    var rotten = log
    // The last page of a commit is that of `u`, which every later one writes again.
    let frames = (log.count - LogSalvage.headerBytes) / Self.frameBytes
    let frame = frames / 2
    let end = LogSalvage.headerBytes + (frame + 1) * Self.frameBytes
    rotten.replaceSubrange(end - 512..<end, with: repeatElement(0xA5, count: 512))
    let connection = try written.open(file, rotten)
    #expect(connection.mendedLog?.damaged == 1)
    #expect(try connection.queryInteger("SELECT n FROM u") == 24)
    #expect(try connection.queryInteger("SELECT max(n) FROM t") == 24)
  }

  @Test("nothing is written over it but what is wrong, eight bytes at most")
  func littleIsWritten() throws {
    let (file, log) = try written.log()
    let frames = (log.count - LogSalvage.headerBytes) / Self.frameBytes
    let start = LogSalvage.headerBytes + frames / 2 * Self.frameBytes
    // The salts, the checksum, a bit of the page, and a part of it.
    for (offset, count) in [(8, 8), (16, 1), (1_000, 1), (1_000, 512)] {
      var rotten = log
      for place in start + offset..<start + offset + count { rotten[place] ^= 0x10 }
      let connection = try written.open(file, rotten)
      let mended = folder.read("c.db-wal")
      #expect(zip(mended, rotten).count { $0 != $1 } <= 8, "\(offset)")
      #expect(zip(mended, log).count { $0 != $1 } <= (count == 512 ? 520 : 0), "\(offset)")
      #expect(try connection.queryInteger("SELECT n FROM u") == 24)
      connection.close()
    }
  }

  @Test("a power failure while it is mended costs nothing")
  func powerFailure() throws {
    let (file, log) = try written.log()
    let places = [5, 20, 33].map { LogSalvage.headerBytes + $0 * Self.frameBytes + 700 }
    var rotten = log
    for place in places { rotten[place] ^= 2 }
    for done in 0..<8 {
      var half = rotten
      for (number, place) in places.enumerated() where done >> number & 1 == 1 {
        half[place] = log[place]
      }
      let connection = try written.open(file, half)
      #expect(try written.commits(connection) == Self.all)
      #expect(connection.mendedLog?.frames == (done == 7 ? nil : 3 - done.nonzeroBitCount))
      connection.close()
    }
  }

  @Test("the number of a page is found again by the checksum", arguments: [0, 1, 3, 255])
  func pageNumber(wrong: UInt8) throws {
    let (file, log) = try written.log()
    let frames = (log.count - LogSalvage.headerBytes) / Self.frameBytes
    let start = LogSalvage.headerBytes + frames / 2 * Self.frameBytes
    var rotten = log
    rotten.replaceSubrange(start..<start + 8, with: [0, 0, 0, wrong, 0, 0, 0, 77])
    let connection = try written.open(file, rotten)
    #expect(connection.mendedLog == MendedLog(frames: 1, end: frames))
    #expect(try written.commits(connection) == Self.all)
    #expect(folder.read("c.db-wal") == log)
  }

  @Test("a page that no file has is written nowhere", arguments: [0, 200])
  func impossiblePage(wrong: UInt8) throws {
    let (file, log) = try written.log()
    let frames = (log.count - LogSalvage.headerBytes) / Self.frameBytes
    let start = LogSalvage.headerBytes + frames / 2 * Self.frameBytes
    var rotten = log
    rotten[start + 3] = wrong
    for place in start + 2_000..<start + 2_100 { rotten[place] ^= 0x55 }
    let connection = try written.open(file, rotten)
    #expect(connection.mendedLog?.isCut == true)
    let left = try #require(try connection.queryInteger("SELECT max(n) FROM t"))
    #expect(left < 24 && left > 1)
    // It ends with the transaction before that of the page.
    let cut = (start - folder.read("c.db-wal").count) / Self.frameBytes
    #expect((0...1).contains(cut))
    #expect(try connection.integrityCheck() == [])
  }

  @Test("a damaged page that says it ends a transaction does not make the rest of that one count")
  func falseEnd() throws {
    let connection = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("w.db")), walAutocheckpointPages: 0))
    try connection.script("CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)")
    let before = folder.read("w.db-wal").count
    try connection.transaction(.write) { () throws(SQLiteError) in
      for _ in 0..<9 { try connection.execute("INSERT INTO t (b) VALUES (zeroblob(3000))") }
    }
    var log = folder.read("w.db-wal")
    let file = folder.read("w.db")
    connection.close()
    // The last transaction as a power failure may leave it: one of its pages was not written.
    let page = before + 2 * Self.frameBytes
    try #require(log.count > page + 3 * Self.frameBytes)
    log[page + 7] = 1
    for place in page + 2_000..<page + 2_100 { log[place] ^= 0x55 }
    let other = try written.open(file, log)
    #expect(try other.queryInteger("SELECT count(*) FROM t") == 0)
    #expect(other.mendedLog?.damaged ?? 0 == 0)
  }

  @Test("a log that was copied and is to begin anew is not read once more")
  func restarted() throws {
    let (file, log) = try written.log()
    let first = try written.open(file, log)
    _ = try first.checkpoint(.truncate)
    // As if the process had died before the log was cut.
    folder.write(log, to: "c.db-wal")
    let second = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("c.db")), access: .write))
    #expect(second.mendedLog == nil)
    #expect(try written.commits(second) == Self.all)
    try second.execute("INSERT INTO t VALUES (25, NULL)")
    #expect(try first.queryInteger("SELECT count(*) FROM t") == 25)
  }

  @Test("a shorter commit over the rest of a log stays the last, however often it is opened")
  func shorterCommit() throws {
    let (file, log) = try written.log()
    let rotten = withTwoDamagedPages(log)
    var (nowFile, nowLog) = (file, rotten)
    for round in 1...3 {
      let connection = try written.open(nowFile, nowLog)
      #expect((connection.mendedLog != nil) == (round == 1))
      try connection.execute("UPDATE u SET n = ?", SQLiteValue(1_000 + round))
      #expect(try connection.queryInteger("SELECT n FROM u") == Int64(1_000 + round))
      #expect(try connection.integrityCheck() == [])
      (nowFile, nowLog) = (folder.read("c.db"), folder.read("c.db-wal"))
      connection.close()
    }
  }

  @Test("a commit that was being written when the power failed has not happened")
  func torn() throws {
    let (file, log) = try written.log()
    let cut = Array(log.dropLast(Self.frameBytes / 2))
    let connection = try written.open(file, cut)
    #expect(connection.mendedLog == nil)
    #expect(try written.commits(connection) == Array(repeating: 23, count: 3))
    connection.close()
    var sector = log
    sector.replaceSubrange(log.count - 512..<log.count, with: repeatElement(0xA5, count: 512))
    let other = try written.open(file, sector)
    #expect(other.mendedLog == nil)
    #expect(try written.commits(other) == Array(repeating: 23, count: 3))
  }

  @Test("what can be read no further is cut off, and does not come back over what is written then")
  func cut() throws {
    let (file, log) = try written.log()
    let rotten = withTwoDamagedPages(log)
    let connection = try written.open(file, rotten)
    #expect(connection.mendedLog?.isCut == true)
    let left = try #require(try connection.queryInteger("SELECT max(n) FROM t"))
    #expect(left < 24 && left > 1)
    try connection.transaction(.write) { () throws(SQLiteError) in
      try connection.execute("UPDATE u SET n = 1000")
    }
    // As a crash leaves them.
    let (afterFile, afterLog) = (folder.read("c.db"), folder.read("c.db-wal"))
    connection.close()
    let again = try written.open(afterFile, afterLog)
    #expect(again.mendedLog == nil)
    #expect(try again.queryInteger("SELECT n FROM u") == 1_000)
    #expect(try again.queryInteger("SELECT max(n) FROM t") == left)
  }

  @Test("a log that somebody has written to since is left as it is")
  func writtenSince() throws {
    let (file, log) = try written.log()
    var rotten = log
    rotten[LogSalvage.headerBytes + 20 * Self.frameBytes + 1_000] ^= 4
    let first = try written.open(file, log)
    try first.execute("UPDATE u SET n = 7")
    folder.write(Array(rotten[0..<rotten.count]), to: "c.db-wal")
    let second = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("c.db")), access: .write))
    #expect(second.mendedLog == nil)
    #expect(try second.queryInteger("SELECT n FROM u") == 7)
  }

  @Test("others who are reading go on with what they see, and then see all of it")
  func readers() throws {
    let (file, log) = try written.log()
    var rotten = log
    rotten[LogSalvage.headerBytes + 20 * Self.frameBytes + 1_000] ^= 4
    for name in folder.files where name.hasPrefix("c.db") { folder.truncate(name, to: 0) }
    folder.write(file, to: "c.db")
    folder.write(rotten, to: "c.db-wal")
    let path = folder.file("c.db")
    let reader = try SQLiteConnection(SQLiteOptions(location: .file(path), access: .read))
    let before = try reader.queryInteger("SELECT max(n) FROM t")
    #expect(before ?? 24 < 24)
    try reader.transaction(.read) { () throws(SQLiteError) in
      #expect(try reader.queryInteger("SELECT max(n) FROM t") == before)
      let writer = try SQLiteConnection(SQLiteOptions(location: .file(path), access: .write))
      #expect(writer.mendedLog != nil)
      #expect(try writer.queryInteger("SELECT max(n) FROM t") == 24)
      #expect(try reader.queryInteger("SELECT max(n) FROM t") == before)
      writer.close()
    }
    #expect(try reader.queryInteger("SELECT max(n) FROM t") == 24)
  }

  @Test("a file that nothing was ever copied into is mended, too, whatever it looks like")
  func youngFile() throws {
    let schema = SQLiteSchema(
      applicationID: 0x7465_7374,
      migrations: [SQLiteMigration("one", script: "CREATE TABLE t (n INTEGER PRIMARY KEY)")])
    func options(_ name: String) -> SQLiteOptions {
      SQLiteOptions(location: .file(folder.file(name)), walAutocheckpointPages: 0)
    }
    let connection = try SQLiteConnection(options("w.db"), schema: schema)
    for number in 1...9 {
      try connection.execute("INSERT INTO t VALUES (?)", SQLiteValue(number))
    }
    let (file, log) = (folder.read("w.db"), folder.read("w.db-wal"))
    connection.close()
    // Within the first transaction, so that the file says of itself that it is empty.
    var rotten = log
    rotten[LogSalvage.headerBytes + 2_000] ^= 8
    folder.write(file, to: "y.db")
    folder.write(rotten, to: "y.db-wal")
    let young = try SQLiteConnection(options("y.db"), schema: schema)
    #expect(young.mendedLog?.frames == 1 && young.mendedLog?.isCut == false)
    #expect(try young.queryInteger("SELECT max(n) FROM t") == 9)
    #expect(try young.schemaVersion() == 1)
  }

  @Test("a log that was made longer ahead of its commits is mended, and ends where they do")
  func room() throws {
    let (file, log) = try written.log()
    let room = [UInt8](repeating: 0, count: 8 * Self.frameBytes)
    var rotten = log
    rotten[LogSalvage.headerBytes + 20 * Self.frameBytes + 1_000] ^= 4
    let connection = try written.open(file, rotten + room)
    #expect(connection.mendedLog?.frames == 1 && connection.mendedLog?.isCut == false)
    #expect(try written.commits(connection) == Self.all)
    #expect(folder.read("c.db-wal") == log + room)
    connection.close()
    // The last commit, with zeros behind it that are none.
    var torn = log
    torn.replaceSubrange(log.count - 512..<log.count, with: repeatElement(0xA5, count: 512))
    let other = try written.open(file, torn + room)
    #expect(other.mendedLog == nil)
    #expect(try written.commits(other) == Array(repeating: 23, count: 3))
  }

  @Test("a bit that does to the checksum what another does is not put right in the wrong place")
  func likeBits() throws {
    let (file, log) = try written.log()
    let frames = (log.count - LogSalvage.headerBytes) / Self.frameBytes
    let start = LogSalvage.headerBytes + frames / 2 * Self.frameBytes
    for place in stride(from: start + 27, to: start + Self.frameBytes, by: 404) {
      var rotten = log
      rotten[place] ^= 0x80
      let connection = try written.open(file, rotten)
      let mended = folder.read("c.db-wal")
      // Whole, or damaged so that the page says so by its last eight bytes.
      let differing = log.indices.filter { mended[$0] != log[$0] }
      let end = start + Self.frameBytes
      #expect(differing.allSatisfy { $0 == place || (end - 8..<end).contains($0) }, "\(place)")
      #expect((connection.mendedLog?.damaged == 0) == differing.isEmpty, "\(place)")
      connection.close()
    }
  }
}
