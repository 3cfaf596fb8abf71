import Causality

/// P4: whoever shows a change shows all that its author had seen.
struct CausalClosureChecker {
  /// What each node showed when it was last looked at; only what came since is looked up.
  private var shown: [VersionVector]

  init(nodeCount: Int) {
    shown = Array(repeating: VersionVector(), count: nodeCount)
  }

  mutating func observe(
    node: Int, version: VersionVector, ledger: Ledger, at time: Int
  ) -> Violation? {
    let before = shown[node]
    shown[node] = version
    for entry in version.entries where entry.sequence > before[entry.origin] {
      for sequence in (before[entry.origin] + 1)...entry.sequence {
        let change = ChangeID(origin: entry.origin, sequence: sequence)
        guard let author = ledger.entries[change] else {
          return Violation(
            promise: "P5", atMilliseconds: time,
            what: "node \(node) shows \(change), which nobody committed")
        }
        guard version.covers(author.seen) else {
          return Violation(
            promise: "P4", atMilliseconds: time,
            what: "node \(node) shows \(change) without all that its author had seen")
        }
      }
    }
    return nil
  }
}
