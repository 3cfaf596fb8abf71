import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct MergeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merge a file three-way into a text.",
    discussion: """
      What was changed from the file BASE to the file THEIRS comes as edits to the text as it is \
      now: by lines, and by words where both changed the same lines. Either file may be '-' for \
      standard input.

      Where both changed the same words there is a conflict. By default both are in the text then, \
      the text's own first. --conflicts markers puts them between lines as git does; ours and \
      theirs take one side; refuse changes nothing when there is any.

      The exit status is 0 when everything was merged, or by the side that was asked for, and 1 \
      when there are conflicts to look at; then they are told. With --json: 'change' (null when \
      nothing was written), 'version', and 'conflicts', each with 'at' and 'count' (where it is \
      in the text now, in Unicode scalars), 'line', 'base', 'ours' and 'theirs'.

      EXAMPLE
        skerry get notes.skerry 0123456789abcdef0123456789abcdef body | jq -j . > base.txt
        cp base.txt mine.txt
        # … edit mine.txt, while others edit the text …
        skerry merge notes.skerry 0123456789abcdef0123456789abcdef body --base base.txt \\
          --theirs mine.txt
      """)

  /// What is done about conflicts.
  enum Conflicts: String, CaseIterable, ExpressibleByArgument {
    case both
    case ours
    case theirs
    case markers
    case refuse

    var choice: MergeChoice {
      switch self {
      case .both, .refuse: .both
      case .ours: .ours
      case .theirs: .theirs
      case .markers: .markers
      }
    }

    /// Whether somebody has to look at the text.
    var asksForAttention: Bool { self != .ours && self != .theirs }
  }

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id: 32 hexadecimal digits, as 'skerry docs' prints them.")
  var doc: DocumentID
  @Argument(help: "The place of a text in the document.", transform: CommandArgument.path)
  var path: [PathStep]
  @Option(help: "The file that THEIRS was made from.", completion: .file())
  var base: String
  @Option(help: "The file to merge.", completion: .file())
  var theirs: String
  @Option(help: "What is done about conflicts.")
  var conflicts: Conflicts = .both
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if base == "-", theirs == "-" {
      throw ValidationError("Only one of --base and --theirs can be standard input.")
    }
  }

  func run() async throws {
    let base = try FileText.read(base)
    let theirs = try FileText.read(theirs)
    let replica = try await Replica.open(at: place.store)
    let report: MergeReport
    do {
      let refuses = conflicts == .refuse
      let choice = conflicts.choice
      let commit = try await replica.transaction { [doc, path] transaction in
        let merged = try transaction.mergeText(
          theirs, base: base, at: path, of: doc, choosing: choice)
        if refuses, !merged.conflicts.isEmpty { throw MergeRefused(merged: merged) }
        return merged
      }
      report = MergeReport(commit, choice)
    } catch let refused as MergeRefused {
      report = MergeReport(refused.merged, .both, at: try await replica.version())
    }
    await replica.close()
    try report.print(as: output, done: "merged", asksForAttention: conflicts.asksForAttention)
  }
}

/// Undoes a transaction whose merge has conflicts.
private struct MergeRefused: Error {
  let merged: MergedText
}

