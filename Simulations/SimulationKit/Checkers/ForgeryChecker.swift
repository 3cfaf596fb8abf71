import Causality
import Segments

/// P11, against members too: what is forged changes nothing. A segment with a signature that is not
/// its author's, or that does not continue its origin's chain, is in nobody's store, replica or
/// relay.
enum ForgeryChecker {
  /// - Parameter holding: the bytes of the stored segment that holds a change.
  static func check(
    node: Int, forbidden: [Segment], holding: (ChangeID) -> [UInt8]?, at time: Int
  ) -> Violation? {
    for segment in forbidden {
      let last = ChangeID(
        origin: segment.header.origin, sequence: segment.header.lastSequence)
      guard holding(last) == segment.bytes else { continue }
      return Violation(
        "P11", at: time,
        "node \(node) has taken a forged segment for change \(last.sequence) of \(last.origin)")
    }
    return nil
  }
}
