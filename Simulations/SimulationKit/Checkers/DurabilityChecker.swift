import Causality

/// P2: a commit that has returned is there after a crash, and in the end everywhere.
enum DurabilityChecker {
  /// A node must show its own acknowledged changes, also after it came back.
  static func check(
    node: Int, version: VersionVector, ledger: Ledger, at time: Int
  ) -> Violation? {
    let promised = ledger.held(by: node)
    guard !version.covers(promised) else { return nil }
    return Violation(
      "P2", at: time,
      "node \(node) lost \(promised.changeCount(beyond: version)) of its acknowledged changes")
  }

  /// When all has healed, every acknowledged change is on every node.
  static func checkEnd(
    node: Int, version: VersionVector, ledger: Ledger, at time: Int
  ) -> Violation? {
    guard !version.covers(ledger.all) else { return nil }
    return Violation(
      "P2", at: time,
      "node \(node) never got \(ledger.all.changeCount(beyond: version)) acknowledged changes")
  }
}
