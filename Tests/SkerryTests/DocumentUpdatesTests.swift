import Skerry
import Testing

@Suite("A document followed")
struct DocumentUpdatesTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func createNote(in replica: Replica) async throws -> DocumentID {
    try await replica.transaction { transaction in
      let note = transaction.createDocument()
      try transaction.replaceText(with: "low tide", at: ["body"], of: note)
      return note
    }.value
  }

  private func editInAnotherProcess(
    _ note: DocumentID, at position: Int
  ) async throws -> Commit<Void> {
    let other = try await Replica.open(at: folder.path("a.skerry"))
    let commit = try await other.transaction {
      try $0.splice(at: position, inserting: "s", in: ["body"], of: note)
    }
    await other.close()
    return commit
  }

  @Test("the first update shows what is there, each later one exactly what is different")
  func follows() async throws {
    let replica = try await Replica.create(at: folder.path("a.skerry"), name: "Ada")
    let note = try await createNote(in: replica)
    var updates = replica.patches(of: note).makeAsyncIterator()
    let first = try #require(try await updates.next())
    #expect(
      first.patches == [
        DocumentPatch(["body"], .set(.container(.text))),
        DocumentPatch(
          ["body"], .text(TextPatch(position: 0, removed: 0, inserted: "low tide"))),
      ])
    let other = try await replica.transaction { transaction in
      let other = transaction.createDocument()
      try transaction.set(1, at: ["n"], of: other)
      return other
    }
    #expect(other.change != nil)
    let commit = try await replica.transaction { transaction in
      try transaction.splice(at: 0, deleting: 3, inserting: "high", in: ["body"], of: note)
      try transaction.mark(0..<4, name: "bold", value: true, in: ["body"], of: note)
    }
    let second = try #require(try await updates.next())
    #expect(second.version.covers(commit.version))
    #expect(
      second.patches == [
        DocumentPatch(["body"], .text(TextPatch(position: 0, removed: 3, inserted: "high"))),
        DocumentPatch(["body"], .marked(0..<4, TextMark(name: "bold", value: true), .after)),
      ])
    await replica.close()
    #expect(try await updates.next() == nil)
  }

  @Test("what another process has committed comes too, with its author")
  func otherProcess() async throws {
    let replica = try await Replica.create(at: folder.path("a.skerry"), name: "Ada")
    let note = try await createNote(in: replica)
    var updates = replica.patches(of: note).makeAsyncIterator()
    _ = try await updates.next()
    let commit = try await editInAnotherProcess(note, at: 8)
    let update = try #require(try await updates.next())
    #expect(
      update.patches == [
        DocumentPatch(
          ["body"],
          .text(TextPatch(position: 8, removed: 0, inserted: "s", author: commit.change)))
      ])
    await replica.close()
  }

  @Test("an edit of one's own and one of another process, asked for together, keep their authors")
  func togetherWithAnotherProcess() async throws {
    let replica = try await Replica.create(at: folder.path("a.skerry"), name: "Ada")
    let note = try await createNote(in: replica)
    var updates = replica.patches(of: note).makeAsyncIterator()
    _ = try await updates.next()
    let own = try await replica.transaction {
      try $0.splice(at: 0, inserting: "s", in: ["body"], of: note)
    }
    let others = try await editInAnotherProcess(note, at: 9)
    let update = try #require(try await updates.next())
    #expect(
      update.patches == [
        DocumentPatch(
          ["body"],
          .text(TextPatch(position: 0, removed: 0, inserted: "s", author: own.change))),
        DocumentPatch(
          ["body"],
          .text(TextPatch(position: 9, removed: 0, inserted: "s", author: others.change))),
      ])
    await replica.close()
  }
}
