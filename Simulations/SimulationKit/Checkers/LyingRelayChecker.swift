import Causality

/// P11: what a relay withholds or rolls back is noticed. A replica that was sent a later segment,
/// or told of one, and lacks an earlier one says so of the link; so does one whose relay has less
/// than it once acknowledged.
enum LyingRelayChecker {
  /// - Parameters:
  ///   - told: what the relay said that it has, and what it sent.
  ///   - stored: what the replica has stored.
  ///   - lacking: how much the replica says that it lacks of what is at the other end.
  static func checkWithheld(
    node: Int, told: VersionVector, stored: VersionVector, lacking: UInt64, at time: Int
  ) -> Violation? {
    guard !stored.covers(told), lacking == 0 else { return nil }
    return Violation(
      "P11", at: time,
      "node \(node) lacks \(told.changeCount(beyond: stored)) changes that the relay has told of, "
        + "and its status shows nothing")
  }

  /// - Parameters:
  ///   - known: what the replica had written down that the relay has.
  ///   - claimed: what the relay said later.
  ///   - lost: how much the replica says that the relay has lost.
  static func checkRollback(
    node: Int, known: VersionVector, claimed: VersionVector, lost: UInt64, at time: Int
  ) -> Violation? {
    guard !claimed.covers(known), lost == 0 else { return nil }
    return Violation(
      "P11", at: time,
      "node \(node) was told by its relay that it lacks \(known.changeCount(beyond: claimed)) "
        + "changes which it had acknowledged, and its status shows nothing")
  }
}
