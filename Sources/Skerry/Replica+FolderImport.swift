extension Replica {
  /// Makes documents of the text files in a folder and the folders in it: `title` (the first
  /// heading, or the file's name), `path` (inside the folder) and the text `body`.
  ///
  /// In a folder that ``exportFolder(to:)`` wrote, what was edited since is merged three-way into
  /// what happened to the documents meanwhile: against the text as it was exported. New files
  /// become documents; a file under another path, with the same or nearly the same content, is its
  /// document still, whose `path` changes; a file that was removed takes its document with it,
  /// unless that was changed since. What collides is in the result's `conflicts`, with what gave
  /// way.
  ///
  /// In any other folder a file whose path a document has already brings its differences to that
  /// document. Files that are not text in UTF-8, or too large, are left out and named. `progress`
  /// is told how many files are done and how many remain.
  public func importFolder(
    at path: String, progress: (@Sendable (_ done: Int, _ remaining: Int) -> Void)? = nil
  ) async throws(ReplicaError) -> FolderImport {
    let folder = try Folder(at: path)
    let (files, problems) = try folder.files()
    let workspace = try await identity().workspace
    let record = try ExportRecord(in: folder, workspace: workspace)
    var importer = FolderImporter(
      replica: self, folder: folder, record: record, known: try await documentsByPath(),
      total: files.count, progress: progress)
    importer.result.problems = problems
    if let record {
      let unread = Set(problems.map(\.file))
      let present = Set(files)
      try await importer.findRenamed(
        gone: record.sortedEntries.filter {
          !present.contains($0.file) && !unread.contains($0.file)
        },
        fresh: files.filter { record[$0] == nil })
    }
    for file in files { try await importer.take(file) }
    try await importer.removeGone()
    return try await importer.finish()
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
}

/// One import under way: files become steps, and steps go to the store many at a time.
private struct FolderImporter {
  let replica: Replica
  let folder: Folder
  /// Nil for a folder that was not exported from this workspace.
  var record: ExportRecord?
  var known: [String: DocumentID]
  let total: Int
  let progress: (@Sendable (_ done: Int, _ remaining: Int) -> Void)?
  var result = FolderImport()
  private var doneCount = 0
  private var steps: [ImportStep] = []
  private var stepBytes = 0
  private var renamed: [String: ExportRecord.Entry] = [:]
  private var removed: [ExportRecord.Entry] = []

  private static let stepsMax = 200
  private static let stepBytesMax = 4 << 20

  init(
    replica: Replica, folder: Folder, record: ExportRecord?, known: [String: DocumentID],
    total: Int, progress: (@Sendable (_ done: Int, _ remaining: Int) -> Void)?
  ) {
    self.replica = replica
    self.folder = folder
    self.record = record
    self.known = known
    self.total = total
    self.progress = progress
  }

  // MARK: Renamed and removed files

  mutating func findRenamed(
    gone: [ExportRecord.Entry], fresh: [String]
  ) async throws(ReplicaError) {
    guard !gone.isEmpty else { return }
    var texts: [TextFile] = []
    for file in fresh {
      if case .success(let text) = folder.text(of: file) {
        texts.append(TextFile(path: file, text: text))
      }
    }
    let files = texts
    renamed = try await replica.reading { reading throws(ReplicaError) in
      // A document that is gone too has no path to change.
      var alive: [ExportRecord.Entry] = []
      for entry in gone where try reading.contains(entry.document) { alive.append(entry) }
      return try RenamedFiles(gone: alive, fresh: files) { entry throws(ReplicaError) in
        try? reading.base(of: entry)
      }.origins
    }
    let found = Set(renamed.values.map(\.file))
    removed = gone.filter { !found.contains($0.file) }
  }

  /// Documents whose files are no longer there.
  mutating func removeGone() async throws(ReplicaError) {
    for entry in removed {
      // Another file may be the same document.
      let isElsewhere = record?.sortedEntries.contains {
        $0.document == entry.document && $0.file != entry.file
      }
      if isElsewhere == true {
        record?[entry.file] = nil
        continue
      }
      let base = try await replica.reading { reading throws(ReplicaError) -> JSONValue? in
        guard case .version(let version) = entry.base, reading.version.covers(version) else {
          return nil
        }
        return try? reading.json(entry.document, version: version)
      }
      try await add(.remove(entry, base: base), byteCount: 0)
    }
  }

  // MARK: Files that are there

  mutating func take(_ file: String) async throws(ReplicaError) {
    doneCount += 1
    let text: String
    switch folder.text(of: file) {
    case .success(let found): text = found
    case .failure(let error):
      result.problems.append(FolderProblem(file: file, reason: error.description))
      return
    }
    let found = TextFile(path: file, text: text)
    guard let entry = renamed[file] ?? record?[file] else {
      try await add(.take(found, known: known[file]), byteCount: text.utf8.count)
      return
    }
    guard ExportRecord.digest(of: text) != entry.digest else {
      if entry.file == file {
        result.unchangedCount += 1
      } else {
        try await add(.rename(found, entry), byteCount: 0)
      }
      return
    }
    do throws(ReplicaError) {
      let base = try await replica.reading { reading throws(ReplicaError) in
        try reading.base(of: entry)
      }
      try await add(.merge(found, entry, base: base), byteCount: text.utf8.count)
    } catch {
      guard error.code == .invalid else { throw error }
      result.problems.append(FolderProblem(file: file, reason: error.description))
    }
  }

  private mutating func add(_ step: ImportStep, byteCount: Int) async throws(ReplicaError) {
    steps.append(step)
    stepBytes += byteCount
    if steps.count >= Self.stepsMax || stepBytes > Self.stepBytesMax { try await perform() }
  }

  private mutating func perform() async throws(ReplicaError) {
    let performed = steps
    steps = []
    stepBytes = 0
    let outcomes = try await replica.transactions(
      performed.map { step in
        { @Sendable (transaction: inout Transaction) throws in
          try step.perform(&transaction)
        }
      })
    for (step, outcome) in zip(performed, outcomes) {
      switch outcome {
      case .failure(let error):
        let reason = (error as? ReplicaError)?.description ?? "\(error)"
        result.problems.append(FolderProblem(file: step.file, reason: reason))
      case .success(let commit): note(step, commit)
      }
    }
    progress?(doneCount, total - doneCount)
  }

  private mutating func note(_ step: ImportStep, _ commit: Commit<ImportStep.Outcome>) {
    let outcome = commit.value
    result.conflicts += outcome.conflicts
    if outcome.isCreated {
      result.created.append(outcome.document)
    } else if commit.change == nil {
      if case .remove = step {} else { result.unchangedCount += 1 }
    } else if outcome.isDeleted {
      result.deleted.append(outcome.document)
    } else {
      result.updated.append(outcome.document)
    }
    remember(step, outcome, commit.version)
  }

  /// What the next import compares with.
  private mutating func remember(
    _ step: ImportStep, _ outcome: ImportStep.Outcome, _ version: VersionVector
  ) {
    switch step {
    case .take(let file, _):
      known[file.path] = outcome.document
      guard record != nil else { return }
      record?[file.path] = ExportRecord.Entry(
        file: file.path, document: outcome.document, kind: .text, content: file.text,
        base: .version(version))
    case .merge(let file, let entry, _):
      record?[entry.file] = nil
      record?[file.path] = ExportRecord.Entry(
        file: file.path, document: entry.document, kind: entry.kind, content: file.text,
        base: outcome.isAsInFile ? .version(version) : .content(file.text))
    case .rename(let file, let entry):
      record?[entry.file] = nil
      var entry = entry
      entry.file = file.path
      record?[file.path] = entry
    case .remove(let entry, _):
      if outcome.isDeleted { record?[entry.file] = nil }
    }
  }

  mutating func finish() async throws(ReplicaError) -> FolderImport {
    if !steps.isEmpty || total > 0 { try await perform() }
    try record?.write(to: folder)
    return result
  }
}

extension Reading {
  /// What a file of an exported folder is to be compared with.
  ///
  /// - Throws: `invalid` when it cannot be had, and why.
  fileprivate func base(of entry: ExportRecord.Entry) throws(ReplicaError) -> String {
    switch entry.base {
    case .content(let text): return text
    case .version(let version):
      guard self.version.covers(version) else {
        throw ReplicaError(
          .invalid,
          "it was exported from a state that this store has not seen yet; sync first")
      }
      if let text = try? text(entry, at: version), ExportRecord.digest(of: text) == entry.digest {
        return text
      }
      let text: String?
      do throws(ReplicaError) {
        text = try content(entry, at: version)
      } catch {
        throw ReplicaError(
          .invalid,
          "what it was exported as cannot be read any more (\(error.description)); export to "
            + "another folder and take your changes over there")
      }
      if let text, ExportRecord.digest(of: text) == entry.digest { return text }
      throw ReplicaError(
        .invalid,
        "what '\(ExportRecord.fileName)' tells of it is not what the store remembers; without that "
          + "line the file is taken as it is")
    }
  }

  private func text(
    _ entry: ExportRecord.Entry, at version: VersionVector
  ) throws(ReplicaError) -> String? {
    guard entry.kind == .text else { return nil }
    return try text(entry.document, path: TextFileField.body, version: version)
  }

  /// From the whole document, where its text may have been another one.
  private func content(
    _ entry: ExportRecord.Entry, at version: VersionVector
  ) throws(ReplicaError) -> String? {
    let whole = try json(entry.document, version: version)
    switch entry.kind {
    case .text: return whole.objectValue?["body"]?.stringValue
    case .json: return whole.text() + "\n"
    }
  }
}
