import RunStructures
import TestSupport
import Testing

@testable import Causality

@Suite("Event graph")
struct EventGraphTests {
  /// A random graph beside what it must answer.
  private struct Model {
    var graph = EventGraph()
    /// For each event itself and all its ancestors.
    var closures: [Set<Int>] = []
    var events: [GraphEvent] = []
    /// The first event of each change, and what it was said to have as parents.
    var named: [(version: Int, parents: [Int])] = []

    init(_ random: inout SeededGenerator, changes: Int) throws {
      var sequences = [UInt64](repeating: 0, count: 4)
      for _ in 0..<changes {
        let origin = Int.random(in: 0..<4, using: &random)
        sequences[origin] += UInt64.random(in: 1...2, using: &random)
        let count = Int.random(in: 0..<3, using: &random) == 0 ? 3 : 1
        var parents: [Int] = []
        if graph.count > 0, Int.random(in: 0..<12, using: &random) > 0 {
          for _ in 0..<Int.random(in: 1...3, using: &random) {
            parents.append(
              max(0, graph.count - 1 - Int.random(in: 0..<8, using: &random)))
          }
        }
        let versions = try graph.append(
          origin: origin, sequence: sequences[origin], eventCount: count, parents: parents)
        named.append((versions.lowerBound, parents))
        for (index, version) in versions.enumerated() {
          var closure: Set<Int> = [version]
          for parent in index == 0 ? parents : [version - 1] {
            closure.formUnion(closures[parent])
          }
          closures.append(closure)
          events.append(
            GraphEvent(origin: origin, sequence: sequences[origin], index: index))
        }
      }
    }

    func closure(_ frontier: [Int]) -> Set<Int> {
      frontier.reduce(into: []) { $0.formUnion(closures[$1]) }
    }

    func heads(_ versions: some Sequence<Int>) -> [Int] {
      let versions = Set(versions)
      return versions.filter { version in
        !versions.contains { $0 != version && closures[$0].contains(version) }
      }.sorted()
    }

    func version(_ random: inout SeededGenerator) -> [Int] {
      heads(
        (0..<Int.random(in: 0...3, using: &random)).map { _ in
          Int.random(in: 0..<graph.count, using: &random)
        })
    }
  }

  @Test("answers about order are those of sets of ancestors", arguments: 0..<60 as Range<UInt64>)
  func order(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let model = try Model(&random, changes: 30)
    let graph = model.graph
    #expect(graph.frontier == model.heads(0..<graph.count))
    for run in 0..<graph.runCount {
      let start = graph.runStarts[run]
      #expect(graph.runsHaveSeenAll[run] == (model.closures[start].count == start + 1))
    }
    for _ in 0..<12 {
      let left = model.version(&random)
      let right = model.version(&random)
      let (inLeft, inRight) = (model.closure(left), model.closure(right))
      let difference = graph.difference(left, right)
      #expect(difference.onlyLeft.flatMap { $0 } == inLeft.subtracting(inRight).sorted())
      #expect(difference.onlyRight.flatMap { $0 } == inRight.subtracting(inLeft).sorted())
      #expect(graph.dominators(of: left + right) == model.heads(left + right))
      let version = Int.random(in: 0..<graph.count, using: &random)
      #expect(graph.contains(version, in: left) == inLeft.contains(version))

      let zone = graph.conflictZone(from: left, to: right)
      let base = model.closure(zone.base)
      let pieces = Self.pieces(of: zone).flatMap { piece in
        piece.versions.map { ($0, piece.isNew) }
      }
      #expect(pieces.map(\.0) == inLeft.union(inRight).subtracting(base).sorted())
      #expect(pieces.filter(\.1).map(\.0) == inRight.subtracting(inLeft).sorted())
      for (version, _) in pieces { #expect(model.closures[version].isSuperset(of: base)) }
      let whole = graph.conflictZone(from: left, to: right, reachesRoot: true)
      #expect(
        Self.pieces(of: whole).reduce(0) { $0 + $1.versions.count } == inLeft.union(inRight).count)
    }
  }

  @Test(
    "the zone of everything is what a search for it finds", arguments: 0..<60 as Range<UInt64>)
  func wholeZone(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let graph = try Model(&random, changes: 40).graph
    let whole = graph.conflictZone(from: [], to: graph.frontier)
    let searched = graph.searchedZone(from: [], to: graph.frontier)
    #expect(whole.base == searched.base)
    let wholePieces = Self.pieces(of: whole)
    let searchedPieces = Self.pieces(of: searched)
    #expect(wholePieces.map { $0.versions } == searchedPieces.map { $0.versions })
    #expect(wholePieces.map { $0.isNew } == searchedPieces.map { $0.isNew })
    let wholeParents = Self.parents(in: whole)
    #expect(wholeParents == Self.parents(in: searched))
  }

