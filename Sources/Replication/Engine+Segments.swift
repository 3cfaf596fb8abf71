import Causality
import Documents
import ReplicaStore
import Sabotages
import SegmentStore
import Segments
import SyncProtocol

// Segments: those that arrive, those that are made here, and how all links learn of both.
extension Engine {
  // MARK: Arriving

  /// Takes over one batch of what was accepted, or applies of what is stored as much as a batch is.
  ///
  /// A batch is one transaction, and everybody waits until the disk has it. While somebody works
  /// here it is small; and what is small by itself goes before what is large, which is stored
  /// already or can wait.
  func takeOver() {
    let isSmallNext = inbox.hasSmall(limits.small)
    if isSmallNext { attentionAt = now }
    let limit = isAttended(at: instant) ? limits.workBesideOthers : limits.work
    if canApply, !isSmallNext || hasStored {
      hasStored = false
      applyReady(limit)
    } else if let batch = inbox.next(limit) {
      hasStored = true
      take(batch.segments, batch.connection, limit)
    }
  }

  private func take(
    _ incoming: [IncomingSegment], _ connection: Connection, _ limit: WorkLimit
  ) {
    let byteCount = incoming.reduce(0) { $0 + $1.bytes.count }
    var taken: [TakenSegment] = []
    for item in incoming {
      if let segment = verified(item, connection) {
        taken.append(TakenSegment(name: item.name, segment: segment))
      }
    }
    let segments = taken.map(\.segment)
    do throws(StoreError) {
      if !segments.isEmpty {
        let before = store.membership
        let outcome = try store.receive(
          segments, entropy: Sabotage.reuseSequence.isPlanted ? nil : entropy, limit: limit)
        if outcome.refused.isEmpty { for segment in segments { recent.add(segment) } }
        if !outcome.mended.isEmpty { tellMended(outcome.mended) }
        if outcome.hasNewOrigin { tellNewOrigin(since: before, connection) }
        if !outcome.parted.isEmpty { noteForks(since: before) }
        noteReceived(outcome, connection)
        seekForks(outcome, among: taken, connection)
        acknowledgeOtherwise(taken, outcome, connection)
      }
      session(connection.id) { $0.settled(bytes: byteCount, now: now) }
    } catch {
      fail(connection, error)
    }
  }

  /// The segment, when it is what it was announced as and signed by whom it has to be; else the
  /// peer is told.
  private func verified(_ incoming: IncomingSegment, _ connection: Connection) -> Segment? {
    let reason: String
    do throws(SegmentError) {
      let segment = try Segment(parsing: incoming.bytes)
      let header = segment.header
      guard segment.announced(as: incoming.name, through: incoming.last) != nil else {
        refuseSegment(incoming, "it is not the segment that was announced", connection)
        return nil
      }
      do throws(StoreError) {
        try store.verify(segment)
        return segment
      } catch {
        if case .membership(.unknownOrigin) = error {
          // The record that says whose it is may still be on its way: it is asked for then.
          let waiting = unverified.filter { $0.id == connection.id }
          if waiting.contains(where: { $0.origin == header.origin }) { return nil }
          // Of a link that is gone nothing can be asked; it comes again over another one.
          guard links[connection.id] != nil else { return nil }
          if waiting.count < limits.unverifiedOriginsMax {
            unverified.append((connection.id, header.origin))
            log(.warning, "segments from \(connection.place) wait for their author: \(error)")
            return nil
          }
        }
        reason = "\(error)"
      }
    } catch {
      reason = "\(error)"
    }
    refuseSegment(incoming, reason, connection)
    return nil
  }

  private func refuseSegment(
    _ segment: IncomingSegment, _ reason: String, _ connection: Connection
  ) {
    let sentence =
      "segment \(segment.first) to \(segment.last) of origin \(segment.origin) was refused: "
      + reason
    log(.error, "from \(connection.place): \(sentence)")
    session(connection.id) {
      $0.report(Status(.refused, origin: segment.origin, sentence), now: now)
    }
  }

  private func noteReceived(_ outcome: ReceiveOutcome, _ connection: Connection) {
    advance(
      outcome.stored.map { Self.tip($0.origin, $0.position) }, isFirstHand: connection.isFirstHand)
    if !outcome.documents.isEmpty { emit(.changed(outcome.documents, isComplete: true)) }
    if isReturning { noteReturn() }
    for (change, reason) in outcome.refused {
      switch reason {
      case .gap:
        // The peer thought that we have more than we do.
        let want = Want(origin: change.origin, from: stored[change.origin] + 1)
        session(connection.id) { $0.missing([want], isAgain: true, now: now) }
      case .fork(store.identity.origin, _) where outcome.ownOriginAhead != nil:
        log(
          .error,
          "\(connection.place) has changes of this replica that it never made: the store was "
            + "copied or restored. It takes a new origin when this device is a member")
      case .fork:
        log(.error, "from \(connection.place): \(reason)")
        leaveOut(forkOf: change.origin, "\(reason)", connection)
      case .detached: break
      default: log(.error, "from \(connection.place): \(reason)")
      }
    }
  }

