package import Causality
import Sabotages

// What comes in: nothing here is believed further than it is checked, and what a lying member says
// about itself can only cost itself.
extension SyncSession {
  // MARK: Inputs

  package mutating func receive(_ message: Message, now: UInt64) -> [SessionAction] {
    heard(now: now)
    guard phase == .greeting || phase == .running else { return [] }
    do {
      try take(message)
    } catch {
      let ending = SessionEnding.violation(error)
      send(.status(Status(.protocolViolation, ending.description)))
      close(ending)
    }
    return finish()
  }

  /// Answers `compareChains`: the origins of which our chain has another hash, or no segment that
  /// ends, where the peer's does.
  package mutating func chainsCompared(
    forked origins: [Origin], now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    guard phase == .greeting, hasMetTips, !hasComparedChains else { return [] }
    for origin in origins.sorted() { fork(origin, at: known[origin]) }
    hasComparedChains = true
    runIfReady()
    return finish()
  }

  /// So many bytes of accepted segments are no longer held: they were stored or refused.
  package mutating func settled(bytes: Int, now: UInt64) -> [SessionAction] {
    advanceClock(now)
    settle(bytes)
    return finish()
  }

  // MARK: Messages

  /// Both sides know each other's tips, so the peer may be running. We may not be yet: what it
  /// sends may come in one piece with its tips, before the chains could be compared.
  var hasMet: Bool { hasMetTips && (phase == .greeting || phase == .running) }

  /// More than this is never under way, however generous the peer is.
  private var sendLimit: UInt64 { UInt64(limits.sendBytesMax) }

  private mutating func take(_ message: Message) throws(SessionEnding.Violation) {
    if theirHello == nil {
      switch message {
      case .hello(let hello): takeHello(hello)
      // Whoever is sent away is told why, and nothing else.
      case .status(let status): actions.append(.reported(status))
      case .bye: close(.peerLeft)
      default: throw .unexpected("something before hello")
      }
      return
    }
    switch message {
    case .hello: throw .unexpected("a second hello")
    case .tips(let tips, let isLast): try takeTips(tips, isLast: isLast)
    case .records(let records, let isLast):
      if isLast { expectsRecords = false }
      if !records.isEmpty { actions.append(.storeRecords(records)) }
    case .segment(let head, let part):
      guard hasMet else { throw .unexpected("a segment") }
      try takeSegment(head, part)
    case .segmentPart(let part):
      guard hasMet else { throw .unexpected("a part of a segment") }
      try takePart(part)
    case .acknowledge(let vector):
      guard hasMet else { throw .unexpected("an acknowledgement") }
      // More than is here: the peer had it from somebody else.
      try takeAdvertisement(vector)
    case .credit(let bytes):
      guard hasMet else { throw .unexpected("credit") }
      // Bounded first, so that no peer makes the sum overflow.
      let given = Int64(clamping: min(bytes, MessageLimits.creditBytesMax))
      credit = min(credit + given, Int64(sendLimit))
      lastGain.any = clock
    case .have(let vector):
      guard hasMet else { throw .unexpected("an advertisement") }
      awaitsSealed = false
      try takeAdvertisement(vector)
    case .want(let wants, let isAgain):
      guard hasMet else { throw .unexpected("a want") }
      honour(wants, isAgain: isAgain)
    case .receipts(let receipts):
      guard hasMet else { throw .unexpected("receipts") }
      actions.append(.storeReceipts(receipts))
    case .folded: actions.append(.folded)
    case .bases(let bases):
      guard hasMet else { throw .unexpected("bases of chains") }
      actions.append(.storeBases(bases))
    case .presence(let note, let hops):
      guard hasMet else { throw .unexpected("presence") }
      actions.append(.presence(note, hops: hops))
    case .chains(let digest):
      if phase == .running { actions.append(.chains(digest)) }
    case .snapshotOffer, .snapshotWant, .snapshotPart, .snapshotDone:
      try takeSnapshotMessage(message)
    case .documentWant, .documentPart: try takeDocumentMessage(message)
    case .ping(let number): send(.pong(number))
    case .pong(let number):
      if number == pingNumber, let sent = pingSentAt {
        roundTrip = elapsed(since: sent, at: clock)
        pingSentAt = nil
      }
    case .status(let status):
      if status.endsFlow, let origin = status.origin { exclude(origin) }
      actions.append(.reported(status))
    case .bye: close(.peerLeft)
    case .ignorable: break
    }
  }

