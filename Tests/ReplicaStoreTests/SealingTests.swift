import Causality
import Documents
import ReplicaStore
import SegmentStore
import Segments
import TestSupport
import Testing

@Suite("Sealing with the commit")
struct SealingTests {
  struct Refused: Error {}

  /// Commits as many transactions as there are titles.
  private func commit(
    _ titles: [String], to store: ReplicaStore, _ workspace: TestWorkspace
  ) throws {
    let results = try store.group(
      now: workspace.tick(), entropy: workspace.entropy, isSealing: true
    ) { group in titles.map { title in group.transaction { try $0.createNote(title) } } }
    for result in results { _ = try result.get() }
  }

  @Test("a group that is sealed leaves nothing unsealed, and others take its segment")
  func sealed() throws {
    let workspace = try TestWorkspace(2)
    try commit(["one", "two"], to: workspace[0], workspace)
    #expect(try workspace[0].unsealedCount() == 0)
    let segments = workspace[0].takeSealedAtOnce()
    #expect(segments.map(\.header.firstSequence) == [1])
    #expect(segments.map(\.header.lastSequence) == [2])
    #expect(workspace[0].takeSealedAtOnce().isEmpty)
    try commit(["three"], to: workspace[0], workspace)
    try workspace.send(from: 0, to: 1)
    #expect(workspace[1].appliedVector == workspace[0].appliedVector)
    #expect(try workspace[1].stateDigest() == workspace[0].stateDigest())
    #expect(try workspace[0].check().isEmpty)
  }

  @Test("what waits to be sealed comes first, so that the group waits behind it")
  func behindOthers() throws {
    let workspace = try TestWorkspace(2)
    _ = try workspace.edit(0) { try $0.createNote("before") }
    try commit(["after"], to: workspace[0], workspace)
    #expect(workspace[0].takeSealedAtOnce().isEmpty)
    #expect(try workspace[0].unsealedCount() == 2)
    try workspace.send(from: 0, to: 1)
    #expect(workspace[1].appliedVector == workspace[0].appliedVector)
  }

  @Test("a transaction that fails is in no segment")
  func failing() throws {
    let workspace = try TestWorkspace(2)
    let store = workspace[0]
    try store.group(now: workspace.tick(), entropy: workspace.entropy, isSealing: true) { group in
      _ = group.transaction { transaction -> Void in
        _ = try transaction.createNote("refused")
        throw Refused()
      }
      _ = group.transaction { try $0.createNote("kept") }
    }
    #expect(store.takeSealedAtOnce().map(\.header.lastSequence) == [1])
    try workspace.send(from: 0, to: 1)
    #expect(try workspace[1].documentCount() == 1)
  }

  @Test("the private changes in memory are those in the file after every step")
  func countsAgree() throws {
    let workspace = try TestWorkspace(1)
    let store = workspace[0]
    var random = SeededGenerator(seed: 3)
    for number in 1...60 {
      switch Int.random(in: 0..<4, using: &random) {
      case 0: try commit(["\(number)"], to: store, workspace)
      case 1: _ = try store.seal(entropy: workspace.entropy)
      default: _ = try workspace.edit(0) { try $0.createNote("\(number)") }
      }
      let stored = try store.segments.position(of: store.identity.origin).sequence
      let applied = store.appliedVector[store.identity.origin]
      #expect(try store.unsealedCount() == applied - stored)
    }
  }
}
