import Causality
import DocumentModel
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Trees of random histories")
struct TreePropertyTests {
  /// Replicas that edit a tree and meet at random; some of them lie.
  private func histories(
    lyingPercent: Int, _ random: inout SeededGenerator, steps: Int = 70
  ) throws -> [DocumentReplica] {
    var replicas = (0..<Int.random(in: 2...4, using: &random)).map { DocumentReplica($0) }
    try replicas[0].edit { try $0.make(["tree"], .tree) }
    for _ in 0..<steps {
      let mine = Int.random(in: replicas.indices, using: &random)
      if Int.random(in: 0..<4, using: &random) == 0 {
        let other = replicas[Int.random(in: replicas.indices, using: &random)]
        try replicas[mine].receive(replicas[mine].missing(from: other))
      } else if Int.random(in: 0..<100, using: &random) < lyingPercent {
        let lie = lie(by: replicas[mine], &random)
        try replicas[mine].receive([lie])
      } else {
        let count = Int.random(in: 1...3, using: &random)
        try replicas[mine].edit { editor in
          for _ in 0..<count {
            do { try RandomTreeEditing.edit(editor, &random) } catch is EditError {}
          }
        }
      }
      if Int.random(in: 0..<10, using: &random) == 0 { try replicas[mine].reopen() }
      for index in replicas[mine].document.trees.indices {
        replicas[mine].document.trees[index].checkInvariants()
      }
    }
    return replicas
  }

  /// Nodes that are none, or of another tree, or that nobody could know of; cycles.
  private func lie(by replica: DocumentReplica, _ random: inout SeededGenerator) -> IncomingEdit {
    let id = ChangeID(origin: replica.origin, sequence: replica.vector[replica.origin] + 1)
    var parents = replica.document.parents
    if Bool.random(using: &random) {
      parents = replica.log.map(\.change).shuffled(using: &random)
        .prefix(Int.random(in: 0...2, using: &random)).sorted()
    }
    var events = replica.log.flatMap { incoming in
      (0..<UInt32(4)).map { EventID(change: incoming.change, index: $0) }
    }
    events += (0..<UInt32(4)).map { EventID(change: id, index: $0) }
    // What others may write some day.
    events += (0..<UInt64(3)).map { number in
      EventID(
        change: ChangeID(origin: testOrigin(Int(number)), sequence: replica.lamport + number),
        index: 0)
    }
    let other = ContainerID.child(parent: .root, key: "other", kind: .tree, generation: nil)
    let operations = (0..<Int.random(in: 1...4, using: &random)).map { _ -> Operation in
      let tree = Int.random(in: 0..<4, using: &random) == 0 ? other : treeID
      let node = events.randomElement(using: &random) ?? events[0]
      let place = TreePlace(
        in: Bool.random(using: &random) ? node : events.randomElement(using: &random),
        after: Bool.random(using: &random) ? nil : events.randomElement(using: &random))
      let actions: [Operation.Action] = [
        .createNode(place), .createNode(TreePlace()), .moveNode(node, place),
        .moveNode(node, TreePlace(in: place.parent)), .deleteNode(node),
      ]
      return Operation(tree, actions.randomElement(using: &random) ?? .deleteDocument)
    }
    return IncomingEdit(
      change: id, lamport: replica.lamport + 1, time: .epoch,
      edit: DocumentEdit(document: documentID, parents: parents, operations: operations))
  }

  private func change(_ incoming: IncomingEdit) -> Change {
    Change(
      id: incoming.change, lamport: incoming.lamport, time: incoming.time, edits: [incoming.edit])
  }

