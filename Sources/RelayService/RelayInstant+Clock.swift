internal import Relaying

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

extension RelayInstant {
  /// What the clocks of this machine say.
  static var now: RelayInstant {
    RelayInstant(monotonic: milliseconds(CLOCK_MONOTONIC), wall: milliseconds(CLOCK_REALTIME))
  }

  private static func milliseconds(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(clamping: time.tv_sec) &* 1_000 &+ UInt64(clamping: time.tv_nsec) / 1_000_000
  }
}
