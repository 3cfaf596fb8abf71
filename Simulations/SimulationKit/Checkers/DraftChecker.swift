import Causality
import ChangeCoding
import DocumentModel
import Documents
import JSONCoding

/// P7: a draft that is merged is what its edits would have become had somebody made them at the
/// same time as all that was done since; and of every value that another one was set beside whoever
/// merges it is told, and the ledger has it until somebody decides.
enum DraftChecker {
  /// - Parameters:
  ///   - changes: all that the store had before, newest first.
  ///   - shown: the document with the draft; nil when there is none.
  ///   - listed: its conflicts.
  static func check(
    node: Int, _ merge: Workload.Merge, into changes: [Change], shown: Document?,
    listed: [Conflict], at time: Int
  ) -> Violation? {
    let (draft, document) = (merge.draft.edits, merge.draft.document)
    var model = Model(changes.reversed())
    let lamport = (changes.lazy.map(\.lamport).max() ?? 0) + 1
    for (index, edit) in draft.enumerated() {
      model.add(
        Change(
          id: edit.change, lamport: lamport + UInt64(index), time: edit.time, edits: [edit.edit]))
    }
    let found: JSONValue? = shown.flatMap { $0.isDeleted ? nil : try? $0.json() }
    let expected = model.json(of: document)
    if let difference = Difference.first(in: document, expected: expected, found: found) {
      return Violation(
        "P7", at: time,
        "node \(node) has merged a draft into something else than what both sides did: "
          + "\(difference)")
    }
    let own = Set(draft.map(\.change))
    let told = Set(merge.conflicts.filter { $0.kind == .value }.map(\.path))
    for conflict in model.conflicts(of: document) {
      let isOfDraft = conflict.writes.map { own.contains($0.change) }
      guard isOfDraft.contains(true), isOfDraft.contains(false) else { continue }
      let isListed = listed.contains { $0.kind == .value && $0.path == conflict.path }
      guard !told.contains(conflict.path) || !isListed else { continue }
      return Violation(
        "P7", at: time,
        "node \(node) has merged a draft and lost another value at '\(conflict.path)' of document "
          + "\(document)")
    }
    return nil
  }
}
