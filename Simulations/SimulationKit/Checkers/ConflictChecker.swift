import Causality
import DocumentModel
import Documents

/// P7: of concurrent writes that collide every one is kept and can be read, the losers beside the
/// winner, and every register where it happened is counted.
enum ConflictChecker {
  /// - Parameter conflicts: those of the document in the model of the changes that the node shows.
  static func check(
    node: Int, conflicts: [Model.Conflict], document: Document, at time: Int
  ) -> Violation? {
    guard !document.isEmpty, !document.isDeleted else { return nil }
    for conflict in conflicts {
      let found = (try? document.entries(at: conflict.path))?.map(\.event) ?? []
      guard found != conflict.writes else { continue }
      return Violation(
        "P7", at: time,
        "node \(node) keeps \(found.count) of \(conflict.writes.count) concurrent writes at "
          + "'\(conflict.path)' of document \(document.id)")
    }
    guard document.conflictCount < conflicts.count else { return nil }
    return Violation(
      "P7", at: time,
      "node \(node) counts \(document.conflictCount) conflicts in document \(document.id), where "
        + "there are \(conflicts.count)")
  }
}
