import Causality
import DocumentModel
import Documents

/// P7: of concurrent writes that collide every one is kept and can be read, the losers beside the
/// winner, and every register where it happened is listed.
enum ConflictChecker {
  /// - Parameters:
  ///   - conflicts: those of the document in the model of the changes that the node shows.
  ///   - listed: those that the node lists.
  static func check(
    node: Int, conflicts: [Model.Conflict], document: Document, listed: [Conflict], at time: Int
  ) -> Violation? {
    guard !document.isEmpty, !document.isDeleted else { return nil }
    let atPaths = Dictionary(grouping: listed.filter { $0.kind == .value }, by: \.path)
    for conflict in conflicts {
      let found = (try? document.entries(at: conflict.path))?.map(\.event) ?? []
      guard found == conflict.writes else {
        return Violation(
          "P7", at: time,
          "node \(node) keeps \(found.count) of \(conflict.writes.count) concurrent writes at "
            + "'\(conflict.path)' of document \(document.id)")
      }
      let sides = (atPaths[conflict.path] ?? []).flatMap(\.sides).filter { $0.value != nil }
      guard sides.flatMap(\.events) == conflict.writes else {
        return Violation(
          "P7", at: time,
          "node \(node) lists \(sides.count) of \(conflict.writes.count) concurrent writes at "
            + "'\(conflict.path)' of document \(document.id)")
      }
    }
    return nil
  }
}
