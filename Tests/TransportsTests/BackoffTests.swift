import TestSupport
import Testing

@testable import Transports

struct BackoffTests {
  @Test func doublesUpToTheCapWithinTheUpperHalf() {
    var random = SeededGenerator(seed: 7)
    var backoff = Backoff(firstMilliseconds: 100, capMilliseconds: 1_500)
    for step in [100, 200, 400, 800, 1_500, 1_500, 1_500] {
      let delay = backoff.nextDelayMilliseconds(using: &random)
      #expect((step - step / 2...step).contains(delay))
    }
    #expect(backoff.failures == 7)
    backoff.reset()
    #expect(backoff.failures == 0)
    #expect((50...100).contains(backoff.nextDelayMilliseconds(using: &random)))
  }

  @Test(arguments: [(0, 0), (-5, -9), (1, Int.max), (Int.max, 1), (Int.min, Int.min)])
  func oddSettingsNeverTrap(first: Int, cap: Int) {
    var random = SeededGenerator(seed: 1)
    var backoff = Backoff(firstMilliseconds: first, capMilliseconds: cap)
    for _ in 0..<200 {
      #expect(backoff.nextDelayMilliseconds(using: &random) >= 0)
    }
  }
}
