import Causality
import Documents
import JSONCoding
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import TestSupport
import Testing

@testable import ReplicaStore

@Suite("What is damaged is made again or fetched again")
struct RepairTests {
  let folder = TemporaryFolder()

  /// Two stores; the first holds documents with a folded state, a history and a tail.
  private func workspace() throws -> (TestWorkspace, DocumentID) {
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("Tern") }.value
    let text = String(repeating: "abcdefgh", count: 2_000)
    for number in 0..<3 {
      try workspace.edit(0) { try $0.insert("\(number)" + text, of: id) }
      try workspace.level()
      try workspace.edit(1) { try $0.insert("from the other \(number) ", of: id) }
      try workspace.level()
    }
    try workspace.edit(0) { try $0.insert("tail", of: id) }
    return (workspace, id)
  }

  /// Changes the file behind the store's back and opens it again.
  private func spoil(_ workspace: TestWorkspace, _ statements: [String]) throws {
    workspace[0].close()
    let options = SQLiteOptions(location: .file(folder.file("0.db")))
    let connection = try SQLiteConnection(options)
    for sql in statements {
      try connection.execute(sql)
      #expect(connection.changedRowCount > 0, "\(sql)")
    }
    connection.close()
    workspace.replace(0, with: try ReplicaStore.open(options))
  }

  private static let state = "UPDATE document_state SET state = zeroblob(length(state))"
  private static let history = "UPDATE document_history SET block = substr(block, 3)"
  private static let tail = "UPDATE document_tail SET block = x'0102'"

  @Test(
    "a document is whole, and the next edit writes it anew",
    arguments: [[state], [history], [tail], [state, history], [state, history, tail]])
  func documents(statements: [String]) throws {
    let (workspace, id) = try workspace()
    let shown = try workspace[0].body(id)
    let digest = try workspace[0].stateDigest()
    try spoil(workspace, statements)
    #expect(try workspace[0].body(id) == shown)
    #expect(try workspace[0].stateDigest() == digest)
    #expect(try workspace[0].history(of: id).count > 5)
    let findings = try workspace[0].check()
    #expect(findings.count == 1 && findings[0].contains("\(id)"), "\(findings)")
    try workspace.edit(0) { try $0.insert("after ", of: id) }
    try workspace.edit(1) { try $0.insert("at once ", of: id) }
    try workspace.level()
    try workspace.expectEqual("\(statements)")
    #expect(try workspace[0].body(id).contains("after "))
    #expect(try workspace[0].check() == [], "\(statements)")
    #expect(workspace[0].damagedSegments.isEmpty)
  }

  @Test("repair writes it anew at once", arguments: [[state], [history], [state, history, tail]])
  func repairs(statements: [String]) throws {
    let (workspace, id) = try workspace()
    let digest = try workspace[0].stateDigest()
    try spoil(workspace, statements)
    #expect(try workspace[0].repair() == ["Document \(id) was made again from its changes."])
    #expect(try workspace[0].check() == [])
    #expect(try workspace[0].repair() == [])
    workspace[0].close()
    workspace.replace(0, with: try ReplicaStore.open(workspace[0].options))
    #expect(try workspace[0].stateDigest() == digest)
  }

  @Test("what others write at once finds a damaged history made again")
  func concurrent() throws {
    let (workspace, id) = try workspace()
    try workspace.edit(1) { try $0.insert("at once ", of: id) }
    try spoil(workspace, [Self.history])
    try workspace.level()
    try workspace.expectEqual("after a damaged history")
    #expect(try workspace[0].check() == [])
  }

  @Test("several transactions of one group find it, too")
  func grouped() throws {
    let (workspace, id) = try workspace()
    try spoil(workspace, [Self.state, Self.history, Self.tail])
    let results = try workspace[0].group(now: workspace.now, entropy: workspace.entropy) { group in
      [
        group.transaction { try $0.createNote("another") },
        group.transaction { transaction -> DocumentID in
          try transaction.insert("first ", of: id)
          return id
        },
        group.transaction { transaction -> DocumentID in
          try transaction.insert("second ", of: id)
          return id
        },
      ]
    }
    for result in results { _ = try result.get() }
    #expect(try workspace[0].check() == [])
    try workspace.level()
    try workspace.expectEqual("after a group")
  }

  @Test(
    "a damaged segment is noted, served around, and put back when it comes again",
    arguments: [
      "bytes = zeroblob(length(bytes))", "checksum = checksum + 1", "hash = zeroblob(32)",
    ])
  func segments(change: String) throws {
    let (workspace, id) = try workspace()
    try workspace.level()
    let all = try workspace[1].segments.segments(
      afterPosition: 0, limitBytes: .max, limitCount: .max
    ).map { try Segment(parsing: $0.bytes) }
    let lost = try #require(all.first { $0.header.firstSequence == 2 })
    try spoil(
      workspace,
      [
        "UPDATE segment SET \(change) WHERE first_sequence = \(lost.header.firstSequence)"
          + " AND origin = (SELECT id FROM segment_origin"
          + " WHERE hex(origin) = upper('\(lost.header.origin)'))"
      ])
    let store = workspace[0]
    // Served is what comes before it, and all of others.
    var served = VersionVector()
    while true {
      let ranges = try store.storedTips().map {
        SegmentRange(origin: $0.origin, after: served[$0.origin])
      }
      let part = try store.intactSegments(in: ranges, limitBytes: .max)
      if part.isEmpty { break }
      for segment in part { served.advance(segment.origin, to: segment.lastSequence) }
    }
    for tip in try store.storedTips() {
      let expected = tip.origin == lost.header.origin ? 1 : tip.position.sequence
      #expect(served[tip.origin] == expected)
    }
    #expect(store.damagedSegments.map(\.origin) == [lost.header.origin])
    try store.saveDamage()
    try workspace.edit(0) { try $0.insert("goes on ", of: id) }
    store.close()
    // A later run knows.
    workspace.replace(0, with: try ReplicaStore.open(store.options))
    #expect(workspace[0].damagedSegments.map(\.sequences.lowerBound) == [2])
    #expect(try workspace[0].check().contains { $0.contains("Fetch it again") })
    // Another segment does not take its place.
    let other = try #require(all.first { $0.header.firstSequence == 1 })
    #expect(try workspace[0].receive([other]).mended.isEmpty)
    #expect(try workspace[0].receive([lost]).mended == [lost.firstChange])
    #expect(workspace[0].damagedSegments.isEmpty)
    #expect(try workspace[0].check() == [])
    try workspace.level()
    try workspace.expectEqual("after mending")
  }

  @Test("a damaged segment that waits holds back its origin alone, and the store opens")
  func waiting() throws {
    let workspace = try TestWorkspace(3, folder: folder)
    let (one, two) = (
      try workspace.edit(1) { try $0.createNote("one") }.value,
      try workspace.edit(2) { try $0.createNote("two") }.value
    )
    let segments = try [1, 2].flatMap { try workspace[$0].seal(entropy: workspace.entropy) }
    // What is stored is there and not applied, as after a crash between the two.
    for segment in segments {
      try workspace[0].write { () throws(StoreError) in
        _ = try workspace[0].stored { () throws(SegmentStoreError) in
          try workspace[0].segments.append(segment)
        }
      }
    }
    try spoil(workspace, ["UPDATE segment SET bytes = zeroblob(90) WHERE position = 1"])
    #expect(try workspace[0].document(one) == nil)
    #expect(try workspace[0].title(two) == "two")
    #expect(try workspace[0].stalled().map(\.origin) == [workspace[1].identity.origin])
    let outcome = try workspace[0].receive([segments[0]])
    #expect(outcome.mended.count == 1 && outcome.applied == 1)
    #expect(try workspace[0].title(one) == "one")
    #expect(try workspace[0].stalled().isEmpty)
  }

  @Test("an index that lacks rows is found, and made again from its table")
  func index() throws {
    let (workspace, id) = try workspace()
    let digest = try workspace[0].stateDigest()
    // What an index says without its table.
    try spoil(workspace, [])
    let connection = workspace[0].connection
    try connection.execute("PRAGMA writable_schema = ON")
    try connection.execute(
      """
      UPDATE sqlite_schema SET sql = 'CREATE INDEX document_by_position ON document (state_bytes)'
      WHERE name = 'document_by_position'
      """)
    workspace[0].close()
    workspace.replace(0, with: try ReplicaStore.open(workspace[0].options))
    let findings = try workspace[0].check()
    #expect(findings.contains { $0.contains("The file is damaged") }, "\(findings)")
    #expect(findings.last?.contains("--repair") == true)
    #expect(try workspace[0].repair() == ["The indexes of the file were made again."])
    #expect(try workspace[0].check() == [])
    #expect(try workspace[0].stateDigest() == digest)
    try workspace.edit(0) { try $0.insert("goes on ", of: id) }
  }

  // MARK: Pages

  @Test("a table that lost rows is not written anew without them")
  func tablePages() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let store = workspace[0]
    try workspace.edit(0) { transaction in
      for number in 0..<400 { try transaction.createNote("note \(number)") }
    }
    try store.connection.checkpoint(.truncate)
    // The first leaf of the tails. Bytes 3 and 4 of a page say how many rows it has.
    let leaf = try #require(
      try store.connection.queryInteger(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'document_tail'")
    ).advanced(by: -1)
    let bytes = folder.read("0.db")
    var page = Int(leaf)
    while bytes[page * 4_096] == 5 {
      let place = page * 4_096 + Int(bytes[page * 4_096 + 12]) << 8 + Int(bytes[page * 4_096 + 13])
      page = bytes[(page * 4_096 + place % 4_096)...].prefix(4).reduce(0) { $0 << 8 | Int($1) } - 1
    }
    let count = bytes[page * 4_096 + 4]
    #expect(bytes[page * 4_096] == 13 && count > 1)
    store.close()
    folder.write([count - 1], to: "0.db", at: page * 4_096 + 4)
    workspace.replace(0, with: try ReplicaStore.open(store.options))
    #expect(try !workspace[0].check().isEmpty)
    #expect(throws: StoreError.self) { try workspace[0].repair() }
    #expect(try !workspace[0].check().isEmpty)
  }

  @Test(
    "pages of indexes, and of what queries read, are made again",
    arguments: [
      "document_by_position", "sqlite_autoindex_document_1", "projection", "projection_words_data",
      "projection_words_idx", "projection_words_docsize",
    ])
  func derivedPages(name: String) throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let store = workspace[0]
    try workspace.edit(0) { transaction in
      for number in 0..<400 { try transaction.createNote("note \(number)") }
    }
    while try !store.project().isDone {}
    let digest = try store.stateDigest()
    let root = try #require(
      try store.connection.queryInteger(
        "SELECT rootpage FROM sqlite_schema WHERE name = ?", .text(name)))
    try store.connection.checkpoint(.truncate)
    store.close()
    folder.write([UInt8](repeating: 0, count: 32), to: "0.db", at: (Int(root) - 1) * 4_096 + 8)
    workspace.replace(0, with: try ReplicaStore.open(store.options))

    let findings = try workspace[0].check()
    #expect(findings.count >= 2 && findings.allSatisfy { !$0.contains("***") }, "\(findings)")
    #expect(try workspace[0].repair() == ["The indexes of the file were made again."])
    #expect(try workspace[0].check() == [])
    #expect(try workspace[0].stateDigest() == digest)
    try workspace.edit(0) { _ = try $0.createNote("after") }
    while try !workspace[0].project().isDone {}
    #expect(try workspace[0].connection.queryInteger("SELECT count(*) FROM projection") == 401)
    #expect(try workspace[0].check() == [])
  }
}
