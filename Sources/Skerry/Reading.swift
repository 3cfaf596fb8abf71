internal import ReplicaStore

/// One state of a replica, to read from. It lives as long as the body of `Replica.read`.
public struct Reading {
  let store: ReplicaStore

  init(_ store: ReplicaStore) {
    self.store = store
  }

  /// What this state covers.
  public var version: VersionVector { store.appliedVector }

  /// Whether it was written on this device: under the origin in use, or under one that the replica
  /// has left after a restored backup or a copy.
  public func isOwn(_ origin: Origin) -> Bool { store.isOwn(origin) }

  /// The documents that are not deleted, in the order of their ids.
  public func documents(
    after id: DocumentID? = nil, limit: Int = .max
  ) throws(ReplicaError) -> [DocumentSummary] {
    try ReplicaError.translating {
      try store.documents(after: id, limit: limit).map {
        DocumentSummary(id: $0.id, position: $0.position, isDeleted: $0.isDeleted)
      }
    }
  }

  public func documentCount() throws(ReplicaError) -> Int {
    try ReplicaError.translating { try store.documentCount() }
  }

  /// Nil when there is no such document or it is deleted.
  public func summary(_ id: DocumentID) throws(ReplicaError) -> DocumentSummary? {
    guard try contains(id), let before = id.predecessor else {
      return try contains(id) ? try documents(limit: 1).first { $0.id == id } : nil
    }
    return try documents(after: before, limit: 1).first { $0.id == id }
  }

  /// Whether there is such a document and it is not deleted.
  public func contains(_ id: DocumentID) throws(ReplicaError) -> Bool {
    guard let document = try stored(id) else { return false }
    return !document.isDeleted
  }

  public func isDeleted(_ id: DocumentID) throws(ReplicaError) -> Bool {
    try stored(id)?.isDeleted ?? false
  }

  /// What people did to a document at once and nobody has decided yet; none for a document that is
  /// not there or deleted. Equal on all replicas that have seen the same changes.
  ///
  /// - Throws: `damaged` when the history of the document is.
  /// - Complexity: O(1) where nothing was ever done at once or nothing has changed since the last
  ///   time, else O(document and its operations other than those of texts and lists).
  public func conflicts(_ id: DocumentID) throws(ReplicaError) -> [Conflict] {
    try ReplicaError.translating { try store.conflicts(of: id) }
  }

  /// Hands out the conflicts of all documents, by the id of the document, until `body` says false.
  ///
  /// Complexity: that of ``conflicts(_:)`` for each document in which something was ever done at
  /// once; others are not looked at.
  public func forEachConflict(
    _ body: (DocumentID, Conflict) throws -> Bool
  ) throws {
    var last: DocumentID?
    while true {
      let page = try ReplicaError.translating {
        try store.branchedDocuments(after: last, limit: 500)
      }
      guard let end = page.last else { return }
      last = end
      for id in page {
        for conflict in try conflicts(id) {
          guard try body(id, conflict) else { return }
        }
      }
    }
  }

  /// The document, or the part of it at `path`, as JSON; as it was at `version` when one is given.
  ///
  /// - Throws: `refused` when there is no such document, it is deleted, or nothing is at the path.
  public func json(
    _ id: DocumentID, path: [PathStep] = [], version: VersionVector? = nil
  ) throws(ReplicaError) -> JSONValue {
    try live(id, at: version).value(at: path)
  }

  public func text(_ id: DocumentID, path: [PathStep]) throws(ReplicaError) -> String {
    try live(id, at: nil).string(at: path)
  }

  /// The text that is at `path` now, as it was at a version.
  ///
  /// - Throws: as ``attribution(_:path:)``.
  /// - Complexity: O(n log n) for the n operations since then, and those since what was deleted was
  ///   written; O(text) to copy it.
  public func text(
    _ id: DocumentID, path: [PathStep], version: VersionVector
  ) throws(ReplicaError) -> String {
    try withHistory(id) { document, history in
      try document.text(at: DocumentPath(path), version: version, in: history)
    }
  }

