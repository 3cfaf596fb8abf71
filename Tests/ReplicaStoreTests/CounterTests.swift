import Causality
import Documents
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import TestSupport
import Testing

@testable import ReplicaStore

@Suite("The rows that count")
struct CounterTests {
  /// Two stores that have written by turns, the first of which has own changes that are not sealed.
  private final class Written {
    let folder = TemporaryFolder()
    let workspace: TestWorkspace
    let id: DocumentID

    init() throws {
      workspace = try TestWorkspace(2, folder: folder)
      id = try workspace.edit(0) { try $0.createNote("Tern") }.value
      try workspace.level()
      for number in 0..<4 {
        for index in 0..<2 {
          try workspace.edit(index) { [id] in try $0.insert("\(number) of \(index) ", of: id) }
        }
        if number % 2 == 1 { try workspace.level() }
      }
      for number in 0..<3 {
        try workspace.edit(0) { [id] in try $0.insert("own \(number) ", of: id) }
      }
    }

    var options: SQLiteOptions {
      SQLiteOptions(location: .file(folder.file("0.db")), access: .write)
    }

    /// Changes the file behind the store's back.
    func spoil(_ statements: String...) throws {
      workspace[0].close()
      let connection = try SQLiteConnection(options)
      try connection.execute("PRAGMA foreign_keys = OFF")
      for sql in statements {
        try connection.execute(sql)
        #expect(connection.changedRowCount > 0, "\(sql)")
      }
      connection.close()
    }

    func reopen() throws -> ReplicaStore {
      let store = try ReplicaStore.open(options)
      workspace.replace(0, with: store)
      return store
    }

    /// Both write at once, tell each other, and show the same.
    func goOn(_ comment: Comment) throws {
      for index in 0..<2 {
        try workspace.edit(index) { [id] in try $0.insert("after \(index) ", of: id) }
      }
      try workspace.level()
      try workspace.expectEqual(comment)
    }
  }

  private static let second =
    "position = (SELECT position FROM feed_run ORDER BY position LIMIT 1 OFFSET 1)"

  @Test("are as they are in memory, after whatever a store does", arguments: 1...6)
  func equal(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(3, seed: seed, folder: folder)
    let options = SQLiteOptions(location: .file(folder.file("0.db")), access: .write)
    var reading = options
    reading.access = .read
    let id = try workspace.edit(0) { try $0.createNote("Tern") }.value
    try workspace.level()
    for step in 0..<60 {
      switch Int.random(in: 0..<9, using: &random) {
      case 0: try workspace.send(from: Int.random(in: 1..<3, using: &random), to: 0)
      case 1:
        _ = try workspace[0].seal(entropy: workspace.entropy)
        for other in 1..<3 { _ = try workspace[other].addRecords(workspace[0].membership.records) }
        try workspace.send(from: 0, to: Int.random(in: 1..<3, using: &random))
      case 2:
        try workspace.edit(Int.random(in: 1..<3, using: &random)) { try $0.insert("x", of: id) }
      case 3: try workspace[0].tidy()
      case 4:
        workspace[0].close()
        workspace.replace(0, with: try ReplicaStore.open(options))
      case 5 where step % 5 == 0:
        try workspace[0].claimOrigin(entropy: workspace.entropy)
      default: try workspace.edit(0) { try $0.insert("own", of: id) }
      }
      let other = try ReplicaStore.open(reading)
      let (mine, read) = (workspace[0].state, other.state)
      #expect(mine.origins == read.origins, "seed \(seed), step \(step)")
      #expect(mine.heads == read.heads, "seed \(seed), step \(step)")
      #expect(mine.position == read.position && mine.lamportMax == read.lamportMax)
      #expect(mine.lastRun == read.lastRun, "seed \(seed), step \(step)")
      #expect(read.mended == [], "seed \(seed), step \(step)")
      other.close()
    }
    #expect(try workspace[0].check() == [], "seed \(seed)")
  }

