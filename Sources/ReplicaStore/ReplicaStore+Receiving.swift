import ByteCoding
package import Causality
import ChangeCoding
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
}

/// An origin whose next change cannot be applied, and why.
package struct StalledOrigin: Equatable, Sendable {
  package let origin: Origin
  /// The change that cannot be applied.
  package let sequence: UInt64
  package let reason: String
}

extension ReplicaStore {
  /// One transaction takes at most about so much.
  private static let changesPerTransaction = 2_000
  private static let bytesPerTransaction = 4 << 20

  /// Stores segments and applies what they make ready, whole changes in causal order.
  ///
  /// The caller has verified them, see ``verify(_:)``. What is stored is durable when it returns. A
  /// segment that cannot be opened or understood is stored and forwarded all the same; its origin
  /// stalls, everything else goes on. So does an origin whose next change edits a document of which
  /// what is stored is damaged.
  ///
  /// - Parameter entropy: for a new origin, when a segment tells that another incarnation of this
  ///   store has written under its own. Without it such segments are refused.
  /// - Throws: `.database`, `.damaged`, `.readOnly`; what earlier transactions of the call stored
  ///   stays.
  package func receive(
    _ received: [Segment], entropy: Entropy? = nil
  ) throws(StoreError) -> ReceiveOutcome {
    if Sabotage.acknowledgeBeforeDurable.isPlanted { syncLater(true) }
    defer { if Sabotage.acknowledgeBeforeDurable.isPlanted { syncLater(false) } }
    var progress = Progress()
    var rest = received[...]
    while !rest.isEmpty {
      let batch = Self.batch(rest)
      rest = rest.dropFirst(batch.count)
      progress = try sparingDamaged { () throws(StoreError) in
        var next = progress
        try write { () throws(StoreError) in
          try prepareToApply()
          // A segment that was refused must not be taken for the stored one of its numbers.
          var fresh: [Segment] = []
          for segment in batch {
            guard let position = try store(segment, &next, entropy) else { continue }
            next.advanced[segment.header.origin] = position
            fresh.append(segment)
          }
          try pump(having: fresh, &next)
        }
        return next
      }
    }
    try applyRest(&progress)
    var outcome = progress.outcome
    outcome.stored = progress.advanced.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    outcome.documents = progress.documents.sorted()
    return outcome
  }

  /// What a call has done so far.
  private struct Progress {
    var outcome = ReceiveOutcome()
    var documents: Set<DocumentID> = []
    var advanced: [Origin: ChainPosition] = [:]
  }

  /// Runs a transaction, and again without each document that turns out to be damaged.
  private func sparingDamaged<Result>(
    _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    while true {
      damagedDocument = nil
      do throws(StoreError) {
        return try body()
      } catch {
        guard case .damaged = error, let found = damagedDocument, brokenDocuments[found.id] == nil
        else { throw error }
        brokenDocuments[found.id] = found.reason
      }
    }
  }

  private func prepareToApply() throws(StoreError) {
    try loadLanes()
    privateFirsts = try privateOrigins()
  }

  /// Applies what is stored and ready: what an earlier run or another process left.
  func applyWaiting() throws(StoreError) {
    guard try waitingCount() > 0 else { return }
    var progress = Progress()
    try apply(&progress)
    try applyRest(&progress)
  }

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

  private static func batch(_ segments: ArraySlice<Segment>) -> ArraySlice<Segment> {
    var changes: UInt64 = 0
    var bytes = 0
    var end = segments.startIndex
    while end < segments.endIndex {
      let header = segments[end].header
      changes += header.lastSequence - header.firstSequence + 1
      bytes += segments[end].bytes.count
      end += 1
      if changes >= changesPerTransaction || bytes >= bytesPerTransaction { break }
    }
    return segments[..<end]
  }

