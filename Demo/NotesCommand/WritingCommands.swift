import ArgumentParser
import CommandKit
import JSONCoding
import NotesApp
import Skerry

struct NewNote: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Make a note and print its id.",
    discussion: """
      EXAMPLES
        notes new "Harbour party" --body "Bring: bread, cheese." --tag summer
        notes new "Minutes" --body - < minutes.md
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The title.") var title: String
  @Option(help: "The text; '-' reads standard input.", transform: { $0 }) var body = ""
  @Option(help: "The notebook it lies in.") var notebook: String?
  @Option(name: .customLong("tag"), help: "A tag; may be given several times.")
  var tags: [String] = []

  func run() async throws {
    let text = try BodyArgument.read(body)
    let id = try await place.withLibrary(makingIt: true) { library in
      try await library.perform(
        .create(title: title, body: text, notebook: notebook, tags: tags))
    }
    try place.answer(id)
  }
}

struct EditNote: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit", abstract: "Change a note's title or text.",
    discussion: """
      With neither --title nor --body the text opens in $VISUAL or $EDITOR. What happens to the \
      note while the editor is open stays: both are merged.

      EXAMPLES
        notes edit 3f2a
        notes edit 3f2a --title "Harbour party, Saturday"
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The note's id, or its beginning or end.") var id: String
  @Option(help: "The new title.") var title: String?
  @Option(help: "The new text; '-' reads standard input.") var body: String?

  func run() async throws {
    if title == nil, body == nil {
      try place.answer(try await editOutside())
    } else {
      let text = try body.map { try BodyArgument.read($0) }
      try await place.edit(id) { .change($0, title: title, body: text) }
    }
  }

  private func editOutside() async throws -> DocumentID {
    let (note, before) = try await place.withLibrary { library in
      let note = try await library.id(matching: id)
      return (note, try await library.note(note).body)
    }
    // The notes are closed meanwhile: an editor may be open for days.
    let draft = try Draft(of: before, named: "note.md", by: "notes")
    let edited = try await draft.edit()
    if edited != before {
      do {
        _ = try await place.withLibrary { library in
          try await library.merge(note, base: before, text: edited)
        }
      } catch {
        StandardError.say("What you wrote is kept in '\(draft.path)'.", as: "notes")
        throw error
      }
    }
    draft.remove()
    return note
  }
}

struct Append: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "append", abstract: "Add text at the very end of a note.",
    discussion: """
      EXAMPLES
        notes append 3f2a "and olives"
        date | notes append 3f2a -
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The note's id, or its beginning or end.") var id: String
  @Argument(help: "The text; '-' reads standard input.") var text: String

  func run() async throws {
    let addition = try BodyArgument.read(text)
    try await place.edit(id) { .append($0, addition) }
  }
}

struct Move: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "move", abstract: "Put a note into a notebook, or out of any.",
    discussion: """
      EXAMPLE
        notes move 3f2a Summer
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The note's id, or its beginning or end.") var id: String
  @Argument(help: "The notebook; none takes the note out.") var notebook: String?

  func run() async throws {
    try await place.edit(id) { .move($0, notebook: notebook) }
  }
}

struct Tag: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tag", abstract: "Add tags to a note, or take them away.",
    discussion: """
      EXAMPLE
        notes tag 3f2a summer food --remove draft
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The note's id, or its beginning or end.") var id: String
  @Argument(help: "Tags to add.") var add: [String] = []
  @Option(name: .customLong("remove"), help: "A tag to take away; may be given several times.")
  var remove: [String] = []

  func validate() throws {
    if add.isEmpty, remove.isEmpty {
      throw ValidationError("Give a tag to add, or --remove and a tag to take away.")
    }
  }

  func run() async throws {
    try await place.edit(id) { .tag($0, add: add, remove: remove) }
  }
}

struct Delete: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete a note.",
    discussion: """
      Somebody who edits it elsewhere without knowing brings it back, and so does 'notes restore'.

      EXAMPLE
        notes delete 3f2a
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The note's id, or its beginning or end.") var id: String

  func run() async throws {
    try await place.edit(id) { .delete($0) }
  }
}

struct Restore: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Bring a deleted note back.",
    discussion: """
      EXAMPLE
        notes restore 3f2a6c0d91b84e57a2c4f8100b6d3e95
      """)

  @OptionGroup var place: NotesStore
  @Argument(
    help: "The whole id of the note, as 'notes delete' printed it.",
    transform: { text in
      guard let id = DocumentID(hexadecimal: text) else {
        throw ValidationError("'\(text.prefix(60))' is not a whole id: 32 hexadecimal digits.")
      }
      return id
    })
  var id: DocumentID

  func run() async throws {
    try place.answer(try await place.withLibrary { try await $0.perform(.restore(id)) })
  }
}
