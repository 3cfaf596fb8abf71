import Causality
import DocumentModel
import TestSupport
import Testing

@testable import Documents

@Suite("Difference of two versions of a sequence")
struct SequenceDifferenceTests {
  private static let shapes = SequenceConvergenceTests.shapes

  /// Any two versions, in either direction, against the model: the patches lead from the one text
  /// to the other, and touch nothing that both show.
  private static func check(seed: UInt64, shape: RandomHistory.Shape) throws {
    let history = RandomHistory(seed: seed, shape: shape)
    var random = SeededGenerator(seed: seed &+ 1)
    var replica = TextReplica(history)
    try replica.receive(history.deliveryOrder(&random))
    for _ in 0..<8 {
      let from = version(of: history, &random)
      let to = version(of: history, &random)
      let patches = try SequenceWalker.difference(
        graph: replica.graph, log: replica.log, ranks: replica.ranks,
        from: try replica.frontier(of: from), to: try replica.frontier(of: to),
        isSound: replica.isSound)
      var text = TextRope(history.oracle.text(in: from))
      try text.apply(patches, from: replica.log)
      let expected = history.oracle.text(in: to)
      guard text.string.unicodeScalars.elementsEqual(expected.unicodeScalars) else {
        let found = text.string.debugDescription
        Issue.record("seed \(seed): \(expected.debugDescription) but got \(found)")
        return
      }
      let before = Set(history.oracle.events(in: from))
      let after = Set(history.oracle.events(in: to))
      let inserted = patches.filter { $0.kind == .insert }.reduce(0) { $0 + $1.count }
      let deleted = patches.filter { $0.kind == .delete }.reduce(0) { $0 + $1.count }
      #expect(inserted == after.subtracting(before).count, "seed \(seed)")
      #expect(deleted == before.subtracting(after).count, "seed \(seed)")
    }
  }

  /// Some changes and all that they build on; at times none or all.
  private static func version(
    of history: RandomHistory, _ random: inout SeededGenerator
  ) -> Set<Int> {
    var version: Set<Int> = []
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      guard let change = history.changes.randomElement(using: &random) else { break }
      version.formUnion(change.closure)
    }
    return version
  }

  @Test("it is exactly what changed", arguments: shapes.indices, 0..<30)
  func random(shape: Int, seed: UInt64) throws {
    try Self.check(seed: seed, shape: Self.shapes[shape].shape)
  }

  @Test("in long histories too", arguments: SequenceConvergenceTests.longShapes.indices, 0..<3)
  func long(shape: Int, seed: UInt64) throws {
    try Self.check(seed: seed, shape: SequenceConvergenceTests.longShapes[shape].shape)
  }

  @Test("going back over a deletion finds what was deleted, however old it is")
  func backOverDeletions() throws {
    var graph = EventGraph()
    var log = SequenceLog(.text)
    var parents: [Int] = []
    var sequence: UInt64 = 0
    func commit(_ count: Int, _ record: (inout SequenceLog, Int) throws -> Void) throws {
      sequence += 1
      let versions = try graph.append(
        origin: 0, sequence: sequence, eventCount: count, parents: parents)
      try record(&log, versions.lowerBound)
      parents = [versions.upperBound - 1]
    }
    try commit(11) { try $0.appendInsert(version: $1, position: 0, text: "tide tables") }
    for index in 0..<2_000 {
      try commit(1) { try $0.appendInsert(version: $1, position: 11 + index, text: "x") }
    }
    let before = parents
    try commit(4) { try $0.appendDelete(version: $1, position: 0, count: 4) }
    let patches = try SequenceWalker.difference(
      graph: graph, log: log, ranks: [0], from: parents, to: before, isSound: true)
    var text = TextRope(" tables")
    try text.apply(patches, from: log)
    #expect(text.string == "tide tables")
    #expect(patches.count == 1)
  }

  @Test("lists are compared like texts")
  func lists() throws {
    var graph = EventGraph()
    var log = SequenceLog(.items)
    var versions: [[Int]] = [[]]
    func commit(_ count: Int, parents: [Int], _ record: (inout SequenceLog, Int) throws -> Void)
      throws
    {
      let events = try graph.append(
        origin: versions.count % 2, sequence: UInt64(versions.count), eventCount: count,
        parents: parents)
      try record(&log, events.lowerBound)
      versions.append([events.upperBound - 1])
    }
    try commit(4, parents: []) {
      try $0.appendInsert(version: $1, position: 0, itemCount: 4)
    }
    try commit(2, parents: versions[1]) {
      try $0.appendInsert(version: $1, position: 1, itemCount: 2)
    }
    try commit(2, parents: versions[1]) {
      try $0.appendDelete(version: $1, position: 1, count: 2)
    }
    // The items of each version, by the ordinals under which they were inserted.
    let items = [[], [0, 1, 2, 3], [0, 4, 5, 1, 2, 3], [0, 3]]
    for (from, old) in zip(versions, items) {
      for (to, new) in zip(versions, items) {
        var list = old
        for patch in try SequenceWalker.difference(
          graph: graph, log: log, ranks: [0, 1], from: from, to: to, isSound: true)
        {
          switch patch.kind {
          case .insert:
            list.insert(contentsOf: patch.content..<patch.content + patch.count, at: patch.position)
          case .delete: list.removeSubrange(patch.position..<patch.position + patch.count)
          }
        }
        #expect(list == new)
      }
    }
  }
}
