internal import ReplicaStore

/// A draft of a document: edits that are kept apart from it, on this device only, until they are
/// merged or discarded.
///
/// A draft is edited and read as a document is, by its id: every call of ``Transaction`` and
/// ``Reading`` that takes the id of a document takes that of a draft. It shows the document as it
/// was when it was made, with the draft's edits; what others do meanwhile comes in when it is
/// merged. Drafts are in no list of documents, no search and no export, and are not sent to
/// anybody. They survive the end of the process.
public struct DraftSummary: Hashable, Sendable {
  public let id: DocumentID
  public let document: DocumentID
  public let name: String
  /// The version of the document that it began with.
  public let base: VersionVector
  public let time: Timestamp
}

/// What came of merging a draft.
public struct MergedDraft: Hashable, Sendable {
  public let document: DocumentID
  /// What was done to the document since the draft began and collides with what the draft did, with
  /// both sides. Where only one can stand the draft's is shown, and a text has what both have
  /// written.
  ///
  /// Two values of one place stay in the ledger, for everybody, until somebody decides. All other
  /// kinds the merge decides, by whoever merges: show these to them; the versions before still have
  /// what gave way.
  public let conflicts: [Conflict]
}

extension Transaction {
  /// Makes a draft of a document as it is or, when a version is given, was.
  ///
  /// - Returns: the draft's id.
  /// - Throws: `refused` when there is no such document, or it was not there yet at the version.
  /// - Complexity: O(history of the document).
  public mutating func makeDraft(
    of document: DocumentID, name: String, from version: VersionVector? = nil
  ) throws(ReplicaError) -> DocumentID {
    try ReplicaError.translating {
      try store.makeDraft(of: document, name: name, from: version)
    }
  }

  /// Takes what a draft did over into its document, merged with what was done there meanwhile as
  /// if both had been done at once, and ends the draft. The edits are new ones of this transaction,
  /// which does that before it edits the document; they can be undone like any others.
  ///
  /// - Throws: `refused` when there is no such draft.
  /// - Complexity: O(history of the document).
  public mutating func mergeDraft(_ draft: DocumentID) throws(ReplicaError) -> MergedDraft {
    try ReplicaError.translating {
      let merged = try store.mergeDraft(draft)
      return MergedDraft(document: merged.document, conflicts: merged.conflicts)
    }
  }

  /// Ends a draft without a trace.
  ///
  /// - Throws: `refused` when there is no such draft.
  public mutating func discardDraft(_ draft: DocumentID) throws(ReplicaError) {
    try ReplicaError.translating { try store.discardDraft(draft) }
  }
}

extension Reading {
  /// The drafts, of one document or of all, the oldest first.
  public func drafts(of document: DocumentID? = nil) throws(ReplicaError) -> [DraftSummary] {
    try ReplicaError.translating {
      try store.drafts().filter { document == nil || $0.document == document }.map {
        DraftSummary(
          id: $0.id, document: $0.document, name: $0.name, base: $0.base, time: $0.time)
      }
    }
  }
}

extension Replica {
  /// The drafts, of one document or of all, the oldest first.
  public func drafts(of document: DocumentID? = nil) async throws(ReplicaError) -> [DraftSummary] {
    try await reading { reading throws(ReplicaError) in try reading.drafts(of: document) }
  }
}
