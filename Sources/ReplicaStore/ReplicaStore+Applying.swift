import ByteCoding
import Causality
import Documents
import Sabotages
import Segments

// From what is stored to what is visible: whole changes, in causal order.

extension ReplicaStore {
  func applyRest(_ progress: inout Progress) throws(StoreError) {
    while hasReadyChanges { try apply(&progress, .large) }
  }

  func apply(_ progress: inout Progress, _ limit: WorkLimit) throws(StoreError) {
    progress = try sparingDamaged { [progress] () throws(StoreError) in
      var next = progress
      try write { () throws(StoreError) in
        try prepareToApply()
        try pump(having: [], limit, &next)
      }
      return next
    }
  }

  /// Applies changes that are ready, up to the bound of one transaction.
  func pump(
    having batch: [Segment], _ limit: WorkLimit, _ progress: inout Progress
  ) throws(StoreError) {
    var taken: [AppliedChange] = []
    decodedBytes = 0
    while taken.count < limit.changes, decodedBytes < limit.bytes, let origin = lanes.popReady() {
      try follow(origin, having: batch, limit, &taken)
    }
    if Sabotage.saveVectorFirst.isPlanted { try saveVector() }
    changesUnderWay = Set(taken.lazy.map(\.change.id))
    defer { changesUnderWay = [] }
    try merge(taken, &progress.documents)
    try record(taken)
    progress.outcome.applied += taken.count
  }

  /// Takes the changes of one origin until it has to wait or there are no more.
  private func follow(
    _ origin: Origin, having batch: [Segment], _ limit: WorkLimit, _ taken: inout [AppliedChange]
  ) throws(StoreError) {
    while true {
      let known = lanes[origin]
      let mustDecode = known?.changes.isEmpty ?? false
      guard taken.count < limit.changes, !mustDecode || decodedBytes < limit.bytes
      else { return lanes.pushReady(origin) }
      guard let lane = mustDecode ? try fill(origin, having: batch) : known else { return }
      let change = lane.changes[lane.next]
      if let reason = impossibleOrder(of: change) { return try noteStall(reason, of: origin) }
      if let missing = missing(change) { return lanes.wait(origin, for: missing) }
      var reason = try flaw(in: change) ?? breakage(of: change)
      if reason == nil { reason = try ignoranceOfFloor(in: change) }
      if let reason { return try noteStall(reason, of: origin) }
      let block = lane.next == 0 ? lane.block : nil
      lanes.takeNext(origin)
      try noteStall(nil, of: origin)
      var applied = try advance(to: change)
      applied.block = block
      taken.append(applied)
      lanes.wake(by: origin, applied: change.id.sequence)
    }
  }

  /// Decodes the next changes of an origin whose lane holds none.
  ///
  /// - Returns: the lane with them; nil when there are none: all is applied, or the origin stalls.
  private func fill(
    _ origin: Origin, having batch: [Segment]
  ) throws(StoreError) -> Lanes.Lane? {
    guard let lane = lanes[origin] else { return nil }
    let next = ChangeID(origin: origin, sequence: state.applied[origin] + 1)
    guard next.sequence <= lane.storedThrough else {
      lanes.remove(origin)
      return nil
    }
    do {
      let segment =
        try batch.first {
          $0.origin == origin
            && $0.firstSequence <= next.sequence && next.sequence <= $0.lastSequence
        } ?? storedSegment(with: next)
      let (changes, block) = try openBlock(segment)
      decodedBytes += segment.bytes.count
      let index = Int(next.sequence - segment.firstSequence)
      guard index < changes.count else {
        throw InvalidSegment(
          "change \(next.sequence) builds on an origin of which there are two histories, and "
            + "nobody has told yet which of them it means")
      }
      return lanes.hold(changes, block, next: index, bytes: segment.bytes.count, of: origin)
    } catch let error as StoreError {
      // A damaged segment is fetched again; its origin waits for that, and nobody else.
      if isDamaged(next) {
        let reason = "the segment with change \(next.sequence) is damaged and is fetched again"
        try noteStall(reason, of: origin)
        return nil
      }
      if case .segment = error {
        try noteStall(error.description, of: origin)
      } else if try segmentFloor()[origin] >= next.sequence {
        try noteStall("change \(next.sequence) is not held here any more", of: origin)
      } else {
        throw error
      }
    } catch let error as SegmentError {
      try noteStall(error.description, of: origin)
    } catch let error as ByteDecodingError {
      try noteStall("its changes from \(next.sequence) on cannot be read: \(error)", of: origin)
    } catch {
      try noteStall("\(error)", of: origin)
    }
    return nil
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
  func isHere(_ change: ChangeID) -> Bool {
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
    let parts = Self.byDocument(taken) { item, place in
      IncomingEdit(
        change: item.change.id, lamport: item.change.lamport, time: item.change.time,
        edit: item.change.edits[place])
    }
    for (id, edits) in parts {
      do {
        let known = try entry(id)
        let entry = known ?? newEntry(id)
        let merged = try entry.document.merge(edits) { try history(entry) }
        // An edit that builds on nothing in its document makes it all the same, empty.
        if merged.applied > 0 || known == nil { documents.insert(id) }
        if merged.usedHistory { cache.noteHistory(of: id) }
        if merged.mayConflict { entry.isBranched = true }
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