  @Test("the row of the own origin is left alone by own commits that follow one another")
  func derived() throws {
    let written = try Written()
    let store = written.workspace[0]
    func applied() throws -> Int64? {
      try store.connection.queryInteger(
        "SELECT applied FROM applied_origin WHERE origin = ?", .blob(store.identity.origin.bytes))
    }
    let before = try applied()
    for _ in 0..<5 { try written.workspace.edit(0) { try $0.insert("x", of: written.id) } }
    #expect(try applied() == before)
    _ = try store.seal(entropy: written.workspace.entropy)
    #expect(try applied() == Int64(store.appliedVector[store.identity.origin]))
  }

  @Test(
    "of an origin are counted anew",
    arguments: [
      "applied = applied - 1", "applied = applied + 1", "lamport = lamport + 64",
      "position = position - 1", "position = position + 1024", "is_head = 1 - is_head",
      "applied = -3", "checksum = checksum + 1", "origin = CAST(zeroblob(16) AS BLOB)", "id = 7",
    ])
  func origins(change: String) throws {
    for row in 1...2 {
      try expectWhole(after: "UPDATE applied_origin SET \(change) WHERE id = \(row)")
    }
  }

  @Test("of an origin that are gone are counted anew", arguments: [1, 2])
  func missing(row: Int) throws {
    try expectWhole(after: "DELETE FROM applied_origin WHERE id = \(row)")
  }

  private func expectWhole(after statement: String) throws {
    let written = try Written()
    let store = written.workspace[0]
    let (vector, position) = (store.appliedVector, store.position)
    let digest = try store.stateDigest()
    try written.spoil(statement)
    try expectWhole(written, vector, position, digest, statement)
  }

  private func expectWhole(
    _ written: Written, _ vector: VersionVector, _ position: Int64, _ digest: Digest,
    _ statement: String
  ) throws {
    let store = try written.reopen()
    #expect(store.appliedVector == vector, "\(statement)")
    #expect(store.position == position, "\(statement)")
    #expect(try store.stateDigest() == digest, "\(statement)")
    #expect(try store.check() == [], "\(statement)")
    #expect(try store.mendedNotes().count == 1, "\(statement)")
    #expect(try store.identityNotes().contains { $0.contains("had rotted") }, "\(statement)")
    try written.goOn("\(statement)")
    #expect(try store.repair().count == 1, "\(statement)")
    #expect(try store.mendedNotes() == [], "\(statement)")
    #expect(try store.check() == [], "\(statement)")
  }

  @Test("whoever only reads shows the same, and writes nothing")
  func reading() throws {
    let written = try Written()
    let vector = written.workspace[0].appliedVector
    try written.spoil("UPDATE applied_origin SET applied = applied + 1 WHERE id = 2")
    var options = written.options
    options.access = .read
    let store = try ReplicaStore.open(options)
    #expect(store.appliedVector == vector)
    #expect(try store.check().count == 1)
  }

  @Test(
    "of the order are made anew, and whoever follows is told again",
    arguments: [
      "UPDATE feed_run SET first_sequence = first_sequence + 1 WHERE \(Self.second)",
      "UPDATE feed_run SET origin = 3 - origin WHERE \(Self.second)",
      "UPDATE feed_run SET checksum = 1 WHERE position = 1",
      "UPDATE feed_run SET position = 4096 WHERE \(Self.second)",
      "DELETE FROM feed_run WHERE \(Self.second)",
      "UPDATE feed_run SET checksum = 1 WHERE position = (SELECT max(position) FROM feed_run)",
      "DELETE FROM feed_run WHERE position = (SELECT max(position) FROM feed_run)",
      "DELETE FROM feed_run",
    ])
  func order(statement: String) throws {
    let written = try Written()
    var store = written.workspace[0]
    try store.acknowledge("printer", through: store.position)
    let (vector, position) = (store.appliedVector, store.position)
    try written.spoil(statement)
    store = try written.reopen()
    #expect(store.appliedVector == vector && store.position == position)
    #expect(try store.check().count <= 1)
    #expect(try store.repair().count == 1, "\(statement)")
    #expect(try store.check() == [], "\(statement)")
    // Each once, and none before one that it builds on.
    var version = VersionVector()
    var next: Int64 = 1
    try store.feed(after: 0) { entry in
      #expect(entry.position == next && version[entry.change.origin] + 1 == entry.change.sequence)
      version.advance(to: entry.change)
      next += 1
      return true
    }
    #expect(version == vector, "\(statement)")
    let told = try #require(try store.feedPosition(of: "printer"))
    #expect(told < position, "\(statement)")
    try written.goOn("\(statement)")
    #expect(try store.check() == [], "\(statement)")
  }

