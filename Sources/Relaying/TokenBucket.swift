/// Limits a flow of bytes to a rate, with bursts of up to one second's worth.
///
/// Bytes that have arrived cannot be sent back, so a bucket goes into debt and says how long the
/// flow must rest until the debt is paid.
struct TokenBucket: Sendable {
  let bytesPerSecond: Int
  /// In thousandths of a byte, so that every millisecond pays exactly; negative is debt.
  private var level: Int
  private var updated: UInt64

  /// A full bucket.
  init(bytesPerSecond: Int, now: UInt64) {
    self.bytesPerSecond = min(max(bytesPerSecond, 1), TokenBucket.bytesPerSecondMax)
    level = self.bytesPerSecond * 1_000
    updated = now
  }

  /// Keeps the arithmetic far from overflow.
  static let bytesPerSecondMax = 1 << 40

  mutating func take(_ bytes: Int, now: UInt64) {
    refill(now)
    // A debt of more than an hour is forgiven rather than counted.
    level = max(level - min(bytes, 1 << 40) * 1_000, -bytesPerSecond * 3_600_000)
  }

  /// Milliseconds until the debt is paid; 0 when there is none.
  mutating func delay(now: UInt64) -> UInt64 {
    refill(now)
    guard level < 0 else { return 0 }
    return UInt64((-level + bytesPerSecond - 1) / bytesPerSecond)
  }

  /// When the debt is paid, if nothing more is taken.
  var readyAt: UInt64 {
    guard level < 0 else { return updated }
    return updated &+ UInt64((-level + bytesPerSecond - 1) / bytesPerSecond)
  }

  private mutating func refill(_ now: UInt64) {
    guard now > updated else { return }
    // An hour pays any debt and fills any bucket.
    let elapsed = Int(min(now - updated, 3_601_000))
    updated = now
    level = min(level + elapsed * bytesPerSecond, bytesPerSecond * 1_000)
  }
}
