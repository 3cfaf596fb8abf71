import Causality
import Documents
import ReplicaStore

/// P9: an origin is written under by one store only, and when a copy or a backup has broken that
/// unnoticed, no edit of either side is lost.
struct IdentityChecker {
  private struct Place: Equatable {
    var node: Int
    var machine: Int
  }

  /// Who writes under an origin. Only looked up in.
  private var writers: [Origin: Place] = [:]

  /// A machine writes. Those that knew that they were somewhere else must not go on.
  mutating func observe(
    writing origin: Origin, node: Int, machine: Int, at time: Int
  ) -> Violation? {
    let place = Place(node: node, machine: machine)
    guard let known = writers[origin] else {
      writers[origin] = place
      return nil
    }
    guard known != place else { return nil }
    return Violation(
      "P9", at: time,
      "node \(node) writes under origin \(origin), which belongs to node \(known.node)")
  }

  /// In the end every edit that somebody made and nobody was entitled to lose is there.
  /// - Parameter changes: all that the store has, or had before it folded and dropped some.
  static func checkEnd(
    node: Int, store: ReplicaStore, changes: [Change], ledger: Ledger, at time: Int
  ) throws -> Violation? {
    guard !ledger.marks.isEmpty else { return nil }
    var missing = Set(ledger.marks.keys)
    for change in changes {
      for edit in change.edits { missing.subtract(keysSet(by: edit)) }
    }
    // In the histories: who deletes a document, or overwrites it, loses nobody's edit.
    for item in try store.documents(includingDeleted: true) {
      for incoming in try store.history(of: item.id) {
        missing.subtract(keysSet(by: incoming.edit))
      }
    }
    guard let first = missing.min() else { return nil }
    return Violation(
      "P9", at: time,
      "node \(node) lacks \(missing.count) edits that were acknowledged, such as \(first)")
  }

  private static func keysSet(by edit: DocumentEdit) -> [String] {
    edit.operations.compactMap { operation in
      if case .set(let key, _, _) = operation.action { key.text } else { nil }
    }
  }
}
