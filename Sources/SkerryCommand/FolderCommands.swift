import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the documents as files, or the whole state in one defined byte form.",
    discussion: """
      Into DIR, a document with a text 'body' is written under its 'path' or its
      title, any other as ID.json. With --canonical the whole state goes to standard
      output: equal states, equal bytes.

      EXAMPLES
        skerry export notes.skerry notes/
        skerry export notes.skerry --canonical | sha256sum
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The folder to write into; it is made when missing.", completion: .directory)
  var dir: String?
  @Flag(help: "Print the whole state in its canonical bytes.")
  var canonical = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard canonical != (dir != nil) else {
      throw ValidationError("Give either a folder to write into or --canonical.")
    }
  }

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    if let dir {
      let export = try await replica.exportFolder(to: dir)
      await replica.close()
      try FolderReport(
        done: "wrote \(export.files.count) files", problems: export.problems,
        json: ["files": .count(export.files.count)]
      ).print(as: output)
      return
    }
    try await replica.exportCanonical { line in try StandardOutput.append(line) }
    await replica.close()
  }
}

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make documents of a folder of Markdown and other text files.",
    discussion: """
      Each file becomes a document with 'title', 'path' and the text 'body'. A file
      whose path is known already brings its differences to that document. What
      cannot be read as text is named, skipped, and makes the exit status 1.

      EXAMPLE
        skerry import notes.skerry ~/Notes
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "The folder.", completion: .directory)
  var dir: String
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let progress = ProgressBar(label: "import")
    let result = try await replica.importFolder(at: dir) { done, remaining in
      progress.show(done: UInt64(done), remaining: UInt64(remaining), unit: "files")
    }
    progress.finish()
    await replica.close()
    try FolderReport(
      done: "\(result.created.count) documents made, \(result.updated.count) updated, "
        + "\(result.unchangedCount) unchanged",
      problems: result.problems,
      json: [
        "created": .count(result.created.count), "updated": .count(result.updated.count),
        "unchanged": .count(result.unchangedCount),
      ]
    ).print(as: output)
  }
}

/// What is said at the end of an import or export.
private struct FolderReport {
  var done: String
  var problems: [FolderProblem]
  var json: JSONObject

  func print(as output: OutputOptions) throws {
    for problem in problems { StandardError.say(problem.description, as: "skerry") }
    if output.isJSON {
      var object = json
      object["skipped"] = .array(
        problems.map { ["file": .string($0.file), "reason": .string($0.reason)] })
      try StandardOutput.write(.object(object))
    } else {
      let skipped = problems.isEmpty ? "" : ", \(problems.count) skipped"
      try StandardOutput.write(line: done + skipped + ".")
    }
    if !problems.isEmpty { throw ExitCode(1) }
  }
}
