/// What came of importing a folder.
public struct FolderImport: Sendable {
  public fileprivate(set) var created: [DocumentID] = []
  public fileprivate(set) var updated: [DocumentID] = []
  public fileprivate(set) var unchangedCount = 0
  /// Files that were left out.
  public fileprivate(set) var problems: [FolderProblem] = []
}

/// What came of exporting to a folder.
public struct FolderExport: Sendable {
  /// The paths of the files inside the folder.
  public fileprivate(set) var files: [String] = []
  /// Documents that could not be written.
  public fileprivate(set) var problems: [FolderProblem] = []
}

/// The fields of a document that is a text file.
enum TextFileField {
  static let title: [PathStep] = ["title"]
  static let path: [PathStep] = ["path"]
  static let body: [PathStep] = ["body"]
}

extension Replica {
  /// Makes documents of the text files in a folder and the folders in it: `title` (the first
  /// heading, or the file's name), `path` (inside the folder) and the text `body`.
  ///
  /// A file whose path a document has already brings its differences to that document. Files that
  /// are not text in UTF-8, or too large, are left out and named. `progress` is told how many files
  /// are done and how many remain.
  public func importFolder(
    at path: String, progress: (@Sendable (_ done: Int, _ remaining: Int) -> Void)? = nil
  ) async throws(ReplicaError) -> FolderImport {
    let folder = try Folder(at: path)
    let (files, problems) = try folder.files()
    var result = FolderImport()
    result.problems = problems
    var known = try await documentsByPath()
    var batch: [TextFile] = []
    var batchBytes = 0
    for (index, file) in files.enumerated() {
      switch folder.text(of: file) {
      case .failure(let error):
        result.problems.append(FolderProblem(file: file, reason: error.description))
      case .success(let text):
        batch.append(TextFile(path: file, text: text))
        batchBytes += text.utf8.count
      }
      if batch.count == 200 || batchBytes > 4 << 20 || index == files.count - 1 {
        try await importBatch(batch, known: &known, into: &result)
        progress?(index + 1, files.count - index - 1)
        batch = []
        batchBytes = 0
      }
    }
    return result
  }

  private func importBatch(
    _ files: [TextFile], known: inout [String: DocumentID], into result: inout FolderImport
  ) async throws(ReplicaError) {
    let existing = known
    let results = try await transactions(
      files.map { file in
        { @Sendable (transaction: inout Transaction) throws -> DocumentID in
          try file.write(into: existing[file.path], &transaction)
        }
      })
    for (file, outcome) in zip(files, results) {
      switch outcome {
      case .failure(let error):
        result.problems.append(FolderProblem(file: file.path, reason: "\(error)"))
      case .success(let commit):
        if commit.change == nil {
          result.unchangedCount += 1
        } else if known[file.path] == nil {
          result.created.append(commit.value)
        } else {
          result.updated.append(commit.value)
        }
        known[file.path] = commit.value
      }
    }
  }

  /// Where two documents have one path, the one with the lower id.
  private func documentsByPath() async throws(ReplicaError) -> [String: DocumentID] {
    var known: [String: DocumentID] = [:]
    var last: DocumentID?
    while true {
      let start = last
      let page = try await reading { reading throws(ReplicaError) in
        var page: [(id: DocumentID, path: String?)] = []
        for document in try reading.documents(after: start, limit: 500) {
          let path = try? reading.json(document.id, path: TextFileField.path)
          page.append((document.id, path?.stringValue))
        }
        return page
      }
      guard let end = page.last?.id else { return known }
      last = end
      for case (let id, let path?) in page where known[path] == nil { known[path] = id }
    }
  }

  /// Writes each document with a text `body` to its `path` (or, without one, under its title), and
  /// any other as `ID.json`. A path that leads out of the folder is not used.
  public func exportFolder(to path: String) async throws(ReplicaError) -> FolderExport {
    let folder = try Folder(making: path)
    var result = FolderExport()
    var taken: Set<String> = []
    var last: DocumentID?
    while true {
      let start = last
      let page = try await reading { reading throws(ReplicaError) in
        var page: [ExportedDocument] = []
        for document in try reading.documents(after: start, limit: 50) {
          page.append(try ExportedDocument(document.id, reading))
        }
        return page
      }
      guard let end = page.last?.id else { return result }
      last = end
      for document in page {
        let file = document.freePath(taken: &taken)
        do throws(ReplicaError) {
          try folder.write(document.content, to: file)
          result.files.append(file)
        } catch {
          result.problems.append(FolderProblem(file: file, reason: error.description))
        }
      }
    }
  }
}

/// A document on its way into a file.
private struct ExportedDocument: Sendable {
  var id: DocumentID
  var path: String
  var content: String

  init(_ id: DocumentID, _ reading: Reading) throws(ReplicaError) {
    self.id = id
    do throws(ReplicaError) {
      content = try reading.text(id, path: TextFileField.body)
    } catch {
      guard error.code == .refused else { throw error }
      content = try reading.json(id).text() + "\n"
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
  private static func isInside(_ path: String) -> Bool {
    let steps = path.split(separator: "/", omittingEmptySubsequences: false)
    return path.utf8.count <= 1_000 && !path.utf8.contains(0)
      && steps.allSatisfy { step in
        !step.isEmpty && !step.hasPrefix(".") && step.utf8.count <= 200
      }
  }
}

/// A text file that is to become a document.
private struct TextFile: Sendable {
  var path: String
  var text: String

  /// The first heading, or the file's name without its ending.
  var title: String {
    for line in text.split(separator: "\n", maxSplits: 20).prefix(20) where line.hasPrefix("# ") {
      let heading = line.dropFirst(2).filter { $0 != "\r" }
      if heading.contains(where: { $0 != " " }) { return String(heading.prefix(500)) }
    }
    let name = path.split(separator: "/").last ?? ""
    let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name
    return String(stem.isEmpty ? name : stem)
  }

  func write(
    into known: DocumentID?, _ transaction: inout Transaction
  ) throws -> DocumentID {
    let document: DocumentID
    if let known, try transaction.contains(known) {
      document = known
    } else {
      document = transaction.createDocument()
      try transaction.set(.string(title), at: TextFileField.title, of: document)
      try transaction.set(.string(path), at: TextFileField.path, of: document)
    }
    try transaction.replaceText(with: text, at: TextFileField.body, of: document)
    return document
  }
}
