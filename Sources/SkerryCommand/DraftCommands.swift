import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct DraftCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "draft",
    abstract: "Edits of a document that are kept apart until they are merged.",
    discussion: """
      A draft is known on this device only. Its id stands for a document wherever one is asked \
      for: 'get', 'apply', 'edit', 'merge', 'diff', 'blame'.

      EXAMPLE
        DRAFT=$(skerry draft make notes.skerry "$DOC" Shorter)
        skerry edit notes.skerry "$DRAFT" body
        skerry draft merge notes.skerry "$DRAFT"
      """,
    subcommands: [
      DraftMakeCommand.self, DraftListCommand.self, DraftMergeCommand.self,
      DraftDiscardCommand.self,
    ])
}

struct DraftMakeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "make",
    abstract: "Make a draft of a document and print its id.")

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id: 32 hexadecimal digits, as 'skerry docs' prints them.")
  var doc: DocumentID
  @Argument(help: "What the draft is called.")
  var name: String
  @Option(
    help: "Begin with the document as it was at this version ('v1:…').",
    transform: CommandArgument.version)
  var from: VersionVector?
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let commit = try await replica.transaction { [doc, name, from] in
      try $0.makeDraft(of: doc, name: name, from: from)
    }
    await replica.close()
    if output.isJSON {
      try StandardOutput.write(["draft": .string(commit.value.description)])
    } else {
      try StandardOutput.write(line: commit.value.description)
    }
  }
}

struct DraftListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "The drafts, the oldest first: id, document, time, name.")

  @OptionGroup var place: StoreArgument
  @Argument(help: "Only those of this document.")
  var doc: DocumentID?
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let drafts = try await replica.drafts(of: doc)
    await replica.close()
    for draft in drafts {
      if output.isJSON {
        try StandardOutput.write([
          "draft": .string(draft.id.description), "doc": .string(draft.document.description),
          "name": .string(draft.name), "time": .string(draft.time.text),
          "base": .string(draft.base.text),
        ])
      } else {
        try StandardOutput.write(
          line: "\(draft.id)  \(draft.document)  \(draft.time.text)  \(draft.name)")
      }
    }
  }
}

struct DraftMergeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Take what a draft did over into its document.",
    discussion: """
      It is merged with what was done to the document meanwhile, as if both had been done at once. \
      Where only one of both can stand it is the draft's, and a text has what both have written: \
      then the conflicts are printed, and the exit status is 1. Two values of one place are in \
      'skerry conflicts', too, until somebody decides; all others the merge has decided. \
      'skerry undo' takes the merge back, but the draft is gone.
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The draft's id.")
  var draft: DocumentID
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let commit = try await replica.transaction { [draft] in try $0.mergeDraft(draft) }
    let document = commit.value.document
    // What can be decided is told by the name under which it can.
    let listed = try await replica.conflicts(of: document).filter { $0.kind == .value }
    await replica.close()
    let conflicts = commit.value.conflicts.map { told in
      told.kind == .value ? listed.first { $0.path == told.path } ?? told : told
    }
    if output.isJSON {
      try StandardOutput.write([
        "change": commit.change.map { .string($0.description) } ?? .null,
        "docs": .array([.string(document.description)]),
        "version": .string(commit.version.text),
        "conflicts": .array(conflicts.map { $0.json(in: document) }),
      ])
    } else {
      for conflict in conflicts {
        for line in conflict.lines(in: document) { try StandardOutput.write(line: line) }
      }
      try StandardOutput.write(
        line: commit.change == nil ? "The draft had nothing to add." : "The draft is merged.")
    }
    if !conflicts.isEmpty { throw ExitCode(1) }
  }
}

struct DraftDiscardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "discard",
    abstract: "End a draft without a trace.")

  @OptionGroup var place: StoreArgument
  @Argument(help: "The draft's id.")
  var draft: DocumentID

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    try await replica.transaction { [draft] in try $0.discardDraft(draft) }
    await replica.close()
    try StandardOutput.write(line: "The draft is gone.")
  }
}
