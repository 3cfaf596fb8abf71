internal import ReplicaStore
internal import Replication
private import Sealing
private import Segments

/// What a compaction has done.
public struct CompactionReport: Sendable {
  /// All that it covers is folded, but for the documents that are kept.
  public let version: VersionVector
  /// Documents whose history was folded.
  public let foldedCount: Int
  /// Segments that were dropped, as every member has what is in them.
  public let droppedSegmentCount: Int
  /// The follower of the change feed for whom segments are kept that could be dropped; nil when
  /// there is none.
  public let keptForConsumer: String?
  /// How many documents and segments are damaged for which segments are kept that could be dropped:
  /// they may be what makes those whole again. Sync with a replica that has them, and compact
  /// again.
  public let keptForDamage: Int
  /// Documents whose history has to stay, by why, in words.
  public let kept: [(reason: String, count: Int)]
  /// What is wrong with documents that were left alone.
  public let damaged: [String]
  /// Members without whom more could be folded.
  public let holders: [CompactionHolder]
  /// Of the file.
  public let bytesBefore: Int64
  public let bytesAfter: Int64
  /// Why what became free could not be given back to the file system; it is used again all the
  /// same.
  public let unreclaimed: String?
}

/// A member that more cannot be folded without.
public struct CompactionHolder: Hashable, Sendable {
  /// The device's key, in hexadecimal.
  public let device: String
  public let name: String?
  /// What it is waited for, in a sentence.
  public let reason: String
}

extension Replica {
  /// Folds the history of documents that every member has: what was before can no longer be read at
  /// its versions, taken back, or told who wrote it. What documents show stays the same. The
  /// changes themselves are dropped: the log and the feed begin behind them, and whoever joins
  /// later gets a snapshot.
  ///
  /// What is known of other members are their receipts, which replicas exchange when they are
  /// level; a member that was never heard of holds everything back. Documents with conflicts that
  /// nobody has decided, or with named versions, keep their history.
  ///
  /// - Parameters:
  ///   - age: history that is younger, by its authors' clocks, stays.
  ///   - reclaimsSpace: gives what became free back to the file system, which rewrites the file and
  ///     keeps writers waiting meanwhile.
  ///   - progress: is told how many documents are done, and how many there are.
  /// - Complexity: O(history of the documents that were edited since the last time).
  public func compact(
    keeping age: Duration = .zero, reclaimingSpace reclaimsSpace: Bool = true,
    progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) async throws(ReplicaError) -> CompactionReport {
    try await core.compact(keeping: age, reclaimingSpace: reclaimsSpace, progress: progress)
  }
}

extension ReplicaCore {
  func compact(
    keeping age: Duration, reclaimingSpace reclaimsSpace: Bool, progress: (Int, Int) -> Void
  ) async throws(ReplicaError) -> CompactionReport {
    let open = try opened()
    let store = open.store
    lookAround()
    // What nobody else can know yet cannot be folded.
    perform(open.engine.sealForGood(at: .now))
    let bytesBefore = try ReplicaError.translating { try store.info().fileBytes }
    let stable = try ReplicaError.translating { try store.stableCut() }
    var compaction = try ReplicaError.translating {
      var cut = stable.version
      if age > .zero {
        let milliseconds = Timestamp.now.milliseconds - age.milliseconds
        cut = try store.cut(cut, before: Timestamp(clampingMilliseconds: milliseconds))
      }
      return try store.beginCompaction(below: cut)
    }
    // Others come in between: a transaction never waits for all of it.
    while !compaction.isFinished {
      progress(compaction.done, compaction.total)
      try stillOpen(store)
      try ReplicaError.translating { try store.step(&compaction) }
      await Task.yield()
    }
    progress(compaction.total, compaction.total)
    try stillOpen(store)
    perform(open.engine.compacted(at: .now))
    var unreclaimed: String?
    if reclaimsSpace {
      do {
        try store.reclaimSpace()
      } catch {
        // Another process is at work, or there is no room for a second file: all else is done.
        unreclaimed = ReplicaError(error).description
      }
    }
    let bytesAfter = try ReplicaError.translating { try store.info().fileBytes }
    return CompactionReport(
      version: compaction.cut, foldedCount: compaction.folded,
      droppedSegmentCount: compaction.droppedSegments,
      keptForConsumer: compaction.heldForConsumer, keptForDamage: compaction.heldForDamage,
      kept: compaction.kept.map { ($0.key.description, $0.value) }.sorted { $0.0 < $1.0 },
      damaged: compaction.damaged.map { "Document \($0.document): \($0.reason)." },
      holders: stable.holders.map { CompactionHolder($0, store) },
      bytesBefore: Int64(clamping: bytesBefore), bytesAfter: Int64(clamping: bytesAfter),
      unreclaimed: unreclaimed)
  }

  private func stillOpen(_ store: ReplicaStore) throws(ReplicaError) {
    guard try opened().store === store else {
      throw ReplicaError(.closed, "The replica was closed during the compaction.")
    }
  }
}

extension CompactionHolder {
  fileprivate init(_ holder: StableCut.Holder, _ store: ReplicaStore) {
    let name = (store.membership.device(holder.device)).flatMap {
      try? $0.name(using: store.identity.key)
    }
    device = holder.device.hexadecimal
    self.name = name
    reason =
      switch holder.reason {
      case .noReceipt: "It has never told what it has; sync with it, or with whoever does."
      case .changesUnderWay: "Changes that it made have not arrived here; sync with it."
      case .behind(let changes): "It is not known to have \(changes) changes that are here."
      }
  }
}

extension Duration {
  fileprivate var milliseconds: Int64 {
    let (whole, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000)
    return overflow ? .max / 2 : whole
  }
}
