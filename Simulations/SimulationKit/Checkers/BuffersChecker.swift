import Replication

/// P14: whatever peers do or leave undone, what a replica holds in memory for a link stays below a
/// bound that follows from its limits.
enum BuffersChecker {
  /// Complexity: O(links).
  static func check(node: Int, engine: Engine, at time: Int) -> Violation? {
    check(
      node: node, held: engine.heldBytesOfLargestLink, bound: engine.heldBytesMaxOfLink, at: time)
  }

  static func check(node: Int, held: Int, bound: Int, at time: Int) -> Violation? {
    guard held > bound else { return nil }
    return Violation(
      "P14", at: time, "node \(node) holds \(held) bytes for one link, where \(bound) are enough")
  }
}
