import Skerry
import Testing

@Suite("Drafts of documents")
struct DraftTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func replicaWithNote() async throws -> (Replica, DocumentID) {
    let replica = try await Replica.create(at: folder.path("a.skerry"), name: "Ada")
    let note = try await replica.transaction { transaction in
      let note = transaction.createDocument()
      try transaction.set("Tides", at: ["title"], of: note)
      try transaction.replaceText(with: "low tide at noon", at: ["body"], of: note)
      return note
    }.value
    return (replica, note)
  }

  @Test("a draft is edited apart, survives the process, and merges with what was done meanwhile")
  func merges() async throws {
    let (first, note) = try await replicaWithNote()
    var replica = first
    let made = try await replica.transaction { transaction in
      let draft = try transaction.makeDraft(of: note, name: "Spring")
      try transaction.splice(at: 0, deleting: 3, inserting: "spring", in: ["body"], of: draft)
      return draft
    }
    let draft = made.value
    #expect(made.change == nil)
    #expect(try await replica.text(note, path: ["body"]) == "low tide at noon")
    #expect(try await replica.text(draft, path: ["body"]) == "spring tide at noon")
    #expect(try await replica.documents().map(\.id) == [note])
    await replica.close()

    replica = try await Replica.open(at: folder.path("a.skerry"))
    #expect(try await replica.drafts().map(\.name) == ["Spring"])
    #expect(try await replica.drafts(of: note).map(\.id) == [draft])
    try await replica.transaction { transaction in
      #expect(try transaction.text(draft, path: ["body"]) == "spring tide at noon")
      try transaction.set(["sea"], at: ["tags"], of: draft)
      try transaction.replaceText(with: "low tide at noon, high at six", at: ["body"], of: note)
    }
    #expect(try await replica.json(draft, path: ["tags"]) == ["sea"])
    let merged = try await replica.transaction { try $0.mergeDraft(draft) }
    #expect(merged.value.document == note)
    #expect(merged.value.conflicts.isEmpty)
    #expect(merged.documents == [note])
    #expect(
      try await replica.json(note) == [
        "body": "spring tide at noon, high at six", "tags": ["sea"], "title": "Tides",
      ])
    #expect(try await replica.drafts().isEmpty)
    await #expect(throws: ReplicaError(.refused, "")) { try await replica.json(draft) }
    try await replica.transaction { try $0.undo(note) }
    #expect(try await replica.text(note, path: ["body"]) == "low tide at noon, high at six")
    await replica.close()
  }

  @Test("what collides is told with both sides, and the draft's stands")
  func collisions() async throws {
    let (replica, note) = try await replicaWithNote()
    let draft = try await replica.transaction { transaction in
      let draft = try transaction.makeDraft(of: note, name: "Title")
      try transaction.set("Ebb", at: ["title"], of: draft)
      return draft
    }.value
    try await replica.transaction { try $0.set("Flow", at: ["title"], of: note) }
    let merged = try await replica.transaction { try $0.mergeDraft(draft) }.value
    #expect(merged.conflicts.map { $0.sides.map(\.value) } == [["Flow", "Ebb"]])
    #expect(merged.conflicts.first?.base == "Tides")
    #expect(try await replica.json(note, path: ["title"]) == "Ebb")
    // It is told to everybody, until somebody decides.
    let listed = try await replica.conflicts(of: note)
    #expect(listed.map { $0.sides.map(\.value) } == [["Flow", "Ebb"]])
    #expect(listed.first?.base == "Tides")
    let conflict = try #require(listed.first)
    try await replica.transaction { try $0.resolve(conflict.id, of: note, taking: .side(0)) }
    #expect(try await replica.json(note, path: ["title"]) == "Flow")
    #expect(try await replica.conflicts(of: note).isEmpty)
    await replica.close()
  }

  @Test("a draft of an earlier version; one that is discarded; a body that throws")
  func versions() async throws {
    let (replica, note) = try await replicaWithNote()
    let old = try await replica.version()
    try await replica.transaction {
      try $0.replaceText(with: "nothing left", at: ["body"], of: note)
    }
    let draft = try await replica.transaction {
      try $0.makeDraft(of: note, name: "Old", from: old)
    }.value
    #expect(try await replica.text(draft, path: ["body"]) == "low tide at noon")
    struct Refusal: Error {}
    await #expect(throws: Refusal.self) {
      try await replica.transaction { transaction in
        try transaction.set("lost", at: ["title"], of: draft)
        _ = try transaction.makeDraft(of: note, name: "Lost")
        throw Refusal()
      }
    }
    #expect(try await replica.json(draft, path: ["title"]) == "Tides")
    #expect(try await replica.drafts().map(\.name) == ["Old"])
    try await replica.transaction { try $0.discardDraft(draft) }
    #expect(try await replica.drafts().isEmpty)
    #expect(try await replica.text(note, path: ["body"]) == "nothing left")
    await #expect(throws: ReplicaError(.refused, "")) {
      try await replica.transaction { try $0.mergeDraft(draft) }
    }
    await replica.close()
  }
}
