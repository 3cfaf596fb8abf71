import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import Segments
import TestSupport
import Testing

@Suite("Compacting a store")
struct CompactingTests {
  let folder = TemporaryFolder()

  private func compact(
    _ store: ReplicaStore, below cut: VersionVector? = nil
  ) throws -> Compaction {
    var compaction = try store.beginCompaction(below: cut ?? store.stableCut().version)
    while !compaction.isFinished { try store.step(&compaction) }
    return compaction
  }

  /// What everybody has is said by everybody.
  private func exchangeReceipts(_ workspace: TestWorkspace) throws {
    for store in workspace.stores { _ = try store.makeReceipt() }
    for from in workspace.stores {
      let receipts = try from.receipts().map(\.bytes)
      for to in workspace.stores { _ = try to.addReceipts(receipts) }
    }
  }

  private func rows(_ store: ReplicaStore, _ table: String) throws -> Int64 {
    let raw = try SQLiteConnection(store.options)
    defer { raw.close() }
    return try raw.queryInteger("SELECT count(*) FROM \(table)") ?? -1
  }

  private func type(
    _ text: String, _ id: DocumentID, _ workspace: TestWorkspace, _ index: Int
  ) throws {
    for character in text {
      try workspace.edit(index) { transaction in
        try transaction.edit(id).splice(
          DocumentPath("body"), at: 0, delete: 0, insert: String(character))
      }
    }
  }

  @Test("folds what everybody has and changes nothing that is shown")
  func folds() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try type("abcdef", id, workspace, 0)
    try workspace.level()
    let before = try workspace.export(0)
    let versionBefore = workspace[0].appliedVector
    try exchangeReceipts(workspace)
    #expect(try workspace[0].stableCut().holders.isEmpty)
    let done = try compact(workspace[0])
    #expect(done.folded == 1)
    #expect(done.kept.isEmpty && done.damaged.isEmpty)
    #expect(try workspace.export(0) == before)
    #expect(try workspace[0].floor() == versionBefore)
    #expect(try rows(workspace[0], "document_history") == 0)
    #expect(try rows(workspace[0], "document_tail") == 0)
    #expect(try workspace[0].check() == [])
    #expect(try compact(workspace[0]).total == 0)

    // Life goes on, on both sides at once.
    try type("xyz", id, workspace, 0)
    try type("uvw", id, workspace, 1)
    try workspace.level()
    try workspace.expectEqual("after a compaction on one side")
    #expect(try workspace[0].check() == [])
    let text = try #require(try workspace[0].document(id)).text(at: DocumentPath("body"))
    #expect(text.count == 12)

