import ByteCoding
import Causality
import ChangeCoding
import Documents
import SQLiteBridge
import TestSupport
import Testing

@testable import ReplicaStore

@Suite("Own changes that have rotted")
struct RottenOwnChangesTests {
  private let folder = TemporaryFolder()

  private func block(_ store: ReplicaStore) throws -> [UInt8] {
    let block = try store.connection.queryBlob(
      "SELECT block FROM unsealed ORDER BY first_sequence LIMIT 1")
    return try #require(block)
  }

  /// Puts other bytes into the first row.
  private func spoil(_ store: ReplicaStore, _ bytes: [UInt8]) throws {
    try store.connection.execute(
      """
      UPDATE unsealed SET block = ?
      WHERE first_sequence = (SELECT min(first_sequence) FROM unsealed)
      """, .blob(bytes))
  }

  /// Four documents in one group: a list.
  private func makeNotes(_ workspace: TestWorkspace) throws -> [DocumentID] {
    let results = try workspace[0].group(now: workspace.tick(), entropy: workspace.entropy) {
      (group) in
      (0..<4).map { number in group.transaction { try $0.createNote("note \(number)") } }
    }
    return try results.map { try $0.get().value }
  }

  // MARK: Blocks

  @Test("a first byte that has rotted is the one that makes the rest right", arguments: [1, 3, 4])
  func firstByte(version: UInt8) throws {
    for flip: UInt8 in [0x01, 0x02, 0x10, 0x80, 0xFF] {
      let workspace = try TestWorkspace(2)
      let store = workspace[0]
      if version == 4 {
        _ = try makeNotes(workspace)
      } else {
        let id = try workspace.edit(0) { try $0.createNote("note") }.value
        if version == 3 {
          for _ in 0..<9 { try workspace.edit(0) { try $0.insert("x", of: id) } }
          try store.tidy()
        }
      }
      let digest = try store.stateDigest()
      var rotten = try block(store)
      #expect(rotten[0] == version)
      rotten[0] ^= flip
      try spoil(store, rotten)
      #expect(try store.check().count == 1, "\(flip)")
      try workspace.level()
      #expect(try workspace[1].stateDigest() == digest, "\(flip)")
      #expect(try store.mendedNotes().count == 1, "\(flip)")
      #expect(try store.check() == [], "\(flip)")
    }
  }

  @Test("the parts of a list that have rotted are taken from their documents, the others stay")
  func parts() throws {
    for rotten in 0..<4 {
      let workspace = try TestWorkspace(2)
      let store = workspace[0]
      let ids = try makeNotes(workspace)
      // Folds the second document: its part of the list is nowhere else.
      try workspace.edit(0) { transaction in
        try transaction.insert(String(repeating: "tide ", count: 20_000), of: ids[1])
      }
      let digest = try store.stateDigest()
      var bytes = try block(store)
      let parts = try #require(try KeptBlock.blocks(of: bytes))
      #expect(parts.count == 4)
      // Of that part and what stands before it: how long it is.
      let end = 2 + parts[...rotten].reduce(0) { $0 + $1.count + ($1.count < 128 ? 1 : 2) }
      let start = end - parts[rotten].count - 1
      bytes.replaceSubrange(start..<start + 30, with: repeatElement(0xA5, count: 30))
      if rotten == 0 { bytes.replaceSubrange(0..<2, with: [0xA5, 0xA5]) }
      try spoil(store, bytes)
      if rotten == 1 {
        #expect(throws: StoreError.self) { try store.seal(entropy: workspace.entropy) }
        #expect(try store.check().count == 1)
        continue
      }
      try workspace.level()
      #expect(try workspace[1].stateDigest() == digest, "\(rotten)")
      #expect(try store.mendedNotes().count == 1, "\(rotten)")
      #expect(try store.check() == [], "\(rotten)")
    }
  }

