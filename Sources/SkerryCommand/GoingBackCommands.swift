import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Bring a document back to what it was at a version.",
    discussion: """
      It becomes so by new edits, as few as can be: everybody gets them, what others do meanwhile \
      merges with them, and all that was there before stays in the history.

      EXAMPLE
        OLD=$(skerry info notes.skerry --json | jq -r .version)
        # … edit, or sync …
        skerry restore notes.skerry 0123456789abcdef0123456789abcdef "$OLD"
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id: 32 hexadecimal digits, as 'skerry docs' prints them.")
  var doc: DocumentID
  @Argument(help: "The version ('v1:…').", transform: CommandArgument.version)
  var version: VersionVector
  @OptionGroup var output: OutputOptions

  func run() async throws {
    try await goBack(place, doc, output, did: "The document is as it was.") { [doc, version] in
      try $0.restore(doc, to: version)
    }
  }
}

struct UndoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "undo",
    abstract: "Take back what was done last to a document on this device.",
    discussion: """
      Only that is taken back, whatever others have done since; what they have written stays. Each \
      further 'undo' takes back the transaction before.

      EXAMPLE
        skerry undo notes.skerry 0123456789abcdef0123456789abcdef
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id: 32 hexadecimal digits, as 'skerry docs' prints them.")
  var doc: DocumentID
  @OptionGroup var output: OutputOptions

  func run() async throws {
    try await goBack(place, doc, output, did: "The last edit is taken back.") { [doc] in
      try $0.undo(doc)
    }
  }
}

struct RedoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "redo",
    abstract: "Do again what 'undo' took back last.",
    discussion: """
      Once something else was done to the document on this device, there is nothing to do again.

      EXAMPLE
        skerry redo notes.skerry 0123456789abcdef0123456789abcdef
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id: 32 hexadecimal digits, as 'skerry docs' prints them.")
  var doc: DocumentID
  @OptionGroup var output: OutputOptions

  func run() async throws {
    try await goBack(place, doc, output, did: "The edit is done again.") { [doc] in
      try $0.redo(doc)
    }
  }
}

/// One transaction on one document, and what there is to say of it.
private func goBack(
  _ place: StoreArgument, _ document: DocumentID, _ output: OutputOptions, did sentence: String,
  _ body: @escaping @Sendable (inout Transaction) throws -> Void
) async throws {
  let replica = try await Replica.open(at: place.store)
  let commit = try await replica.transaction(body)
  await replica.close()
  guard output.isJSON else {
    return try StandardOutput.write(
      line: commit.change == nil ? "The document is so already; nothing was done." : sentence)
  }
  try StandardOutput.write([
    "change": commit.change.map { .string($0.description) } ?? .null,
    "docs": .array(commit.documents.map { .string($0.description) }),
    "version": .string(commit.version.text),
  ])
}
