package import Causality
package import Documents
import Sabotages
package import Sealing
package import SegmentStore
package import Segments

/// What became of segments that were received.
package struct ReceiveOutcome {
  /// The origins of which more is stored than before, and how far; sorted.
  package var stored: [(origin: Origin, position: ChainPosition)] = []
  /// How many changes became visible.
  package var applied = 0
  /// The documents that changed, sorted.
  package var documents: [DocumentID] = []
  /// Segments that were not stored: the first change of each, and why.
  package var refused: [(segment: ChangeID, reason: SegmentStoreError)] = []
  /// Somebody holds changes of this store's own origin up to this one, which it never made: the
  /// file was copied, or restored from a backup. It must go on under a new origin.
  package var ownOriginAhead: UInt64?
  /// The store goes on under a new origin.
  package var hasNewOrigin = false
  /// Segments that were stored and damaged, and are whole again: the first change of each.
  package var mended: [ChangeID] = []
  /// The chains of which what was stored behind a change is a branch now, as another history of
  /// them has come.
  package var parted: [Origin] = []
}

/// How much one transaction takes over: about so many changes, in about so many bytes of segments.
package struct WorkLimit: Equatable, Sendable {
  package var changes: Int
  package var bytes: Int

  package init(changes: Int, bytes: Int) {
    self.changes = changes
    self.bytes = bytes
  }

  /// What costs the least for each change.
  package static let large = WorkLimit(changes: 2_000, bytes: 4 << 20)
}

/// An origin whose next change cannot be applied, and why.
package struct StalledOrigin: Equatable, Sendable {
  package let origin: Origin
  /// The change that cannot be applied.
  package let sequence: UInt64
  package let reason: String
}

extension ReplicaStore {
  /// Stores segments and applies what they make ready, whole changes in causal order.
  ///
  /// The caller has verified them, see ``verify(_:)``. What is stored is durable when it returns. A
  /// segment that cannot be opened or understood is stored and forwarded all the same; its origin
  /// stalls, everything else goes on. So does an origin whose next change edits a document of which
  /// what is stored is damaged.
  ///
  /// - Parameters:
  ///   - entropy: for a new origin, when a segment tells that another incarnation of this store has
  ///     written under its own. Without it such segments are refused.
  ///   - limit: when given, one transaction takes them over and applies no more than this, what has
  ///     just come first. What is left is ``hasReadyChanges``.
  /// - Throws: `.database`, `.damaged`, `.readOnly`; what earlier transactions of the call stored
  ///   stays.
  package func receive(
    _ received: [Segment], entropy: Entropy? = nil, limit: WorkLimit? = nil
  ) throws(StoreError) -> ReceiveOutcome {
    if Sabotage.acknowledgeBeforeDurable.isPlanted { syncLater(true) }
    defer { if Sabotage.acknowledgeBeforeDurable.isPlanted { syncLater(false) } }
    var progress = Progress()
    var rest = received[...]
    while !rest.isEmpty {
      let batch = limit == nil ? Self.batch(rest, .large) : rest
      rest = rest.dropFirst(batch.count)
      progress = try sparingDamaged { () throws(StoreError) in
        var next = progress
        try write { () throws(StoreError) in
          try prepareToApply()
          // A segment that was refused must not be taken for the stored one of its numbers.
          var fresh: [Segment] = []
          for segment in batch {
            if let stored = try store(segment, &next, entropy) { fresh.append(stored) }
          }
          // What was mended may be what somebody waited for.
          try loadLanes()
          if limit != nil { lanes.prefer(fresh.map(\.origin)) }
          try pump(having: fresh, limit ?? .large, &next)
          // Nobody sees what was taken back missing.
          while !next.outcome.parted.isEmpty, hasReadyChanges {
            try pump(having: [], .large, &next)
          }
        }
        return next
      }
    }
    if limit == nil { try applyRest(&progress) }
    var outcome = progress.outcome
    outcome.stored = progress.advanced.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    outcome.documents = progress.documents.sorted()
    return outcome
  }

  /// What a call has done so far.
  struct Progress {
    var outcome = ReceiveOutcome()
    var documents: Set<DocumentID> = []
    var advanced: [Origin: ChainPosition] = [:]
  }

  /// Runs a transaction, and again without each document that turns out to be damaged.
  func sparingDamaged<Result>(
    _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    sparedDocuments = [:]
    while true {
      damagedDocument = nil
      do throws(StoreError) {
        return try body()
      } catch {
        guard case .damaged = error, let found = damagedDocument, sparedDocuments[found.id] == nil
        else { throw error }
        sparedDocuments[found.id] = found.reason
        brokenDocuments[found.id] = found.reason
      }
    }
  }

  func prepareToApply() throws(StoreError) {
    try loadLanes()
    privateFirsts = try privateOrigins()
  }

  /// Applies what is stored and ready: what an earlier run or another process left.
  func applyWaiting() throws(StoreError) {
    guard try waitingCount() > 0 else { return }
    var progress = Progress()
    try apply(&progress, .large)
    try applyRest(&progress)
  }

