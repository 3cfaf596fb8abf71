package import Causality

// When segments cannot make the peer whole: it lacks what was dropped here, or it has nothing yet
// and a snapshot is the shorter way. The side that has more offers one and pushes nothing until the
// other says that it goes on; the other asks for part after part.
extension SyncSession {
  // MARK: Giving

  /// Whether the peer is to be offered a snapshot instead of being pushed segments.
  var offersSnapshot: Bool {
    guard configuration.snapshot != nil, pushes, let peer = theirHello,
      peer.features & Hello.takesSnapshots != 0
    else { return false }
    if !known.covers(floor) { return true }
    guard peer.asksForSnapshot, configuration.prefersSnapshot else { return false }
    // Who asks may have written nearly all that is here: it is no shorter way for what it lacks.
    let lacks = local.changeCount(beyond: known)
    return lacks > local.changeCount(beyond: VersionVector()) / 2
  }

  mutating func offerSnapshot() {
    guard let snapshot = configuration.snapshot else { return }
    isHoldingBack = true
    send(.snapshotOffer(snapshot))
  }

  /// Answers `needSnapshot` with parts, in order; with none when there is nothing to give now.
  package mutating func giveSnapshot(_ parts: [[UInt8]], now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running, isHoldingBack else { return [] }
    if parts.isEmpty { send(.snapshotPart([], isLast: true)) }
    for (index, part) in parts.enumerated() {
      send(.snapshotPart(part, isLast: index == parts.count - 1))
    }
    return finish()
  }

  /// The peer has taken the snapshot over, or does not want it. What came of segments meanwhile was
  /// not taken; the peer sends it again.
  mutating func endHoldingBack() {
    guard isHoldingBack else { return }
    isHoldingBack = false
    forgetWhatIsUnderWay()
    beginAgain()
    reportWhatIsGone()
  }

  /// As when the session began; what is not pushed is advertised, as it may have been pushed
  /// before.
  private mutating func beginAgain() {
    pushWhatIsWished()
    if pushes, peerWish != .everything { putUpForAdvertising(local) }
  }

  /// Tells that somebody has folded history.
  package mutating func tellFolding(now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running, let peer = theirHello, !peer.knowsFolding,
      peer.features & Hello.takesSnapshots != 0
    else { return [] }
    send(.folded)
    return finish()
  }

  /// Segments are dropped here up to these sequences.
  package mutating func dropped(through floor: VersionVector, now: UInt64) -> [SessionAction] {
    advanceClock(now)
    self.floor.merge(floor)
    guard phase == .running, !isHoldingBack, !known.covers(self.floor) else { return finish() }
    if offersSnapshot { offerSnapshot() } else { reportWhatIsGone() }
    return finish()
  }

  /// Answers `needBases`. From here on the relay gets what follows them.
  package mutating func tellBases(_ bases: [ChainBase], now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running, !bases.isEmpty else { return [] }
    for chunk in bases.chunked(by: MessageLimits.entriesMax / 8) { send(.bases(chunk)) }
    for base in bases {
      known.advance(base.origin, to: base.sequence)
      durableThere.advance(base.origin, to: base.sequence)
    }
    pushWhatIsWished()
    return finish()
  }

  /// Tells a peer that cannot take a snapshot why it does not get everything; a relay needs no more
  /// than where the rest begins.
  mutating func reportWhatIsGone() {
    guard pushes, !known.covers(floor) else { return }
    if theirHello?.role == .relay {
      let lacking = floor.entries.filter { known[$0.origin] < $0.sequence }
      actions.append(.needBases(lacking.map(\.origin)))
      return
    }
    let count = floor.entries.count { known[$0.origin] < $0.sequence }
    send(
      .status(
        Status(
          .historyGone,
          "what \(count == 1 ? "1 origin" : "\(count) origins") wrote first is not held here any "
            + "more, as every member had it; sync once with a replica, which gives a snapshot")))
  }

  // MARK: Taking

  /// Asks for the offer of a snapshot, though segments might do: what was written here must not be
  /// sent as it is.
  package mutating func askForSnapshot(now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running, !isOffered, peerPushes, let peer = theirHello,
      peer.features & Hello.takesSnapshots != 0
    else { return [] }
    send(.snapshotWant(cursor: [], byteBudget: 0))
    return finish()
  }

  /// Asks for the next parts of the snapshot that the peer has offered.
  package mutating func wantSnapshot(
    after cursor: [UInt8], byteBudget: Int, now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running, isOffered else { return [] }
    send(.snapshotWant(cursor: cursor, byteBudget: UInt64(clamping: byteBudget)))
    return finish()
  }

  /// A snapshot was taken over, from this peer or another one, or is not wanted: what is stored now
  /// is what counts.
  package mutating func goOn(with tips: [ChainTip], now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running else { return [] }
    local = VersionVector(tips)
    lacking.settle(local)
    lackingMarks.settle(local)
    forgetWhatIsUnderWay()
    acknowledge(local)
    if isOffered {
      isOffered = false
      send(.snapshotDone)
    }
    if !isHoldingBack { beginAgain() }
    return finish()
  }

  /// Only what the peer is known to have durably is known to be there.
  private mutating func forgetWhatIsUnderWay() {
    known = durableThere
    pending = VersionVector()
    unacknowledged = VersionVector()
    sentHere = VersionVector()
    inFlight = InFlightSegments()
    waiting = WaitingMarks()
  }

  // MARK: Messages

  mutating func takeSnapshotMessage(_ message: Message) throws(SessionEnding.Violation) {
    guard hasMet else { throw .unexpected("a snapshot") }
    // Whoever asks for parts, or sends them, moves.
    (lastGain, lastArrival) = (Movement(at: clock), Movement(at: clock))
    switch message {
    case .snapshotOffer(let offer):
      isOffered = true
      actions.append(.offered(offer))
    case .snapshotWant(let cursor, let byteBudget):
      guard byteBudget > 0 else {
        if !isHoldingBack, configuration.snapshot != nil, pushes { offerSnapshot() }
        return
      }
      guard isHoldingBack else { return }
      let budget = Int(clamping: min(byteBudget, UInt64(limits.sendBytesMax)))
      actions.append(.needSnapshot(after: cursor, byteBudget: budget))
    case .snapshotPart(let bytes, let isLast):
      // What is under way when the snapshot is given up comes all the same.
      guard isOffered else { return }
      actions.append(.storeSnapshot(bytes, isLast: isLast))
    case .snapshotDone: endHoldingBack()
    default: break
    }
  }
}
