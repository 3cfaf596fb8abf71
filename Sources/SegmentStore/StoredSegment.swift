package import Causality
package import Sealing

/// A segment as it lies in a store, its checksum verified.
package struct StoredSegment: Equatable, Sendable {
  /// Its place in the order of arrival, from 1 and without gaps.
  package let position: Int64
  package let origin: Origin
  package let firstSequence: UInt64
  package let lastSequence: UInt64
  /// The chain hash.
  package let hash: Digest
  /// The whole segment, verbatim; empty where it was dropped and only tells where it ended.
  package let bytes: [UInt8]

  var isDropped: Bool { firstSequence == 0 }
}

/// A part of what an origin wrote: the changes after `after`, up to and with `through`.
package struct SegmentRange: Equatable, Sendable {
  package var origin: Origin
  package var after: UInt64
  package var through: UInt64

  package init(origin: Origin, after: UInt64, through: UInt64 = .max) {
    self.origin = origin
    self.after = after
    self.through = through
  }
}

/// How much a store holds, or a part of it.
package struct SegmentTotals: Equatable, Sendable {
  package var origins = 0
  package var segments = 0
  package var changes: UInt64 = 0
  /// Of whole segments.
  package var bytes = 0

  package init() {}
}

/// What became of a segment that was handed to a store.
package enum AppendedSegment: Equatable, Sendable {
  case stored(position: Int64)
  /// It was there already, byte for byte as far as its hash tells.
  case duplicate(position: Int64)

  package var isNew: Bool {
    if case .stored = self { true } else { false }
  }
}
