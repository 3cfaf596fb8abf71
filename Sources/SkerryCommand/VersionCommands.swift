import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct BlameCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "blame",
    abstract: "Who wrote which part of a text.",
    discussion: """
      One line a part, in the order of the text: the origin and the sequence number of the change \
      that put it there ('skerry log' tells when), and the part as a JSON string. What was written \
      before a compaction is 'folded': nobody knows any more who wrote it.

      EXAMPLE
        skerry blame notes.skerry 0123456789abcdef0123456789abcdef body
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id: 32 hexadecimal digits, as 'skerry docs' prints them.")
  var doc: DocumentID
  @Argument(help: "The place of a text in the document.", transform: CommandArgument.path)
  var path: [PathStep]
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    // One reading, so that the parts are those of the text.
    let (parts, text) = try await replica.read { reading in
      (try reading.attribution(doc, path: path), try reading.text(doc, path: path))
    }
    await replica.close()
    var rest = text.unicodeScalars[...]
    for part in parts {
      let written = JSONValue.string(String(rest.prefix(part.count)))
      rest = rest.dropFirst(part.count)
      let isFolded = part.author.sequence == 0
      if output.isJSON {
        try StandardOutput.write([
          "origin": isFolded ? .null : .string(part.author.origin.description),
          "sequence": isFolded ? .null : .count(part.author.sequence), "text": written,
        ])
      } else {
        let author = isFolded ? "folded" : "\(part.author.origin) \(part.author.sequence)"
        try StandardOutput.write(line: "\(author) \(written.text())")
      }
    }
  }
}

struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "What changed in a document between two versions, in either direction.",
    discussion: """
      FROM and TO are versions: each answer of 'skerry apply' holds the one that it led to, \
      'skerry info' prints that of now.

      A text is compared step by step, as an editor would take one after the other: a position in \
      Unicode scalars, how many go from there on, and what is put there; then the marks that its \
      characters have got or lost. All else is shown as it was ('-') and as it is ('+').

      EXAMPLE
        OLD=$(skerry info notes.skerry --json | jq -r .version)
        # … edit, or sync …
        NEW=$(skerry info notes.skerry --json | jq -r .version)
        skerry diff notes.skerry 0123456789abcdef0123456789abcdef "$OLD" "$NEW"
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id: 32 hexadecimal digits, as 'skerry docs' prints them.")
  var doc: DocumentID
  @Argument(help: "The version to start from ('v1:…').", transform: CommandArgument.version)
  var from: VersionVector
  @Argument(help: "The version to come to ('v1:…').", transform: CommandArgument.version)
  var to: VersionVector
  @Option(help: "Only this place in the document.", transform: CommandArgument.path)
  var path: [PathStep] = []
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let differences = try await replica.read { reading in
      try DocumentComparison(reading, doc, from: from, to: to).differences(at: path)
    }
    await replica.close()
    for difference in differences {
      if output.isJSON {
        try StandardOutput.write(difference.json)
      } else {
        for line in difference.lines { try StandardOutput.write(line: line) }
      }
    }
  }
}
