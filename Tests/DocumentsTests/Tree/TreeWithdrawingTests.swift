import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Trees from which operations are withdrawn")
struct TreeWithdrawingTests {
  private static let tree = ContainerID.child(
    parent: .root, key: "tree", kind: .tree, generation: nil)

  @Test("a tree is as if they had never come, whichever they are", arguments: 0..<30)
  func withdraw(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var replicas = (0..<2).map { DocumentReplica($0) }
    try replicas[0].edit { try $0.make(["tree"], .tree) }
    try replicas[1].receive(replicas[0].log)
    for _ in 0..<30 {
      let who = Int.random(in: 0...1, using: &random)
      if Int.random(in: 0..<4, using: &random) == 0 {
        try replicas[who].receive(replicas[who].missing(from: replicas[1 - who]))
      } else {
        try replicas[who].edit { try Self.edit($0, &random) }
      }
    }
    try meet(&replicas)
    let history = try replicas[0].history()
    for replica in replicas {
      for _ in 0..<6 {
        let known = try #require(replicas[0].log.randomElement(using: &random))
        let version = history.lastVersion(of: known.change).map { [$0] } ?? []
        let past = history.graph.difference([], version).onlyRight
        let gone = history.others.filter { !past.covers($0.version) }
          .map { history.event(at: $0.version) }
        let handle = try #require(replica.document.handles[Self.tree])
        var tree = replica.document.trees[replica.document.slot(of: handle)]
        tree.withdraw(gone)
        let rest = replicas[0].log.filter { edit in
          history.lastVersion(of: edit.change).map(past.covers) ?? false
        }
        let then = try Document.replaying(documentID, rest)
        let expected = then.handles[Self.tree].map { then.trees[then.slot(of: $0)] }
        #expect(TreeReading(tree) == TreeReading(expected ?? TreeState()), "seed \(seed)")
      }
    }
  }

  private static func edit(_ editor: Editor, _ random: inout SeededGenerator) throws {
    let count = try editor.document.count(at: ["tree"])
    let at = Int.random(in: 0...count, using: &random)
    do throws(EditError) {
      switch Int.random(in: 0..<4, using: &random) {
      case 0: try editor.splice(["tree"], at: at, delete: count > at ? 1 : 0, insert: [])
      case 1:
        let under = Int.random(in: 0...2, using: &random)
        try editor.moveNode(["tree"], from: at, to: ["tree", .index(under)], at: 0)
      default: try editor.splice(["tree"], at: at, delete: 0, insert: [["a": 1]])
      }
    } catch {
      // Nothing is there.
    }
  }

  /// What a tree is, whatever the numbers of its nodes.
  private struct TreeReading: Equatable {
    var log: [EventID]
    var effective: [EventID]
    var children: [EventID?: [EventID]] = [:]

    init(_ tree: TreeState) {
      var tree = tree
      log = tree.log.map { tree.placements[$0].event }
      effective = tree.log.filter { tree.placements[$0].isEffective }
        .map { tree.placements[$0].event }
      for parent in TreeState.top..<tree.nodes.count {
        let name = parent >= 0 ? tree.nodes[parent].event : nil
        children[name] = tree.children(of: parent).map { tree.nodes[$0].event }
      }
    }
  }
}
