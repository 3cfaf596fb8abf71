package import Causality
import Sabotages

// What goes out: tips, records, segments within the credit, acknowledgements, advertisements.
extension SyncSession {
  // MARK: Inputs

  /// Answers `needSegments`. Segments beyond the credit or outside the request are left; they are
  /// asked for again.
  package mutating func provide(
    _ segments: [OutgoingSegment], now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    guard let asked = request else { return [] }
    request = nil
    guard phase == .running else { return [] }
    var isAnySent = false
    for segment in segments where isNext(segment) {
      guard credit > 0 || Sabotage.ignoreCredit.isPlanted else { break }
      let isLost = Sabotage.dropLastOfBatch.isPlanted && segment == segments.last && isAnySent
      if isLost { countAsSent(segment) } else { transmit(segment) }
      isAnySent = true
    }
    if !isAnySent, credit > 0 {
      // Asking once more for what is not there would never end. What the peer has got meanwhile
      // from somebody else may have filled the budget, though, and it may have asked for more: the
      // rest is asked for again.
      let absent = asked.ranges.filter { range in
        pending[range.origin] > 0 && known[range.origin] == range.after
          && (segments.isEmpty || segments.contains { $0.origin == range.origin })
      }
      for range in absent { pending.set(range.origin, to: 0) }
      if !absent.isEmpty { actions.append(.missingHere(absent)) }
    }
    return finish()
  }

  /// Answers `needRecords` with all membership records, in causal order.
  package mutating func provideRecords(
    _ records: [[UInt8]], now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    guard phase == .greeting || phase == .running, owesRecords else { return [] }
    owesRecords = false
    send(records: records, isWholeSet: true)
    return finish()
  }

  /// New membership records that did not come from this peer, and the digest with them.
  package mutating func recordsAdded(
    _ records: [[UInt8]], digest: [UInt8], now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    recordDigest = digest
    guard phase == .greeting || phase == .running, !records.isEmpty else { return [] }
    if isGated && !configuration.sendsRecordsWhileGated {
      owesRecords = true
    } else {
      send(records: records, isWholeSet: false)
    }
    return finish()
  }

  /// Receipts that the peer may not have.
  package mutating func tell(receipts: [[UInt8]], now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard hasMet, tellsReceipts else { return [] }
    var batch: [[UInt8]] = []
    var byteCount = 0
    for receipt in receipts where receipt.count <= MessageLimits.receiptBytesMax {
      let isFull =
        batch.count == MessageLimits.receiptsMax
        || byteCount + receipt.count > MessageLimits.receiptBytesMax
      if isFull {
        send(.receipts(batch))
        batch = []
        byteCount = 0
      }
      batch.append(receipt)
      byteCount += receipt.count
    }
    if !batch.isEmpty { send(.receipts(batch)) }
    return finish()
  }

  /// Passes a presence note on.
  package mutating func tell(
    presence note: [UInt8], hops: UInt8, now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running, note.count <= MessageLimits.presenceBytesMax else { return [] }
    send(.presence(note, hops: hops))
    return finish()
  }

  /// Segments became durable here, from whatever source: their origins' new tips.
  ///
  /// - Parameter firstHand: written here, or received from a peer that wishes everything.
  package mutating func stored(
    _ tips: [ChainTip], firstHand: Bool, now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    guard phase != .closed else { return [] }
    var news = local.news(in: VersionVector(tips))
    if !parted.isEmpty {
      // What is behind a fork goes by another name.
      news = VersionVector(sorted: news.entries.filter { !parted.contains($0.origin) })
    }
    guard !news.isEmpty else { return finish() }
    if Sabotage.forwardWithoutSuppression.isPlanted { forgetWhoHas(news) }
    // What this peer has came from somebody else: it is not to be blamed for not having sent it.
    if news.entries.contains(where: { lacking[$0.origin] > 0 }) { lastArrival.any = clock }
    if news.entries.contains(where: { lackingMarks.isLongestWaiting($0.origin, beyond: local) }) {
      lastArrival.ofLongestWaiting = clock
    }
    local.merge(news)
    lacking.settle(news)
    lackingMarks.settle(local)
    if !hasSentTips { note(tips) }
    if phase == .running {
      offer(news, firstHand: firstHand)
    } else if phase == .greeting {
      if firstHand { earlyFirstHand.merge(news) }
      if hasSentTips { putUpForAdvertising(news) }
    }
    acknowledge(
      VersionVector(
        sorted: news.entries.filter { received[$0.origin] > acknowledgedByUs[$0.origin] }))
    return finish()
  }

  /// What was not sealed when the session began is sealed and stored now, under this origin.
  package mutating func sealed(_ origin: Origin, now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard owesSealed, hasMet else { return [] }
    owesSealed = false
    send(.have(VersionVector(one: origin, local[origin])))
    return finish()
  }

