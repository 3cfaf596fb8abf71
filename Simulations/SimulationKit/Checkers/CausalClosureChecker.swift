import Causality

/// P4: whoever shows a change shows all that its author had seen.
/// P5: nobody shows a change that nobody made.
struct CausalClosureChecker {
  /// What each node showed when it was last looked at; only what came since is looked up.
  private var shown: [VersionVector]
  /// How many operations of others the nodes came to show.
  private(set) var deliveries = 0

  init(nodeCount: Int) {
    shown = Array(repeating: VersionVector(), count: nodeCount)
  }

  /// The node begins again with what it shows now.
  mutating func forget(node: Int, showing version: VersionVector) {
    shown[node] = version
  }

  mutating func observe(
    node: Int, version: VersionVector, ledger: Ledger, at time: Int
  ) -> Violation? {
    let before = shown[node]
    shown[node] = version
    for entry in version.entries where entry.sequence > before[entry.origin] {
      let bound = ledger.contested[entry.origin] ?? .max
      for sequence in (before[entry.origin] + 1)...entry.sequence where sequence < bound {
        let change = ChangeID(origin: entry.origin, sequence: sequence)
        guard let author = ledger.entries[change] else {
          // What a fork made its author write again has other names.
          if ledger.isContested { continue }
          return Violation(
            "P5", at: time, "node \(node) shows \(change), which nobody committed")
        }
        if author.node != node { deliveries += author.operations }
        let seen = ledger.named(author.seen)
        guard version.covers(seen) || ledger.isContested(author.seen) else {
          let missing = seen.entries.first { version[$0.origin] < $0.sequence }
          return Violation(
            "P4", at: time,
            "node \(node) shows \(change) without all that its author had seen, such as "
              + (missing.map { "\($0.origin):\($0.sequence)" } ?? "nothing"))
        }
      }
    }
    return nil
  }
}
