import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct ConflictsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conflicts",
    abstract: "What people did at once and nobody has decided yet.",
    discussion: """
      Each conflict has a name, the place it is about, what was there before ('base') and its \
      sides by number, each with its time and origin. The last one is what readers see; but a \
      text has what all have written. A conflict over a mark (two links on the same words) says \
      which mark and which characters. Replicas that have seen the same changes list the same \
      conflicts.

      EXAMPLES
        skerry conflicts notes.skerry
        skerry conflicts notes.skerry 0123456789abcdef0123456789abcdef --json
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "Only those of this document.")
  var doc: DocumentID?
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    try await replica.read { reading in
      if let doc {
        guard try reading.contains(doc) else {
          throw CommandFailure(sentence: "There is no document \(doc).")
        }
        for conflict in try reading.conflicts(doc) { try write(conflict, of: doc) }
      } else {
        try reading.forEachConflict { document, conflict in
          try write(conflict, of: document)
          return true
        }
      }
    }
    await replica.close()
  }

  private func write(_ conflict: Conflict, of document: DocumentID) throws {
    if output.isJSON {
      try StandardOutput.write(conflict.json(in: document))
    } else {
      for line in conflict.lines(in: document) { try StandardOutput.write(line: line) }
    }
  }
}

struct ResolveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve",
    abstract: "Decide a conflict, for everybody.",
    discussion: """
      Two people who take the same side or value, even at once, have decided once; two who decide \
      differently have a new conflict with both decisions in it.

      EXAMPLES
        skerry resolve notes.skerry 91b84e57a2c4f810 --take theirs
        skerry resolve notes.skerry 91b84e57a2c4f810 --take 0
        skerry resolve notes.skerry 91b84e57a2c4f810 --value '"Tide tables"'
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The conflict's name: 16 digits that 'skerry conflicts' prints.")
  var conflict: ConflictID
  @OptionGroup var resolution: ResolutionOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let commit = try await replica.resolve(conflict, resolution)
    await replica.close()
    if output.isJSON {
      try StandardOutput.write([
        "change": commit.change.map { .string($0.description) } ?? .null,
        "docs": .array(commit.documents.map { .string($0.description) }),
        "version": .string(commit.version.text),
      ])
    } else {
      try StandardOutput.write(line: "The conflict is resolved.")
    }
  }
}
