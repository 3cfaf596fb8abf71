import Causality
import Documents
import SQLiteBridge
import Sealing
import TestSupport
import Testing

@testable import ReplicaStore

/// Own changes that no segment holds are nowhere else: what has rotted of how they are filed costs
/// none of them.
@Suite("How own changes are filed")
struct OwnChangesTests {
  /// Two stores, the first of which has own changes in four rows.
  fileprivate final class Written {
    let folder = TemporaryFolder()
    let workspace: TestWorkspace
    let id: DocumentID
    let vector: VersionVector
    let digest: Digest

    init() throws {
      workspace = try TestWorkspace(2, folder: folder)
      id = try workspace.edit(0) { try $0.createNote("Tern") }.value
      try workspace.edit(1) { try $0.createNote("Puffin") }
      try workspace.level()
      for number in 0..<4 {
        try workspace.edit(0) { [id] in try $0.insert("own \(number) ", of: id) }
      }
      vector = workspace[0].appliedVector
      digest = try workspace[0].stateDigest()
    }

    var options: SQLiteOptions {
      SQLiteOptions(location: .file(folder.file("0.db")), access: .write)
    }

    func spoil(_ statements: String...) throws {
      workspace[0].close()
      let connection = try SQLiteConnection(options)
      for sql in statements {
        try connection.execute(sql)
        #expect(connection.changedRowCount == 1, "\(sql)")
      }
      connection.close()
    }

    /// Opens the store, which has lost nothing and goes on.
    func expectWhole(_ comment: Comment, isMendedAtOnce: Bool) throws {
      let store = try ReplicaStore.open(options)
      workspace.replace(0, with: store)
      #expect(store.appliedVector == vector, comment)
      #expect(try store.stateDigest() == digest, comment)
      if isMendedAtOnce { #expect(try store.check() == [], comment) }
      try workspace.edit(0) { try $0.insert("after ", of: id) }
      try workspace.level()
      try workspace.expectEqual(comment)
      #expect(try workspace[1].body(id).hasPrefix("after own 3 own 2 own 1 own 0"), comment)
      #expect(try store.check() == [], comment)
      #expect(try store.mendedNotes().count == 1, comment)
      #expect(try store.repair().count == 1, comment)
      #expect(try store.mendedNotes() == [], comment)
    }
  }

  private static let last = "first_sequence = (SELECT max(first_sequence) FROM unsealed)"
  private static let second =
    "first_sequence = (SELECT first_sequence FROM unsealed ORDER BY 1 LIMIT 1 OFFSET 1)"

  private static func flip(_ column: String, _ bit: Int64, _ row: String) -> String {
    "UPDATE unsealed SET \(column) = (\(column) | \(bit)) - (\(column) & \(bit)) WHERE \(row)"
  }

  @Test(
    "a bit that flips in the numbers of the last row costs nothing",
    arguments: [0, 1, 7, 31, 62, 63])
  func lastRow(bit: Int) throws {
    for column in ["last_sequence", "checksum"] {
      let written = try Written()
      let sql = Self.flip(column, Int64(bitPattern: 1 << UInt64(bit)), Self.last)
      try written.spoil(sql)
      try written.expectWhole("\(sql)", isMendedAtOnce: true)
    }
  }

  @Test("a bit that flips in the numbers of another row costs nothing", arguments: [0, 7, 62, 63])
  func earlierRow(bit: Int) throws {
    let written = try Written()
    let sql = Self.flip("last_sequence", Int64(bitPattern: 1 << UInt64(bit)), Self.second)
    try written.spoil(sql)
    try written.expectWhole("\(sql)", isMendedAtOnce: false)
  }

  @Test("a bit that flips in the key of a row, where it lies, costs nothing", arguments: [0, 1, 3])
  func keys(row: Int) throws {
    for bit in 0..<7 {
      let written = try Written()
      let range = try written.rowOfFile(row)
      var byte = written.folder.read("0.db")[range.offset]
      #expect(UInt64(byte) == range.first)
      byte ^= 1 << UInt8(bit)
      written.folder.write([byte], to: "0.db", at: range.offset)
      try written.expectWhole("row \(row), bit \(bit)", isMendedAtOnce: row == 3)
    }
  }

  @Test("doctor puts right what it finds, and the store need not be written for that")
  func repair() throws {
    let written = try Written()
    try written.spoil(Self.flip("checksum", 2, Self.second))
    let store = try ReplicaStore.open(written.options)
    #expect(try store.check().count == 1)
    #expect(try store.repair().count == 1)
    #expect(try store.check() == [])
  }

  @Test("whoever only reads shows the same")
  func reading() throws {
    let written = try Written()
    try written.spoil(Self.flip("last_sequence", 4, Self.last))
    var options = written.options
    options.access = .read
    let store = try ReplicaStore.open(options)
    #expect(store.appliedVector == written.vector)
    #expect(try store.stateDigest() == written.digest)
  }

  private static let rot =
    "block = CAST(substr(block, 1, 20) || x'AA' || substr(block, 22) AS BLOB)"

  @Test("a row of which all has rotted is what its neighbours leave, and what its document has")
  func wholeRow() throws {
    let written = try Written()
    try written.spoil(
      "UPDATE unsealed SET last_sequence = 77, \(Self.rot) WHERE \(Self.second)")
    let store = try ReplicaStore.open(written.options)
    written.workspace.replace(0, with: store)
    try written.workspace.level()
    try written.workspace.expectEqual("all of a row")
    #expect(try store.check() == [])
    #expect(try store.mendedNotes().count == 2)
  }

  @Test("what nothing tells is not guessed")
  func nothingLeft() throws {
    let written = try Written()
    try written.spoil("UPDATE unsealed SET last_sequence = 77, \(Self.rot) WHERE \(Self.last)")
    #expect {
      try ReplicaStore.open(written.options)
    } throws: {
      ($0 as? StoreError)?.isAboutTheFile == true
    }
  }

