import Causality
import DequeModule
import Segments
import SyncProtocol

/// The segments that became durable here last. What is new is asked for by every link at once; it
/// is not read back from the disk for each.
struct RecentSegments {
  static let countMax = 64
  /// A longer one is read from the disk.
  static let segmentBytesMax = 64 << 10
  static let bytesMax = 1 << 20

  /// In the order in which they came.
  private var segments: Deque<Segment> = []
  private(set) var byteCount = 0

  mutating func add(_ segment: Segment) {
    guard segment.bytes.count <= Self.segmentBytesMax else { return }
    segments.append(segment)
    byteCount += segment.bytes.count
    while segments.count > Self.countMax || byteCount > Self.bytesMax {
      byteCount -= segments.removeFirst().bytes.count
    }
  }

  /// What the store would give for a range, nil when not all of it is here: all segments of the
  /// range, or its first ones until they reach `limitBytes`. Complexity: O(segments kept) for each.
  func segments(in range: SegmentRange, limitBytes: Int) -> [OutgoingSegment]? {
    var found: [OutgoingSegment] = []
    var byteCount = 0
    var after = range.after
    while after < range.through, found.isEmpty || byteCount < limitBytes {
      let next = segments.last {
        $0.origin == range.origin && $0.firstSequence == after + 1
      }
      guard let next else { return nil }
      found.append(
        OutgoingSegment(
          origin: range.origin, first: after + 1, last: next.lastSequence, bytes: next.bytes)
      )
      byteCount += next.bytes.count
      after = next.lastSequence
    }
    return found.isEmpty ? nil : found
  }
}
