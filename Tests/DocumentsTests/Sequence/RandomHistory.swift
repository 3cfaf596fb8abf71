import Causality
import DocumentModel
import Documents
import TestSupport

/// A history of several replicas that edit one text, merge each other now and then, and touch other
/// containers in between.
struct RandomHistory {
  enum Operation {
    case insert(position: Int, text: [Unicode.Scalar])
    case delete(position: Int, count: Int, backward: Bool)

    var eventCount: Int {
      switch self {
      case .insert(_, let text): text.count
      case .delete(_, let count, _): count
      }
    }
  }

  struct Change {
    var origin: Int
    var sequence: UInt64
    var parents: [Int]
    /// Events in other containers before and after the operations.
    var eventsBefore: Int
    var eventsAfter: Int
    var operations: [Operation]
    /// Itself and all its ancestors.
    var closure: Set<Int>

    var eventCount: Int {
      operations.reduce(eventsBefore + eventsAfter) { $0 + $1.eventCount }
    }
  }

  struct Shape {
    var replicas = 3
    var changes = 20
    /// Of 100 steps, how many merge.
    var mergePercent = 30
    var deletePercent = 30
    /// Inserts go to one of this many places at the front of the text; nil: anywhere.
    var hotPlaces: Int?
    var operationsMax = 3
    var runMax = 4
    var otherEventsMax = 1
    /// Of 100 operations, how many may reach beyond the end, as only a faulty author makes them.
    var faultyPercent = 0
  }

  private(set) var changes: [Change] = []
  private(set) var oracle = ModelSequence()
  /// `ranks[origin]`: the order of origins for ties.
  let ranks: [Int]
  private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz\r\n\0é👍\u{301}".unicodeScalars)

  init(seed: UInt64, shape: Shape) {
    var random = SeededGenerator(seed: seed)
    ranks = Array(0..<shape.replicas).shuffled(using: &random)
    var frontiers = Array(repeating: [Int](), count: shape.replicas)
    var sequences = Array(repeating: UInt64(0), count: shape.replicas)
    while changes.count < shape.changes {
      let replica = Int.random(in: 0..<shape.replicas, using: &random)
      if Int.random(in: 0..<100, using: &random) < shape.mergePercent {
        let other = Int.random(in: 0..<shape.replicas, using: &random)
        frontiers[replica] = heads(of: frontiers[replica] + frontiers[other])
        continue
      }
      // Sequences have gaps where a replica edits other documents.
      sequences[replica] += UInt64.random(in: 1...2, using: &random)
      edit(
        by: replica, sequence: sequences[replica], parents: frontiers[replica], shape, &random)
      frontiers[replica] = [changes.count - 1]
    }
  }

  /// A history that is spelled out: each change with its origin, parents (indexes) and operations.
  init(ranks: [Int], _ spelled: [(origin: Int, parents: [Int], operations: [Operation])]) {
    self.ranks = ranks
    var sequences = Array(repeating: UInt64(0), count: ranks.count)
    for (origin, parents, operations) in spelled {
      sequences[origin] += 1
      begin(origin, sequences[origin], parents, eventsBefore: 0, eventsAfter: 0)
      for operation in operations { perform(operation) }
    }
  }

  /// An event by the rank of its origin, which stands for the origin itself.
  private func event(of origin: Int, _ sequence: UInt64, _ index: Int) -> EventID {
    EventID(rank: ranks[origin], sequence: sequence, index: index)
  }

  private func heads(of versions: [Int]) -> [Int] {
    Set(versions).filter { version in
      !versions.contains { $0 != version && changes[$0].closure.contains(version) }
    }.sorted()
  }

  private mutating func begin(
    _ origin: Int, _ sequence: UInt64, _ parents: [Int], eventsBefore: Int, eventsAfter: Int
  ) {
    var closure: Set<Int> = [changes.count]
    for parent in parents { closure.formUnion(changes[parent].closure) }
    changes.append(
      Change(
        origin: origin, sequence: sequence, parents: parents, eventsBefore: eventsBefore,
        eventsAfter: eventsAfter, operations: [], closure: closure))
  }

  private mutating func perform(_ operation: Operation) {
    let number = changes.count - 1
    let change = changes[number]
    let version = ModelVersion(change.closure)
    switch operation {
    case .insert(let position, let text):
      oracle.insert(
        text, at: position, by: number,
        event: event(
          of: change.origin, change.sequence, change.eventCount - change.eventsAfter),
        in: version)
    case .delete(let position, let count, backward: false):
      oracle.remove(at: position, count: count, by: number, in: version)
    case .delete(let position, let count, backward: true):
      for offset in 0..<count {
        oracle.remove(at: position - offset, count: 1, by: number, in: version)
      }
    }
    changes[number].operations.append(operation)
  }