  private func store(
    _ segment: Segment, _ progress: inout Progress, _ entropy: Entropy?
  ) throws(StoreError) -> ChainPosition? {
    let header = segment.header
    if header.origin == identity.origin || privateFirsts[header.origin] != nil {
      let own = try chainEnd(of: header.origin)
      if header.lastSequence > own.sequence {
        progress.outcome.ownOriginAhead = max(
          progress.outcome.ownOriginAhead ?? 0, header.lastSequence)
        guard let entropy, isAdmitted else {
          progress.outcome.refused.append(
            (header.firstChange, .fork(origin: header.origin, sequence: own.sequence + 1)))
          return nil
        }
        try meet(segment, after: own, &progress, entropy)
      }
    }
    do throws(SegmentStoreError) {
      guard case .stored = try append(segment) else {
        if Sabotage.applyTwice.isPlanted { applyAgain(segment) }
        return nil
      }
      lanes.extend(header.origin, through: header.lastSequence)
      return segment.position
    } catch {
      switch error {
      case .gap:
        progress.outcome.refused.append((header.firstChange, error))
        return nil
      case .fork(let origin, let sequence):
        progress.outcome.refused.append((header.firstChange, error))
        try noteFork(of: origin, at: sequence)
        if let entropy, isAdmitted, origin == identity.origin {
          try begin(because: Self.twinReason, entropy: entropy)
          progress.outcome.hasNewOrigin = true
        }
        return nil
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
    } else if segment.header.origin == origin {
      try begin(because: Self.twinReason, entropy: entropy)
    }
    privateFirsts = try privateOrigins()
    if identity.origin != origin { progress.outcome.hasNewOrigin = true }
  }

  private func loadLanes() throws(StoreError) {
    guard !lanes.areLoaded else { return }
    let tips = try stored { () throws(SegmentStoreError) in try segments.heads() }
    lanes.load(
      tips.filter { $0.position.sequence > state.applied[$0.origin] }
        .map { ($0.origin, $0.position.sequence) })
  }

  // MARK: Applying

  private func applyRest(_ progress: inout Progress) throws(StoreError) {
    while lanes.areLoaded, lanes.hasReady { try apply(&progress) }
  }

  private func apply(_ progress: inout Progress) throws(StoreError) {
    progress = try sparingDamaged { [progress] () throws(StoreError) in
      var next = progress
      try write { () throws(StoreError) in
        try prepareToApply()
        try pump(having: [], &next)
      }
      return next
    }
  }

  /// Applies changes that are ready, up to the bound of one transaction.
  private func pump(
    having batch: [Segment], _ progress: inout Progress
  ) throws(StoreError) {
    var taken: [AppliedChange] = []
    decodedBytes = 0
    while taken.count < Self.changesPerTransaction, decodedBytes < Self.bytesPerTransaction,
      let origin = lanes.popReady()
    {
      try follow(origin, having: batch, &taken)
    }
    if Sabotage.saveVectorFirst.isPlanted { try saveVector() }
    try merge(taken, &progress.documents)
    try record(taken)
    progress.outcome.applied += taken.count
  }

  /// Takes the changes of one origin until it has to wait or there are no more.
  private func follow(
    _ origin: Origin, having batch: [Segment], _ taken: inout [AppliedChange]
  ) throws(StoreError) {
    while true {
      let mustDecode = lanes[origin]?.changes.isEmpty ?? false
      guard taken.count < Self.changesPerTransaction,
        !mustDecode || decodedBytes < Self.bytesPerTransaction
      else { return lanes.pushReady(origin) }
      guard try fill(origin, having: batch), let lane = lanes[origin] else { return }
      let change = lane.changes[lane.next]
      if let reason = impossibleOrder(of: change) { return try noteStall(reason, of: origin) }
      if let missing = missing(change) { return lanes.wait(origin, for: missing) }
      if let reason = try flaw(in: change) ?? breakage(of: change) {
        return try noteStall(reason, of: origin)
      }
      let block = lane.next == 0 ? lane.block : nil
      lanes.takeNext(origin)
      try noteStall(nil, of: origin)
      var applied = try advance(to: change)
      applied.block = block
      taken.append(applied)
      lanes.wake(by: origin, applied: change.id.sequence)
    }
  }

  /// Sees to it that the lane of an origin has a next change.
  ///
  /// - Returns: false when there is none: all is applied, or the origin stalls.
  private func fill(
    _ origin: Origin, having batch: [Segment]
  ) throws(StoreError) -> Bool {
    guard let lane = lanes[origin] else { return false }
    guard lane.changes.isEmpty else { return true }
    let next = ChangeID(origin: origin, sequence: state.applied[origin] + 1)
    guard next.sequence <= lane.storedThrough else {
      lanes.remove(origin)
      return false
    }
    do {
      let segment =
        try batch.first {
          $0.header.origin == origin
            && $0.header.firstSequence <= next.sequence && next.sequence <= $0.header.lastSequence
        } ?? storedSegment(with: next)
      let (changes, block) = try openBlock(segment)
      decodedBytes += segment.bytes.count
      lanes.hold(
        changes, block, next: Int(next.sequence - segment.header.firstSequence),
        bytes: segment.bytes.count, of: origin)
      return true
    } catch let error as StoreError {
      guard case .segment = error else { throw error }
      try noteStall(error.description, of: origin)
    } catch let error as SegmentError {
      try noteStall(error.description, of: origin)
    } catch let error as ByteDecodingError {
      try noteStall("its changes from \(next.sequence) on cannot be read: \(error)", of: origin)
    } catch {
      try noteStall("\(error)", of: origin)
    }
    return false
  }

  func storedSegment(with change: ChangeID) throws(StoreError) -> Segment {
    let found: StoredSegment?
    do throws(SegmentStoreError) {
      found = try segments.segment(containing: change)
    } catch {
      throw StoreError(error)
    }
    guard let found else { throw .damaged("the segment with change \(change) is missing") }
    return try parsed(found)
  }

  func parsed(_ stored: StoredSegment) throws(StoreError) -> Segment {
    do throws(SegmentError) {
      return try Segment(parsing: stored.bytes)
    } catch {
      throw .damaged(
        "the segment with change \(stored.lastSequence) of \(stored.origin) is unreadable "
          + "(\(error))")
    }
  }

  /// The changes in a segment, exactly those that its header names.
  func open(_ segment: Segment) throws -> [Change] { try openBlock(segment).changes }

  private func openBlock(
    _ segment: Segment
  ) throws -> (changes: [Change], block: EncodedBlock) {
    let header = segment.header
    guard header.keyEpoch == identity.keyEpoch else {
      throw InvalidSegment("it is sealed with key \(header.keyEpoch), which this device lacks")
    }
    guard header.bodyFormat == SegmentHeader.changeBlockFormat else {
      throw InvalidSegment("its changes have a format that this version does not know")
    }
    let bytes = try segment.open(with: identity.key)
    let changes = try ChangeBlock.decode(bytes)
    guard UInt64(changes.count) == header.lastSequence - header.firstSequence + 1,
      changes.indices.allSatisfy({
        changes[$0].id
          == ChangeID(origin: header.origin, sequence: header.firstSequence + UInt64($0))
      })
    else { throw InvalidSegment("its segment does not hold the changes that it names") }
    return (changes, EncodedBlock(count: changes.count, bytes: bytes))
  }

  /// Why no change could ever come before this one; nil when one can. A change that builds on
  /// itself or on a later one of its origin would wait for ever, and nobody would know why.
  private func impossibleOrder(of change: Change) -> String? {
    func isEarlier(_ other: ChangeID) -> Bool {
      other.origin != change.id.origin || other.sequence < change.id.sequence
    }
    guard change.dependencies.allSatisfy(isEarlier),
      change.edits.allSatisfy({ $0.parents.allSatisfy(isEarlier) })
    else {
      return "change \(change.id.sequence) builds on itself or on a later change of its origin"
    }
    return nil
  }

  /// The first change that must be applied before; nil when there is none.
  private func missing(_ change: Change) -> ChangeID? {
    if Sabotage.skipDependencyCheck.isPlanted { return nil }
    if Sabotage.trustLamportTime.isPlanted, change.lamport <= state.lamportMax + 1 { return nil }
    for dependency in change.dependencies where !isHere(dependency) { return dependency }
    for edit in change.edits {
      for parent in edit.parents where !isHere(parent) { return parent }
    }
    return nil
  }

  /// Nobody else can build on a change that is private: whoever names it means another one of the
  /// same name.
  private func isHere(_ change: ChangeID) -> Bool {
    guard state.applied.contains(change) else { return false }
    guard !privateFirsts.isEmpty, let first = privateFirsts[change.origin] else { return true }
    return change.sequence < first
  }

  /// Why a document that a change edits cannot be edited; nil when all can.
  private func breakage(of change: Change) -> String? {
    guard !brokenDocuments.isEmpty else { return nil }
    for edit in change.edits {
      guard let reason = brokenDocuments[edit.document] else { continue }
      return
        "change \(change.id.sequence) edits document \(edit.document), of which what is stored "
        + "here is damaged: \(reason)"
    }
    return nil
  }

  /// Why a change whose dependencies are applied must not be; nil when it may.
  private func flaw(in change: Change) throws(StoreError) -> String? {
    if Sabotage.skipDependencyCheck.isPlanted || Sabotage.trustLamportTime.isPlanted { return nil }
    var seen = state.row(of: change.id.origin)?.lamport ?? 0
    for dependency in change.dependencies {
      guard dependency.origin != change.id.origin, let lamport = try lamport(of: dependency) else {
        return "change \(change.id.sequence) names a dependency that it cannot have"
      }
      seen = max(seen, lamport)
    }
    guard change.lamport == seen &+ 1 else {
      return
        "change \(change.id.sequence) has Lamport time \(change.lamport) instead of \(seen + 1)"
    }
    return nil
  }

  /// Hands each document its part, once.
  func merge(
    _ taken: [AppliedChange], _ documents: inout Set<DocumentID>
  ) throws(StoreError) {
    let parts = Self.byDocument(taken) { item, edit in
      IncomingEdit(
        change: item.change.id, lamport: item.change.lamport, time: item.change.time, edit: edit)
    }
    for (id, edits) in parts {
      do {
        let known = try entry(id)
        let entry = known ?? newEntry(id)
        let merged = try entry.document.merge(edits) { try history(entry) }
        // An edit that builds on nothing in its document makes it all the same, empty.
        if merged.applied > 0 || known == nil { documents.insert(id) }
        if merged.usedHistory { cache.noteHistory(of: id) }
      } catch let error as StoreError {
        if case .damaged(let reason) = error { damagedDocument = (id, reason) }
        throw error
      } catch {
        damagedDocument = (id, "\(error)")
        throw .damaged("\(error)")
      }
    }
  }

  private func newEntry(_ id: DocumentID) -> DocumentCache.Entry {
    let entry = DocumentCache.Entry(Document(id: id))
    cache.insert(entry)
    return entry
  }
}

/// Why the changes of a segment cannot be used.
struct InvalidSegment: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
