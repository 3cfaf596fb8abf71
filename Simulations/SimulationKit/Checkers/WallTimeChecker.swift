/// P10: wall time decides nothing. A world in which clocks jump and stand still and the same world
/// with steady clocks go through the same states, at the same times, in the same order.
enum WallTimeChecker {
  static func check(_ report: RunReport, steady: RunReport) -> Violation? {
    guard report.orderHash != steady.orderHash || report.stateDigest != steady.stateDigest else {
      return nil
    }
    return Violation(
      "P10", at: report.virtualMilliseconds,
      "with steady clocks the same world goes through other states, and ends in "
        + (report.stateDigest == steady.stateDigest ? "the same one" : "another"))
  }
}
