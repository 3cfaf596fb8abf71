package import Causality
import Sabotages

/// One end of one link, from after the handshake until it is closed: who has what, what is sent
/// next, what may be sent at all.
///
/// A value that does no input or output. Each input returns what its owner has to do, in order.
/// The session holds version vectors and at most one segment that is being put together; segments
/// live in the store and are read when there is credit to send them.
///
/// ```
/// start ─► hello, tips ─►  ◄─ hello, tips ─ compareChains ─► running: segments, acknowledge, …
/// ```
///
/// What a peer has is known from its tips, from what it acknowledges and advertises, and from what
/// it sent; what was sent on this link is not sent again on it. After a cut a new session begins
/// with new tips, so what was lost in flight is sent again and nothing else.
package struct SyncSession: Sendable {
  /// The protocol versions that this program speaks.
  package static let versions: ClosedRange<UInt64> = 1...1

  let configuration: SessionConfiguration
  var limits: SessionLimits { configuration.limits }

  // MARK: State of the conversation

  enum Phase: Equatable {
    case idle
    /// Hello sent; the peer's hello or tips, the comparison of chains, or the opening of the gate
    /// is missing.
    case greeting
    case running
    case closed
  }

  var phase = Phase.idle
  var isGated: Bool
  var hasSentTips = false
  var theirHello: Hello?
  var theirTips: [ChainTip] = []
  var hasTheirTips = false
  var hasMetTips = false
  var hasComparedChains = false
  var actions: [SessionAction] = []
  /// The latest time handed in.
  var clock: UInt64 = 0
  var startedAt: UInt64 = 0

  // MARK: Who has what

  /// Stored here.
  var local: VersionVector
  /// Chain prefixes of `local`, kept until the peer's tips were compared. Only looked up in.
  var localTips: [ChainTip]
  /// The peer has it, or it is on its way there on this link.
  var known = VersionVector()
  /// Durable at the peer.
  var durableThere = VersionVector()
  /// To be sent: origins with `known` below the entry, through which sequence.
  var pending = VersionVector()
  /// Pushed, or to be pushed, and not known to be durable there.
  var unacknowledged = VersionVector()
  /// The peer has it and we do not.
  var lacking = VersionVector()
  /// Sent on this link.
  var sentHere = VersionVector()
  /// From where the peer last asked for an origin that we have. Only looked up in.
  var honouredFrom: [Origin: UInt64] = [:]
  /// Received on this link.
  var received = VersionVector()
  /// Segments that are asked for though they are stored, by their last sequences. Only looked up
  /// in.
  var wantedAgain: [Origin: Set<UInt64>] = [:]
  /// What the peer was told to be durable here.
  var acknowledgedByUs = VersionVector()
  /// To be advertised at `advertiseAt`.
  var advertisement = VersionVector()
  var advertiseAt: UInt64?
  /// Became durable, first hand, before the session was running.
  var earlyFirstHand = VersionVector()
  /// Origins that flow no more on this link. Only looked up in.
  var excluded: Set<Origin> = []
  /// Origins of which the peer has another history, until both are here. Only looked up in.
  var contested: Set<Origin> = []
  /// Chains that are forked here: what the peer has of them behind the fork has another name here,
  /// and will have it there. Only looked up in.
  var parted: Set<Origin> = []
  /// The peer had all of its own origin when it said hello, so it has whatever appears of it.
  var peerHoldsItsOrigin = false
  /// The owner knows that the peer has more of our own origin than we have.
  var hasReportedReuse = false

  // MARK: What is not sealed yet

  /// The peer waits for what we seal when we know its vector.
  var owesSealed: Bool
  /// The peer has told that it will seal more.
  var awaitsSealed = false

  // MARK: Records

  var recordDigest: [UInt8]
  var sentDigest: [UInt8] = []
  var owesRecords = false
  var expectsRecords = false

  // MARK: Snapshots

  /// What was dropped here.
  var floor: VersionVector
  /// The peer was offered a snapshot: nothing is pushed until it says how it goes on.
  package internal(set) var isHoldingBack = false
  /// The peer has offered one and waits for us.
  package internal(set) var isOffered = false

  // MARK: Flow

  /// Segment bytes that may be sent; a segment may begin while it is positive.
  var credit: Int64 = 0
  /// Segment bytes that the peer may send; the same on its side.
  var allowance: Int64
  /// Settled and not yet returned as credit.
  var unreturned = 0
  /// The request that `provide` has to answer.
  var request: SegmentRequest?
  var assembly: SegmentAssembly?
  var inFlight = InFlightSegments()

  // MARK: Heartbeats and figures

  var lastSent: UInt64 = 0
  var lastReceived: UInt64 = 0
  var pingNumber: UInt64 = 0
  var pingSentAt: UInt64?
  var roundTrip: UInt64?
  var waiting = WaitingMarks()
  /// Since when what the peer has is missing here.
  var lackingMarks = WaitingMarks()
  /// When the peer last acknowledged something or gave credit.
  var lastGain = Movement()
  /// When a part of a segment came last.
  var lastArrival = Movement()
  var wasLevel = false
  package private(set) var traffic = Traffic()

  package init(_ configuration: SessionConfiguration) {
    self.configuration = configuration
    isGated = configuration.isGated
    localTips = configuration.tips
    local = VersionVector(configuration.tips)
    recordDigest = configuration.recordDigest
    owesSealed = configuration.hasUnsealed
    parted = configuration.forked
    floor = configuration.floor
    allowance = Int64(configuration.limits.windowBytes)
  }

  // MARK: What others may ask

  /// Asked of the tag alone: comparing with nil copies the hello.
  private var hasTheirHello: Bool { if case .some = theirHello { true } else { false } }

  /// The peer's hello; nil before it came.
  package var peer: Hello? { theirHello }
  /// What the peer wishes to be pushed; what comes from a peer that wishes everything is first
  /// hand to the other links.
  package var peerWish: PushWish { theirHello?.wish ?? .everything }
  /// Durable at the peer, as far as it said or as it follows from what it sent.
  package var peerVector: VersionVector { durableThere }
  package var isRunning: Bool { phase == .running }
  package var isClosed: Bool { phase == .closed }
  /// Both sides have all membership records of each other.
  package var hasExchangedRecords: Bool { phase == .running && !owesRecords && !expectsRecords }
  /// Both sides have all of each other, as far as the link's flow lets them.
  package var isLevel: Bool {
    phase == .running && !isHoldingBack && !isOffered
      && !owesRecords && !expectsRecords && unacknowledged.isEmpty && contested.isEmpty
      && !owesSealed && ((lacking.isEmpty && !awaitsSealed) || !peerPushes)
  }

  /// About how many bytes the session holds: the segment that is coming in, and its vectors, which
  /// are bounded by ``SessionLimits/originCountMax``. Complexity: O(1).
  private var heldBytes: Int {
    var entries = theirTips.count + localTips.count + excluded.count + honouredFrom.count
    entries += contested.count + parted.count
    entries += local.entries.count + known.entries.count + durableThere.entries.count
    entries += pending.entries.count + unacknowledged.entries.count + lacking.entries.count
    entries += sentHere.entries.count + received.entries.count + acknowledgedByUs.entries.count
    entries += advertisement.entries.count + earlyFirstHand.entries.count
    entries += waiting.entryCount + lackingMarks.entryCount
    return (assembly?.bytes.count ?? 0) + entries * SyncSession.entryBytes
  }

  /// Takes an input in place: a session in an optional is not copied for it.
  mutating func take(_ input: (inout SyncSession) -> [SessionAction]) -> [SessionAction] {
    input(&self)
  }

  /// Adds what the session knows to the gauges of its link. Changes nothing: a function that could
  /// is called in place, where others copy the session.
  mutating func read(into gauges: inout Link.Gauges) {
    gauges.heldBytes += heldBytes
    gauges.nextDeadline = nextDeadline
    gauges.peerWish = peerWish
    guard isRunning else { return }
    gauges.bytesUnderWay = inFlight.byteCountBeforeLast
    gauges.window = Int(
      clamping: min(theirHello?.windowBytes ?? 0, UInt64(clamping: limits.sendBytesMax)))
  }

  /// The most bytes that a session holds: the longest segment, and seventeen vectors of as many
  /// origins as the peer and this replica may name, two of them as marks of their age.
  package static func heldBytesMax(_ limits: SessionLimits, originsHere: Int) -> Int {
    MessageLimits.segmentBytesMax + 17 * entryBytes * (limits.originCountMax + originsHere)
      + 2 * entryBytes * WaitingMarks.entryCountMax
  }

  private static let entryBytes = 32

  /// Complexity: O(n) in the number of origins.
  package func lag(now: UInt64) -> Lag {
    Lag(
      changes: local.changeCount(beyond: durableThere), bytesInFlight: inFlight.byteCount,
      oldestUnacknowledgedMilliseconds: waiting.oldest.map { elapsed(since: $0, at: now) },
      lastContactMilliseconds: elapsed(since: lastReceived, at: now),
      roundTripMilliseconds: roundTrip)
  }

  /// When `tick` has something to do at the latest.
  package var nextDeadline: UInt64 {
    guard phase == .greeting || phase == .running else { return .max }
    var deadline = lastReceived + silenceMilliseconds
    if hasTheirHello { deadline = min(deadline, lastSent + limits.heartbeatMilliseconds) }
    if let advertiseAt { deadline = min(deadline, advertiseAt) }
    if isGated, let patience = configuration.gateMilliseconds {
      deadline = min(deadline, startedAt + patience)
    }
    return deadline
  }

  // MARK: Inputs of time and life

  /// The first input, once.
  package mutating func start(now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .idle else { return [] }
    phase = .greeting
    startedAt = clock
    lastReceived = clock
    sentDigest = recordDigest
    var hello = Hello(
      role: configuration.role, flow: configuration.flow, wish: configuration.wish,
      origin: configuration.origin, windowBytes: UInt64(limits.windowBytes),
      recordDigest: recordDigest)
    // Whoever is not admitted yet learns nothing of who writes here.
    if !isGated { hello.floor = Hello.told(floor: floor) }
    if owesSealed { hello.extensions.append(.init(number: Hello.sealsLater, bytes: [])) }
    if let digest = configuration.receiptDigest {
      hello.extensions.append(.init(receiptDigest: digest))
    }
    if configuration.takesSnapshots { hello.features |= Hello.takesSnapshots }
    if configuration.asksForSnapshot {
      hello.extensions.append(.init(number: Hello.asksForSnapshot, bytes: []))
    }
    if configuration.knowsFolding {
      hello.extensions.append(.init(number: Hello.knowsFolding, bytes: []))
    }
    send(.hello(hello))
    if !isGated { sendTips() }
    return finish()
  }

  /// Notes the time and that bytes came, though they may not be a whole message yet.
  package mutating func heard(now: UInt64) {
    advanceClock(now)
    lastReceived = clock
  }

  package mutating func tick(now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .greeting || phase == .running else { return [] }
    let isPatient = Sabotage.missNoHeartbeat.isPlanted
    if !isPatient, elapsed(since: lastReceived, at: clock) >= silenceMilliseconds {
      close(.silent(milliseconds: elapsed(since: lastReceived, at: clock)))
      return finish()
    }
    if isGated, let patience = configuration.gateMilliseconds,
      elapsed(since: startedAt, at: clock) >= patience
    {
      send(.status(Status(.notAMember, "this device is not a member of the workspace")))
      close(.notAdmitted)
      return finish()
    }
    if let due = advertiseAt, clock >= due { advertise() }
    if hasTheirHello, elapsed(since: lastSent, at: clock) >= limits.heartbeatMilliseconds {
      pingNumber += 1
      pingSentAt = clock
      send(.ping(pingNumber))
    }
    return finish()
  }

  /// The peer counts as a member from here on: what was held back is sent.
  package mutating func open(now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard isGated, phase == .greeting else { return [] }
    isGated = false
    sendOwedRecords()
    sendTips()
    runIfReady()
    return finish()
  }

  /// Opens the gate with what was not even told to the session before.
  package mutating func open(
    tips: [ChainTip], recordDigest: [UInt8], now: UInt64
  ) -> [SessionAction] {
    guard isGated, phase == .greeting else { return [] }
    localTips = tips
    local = VersionVector(tips)
    if recordDigest != self.recordDigest {
      self.recordDigest = recordDigest
      owesRecords = true
    }
    return open(now: now)
  }

  /// Tells the people at the other end a sentence.
  package mutating func report(_ status: Status, now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .greeting || phase == .running else { return [] }
    if status.endsFlow, let origin = status.origin { exclude(origin) }
    send(.status(status))
    return finish()
  }

  /// Leaves in good order.
  package mutating func leave(now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .greeting || phase == .running else { return [] }
    send(.bye)
    close(.left)
    return finish()
  }

  // MARK: Shared by all inputs

  /// Both ends know what receipts are.
  var tellsReceipts: Bool {
    configuration.receiptDigest != nil && theirHello?.receipts != nil
  }

  var silenceMilliseconds: UInt64 {
    limits.heartbeatMilliseconds * limits.missedHeartbeatsMax
  }

  /// Whether segments are pushed to the peer without its asking.
  var pushes: Bool {
    configuration.flow != .receiveOnly && theirHello?.flow != .sendOnly
  }

  /// The session runs, and pushes.
  package var mayPush: Bool { isRunning && pushes }

  /// Whether the peer pushes to us, or we ask it when it only advertises.
  var peerPushes: Bool {
    configuration.flow != .sendOnly && theirHello?.flow != .receiveOnly
  }

  mutating func advanceClock(_ now: UInt64) {
    clock = max(clock, now)
  }

  func elapsed(since start: UInt64, at now: UInt64) -> UInt64 {
    now > start ? now - start : 0
  }

  mutating func send(_ message: Message) {
    actions.append(.send(message))
    lastSent = clock
  }

  mutating func close(_ ending: SessionEnding) {
    guard phase != .closed else { return }
    phase = .closed
    assembly = nil
    actions.append(.close(ending))
  }

  /// The actions gathered by an input, with the change of level that follows from them.
  mutating func finish() -> [SessionAction] {
    if phase == .running {
      pump()
      let isLevel = self.isLevel
      if isLevel != wasLevel {
        wasLevel = isLevel
        actions.append(.level(isLevel))
      }
    }
    let result = actions
    actions = []
    return result
  }

  mutating func exclude(_ origin: Origin) {
    excluded.insert(origin)
    contested.remove(origin)
    withhold(origin)
  }

  /// Forgets what was to be sent of an origin, and what was waited for.
  mutating func withhold(_ origin: Origin) {
    pending.set(origin, to: 0)
    unacknowledged.set(origin, to: 0)
    lacking.set(origin, to: 0)
    advertisement.set(origin, to: 0)
    inFlight.forget(origin)
    waiting.forget(origin)
    lackingMarks.forget(origin)
  }

  mutating func countSent(_ segment: OutgoingSegment) {
    traffic.sentSegments += 1
    traffic.sentChanges &+= segment.last - segment.first + 1
    traffic.sentSegmentBytes += UInt64(segment.bytes.count)
  }

  mutating func countReceived(_ head: SegmentHead, isDuplicate: Bool) {
    traffic.receivedSegments += 1
    traffic.receivedChanges &+= head.last - head.first &+ 1
    traffic.receivedSegmentBytes += UInt64(head.byteCount)
    if isDuplicate { traffic.duplicateSegments += 1 }
  }
}
