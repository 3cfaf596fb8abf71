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
      A file that was imported before is compared with its note and brings its differences. A \
      folder that 'notes export' wrote is compared with what was exported: what was edited, added, \
      renamed or removed there is merged with what happened to the notes meanwhile. What collides \
      is told, and so is what cannot be read as text; either makes the exit status 1.

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
        + (result.deleted.isEmpty ? "" : "\(result.deleted.count) deleted, ")
        + "\(result.unchangedCount) unchanged",
      [
        "created": .count(result.created.count), "updated": .count(result.updated.count),
        "deleted": .count(result.deleted.count), "unchanged": .count(result.unchangedCount),
        "conflicts": .array(result.conflicts.map(\.json)),
      ], skipped: result.problems, conflicts: result.conflicts)
  }
}

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the notes as text files into a folder.",
    discussion: """
      What is edited there can be brought back with 'notes import'. In a folder that was exported \
      before, files that were edited and not imported since are left alone and named.

      EXAMPLE
        notes export ~/backup/notes
      """)

  @OptionGroup var place: NotesStore
  @Argument(help: "The folder; it is made when missing.", completion: .directory)
  var folder: String

  func run() async throws {
    let result = try await place.withLibrary { try await $0.replica.exportFolder(to: folder) }
    let files = result.files.count == 1 ? "1 file" : "\(result.files.count) files"
    try place.report(
      "wrote \(files)"
        + (result.removed.isEmpty ? "" : ", removed \(result.removed.count)"),
      ["files": .count(result.files.count), "removed": .count(result.removed.count)],
      skipped: result.problems)
  }
}

extension NotesStore {
  /// Says at the end of an import or export what was done and what was left out.
  fileprivate func report(
    _ done: String, _ json: JSONObject, skipped: [FolderProblem],
    conflicts: [FolderConflict] = []
  ) throws {
    for problem in skipped { StandardError.say(problem.description, as: "notes") }
    for conflict in conflicts { StandardError.say(conflict.description, as: "notes") }
    if isJSON {
      var object = json
      object["skipped"] = .array(
        skipped.map { ["file": .string($0.file), "reason": .string($0.reason)] })
      try StandardOutput.write(.object(object))
    } else {
      try StandardOutput.write(
        line: done + (skipped.isEmpty ? "" : ", \(skipped.count) left out")
          + (conflicts.isEmpty ? "." : ", \(conflicts.count) in conflict."))
    }
    if !skipped.isEmpty || !conflicts.isEmpty { throw ExitCode(1) }
  }
}