  /// Tells all links what is durable now.
  func advance(_ tips: [ChainTip], isFirstHand: Bool) {
    let news = tips.filter { $0.sequence > stored[$0.origin] }
    guard !news.isEmpty else { return }
    let vector = VersionVector(
      news.map { VersionVector.Entry(origin: $0.origin, sequence: $0.sequence) })
    stored.formUnion(vector)
    planner.stored(vector, now: now)
    writeReceiptSoon(isAtRest: false)
    chainsAt = chainsAt ?? now + limits.chainsMilliseconds
    for id in sortedLinks {
      session(id) { $0.stored(news, firstHand: isFirstHand, now: now) }
    }
  }

  // MARK: Made here

  /// Whether what is committed now would be sealed at once, so that it can be in the same
  /// transaction, see ``ReplicaStore/group(now:entropy:isSealing:_:)``.
  package func sealsAtOnce(at instant: EngineInstant) -> Bool {
    guard canPublish, lastSealAt == 0 || instant.monotonic >= lastSealAt + limits.sealMilliseconds
    else { return false }
    do throws(StoreError) { return try publishHold() == nil } catch { return false }
  }

  /// This process has committed to the store.
  package func committed(at instant: EngineInstant) -> [Effect] {
    input(at: instant) {
      attentionAt = now
      let sealed = store.takeSealedAtOnce()
      // What is sealed at once leaves nothing unsealed.
      if sealed.isEmpty { sealSoon() } else { publish(sealed, leavingNone: true) }
      if store.needsTidying, now >= tidyNotBefore {
        tidy()
      } else if store.wantsTidying {
        // While one commit follows the other they come first.
        tidyAt = max(now + limits.tidyMilliseconds, tidyNotBefore)
      }
    }
  }

  /// Puts together a part of what commits have left in small pieces, when there is enough of it,
  /// and goes on with the next turn.
  func tidy() {
    tidyAt = nil
    guard store.wantsTidying else { return }
    do throws(StoreError) {
      try store.tidy()
      if store.wantsTidying { tidyAt = now }
    } catch {
      log(.warning, "what commits have left could not be put together: \(error)")
      tidyNotBefore = now + Self.tidyAgainMilliseconds
      tidyAt = tidyNotBefore
    }
  }

  private static let tidyAgainMilliseconds: UInt64 = 1_000
  /// So many parts are put together before the store is closed, at most.
  private static let tidyPartsAtEnd = 32

  /// The store is about to be closed: what waits for a quiet moment has it now.
  package func finishTidying(at instant: EngineInstant) -> [Effect] {
    input(at: instant) {
      for _ in 0..<Self.tidyPartsAtEnd where store.wantsTidying {
        tidy()
        // What has just failed would fail again.
        if let due = tidyAt, due > now { return }
      }
    }
  }

  /// Another process may have committed to the store. Cheap when none has.
  package func storeChanged(at instant: EngineInstant) -> [Effect] {
    input(at: instant) { absorbOtherProcesses() }
  }

  /// Seals at once when that was long enough ago, else when it is.
  func sealSoon() {
    guard canPublish else { return }
    let due = lastSealAt + limits.sealMilliseconds
    if lastSealAt == 0 || now >= due { seal() } else { sealAt = sealAt ?? due }
  }

  /// Whether there is anybody to send to who has told what it has. What is sealed counts as sent:
  /// others may build on it, so nothing is sealed for nobody.
  private var canPublish: Bool { links.values.contains { $0.hasMet } }

  /// Until when sealing has to wait, as a peer that was just met may show that own changes are
  /// known under their names already; nil when nothing hints at that.
  private func publishHold() throws(StoreError) -> UInt64? {
    let origin = store.identity.origin
    var hold = returnHold
    for connection in links.values where connection.hasMet && now < connection.holdUntil {
      guard let peer = connection.link.session?.peerVector, let key = connection.peerKey else {
        continue
      }
      var isAhead = peer[origin] > stored[origin]
      // The store is asked only where it matters, as each commit comes by here.
      if !isAhead, !stored.covers(peer) { isAhead = try store.hasInherited() }
      guard isAhead else { continue }
      let began = holdBegan[key] ?? now
      holdBegan[key] = began
      let end = min(connection.holdUntil, began + 6 * limits.publishHoldMilliseconds)
      if now < end { hold = max(hold ?? 0, end) }
    }
    return hold
  }

  /// Until when sealing has to wait because this store may be an earlier one that was put back.
  private var returnHold: UInt64? {
    if Sabotage.sendWhileReturning.isPlanted { return nil }
    var hold: UInt64?
    for connection in links.values where connection.hasMet {
      if connection.awaitsReceipts, now < connection.holdUntil {
        hold = max(hold ?? 0, connection.holdUntil)
      }
      // Without end: what is sent now others could not take.
      if isReturning { hold = max(hold ?? 0, now + limits.publishHoldMilliseconds) }
    }
    return hold
  }

