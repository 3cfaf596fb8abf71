import Causality
import Documents
import Foundation
import TestSupport
import Testing

@Suite("Sequence merge against the model")
struct SequenceConvergenceTests {
  static let shapes: [(name: String, shape: RandomHistory.Shape)] = [
    ("two replicas", RandomHistory.Shape(replicas: 2, changes: 12)),
    ("three replicas", RandomHistory.Shape(replicas: 3, changes: 18)),
    ("five replicas", RandomHistory.Shape(replicas: 5, changes: 24, mergePercent: 45)),
    (
      "all at one place",
      RandomHistory.Shape(replicas: 3, changes: 16, deletePercent: 15, hotPlaces: 0)
    ),
    (
      "all at two places",
      RandomHistory.Shape(replicas: 4, changes: 18, mergePercent: 40, hotPlaces: 1, runMax: 2)
    ),
    ("mostly deleting", RandomHistory.Shape(replicas: 3, changes: 20, deletePercent: 65)),
    ("rarely merging", RandomHistory.Shape(replicas: 4, changes: 18, mergePercent: 8)),
    (
      "single letters",
      RandomHistory.Shape(
        replicas: 3, changes: 24, mergePercent: 35, operationsMax: 1, runMax: 1, otherEventsMax: 0)
    ),
    ("a faulty author", RandomHistory.Shape(replicas: 3, changes: 18, faultyPercent: 20)),
    (
      "faulty and deleting",
      RandomHistory.Shape(
        replicas: 3, changes: 14, mergePercent: 20, deletePercent: 60, runMax: 6, faultyPercent: 50)
    ),
    (
      "many replicas at one place",
      RandomHistory.Shape(
        replicas: 9, changes: 22, mergePercent: 12, deletePercent: 10, hotPlaces: 0,
        operationsMax: 2, runMax: 2)
    ),
  ]

  /// So many spans that the tracker needs a tree of two levels and more.
  static let longShapes: [(name: String, shape: RandomHistory.Shape)] = [
    (
      "two long branches",
      RandomHistory.Shape(
        replicas: 2, changes: 120, mergePercent: 2, deletePercent: 25, operationsMax: 9, runMax: 3)
    ),
    (
      "long and often merged",
      RandomHistory.Shape(
        replicas: 4, changes: 160, mergePercent: 30, deletePercent: 35, operationsMax: 5, runMax: 3)
    ),
    (
      "long and all at the front",
      RandomHistory.Shape(
        replicas: 3, changes: 120, mergePercent: 6, deletePercent: 20, hotPlaces: 3,
        operationsMax: 6, runMax: 2)
    ),
    (
      "more pieces in a section than fit into a set",
      RandomHistory.Shape(
        replicas: 6, changes: 420, mergePercent: 25, operationsMax: 1, runMax: 2, otherEventsMax: 0)
    ),
  ]

  /// Every replica, whatever the order and the batches in which it learns of the changes, shows at
  /// every step what the oracle shows for the same set of changes.
  static func check(seed: UInt64, shape: RandomHistory.Shape) throws -> String? {
    let history = RandomHistory(seed: seed, shape: shape)
    var random = SeededGenerator(seed: seed &+ 1)
    for _ in 0..<2 {
      var replica = TextReplica(history)
      var order = history.deliveryOrder(&random)[...]
      let batchMax = [1, 3, order.count].randomElement(using: &random) ?? 1
      while !order.isEmpty {
        let batch = order.prefix(Int.random(in: 1...batchMax, using: &random))
        order = order.dropFirst(batch.count)
        try replica.receive(batch)
        let expected = history.oracle.text(in: replica.delivered)
        if replica.text.string.unicodeScalars.elementsEqual(expected.unicodeScalars) { continue }
        return "\(expected.debugDescription) but got \(replica.text.string.debugDescription)"
      }
      // From any version to any later one, and from nothing to any version.
      for _ in 0..<3 {
        let some = history.changes[Int.random(in: 0..<history.changes.count, using: &random)]
        let more = history.changes[Int.random(in: 0..<history.changes.count, using: &random)]
        let from = try replica.frontier(of: some.closure)
        let to = try replica.frontier(of: more.closure)
        var text = try SequenceWalker.text(
          graph: replica.graph, log: replica.log, ranks: replica.ranks, at: from)
        let early = history.oracle.text(in: some.closure)
        if !text.string.unicodeScalars.elementsEqual(early.unicodeScalars) {
          return "at a version \(early.debugDescription) but got \(text.string.debugDescription)"
        }
        let merge = try SequenceWalker.merge(
          graph: replica.graph, log: replica.log, ranks: replica.ranks, from: from, to: to,
          length: text.count, isSound: replica.isSound)
        try text.apply(merge.patches, from: replica.log)
        let both = some.closure.union(more.closure)
        let late = history.oracle.text(in: both)
        if !text.string.unicodeScalars.elementsEqual(late.unicodeScalars) {
          return "after a merge \(late.debugDescription) but got \(text.string.debugDescription)"
        }
        let insertions = try SequenceWalker.insertions(
          graph: replica.graph, log: replica.log, ranks: replica.ranks,
          at: replica.graph.dominators(of: from + to))
        let found = insertions.joined().map { version in
          let event = replica.graph.event(at: version)
          return EventID(
            rank: Int(replica.ranks[event.origin]), sequence: event.sequence, index: event.index)
        }
        if found != history.oracle.events(in: both) { return "wrong attribution" }
      }
    }
    return nil
  }

  @Test("every delivery order and batch size shows what the model shows", arguments: shapes)
  func convergence(name: String, shape: RandomHistory.Shape) throws {
    try check(name, shape, seeds: Self.historyCount)
  }

  @Test("the same where there is much to keep account of", arguments: longShapes)
  func longConvergence(name: String, shape: RandomHistory.Shape) throws {
    try check(name, shape, seeds: max(2, Self.historyCount / 50))
  }

  private func check(_ name: String, _ shape: RandomHistory.Shape, seeds: UInt64) throws {
    for seed in 0..<seeds {
      let failure = try Self.check(seed: seed, shape: shape)
      #expect(failure == nil, "\(name), seed \(seed)")
      if failure != nil { return }
    }
  }

  /// How many histories of each shape: `SKERRY_HISTORIES`, or what takes some seconds.
  private static var historyCount: UInt64 {
    if let asked = ProcessInfo.processInfo.environment["SKERRY_HISTORIES"].flatMap(UInt64.init) {
      return asked
    }
    #if DEBUG
      return 100
    #else
      return 2000
    #endif
  }
}
