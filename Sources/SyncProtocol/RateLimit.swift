/// How many of something are let through in a second, with a burst.
///
/// Time is handed in, and a clock that stands still lets through no more than the burst.
package struct RateLimit: Sendable {
  package let perSecond: UInt64
  package let burst: UInt64
  /// In thousandths, so that every millisecond counts exactly.
  private var level: UInt64
  private var updated: UInt64

  /// A full one. Both numbers are from 1 to a million.
  package init(perSecond: UInt64, burst: UInt64, now: UInt64) {
    self.perSecond = min(max(perSecond, 1), 1_000_000)
    self.burst = min(max(burst, 1), 1_000_000)
    level = self.burst * 1_000
    updated = now
  }

  /// Takes one; false when there is none left.
  package mutating func take(now: UInt64) -> Bool {
    if now > updated {
      // An hour fills any limit: the product is far from overflow.
      level = min(level + min(now - updated, 3_600_000) * perSecond, burst * 1_000)
      updated = now
    }
    guard level >= 1_000 else { return false }
    level -= 1_000
    return true
  }

  /// Whether nothing was taken for so long that it is full again, at any rate.
  package func isRested(now: UInt64) -> Bool { now >= updated + 3_600_000 }
}