  /// Applies what waited for own changes to be sealed; see ``seal(entropy:limitBytes:)``. Whoever
  /// seals calls it next. O(1) when nothing waited.
  ///
  /// - Parameter limit: when given, one transaction applies no more than this.
  /// - Returns: the documents that changed, sorted.
  package func applyReady(limit: WorkLimit? = nil) throws(StoreError) -> [DocumentID] {
    var progress = Progress()
    if let limit {
      if hasReadyChanges { try apply(&progress, limit) }
    } else {
      try applyRest(&progress)
    }
    return progress.documents.sorted()
  }

  /// Whether changes are stored that can be applied, as far as is known without looking.
  package var hasReadyChanges: Bool { lanes.areLoaded ? lanes.hasReady : mayHaveReady }

  /// Another process may have stored changes that nobody has applied: from now on
  /// ``hasReadyChanges`` says so until somebody has looked.
  package func suspectReadyChanges() { if !lanes.areLoaded { mayHaveReady = true } }

  /// How many changes are stored and not applied.
  package func waitingCount() throws(StoreError) -> UInt64 {
    try reading { () throws(StoreError) in
      try stored { () throws(SegmentStoreError) in try segments.storedVector() }
        .changeCount(beyond: state.applied)
    }
  }

  /// The origins that cannot go on by themselves, sorted.
  package func stalled() throws(StoreError) -> [StalledOrigin] {
    try reading { () throws(StoreError) in
      let stalled = try storedTips().compactMap { tip -> StalledOrigin? in
        guard let reason = state.row(of: tip.origin)?.stalled else { return nil }
        return StalledOrigin(
          origin: tip.origin, sequence: state.applied[tip.origin] + 1, reason: reason)
      }
      return (stalled + (try forks())).sorted {
        ($0.origin, $0.sequence) < ($1.origin, $1.sequence)
      }
    }
  }

  // MARK: Storing

  private static func batch(
    _ segments: ArraySlice<Segment>, _ limit: WorkLimit
  ) -> ArraySlice<Segment> {
    var changes: UInt64 = 0
    var bytes = 0
    var end = segments.startIndex
    while end < segments.endIndex {
      let segment = segments[end]
      changes += segment.lastSequence - segment.firstSequence + 1
      bytes += segment.bytes.count
      end += 1
      if changes >= limit.changes || bytes >= limit.bytes { break }
    }
    return segments[..<end]
  }

  /// - Returns: the segment on the chain behind which it is stored; nil when it is not, or was.
  private func store(
    _ segment: Segment, _ progress: inout Progress, _ entropy: Entropy?
  ) throws(StoreError) -> Segment? {
    if !damage.noted.isEmpty, try mend(segment) {
      progress.outcome.mended.append(segment.firstChange)
      return nil
    }
    if segment.origin == identity.origin || privateFirsts[segment.origin] != nil {
      let own = try chainEnd(of: segment.origin)
      if segment.lastSequence > own.sequence {
        progress.outcome.ownOriginAhead = max(
          progress.outcome.ownOriginAhead ?? 0, segment.lastSequence)
        guard let entropy, isAdmitted else {
          progress.outcome.refused.append(
            (segment.firstChange, .fork(origin: segment.origin, sequence: own.sequence + 1)))
          return nil
        }
        try meet(segment, after: own, &progress, entropy)
      }
    }
    if let names = try branchNames(), names.isForked(segment.origin) {
      return try storeForked(segment, &progress, entropy)
    }
    do throws(SegmentStoreError) {
      guard case .stored = try append(segment) else {
        if Sabotage.applyTwice.isPlanted { applyAgain(segment) }
        return nil
      }
      progress.advanced[segment.origin] = segment.position
      lanes.extend(segment.origin, through: segment.lastSequence)
      return segment
    } catch {
      switch error {
      case .gap:
        progress.outcome.refused.append((segment.firstChange, error))
        return nil
      case .fork(let origin, _):
        if let entropy, isAdmitted, origin == identity.origin {
          try begin(because: Self.twinReason, entropy: entropy)
          progress.outcome.hasNewOrigin = true
        }
        return try storeForked(segment, &progress, entropy)
      default: throw StoreError(error)
      }
    }
  }

  /// A segment proves that another incarnation writes under an origin of this store.
  private func meet(
    _ segment: Segment, after own: ChainPosition, _ progress: inout Progress, _ entropy: Entropy
  ) throws(StoreError) {
    let origin = identity.origin
    if (try? segment.verifyFollows(own)) != nil {
      progress.documents.formUnion(try meetTwin(segment, after: own, entropy: entropy))
    } else if segment.origin == origin {
      try begin(because: Self.twinReason, entropy: entropy)
    }
    privateFirsts = try privateOrigins()
    if identity.origin != origin { progress.outcome.hasNewOrigin = true }
  }

  func loadLanes() throws(StoreError) {
    guard !lanes.areLoaded else { return }
    let tips = try stored { () throws(SegmentStoreError) in try segments.heads() }
    lanes.load(
      tips.filter { $0.position.sequence > state.applied[$0.origin] }
        .map { ($0.origin, $0.position.sequence) })
    mayHaveReady = false
  }
}
