import Skerry
import Testing

@Suite("Merging into a document")
struct MergingIntoDocumentsTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func replica() async throws -> Replica {
    try await Replica.create(at: folder.path("a.skerry"), name: "Ada")
  }

  @Test("a text that was read, edited and given back is merged, as edits of what changed only")
  func texts() async throws {
    let replica = try await replica()
    let base = "one two\nthree\n"
    let document = try await replica.transaction { transaction in
      let document = transaction.createDocument()
      try transaction.replaceText(with: base, at: ["body"], of: document)
      return document
    }.value
    try await replica.transaction { transaction in
      try transaction.splice(at: 0, deleting: 3, inserting: "eins", in: ["body"], of: document)
    }
    let commit = try await replica.transaction { transaction in
      try transaction.mergeText("one zwei\nthree\n", base: base, at: ["body"], of: document)
    }
    #expect(commit.value.conflicts.isEmpty)
    #expect(try await replica.text(document, path: ["body"]) == "eins zwei\nthree\n")
    let parts = try await replica.attribution(document, path: ["body"])
    #expect(parts.filter { $0.author == commit.change }.map(\.count) == [4])
    // Nothing new: nothing is written.
    let again = try await replica.transaction { transaction in
      try transaction.mergeText("one zwei\nthree\n", base: base, at: ["body"], of: document)
    }
    #expect(again.change == nil)
    // Where both changed the same, the choice decides.
    let ours = try await replica.transaction { transaction in
      try transaction.mergeText(
        "uno two\nthree\n", base: base, at: ["body"], of: document, choosing: .ours)
    }
    // Nothing of this line is left on our side, so all of it is the conflict.
    #expect(ours.value.conflicts.map(\.theirs) == ["uno two\n"])
    #expect(try await replica.text(document, path: ["body"]) == "eins zwei\nthree\n")
    await #expect(throws: ReplicaError(.refused, "")) {
      try await replica.transaction { transaction in
        try transaction.mergeText("x", base: "y", at: ["nowhere"], of: document)
      }
    }
    await replica.close()
  }

  @Test(
    "a document that was read, edited and given back: texts, lists and counters stay what they are")
  func values() async throws {
    let replica = try await replica()
    let document = try await replica.transaction { transaction in
      let document = transaction.createDocument()
      try transaction.replaceText(with: "one two", at: ["body"], of: document)
      try transaction.set([["id": 1, "n": "a"], ["id": 2, "n": "b"]], at: ["list"], of: document)
      try transaction.make(.counter, at: ["count"], of: document)
      try transaction.increment(by: 5, at: ["count"], of: document)
      return document
    }.value
    let base = try await replica.json(document)
    try await replica.transaction { transaction in
      try transaction.splice(at: 0, deleting: 3, inserting: "eins", in: ["body"], of: document)
      try transaction.set("A", at: ["list", 0, "n"], of: document)
      try transaction.increment(by: 1, at: ["count"], of: document)
    }
    let theirs: JSONValue = [
      "body": "one zwei", "list": [["id": 1, "n": "a"], ["id": 2, "n": "B"], ["id": 3]],
      "count": 5, "new": true,
    ]
    let commit = try await replica.transaction { transaction in
      try transaction.mergeValue(theirs, base: base, of: document)
    }
    #expect(commit.value.conflicts.isEmpty, "\(commit.value.conflicts)")
    let merged: JSONValue = [
      "body": "eins zwei", "count": 6,
      "list": [["id": 1, "n": "A"], ["id": 2, "n": "B"], ["id": 3]], "new": true,
    ]
    #expect(try await replica.json(document) == merged)
    #expect(try await replica.text(document, path: ["body"]) == "eins zwei")
    await #expect(throws: ReplicaError(.refused, "")) {
      try await replica.transaction { transaction in
        try transaction.mergeValue(
          1, base: base, of: document, options: ValueMergeOptions(choice: .theirs))
      }
    }
    await replica.close()
  }

  @Test("elements and nodes that were put elsewhere are moved, with what others did to them")
  func moves() async throws {
    let replica = try await replica()
    let document = try await replica.transaction { transaction in
      let document = transaction.createDocument()
      try transaction.set(
        [["id": 1, "n": "a"], ["id": 2, "n": "b"], ["id": 3, "n": "c"]], at: ["list"], of: document)
      try transaction.make(.tree, at: ["tree"], of: document)
      try transaction.splice(
        at: 0,
        inserting: [
          ["value": ["n": "x"], "children": [["value": ["n": "y"]]]], ["value": ["n": "z"]],
        ], in: ["tree"], of: document)
      return document
    }.value
    let base = try await replica.json(document)
    let before = try await replica.version()
    // What somebody made of the file: the first element last, y under z, and a new node.
    guard case .array(var list)? = base.objectValue?["list"],
      let top = base.objectValue?["tree"]?.objectValue?["children"]?.arrayValue,
      var first = top[0].objectValue, var second = top[1].objectValue,
      let moved = first["children"]?.arrayValue
    else {
      Issue.record("\(base)")
      return
    }
    list.append(list.removeFirst())
    first["children"] = []
    second["children"] = .array(moved + [["value": ["n": "new"]]])
    let theirs: JSONValue = [
      "list": .array(list), "tree": ["children": [.object(second), .object(first)]],
    ]
    try await replica.transaction { transaction in
      try transaction.set("A", at: ["list", 0, "n"], of: document)
      try transaction.set("Y", at: ["tree", 0, 0, "n"], of: document)
    }
    let merged = try await replica.transaction { transaction in
      try transaction.mergeValue(theirs, base: base, of: document)
    }
    #expect(merged.value.conflicts.isEmpty, "\(merged.value.conflicts)")
    let now = try await replica.json(document)
    #expect(
      now.objectValue?["list"]
        == [["id": 2, "n": "b"], ["id": 3, "n": "c"], ["id": 1, "n": "A"]])
    #expect(try await replica.json(document, path: ["tree", 0, "value", "n"]) == "z")
    #expect(try await replica.json(document, path: ["tree", 0, 0, "value", "n"]) == "Y")
    #expect(try await replica.json(document, path: ["tree", 0, 1, "value", "n"]) == "new")
    #expect(try await replica.json(document, path: ["tree", 1, "value", "n"]) == "x")
    // The very element and the very node: they were moved, not made again.
    let actions = try await replica.read {
      try $0.patches(document, from: before, to: merged.version).map(\.action)
    }
    #expect(actions.contains(.moved(from: 0, to: 2)))
    #expect(
      actions.contains { if case .nodeMoved(0, let to, 0) = $0 { to != ["tree"] } else { false } })
    await replica.close()
  }
}
