import Causality
import Documents
import JSONCoding
import ReplicaStore

extension Workload {
  /// A draft that the replica has, with what was done to it.
  struct Draft {
    var id: DocumentID
    var document: DocumentID
    /// On the version that it began with.
    var edits: [IncomingEdit]
  }

  /// A draft that was merged, and what whoever merged it was told.
  struct Merge {
    var draft: Draft
    var conflicts: [Conflict]
  }

  private static let draftCountMax = 3

  /// The drafts of a replica.
  static func drafts(of store: ReplicaStore) throws -> [Draft] {
    try store.drafts().map { stored in
      let edits = try store.draft(stored.id)?.keptHistory?.edits() ?? []
      return Draft(
        id: stored.id, document: stored.document,
        edits: edits.filter { !stored.base.contains($0.change) })
    }
  }

  /// Begins a draft of a document, goes on with one, or ends one: mostly by merging it.
  mutating func workAtDrafts(
    in transaction: StoreTransaction, _ document: DocumentID
  ) throws {
    let isFull = drafts.count >= Self.draftCountMax
    guard let draft = random.element(of: drafts),
      isFull || random.chance(millionths: 700_000)
    else {
      let draft = try transaction.makeDraft(of: document, name: "draft", from: nil)
      return try edit(draft, in: transaction)
    }
    switch random.integer(in: 0...9) {
    case 0: try transaction.discardDraft(draft.id)
    case 1...4:
      let merged = try transaction.mergeDraft(draft.id)
      merge = Merge(draft: draft, conflicts: merged.conflicts)
    default: try edit(draft.id, in: transaction)
    }
  }

  /// A few edits as to any document.
  private mutating func edit(_ draft: DocumentID, in transaction: StoreTransaction) throws {
    guard try isOrdinary(draft, transaction) else { return }
    let kinds: [Plan.Work.Kind] = [
      .setField, .setField, .insertText, .deleteText, .insertItem, .removeItem, .increment, .mark,
    ]
    for _ in 0..<random.integer(in: 1...3) {
      try act(random.element(of: kinds) ?? .setField, on: draft, in: transaction, documents: [])
    }
  }
}
