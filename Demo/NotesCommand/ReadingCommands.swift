import ArgumentParser
import CommandKit
import JSONCoding
import NotesApp
import Skerry

struct ListNotes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the notes, the one changed last first.",
    discussion: """
      Each begins with the end of its id, which names it in other commands; --json has the whole \
      id.

      EXAMPLES
        notes list
        notes list --limit 10 --json
      """)

  @OptionGroup var place: NotesStore
  @Option(parsing: .unconditional, help: "At most so many.") var limit: Int?

  func validate() throws {
    if let limit, limit < 0 {
      throw ValidationError("--limit takes a number that is not negative.")
    }
  }

  func run() async throws {
    try await place.printNotes { try await $0.list(limit: limit ?? .max) }
  }
}

struct SearchNotes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Find the notes that contain every word.",
    discussion: """
      Title, text, notebook and tags are searched, whatever the case.

      EXAMPLE
        notes search bread cheese
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The words.") var words: [String]
  @Option(parsing: .unconditional, help: "At most so many.") var limit: Int?

  func validate() throws {
    if let limit, limit < 0 {
      throw ValidationError("--limit takes a number that is not negative.")
    }
  }

  func run() async throws {
    try await place.printNotes { try await $0.search(words, limit: limit ?? .max) }
  }
}

struct ShowNote: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print a note's text.",
    discussion: """
      An id may be shortened to its beginning or its end.

      EXAMPLES
        notes show 3f2a
        notes show 3f2a --at v1:AQ…
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The note's id, or its beginning or end.") var id: String
  @Option(help: "As it was at this version ('v1:…').") var at: String?

  func validate() throws {
    if let at { _ = try CommandArgument.version(at) }
  }

  func run() async throws {
    let (summary, body) = try await place.withLibrary { library in
      let id = try await library.id(matching: id)
      let note = try await library.note(id)
      guard let at else { return (note.summary, note.body) }
      return (note.summary, try await library.body(id, at: at))
    }
    if place.isJSON {
      var object = summary.json.objectValue ?? JSONObject()
      object["body"] = .string(body)
      try StandardOutput.write(.object(object))
    } else {
      try StandardOutput.write(line: body.hasSuffix("\n") ? String(body.dropLast()) : body)
    }
  }
}

struct LogOfNotes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "The changes of a note, or of all, the newest first.",
    discussion: """
      EXAMPLE
        notes log 3f2a --limit 5
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The note's id, or its beginning or end.") var id: String?
  @Option(parsing: .unconditional, help: "At most so many.") var limit: Int?

  func validate() throws {
    if let limit, limit < 0 {
      throw ValidationError("--limit takes a number that is not negative.")
    }
  }

  func run() async throws {
    let isJSON = place.isJSON
    try await place.withLibrary { library in
      var document: DocumentID?
      if let id { document = try await library.id(matching: id) }
      if let document { _ = try await library.note(document) }
      try await library.replica.log(document: document, limit: limit ?? .max) { change in
        do {
          if isJSON {
            try StandardOutput.write(change.json)
          } else {
            try StandardOutput.write(line: change.line)
          }
          return true
        } catch {
          return false
        }
      }
    }
  }
}

struct StatusOfNotes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "How many notes there are, who is connected, what is behind or does not move.",
    discussion: """
      EXAMPLE
        notes status
      """)

  @OptionGroup var place: NotesStore

  func run() async throws {
    let status = try await place.withLibrary { try await $0.status() }
    if place.isJSON {
      try StandardOutput.write(status.json)
    } else {
      for line in status.lines { try StandardOutput.write(line: line) }
    }
  }
}

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check everything that is stored.",
    discussion: """
      EXAMPLE
        notes doctor
      """)

  @OptionGroup var place: NotesStore

  func run() async throws {
    let problems = try await place.withLibrary { try await $0.replica.check() }
    if place.isJSON {
      try StandardOutput.write([
        "ok": .bool(problems.isEmpty), "problems": .array(problems.map { .string($0) }),
      ])
    } else if problems.isEmpty {
      try StandardOutput.write(line: "The notes are sound.")
    } else {
      for problem in problems { try StandardOutput.write(line: problem) }
    }
    if !problems.isEmpty { throw ExitCode(3) }
  }
}

extension NotesStore {
  fileprivate func printNotes(
    _ find: (NoteLibrary) async throws -> [NoteSummary]
  ) async throws {
    let (notes, names) = try await withLibrary { library in
      (try await find(library), isJSON ? ShortNames([]) : try await library.shortNames())
    }
    for note in notes {
      if isJSON {
        try StandardOutput.write(note.json)
      } else {
        let tags = note.tags.map { " #\($0)" }.joined()
        let conflicts = note.conflicts == 0 ? "" : "  (! \(note.conflicts) in conflict)"
        let arriving = note.isArriving ? "  (still arriving)" : ""
        let title = note.title.isEmpty ? "(no title)" : note.title
        let line = (title + tags).onOneLine + arriving + conflicts
        try StandardOutput.write(line: "\(names[note.id])  \(line)")
      }
    }
  }
}