  @Test(
    "whatever order they come in, equal changes are equal bytes, and what the model shows",
    arguments: 0..<40)
  func treesConverge(seed: UInt64) throws {
    var random = SeededGenerator(seed: 21_000 + seed)
    var replicas = try histories(lyingPercent: seed % 2 == 0 ? 20 : 0, &random)
    let model = Model(replicas.flatMap(\.log).map(change))
    for replica in replicas {
      #expect(
        model.difference(from: replica.document, seeing: replica.vector) == nil, "seed \(seed)")
    }
    for target in replicas.indices {
      for source in replicas.indices where source != target {
        try replicas[target].receive(replicas[target].missing(from: replicas[source]))
      }
    }
    let expected = replicas[0]
    for replica in replicas {
      #expect(replica.document.encodeState() == expected.document.encodeState(), "seed \(seed)")
      #expect(replica.canonicalBytes == expected.canonicalBytes, "seed \(seed)")
    }
    #expect(model.difference(from: expected.document) == nil, "seed \(seed)")
    let known = Set(expected.log.map(\.change))
    let foreign = Set(expected.log.flatMap(\.edit.parents)).subtracting(known)
    for reopens in [false, true] {
      var fresh = DocumentReplica(9)
      let shuffled = shuffledCausally(expected.log, seen: foreign, &random)
      for batch in split(shuffled, &random) {
        try fresh.receive(batch)
        // Twice is once.
        try fresh.receive(batch)
        if reopens { try fresh.reopen() }
      }
      #expect(fresh.document.encodeState() == expected.document.encodeState(), "seed \(seed)")
    }
    let whole = try Document(history: expected.history())
    #expect(whole.encodeState() == expected.document.encodeState(), "seed \(seed)")
  }

  @Test("conflicts are the same for all, and end when they are decided", arguments: 0..<20)
  func conflictsConvergeAndEnd(seed: UInt64) throws {
    var random = SeededGenerator(seed: 24_000 + seed)
    var replicas = try histories(lyingPercent: 0, &random, steps: 40)
    try meet(&replicas)
    let expected = try replicas[0].conflicts()
    for replica in replicas { #expect(try replica.conflicts() == expected, "seed \(seed)") }
    #expect(Set(expected.map(\.id)).count == expected.count, "seed \(seed)")
    try decideAll(&replicas, seed, &random)
  }

  @Test("every version that was ever there can be read again", arguments: 0..<10)
  func earlierVersionsComeBack(seed: UInt64) throws {
    var random = SeededGenerator(seed: 22_000 + seed)
    var replica = DocumentReplica(0)
    var other = DocumentReplica(1)
    var past: [(VersionVector, [UInt8])] = []
    for _ in 0..<25 {
      for isOther in [false, true] where Bool.random(using: &random) {
        let edit: (Editor) throws -> Void = { editor in
          do { try RandomTreeEditing.edit(editor, &random) } catch is EditError {}
        }
        if isOther { try other.edit(edit) } else { try replica.edit(edit) }
      }
      if Bool.random(using: &random) { try replica.receive(replica.missing(from: other)) }
      if Bool.random(using: &random) { try other.receive(other.missing(from: replica)) }
      past.append((replica.vector, replica.document.encodeState()))
    }
    for (vector, state) in past {
      let then = try Document.replaying(documentID, replica.log, at: vector)
      #expect(then.encodeState() == state, "seed \(seed)")
    }
  }

  /// An operation that is older than all but a few of very many must not cost as if older than all:
  /// only what is newer may be touched.
  @Test func whatIsOlderIsNotReplayed() throws {
    var tree = TreeState()
    func event(_ number: Int, by origin: Int = 0) -> EventID {
      EventID(
        change: ChangeID(origin: testOrigin(origin), sequence: UInt64(number)), index: 0)
    }
    for number in 1...2_000 {
      let isTaken = tree.take(
        event(number), lamport: UInt64(number), of: event(number), to: TreePlace()
      ) { _ in true }
      #expect(isTaken)
    }
    let before = tree.log
    tree.take(event(1, by: 1), lamport: 1_990, of: event(1, by: 1), to: TreePlace()) { _ in true }
    #expect(tree.log == before)
    tree.replayWaiting()
    #expect(Array(tree.log[..<1_990]) == Array(before[..<1_990]))
    #expect(tree.log[1_990] == 2_000)
    tree.checkInvariants()
  }

  /// Siblings are the same whether they come one by one near the end or far from it.
  @Test(arguments: 0..<5)
  func siblingsAreInOneOrderHoweverManyThereAre(seed: UInt64) throws {
    var random = SeededGenerator(seed: 23_000 + seed)
    var tree = TreeState()
    var events: [EventID] = []
    var expected: [EventID] = []
    for number in 1...900 {
      let event = EventID(
        change: ChangeID(origin: testOrigin(0), sequence: UInt64(number)), index: 0)
      let index = seed == 0 ? 0 : Int.random(in: 0...expected.count, using: &random)
      let after = index == 0 ? nil : expected[index - 1]
      tree.take(event, lamport: UInt64(number), of: event, to: TreePlace(after: after)) { _ in true
      }
      expected.insert(event, at: index)
      events.append(event)
      guard number % 100 == 0 else { continue }
      let found = tree.children(of: TreeState.top).map { tree.nodes[$0].event }
      #expect(found == expected, "seed \(seed), \(number) nodes")
    }
    tree.checkInvariants()
  }
}