  private mutating func takeHello(_ hello: Hello) {
    guard hello.versions.overlaps(SyncSession.versions) else {
      let ending = SessionEnding.noCommonVersion(theirs: hello.versions)
      send(.status(Status(.unsupported, ending.description)))
      close(ending)
      return
    }
    theirHello = hello
    awaitsSealed = hello.extensions.contains { $0.number == Hello.sealsLater }
    credit = Int64(min(hello.windowBytes, sendLimit))
    // Both sides compare the same two digests, so both know that both sets will cross.
    if hello.recordDigest != sentDigest {
      owesRecords = true
      expectsRecords = true
      sendOwedRecords()
    }
  }

  private mutating func takeTips(
    _ tips: [ChainTip], isLast: Bool
  ) throws(SessionEnding.Violation) {
    guard !hasTheirTips else { throw .unexpected("a second version vector") }
    if let last = theirTips.last, let next = tips.first, last.origin >= next.origin {
      throw .tipsOutOfOrder
    }
    guard theirTips.count + tips.count <= limits.originCountMax else { throw .vectorTooLong }
    theirTips += tips
    guard isLast else { return }
    hasTheirTips = true
    runIfReady()
  }

  /// Runs the session when hello and tips of both sides are there, in two steps around the owner's
  /// comparison of chains.
  mutating func runIfReady() {
    guard phase == .greeting, hasTheirTips, hasSentTips, !isGated else { return }
    if !hasComparedChains {
      if !hasMetTips { meetTips() }
      return
    }
    phase = .running
    beginPushing()
    localTips = []
  }

  /// Takes the peer's tips as what it has, and finds what the two do not agree on.
  private mutating func meetTips() {
    guard let hello = theirHello else { return }
    hasMetTips = true
    let tips = theirTips
    theirTips = []
    known = VersionVector(tips)
    if Sabotage.neverLowerPeer.isPlanted { known.merge(configuration.lastKnownPeerVector ?? known) }
    durableThere = known
    actions.append(.peerKnown(PeerHello(hello: hello, vector: known)))
    reportRegression()
    if known[configuration.origin] > local[configuration.origin] {
      hasReportedReuse = true
      actions.append(.identityReused(sequence: known[configuration.origin]))
    }
    var below: [ChainTip] = []
    var ours = localTips[...]
    for tip in tips {
      ours = ours.drop { $0.origin < tip.origin }
      let mine = local[tip.origin]
      if tip.sequence > mine {
        if !parted.contains(tip.origin) { lacking.advance(tip.origin, to: tip.sequence) }
      } else if let tipHere = ours.first, tipHere.origin == tip.origin,
        tipHere.sequence == tip.sequence
      {
        if tipHere.chainPrefix != tip.chainPrefix { fork(tip.origin, at: tip.sequence) }
      } else {
        below.append(tip)
      }
    }
    if !lacking.isEmpty {
      lackingMarks.add(lacking, at: clock)
      actions.append(.advertised(lacking))
    }
    if below.isEmpty {
      hasComparedChains = true
      runIfReady()
    } else {
      actions.append(.compareChains(below))
    }
  }

  private mutating func reportRegression() {
    guard let all = configuration.lastKnownPeerVector else { return }
    // What has another name now is not lost.
    let before =
      parted.isEmpty
      ? all : VersionVector(sorted: all.entries.filter { !parted.contains($0.origin) })
    guard !known.covers(before) else { return }
    actions.append(.peerRegressed(from: before, to: known))
  }

  // MARK: Vectors

