/// P1: a local write never waits for a network or another replica. It returns in the very event in
/// which it was asked for, whoever can be reached; only a disk can refuse it.
enum WritabilityChecker {
  /// A write was refused.
  static func check(
    node: Int, refusal: any Error, isDiskWell: Bool, isAlone: Bool, at time: Int
  ) -> Violation? {
    guard isDiskWell else { return nil }
    return Violation(
      "P1", at: time,
      "node \(node)\(isAlone ? ", which reaches nobody," : "") refused a write on a disk in good "
        + "order: \(refusal)")
  }
}
