import Causality

/// P15: where a replica lacks for long what one that is linked with it has and may send, and gets
/// nothing of it, one of the two says that something stands still.
///
/// It is told by what both have stored, and not by what either believes of the other: a replica
/// that has forgotten that something waits says that all is well.
struct WedgeChecker {
  /// Longer than both ends together need to notice: three heartbeats, and what asking elsewhere and
  /// looking again take.
  static let patienceMilliseconds = 40_000

  /// One direction of a link that runs at both ends.
  struct Direction {
    var holder: Int
    var lacker: Int
    /// Tells one link of the two from the next one.
    var link: UInt64
    var held: VersionVector
    var stored: VersionVector
    /// Either end says that something between the two does not move.
    var isNamed: Bool
  }

  private struct Gap: Hashable {
    var holder: Int
    var lacker: Int
    var link: UInt64
    var origin: Origin
  }

  /// Since when the lacker has stood at this sequence. Only looked up in.
  private var gaps: [Gap: (sequence: UInt64, since: Int)] = [:]

  /// All directions that there are at a moment.
  mutating func observe(_ directions: [Direction], at time: Int) -> Violation? {
    var found: [Gap: (sequence: UInt64, since: Int)] = [:]
    var violation: Violation?
    for direction in directions where !direction.isNamed {
      for entry in direction.held.entries where direction.stored[entry.origin] < entry.sequence {
        let gap = Gap(
          holder: direction.holder, lacker: direction.lacker, link: direction.link,
          origin: entry.origin)
        let sequence = direction.stored[entry.origin]
        let since = gaps[gap].flatMap { $0.sequence == sequence ? $0.since : nil } ?? time
        found[gap] = (sequence, since)
        guard time - since >= Self.patienceMilliseconds, violation == nil else { continue }
        violation = Violation(
          "P15", at: time,
          "node \(direction.lacker) has got nothing of an origin for \((time - since) / 1_000) s "
            + "that node \(direction.holder) has and may send, and neither says so")
        found[gap] = nil
      }
    }
    gaps = found
    return violation
  }
}