  /// Tells those who wait for it that nothing is kept back any more.
  private func tellSealed() {
    let origin = store.identity.origin
    for id in sortedLinks where links[id]?.hasMet == true {
      session(id) { $0.sealed(origin, now: now) }
    }
  }

  /// Tells all links of segments that are made here and durable.
  ///
  /// - Parameter leavingNone: whether it is known that nothing is left to be sealed.
  private func publish(_ segments: [Segment], leavingNone: Bool = false) {
    lastSealAt = now
    var tips: [Origin: ChainPosition] = [:]
    for segment in segments {
      recent.add(segment)
      tips[segment.origin] = segment.position
    }
    advance(tips.sorted { $0.key < $1.key }.map { Self.tip($0.key, $0.value) }, isFirstHand: true)
    do throws(StoreError) {
      let isNoneLeft = leavingNone ? true : try store.unsealedCount() == 0
      if isNoneLeft { tellSealed() }
    } catch {
      log(.error, "\(error)")
    }
    if canApply { applyReady(limits.work) }
  }

  /// Tells of documents that are read in another way now, as changes have other names.
  func tellReadAnew() {
    let documents = store.takeDocumentsReadAnew()
    if !documents.isEmpty { emit(.changed(documents, isComplete: true)) }
  }

  private static let applyAgainMilliseconds: UInt64 = 1_000

  /// Applies what waited for own changes to be sealed, or what a turn has left.
  private func applyReady(_ limit: WorkLimit) {
    do throws(StoreError) {
      let documents = try store.applyReady(limit: limit)
      if !documents.isEmpty { emit(.changed(documents, isComplete: true)) }
    } catch {
      log(.error, "changes that are ready could not be applied and wait: \(error)")
      applyAgainAt = now + Self.applyAgainMilliseconds
    }
  }

  /// Seals what one turn has time for, and goes on in the next.
  ///
  /// - Parameters:
  ///   - forNobody: seals also when there is nobody to send it to.
  ///   - isWhole: seals all in this turn.
  func seal(forNobody: Bool = false, isWhole: Bool = false) {
    sealAt = nil
    guard canPublish || forNobody else { return }
    do throws(StoreError) {
      guard try store.unsealedCount() > 0 else { return tellSealed() }
      if let hold = try publishHold() {
        sealAt = min(hold, now + (isReturning ? 1_000 : 50))
        return
      }
      let before = store.membership
      let origin = store.identity.origin
      let others = isAttended(at: instant) ? limits.workBesideOthers.bytes : .max
      let segments = try store.seal(
        entropy: entropy, limitBytes: isWhole ? .max : min(limits.turnBytes, others))
      if store.identity.origin != origin { tellNewOrigin(since: before, nil) }
      tellReadAnew()
      publish(segments)
      if try store.unsealedCount() > 0, !segments.isEmpty { sealAt = now }
    } catch {
      log(.error, "changes could not be sealed and wait: \(error)")
      sealAt = now + 1_000
    }
  }

  /// Takes up what other processes did to the store.
  func absorbOtherProcesses() {
    do throws(StoreError) {
      guard let changes = try store.refresh() else { return }
      noteAwaited()
      noteForks(since: nil)
      if changes.segmentsArrived {
        advance(
          try store.storedTips().map { Self.tip($0.origin, $0.position) }, isFirstHand: true)
        if try store.waitingCount() > 0 {
          // Whoever has stored them is about to apply them, unless it has ended.
          store.suspectReadyChanges()
          applyAgainAt = applyAgainAt ?? now + Self.applyAgainMilliseconds
        }
      }
      if changes.membershipChanged { membershipChangedOutside() }
      isReturning = try store.isReturning()
      if !changes.documents.isEmpty || !changes.isComplete {
        emit(.changed(changes.documents, isComplete: changes.isComplete))
      }
      sealSoon()
    } catch {
      log(.error, "\(error)")
    }
  }

  // MARK: Identity

  /// The store goes on under a new origin: whoever gets its segments needs the record that claims
  /// it first.
  func tellNewOrigin(since before: Membership, _ connection: Connection?) {
    let source = connection.map {
      "\($0.place) has changes of this replica that it never made or has lost: "
    }
    holdBegan = [:]
    log(
      .warning,
      (source ?? "") + "the store was copied or restored. It goes on as a new origin, "
        + "\(store.identity.origin)")
    forward(store.membership.records.filter { !before.contains($0.hash) }, except: nil)
  }

  /// A peer says that it has another history of our own origin than the one that was sent from
  /// here. That cannot be undone, but it must not go on. Without proof each peer is believed once,
  /// so that a liar cannot make us claim origins without end.
  func ownOriginIsForked(at sequence: UInt64, _ connection: Connection) {
    if Sabotage.reuseSequence.isPlanted { return }
    guard let key = connection.peerKey, store.isAdmitted, believedForks.insert(key).inserted else {
      return
    }
    let before = store.membership
    do throws(StoreError) {
      try store.leaveForkedOrigin(at: sequence, entropy: entropy)
      tellNewOrigin(since: before, connection)
    } catch {
      log(.error, "no new origin could be claimed: \(error)")
    }
  }
}
