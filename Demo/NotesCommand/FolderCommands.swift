import ArgumentParser
import CommandKit
import JSONCoding
import NotesApp
import Skerry

struct Import: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make notes of a folder of Markdown and other text files.",
    discussion: """
      A file that was imported before is compared with its note and brings its differences. What
      cannot be read as text is named, skipped, and makes the exit status 1.

      EXAMPLE
        notes import ~/Documents/notes
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The folder.", completion: .directory) var folder: String

  func run() async throws {
    let progress = ProgressBar(label: "import")
    defer { progress.finish() }
    let result = try await place.withLibrary(makingIt: true) { library in
      try await library.replica.importFolder(at: folder) { done, remaining in
        progress.show(done: UInt64(done), remaining: UInt64(remaining), unit: "files")
      }
    }
    progress.finish()
    try place.report(
      "\(result.created.count) notes made, \(result.updated.count) updated, "
        + "\(result.unchangedCount) unchanged",
      [
        "created": .count(result.created.count), "updated": .count(result.updated.count),
        "unchanged": .count(result.unchangedCount),
      ], skipped: result.problems)
  }
}

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the notes as text files into a folder.",
    discussion: """
      EXAMPLE
        notes export ~/backup/notes
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The folder; it is made when missing.", completion: .directory)
  var folder: String

  func run() async throws {
    let result = try await place.withLibrary { try await $0.replica.exportFolder(to: folder) }
    try place.report(
      "wrote \(result.files.count) files", ["files": .count(result.files.count)],
      skipped: result.problems)
  }
}

extension NotesStore {
  /// Says at the end of an import or export what was done and what was left out.
  fileprivate func report(
    _ done: String, _ json: JSONObject, skipped: [FolderProblem]
  ) throws {
    for problem in skipped { StandardError.say(problem.description, as: "notes") }
    if isJSON {
      var object = json
      object["skipped"] = .array(
        skipped.map { ["file": .string($0.file), "reason": .string($0.reason)] })
      try StandardOutput.write(.object(object))
    } else {
      try StandardOutput.write(
        line: done + (skipped.isEmpty ? "." : ", \(skipped.count) left out."))
    }
    if !skipped.isEmpty { throw ExitCode(1) }
  }
}
