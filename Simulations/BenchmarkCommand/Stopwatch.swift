/// Time as it passes: for what waits for a disk, which takes nothing of a core.
struct Stopwatch {
  private let start = ContinuousClock.now

  var seconds: Double {
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    return Double(seconds) + Double(attoseconds) / 1e18
  }

  static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let watch = Stopwatch()
    try body()
    return watch.seconds
  }

  /// The same of something that waits.
  static func elapsed(_ body: () async throws -> Void) async rethrows -> Double {
    let watch = Stopwatch()
    try await body()
    return watch.seconds
  }
}