  private static func parents(in zone: borrowing ConflictZone) -> [[UInt32]] {
    var parents: [[UInt32]] = []
    for index in 0..<zone.count { parents.append(zone[index].parents.map { zone.parents[$0] }) }
    return parents
  }

  private static func pieces(of zone: borrowing ConflictZone) -> [ConflictZone.Piece] {
    var pieces: [ConflictZone.Piece] = []
    for index in 0..<zone.count { pieces.append(zone[index]) }
    return pieces
  }

  @Test(
    "parents that others cover are left out, and the frontier follows",
    arguments: 0..<60 as Range<UInt64>)
  func parents(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let model = try Model(&random, changes: 40)
    for (version, parents) in model.named {
      #expect(model.graph.parents(of: version) == model.heads(parents))
    }
    // The same runs once more, with the frontier looked at after each.
    var graph = EventGraph()
    for (index, change) in model.named.enumerated() {
      let next = index + 1 < model.named.count ? model.named[index + 1].version : model.graph.count
      var parents = Arena<Int>()
      for parent in change.parents { parents.append(parent) }
      let event = model.events[change.version]
      _ = try graph.append(
        origin: event.origin, sequence: event.sequence, eventCount: next - change.version,
        isOneChange: true, reducing: &parents)
      #expect(graph.frontier == model.heads(0..<next))
      #expect((0..<parents.count).map { parents[$0] } == model.heads(change.parents))
    }
  }

  @Test("events and numbers translate both ways", arguments: 0..<20 as Range<UInt64>)
  func identity(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var model = try Model(&random, changes: 40)
    func check(_ count: Int) {
      for version in 0..<count {
        let event = model.events[version]
        #expect(model.graph.event(at: version) == event)
        #expect(
          model.graph.version(origin: event.origin, sequence: event.sequence, index: event.index)
            == version)
        #expect(
          model.graph.versions(origin: event.origin, sequence: event.sequence)?.contains(version)
            == true)
      }
    }
    check(model.graph.count)
    #expect(model.graph.version(origin: 0, sequence: 1 << 60, index: 0) == nil)
    #expect(model.graph.version(origin: 9, sequence: 1, index: 0) == nil)
    #expect(model.graph.version(origin: 0, sequence: 0, index: 0) == nil)

    let first = model.events.lastIndex { $0.index == 0 } ?? 0
    model.graph.truncate(to: first)
    check(first)
    #expect(model.graph.frontier == model.heads(0..<first))
    let gone = model.events[first]
    #expect(model.graph.versions(origin: gone.origin, sequence: gone.sequence) == nil)
    let again = try model.graph.append(
      origin: gone.origin, sequence: gone.sequence, eventCount: 1, parents: model.graph.frontier)
    #expect(again == first..<first + 1)
  }

  @Test("typing is one run, whoever types and however it is cut into changes")
  func runs() throws {
    var graph = EventGraph()
    for sequence in 1...1000 as ClosedRange<UInt64> {
      _ = try graph.append(
        origin: 0, sequence: sequence, eventCount: 1, parents: graph.frontier)
    }
    _ = try graph.append(origin: 1, sequence: 5, eventCount: 50, parents: [999])
    #expect(graph.runCount == 1 && graph.identityRunCount == 2)
    #expect(graph.event(at: 1049) == GraphEvent(origin: 1, sequence: 5, index: 49))
    #expect(graph.parents(of: 1000) == [999])
  }

  @Test("what cannot be appended is refused and changes nothing")
  func refused() throws {
    var graph = EventGraph()
    _ = try graph.append(origin: 0, sequence: 3, eventCount: 1, parents: [])
    #expect(throws: EventGraphError.unknownParent(version: 1)) {
      try graph.append(origin: 0, sequence: 4, eventCount: 1, parents: [1])
    }
    #expect(throws: EventGraphError.unknownParent(version: -1)) {
      try graph.append(origin: 0, sequence: 4, eventCount: 1, parents: [0, -1])
    }
    #expect(throws: EventGraphError.sequenceNotIncreasing(origin: 0, sequence: 3, last: 3)) {
      try graph.append(origin: 0, sequence: 3, eventCount: 1, parents: [0])
    }
    #expect(throws: EventGraphError.emptyChange(origin: 0, sequence: 4)) {
      try graph.append(origin: 0, sequence: 4, eventCount: 0, parents: [0])
    }
    #expect(throws: EventGraphError.tooManyEvents(limit: EventGraph.eventCountMax)) {
      try graph.append(origin: 0, sequence: 4, eventCount: .max, parents: [0])
    }
    #expect(graph.count == 1 && graph.frontier == [0])
    _ = try graph.append(origin: 0, sequence: .max, eventCount: 1, parents: [0])
    #expect(graph.versions(origin: 0, sequence: .max) == 1..<2)
    _ = try graph.append(
      origin: 1, sequence: 1, eventCount: EventGraph.eventCountMax - 2, parents: [0, 1, 1])
    #expect(graph.parents(of: 2) == [1])
  }
}
