import Causality
import Sabotages

/// What merging a draft into its document does.
package struct DraftMerge: Sendable {
  /// What leads from the document to it with the draft's edits.
  package var patches: [DocumentPatch]
  /// What the draft and others have done at once and that cannot all stand, as the ledger would
  /// tell of it.
  package var conflicts: [Conflict]
  /// Those of the draft.
  let changes: ChangeSet
}

extension Document {
  /// Merges a draft, edits that nobody has seen on an earlier version of a document, as if somebody
  /// had made them at the same time as all that was done since; where only one of both can stand it
  /// is the draft's.
  ///
  /// - Parameters:
  ///   - draft: in their order; the first has seen the version that the draft began with, each
  ///     other one also those before it, and all are under an origin of their own.
  ///   - lamport: above that of every change applied.
  ///   - history: that of the document as it is.
  /// - Throws: ``MergeError`` when the history is damaged or lacks what the draft began with.
  /// - Complexity: that of ``init(history:)`` and of a merge.
  package static func merging(
    _ draft: [IncomingEdit], lamport: UInt64, in history: DocumentHistory
  ) throws -> DraftMerge {
    let document = try Document(history: history)
    let known = Set(try document.conflicts(in: history).map(\.id))
    let edits = draft.enumerated().map { index, edit in
      var edit = edit
      edit.lamport = lamport + UInt64(index)
      if Sabotage.mergeDraftOnTop.isPlanted, index == 0 { edit.edit.parents = document.parents }
      return edit
    }
    let patches = try document.observing { try document.merge(edits) { history } }.patches
    let changes = ChangeSet(draft.map(\.change))
    let conflicts = try document.conflicts(in: document.keptHistory ?? history).filter { conflict in
      !known.contains(conflict.id) && conflict.sides.contains { changes.contains($0.change) }
    }
    return DraftMerge(patches: patches, conflicts: conflicts, changes: changes)
  }
}