  // MARK: Lists of blocks

  @Test("changes of different documents in one group lie as in their tails, and are the same")
  func lists() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(2, folder: folder)
    let store = workspace[0]
    func group(_ count: Int, on ids: [DocumentID]) throws {
      try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
        for number in 0..<count {
          _ = group.transaction { transaction in
            if ids.isEmpty {
              try transaction.createNote("\(number)")
            } else {
              try transaction.insert("\(number) ", of: ids[number % ids.count])
            }
          }
        }
      }
    }
    func versions() throws -> [UInt8] {
      var found: [UInt8] = []
      var rows = try store.connection.query("SELECT block FROM unsealed ORDER BY first_sequence")
      while try rows.next() { found.append(try #require(try rows.blob(0).first)) }
      return found
    }
    try group(5, on: [])
    let ids = try store.documents().map(\.id)
    try group(5, on: ids)
    // Edits of one change are apart as well.
    try workspace.edit(0) { transaction in
      for id in ids.reversed() { try transaction.insert("all ", of: id) }
    }
    // Two of one document, and one alone, do as always.
    try group(6, on: ids)
    try group(1, on: ids)
    #expect(try versions() == [4, 4, 4, 1, 1])
    let shared = try store.connection.queryInteger(
      """
      SELECT count(*) FROM document_tail AS t WHERE EXISTS (
        SELECT 1 FROM unsealed AS u WHERE instr(u.block, t.block) > 0)
      """)
    #expect(try #require(shared) >= 15)
    var logged: [Int] = []
    try store.changes { change, isSealed in
      #expect(change.edits.map(\.document) == change.edits.map(\.document).sorted())
      logged.append(change.edits.count)
      return !isSealed
    }
    let ones = Array(repeating: 1, count: 7)
    #expect(logged.reversed() == ones + [1, 1, 1, 5] + ones)
    #expect(try store.check() == [])
    let again = try ReplicaStore.open(store.options)
    #expect(again.appliedVector == store.appliedVector)
    again.close()
    try store.tidy()
    #expect(try versions() == [3])
    try group(5, on: ids)
    #expect(try versions() == [3, 4])
    try workspace.level()
    try workspace.expectEqual("after lists")
    #expect(try workspace[1].documents().count == 5)
    #expect(try store.check() == [])
  }

  @Test("what a change builds on is not written once for each of its documents")
  func manyDependencies() throws {
    let others = 11
    let workspace = try TestWorkspace(1 + others)
    func makeNotes() throws -> [UInt8] {
      try workspace.edit(0) { transaction in
        for number in 0..<200 { try transaction.createNote("\(number)") }
      }
      let block = try workspace[0].connection.queryBlob(
        "SELECT block FROM unsealed ORDER BY first_sequence DESC LIMIT 1")
      return try #require(block)
    }
    let alone = try makeNotes()
    #expect(alone.first == KeptBlock.listVersion)
    for other in 1...others {
      try workspace.edit(other) { _ = try $0.createNote("at the same time") }
      try workspace.send(from: other, to: 0)
    }
    #expect(workspace[0].heads.count == 1 + others)
    let building = try makeNotes()
    #expect(building.count < alone.count + others * 40)
    #expect(try workspace[0].check() == [])
  }

  @Test("a list that has rotted is taken from the documents, to the byte")
  func rottenList() throws {
    for place in [0, 1, 2, 3, 30, 120] {
      let folder = TemporaryFolder()
      let workspace = try TestWorkspace(2, folder: folder)
      try workspace[0].group(now: workspace.tick(), entropy: workspace.entropy) { group in
        for number in 0..<4 {
          _ = group.transaction { transaction in
            try transaction.createNote("note \(number)")
            if number % 2 == 1 { try transaction.createNote("beside") }
          }
        }
      }
      let digest = try workspace[0].stateDigest()
      let whole = try workspace[0].connection.queryBlob("SELECT block FROM unsealed")
      var rotten = try #require(whole)
      rotten[place] ^= 0x10
      try workspace[0].connection.execute("UPDATE unsealed SET block = ?", .blob(rotten))
      #expect(try workspace[0].check().count == 1, "\(place)")
      try workspace.level()
      #expect(try workspace[1].stateDigest() == digest, "\(place)")
      #expect(try workspace[0].mendedNotes().count == 1, "\(place)")
      #expect(try workspace[0].check() == [], "\(place)")
    }
  }
}

