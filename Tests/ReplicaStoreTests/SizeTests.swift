import Causality
import Documents
import ReplicaStore
import SQLiteBridge
import Sealing
import Segments
import TestSupport
import Testing

@Suite("The size of a store")
struct StoreSizeTests {
  let folder = TemporaryFolder()

  private func compact(_ store: ReplicaStore) throws -> Compaction {
    var compaction = try store.beginCompaction(below: store.stableCut().version)
    while !compaction.isFinished { try store.step(&compaction) }
    try store.reclaimSpace()
    return compaction
  }

  private func byteCount(_ store: ReplicaStore) throws -> Int {
    let raw = try SQLiteConnection(store.options)
    defer { raw.close() }
    return try raw.byteCount()
  }

  @Test("after many edits and a compaction is at most 1.5 times that of an import of the same")
  func afterEdits() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let empty = try byteCount(workspace[0])
    var chance = SeededGenerator(seed: 11)
    let words = String(repeating: "every boat that comes in ", count: 60)
    let ids = try workspace.edit(0) { transaction in
      try (0..<150).map { number in
        let id = try transaction.createNote("Note \(number)")
        try transaction.insert(words, of: id)
        return id
      }
    }.value
    try workspace.level()
    // Sessions in one note each; the devices take turns.
    for session in 0..<120 {
      let store = workspace[session / 5 % 2]
      let id = try #require(ids.randomElement(using: &chance))
      let at = Int.random(in: 50...1_000, using: &chance)
      try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
        for step in 0..<100 {
          let result = group.transaction { transaction in
            let editor = try transaction.edit(id)
            if step < 50 {
              try editor.splice(DocumentPath("body"), at: at + step, delete: 0, insert: "x")
            } else {
              try editor.splice(DocumentPath("body"), at: at + 49 - step, delete: 1, insert: "")
            }
          }
          #expect(throws: Never.self) { try result.get() }
        }
      }
      if session % 5 == 4 { try workspace.level() }
    }
    try workspace.level()
    for store in workspace.stores { _ = try store.makeReceipt() }
    _ = try workspace[0].addReceipts(try workspace[1].receipts().map(\.bytes))
    let before = try byteCount(workspace[0])
    let digest = try workspace[0].stateDigest()
    let done = try compact(workspace[0])
    #expect(done.total == ids.count)
    #expect(done.folded == ids.count)
    #expect(done.kept.isEmpty)
    #expect(try workspace[0].stateDigest() == digest)
    let after = try byteCount(workspace[0])

    let otherFolder = TemporaryFolder()
    let fresh = try TestWorkspace(1, seed: 2, folder: otherFolder)
    try fresh.edit(0) { transaction in
      for id in ids {
        let copy = try transaction.createNote("Note")
        try transaction.insert(workspace[0].body(id), of: copy)
      }
    }
    let imported = try byteCount(fresh[0])
    let ratio = Double(after - empty) / Double(imported - empty)
    #expect(
      ratio <= 1.5, "\(before) bytes, then \(after); \(imported) of an import, \(empty) empty")
  }
}
