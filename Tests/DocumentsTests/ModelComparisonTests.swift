import Causality
import DocumentModel
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// The engine against the model, which was written apart from it.
@Suite("Documents against the model")
struct ModelComparisonTests {
  private func change(_ incoming: IncomingEdit) -> Change {
    Change(
      id: incoming.change, lamport: incoming.lamport, time: incoming.time, edits: [incoming.edit])
  }

  /// Several replicas edit everything that a document can hold; at every step the one that did
  /// something holds what the model makes of what it has seen. Some of them lie about what they
  /// saw.
  @Test(arguments: 0..<24)
  func everyStepIsWhatTheModelShows(seed: UInt64) throws {
    var random = SeededGenerator(seed: 9_000 + seed)
    let replicaCount = Int.random(in: 2...4, using: &random)
    var replicas = (0..<replicaCount).map { DocumentReplica($0) }
    let lyingPercent = seed % 3 == 0 ? 15 : 0
    // One model, to which each change is added once, in no order, tells what every replica shows.
    var model = Model()
    var late: [Change] = []
    for step in 0..<60 {
      let mine = Int.random(in: 0..<replicaCount, using: &random)
      if Int.random(in: 0..<10, using: &random) < 3 {
        let other = replicas[Int.random(in: 0..<replicaCount, using: &random)]
        let missing = replicas[mine].missing(from: other)
        let part = Int.random(in: 0...missing.count, using: &random)
        for batch in split(Array(missing.prefix(part)), &random) {
          try replicas[mine].receive(batch)
        }
      } else if Int.random(in: 0..<100, using: &random) < lyingPercent {
        let lie = lie(by: replicas[mine], &random)
        try replicas[mine].receive([lie])
        late.append(change(lie))
      } else {
        let count = Int.random(in: 1...4, using: &random)
        let made = try replicas[mine].edit { editor in
          for _ in 0..<count {
            do { try RandomEditing.edit(editor, &random) } catch is EditError {}
          }
        }
        if let made { late.append(change(made)) }
      }
      late.shuffle(using: &random)
      for change in late { model.add(change) }
      late = []
      if Int.random(in: 0..<8, using: &random) == 0 { try replicas[mine].reopen() }
      let replica = replicas[mine]
      let difference = model.difference(from: replica.document, seeing: replica.vector)
      #expect(difference == nil, "seed \(seed), step \(step), replica \(mine)")
      if difference != nil { return }
    }
    // A model that is told everything at the end, backwards, is the same.
    let all = replicas.flatMap(\.log).map(change)
    let again = Model(all.reversed())
    for replica in replicas {
      #expect(again.difference(from: replica.document, seeing: replica.vector) == nil)
    }
    #expect(again.canonicalText() == model.canonicalText())
  }

  /// Any edit of the author, with positions, parents, containers and events changed at random.
  private func lie(
    by replica: DocumentReplica, _ random: inout SeededGenerator
  ) -> IncomingEdit {
    var parents = replica.document.parents
    if Int.random(in: 0..<3, using: &random) == 0 {
      let named = replica.log.map(\.change).shuffled(using: &random)
      parents = named.prefix(Int.random(in: 0...2, using: &random)).sorted()
    }
    // What others did as well as what nobody did.
    let known = replica.log.flatMap { incoming in
      (0..<UInt32(3)).map { EventID(change: incoming.change, index: $0) }
    }
    let id = ChangeID(origin: replica.origin, sequence: replica.vector[replica.origin] + 1)
    let events = known + (0..<UInt32(3)).map { EventID(change: id, index: $0) }
    let containers = replica.log.flatMap { $0.edit.operations.map(\.container) } + [.root]
    let operations = (0..<Int.random(in: 1...4, using: &random)).map { _ in
      let container = containers.randomElement(using: &random) ?? .root
      let at = Int.random(in: 0...8, using: &random)
      let key = Key(["a", "b", "t", "l"].randomElement(using: &random) ?? "a")
      let replaced = Array(events.shuffled(using: &random).prefix(2)).sorted()
      let kind = ContainerKind.allCases.randomElement(using: &random) ?? .map
      let actions: [Operation.Action] = [
        .set(key, .integer(Int64(at)), replaces: replaced), .delete(key, replaces: replaced),
        .make(key, kind, isAnew: Bool.random(using: &random), replaces: replaced),
        .increment(by: .max), .insertText(at: at, "lie"), .remove(at: at, count: 3),
        .insertElements(at: at, [.value(.null), .container(kind)]),
        .insertElements(
          at: at,
          [.moved(events.randomElement(using: &random) ?? events[0]), .value(.bool(true))]),
        .setElement(
          events.randomElement(using: &random) ?? events[0], .container(kind), replaces: replaced),
        .setElement(
          events.randomElement(using: &random) ?? events[0], .moved(events[0]), replaces: replaced),
        .mark(from: at, to: at + 2, key, .bool(true), .both),
        .mark(from: 5, to: at, key, .null, .none),
        .createNode(TreePlace(in: events.randomElement(using: &random))),
        .moveNode(
          events.randomElement(using: &random) ?? events[0],
          TreePlace(in: events.randomElement(using: &random))),
        .deleteNode(events.randomElement(using: &random) ?? events[0]),
        .deleteDocument, .unknown(code: 99, eventCount: 3, bytes: [1]),
      ]
      return Operation(container, actions.randomElement(using: &random) ?? .deleteDocument)
    }
    return IncomingEdit(
      change: id, lamport: replica.lamport + 1, time: Timestamp(clampingMilliseconds: 0),
      edit: DocumentEdit(document: documentID, parents: parents, operations: operations))
  }
}
