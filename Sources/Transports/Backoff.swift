/// How long to wait before dialing again: doubling from `firstMilliseconds` up to
/// `capMilliseconds`, each delay drawn evenly from the upper half of its step, so that replicas cut
/// off together do not all come back in the same instant.
package struct Backoff: Sendable {
  package let firstMilliseconds: Int
  package let capMilliseconds: Int
  /// Failures since the last `reset`.
  package private(set) var failures = 0
  private var stepMilliseconds: Int

  /// Values below 1 count as 1; a cap below the first delay counts as the first delay.
  package init(firstMilliseconds: Int = 250, capMilliseconds: Int = 30_000) {
    self.firstMilliseconds = max(1, firstMilliseconds)
    self.capMilliseconds = max(self.firstMilliseconds, capMilliseconds)
    stepMilliseconds = self.firstMilliseconds
  }

  /// Counts a failure and says how long to wait before the next attempt.
  package mutating func nextDelayMilliseconds(
    using random: inout some RandomNumberGenerator
  ) -> Int {
    let step = stepMilliseconds
    failures = failures &+ 1
    // Compared before doubling, so that a cap near `Int.max` cannot overflow.
    stepMilliseconds = step > capMilliseconds / 2 ? capMilliseconds : step * 2
    return Int.random(in: (step - step / 2)...step, using: &random)
  }

  /// A connection was made: the next failure starts from the first delay again.
  package mutating func reset() {
    failures = 0
    stepMilliseconds = firstMilliseconds
  }
}
