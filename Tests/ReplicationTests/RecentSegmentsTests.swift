import Causality
import JSONCoding
import ReplicaStore
import Segments
import SyncProtocol
import TestSupport
import Testing

@testable import Replication

@Suite struct RecentSegmentsTests {
  /// So many segments of one origin, of one change each.
  private func sealed(_ count: Int) throws -> [Segment] {
    let world = World(seed: 1)
    let node = try world.found()
    return try (0..<count).flatMap { number in
      _ = try world.set(node, "key \(number)", "value")
      return try world.nodes[node].store.seal(entropy: world.entropy)
    }
  }

  private func range(_ after: UInt64, _ through: UInt64, of segment: Segment) -> SegmentRange {
    SegmentRange(origin: segment.header.origin, after: after, through: through)
  }

  @Test func givesWhatTheStoreWouldGive() throws {
    let segments = try sealed(3)
    var recent = RecentSegments()
    for segment in segments { recent.add(segment) }
    let all = recent.segments(in: range(0, 3, of: segments[0]), limitBytes: .max)
    #expect(all?.map(\.bytes) == segments.map(\.bytes))
    #expect(all?.map(\.first) == [1, 2, 3])
    let last = recent.segments(in: range(2, 3, of: segments[0]), limitBytes: .max)
    #expect(last?.map(\.bytes) == [segments[2].bytes])
    // At least one, and no more than the limit asks for.
    let first = recent.segments(in: range(0, 3, of: segments[0]), limitBytes: 1)
    #expect(first?.map(\.bytes) == [segments[0].bytes])
  }

  @Test func leavesToTheStoreWhatIsNotAllHere() throws {
    let segments = try sealed(3)
    var recent = RecentSegments()
    recent.add(segments[0])
    recent.add(segments[2])
    #expect(recent.segments(in: range(0, 3, of: segments[0]), limitBytes: .max) == nil)
    #expect(recent.segments(in: range(3, 4, of: segments[0]), limitBytes: .max) == nil)
    let other = SegmentRange(origin: Origin(high: 1, low: 1), after: 0, through: 1)
    #expect(recent.segments(in: other, limitBytes: .max) == nil)
  }

  @Test func keepsOnlySoMany() throws {
    let segment = try sealed(1)[0]
    var recent = RecentSegments()
    for _ in 0..<(2 * RecentSegments.countMax) { recent.add(segment) }
    #expect(recent.byteCount == RecentSegments.countMax * segment.bytes.count)
  }
}
