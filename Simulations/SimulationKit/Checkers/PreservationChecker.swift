import Causality
import Documents

/// P13: what a later release wrote is kept and handed on to the byte by replicas that do not know
/// what it means.
enum PreservationChecker {
  /// - Parameter changes: everything that the node holds.
  static func check(
    node: Int, changes: [Change], ledger: Ledger, at time: Int
  ) -> Violation? {
    guard !ledger.ofLaterReleases.isEmpty else { return nil }
    for change in changes {
      // Of a name that was given out twice there are two changes.
      guard change.id.sequence < ledger.contested[change.id.origin] ?? .max,
        let promised = ledger.ofLaterReleases[change.id]
      else { continue }
      let isKept = change.edits.contains { edit in
        edit.operations.contains { $0.action == promised }
      }
      guard !isKept else { continue }
      return Violation(
        "P13", at: time,
        "node \(node) has changed what a later release wrote in \(change.id)")
    }
    return nil
  }
}
