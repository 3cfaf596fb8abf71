import ByteCoding
import Causality
import TestSupport

@testable import SyncProtocol

/// Segments in an array, in place of a database.
struct FakeStore {
  private(set) var segments: [OutgoingSegment] = []
  private(set) var vector = VersionVector()
  private(set) var tips: [Origin: ChainTip] = [:]
  private var chain: [ChangeID: UInt64] = [:]

  static func prefix(of bytes: [UInt8]) -> UInt64 {
    UInt64(CRC32C.checksum(bytes)) << 32 | UInt64(bytes.count)
  }

  var sortedTips: [ChainTip] { tips.values.sorted { $0.origin < $1.origin } }

  /// False when it does not follow what is there.
  mutating func append(_ segment: OutgoingSegment) -> Bool {
    guard segment.first == vector[segment.origin] + 1 else { return false }
    segments.append(segment)
    vector.advance(segment.origin, to: segment.last)
    let prefix = FakeStore.prefix(of: segment.bytes)
    tips[segment.origin] = ChainTip(
      origin: segment.origin, sequence: segment.last, chainPrefix: prefix)
    chain[ChangeID(origin: segment.origin, sequence: segment.last)] = prefix
    return true
  }

  func read(_ request: SegmentRequest) -> [OutgoingSegment] {
    var result: [OutgoingSegment] = []
    var byteCount = 0
    for segment in segments {
      guard byteCount < request.byteBudget else { break }
      let range = request.ranges.first { $0.origin == segment.origin }
      guard let range, segment.first > range.after, segment.last <= range.through else { continue }
      result.append(segment)
      byteCount += segment.bytes.count
    }
    return result
  }

  func forks(among tips: [ChainTip]) -> [Origin] {
    tips.filter {
      chain[ChangeID(origin: $0.origin, sequence: $0.sequence)] != $0.chainPrefix
    }.map(\.origin)
  }

  /// Forgets all but the first segments, as a restored backup would.
  mutating func rollBack(to count: Int) {
    let kept = segments.prefix(count)
    self = FakeStore()
    for segment in kept { _ = append(segment) }
  }
}

func makeOrigin(_ number: Int) -> Origin {
  Origin(high: 0xA000 + UInt64(number), low: UInt64(number))
}

/// A segment with random content.
func makeSegment(
  _ origin: Origin, _ sequences: ClosedRange<UInt64>, byteCount: Int,
  using random: inout SeededGenerator
) -> OutgoingSegment {
  var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: byteCount)
  for index in 0..<min(8, byteCount) { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
  return OutgoingSegment(
    origin: origin, first: sequences.lowerBound, last: sequences.upperBound, bytes: bytes)
}
