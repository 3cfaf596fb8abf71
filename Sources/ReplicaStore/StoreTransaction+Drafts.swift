package import Causality
package import Documents
import Sealing

/// What a transaction does to drafts: written when it has succeeded in everything else.
struct DraftEdits {
  /// Those that were made or opened here.
  var open: [DocumentID: OpenDraft] = [:]
  var edited: Set<DocumentID> = []
  var made: [StoredDraft] = []
  var ended: Set<DocumentID> = []
}

extension StoreTransaction {
  /// Makes a draft of a document as it is or was. It is edited and read by its id, as a document
  /// is, and nobody else sees it.
  ///
  /// - Throws: `.noDocument`; ``EditError`` when the document was not there yet at the version, or
  ///   that has changes that are not here.
  package func makeDraft(
    of document: DocumentID, name: String, from version: VersionVector?
  ) throws -> DocumentID {
    let history = try history(of: document)
    if let version { try check(version, is: history) }
    guard history.changeCount > 0 else { throw StoreError.noDocument(document) }
    let draft = StoredDraft(
      id: DocumentID(high: entropy.uint64(), low: entropy.uint64()), document: document, name: name,
      base: version ?? store.state.applied, time: time,
      origin: Origin(high: entropy.uint64(), low: entropy.uint64()))
    let base = try history.through(draft.base)
    drafts.made.append(draft)
    drafts.open[draft.id] = OpenDraft(draft, [], try Document(history: base))
    return draft.id
  }

  /// Takes what a draft has done over into its document, as edits of this transaction, and ends the
  /// draft. A transaction does that before it edits the document.
  ///
  /// - Returns: the document, and what others have done since the draft began that collides with
  ///   what it did. Where only one can stand, that is the draft's; values of others that would have
  ///   to give way stay in the ledger beside it.
  package func mergeDraft(
    _ id: DocumentID
  ) throws -> (document: DocumentID, conflicts: [Conflict]) {
    let draft = try requireDraft(id)
    let document = draft.stored.document
    try endEdit(of: draft)
    let editor = try edit(document)
    guard editor.isEmpty else {
      throw EditError(
        .notSupported, "a transaction merges a draft before it edits the document, not after")
    }
    let history = try history(of: document)
    let merge = try Document.merging(draft.edits, lamport: lamport, in: history)
    try editor.merge(merge, in: history)
    try discardDraft(id)
    return (document, merge.conflicts)
  }

  /// Ends a draft; what it has done is gone.
  package func discardDraft(_ id: DocumentID) throws {
    let draft = try requireDraft(id)
    try endEdit(of: draft)
    drafts.ended.insert(id)
    drafts.open[id] = nil
  }

  private func requireDraft(_ id: DocumentID) throws -> OpenDraft {
    guard let draft = try openDraft(id) else {
      throw EditError(.nothingThere, "there is no draft \(id)")
    }
    return draft
  }

  /// Nil when there is no such draft, or not any more.
  func openDraft(_ id: DocumentID) throws(StoreError) -> OpenDraft? {
    if let known = drafts.open[id] { return known }
    guard !drafts.ended.contains(id) else { return nil }
    try writeEarlier()
    let found = try store.openDraft(id)
    drafts.open[id] = found
    return found
  }

  /// The editor of a draft; nil when there is none.
  func editDraft(_ id: DocumentID) throws(StoreError) -> Editor? {
    guard let draft = try openDraft(id) else { return nil }
    let next = draft.next(stamp)
    drafts.edited.insert(id)
    return draft.document.beginEdit(next.change, lamport: next.lamport, time: time)
  }

  /// Adds what was done to a draft to its edits.
  func endEdit(of draft: OpenDraft) throws {
    guard let editor = endEditing(draft.stored.id) else { return }
    let next = (change: editor.change, lamport: editor.lamport)
    guard let edit = try editor.finish() else { return }
    draft.edits.append(
      IncomingEdit(change: next.change, lamport: next.lamport, time: time, edit: edit))
  }

  /// Writes what was done to drafts.
  func writeDrafts() throws(StoreError) {
    if !drafts.made.isEmpty || !drafts.ended.isEmpty {
      let known = try store.drafts() + drafts.made
      try store.write(known.filter { !drafts.ended.contains($0.id) })
    }
    for id in drafts.ended.sorted() { try store.write(nil, of: id) }
    for id in drafts.edited.sorted() {
      guard let draft = drafts.open[id] else { continue }
      try store.write(draft.edits, of: id)
    }
  }
}
