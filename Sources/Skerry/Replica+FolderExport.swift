extension Replica {
  /// Writes each document with a text `body` to its `path` (or, without one, under its title), and
  /// any other as `ID.json`. A path that leads out of the folder is not used.
  ///
  /// A hidden file `.skerry-export` remembers what was written, so that
  /// ``importFolder(at:progress:)`` can merge what is edited in the folder. Where such a record is
  /// there already, a file that was edited and not imported since is left as it is and named, and
  /// files whose documents are gone or elsewhere now are removed, unless they were edited. A file
  /// that no export has written is never replaced.
  ///
  /// - Throws: `invalid` when the folder holds an export of another workspace.
  public func exportFolder(to path: String) async throws(ReplicaError) -> FolderExport {
    let folder = try Folder(making: path)
    let workspace = try await identity().workspace
    let earlier = try ExportRecord(in: folder, workspace: workspace)
    guard earlier != nil || !folder.has(ExportRecord.fileName) else {
      throw ReplicaError(
        .invalid,
        "Another workspace was exported to the folder '\(path)'; choose another folder.")
    }
    var writer = ExportWriter(
      folder: folder, earlier: earlier, record: ExportRecord(workspace: workspace))
    var last: DocumentID?
    while true {
      let start = last
      let (page, version) = try await reading { reading throws(ReplicaError) in
        var page: [ExportedDocument] = []
        for document in try reading.documents(after: start, limit: 50) {
          page.append(try ExportedDocument(document.id, reading))
        }
        return (page, reading.version)
      }
      guard let end = page.last?.id else { break }
      last = end
      for document in page { writer.write(document, version) }
    }
    return try writer.finish()
  }
}

/// Writes the files of an export and what is remembered about them.
private struct ExportWriter {
  let folder: Folder
  /// What the export before remembered.
  let earlier: ExportRecord?
  var record: ExportRecord
  private var result = FolderExport()
  private var taken: Set<String> = []

  init(folder: Folder, earlier: ExportRecord?, record: ExportRecord) {
    self.folder = folder
    self.earlier = earlier
    self.record = record
  }

  mutating func write(_ document: ExportedDocument, _ version: VersionVector) {
    let file = document.freePath(taken: &taken)
    if let entry = earlier?[file], isEdited(entry), !holds(document.content, file) {
      record[file] = entry
      result.problems.append(
        FolderProblem(
          file: file, reason: "it was edited since it was exported; import the folder first"))
      return
    }
    if earlier?[file] == nil, folder.has(file), !holds(document.content, file) {
      result.problems.append(
        FolderProblem(
          file: file,
          reason: "a file that no export has written stands there; move it away, or import the "
            + "folder first"))
      return
    }
    do throws(ReplicaError) {
      try folder.write(document.content, to: file)
      result.files.append(file)
      record[file] = ExportRecord.Entry(
        file: file, document: document.id, kind: document.kind, content: document.content,
        base: .version(version))
    } catch {
      result.problems.append(FolderProblem(file: file, reason: error.description))
    }
  }

  /// Whether the file holds something else than what is remembered of it.
  private func isEdited(_ entry: ExportRecord.Entry) -> Bool {
    guard case .success(let text) = folder.text(of: entry.file) else { return false }
    return ExportRecord.digest(of: text) != entry.digest
  }

  private func holds(_ content: String, _ file: String) -> Bool {
    guard case .success(let text) = folder.text(of: file) else { return false }
    return text.utf8.elementsEqual(content.utf8)
  }

  mutating func finish() throws(ReplicaError) -> FolderExport {
    // Only what the folder itself lists: a record that somebody edited leads nowhere else.
    let present = Set(try folder.files().files)
    for entry in earlier?.sortedEntries ?? []
    where record[entry.file] == nil && present.contains(entry.file) {
      if isEdited(entry) {
        record[entry.file] = entry
      } else {
        try folder.remove(entry.file)
        result.removed.append(entry.file)
      }
    }
    try record.write(to: folder)
    return result
  }
}

/// A document on its way into a file.
private struct ExportedDocument: Sendable {
  var id: DocumentID
  var path: String
  var kind: ExportRecord.Kind
  var content: String

  init(_ id: DocumentID, _ reading: Reading) throws(ReplicaError) {
    self.id = id
    do throws(ReplicaError) {
      content = try reading.text(id, path: TextFileField.body)
      kind = .text
    } catch {
      guard error.code == .refused else { throw error }
      content = try reading.json(id).text() + "\n"
      kind = .json
      path = "\(id).json"
      return
    }
    let wanted = (try? reading.json(id, path: TextFileField.path))?.stringValue
    if let wanted, Self.isInside(wanted) {
      path = wanted
    } else {
      let title = (try? reading.json(id, path: TextFileField.title))?.stringValue
      path = Self.name(for: title ?? "").map { $0 + ".md" } ?? "\(id).md"
    }
  }

  /// A file name made of a title; nil when nothing of it is left.
  private static func name(for title: String) -> String? {
    var name = ""
    for scalar in title.unicodeScalars.prefix(60) {
      let isKept = scalar.value >= 0x20 && !"/\\:*?\"<>|".unicodeScalars.contains(scalar)
      name.unicodeScalars.append(isKept ? scalar : "-")
    }
    let visible = name.drop { $0 == "." || $0 == " " }
    return visible.isEmpty ? nil : String(visible)
  }

  /// The path, with the id in it when another document has taken it.
  func freePath(taken: inout Set<String>) -> String {
    if taken.insert(path).inserted { return path }
    let name = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let dot = path[name...].lastIndex(of: ".") ?? path.endIndex
    let other = "\(path[..<dot]) \(id)\(path[dot...])"
    taken.insert(other)
    return other
  }

  /// Whether a path, which anybody may have written, stays inside the folder.
  static func isInside(_ path: String) -> Bool {
    let steps = path.split(separator: "/", omittingEmptySubsequences: false)
    return path.utf8.count <= 1_000 && !path.utf8.contains(0)
      && steps.allSatisfy { step in
        !step.isEmpty && !step.hasPrefix(".") && step.utf8.count <= 200
      }
  }
}
