import Causality
import ReplicaStore

/// P8: what a node showed once it shows for ever, across restarts too (monotonic reads), and it
/// always shows its own writes.
struct SessionChecker {
  private var highest: [VersionVector]

  init(nodeCount: Int) {
    highest = Array(repeating: VersionVector(), count: nodeCount)
  }

  /// The node begins again: its machine was lost.
  mutating func forget(node: Int, showing version: VersionVector) {
    highest[node] = version
  }

  /// The same changes have other names now.
  mutating func rename(_ renamed: RenamedChanges, node: Int) {
    renamed.apply(to: &highest[node])
  }

  mutating func observe(node: Int, version: VersionVector, at time: Int) -> Violation? {
    guard !version.covers(highest[node]) else {
      highest[node] = version
      return nil
    }
    defer { highest[node].formUnion(version) }
    return Violation(
      "P8", at: time,
      "node \(node) no longer shows \(highest[node].changeCount(beyond: version)) changes that it "
        + "showed before")
  }
}
