import Causality
import DocumentModel
import TestSupport
import Testing

@testable import Documents

@Suite("Looking back for what inserted units")
struct InsertionSearchTests {
  private static let shapes: [(name: String, shape: RandomHistory.Shape)] = [
    ("one author", RandomHistory.Shape(replicas: 1, changes: 40, mergePercent: 0)),
    (
      "one who deletes",
      RandomHistory.Shape(replicas: 1, changes: 40, mergePercent: 0, deletePercent: 55, runMax: 6)
    ),
    ("two at once", RandomHistory.Shape(replicas: 2, changes: 30, mergePercent: 60)),
    ("two who rarely meet", RandomHistory.Shape(replicas: 2, changes: 30, mergePercent: 10)),
    ("branches", RandomHistory.Shape(replicas: 5, changes: 40, mergePercent: 45)),
    (
      "branches with deletions",
      RandomHistory.Shape(replicas: 3, changes: 40, mergePercent: 55, deletePercent: 50)
    ),
    (
      "all at one place",
      RandomHistory.Shape(replicas: 3, changes: 30, mergePercent: 50, hotPlaces: 0)
    ),
  ]

  /// Units of a text at some version, and what the model says of them.
  private struct Question {
    var version: [Int]
    var stretches: ContiguousArray<InsertionSearch.Stretch> = []
    /// The event that inserted the unit which each deletion stands for.
    var expected: [Int: Int] = [:]
  }

  /// Some of the units that are there at a version picked at random, in stretches of any length
  /// whose deletions ascend or descend.
  private static func ask(
    _ replica: TextReplica, _ random: inout SeededGenerator
  ) throws -> Question {
    let history = replica.history
    var changes: Set<Int> = []
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      guard let number = history.changes.indices.randomElement(using: &random) else { break }
      changes.formUnion(history.changes[number].closure)
    }
    var question = Question(version: try replica.frontier(of: changes))
    let units = history.oracle.events(in: changes)
    var position = 0
    while position < units.count {
      let count = min(Int.random(in: 1...5, using: &random), units.count - position)
      let step = Bool.random(using: &random) ? 1 : -1
      if Int.random(in: 0..<3, using: &random) > 0 {
        // A number for each unit that no other one has.
        let first = 10 * (position + 1) + (step > 0 ? 0 : count - 1)
        question.stretches.append(
          InsertionSearch.Stretch(position: position, count: count, deletion: first, step: step))
        for offset in 0..<count {
          let unit = units[position + offset]
          let rank = UInt32(unit.change.origin.low)
          let origin = try #require(replica.ranks.firstIndex(of: rank))
          let inserted: Int = try #require(
            replica.graph.version(
              origin: origin, sequence: unit.change.sequence, index: Int(unit.index)))
          question.expected[first + step * offset] = inserted
        }
      }
      position += count
    }
    return question
  }

  /// - Returns: how many events were gone back over.
  private static func check(
    _ question: Question, _ replica: TextReplica, firstStep: Int, _ comment: String
  ) throws -> Int {
    var search = InsertionSearch(
      question.stretches, graph: replica.graph, log: replica.log, ranks: replica.ranks)
    #expect(try search.run(from: question.version, firstStep: firstStep))
    var found: [Int: Int] = [:]
    for part in search.found {
      for offset in 0..<part.count {
        let known = found.updateValue(
          part.insertion + part.step * offset, forKey: part.deletion + offset)
        #expect(known == nil, "found twice, \(comment)")
      }
    }
    #expect(found == question.expected, "first step \(firstStep), \(comment)")
    return search.passedCount
  }

  @Test("in steps of any length it finds what the model knows", arguments: shapes.indices, 0..<25)
  func random(shape: Int, seed: UInt64) throws {
    let history = RandomHistory(seed: 700 + seed, shape: Self.shapes[shape].shape)
    var random = SeededGenerator(seed: seed)
    var replica = TextReplica(history)
    try replica.append(history.deliveryOrder(&random))
    for _ in 0..<6 {
      let question = try Self.ask(replica, &random)
      for firstStep in [1, 2, 5, 17, InsertionSearch.firstStepDefault] {
        let comment = "\(Self.shapes[shape].name), seed \(seed)"
        _ = try Self.check(question, replica, firstStep: firstStep, comment)
      }
    }
  }

  @Test("who takes small steps stops nearer to what was looked for", arguments: 0...2)
  func steps(shape: Int) throws {
    var passed = [0, 0]
    for seed in UInt64(0)..<20 {
      let history = RandomHistory(seed: 700 + seed, shape: Self.shapes[shape].shape)
      var random = SeededGenerator(seed: seed)
      var replica = TextReplica(history)
      try replica.append(history.deliveryOrder(&random))
      var question = try Self.ask(replica, &random)
      // Only the unit that was inserted last.
      guard let last = question.expected.max(by: { $0.value < $1.value }) else { continue }
      question.expected = [last.key: last.value]
      question.stretches = ContiguousArray(
        question.stretches.compactMap { stretch in
          let offset = (last.key - stretch.deletion) * stretch.step
          guard (0..<stretch.count).contains(offset) else { return nil }
          return stretch.dropping(offset).prefix(1)
        })
      passed[0] += try Self.check(question, replica, firstStep: 1, "seed \(seed)")
      passed[1] += try Self.check(
        question, replica, firstStep: InsertionSearch.firstStepDefault, "seed \(seed)")
    }
    #expect(passed[0] > 0 && passed[0] < passed[1])
  }
}
