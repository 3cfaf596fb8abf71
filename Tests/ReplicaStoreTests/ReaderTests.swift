import Causality
import Documents
import JSONCoding
import SQLiteBridge
import Sealing
import TestSupport
import Testing

@testable import ReplicaStore

@Suite("A store that is open for reading beside the one that writes")
struct ReaderTests {
  let folder = TemporaryFolder()

  private func reader(of store: ReplicaStore) throws -> ReplicaStore {
    var options = store.options
    options.access = .read
    return try ReplicaStore.open(options)
  }

  @Test("sees one state for as long as a read lasts, whatever is committed meanwhile")
  func oneState() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let ids = try workspace.edit(0) { transaction in
      try (0..<3).map { try transaction.createNote("\($0)") }
    }.value
    let reader = try reader(of: workspace[0])
    defer { reader.close() }
    for round in 1...5 {
      let before = try reader.read { (reader.appliedVector, try ids.map { try reader.body($0) }) }
      #expect(Set(before.1.map(\.count)) == [round - 1])
      try reader.read {
        #expect(try reader.body(ids[0]) == before.1[0])
        // The writer does not wait for the reader, and has committed when this returns.
        try workspace.edit(0) { transaction in
          for id in ids { try transaction.insert("x", of: id) }
        }
        #expect(reader.appliedVector == before.0)
        #expect(try ids.map { try reader.body($0) } == before.1)
      }
      #expect(try ids.map { try reader.body($0).count } == [round, round, round])
      #expect(reader.appliedVector == workspace[0].appliedVector)
    }
    #expect(throws: StoreError.readOnly) { try reader.write { () throws(StoreError) in } }
  }

  @Test("keeps few documents open, and sees each as it is")
  func fewOpen() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let ids = try workspace.edit(0) { transaction in
      try (0..<40).map { try transaction.createNote("\($0)") }
    }.value
    let reader = try reader(of: workspace[0])
    defer { reader.close() }
    reader.cacheLimits = DocumentCacheLimits(count: 10, bytes: 1 << 20)
    for round in 0..<3 {
      for (number, id) in ids.enumerated() {
        #expect(try reader.body(id) == String(repeating: "x", count: round))
        #expect(try reader.title(id) == .string("\(number)"))
        #expect(reader.cache.count <= 10)
      }
      // All of them in one read, too.
      try reader.read {
        for id in ids {
          let body = try reader.body(id)
          #expect(body.count == round)
          #expect(reader.cache.count <= 10)
        }
      }
      for id in ids { try workspace.edit(0) { try $0.insert("x", of: id) } }
    }
  }

  @Test("tells what it has found damaged, and the one that writes makes it whole")
  func damage() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.edit(0) { try $0.insert("words", of: id) }
    let reader = try reader(of: workspace[0])
    defer { reader.close() }
    #expect(try reader.body(id) == "words")
    #expect(reader.takeFoundDamage() == nil)
    workspace[0].cache.removeAll()
    let raw = try SQLiteConnection(workspace[0].options)
    try raw.execute(
      "UPDATE document_tail SET block = x'0102' WHERE id = (SELECT min(id) FROM document_tail)")
    raw.close()
    let second = try self.reader(of: workspace[0])
    defer { second.close() }
    #expect(try second.body(id) == "words")
    let found = try #require(second.takeFoundDamage())
    #expect(second.takeFoundDamage() == nil)
    #expect(try workspace[0].check().count == 1)
    try workspace[0].take(found)
    try workspace.edit(0) { try $0.insert("more ", of: id) }
    #expect(try workspace[0].check() == [])
    #expect(try second.body(id) == "more words")
  }
}
