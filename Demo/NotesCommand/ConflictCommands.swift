import ArgumentParser
import CommandKit
import NotesApp
import Skerry

struct Conflicts: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conflicts",
    abstract: "What was changed in two ways at once, and nobody has decided yet.",
    discussion: """
      Each conflict has a name, what was there before ('base') and its sides by number; the last \
      one is what the note shows.

      EXAMPLES
        notes conflicts
        notes conflicts 3f2a
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "Only those of this note: its id, or its beginning or end.") var id: String?

  func run() async throws {
    let isJSON = place.isJSON
    try await place.withLibrary { library in
      let wanted: DocumentID? = if let id { try await library.id(matching: id) } else { nil }
      try await library.replica.read { reading in
        try reading.forEachConflict { note, conflict in
          guard wanted == nil || note == wanted else { return true }
          if isJSON {
            try StandardOutput.write(conflict.json(in: note))
          } else {
            for line in conflict.lines(in: note) { try StandardOutput.write(line: line) }
          }
          return true
        }
      }
    }
  }
}

struct Resolve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve",
    abstract: "Decide a conflict, for everybody.",
    discussion: """
      EXAMPLES
        notes resolve 91b84e57a2c4f810 --take theirs
        notes resolve 91b84e57a2c4f810 --value '"Harbour party, Saturday"'
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The conflict's name: 16 digits that 'notes conflicts' prints.")
  var conflict: ConflictID
  @OptionGroup var resolution: ResolutionOptions

  func run() async throws {
    let commit = try await place.withLibrary { library in
      try await library.replica.resolve(conflict, resolution)
    }
    for note in commit.documents { try place.answer(note) }
  }
}
