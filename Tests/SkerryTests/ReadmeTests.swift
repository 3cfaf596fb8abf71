import Foundation
import Skerry
import Testing

@Suite("The README")
struct ReadmeTests {
  @Test("its example of an app compiles, line by line, and does what it says")
  func embedding() async throws {
    let folder = try TemporaryFolder()
    try await Replica.create(at: folder.path("ada.skerry"), name: "Ada").close()

    struct Note: Codable {
      var title = ""
      @CollaborativeText var body = ""
      @Counter var likes = 0
      var tags: Set<String> = []
      var guests: [Guest] = []
    }

    struct Guest: Codable, Identifiable {
      var id: String
      var brings: String?
    }

    let replica = try await Replica.open(at: folder.path("ada.skerry"))

    let id = try await replica.transaction { transaction in
      try transaction.createDocument(Note(title: "Harbour party", body: "Bring bread."))
    }.value

    try await replica.transaction { transaction in
      try transaction.update(as: Note.self, of: id) { note in
        note.body = "Bring bread and cheese."
        note.guests.append(Guest(id: "ben", brings: "olives"))
      }
    }
    let note = try await replica.model(as: Note.self, of: id)
    print(note.title, note.guests.count)
    #expect(note.body == "Bring bread and cheese.")
    #expect(note.guests.map(\.brings) == ["olives"])

    func goesOn() async throws {
      Task {
        let relay = try Address("ws://relay.example:8080/")
        try await replica.serve(ServeConfiguration(peers: [relay]))
      }
      for await notice in replica.changes() {
        print("changed:", notice.documents)
      }
    }
    await replica.close()

    let here = Self.lines(of: try String(contentsOfFile: #filePath, encoding: .utf8))
    let root = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    let example = readme.components(separatedBy: "```swift\n").dropFirst().first ?? ""
    let shown = Self.lines(of: example.components(separatedBy: "```").first ?? "")
    #expect(shown.count > 20)
    for line in shown {
      let line = line.replacing("\"ada.skerry\"", with: "folder.path(\"ada.skerry\")")
      #expect(here.contains(line), "of the README: \(line)")
    }
  }

  /// Lines of code, without what surrounds them and without comments.
  private static func lines(of text: String) -> Set<String> {
    Set(
      text.split(separator: "\n").compactMap { line in
        let code = line.components(separatedBy: " //").first ?? ""
        let trimmed = code.trimmingCharacters(in: .whitespaces)
        return trimmed.isEmpty || trimmed.hasPrefix("//") ? nil : trimmed
      })
  }
}
