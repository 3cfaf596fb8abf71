import Causality
import ChangeCoding
import Documents
import SQLiteBridge
import SegmentStore
import Segments
import TestSupport
import Testing

@testable import ReplicaStore

@Suite("Small pieces are put together")
struct TidyTests {
  let folder = TemporaryFolder()

  private static var smallLimits: TidyLimits {
    var limits = TidyLimits()
    limits.looseRowsMax = 5
    limits.quietDivisor = 1
    limits.historyChunksMax = 3
    return limits
  }

  private func logged(_ store: ReplicaStore) throws -> [Change] {
    var found: [Change] = []
    try store.changes { change, _ in
      found.append(change)
      return true
    }
    return found
  }

  private func rows(_ table: String, _ store: ReplicaStore) throws -> Int64 {
    try #require(try store.connection.queryInteger("SELECT count(*) FROM \(table)"))
  }

  @Test("own changes read, seal and travel the same, packed or not", arguments: [1, 2, 3])
  func ownChanges(seed: UInt64) throws {
    let workspace = try TestWorkspace(3, seed: seed, folder: folder)
    var random = SeededGenerator(seed: seed)
    workspace[0].tidyLimits = Self.smallLimits
    let (one, two) = try workspace.edit(0) {
      (try $0.createNote("one"), try $0.createNote("two"))
    }.value
    try workspace.level()
    var packed = 0
    for number in 1...120 {
      let id = Bool.random(using: &random) ? one : two
      let text = String(repeating: "\(number) ", count: Int.random(in: 1...4, using: &random))
      try workspace.edit(0) { transaction in
        try transaction.insert(text, of: id)
        if number % 9 == 0 { try transaction.insert("both ", of: id == one ? two : one) }
      }
      if workspace[0].wantsTidying {
        let before = try logged(workspace[0])
        try workspace[0].tidy()
        packed += 1
        #expect(!workspace[0].wantsTidying)
        #expect(try logged(workspace[0]) == before)
        #expect(try rows("unsealed", workspace[0]) < 5)
      }
      if number % 37 == 0 {
        try workspace.edit(1) { try $0.insert("other ", of: id) }
        try workspace.level()
      }
      if number % 50 == 0 {
        workspace[0].close()
        workspace.replace(0, with: try ReplicaStore.open(workspace[0].options))
        workspace[0].tidyLimits = Self.smallLimits
        #expect(try workspace[0].privateChanges().loose.rows < 5)
      }
    }
    #expect(packed > 10)
    try workspace.level()
    try workspace.expectEqual("seed \(seed)")
    #expect(try workspace[0].unsealedCount() == 0)
    for index in 0..<3 { #expect(try workspace[index].check() == []) }
  }

  @Test("each of many large changes is packed a few times, however many there are")
  func largeChanges() throws {
    let workspace = try TestWorkspace(1, seed: 11, folder: folder)
    let store = workspace[0]
    // Nothing that gets smaller by itself.
    var random = SeededGenerator(seed: 11)
    let letters = (0..<100_000).map { _ in UInt8.random(in: 33...126, using: &random) }
    let text = String(decoding: letters, as: UTF8.self)
    try store.connection.execute(
      "CREATE TEMP TABLE packed (first INTEGER NOT NULL, last INTEGER NOT NULL)")
    try store.connection.execute(
      """
      CREATE TEMP TRIGGER packing AFTER DELETE ON unsealed
      BEGIN INSERT INTO packed VALUES (old.first_sequence, old.last_sequence); END
      """)
    for _ in 0..<60 {
      try workspace.edit(0) { _ = try $0.createNote(text) }
      _ = try store.privateChanges()
      if store.wantsTidying { try store.tidy() }
    }
    let times = try #require(
      try store.connection.queryInteger("SELECT sum(last - first + 1) FROM packed"))
    // A full block holds ten of them, in which each is packed when it comes and twice more.
    #expect((60...240).contains(times), "\(times)")
    #expect(try store.check() == [])
  }