  private mutating func takeDurable(
    _ vector: VersionVector
  ) throws(SessionEnding.Violation) {
    let news = durableThere.news(in: vector)
    guard !news.isEmpty else { return }
    lastGain.any = clock
    if news.entries.contains(where: { waiting.isLongestWaiting($0.origin, beyond: durableThere) }) {
      lastGain.ofLongestWaiting = clock
    }
    holds(news)
    guard durableThere.entries.count <= limits.originCountMax else { throw .vectorTooLong }
    actions.append(.acknowledged(news))
  }

  private mutating func takeAdvertisement(
    _ vector: VersionVector
  ) throws(SessionEnding.Violation) {
    try takeDurable(vector)
    let news = VersionVector(
      local.news(in: vector).entries.filter {
        !isWithheld($0.origin) && !parted.contains($0.origin)
      })
    guard !news.isEmpty else { return }
    miss(news)
    if news[configuration.origin] > 0, !hasReportedReuse {
      hasReportedReuse = true
      actions.append(.identityReused(sequence: news[configuration.origin]))
    }
    actions.append(.advertised(news))
  }

  // MARK: Segments

  private mutating func takeSegment(
    _ head: SegmentHead, _ part: [UInt8]
  ) throws(SessionEnding.Violation) {
    guard assembly == nil else { throw .unexpected("a segment inside another") }
    guard allowance > 0 else { throw .creditExceeded }
    noteArrival(of: head.origin)
    allowance -= Int64(head.byteCount)
    assembly = SegmentAssembly(head: head, bytes: part)
    try completeAssembly()
  }

  private mutating func takePart(_ part: [UInt8]) throws(SessionEnding.Violation) {
    guard let origin = assembly?.head.origin else {
      throw .unexpected("a part without a segment")
    }
    noteArrival(of: origin)
    guard assembly?.append(part) == true else { throw .segmentTooLong }
    try completeAssembly()
  }

  private mutating func noteArrival(of origin: Origin) {
    lastArrival.any = clock
    if lackingMarks.isLongestWaiting(origin, beyond: local) { lastArrival.ofLongestWaiting = clock }
  }

  /// The peer has this, and it is not here.
  private mutating func miss(_ news: VersionVector) {
    lackingMarks.add(lacking.news(in: news), at: clock)
    lacking.merge(news)
  }

  private mutating func completeAssembly() throws(SessionEnding.Violation) {
    guard let whole = assembly, whole.isComplete else { return }
    assembly = nil
    let head = whole.head
    if isHoldingBack {
      // It may build on less than what is folded here; the peer sends it again if it still does.
      settle(head.byteCount)
      return
    }
    holds(VersionVector(one: head.origin, head.last))
    guard durableThere.entries.count <= limits.originCountMax else { throw .vectorTooLong }
    received.advance(head.origin, to: head.last)
    let isWantedAgain = wantedAgain[head.origin]?.remove(head.last) != nil
    let isDuplicate =
      head.last <= local[head.origin] && !isWantedAgain && !contested.contains(head.origin)
      && !Sabotage.applyTwice.isPlanted
    countReceived(head, isDuplicate: isDuplicate)
    if isDuplicate {
      // The peer did not know that we have it; now it does.
      settle(head.byteCount)
      acknowledge(VersionVector(one: head.origin, local[head.origin]))
    } else if excluded.contains(head.origin) {
      settle(head.byteCount)
    } else {
      actions.append(
        .accept(
          IncomingSegment(
            origin: head.origin, first: head.first, last: head.last, bytes: whole.bytes)))
    }
  }

  /// The most that is kept back before credit is returned. A peer uses no more of a wide window
  /// than it likes; one that waited for us to have a quarter of it would wait for ever.
  private static let creditStepBytesMax = 64 << 10

  /// Gives credit back in steps of a quarter of the window: often enough that the peer never
  /// stands still while we are idle, seldom enough that nobody pays for the messages.
  private mutating func settle(_ bytes: Int) {
    guard bytes > 0, hasMet else { return }
    unreturned += bytes
    guard unreturned >= max(1, min(limits.windowBytes / 4, Self.creditStepBytesMax))
    else { return }
    allowance += Int64(unreturned)
    send(.credit(UInt64(unreturned)))
    unreturned = 0
  }
}
