import Causality
import DocumentModel
import TestSupport
import Testing

@testable import Documents

@Suite("Index of what was deleted")
struct DeletionIndexTests {
  private static let shapes = SequenceConvergenceTests.shapes

  /// Questions about any two versions while the history grows, all to one index: the answers are
  /// those of the model, and to the last patch those of a replay that reaches back by itself.
  private static func check(
    seed: UInt64, shape: RandomHistory.Shape, lag: Int, isEager: Bool, questions: Int = 3
  ) throws {
    let history = RandomHistory(seed: seed, shape: shape)
    var random = SeededGenerator(seed: seed &+ 1)
    var replica = TextReplica(history)
    var index = DeletionIndex(lag: lag, isEager: isEager)
    var waiting = history.deliveryOrder(&random)[...]
    while !waiting.isEmpty {
      try replica.receive(waiting.prefix(Int.random(in: 1...6, using: &random)))
      waiting = waiting.drop { replica.delivered.contains($0) }
      for _ in 0..<questions {
        let from = version(of: replica, &random)
        let to = version(of: replica, &random)
        let versions = (try replica.frontier(of: from), try replica.frontier(of: to))
        let patches = try SequenceWalker.difference(
          graph: replica.graph, log: replica.log, ranks: replica.ranks, from: versions.0,
          to: versions.1, isSound: replica.isSound, index: &index)
        let replayed = try SequenceWalker.difference(
          graph: replica.graph, log: replica.log, ranks: replica.ranks, from: versions.0,
          to: versions.1, isSound: replica.isSound)
        #expect(patches == replayed, "seed \(seed)")
        var text = TextRope(history.oracle.text(in: from))
        try text.apply(patches, from: replica.log)
        let expected = history.oracle.text(in: to)
        guard text.string.unicodeScalars.elementsEqual(expected.unicodeScalars) else {
          let found = text.string.debugDescription
          Issue.record("seed \(seed): \(expected.debugDescription) but got \(found)")
          return
        }
      }
    }
  }

