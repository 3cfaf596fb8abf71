import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

let treeID = ContainerID.child(parent: .root, key: "tree", kind: .tree, generation: nil)

extension Document {
  /// The tree at the key `tree` in one line: `a(b c(d))`, each node by its `name`.
  func outline(at path: DocumentPath = ["tree"]) throws -> String {
    func line(_ nodes: JSONValue?) -> String {
      guard case .array(let nodes)? = nodes else { return "?" }
      return nodes.map { node in
        let name = node.objectValue?["value"]?.objectValue?["name"]?.stringValue ?? "-"
        let inner = line(node.objectValue?["children"])
        return inner.isEmpty ? name : "\(name)(\(inner))"
      }.joined(separator: " ")
    }
    return line(try json(at: path).objectValue?["children"])
  }

  /// Where the node of that name stands.
  func path(toNode name: String, from path: DocumentPath = ["tree"]) throws -> DocumentPath {
    for index in 0..<(try count(at: path)) {
      let here = path.appending(.index(index))
      if (try? json(at: here.appending("name"))) == .string(name) { return here }
      if let found = try? self.path(toNode: name, from: here) { return found }
    }
    throw EditError(.nothingThere, "there is no node '\(name)'")
  }
}

extension Editor {
  func node(_ name: String, in parent: String? = nil, at index: Int? = nil) throws {
    let path = try place(parent)
    try createNode(path, at: try index ?? document.count(at: path), ["name": .string(name)])
  }

  func move(_ name: String, to parent: String?, at index: Int = 0) throws {
    let path = try document.path(toNode: name)
    guard case .index(let from)? = path.steps.last else { return }
    try moveNode(
      DocumentPath(Array(path.steps.dropLast())), from: from, to: try place(parent), at: index)
  }

  func remove(_ name: String) throws { try delete(try document.path(toNode: name)) }

  private func place(_ name: String?) throws -> DocumentPath {
    guard let name else { return ["tree"] }
    return try document.path(toNode: name)
  }
}

/// Two replicas that both have a tree: `a(b c) d`.
func apartWithTree() throws -> (DocumentReplica, DocumentReplica) {
  try apart { editor in
    try editor.make(["tree"], .tree)
    try editor.node("a")
    try editor.node("b", in: "a")
    try editor.node("c", in: "a")
    try editor.node("d")
  }
}

extension TreeState {
  /// Every node is at one place, in reach of the top or of the bin; the log is in order; what is in
  /// effect is the last operation of its node that had one.
  mutating func checkInvariants() {
    #expect(log.count == placements.count)
    #expect(Set(log).count == log.count)
    for (left, right) in zip(log, log.dropFirst()) {
      #expect(stamp(of: left) < stamp(of: right))
    }
    var places: [NodeNumber: Int] = [:]
    for parent in Self.top..<nodes.count {
      for node in children(of: parent) {
        places[node, default: 0] += 1
        #expect(self.parent(of: node) == parent)
      }
    }
    for node in nodes.indices {
      #expect(places[node] ?? 0 == (parent(of: node) == Self.bin ? 0 : 1))
      var at = node
      var steps = 0
      while at >= 0, steps <= nodes.count {
        at = parent(of: at)
        steps += 1
      }
      #expect(at < 0, "node \(nodes[node].event) stands under itself")
      let last = log.last { placements[$0].node == node && placements[$0].isEffective }
      #expect(last ?? Self.none == nodes[node].current)
    }
    for parent in siblings.indices {
      let order = siblings[parent].order
      #expect(Set(order).count == order.count)
      #expect(order.allSatisfy { placements[$0].parent == parent - 1 })
    }
  }
}

/// Does random things to the tree of a document, of which some are refused.
enum RandomTreeEditing {
  static func path(
    _ document: Document, _ random: inout SeededGenerator
  ) -> DocumentPath {
    var path: DocumentPath = ["tree"]
    while let count = try? document.count(at: path), count > 0,
      Int.random(in: 0..<4, using: &random) > 0
    {
      path = path.appending(.index(Int.random(in: 0..<count, using: &random)))
    }
    return path
  }

  static func edit(_ editor: Editor, _ random: inout SeededGenerator) throws(EditError) {
    try editor.make(["tree"], .tree)
    let path = path(editor.document, &random)
    let count = (try? editor.document.count(at: path)) ?? 0
    let at = Int.random(in: 0...count, using: &random)
    switch Int.random(in: 0..<10, using: &random) {
    case 0...3:
      let name = JSONValue.integer(Int64.random(in: 0..<100, using: &random))
      try editor.createNode(path, at: at, ["name": name])
    case 4: try editor.splice(path, at: at, delete: min(1, count - at), insert: [["k": 1]])
    case 5 where path.steps.count > 1: try editor.delete(path)
    case 6 where path.steps.count > 1:
      try editor.set(path.appending("name"), to: RandomEditing.value(&random))
    default:
      let destination = self.path(editor.document, &random)
      let there = (try? editor.document.count(at: destination)) ?? 0
      try editor.moveNode(
        path, from: at, to: destination, at: Int.random(in: 0...there, using: &random))
    }
  }
}
