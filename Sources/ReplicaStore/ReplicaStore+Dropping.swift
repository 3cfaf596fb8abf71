package import Causality
import SQLiteBridge
import SegmentStore
package import Segments

// The last part of a compaction: segments that every member has are dropped.
extension ReplicaStore {
  /// How many segments, and of how many bytes, one transaction drops: whoever commits meanwhile
  /// waits for no more.
  private static let segmentsPerTransaction = 512
  private static let segmentBytesPerTransaction = 4 << 20
  private static let feedFloorSetting = "feed floor"

  /// Up to where segments are dropped, or were never here, as the store began with a snapshot: what
  /// lies below can be given to nobody but in a snapshot. Empty while all are held.
  package func segmentFloor() throws(StoreError) -> VersionVector {
    try reading { () throws(StoreError) in
      try stored { () throws(SegmentStoreError) in try segments.floor() }
    }
  }

  /// Where what is held of these origins begins, sorted by origin; nothing for one of which all is.
  package func chainBases(
    of origins: [Origin]
  ) throws(StoreError) -> [(origin: Origin, position: ChainPosition)] {
    try reading { () throws(StoreError) in
      try stored { () throws(SegmentStoreError) in
        let floor = try segments.floor()
        var bases: [(origin: Origin, position: ChainPosition)] = []
        for origin in origins.sorted() where floor[origin] > 0 {
          let position = try segments.position(of: origin, atMost: floor[origin])
          bases.append((origin, position))
        }
        return bases
      }
    }
  }

  /// Drops some segments below the cut of a compaction, but for those that a follower of the feed
  /// has not dealt with. None while anything is damaged that only they can make whole again.
  func dropSome(_ compaction: inout Compaction) throws(StoreError) {
    compaction.isFinished = true
    compaction.heldForDamage = max(compaction.damaged.count, damagedCount)
    guard compaction.heldForDamage == 0 else { return }
    var version = compaction.cut
    if let last = try feedConsumers().min(by: { $0.position < $1.position }) {
      var dealtWith = try self.version(atPosition: last.position)
      if try branchNames() != nil {
        // What was taken back and applied again is still to come.
        for run in try feedRuns(from: last.position + 1)
        where run.position > last.position && run.firstSequence <= dealtWith[run.origin] {
          dealtWith.set(run.origin, to: run.firstSequence - 1)
        }
      }
      if !dealtWith.covers(version) { compaction.heldForConsumer = last.name }
      version = version.intersection(dealtWith)
    }
    let dropped = try stored { () throws(SegmentStoreError) in
      try segments.drop(
        through: version, limitCount: Self.segmentsPerTransaction,
        limitBytes: Self.segmentBytesPerTransaction)
    }
    chains = [:]
    compaction.droppedSegments += dropped
    compaction.isFinished = dropped == 0
    if compaction.isFinished { try noteFeedFloor() }
  }

  /// The last position of the feed of which the change is not here any more; 0 while all are.
  package func feedFloor() throws(StoreError) -> Int64 {
    Int64(clamping: try counter(Self.feedFloorSetting))
  }

  /// Complexity: O(turns that origins took).
  func noteFeedFloor() throws(StoreError) {
    let floor = try stored { () throws(SegmentStoreError) in try segments.floor() }
    guard !floor.isEmpty else { return }
    var last: Int64 = 0
    for run in try feedRuns(from: 1) where run.firstSequence <= floor[run.origin] {
      let dropped = Int64(clamping: floor[run.origin] - run.firstSequence)
      let (end, overflow) = run.position.addingReportingOverflow(dropped)
      last = max(last, overflow ? run.end : min(run.end, end))
    }
    try setCounter(Self.feedFloorSetting, to: UInt64(clamping: last))
  }
}
