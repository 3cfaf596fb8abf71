import Replication

/// P15: a replica that lacks something says so: a link that is not level, an address that does not
/// answer, an origin that stalls, or changes that wait.
enum StatusChecker {
  static func check(
    node: Int, engine: Engine, instant: EngineInstant, at time: Int
  ) -> Violation? {
    guard let status = try? engine.status(at: instant) else { return nil }
    let speaks =
      !status.stalled.isEmpty || status.waitingChanges > 0
      || status.addresses.contains { $0.failures > 0 || $0.lastError != nil }
      || status.links.contains { !$0.figures.isLevel || $0.figures.lacking > 0 }
      || status.peers.contains { $0.lastError != nil }
    guard !speaks else { return nil }
    return Violation(
      "P15", at: time, "node \(node) lacks acknowledged changes, and its status shows nothing")
  }
}