  @Test("changes in one block follow each other")
  func order() throws {
    let workspace = try TestWorkspace(1)
    _ = try makeNotes(workspace)
    let parts = try #require(try KeptBlock.blocks(of: try block(workspace[0])))
    let changes = try parts.flatMap { try ChangeBlock.decode($0) }
    for places in [[0, 2], [1, 0], [0, 1, 3], [0, 1, 1, 2]] {
      let some = places.map { changes[$0] }
      for block in [
        KeptBlock.list(places.map { parts[$0] }), KeptBlock.pack(some), ChangeBlock.encode(some),
      ] {
        #expect(throws: ByteDecodingError.self, "\(places)") {
          try KeptBlock.open(block, in: .current)
        }
      }
    }
    for range in [0..<4, 1..<3, 2..<3] {
      let list = KeptBlock.list(Array(parts[range]))
      #expect(try KeptBlock.open(list, in: .current).changes == Array(changes[range]))
    }
  }

  // MARK: Numbers

  private static let rot =
    "last_sequence = 0, block = CAST(substr(block, 1, 20) || x'AA' || substr(block, 22) AS BLOB)"
  private static let first = "first_sequence = (SELECT min(first_sequence) FROM unsealed)"
  private static let last = "first_sequence = (SELECT max(first_sequence) FROM unsealed)"

  private func workspaceWithRows(_ count: Int) throws -> (TestWorkspace, DocumentID) {
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("Tern") }.value
    for number in 1..<count { try workspace.edit(0) { try $0.insert("\(number) ", of: id) } }
    return (workspace, id)
  }

  @Test("what cannot be mended costs a few commits a look, and is still told and noticed")
  func unmendable() throws {
    let (workspace, id) = try workspaceWithRows(5)
    let store = workspace[0]
    let whole = try block(store)
    // As somebody else finds them.
    let other = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("0.db")), access: .write))
    try other.execute("UPDATE unsealed SET \(Self.rot) WHERE \(Self.first)")
    for number in 0..<10 {
      try workspace.edit(0) { try $0.insert("more ", of: id) }
      #expect(store.vainLooksAtPrivateChanges == min(number + 1, 3))
    }
    #expect(try store.check().count == 1)
    #expect(throws: StoreError.self) { try store.seal(entropy: workspace.entropy) }
    // A group that would seal at once goes on, too, and looks twice.
    let sealing = try store.group(
      now: workspace.tick(), entropy: workspace.entropy, isSealing: true
    ) { group in
      group.transaction { try $0.insert("sealing ", of: id) }
    }
    _ = try sealing.get()
    #expect(store.vainLooksAtPrivateChanges == 2)
    // It is mended by another way.
    try other.execute(
      "UPDATE unsealed SET last_sequence = first_sequence, block = ? WHERE \(Self.first)",
      .blob(whole))
    other.close()
    try workspace.edit(0) { try $0.insert("whole ", of: id) }
    #expect(store.vainLooksAtPrivateChanges == 0)
    #expect(try store.privateChanges().count == 17)
    try workspace.level()
    try workspace.expectEqual("after it is whole")
    #expect(try store.check() == [])
  }

  @Test("a row behind the last one tells what that was, and the next commit finds it")
  func lastRow() throws {
    let (workspace, id) = try workspaceWithRows(5)
    let store = workspace[0]
    try store.connection.execute("UPDATE unsealed SET \(Self.rot) WHERE \(Self.last)")
    store.forgetPrivateChanges()
    try workspace.edit(0) { try $0.insert("behind ", of: id) }
    #expect(store.vainLooksAtPrivateChanges == 1)
    try workspace.edit(0) { try $0.insert("behind ", of: id) }
    #expect(store.vainLooksAtPrivateChanges == 0)
    #expect(try store.privateChanges().count == 7)
    try workspace.level()
    try workspace.expectEqual("after the last row was mended")
    #expect(try store.check() == [])
  }

  @Test("rows that say that they hold very many changes are counted up to a bound")
  func manyChanges() {
    var loose = PrivateChanges.Loose()
    for _ in 0..<3 { loose.add(changes: .max - 1, bytes: 10) }
    #expect(loose.changes == .max && loose.rows == 3 && loose.bytes == 30)
    loose.subtract(loose)
    #expect(loose.changes == 0 && loose.rows == 0)
  }
}