  /// Asks the peer for what is missing here, whatever it may wish to push.
  ///
  /// - Parameter isAgain: what the peer sent of these before was lost here.
  package mutating func missing(
    _ wants: [Want], isAgain: Bool = false, now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running else { return [] }
    let open = wants.filter { !excluded.contains($0.origin) && $0.from > 0 }
      .sorted { ($0.origin, $0.from) < ($1.origin, $1.from) }
    var distinct: [Want] = []
    for want in open where distinct.last?.origin != want.origin { distinct.append(want) }
    for chunk in distinct.chunked(by: MessageLimits.entriesMax) {
      send(.want(chunk, isAgain: isAgain))
    }
    return finish()
  }

  /// Whether the peer can send a segment that is damaged here: it has it, and has not dropped it.
  package func canGiveAgain(_ origin: Origin, _ sequences: ClosedRange<UInt64>) -> Bool {
    isRunning && !excluded.contains(origin) && durableThere[origin] >= sequences.upperBound
      && theirHello.map { $0.floor[origin] < sequences.lowerBound } ?? false
  }

  /// Asks for a segment that is stored here, as what is stored of it is damaged. The peer sends
  /// what lies behind it, too: it cannot know that only one is missing.
  package mutating func fetchAgain(
    _ origin: Origin, _ sequences: ClosedRange<UInt64>, now: UInt64
  ) -> [SessionAction] {
    guard phase == .running, !excluded.contains(origin) else { return [] }
    wantedAgain[origin, default: []].insert(sequences.upperBound)
    return missing([Want(origin: origin, from: sequences.lowerBound)], isAgain: true, now: now)
  }

  /// What was damaged of these origins is whole again: the peer is told that it is here, and gets
  /// what could not be sent.
  package mutating func mended(_ origins: [Origin], now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running else { return [] }
    let here = VersionVector(
      Set(origins).sorted().map { VersionVector.Entry(origin: $0, sequence: local[$0]) })
    acknowledge(VersionVector(sorted: here.entries.filter { received[$0.origin] > 0 }))
    if pushes, peerWish == .everything { push(here) }
    return finish()
  }

  // MARK: Greeting

  mutating func sendTips() {
    hasSentTips = true
    guard !localTips.isEmpty else {
      send(.tips([], isLast: true))
      return
    }
    let chunks = localTips.chunked(by: MessageLimits.entriesMax)
    for (index, chunk) in chunks.enumerated() {
      send(.tips(chunk, isLast: index == chunks.count - 1))
    }
  }

  /// Keeps the tips that are still to be sent up to date.
  private mutating func note(_ tips: [ChainTip]) {
    let changed = VersionVector(tips)
    let kept = localTips.filter { changed[$0.origin] < $0.sequence }
    let replaced = VersionVector(kept)
    localTips = (kept + tips.filter { $0.sequence > replaced[$0.origin] })
      .sorted { $0.origin < $1.origin }
  }

  mutating func sendOwedRecords() {
    guard owesRecords, !isGated || configuration.sendsRecordsWhileGated else { return }
    actions.append(.needRecords)
  }

  private mutating func send(records: [[UInt8]], isWholeSet: Bool) {
    var batch: [[UInt8]] = []
    var byteCount = 0
    for record in records {
      let isFull =
        batch.count == MessageLimits.recordsMax
        || byteCount + record.count > MessageLimits.partBytesMax
      if isFull {
        send(.records(batch, isLast: false))
        batch = []
        byteCount = 0
      }
      batch.append(record)
      byteCount += record.count
    }
    if isWholeSet || !batch.isEmpty { send(.records(batch, isLast: isWholeSet)) }
  }

  // MARK: Segments

  /// Once both sides know each other: what is to be pushed, and what is only known to be here.
  mutating func beginPushing() {
    if let peer = theirHello {
      peerHoldsItsOrigin = local[peer.origin] <= known[peer.origin]
    }
    defer { earlyFirstHand = VersionVector() }
    if offersSnapshot { return offerSnapshot() }
    pushWhatIsWished()
    reportWhatIsGone()
  }

  mutating func pushWhatIsWished() {
    guard pushes else { return }
    if peerWish == .everything {
      push(local)
    } else {
      push(VersionVector(one: configuration.origin, local[configuration.origin]))
      push(earlyFirstHand)
    }
  }

  /// Decides what newly stored sequences mean to the peer.
  private mutating func offer(_ news: VersionVector, firstHand: Bool) {
    var news = news
    if peerHoldsItsOrigin, let origin = theirHello?.origin, news[origin] > 0 {
      // The peer wrote it, so it has it.
      let held = VersionVector(one: origin, news[origin])
      holds(held)
      // Told all the same: if it was copied or restored, it has not.
      if received[origin] < news[origin] { acknowledge(held) }
      news.set(origin, to: 0)
    }
    guard pushes else { return }
    if Sabotage.wedgeInSilence.isPlanted { news.keepOnly(configuration.origin) }
    if peerWish == .everything || firstHand {
      push(news)
    } else {
      let own = news[configuration.origin]
      push(VersionVector(one: configuration.origin, own))
      putUpForAdvertising(news)
    }
  }

