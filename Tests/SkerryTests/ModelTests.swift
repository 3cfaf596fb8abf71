import Foundation
import Skerry
import Testing

@Suite("Typed models")
struct ModelTests {
  struct Note: Codable, Equatable {
    var title: String
    @CollaborativeText var body = ""
    @Counter var likes = 0
    var done = false
    var due: Date?
    var picture: Data?
    var source: URL?
    var steps: [Step] = []
  }

  struct Step: Codable, Equatable, Identifiable {
    var id: UUID
    var text: String
  }

  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func replica(_ name: String = "a") async throws -> Replica {
    try await Replica.create(at: folder.path(name), name: name)
  }

  @Test("a model that was written comes back, also after the store was opened again")
  func roundTrip() async throws {
    let replica = try await replica()
    let note = Note(
      title: "Tides", body: "low 🌊", likes: 3, due: Date(timeIntervalSince1970: 1_767_225_600.25),
      picture: Data([1, 2, 255]), source: URL(string: "https://example.org/a?b=c"),
      steps: [Step(id: UUID(), text: "one"), Step(id: UUID(), text: "two")])
    let id = try await replica.transaction { try $0.createDocument(note) }.value
    await replica.close()
    let again = try await Replica.open(at: folder.path("a"))
    #expect(try await again.model(as: Note.self, of: id) == note)
    #expect(try await again.model(as: Step.self, of: id, at: ["steps", 1]) == note.steps[1])
    #expect(try await again.text(id, path: ["body"]) == "low 🌊")
    #expect(try await again.json(id, path: ["due"]) == "2026-01-01T00:00:00.250Z")
    // Nothing new is no change.
    let commit = try await again.transaction { transaction in
      try transaction.write(note, of: id)
      try transaction.update(as: Note.self, of: id) { $0.title = "Tides" }
    }
    #expect(commit.change == nil)
    await again.close()
  }

  @Test("two people edit one model while they are apart, and have both when they meet")
  func twoReplicas() async throws {
    let ada = try await replica()
    let id = try await ada.transaction {
      try $0.createDocument(Note(title: "Party", body: "Bring bread."))
    }.value
    let ben = try await Replica.join(
      at: folder.path("b"), code: ada.invite(), name: "b")
    #expect(await ada.sync(with: ben).failure == nil)
    try await ada.transaction { transaction in
      try transaction.update(as: Note.self, of: id) {
        $0.body = "Bring bread and cheese."
        $0.likes += 1
      }
    }
    try await ben.transaction { transaction in
      try transaction.update(as: Note.self, of: id) {
        $0.body = "Everybody brings bread."
        $0.likes += 2
        $0.done = true
      }
    }
    #expect(await ada.sync(with: ben).failure == nil)
    for replica in [ada, ben] {
      let note = try await replica.model(as: Note.self, of: id)
      #expect(
        note
          == Note(title: "Party", body: "Everybody brings bread and cheese.", likes: 3, done: true))
    }
    await ada.close()
    await ben.close()
  }

  @Test("what was read before is given back, and what happened since stays")
  func givingBack() async throws {
    let replica = try await replica()
    let id = try await replica.transaction {
      try $0.createDocument(Note(title: "T", body: "one two"))
    }.value
    let version = try await replica.version()
    let read = try await replica.model(as: Note.self, of: id)
    try await replica.transaction { transaction in
      try transaction.update(as: Note.self, of: id) {
        $0.title = "Theirs"
        $0.body = "one two three"
      }
    }
    try await replica.transaction { [read] transaction in
      var mine = read
      mine.body = "zero one two"
      try transaction.write(mine, replacing: read, of: id)
      #expect(try transaction.read(as: Note.self, of: id).title == "Theirs")
    }
    let now = try await replica.model(as: Note.self, of: id)
    #expect(now == Note(title: "Theirs", body: "zero one two three"))
    #expect(try await replica.model(as: Note.self, of: id, version: version) == read)
    await replica.close()
  }

  @Test("what does not fit is told with its place, and the transaction changes nothing")
  func errors() async throws {
    let replica = try await replica()
    let id = try await replica.transaction {
      try $0.createDocument(Note(title: "T", steps: [Step(id: UUID(), text: "one")]))
    }.value
    let version = try await replica.version()
    await #expect(throws: ModelError(.wrongType, at: ["steps", 0, "text"], "")) {
      try await replica.transaction { transaction in
        try transaction.set(5, at: ["steps", 0, "text"], of: id)
        _ = try transaction.read(as: Note.self, of: id)
      }
    }
    await #expect(throws: ModelError(.outOfRange, at: ["due"], "")) {
      try await replica.transaction { transaction in
        try transaction.update(as: Note.self, of: id) {
          $0.title = "never"
          $0.due = Date(timeIntervalSince1970: 1e15)
        }
      }
    }
    await #expect(throws: ReplicaError(.refused, "")) {
      try await replica.model(as: Note.self, of: DocumentID(high: 1, low: 2))
    }
    await #expect(throws: ReplicaError(.refused, "")) {
      try await replica.model(as: Step.self, of: id, at: ["steps", 1])
    }
    try await replica.transaction { try $0.deleteDocument(id) }
    await #expect(throws: ReplicaError(.refused, "")) {
      try await replica.transaction { transaction in
        try transaction.update(as: Note.self, of: id) { $0.title = "never" }
      }
    }
    #expect(try await replica.model(as: Note.self, of: id, version: version).title == "T")
    await replica.close()
  }

  @Test("a read goes by the policy of the reader, and the conflict stays listed")
  func policies() async throws {
    let ada = try await replica()
    let id = try await ada.transaction { try $0.createDocument(Note(title: "T")) }.value
    let ben = try await Replica.join(
      at: folder.path("b"), code: ada.invite(), name: "b")
    #expect(await ada.sync(with: ben).failure == nil)
    for (replica, title) in [(ada, "Ada's"), (ben, "Ben's")] {
      try await replica.transaction { transaction in
        try transaction.update(as: Note.self, of: id) { $0.title = title }
      }
    }
    #expect(await ada.sync(with: ben).failure == nil)
    let origin = try await ada.identity().origin
    for replica in [ada, ben] {
      let note = try await replica.model(
        as: Note.self, of: id, policies: ["title": .replicaPriority([origin])])
      #expect(note.title == "Ada's")
      let all = try await replica.read { try $0.value(id, path: ["title"], policy: .keepAll) }
      #expect(Set(all.arrayValue ?? []) == ["Ada's", "Ben's"])
      #expect(try await replica.conflicts(of: id).count == 1)
    }
    await ada.close()
    await ben.close()
  }
}
