import Causality

/// What the replicas promised, written down outside of them: which changes they acknowledged, and
/// what each author had seen. Nothing that a replica loses can be lost from here.
struct Ledger {
  struct Entry {
    var node: Int
    var at: Int
    /// Everything its author showed when the change was made, the change itself included.
    var seen: VersionVector
  }

  private(set) var entries: [ChangeID: Entry] = [:]
  /// Per node, its own acknowledged changes.
  private(set) var acknowledged: [VersionVector]
  /// All of them.
  private(set) var all = VersionVector()

  init(nodeCount: Int) {
    acknowledged = Array(repeating: VersionVector(), count: nodeCount)
  }

  mutating func commit(_ change: ChangeID, node: Int, seen: VersionVector, at time: Int) {
    entries[change] = Entry(node: node, at: time, seen: seen)
    acknowledged[node].advance(to: change)
    all.advance(to: change)
  }
}

/// A promise that did not hold: which, when, and what was seen.
package struct Violation: Equatable, Sendable {
  /// `P1` to `P15`, as the design numbers them.
  package var promise: String
  package var atMilliseconds: Int
  package var what: String
}
