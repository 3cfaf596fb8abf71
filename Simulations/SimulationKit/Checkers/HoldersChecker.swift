import Causality
import Replication
import Sealing

/// P2: a replica counts among those that have a change durably nobody who has not.
enum HoldersChecker {
  /// - Parameter holds: whether the replica with a device has the change durably; nil where that
  ///   cannot be told.
  static func check(
    node: Int, engine: Engine, change: ChangeID, at time: Int,
    holds: (SigningKey.Public) -> Bool?
  ) -> Violation? {
    guard let wrong = engine.linkedDevices(holding: change).first(where: { holds($0) == false })
    else { return nil }
    return Violation(
      "P2", at: time,
      "node \(node) counts the device \(wrong.hexadecimal.prefix(8)) among those that have change "
        + "\(change.sequence) durably, and it has not")
  }
}