  /// Some of the changes that are here and all that they build on; often all.
  private static func version(
    of replica: TextReplica, _ random: inout SeededGenerator
  ) -> Set<Int> {
    if Int.random(in: 0..<3, using: &random) == 0 { return replica.delivered }
    var version: Set<Int> = []
    let delivered = replica.delivered.sorted()
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      guard let number = delivered.randomElement(using: &random) else { break }
      version.formUnion(replica.history.changes[number].closure)
    }
    return version
  }

  @Test("it answers what a replay would find", arguments: shapes.indices, 0..<20)
  func random(shape: Int, seed: UInt64) throws {
    for isEager in [false, true] {
      try Self.check(
        seed: seed, shape: Self.shapes[shape].shape, lag: Int(seed % 3) * 5, isEager: isEager)
    }
  }

  @Test("in long histories too", arguments: SequenceConvergenceTests.longShapes.indices, 0..<2)
  func long(shape: Int, seed: UInt64) throws {
    try Self.check(
      seed: seed, shape: SequenceConvergenceTests.longShapes[shape].shape,
      lag: Int(seed % 2) * 30, isEager: seed % 2 == 0, questions: 1)
  }

  /// One or two people who write here and there in a text, and delete what was written long ago.
  private struct Writing {
    private(set) var graph = EventGraph()
    private(set) var log = SequenceLog(.text)
    /// The end of the history after each round.
    private(set) var moments: [[Int]] = []
    private let people: Int
    private var sequences: [UInt64]
    private var random: SeededGenerator
    /// Each person has a part of the text, and they follow each other.
    private var lengths: [Int]

    var ranks: [UInt32] { (0..<people).map(UInt32.init) }

    init(people: Int, rounds: Int) throws {
      self.people = people
      random = SeededGenerator(seed: 7)
      sequences = Array(repeating: 0, count: people)
      lengths = Array(repeating: 100, count: people)
      try commit(0, parents: [], 100 * people) {
        try $0.appendInsert(
          version: $1, position: 0, text: String(repeating: "t", count: 100 * people))
      }
      while moments.count < rounds { try writeRound() }
    }

    mutating func writeRound() throws {
      let parents = graph.frontier
      let before = lengths
      for person in 0..<people {
        let start = before[..<person].reduce(0, +)
        // Nobody touches the end of a part, so that the parts stay apart.
        let place = start + Int.random(in: 1..<before[person] - 1, using: &random)
        if before[person] > 10, Int.random(in: 0..<3, using: &random) == 0 {
          try commit(person, parents: parents, 1) {
            try $0.appendDelete(version: $1, position: place, count: 1)
          }
          lengths[person] -= 1
        } else {
          try commit(person, parents: parents, 2) {
            try $0.appendInsert(version: $1, position: place, text: "xy")
          }
          lengths[person] += 2
        }
      }
      moments.append(graph.frontier)
    }

    private mutating func commit(
      _ person: Int, parents: [Int], _ count: Int,
      _ record: (inout SequenceLog, Int) throws -> Void
    ) throws {
      sequences[person] += 1
      let versions = try graph.append(
        origin: person, sequence: sequences[person], eventCount: count, parents: parents)
      try record(&log, versions.lowerBound)
    }

    /// How many events are replayed to go back so many rounds from the end.
    func replayedCount(back: Int, _ index: inout DeletionIndex) throws -> Int {
      let before = index.replayedCount
      let patches = try SequenceWalker.difference(
        graph: graph, log: log, ranks: ranks, from: graph.frontier,
        to: moments[moments.count - 1 - back], isSound: true, index: &index)
      #expect(!patches.isEmpty)
      return index.replayedCount - before
    }
  }

  @Test("going back costs what lies between, however long the history is", arguments: 1...2)
  func proportional(people: Int) throws {
    for rounds in [1_000, 8_000] {
      let writing = try Writing(people: people, rounds: rounds)
      var index = DeletionIndex(isEager: true)
      // The first question makes the index, from every event.
      _ = try writing.replayedCount(back: 800, &index)
      #expect(index.replayedCount >= writing.graph.count)
      for back in [10, 100, 800] {
        let events = writing.graph.count - 1 - (writing.moments[rounds - 1 - back].last ?? 0)
        let replayed = try writing.replayedCount(back: back, &index)
        #expect(replayed >= back, "\(rounds) rounds, \(back) back")
        #expect(replayed <= events + 2 * people, "\(rounds) rounds, \(back) back")
      }
    }
  }

  @Test("looking back between edits costs no more than the last few hundred events")
  func growing() throws {
    var writing = try Writing(people: 2, rounds: 1_000)
    var index = DeletionIndex(isEager: true)
    _ = try writing.replayedCount(back: 100, &index)
    for round in 0..<1_000 {
      try writing.writeRound()
      let replayed = try writing.replayedCount(back: 20, &index)
      #expect(replayed <= 10 * DeletionIndex.lagDefault, "round \(round)")
    }
    #expect(writing.graph.count > 6_000)
  }

  @Test("who looks back for the first time goes back no further than to what comes back")
  func search() throws {
    for rounds in [1_000, 8_000] {
      let writing = try Writing(people: 1, rounds: rounds)
      var index = DeletionIndex()
      let replayed = try writing.replayedCount(back: 100, &index)
      #expect(replayed <= 250 && replayed >= 100, "\(rounds) rounds")
      #expect(index.searchedCount > 0 && index.searchedCount <= writing.graph.count)
      // What was found is known from then on, and what lies before is looked for.
      let before = index.searchedCount
      _ = try writing.replayedCount(back: 100, &index)
      #expect(index.searchedCount == before, "\(rounds) rounds")
      // What was inserted only lately is found lately.
      _ = try writing.replayedCount(back: 50, &index)
      #expect(index.searchedCount <= before + 1_024, "\(rounds) rounds")
    }
    // Typed and deleted at once, in front of a long past.
    var graph = EventGraph()
    var log = SequenceLog(.text)
    var text = TextRope()
    var sequence: UInt64 = 0
    func commit(_ count: Int, _ body: (inout SequenceLog, Int) throws -> Void) throws {
      sequence += 1
      let versions = try graph.append(
        origin: 0, sequence: sequence, eventCount: count, parents: graph.frontier)
      try body(&log, versions.lowerBound)
    }
    for _ in 0..<20_000 {
      try commit(1) { try $0.appendInsert(version: $1, position: 0, text: "x") }
    }
    try text.insert(String(repeating: "x", count: 20_000), at: 0)
    try text.insert("y", at: 10)
    try commit(2) { try $0.appendInsert(version: $1, position: 10, text: "yz") }
    let version = graph.frontier
    try commit(1) { try $0.appendDelete(version: $1, position: 11, count: 1) }
    var index = DeletionIndex()
    try text.apply(
      SequenceWalker.difference(
        graph: graph, log: log, ranks: [0], from: graph.frontier, to: version, isSound: true,
        index: &index), from: log)
    #expect(try text.slice(9..<13) == "xyzx")
    #expect(index.replayedCount == 1 && index.searchedCount <= 1_024)
  }

  @Test(
    "so many stretches are looked for one by one, one more and the index is made", arguments: 0...2)
  func stretches(above: Int) throws {
    let count = InsertionSearch.stretchesMax - 1 + above
    var graph = EventGraph()
    var log = SequenceLog(.text)
    // Every other character of one long insertion is deleted, from the end on.
    _ = try graph.append(origin: 0, sequence: 1, eventCount: 2 * count, parents: [])
    try log.appendInsert(
      version: 0, position: 0, text: String(repeating: "ab", count: count))
    let version = graph.frontier
    for number in 0..<count {
      let versions = try graph.append(
        origin: 0, sequence: UInt64(number + 2), eventCount: 1, parents: graph.frontier)
      try log.appendDelete(
        version: versions.lowerBound, position: 2 * (count - 1 - number), count: 1)
    }
    var index = DeletionIndex()
    var text = TextRope(String(repeating: "b", count: count))
    let patches = try SequenceWalker.difference(
      graph: graph, log: log, ranks: [0], from: graph.frontier, to: version, isSound: true,
      index: &index)
    try text.apply(patches, from: log)
    #expect(text.string == String(repeating: "ab", count: count))
    let isSearched = count <= InsertionSearch.stretchesMax
    #expect((index.replayedCount == count) == isSearched)
  }

  @Test("it is made when going back has cost as much")
  func patience() throws {
    let writing = try Writing(people: 1, rounds: 8_000)
    var index = DeletionIndex()
    var questions = 0
    // The first that makes it takes in all events.
    while questions < 1_000, index.replayedCount < writing.graph.count {
      _ = try writing.replayedCount(back: 1 + 2 * questions, &index)
      questions += 1
    }
    #expect(questions > 8 && questions < 1_000)
    #expect(index.searchedCount >= 8 * writing.graph.count)
    #expect(index.searchedCount <= 9 * writing.graph.count)
    let before = index.searchedCount
    for back in [5, 500, 5_000] { _ = try writing.replayedCount(back: back, &index) }
    #expect(index.searchedCount == before)
    // Nothing old was deleted: there is no need.
    var other = DeletionIndex(isEager: true)
    var log = SequenceLog(.text)
    var graph = EventGraph()
    _ = try graph.append(origin: 0, sequence: 1, eventCount: 1_000, parents: [])
    try log.appendInsert(version: 0, position: 0, text: String(repeating: "x", count: 1_000))
    _ = try SequenceWalker.difference(
      graph: graph, log: log, ranks: [0], from: [999], to: [989], isSound: true, index: &other)
    #expect(other.replayedCount == 10)
  }
}