extension OwnChangesTests.Written {
  /// Where the key of a row lies in the file, and what it is.
  func rowOfFile(_ row: Int) throws -> (offset: Int, first: UInt64) {
    workspace[0].close()
    let connection = try SQLiteConnection(options)
    try connection.checkpoint(.truncate)
    let found = try connection.first(
      """
      SELECT first_sequence, checksum, block FROM unsealed
      ORDER BY first_sequence LIMIT 1 OFFSET ?
      """, .integer(Int64(row))
    ) { (rows) throws(SQLiteError) in
      (try rows.counter(0), try rows.integer(1), try rows.blob(2))
    }
    connection.close()
    let (first, checksum, block) = try #require(found)
    let file = folder.read("0.db")
    // Before the block: how long the row is, the key, five bytes that say of which kinds the
    // columns are, one number of one byte, and the checksum.
    let checksumBytes = checksum <= Int64(Int32.max) ? 4 : 6
    let kindBytes = 4 + (block.count * 2 + 12 < 128 ? 1 : 2)
    let offsets = file.indices.filter { start in
      guard start + block.count <= file.count, start > 24, file[start] == block[0],
        file[start..<(start + block.count)].elementsEqual(block)
      else { return false }
      let key = start - checksumBytes - 1 - kindBytes - 1
      // Its tail has the same block.
      return UInt64(file[key]) == first && Int(file[key + 1]) == kindBytes
    }
    #expect(offsets.count == 1)
    let start = try #require(offsets.first)
    return (start - checksumBytes - 1 - kindBytes - 1, first)
  }
}