  @Test("of Lamport times are made anew from the changes")
  func steps() throws {
    for statement in [
      "UPDATE lamport_step SET lamport = lamport + 1 WHERE origin = 2",
      "UPDATE lamport_step SET sequence = sequence + 1 WHERE origin = 2 AND sequence = 1",
    ] {
      let written = try Written()
      try written.spoil(statement)
      let store = try written.reopen()
      #expect(try store.check().count == 1, "\(statement)")
      try written.goOn("\(statement)")
      _ = try store.repair()
      #expect(try store.check() == [], "\(statement)")
      try written.goOn("\(statement) again")
    }
  }

  @Test("of both kinds at once are no store to go on with")
  func both() throws {
    let written = try Written()
    try written.spoil(
      "UPDATE applied_origin SET applied = applied + 1 WHERE id = 2",
      "UPDATE feed_run SET first_sequence = first_sequence + 1 WHERE \(Self.second)")
    #expect {
      try ReplicaStore.open(written.options)
    } throws: {
      ($0 as? StoreError)?.isAboutTheFile == true
    }
  }

  @Test("who the store is is not guessed")
  func identity() throws {
    for statement in [
      "UPDATE identity SET name = 'another'", "UPDATE identity SET workspace_key = zeroblob(36)",
    ] {
      let written = try Written()
      try written.spoil(statement)
      #expect("\(statement)") {
        try ReplicaStore.open(written.options)
      } throws: {
        ($0 as? StoreError)?.isAboutTheFile == true
      }
    }
  }

  private static let rottenBlocks = """
    UPDATE unsealed
    SET block = CAST(substr(block, 1, 20) || x'AA' || substr(block, 22) AS BLOB)
    """

  @Test("own changes that are rotten are taken from their document, to the byte")
  func ownChanges() throws {
    let written = try Written()
    let digest = try written.workspace[0].stateDigest()
    try written.spoil(Self.rottenBlocks)
    let store = try written.reopen()
    #expect(try store.check().count == 1)
    try written.workspace.level()
    try written.workspace.expectEqual("after rot in own changes")
    #expect(try written.workspace[1].stateDigest() == digest)
    #expect(try store.mendedNotes().count == 1)
    #expect(try store.check() == [])
  }

  @Test("own changes of which the document holds only a part are not guessed")
  func partsOfOwnChanges() throws {
    let written = try Written()
    let store = written.workspace[0]
    try written.workspace.level()
    try written.workspace.edit(0) { transaction in
      try transaction.insert("both ", of: written.id)
      try transaction.createNote("another")
    }
    // Both parts: what is left of a list is not taken from the documents.
    try written.spoil(
      Self.rottenBlocks,
      "UPDATE unsealed SET block = CAST(substr(block, 1, length(block) - 1) || x'AA' AS BLOB)",
      "DELETE FROM document_tail WHERE id = (SELECT max(id) FROM document_tail)")
    let again = try written.reopen()
    #expect(throws: StoreError.self) { try again.seal(entropy: written.workspace.entropy) }
    #expect(store !== again)
  }
}