  @Test("packed rows stay few, and small beside what they hold")
  func geometric() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    workspace[0].tidyLimits = Self.smallLimits
    let id = try workspace.edit(0) { try $0.createNote("typed") }.value
    var length = 0
    for _ in 0..<600 {
      let position = length
      try workspace.edit(0) { try $0.insert("x", at: position, of: id) }
      length += 1
      if workspace[0].wantsTidying { try workspace[0].tidy() }
    }
    #expect(try rows("unsealed", workspace[0]) < 12)
    let bytes = try #require(
      try workspace[0].connection.queryInteger("SELECT sum(length(block)) FROM unsealed"))
    #expect(bytes < 3_000)
    #expect(try logged(workspace[0]).count == 601)
  }

  @Test("a row that stands alone does not hold up those behind it")
  func loneRow() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let store = workspace[0]
    store.tidyLimits = Self.smallLimits
    for number in 0..<7 { try workspace.edit(0) { _ = try $0.createNote("\(number)") } }
    let before = try logged(store)
    // The mark of a packed row, which is under no checksum.
    try store.connection.execute(
      """
      UPDATE unsealed SET checksum = checksum | (1 << 32)
      WHERE first_sequence = (SELECT min(first_sequence) + 1 FROM unsealed)
      """)
    let again = try ReplicaStore.open(store.options)
    defer { again.close() }
    again.tidyLimits = Self.smallLimits
    _ = try again.privateChanges()
    try again.tidy()
    #expect(try rows("unsealed", again) == 1)
    _ = try again.privateChanges()
    #expect(!again.wantsTidying)
    #expect(try logged(again) == before)
  }

  @Test("segments of packed changes have no more of them than others")
  func sealed() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("typed") }.value
    for _ in 0..<3 {
      try workspace[0].group(now: workspace.tick(), entropy: workspace.entropy) { group in
        for _ in 0..<3_000 { _ = group.transaction { try $0.insert("x", of: id) } }
      }
    }
    try workspace[0].tidy()
    #expect(try rows("unsealed", workspace[0]) == 2)
    let segments = try workspace[0].seal(entropy: workspace.entropy)
    #expect(
      segments.map { $0.header.lastSequence - $0.header.firstSequence + 1 }
        == [2000, 2000, 2000, 2000, 1001])
    try workspace.level()
    try workspace.expectEqual("after sealing")
  }

  @Test("what is left to a quiet moment has a bound, and so has what is packed at a time")
  func patience() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let store = workspace[0]
    store.tidyLimits.looseRowsMax = 5
    store.tidyLimits.quietDivisor = 1
    let id = try workspace.edit(0) { try $0.createNote("typed") }.value
    func loose() throws -> Int64? {
      try store.connection.queryInteger(
        "SELECT count(*) FROM unsealed WHERE substr(block, 1, 1) <> x'03'")
    }
    for number in 2...20 {
      try workspace.edit(0) { try $0.insert("x", of: id) }
      #expect(try store.privateChanges().loose.rows == number)
      #expect(store.wantsTidying == (number >= 5), "\(number)")
      #expect(store.needsTidying == (number >= 20), "\(number)")
    }
    let before = try logged(store)
    var rest: Int64 = 20
    while store.wantsTidying {
      try store.tidy()
      rest -= 5
      #expect(try loose() == rest && store.privateChanges().loose.rows == Int(rest))
      #expect(!store.needsTidying)
      #expect(try logged(store) == before)
    }
    #expect(rest == 0)
    #expect(try rows("unsealed", store) == 1)
    #expect(try store.check() == [])
  }

  @Test("rows that are large wait for a quiet moment, however large they are together")
  func largeRows() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let store = workspace[0]
    store.tidyLimits.looseBytesMax = 1_000
    for number in 0..<8 {
      #expect(store.wantsTidying == (number >= 2), "\(number)")
      #expect(!store.needsTidying)
      try workspace.edit(0) { try $0.createNote(String(repeating: "\(number)", count: 900)) }
    }
    while store.wantsTidying { try store.tidy() }
    #expect(try store.privateChanges().loose.rows <= 1)
    #expect(try logged(store).count == 8)
  }

  @Test("what is packed is known without reading it, in a file of an earlier release as well")
  func marks() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    var store = workspace[0]
    let id = try workspace.edit(0) { try $0.createNote("typed") }.value
    for _ in 0..<8 { try workspace.edit(0) { try $0.insert("x", of: id) } }
    try store.tidy()
    for _ in 0..<3 { try workspace.edit(0) { try $0.insert("y", of: id) } }
    let loose = try store.privateChanges().loose
    #expect(loose.rows == 3 && loose.changes == 3)
    // Format 16 had no marks.
    try store.connection.script(
      "UPDATE unsealed SET checksum = checksum & 4294967295; PRAGMA user_version = 16;")
    store.close()
    store = try ReplicaStore.open(store.options)
    let again = try store.privateChanges().loose
    #expect(again.rows == 3 && again.changes == 3 && again.bytes == loose.bytes)
    #expect(try store.check() == [])
    try store.tidy()
    #expect(try rows("unsealed", store) == 1)
    #expect(try logged(store).count == 12)
  }

  @Test("a history waits for a quiet moment only so long")
  func patienceWithHistories() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let store = workspace[0]
    store.tidyLimits.historyChunksMax = 3
    store.tidyLimits.urgentFactor = 2
    let id = try workspace.edit(0) { try $0.createNote("long") }.value
    // Each of them is folded.
    for number in 0..<6 {
      #expect(store.wantsTidying == (number >= 3), "\(number)")
      #expect(!store.needsTidying)
      let length = 5_000 << number
      try workspace.edit(0) { try $0.insert(String(repeating: "\(number)", count: length), of: id) }
      #expect(try rows("document_history", store) == Int64(number) + 1)
    }
    #expect(store.needsTidying)
    try store.tidy()
    #expect(!store.wantsTidying && !store.needsTidying)
    #expect(try rows("document_history", store) == 1)
    #expect(try rows("document_tail", store) == 0)
    #expect(try store.check() == [])
  }

  @Test("chunks of a history become one, and it tells the same")
  func histories() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    workspace[0].tidyLimits = Self.smallLimits
    let id = try workspace.edit(0) { try $0.createNote("long") }.value
    let text = String(repeating: "abcdefgh", count: 1_000)
    var merged = 0
    for number in 0..<12 {
      try workspace.edit(0) { try $0.insert("\(number)" + text, of: id) }
      if number % 4 == 3 {
        try workspace.level()
        try workspace.edit(1) { try $0.insert("other \(number) ", of: id) }
        try workspace.level()
      }
      guard workspace[0].wantsTidying else { continue }
      let before = try workspace[0].history(of: id)
      let chunks = try rows("document_history", workspace[0])
      try workspace[0].tidy()
      if try rows("document_history", workspace[0]) < chunks { merged += 1 }
      #expect(try workspace[0].history(of: id) == before)
    }
    #expect(merged > 0)
    try workspace.level()
    try workspace.expectEqual("after merging chunks")
    for index in 0..<2 { #expect(try workspace[index].check() == []) }
  }

  @Test("damaged packed changes are an error that says so")
  func damaged() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    for number in 0..<20 { try workspace.edit(0) { try $0.createNote("\(number)") } }
    try workspace[0].tidy()
    for damage in [
      "zeroblob(4)", "x'03'", "x'0300'", "substr(block, 1, length(block) - 1)",
      "CAST(block || x'00' AS BLOB)",
      "CAST(x'03FFFFFFFF7F' || block AS BLOB)", "x'04'", "x'0400'", "x'0401'",
      "CAST(x'0401' || block AS BLOB)", "x'04FFFFFFFFFFFFFFFF7F00'", "x'0401FFFFFFFF7F00'",
    ] {
      try workspace[0].connection.execute("SAVEPOINT here")
      try workspace[0].connection.execute("UPDATE unsealed SET block = \(damage)")
      #expect(throws: (any Error).self) { try logged(workspace[0]) }
      try workspace[0].connection.execute("ROLLBACK TO here")
      try workspace[0].connection.execute("RELEASE here")
    }
    #expect(try logged(workspace[0]).count == 20)
  }
}
