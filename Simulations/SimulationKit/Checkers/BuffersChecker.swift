import Replication

/// P14: whatever peers do or leave undone, what a replica holds in memory for a link stays below a
/// bound that follows from its limits.
enum BuffersChecker {
  /// Complexity: O(links).
  static func check(node: Int, engine: Engine, at time: Int) -> Violation? {
    check(
      node: node, held: engine.heldBytesOfLargestLink, bound: engine.heldBytesMaxOfLink, at: time)
      ?? checkUnderWay(node: node, engine: engine, at: time)
  }

  /// Nobody has more under way to a peer than the peer has room for; twice as much, because a
  /// segment that was sent again counts for longer than it takes up room.
  private static func checkUnderWay(node: Int, engine: Engine, at time: Int) -> Violation? {
    guard let link = engine.linkBeyondWindow(times: 2) else { return nil }
    return Violation(
      "P14", at: time,
      "node \(node) has \(link.bytes) bytes of segments under way to a peer that takes "
        + "\(link.window)")
  }

  static func check(node: Int, held: Int, bound: Int, at time: Int) -> Violation? {
    guard held > bound else { return nil }
    return Violation(
      "P14", at: time, "node \(node) holds \(held) bytes for one link, where \(bound) are enough")
  }
}