  mutating func putUpForAdvertising(_ news: VersionVector) {
    let toTell = VersionVector(
      sorted: news.entries.filter {
        $0.sequence > known[$0.origin] && $0.origin != configuration.origin
          && !isWithheld($0.origin)
      })
    guard !toTell.isEmpty else { return }
    advertisement.merge(toTell)
    if advertiseAt == nil { advertiseAt = clock + limits.advertiseMilliseconds }
  }

  /// - Parameter isWanted: the peer has asked for it.
  mutating func push(_ goal: VersionVector, isWanted: Bool = false) {
    guard !goal.isEmpty, !isHoldingBack else { return }
    let goal =
      excluded.isEmpty && contested.isEmpty && floor.isEmpty
      ? goal
      : VersionVector(
        sorted: goal.entries.filter {
          !(isWanted ? excluded.contains($0.origin) : isWithheld($0.origin))
            && known[$0.origin] >= floor[$0.origin]
        })
    pending.merge(known.news(in: goal))
    let awaited = unacknowledged.news(in: durableThere.news(in: goal))
    unacknowledged.merge(awaited)
    waiting.add(awaited, at: clock)
  }

  /// The peer asks by name: it is believed, even when it was thought to have it.
  ///
  /// Only what was sent on this link may just be under way; it is sent again when the peer says
  /// that it was lost, or asks a second time from the same place.
  mutating func honour(_ wants: [Want], isAgain: Bool) {
    var goal: [VersionVector.Entry] = []
    for want in wants
    where local[want.origin] >= want.from && !excluded.contains(want.origin) {
      let before = honouredFrom.updateValue(want.from, forKey: want.origin)
      let isRepeated = isAgain || before == want.from
      let from = isRepeated ? want.from : max(want.from, sentHere[want.origin] + 1)
      if known[want.origin] >= from { known.set(want.origin, to: from - 1) }
      if durableThere[want.origin] >= from { durableThere.set(want.origin, to: from - 1) }
      // What it was sent of it has arrived, and it could not take it.
      if isAgain { inFlight.forget(want.origin) }
      goal.append(.init(origin: want.origin, sequence: local[want.origin]))
    }
    let vector = VersionVector(goal)
    advertisement.settle(vector)
    push(vector, isWanted: true)
  }

  /// The peer has this durably.
  mutating func holds(_ news: VersionVector) {
    known.merge(news)
    durableThere.merge(news)
    pending.settle(news)
    unacknowledged.settle(news)
    advertisement.settle(news)
    inFlight.settle(durableThere)
    waiting.settle(durableThere)
  }

  /// Asks the store for the next segments when there is something to send and credit for it.
  mutating func pump() {
    guard request == nil, credit > 0 || Sabotage.ignoreCredit.isPlanted, !pending.isEmpty
    else { return }
    let ranges = pending.entries.map {
      SegmentRange(origin: $0.origin, after: known[$0.origin], through: $0.sequence)
    }
    let budget = min(Int(clamping: credit), limits.readBytes)
    let next = SegmentRequest(ranges: ranges, byteBudget: budget)
    request = next
    actions.append(.needSegments(next))
  }

  private func isNext(_ segment: OutgoingSegment) -> Bool {
    let through = pending[segment.origin]
    let next = known[segment.origin] + 1
    // Who asks for a fork does not know where segments begin here.
    return through > 0 && segment.first >= 1 && segment.first <= next
      && segment.last >= next && segment.last <= through
      && 1...MessageLimits.segmentBytesMax ~= segment.bytes.count
  }

  private mutating func transmit(_ segment: OutgoingSegment) {
    let head = SegmentHead(
      origin: segment.origin, first: segment.first, last: segment.last,
      byteCount: segment.bytes.count)
    let size = MessageLimits.partBytesMax
    send(.segment(head, part: Array(segment.bytes.prefix(size))))
    var offset = size
    while offset < segment.bytes.count {
      let end = min(offset + size, segment.bytes.count)
      send(.segmentPart(Array(segment.bytes[offset..<end])))
      offset = end
    }
    credit -= Int64(segment.bytes.count)
    countAsSent(segment)
    inFlight.add(head, acknowledged: durableThere)
    countSent(segment)
  }

  private mutating func countAsSent(_ segment: OutgoingSegment) {
    known.advance(segment.origin, to: segment.last)
    sentHere.advance(segment.origin, to: segment.last)
    pending.settle(VersionVector(one: segment.origin, segment.last))
  }

  // MARK: Answers

  mutating func acknowledge(_ durable: VersionVector) {
    guard !durable.isEmpty, hasMet else { return }
    acknowledgedByUs.merge(durable)
    for chunk in durable.chunked() { send(.acknowledge(chunk)) }
  }

  mutating func advertise() {
    guard phase == .running else {
      advertiseAt = clock + limits.advertiseMilliseconds
      return
    }
    advertiseAt = nil
    let news = known.news(in: advertisement)
    advertisement = VersionVector()
    for chunk in news.chunked() { send(.have(chunk)) }
  }
}