  /// A text in stretches of the same marks.
  ///
  /// Complexity: O(text and marks).
  public func textSpans(
    _ id: DocumentID, path: [PathStep]
  ) throws(ReplicaError) -> [TextSpan] {
    let document = try live(id, at: nil)
    return try ReplicaError.translating { try document.textSpans(at: DocumentPath(path)) }
  }

  /// The text that is at `path` now in stretches of the same marks, as it was at a version.
  ///
  /// - Throws: as ``attribution(_:path:)``.
  /// - Complexity: that of ``text(_:path:version:)`` and, where there ever were marks, of a replay
  ///   of the text from its start.
  public func textSpans(
    _ id: DocumentID, path: [PathStep], version: VersionVector
  ) throws(ReplicaError) -> [TextSpan] {
    try withHistory(id) { document, history in
      try document.textSpans(at: DocumentPath(path), version: version, in: history)
    }
  }

  /// Who wrote which part of a text, from its start to its end; the counts are Unicode scalars.
  ///
  /// - Throws: `refused` when there is no such document or no text at the path, `damaged` when its
  ///   history is.
  /// - Complexity: O(n log n) for the n operations of its history.
  public func attribution(
    _ id: DocumentID, path: [PathStep]
  ) throws(ReplicaError) -> [TextAttribution] {
    try withHistory(id) { document, history in
      try document.attribution(at: DocumentPath(path), in: history)
    }
  }

  /// What leads from a text at one version to that at another, older or newer or neither: exactly
  /// what is different, in the order of the text.
  ///
  /// - Throws: as ``attribution(_:path:)``.
  /// - Complexity: O(n log n) for the n operations that only one version covers or that were made
  ///   at the same time as those, and, where text comes back, for those since it was written.
  public func textPatches(
    _ id: DocumentID, path: [PathStep], from: VersionVector, to: VersionVector
  ) throws(ReplicaError) -> [TextPatch] {
    try withHistory(id) { document, history in
      try document.textPatches(at: DocumentPath(path), from: from, to: to, in: history)
    }
  }

  func withHistory<Result>(
    _ id: DocumentID, _ body: (Document, DocumentHistory) throws -> Result
  ) throws(ReplicaError) -> Result {
    let result = try ReplicaError.translating {
      try store.withHistory(of: id, body)
        ?? store.draft(id).map { try body($0, $0.keptHistory ?? DocumentHistory(document: id)) }
    }
    guard let result else { throw .noDocument(id) }
    return result
  }

  private func stored(_ id: DocumentID) throws(ReplicaError) -> Document? {
    try ReplicaError.translating { try store.document(id) ?? store.draft(id) }
  }

  private func earlier(
    _ id: DocumentID, at version: VersionVector
  ) throws(ReplicaError) -> Document? {
    let found = try ReplicaError.translating { try store.document(id, at: version) }
    if let found { return found }
    guard try stored(id) != nil else { return nil }
    guard store.appliedVector.covers(version) else {
      throw ReplicaError(
        .refused,
        "The version has changes that are not here; sync with whoever has them first.")
    }
    throw ReplicaError(.refused, "The document \(id) was not there yet at that version.")
  }

  func live(
    _ id: DocumentID, at version: VersionVector?
  ) throws(ReplicaError) -> Document {
    let document: Document?
    if let version {
      document = try earlier(id, at: version)
    } else {
      document = try stored(id)
    }
    guard let document else { throw .noDocument(id) }
    guard !document.isDeleted else { throw .deleted(id) }
    return document
  }
}

extension DocumentID {
  /// The id just below; nil for the lowest.
  fileprivate var predecessor: DocumentID? {
    guard high != 0 || low != 0 else { return nil }
    return low == 0
      ? DocumentID(high: high - 1, low: .max) : DocumentID(high: high, low: low - 1)
  }
}