    // What was before cannot be read any more, what came since can.
    let then = try workspace[0].document(id, at: versionBefore)
    #expect(try then?.text(at: DocumentPath("body")) == "fedcba")
    #expect(throws: StoreError.folded(id)) {
      try workspace[0].document(id, at: VersionVector())
    }
  }

  @Test("opened again it is the same, folded once and twice")
  func opensAgain() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    for round in 0..<3 {
      try type("abc", id, workspace, round % 2)
      try workspace.level()
      try exchangeReceipts(workspace)
      _ = try compact(workspace[0])
      // Enough that the state is written anew, on what was folded.
      try type(String(repeating: "long ", count: 400), id, workspace, 1)
      try type("short", id, workspace, 0)
      try workspace.level()
      let options = workspace[0].options
      workspace[0].close()
      workspace.replace(0, with: try ReplicaStore.open(options))
      try workspace.expectEqual("round \(round)")
      #expect(try workspace[0].check() == [])
    }
    #expect(try rows(workspace[0], "floor") == 1)
  }

  @Test("a member that has not told what it has holds everything back, and is named")
  func holders() throws {
    let workspace = try TestWorkspace(3)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    #expect(try workspace[0].stableCut().holders.map(\.reason) == [.noReceipt, .noReceipt])
    #expect(try workspace[0].stableCut().version.isEmpty)
    try exchangeReceipts(workspace)
    #expect(try workspace[0].stableCut().holders.isEmpty)
    try type("ab", id, workspace, 0)
    try workspace.send(from: 0, to: 1)
    _ = try workspace[1].makeReceipt()
    _ = try workspace[0].addReceipts(try workspace[1].receipts().map(\.bytes))
    let cut = try workspace[0].stableCut()
    #expect(cut.holders.map(\.reason) == [.behind(changes: 2)])
    #expect(cut.holders.map(\.device) == [workspace[2].identity.device.publicKey])
    #expect(cut.version.changeCount(beyond: VersionVector()) == 1)
  }

  @Test("a member whose earlier changes are under way holds everything back")
  func underWay() throws {
    let workspace = try TestWorkspace(2)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    // The second writes, and then sees and says that it has seen what the first wrote meanwhile.
    try type("b", id, workspace, 1)
    _ = try workspace[1].seal(entropy: workspace.entropy)
    try type("a", id, workspace, 0)
    try workspace.send(from: 0, to: 1)
    _ = try workspace[1].makeReceipt()
    _ = try workspace[0].addReceipts(try workspace[1].receipts().map(\.bytes))
    #expect(try workspace[0].stableCut().holders.map(\.reason) == [.changesUnderWay])
    #expect(try workspace[0].stableCut().version.isEmpty)
  }

  @Test("own changes that nobody can know are not folded")
  func unsealed() throws {
    let workspace = try TestWorkspace(1)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    #expect(try workspace[0].stableCut().version.isEmpty)
    _ = try workspace[0].seal(entropy: workspace.entropy)
    try type("a", id, workspace, 0)
    #expect(try workspace[0].stableCut().version.changeCount(beyond: VersionVector()) == 1)
    _ = try compact(workspace[0])
    #expect(try workspace[0].check() == [])
    #expect(
      try workspace[0].document(id)?.text(at: DocumentPath("body")) == "a")
  }

  @Test("conflicts that nobody has decided keep the history of their document")
  func undecided() throws {
    let workspace = try TestWorkspace(2)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    for index in 0..<2 {
      try workspace.edit(index) {
        try $0.edit(id).set(DocumentPath("title"), to: .string("title of \(index)"))
      }
    }
    try workspace.level()
    try exchangeReceipts(workspace)
    let conflicts = try workspace[0].conflicts(of: id)
    #expect(conflicts.count == 1)
    let done = try compact(workspace[0])
    #expect(done.folded == 0 && done.kept == [.undecided: 1])
    #expect(try workspace[0].conflicts(of: id) == conflicts)
    try workspace.edit(0) {
      try $0.resolve(conflicts[0].id, of: id, taking: .side(0))
    }
    try workspace.level()
    try exchangeReceipts(workspace)
    #expect(try compact(workspace[0]).folded == 1)
    try workspace.expectEqual("after the decision")
  }

  @Test("a change whose author knew nothing of what is folded is not applied, and it is said why")
  func ignorance() throws {
    let workspace = try TestWorkspace(2)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    try type("abc", id, workspace, 0)
    _ = try workspace[0].seal(entropy: workspace.entropy)
    // As if the second had said that it has it all.
    _ = try compact(workspace[0], below: workspace[0].appliedVector)
    let before = try workspace.export(0)
    try type("z", id, workspace, 1)
    try workspace.send(from: 1, to: 0)
    #expect(try workspace.export(0) == before)
    let stalled = try workspace[0].stalled()
    #expect(stalled.map(\.origin) == [workspace[1].identity.origin])
    #expect(stalled[0].reason.contains("folded"))
    #expect(try workspace[0].check() == [])
  }

  @Test("a damaged base is found, and the document is said to be damaged")
  func damagedBase() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    _ = try workspace[0].seal(entropy: workspace.entropy)
    _ = try compact(workspace[0])
    try type(String(repeating: "x", count: 600), id, workspace, 0)
    let options = workspace[0].options
    workspace[0].close()
    let raw = try SQLiteConnection(options)
    #expect(try raw.queryInteger("SELECT count(*) FROM document_base WHERE state IS NOT NULL") == 1)
    try raw.execute("UPDATE document_base SET checksum = checksum + 1")
    raw.close()
    let store = try ReplicaStore.open(options)
    #expect(try store.document(id)?.text(at: DocumentPath("body")).count == 600)
    let findings = try store.check()
    #expect(findings.count == 1 && findings[0].contains("folded"))
  }

  @Test("history that is young by its authors' clocks stays, with all that builds on it")
  func keeping() throws {
    let workspace = try TestWorkspace(2)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    let moment = workspace.tick()
    try type("ab", id, workspace, 0)
    try workspace.level()
    try exchangeReceipts(workspace)
    let cut = try workspace[0].stableCut().version
    #expect(cut == workspace[0].appliedVector)
    let kept = try workspace[0].cut(cut, before: moment)
    #expect(kept.changeCount(beyond: VersionVector()) == 1)
    #expect(try workspace[0].cut(cut, before: Timestamp(clampingMilliseconds: 0)).isEmpty)
    #expect(try compact(workspace[0], below: kept).folded == 1)
    #expect(try workspace[0].floor() == kept)
    try workspace.expectEqual("with a part of the history")
    #expect(try workspace[0].check() == [])
    #expect(try workspace[0].document(id, at: kept)?.text(at: DocumentPath("body")) == "")
  }

  @Test("random work on three replicas that compact at any time", arguments: 0..<8)
  func random(seed: UInt64) throws {
    var random = SeededGenerator(seed: 5_500 + seed)
    let workspace = try TestWorkspace(3, seed: seed)
    var ids: [DocumentID] = []
    for step in 0..<120 {
      let index = Int.random(in: 0..<3, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0: ids.append(try workspace.edit(index) { try $0.createNote("note \(step)") }.value)
      case 1...5:
        guard let id = ids.randomElement(using: &random),
          try workspace[index].document(id) != nil
        else { continue }
        let at = Int.random(in: 0...3, using: &random)
        try workspace.edit(index) { transaction in
          let editor = try transaction.edit(id)
          let count = try editor.document.text(at: DocumentPath("body")).count
          try editor.splice(
            DocumentPath("body"), at: min(at, count), delete: min(1, count - min(at, count)),
            insert: "\(step) ")
        }
      case 6, 7:
        try workspace.send(from: index, to: (index + 1) % 3)
      case 8:
        try workspace.level()
        try exchangeReceipts(workspace)
      default: _ = try compact(workspace[index])
      }
    }
    try workspace.level()
    try workspace.expectEqual("seed \(seed)")
    for store in workspace.stores {
      #expect(try store.check() == [], "seed \(seed)")
      #expect(try store.stalled().isEmpty, "seed \(seed)")
    }
  }
}