  private mutating func edit(
    by replica: Int, sequence: UInt64, parents: [Int], _ shape: Shape,
    _ random: inout SeededGenerator
  ) {
    begin(
      replica, sequence, parents,
      eventsBefore: Int.random(in: 0...shape.otherEventsMax, using: &random),
      eventsAfter: Int.random(in: 0...shape.otherEventsMax, using: &random))
    let closure = changes[changes.count - 1].closure
    for _ in 0..<Int.random(in: 1...shape.operationsMax, using: &random) {
      let isFaulty = Int.random(in: 0..<100, using: &random) < shape.faultyPercent
      let length = oracle.count(in: closure) + (isFaulty ? 4 : 0)
      if length > 0, Int.random(in: 0..<100, using: &random) < shape.deletePercent {
        let count = Int.random(in: 1...min(length, shape.runMax), using: &random)
        let position = Int.random(in: 0...length - count, using: &random)
        let backward = Bool.random(using: &random)
        perform(
          .delete(
            position: backward ? position + count - 1 : position, count: count,
            backward: backward))
      } else {
        let top = min(shape.hotPlaces ?? length, length)
        let text = (0..<Int.random(in: 1...shape.runMax, using: &random)).map { _ in
          Self.alphabet.randomElement(using: &random) ?? "?"
        }
        perform(.insert(position: Int.random(in: 0...top, using: &random), text: text))
      }
    }
    if changes[changes.count - 1].eventCount == 0 { changes[changes.count - 1].eventsAfter = 1 }
  }

  /// All changes, each after its parents and after earlier ones of its origin.
  func deliveryOrder(_ random: inout SeededGenerator) -> [Int] {
    var remaining = Array(changes.indices)
    var delivered: Set<Int> = []
    var order: [Int] = []
    while !remaining.isEmpty {
      let ready = remaining.indices.filter { index in
        changes[remaining[index]].closure.subtracting([remaining[index]]).isSubset(of: delivered)
      }
      let choice = remaining.remove(at: ready.randomElement(using: &random) ?? 0)
      delivered.insert(choice)
      order.append(choice)
    }
    return order
  }
}

extension ModelSequence {
  func count(in version: Set<Int>) -> Int { count(in: ModelVersion(version)) }
  func text(in version: Set<Int>) -> String { text(in: ModelVersion(version)) }
  func events(in version: Set<Int>) -> [EventID] { events(in: ModelVersion(version)) }
}

extension EventID {
  init(rank: Int, sequence: UInt64, index: Int) {
    self.init(
      change: ChangeID(origin: Origin(high: 0, low: UInt64(rank)), sequence: sequence),
      index: UInt32(index))
  }
}

/// A replica that holds a text, its history, and nothing else.
struct TextReplica {
  let history: RandomHistory
  private(set) var graph = EventGraph()
  private(set) var log = SequenceLog(.text)
  private(set) var text = TextRope()
  private(set) var delivered: Set<Int> = []
  /// Whether every event so far had an effect.
  private(set) var isSound = true
  /// True origin of each interned index; differs from replica to replica.
  private var origins: [Int] = []

  init(_ history: RandomHistory) {
    self.history = history
  }

  var ranks: [UInt32] { origins.map { UInt32(history.ranks[$0]) } }

  /// Appends changes without merging them.
  mutating func append(_ batch: some Sequence<Int>) throws {
    for number in batch {
      let change = history.changes[number]
      let parents = try change.parents.map { parent in
        let parent = history.changes[parent]
        return try lastVersion(of: parent)
      }
      let versions = try graph.append(
        origin: intern(change.origin), sequence: change.sequence, eventCount: change.eventCount,
        parents: parents)
      var version = versions.lowerBound + change.eventsBefore
      for operation in change.operations {
        switch operation {
        case .insert(let position, let text):
          var view = String.UnicodeScalarView()
          view.append(contentsOf: text)
          try log.appendInsert(version: version, position: position, text: String(view))
        case .delete(let position, let count, let backward):
          try log.appendDelete(
            version: version, position: position, count: count, backward: backward)
        }
        version += operation.eventCount
      }
      delivered.insert(number)
    }
  }

  /// Appends changes and merges them in one replay.
  mutating func receive(_ batch: some Sequence<Int>) throws {
    let before = graph.frontier
    try append(batch)
    let merge = try SequenceWalker.merge(
      graph: graph, log: log, ranks: ranks, from: before, to: graph.frontier,
      length: text.count, isSound: isSound)
    if merge.ineffectiveEventCount > 0 { isSound = false }
    try text.apply(merge.patches, from: log)
  }

  struct MissingParent: Error {}

  private func lastVersion(of change: RandomHistory.Change) throws -> Int {
    guard let origin = origins.firstIndex(of: change.origin),
      let versions = graph.versions(origin: origin, sequence: change.sequence)
    else { throw MissingParent() }
    return versions.upperBound - 1
  }

  private mutating func intern(_ origin: Int) -> Int {
    if let index = origins.firstIndex(of: origin) { return index }
    origins.append(origin)
    return origins.count - 1
  }

  /// The frontier that covers a set of changes.
  func frontier(of changes: Set<Int>) throws -> [Int] {
    graph.dominators(of: try changes.sorted().map { try lastVersion(of: history.changes[$0]) })
  }
}
