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
      title, any other as ID.json. A hidden file '.skerry-export' remembers what was
      written, so that 'skerry import' can merge what is edited there. In a folder
      that was exported before, files that were edited and not imported since are
      left alone and named, and those of documents that are gone or have another path
      now are removed. The marks of texts are not in the files, and stay in the
      documents on what an import leaves of the texts. With --canonical the whole
      state goes to standard output: equal states, equal bytes.

      EXAMPLES
        skerry export notes.skerry notes/ && $EDITOR notes/plan.md
        skerry import notes.skerry notes/
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
      let files = export.files.count == 1 ? "1 file" : "\(export.files.count) files"
      let removed = export.removed.isEmpty ? "" : ", removed \(export.removed.count)"
      try FolderReport(
        done: "wrote \(files)\(removed)", problems: export.problems,
        json: ["files": .count(export.files.count), "removed": .count(export.removed.count)]
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
    abstract: "Make documents of a folder of text files, or merge an exported folder.",
    discussion: """
      Each file becomes a document with 'title', 'path' and the text 'body'. A file
      whose path is known already brings its differences to that document.

      A folder that 'skerry export' wrote is compared with what was exported: what was \
      edited there is merged three-way into what happened to the documents meanwhile, \
      new files become documents, renamed ones are their documents still, and removed \
      ones take their documents with them, unless these were changed since. What \
      collides is told, with what gave way, and makes the exit status 1.

      What cannot be read as text is named, skipped, and makes the exit status 1.

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
        + (result.deleted.isEmpty ? "" : "\(result.deleted.count) deleted, ")
        + "\(result.unchangedCount) unchanged",
      problems: result.problems, conflicts: result.conflicts,
      json: [
        "created": .count(result.created.count), "updated": .count(result.updated.count),
        "deleted": .count(result.deleted.count), "unchanged": .count(result.unchangedCount),
        "conflicts": .array(result.conflicts.map(\.json)),
      ]
    ).print(as: output)
  }
}

/// What is said at the end of an import or export.
private struct FolderReport {
  var done: String
  var problems: [FolderProblem]
  var conflicts: [FolderConflict] = []
  var json: JSONObject

  func print(as output: OutputOptions) throws {
    for problem in problems { StandardError.say(problem.description, as: "skerry") }
    for conflict in conflicts { StandardError.say(conflict.description, as: "skerry") }
    if output.isJSON {
      var object = json
      object["skipped"] = .array(
        problems.map { ["file": .string($0.file), "reason": .string($0.reason)] })
      try StandardOutput.write(.object(object))
    } else {
      let skipped = problems.isEmpty ? "" : ", \(problems.count) skipped"
      let collided = conflicts.isEmpty ? "" : ", \(conflicts.count) in conflict"
      try StandardOutput.write(line: done + skipped + collided + ".")
    }
    if !problems.isEmpty || !conflicts.isEmpty { throw ExitCode(1) }
  }
}