struct EditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit",
    abstract: "Edit a text in $VISUAL or $EDITOR.",
    discussion: """
      The text opens in the editor as a file of its own. What happens to it in the store while the \
      editor is open stays: when the editor ends, what was saved is merged three-way with that. \
      When nothing was changed nothing is written. When the editor fails nothing is written \
      either, and its file is kept if anything was saved.

      The exit status is 1 also when there are conflicts; then both sides are in the text, and \
      they are told as 'skerry merge' tells them.

      EXAMPLE
        EDITOR='code --wait' skerry edit notes.skerry 0123456789abcdef0123456789abcdef body
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The document's id: 32 hexadecimal digits, as 'skerry docs' prints them.")
  var doc: DocumentID
  @Argument(help: "The place of a text in the document.", transform: CommandArgument.path)
  var path: [PathStep]
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let (base, file, version) = try await opened { replica in
      try await replica.read { [doc, path] reading in
        (
          try reading.text(doc, path: path), Self.fileName(for: path, of: doc, reading),
          reading.version
        )
      }
    }
    // The store is closed meanwhile: an editor may be open for days.
    let draft = try Draft(of: base, named: file, by: "skerry")
    let edited = try await draft.edit()
    guard !edited.utf8.elementsEqual(base.utf8) else {
      draft.remove()
      try MergeReport(unchangedAt: version).print(as: output, done: "saved")
      return
    }
    let report: MergeReport
    do {
      report = try await opened { replica in
        let commit = try await replica.transaction { [doc, path] transaction in
          try transaction.mergeText(edited, base: base, at: path, of: doc)
        }
        return MergeReport(commit, .both)
      }
    } catch {
      StandardError.say("What you wrote is kept in '\(draft.path)'.", as: "skerry")
      throw error
    }
    draft.remove()
    try report.print(as: output, done: "saved")
  }

  private func opened<Result>(_ body: (Replica) async throws -> Result) async throws -> Result {
    let replica = try await Replica.open(at: place.store)
    do {
      let result = try await body(replica)
      await replica.close()
      return result
    } catch {
      await replica.close()
      throw error
    }
  }

  /// A name that tells an editor what kind of text it is: that of the document's file for its
  /// `body`, else the last key.
  private static func fileName(
    for path: [PathStep], of doc: DocumentID, _ reading: Reading
  ) -> String {
    let key = if case .key(let key) = path.last { key } else { "text" }
    let stem = key.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    guard key == "body" else { return (stem.isEmpty ? "text" : String(stem.prefix(40))) + ".txt" }
    let file = (try? reading.json(doc, path: ["path"]))?.stringValue ?? ""
    let ending = file.split(separator: "/").last?.split(separator: ".").dropFirst().last ?? "md"
    let isPlain = ending.utf8.count <= 10 && ending.allSatisfy { $0.isASCII && $0.isLetter }
    return "body." + (isPlain ? String(ending) : "md")
  }
}

/// What came of merging into a text.
private struct MergeReport {
  private let change: ChangeID?
  private let version: VersionVector
  private let conflicts: [TextConflict]
  private let places: [Range<Int>]
  private let lines: [Int]

  private static let linesShownMax = 10

  init(_ commit: Commit<MergedText>, _ choice: MergeChoice) {
    self.init(commit.value, choice, at: commit.version, by: commit.change)
  }

  init(
    _ merged: MergedText, _ choice: MergeChoice, at version: VersionVector,
    by change: ChangeID? = nil
  ) {
    self.change = change
    self.version = version
    conflicts = merged.conflicts
    places = merged.places(choice)
    lines = places.isEmpty ? [] : Self.lines(of: places, in: merged.text(choice))
  }

  /// The numbers of the lines in which places begin, which do not descend.
  private static func lines(of places: [Range<Int>], in text: String) -> [Int] {
    var lines: [Int] = []
    var line = 1
    var position = 0
    for scalar in text.unicodeScalars {
      while lines.count < places.count, places[lines.count].lowerBound <= position {
        lines.append(line)
      }
      if scalar == "\n" { line += 1 }
      position += 1
    }
    return lines + Array(repeating: line, count: places.count - lines.count)
  }

  init(unchangedAt version: VersionVector) {
    change = nil
    self.version = version
    conflicts = []
    places = []
    lines = []
  }

  func print(
    as output: OutputOptions, done: String, asksForAttention: Bool = true
  ) throws {
    if output.isJSON {
      try StandardOutput.write(json)
    } else if change == nil, !conflicts.isEmpty, asksForAttention {
      try StandardOutput.write(line: "nothing was written.")
    } else {
      try StandardOutput.write(line: change == nil ? "nothing was changed." : "\(done).")
    }
    guard !conflicts.isEmpty, asksForAttention else { return }
    let count = conflicts.count == 1 ? "One place was" : "\(conflicts.count) places were"
    let kept = change == nil ? "look at them" : "both sides are in the text, to be looked at"
    let shown = lines.prefix(Self.linesShownMax).map(String.init).joined(separator: ", ")
    let more = lines.count > Self.linesShownMax ? " and more" : ""
    StandardError.say(
      "\(count) changed on both sides, differently; \(kept): line \(shown)\(more).", as: "skerry")
    throw ExitCode(1)
  }

  private var json: JSONValue {
    [
      "change": change.map { .string($0.description) } ?? .null,
      "version": .string(version.text),
      "conflicts": .array(
        conflicts.indices.map { index in
          [
            "at": .count(places[index].lowerBound), "count": .count(places[index].count),
            "line": .count(lines[index]), "base": .string(conflicts[index].base),
            "ours": .string(conflicts[index].ours), "theirs": .string(conflicts[index].theirs),
          ]
        }),
    ]
  }
}
