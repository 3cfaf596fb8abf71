internal import Causality
internal import SegmentStore

extension SegmentStore {
  /// Segments with sequences above `after`, up to `through`, of each origin, in store order. This
  /// file knows the store's ranges and not those of the protocol, which have the same name.
  func segments(
    in ranges: [(origin: Origin, after: UInt64, through: UInt64)], limitBytes: Int, limitCount: Int
  ) throws(SegmentStoreError) -> [StoredSegment] {
    try segments(
      in: ranges.map {
        SegmentRange(origin: $0.origin, after: $0.after, through: $0.through)
      },
      limitBytes: limitBytes, limitCount: limitCount)
  }
}
