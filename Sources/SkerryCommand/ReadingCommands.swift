import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct InfoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Workspace, origin, documents, changes, version, sizes, state digest.",
    discussion: """
      Two stores with equal state digests hold the same state, byte for byte.

      EXAMPLE
        skerry info notes.skerry --json
      """)

  @OptionGroup var place: StoreArgument
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let info = try await replica.info()
    await replica.close()
    if output.isJSON {
      try StandardOutput.write(info.json)
      return
    }
    let lines = [
      ("workspace", info.identity.workspace),
      ("origin", info.identity.origin.description),
      ("name", info.identity.name),
      ("role", info.identity.role.rawValue + (info.identity.isAdmitted ? "" : ", joining")),
      ("documents", "\(info.documentCount)"),
      ("changes", "\(info.changeCount)"),
      ("unsealed", "\(info.unsealedChangeCount)"),
      ("segments", "\(info.segmentCount), \(info.segmentBytes) bytes"),
      ("file", "\(info.fileBytes) bytes"),
      ("version", info.version.text),
      ("floor", info.floor.isEmpty ? "none: the whole history is here" : info.floor.text),
      ("state digest", info.stateDigest),
    ]
    for (name, value) in lines {
      let padding = String(repeating: " ", count: max(1, 14 - name.utf8.count))
      try StandardOutput.write(line: name + padding + value)
    }
  }
}

struct DocsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "docs",
    abstract: "List the documents, one id a line.",
    discussion: """
      While a new store takes a snapshot over, its documents are there at once when all have come. \
      Those that have come so far can be looked at with --arriving, mostly the newest ones first, \
      1,000 unless --limit says otherwise: with --json each with what it holds.

      EXAMPLES
        skerry docs notes.skerry --limit 100 --after 0123456789abcdef0123456789abcdef
        skerry docs notes.skerry --arriving --json
      """)

  @OptionGroup var place: StoreArgument
  @Option(parsing: .unconditional, help: "At most this many.")
  var limit: Int?
  @Option(help: "Go on behind this document, as ids are ordered.")
  var after: DocumentID?
  @Flag(help: "Those of a snapshot that is under way.")
  var arriving = false
  @OptionGroup var freshness: AtLeastOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard limit ?? 0 >= 0 else { throw ValidationError("--limit must not be negative.") }
    guard !arriving || after == nil else {
      throw ValidationError(
        "--arriving lists in the order in which they come; it takes no --after.")
    }
  }

  func run() async throws {
    let replica = try await freshness.open(place)
    if arriving {
      let most = limit ?? 1_000
      for (id, value) in try await replica.arrivingDocuments(limit: most) {
        if output.isJSON {
          try StandardOutput.write(["id": .string(id.description), "value": value])
        } else {
          try StandardOutput.write(line: id.description)
        }
      }
      await replica.close()
      return
    }
    let pageLimit = 1_000
    var remaining = limit ?? .max
    var last = after
    while remaining > 0 {
      let page = try await replica.documents(after: last, limit: min(remaining, pageLimit))
      for document in page {
        if output.isJSON {
          try StandardOutput.write([
            "id": .string(document.id.description), "position": .integer(document.position),
          ])
        } else {
          try StandardOutput.write(line: document.id.description)
        }
      }
      remaining -= page.count
      last = page.last?.id
      if page.count < pageLimit { break }
    }
    await replica.close()
  }
}

struct GetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get",
    abstract: "Print a document, or a part of it, as JSON.",
    discussion: """
      PATH is keys and indices joined by '/'; inside a key '~1' stands for '/' and '~0' for '~'.

      With --at-least it is read when the store has all of that version, such as the one that an \
      answer of 'skerry apply' on another replica holds; when that takes longer than --wait, the \
      exit status is 1. Something has to bring the changes meanwhile: 'skerry serve' or 'sync'.

      With --marks the text at PATH is printed in stretches of the same marks, one JSON object a \
      line: 'text', 'from' and 'to' in Unicode scalars, and 'marks', by name.

      EXAMPLES
        skerry get notes.skerry 0123456789abcdef0123456789abcdef
        skerry get notes.skerry 0123456789abcdef0123456789abcdef items/0/title
        skerry get notes.skerry 0123456789abcdef0123456789abcdef body --marks
        skerry get notes.skerry 0123456789abcdef0123456789abcdef \\
          --at-least "$VERSION" --wait 10s
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id: 32 hexadecimal digits, as 'skerry docs' prints them.")
  var doc: DocumentID
  @Argument(help: "A place in the document.", transform: CommandArgument.path)
  var path: [PathStep] = []
  @Option(
    help: "As it was at this version ('v1:…').", transform: CommandArgument.version)
  var at: VersionVector?
  @Flag(help: "Print a text with its marks.")
  var marks = false
  @OptionGroup var freshness: AtLeastOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await freshness.open(place)
    if marks {
      let spans =
        if let at {
          try await replica.textSpans(doc, path: path, version: at)
        } else {
          try await replica.textSpans(doc, path: path)
        }
      await replica.close()
      for span in spans { try StandardOutput.write(Self.json(span)) }
      return
    }
    let value = try await replica.json(doc, path: path, version: at)
    await replica.close()
    try StandardOutput.write(value)
  }

  private static func json(_ span: TextSpan) -> JSONValue {
    [
      "text": .string(span.text), "from": .count(span.range.lowerBound),
      "to": .count(span.range.upperBound),
      "marks": .object(
        JSONObject(
          uniqueMembers: span.marks.map {
            JSONObject.Member(key: $0.name, value: $0.value.json)
          })),
    ]
  }
}

struct LogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "The changes, newest first.",
    discussion: """
      EXAMPLE
        skerry log notes.skerry --limit 20
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "Only changes of this document.")
  var doc: DocumentID?
  @Option(parsing: .unconditional, help: "At most this many.")
  var limit: Int?
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard limit ?? 0 >= 0 else { throw ValidationError("--limit must not be negative.") }
  }

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let isJSON = output.isJSON
    try await replica.log(document: doc, limit: limit ?? .max) { change in
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
    await replica.close()
  }
}
