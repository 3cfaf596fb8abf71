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
}
