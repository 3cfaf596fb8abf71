/// What is to be done about one file of a folder, as one transaction.
enum ImportStep: Sendable {
  /// A file without a record: it is a new document, or brings its differences to the one that has
  /// its path.
  case take(TextFile, known: DocumentID?)
  /// A file that was changed, and perhaps renamed, since it was exported.
  case merge(TextFile, ExportRecord.Entry, base: String)
  /// A file that is only renamed.
  case rename(TextFile, ExportRecord.Entry)
  /// A file that was removed; the base is the whole document, or nil when it has changed for sure.
  case remove(ExportRecord.Entry, base: JSONValue?)

  /// What became of it.
  struct Outcome: Sendable {
    var document: DocumentID
    var isCreated = false
    var isDeleted = false
    /// Whether the document holds now just what the file holds.
    var isAsInFile = true
    var conflicts: [FolderConflict] = []
  }

  /// The file's path.
  var file: String {
    switch self {
    case .take(let file, _), .merge(let file, _, _), .rename(let file, _): file.path
    case .remove(let entry, _): entry.file
    }
  }

  func perform(_ transaction: inout Transaction) throws -> Outcome {
    switch self {
    case .take(let file, let known): return try file.write(into: known, &transaction)
    case .merge(let file, let entry, let base):
      var outcome = Outcome(document: entry.document)
      if try transaction.isDeleted(entry.document) {
        outcome.conflicts.append(
          FolderConflict(.deletedDocument, file: file.path, document: entry.document))
      }
      switch entry.kind {
      case .text: try merge(file, base, into: &outcome, &transaction)
      case .json: try mergeJSON(file, base, into: &outcome, &transaction)
      }
      try rename(file, entry, &outcome, &transaction)
      return outcome
    case .rename(let file, let entry):
      var outcome = Outcome(document: entry.document)
      try rename(file, entry, &outcome, &transaction)
      return outcome
    case .remove(let entry, let base):
      var outcome = Outcome(document: entry.document)
      guard try transaction.contains(entry.document) else {
        outcome.isDeleted = true
        return outcome
      }
      if let base, try transaction.json(entry.document) == base {
        try transaction.deleteDocument(entry.document)
        outcome.isDeleted = true
      } else {
        outcome.conflicts.append(
          FolderConflict(.removedFile, file: entry.file, document: entry.document))
      }
      return outcome
    }
  }

  private func merge(
    _ file: TextFile, _ base: String, into outcome: inout Outcome,
    _ transaction: inout Transaction
  ) throws(ReplicaError) {
    let merged = try transaction.mergeText(
      file.text, base: base, at: TextFileField.body, of: outcome.document)
    outcome.isAsInFile = merged.text().utf8.elementsEqual(file.text.utf8)
    // Whether the document is back is told already.
    if !merged.conflicts.isEmpty, outcome.conflicts.isEmpty {
      outcome.conflicts.append(
        FolderConflict(
          .text, file: file.path, document: outcome.document, count: merged.conflicts.count))
    }
  }

  private func mergeJSON(
    _ file: TextFile, _ base: String, into outcome: inout Outcome,
    _ transaction: inout Transaction
  ) throws {
    func value(_ text: String) throws(ReplicaError) -> JSONValue {
      do {
        return try JSONValue(parsing: text)
      } catch {
        throw ReplicaError(.invalid, "it is no JSON (\(error))")
      }
    }
    let merged = try transaction.mergeValue(
      try value(file.text), base: try value(base), of: outcome.document,
      options: ValueMergeOptions(choice: .theirs, mergesStrings: true))
    // A document is written in one form, whatever form the file has.
    outcome.isAsInFile = false
    if !merged.conflicts.isEmpty, outcome.conflicts.isEmpty {
      outcome.conflicts.append(
        FolderConflict(
          .value, file: file.path, document: outcome.document, count: merged.conflicts.count,
          values: merged.conflicts))
    }
  }

  private func rename(
    _ file: TextFile, _ entry: ExportRecord.Entry, _ outcome: inout Outcome,
    _ transaction: inout Transaction
  ) throws(ReplicaError) {
    guard entry.kind == .text, file.path != entry.file else { return }
    let present = try transaction.present(entry.document).objectValue?["path"]?.stringValue
    guard present != file.path else { return }
    if let present, present != entry.file {
      outcome.conflicts.append(
        FolderConflict(.path, file: file.path, document: entry.document))
    }
    try transaction.set(.string(file.path), at: TextFileField.path, of: entry.document)
  }
}

/// A text file that is to become a document, or to be merged into one.
struct TextFile: Sendable {
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

  fileprivate func write(
    into known: DocumentID?, _ transaction: inout Transaction
  ) throws(ReplicaError) -> ImportStep.Outcome {
    var outcome: ImportStep.Outcome
    if let known, try transaction.contains(known) {
      outcome = ImportStep.Outcome(document: known)
    } else {
      outcome = ImportStep.Outcome(document: transaction.createDocument(), isCreated: true)
      try transaction.set(.string(title), at: TextFileField.title, of: outcome.document)
      try transaction.set(.string(path), at: TextFileField.path, of: outcome.document)
    }
    try transaction.replaceText(with: text, at: TextFileField.body, of: outcome.document)
    return outcome
  }
}
