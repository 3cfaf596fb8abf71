import Causality
import Sealing
import Segments
import SyncProtocol

/// What a member who cheats is about to send, and what may become of it.
struct Forgery {
  /// A segment as it is announced, which need not be what it is.
  struct Item {
    var head: SegmentHead
    var bytes: [UInt8]
    var chainPrefix: UInt64

    init(_ segment: Segment) {
      let header = segment.header
      head = SegmentHead(
        origin: header.origin, first: header.firstSequence, last: header.lastSequence,
        byteCount: segment.bytes.count)
      bytes = segment.bytes
      chainPrefix = segment.hash.array.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  /// A change that honest replicas may show: whoever made it was entitled to.
  struct Allowed {
    var change: ChangeID
    var dependencies: [ChangeID]
  }

  /// What the first victim is sent, and what the second; only who says two things has two.
  var branches: [[Item]]
  var allowed: [Allowed] = []
  /// What no store may ever hold.
  var forbidden: [Segment] = []
  /// An origin of which there are two histories.
  var forked: Origin?

  init(_ segments: [Segment]) {
    branches = [segments.map { Item($0) }]
  }
}
