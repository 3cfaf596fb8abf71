package import Causality
package import Documents
import Sealing

/// One transaction: edits of any number of documents that become one change. Valid inside its body.
package final class StoreTransaction {
  let store: ReplicaStore
  private let change: ChangeID
  let lamport: UInt64
  /// What orders the registers that are written: the Lamport time.
  var stamp: UInt64
  let time: Timestamp
  let entropy: Entropy
  /// Writes what earlier transactions of the group did.
  let writeEarlier: () throws(StoreError) -> Void
  private var editors = DocumentTable<Editor>()
  /// Documents that were made here and have no row yet.
  private var created = DocumentTable<DocumentCache.Entry>()
  private var resolutions: [DocumentID: Resolution] = [:]
  var drafts = DraftEdits()
  private var hasFinished = false

  init(
    _ store: ReplicaStore, change: ChangeID, lamport: UInt64, time: Timestamp, entropy: Entropy,
    writeEarlier: @escaping () throws(StoreError) -> Void
  ) {
    self.store = store
    self.change = change
    self.lamport = lamport
    stamp = lamport
    self.time = time
    self.entropy = entropy
    self.writeEarlier = writeEarlier
  }

  /// Names a new document. It comes to be with its first edit.
  package func create() -> DocumentID {
    let id = DocumentID(madeAt: lamport, random: (entropy.uint64(), entropy.uint64()))
    created[id] = DocumentCache.Entry(Document(id: id))
    return id
  }

  /// The editor of a document, the same one for the whole transaction. Do not call its `finish()`.
  ///
  /// - Throws: `.noDocument`; `.damaged` when it cannot be opened.
  package func edit(_ id: DocumentID) throws(StoreError) -> Editor {
    if let editor = editors[id] { return editor }
    guard let document = try storedDocument(id) else {
      guard let editor = try editDraft(id) else { throw .noDocument(id) }
      editors[id] = editor
      return editor
    }
    let editor = document.beginEdit(change, lamport: stamp, time: time)
    editors[id] = editor
    return editor
  }

  /// The document with what the transaction has done so far, for reading; nil when there is none.
  package func document(_ id: DocumentID) throws(StoreError) -> Document? {
    if let document = try storedDocument(id) { return document }
    return try openDraft(id)?.document
  }

  private func storedDocument(_ id: DocumentID) throws(StoreError) -> Document? {
    if let entry = created[id] { return entry.document }
    return try store.entry(id)?.document
  }

  /// The conflicts of a document as it was before the transaction.
  private struct Resolution {
    var conflicts: [Conflict]
    var history: DocumentHistory
  }

  /// Decides a conflict of a document, before anything else is done to it in the transaction: what
  /// a conflict says of places is true of the document as it was before. So a transaction decides
  /// one conflict of a document.
  ///
  /// - Throws: `.noDocument`, `.damaged`; ``EditError`` when there is no such conflict (any more),
  ///   or none of its sides is what was chosen.
  package func resolve(
    _ id: ConflictID, of document: DocumentID, taking choice: ConflictChoice
  ) throws {
    let editor = try edit(document)
    guard editor.isEmpty else {
      throw EditError(
        .notSupported,
        "a transaction resolves one conflict of a document, before it edits the document")
    }
    let resolution = try resolutions[document] ?? begin(document)
    guard let conflict = resolution.conflicts.first(where: { $0.id == id }) else {
      throw EditError(
        .nothingThere,
        "the document has no conflict \(id); somebody may have resolved it or joined it, list them "
          + "again")
    }
    try editor.resolve(conflict, taking: choice, in: resolution.history)
  }

  /// The conflicts of a document as it was before the transaction.
  package func conflicts(of document: DocumentID) throws -> [Conflict] {
    let resolution = try resolutions[document] ?? begin(document)
    resolutions[document] = resolution
    return resolution.conflicts
  }

  private func begin(_ document: DocumentID) throws -> Resolution {
    let history = try history(of: document)
    let isNew = try created[document] != nil || store.entry(document) == nil
    return Resolution(
      conflicts: isNew ? [] : try store.conflicts(of: document), history: history)
  }

  /// The history of a document as it was before the transaction.
  func history(of document: DocumentID) throws -> DocumentHistory {
    try writeEarlier()
    guard created[document] == nil, let entry = try store.entry(document) else {
      let draft = try openDraft(document)
      return draft?.document.keptHistory ?? DocumentHistory(document: document)
    }
    return try entry.document.keptHistory ?? store.history(entry)
  }

  // MARK: Going back

  /// Makes a document show what it showed at a version; see ``Editor/restore(to:in:)``.
  ///
  /// - Throws: `.noDocument`, `.damaged`; ``EditError`` when the transaction has edited the
  ///   document before, the version has changes that are not here, or the document was not there
  ///   yet.
  package func restore(_ document: DocumentID, to version: VersionVector) throws {
    let history = try history(of: document)
    try check(version, is: history)
    try edit(document).restore(to: version, in: history)
  }

  /// Checks that a version is one of a history.
  func check(_ version: VersionVector, is history: DocumentHistory) throws {
    guard store.state.applied.covers(version) else {
      throw EditError(
        .nothingThere,
        "the version has changes that are not here; sync with whoever has them first")
    }
    guard history.base != nil || history.edits().contains(where: { version.contains($0.change) })
    else {
      throw EditError(.nothingThere, "the document was not there yet at that version")
    }
  }

  /// Takes back, or does again, what this device did to a document last; see
  /// ``Editor/take(_:in:)``.
  ///
  /// - Throws: as ``restore(_:to:)``; ``EditError`` when there is nothing.
  package func take(_ direction: UndoStack.Direction, of document: DocumentID) throws {
    let history = try history(of: document)
    let editor = try edit(document)
    // What was written under an origin that was left is for everybody an edit of another one, whose
    // marks say nothing of it.
    let own = store.identity.origin
    let stack = UndoStack(of: { $0 == own }, in: history)
    guard let step = direction == .undo ? stack.undo : stack.redo else {
      throw EditError(
        .nothingThere,
        direction == .undo
          ? "nothing was done to the document on this device that could be taken back"
          : "nothing was taken back last that could be done again")
    }
    try editor.take(step, in: history)
  }

  /// Takes a step of a stack that the caller keeps.
  package func take(_ step: UndoStack.Step, of document: DocumentID) throws {
    let history = try history(of: document)
    try edit(document).take(step, in: history)
  }

  /// Takes the editor of a draft away, which ends its edit.
  func endEditing(_ draft: DocumentID) -> Editor? {
    defer { editors[draft] = nil }
    return editors[draft]
  }

  /// Ends all edits. Documents that were made join the cache.
  func finish() throws -> [DocumentEdit] {
    hasFinished = true
    var edits: [DocumentEdit] = []
    for (_, draft) in drafts.open.sorted(by: { $0.key < $1.key }) { try endEdit(of: draft) }
    for (id, editor) in editors.sorted {
      guard let edit = try editor.finish() else { continue }
      edits.append(edit)
      if let entry = created[id] { store.cache.insert(entry) }
    }
    return edits
  }

  /// Ends the edits that did nothing, when the transaction does not count.
  ///
  /// - Returns: the documents that were changed and must be opened again, sorted.
  func abandon() -> [DocumentID] {
    var spoiled: [DocumentID] = []
    for (id, editor) in editors.sorted {
      let edit = try? editor.finish()
      if hasFinished || edit != nil { spoiled.append(id) }
    }
    return spoiled
  }
}
