import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct BlameCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "blame",
    abstract: "Who wrote which part of a text.",
    discussion: """
      One line a part, in the order of the text: the origin and the sequence number of the change that
      put it there ('skerry log' tells when), and the part as a JSON string.

      EXAMPLE
        skerry blame notes.skerry 0123456789abcdef0123456789abcdef body
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id.")
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
      if output.isJSON {
        try StandardOutput.write([
          "origin": .string(part.author.origin.description),
          "sequence": .count(part.author.sequence), "text": written,
        ])
      } else {
        try StandardOutput.write(
          line: "\(part.author.origin) \(part.author.sequence) \(written.text())")
      }
    }
  }
}

struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "What changed in a text between two versions, in either direction.",
    discussion: """
      Each line is a step that an editor can take after the ones before it: a position in Unicode
      scalars, how many go from there on, and what is put there. FROM and TO are versions as 'skerry
      info' prints them.

      EXAMPLE
        skerry diff notes.skerry 0123456789abcdef0123456789abcdef v1:… v1:… --path body
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id.")
  var doc: DocumentID
  @Argument(help: "The version to start from ('v1:…').", transform: CommandArgument.version)
  var from: VersionVector
  @Argument(help: "The version to come to ('v1:…').", transform: CommandArgument.version)
  var to: VersionVector
  @Option(help: "The place of a text in the document.", transform: CommandArgument.path)
  var path: [PathStep]
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let patches = try await replica.textPatches(doc, path: path, from: from, to: to)
    await replica.close()
    for patch in patches {
      let inserted = JSONValue.string(patch.inserted)
      if output.isJSON {
        try StandardOutput.write([
          "at": .count(patch.position), "delete": .count(patch.removed), "insert": inserted,
          "origin": patch.author.map { .string($0.origin.description) } ?? .null,
          "sequence": patch.author.map { .count($0.sequence) } ?? .null,
        ])
      } else {
        try StandardOutput.write(
          line: "at \(patch.position) delete \(patch.removed) insert \(inserted.text())")
      }
    }
  }
}
