import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Editing a tree")
struct TreeEditingTests {
  private func tree() throws -> DocumentReplica { try apartWithTree().0 }

  private func refused(
    _ code: EditError.Code, _ replica: inout DocumentReplica, _ body: (Editor) throws -> Void
  ) throws {
    let before = replica.canonical
    var isEmpty = true
    #expect(throws: EditError(code, "")) {
      try replica.edit { editor in
        defer { isEmpty = editor.isEmpty }
        try body(editor)
      }
    }
    #expect(isEmpty)
    #expect(replica.canonical == before)
  }

  @Test func aTreeReadsAsNestedNodes() throws {
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      try editor.make(["tree"], .tree)
      #expect(try editor.document.json() == ["tree": ["children": []]])
      try editor.node("a")
      try editor.node("b", in: "a")
    }
    let a = "00000000000000000000000000000001:1.1"
    let b = "00000000000000000000000000000001:1.3"
    #expect(
      try replica.document.json() == [
        "tree": [
          "children": [
            [
              "id": .string(a), "value": ["name": "a"],
              "children": [["id": .string(b), "value": ["name": "b"], "children": []]],
            ]
          ]
        ]
      ])
    let seed = replica.document.parents
    #expect(seed.map(\.description) == ["00000000000000000000000000000001:1"])
  }

  @Test func aPathLeadsThroughIndicesAndMembersAlike() throws {
    var replica = try tree()
    try replica.edit { editor in
      #expect(throws: EditError(.outOfRange, "")) {
        try editor.set(["tree", 0, 1, "7"], to: "digits")
      }
      try editor.set(["tree", 0, 1, "value", "children"], to: "word")
      try editor.set(["tree", 0, 1, "value", "9"], to: ["n": 1])
    }
    let document = replica.document
    for path in ["tree/0/1/name", "tree/children/0/children/1/value/name"] {
      #expect(try document.json(at: DocumentPath(text: path)) == "c")
    }
    #expect(try document.json(at: ["tree", 0, 1, "value", "children"]) == "word")
    #expect(try document.json(at: DocumentPath(text: "tree/0/1/value/9/n")) == 1)
    #expect(try document.json(at: ["tree", 0, 1, "children"]) == [])
    #expect(try document.count(at: ["tree", 0]) == 2)
    #expect(try document.count(at: ["tree", "children"]) == 2)
    #expect(try document.kind(at: ["tree", 0]) == .tree)
    #expect(try document.kind(at: ["tree", 0, "value"]) == .map)
    #expect(try document.kind(at: ["tree", 0, "name"]) == nil)
    #expect(try document.entries(at: ["tree", 0, "name"]).count == 1)
    // An index in JSON is a node, digits in JSON a key only behind `value`.
    #expect(throws: EditError(.outOfRange, "")) { try document.json(at: ["tree", 0, 1, "7"]) }
    for path in [["tree", "name"], ["tree", "value"], ["tree", "children", "children"]]
      as [DocumentPath]
    {
      #expect(throws: EditError(.wrongKind, "")) { try document.json(at: path) }
    }
    for path in [["tree", 2], ["tree", 0, 5, "name"]] as [DocumentPath] {
      #expect(throws: EditError(.outOfRange, "")) { try document.json(at: path) }
    }
    #expect(throws: EditError(.nothingThere, "")) { try document.json(at: ["tree", 0, "no"]) }
  }

  @Test func nodesMoveBetweenAndWithinParents() throws {
    var replica = try tree()
    var seen: [String] = []
    for move: (Editor) throws -> Void in [
      { try $0.move(["tree"], from: 0, to: 1) }, { try $0.move(["tree", 1], from: 1, to: 0) },
      { try $0.moveNode(["tree", 1], from: 0, to: ["tree", 0], at: 0) },
      { try $0.moveNode(["tree", 0], from: 0, to: ["tree"], at: 2) },
      { try $0.moveNode(["tree"], from: 0, to: ["tree", 1], at: 1) },
      { try $0.moveNode(["tree"], from: 0, to: ["tree", "children", 1], at: 0) },
    ] {
      try replica.edit(move)
      seen.append(try replica.document.outline())
    }
    #expect(
      seen == [
        "d a(b c)", "d a(c b)", "d(c) a(b)", "d a(b) c", "a(b d) c", "c(a(b d))",
      ])
    // What changes nothing is no operation.
    let count = replica.log.count
    try replica.edit { try $0.moveNode(["tree", 0, 0], from: 1, to: ["tree", 0, 0], at: 1) }
    #expect(replica.log.count == count)
  }

  @Test func whatCannotBeIsRefusedAndChangesNothing() throws {
    var replica = try tree()
    try replica.edit { try $0.make(["other"], .tree) }
    try refused(.cycle, &replica) { try $0.move("a", to: "a") }
    try refused(.cycle, &replica) { try $0.move("a", to: "b") }
    try refused(.wrongKind, &replica) {
      try $0.moveNode(["tree"], from: 0, to: ["other"], at: 0)
    }
    for (from, to) in [(-1, 0), (2, 0), (0, 2), (0, -1)] {
      try refused(.outOfRange, &replica) { try $0.move(["tree"], from: from, to: to) }
    }
    try refused(.outOfRange, &replica) {
      try $0.moveNode(["tree"], from: 1, to: ["tree", 0], at: 3)
    }
    try refused(.outOfRange, &replica) { try $0.createNode(["tree"], at: 3) }
    try refused(.outOfRange, &replica) {
      try $0.splice(["tree"], at: 1, delete: 2, insert: [JSONValue]())
    }
    try refused(.wrongKind, &replica) { try $0.splice(["tree"], at: 0, delete: 0, insert: [1]) }
    try refused(.malformed, &replica) {
      try $0.splice(
        ["tree"], at: 0, delete: 0, insert: [["title": "B", "children": [["title": "x"]]]])
    }
    try refused(.malformed, &replica) {
      try $0.splice(["tree"], at: 0, delete: 0, insert: [["children": 1]])
    }
    for path in [["tree", 0], ["tree", "children"], ["tree", 0, "value"]] as [DocumentPath] {
      try refused(.wrongKind, &replica) { try $0.set(path, to: 1) }
      try refused(.wrongKind, &replica) { try $0.make(path, .text) }
      try refused(.wrongKind, &replica) { try $0.increment(path, by: 1) }
    }
    try refused(.wrongKind, &replica) { try $0.delete(["tree", "children"]) }
    try refused(.outOfRange, &replica) { try $0.delete(["tree", 2]) }
  }

  @Test func linesOfTheCommandEditTrees() throws {
    var replica = DocumentReplica(0)
    func apply(_ line: String) throws {
      try replica.edit { try $0.apply(operation: JSONValue(parsing: Array(line.utf8))) }
    }
    try apply(#"{"op":"make","path":["tree"],"type":"tree"}"#)
    try apply(
      #"{"op":"splice","path":["tree"],"at":0,"insert":[{"name":"a"},{"value":{"name":"b"}},"#
        + #"{"id":"x","children":[{"name":"d"}],"value":{"name":"c","n":[1]}}]}"#)
    #expect(try replica.document.outline() == "a b c(d)")
    #expect(try replica.document.json(at: ["tree", 2, "n", 0]) == 1)
    try apply(#"{"op":"move","path":["tree"],"from":0,"toPath":["tree",2,0],"to":0}"#)
    #expect(try replica.document.outline() == "b c(d(a))")
    try apply(#"{"op":"move","path":["tree"],"from":0,"to":1}"#)
    try apply(#"{"op":"set","path":["tree",0,"name"],"value":"C"}"#)
    try apply(#"{"op":"make","path":["tree",0,"body"],"type":"text"}"#)
    try apply(#"{"op":"splice","path":["tree",0,"body"],"at":0,"insert":"hi"}"#)
    #expect(try replica.document.outline() == "C(d(a)) b")
    #expect(try replica.document.json(at: ["tree", 0, "body"]) == "hi")
    try apply(#"{"op":"delete","path":["tree",0,0]}"#)
    try apply(#"{"op":"splice","path":["tree"],"at":1,"delete":1}"#)
    #expect(try replica.document.outline() == "C")
  }

  @Test func whatIsReadCanBePutIntoAnotherTree() throws {
    var replica = try tree()
    let nodes = try #require(replica.document.json(at: ["tree", "children"]).arrayValue)
    try replica.edit { editor in
      try editor.make(["copy"], .tree)
      try editor.splice(["copy"], at: 0, delete: 0, insert: nodes)
    }
    #expect(try replica.document.outline(at: ["copy"]) == "a(b c) d")
  }

  // MARK: Limits

  /// A tree at the top, then nodes: containers and nodes together nest as deep as containers do.
  @Test(arguments: [-1, 0, 1])
  func nodesNestToTheLimitOfContainers(excess: Int) throws {
    var replica = DocumentReplica(0)
    let levels = ContainerID.depthMax - 1 + excess
    func nest(_ editor: Editor) throws {
      try editor.make(["tree"], .tree)
      var path: DocumentPath = ["tree"]
      for _ in 0..<levels {
        try editor.createNode(path, at: 0)
        path = path.appending(0)
      }
    }
    func nestAtOnce(_ editor: Editor) throws {
      try editor.make(["tree"], .tree)
      var node: JSONValue = ["value": [:]]
      for _ in 1..<levels { node = ["children": [node]] }
      try editor.splice(["tree"], at: 0, delete: 0, insert: [node])
    }
    for nest in [nest, nestAtOnce] {
      guard excess <= 0 else {
        #expect(throws: EditError(.limitExceeded, "")) { try replica.edit { try nest($0) } }
        continue
      }
      replica = DocumentReplica(0)
      try replica.edit { try nest($0) }
      let text = try replica.document.json().text()
      #expect(try JSONValue(parsing: Array(text.utf8)) == replica.document.json())
      try replica.reopen()
    }
  }

  @Test(arguments: [-1, 0, 1])
  func aMoveKeepsToTheLimitWithAllThatComesAlong(excess: Int) throws {
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      try editor.make(["tree"], .tree)
      for levels in [30, ContainerID.depthMax - 31 + excess] {
        var path: DocumentPath = ["tree"]
        for _ in 0..<levels {
          try editor.createNode(path, at: 0)
          path = path.appending(0)
        }
      }
    }
    // The second chain stands before the first.
    let end = DocumentPath([.key("tree"), .index(1)] + Array(repeating: .index(0), count: 29))
    let move: (Editor) throws -> Void = { try $0.moveNode(["tree"], from: 0, to: end, at: 0) }
    if excess > 0 {
      try refused(.limitExceeded, &replica, move)
    } else {
      try replica.edit(move)
      #expect(try replica.document.count(at: ["tree"]) == 1)
    }
  }

  /// Moves made at once can nest deeper than an editor does; what is too deep to be shown is there.
  @Test(arguments: [-1, 0, 1])
  func moreLevelsAreShownThanAnEditorMakes(excess: Int) throws {
    let levels = Document.shownLevelMax + excess
    let document = try chain(of: levels)
    var json = try document.json(at: ["tree"])
    var shown = 0
    while case .array(let children)? = json.objectValue?["children"], let child = children.first {
      json = child
      shown += 1
    }
    #expect(shown == min(levels, Document.shownLevelMax))
    #expect(json.objectValue?["children"] == (excess > 0 ? .null : []))
    let text = try document.json().text()
    #expect(try JSONValue(parsing: Array(text.utf8)).text() == text)
    #expect(document.canonicalJSON().text().contains("\"place\":0"))
  }

  @Test(arguments: [-1, 0, 1])
  func noOperationPutsANodeBelowTheLowestLevel(excess: Int) throws {
    let document = try chain(of: TreeState.levelMax + excess)
    let tree = document.trees[0]
    #expect(tree.nodes.count == TreeState.levelMax + excess)
    #expect(tree.nodes.indices.filter { !tree.isShown($0) }.count == max(0, excess))
    #expect(try Document(id: documentID, state: document.encodeState()).trees[0].log == tree.log)
  }

  /// Each node under the one before.
  private func chain(of levels: Int) throws -> Document {
    let change = ChangeID(origin: testOrigin(3), sequence: 1)
    var operations = [Operation(.root, .make("tree", .tree, isAnew: false, replaces: []))]
    for level in 0..<levels {
      let parent = level == 0 ? nil : EventID(change: change, index: UInt32(level))
      operations.append(Operation(treeID, .createNode(TreePlace(in: parent))))
    }
    let document = Document(id: documentID)
    _ = try document.merge([
      IncomingEdit(
        change: change, lamport: 1, time: .epoch,
        edit: DocumentEdit(document: documentID, parents: [], operations: operations))
    ]) { DocumentHistory(document: documentID) }
    return document
  }
}
