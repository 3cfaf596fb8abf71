import Causality
import DequeModule
import Documents
package import ReplicaStore
package import Sealing
import SegmentStore
import Segments
import SyncProtocol

/// Joins a replica's store to its links: what is committed here is sealed and sent, what arrives is
/// verified, stored and acknowledged, and who belongs to the workspace is told on.
///
/// Synchronous and deterministic: each input does its work and returns what is left to do outside.
/// It has no socket, no clock and no random source of its own, and one owner at a time; the same
/// inputs on equal stores give the same effects.
///
/// ```
/// bytes ─► Link ─► SyncSession ─► records ─► Membership (store)
///                       │    └──► segments ─ verify ─► store.receive (one transaction) ─► .changed
///                       ◄── durable: acknowledged to the sender, offered to all others
/// commit ─► seal ─► offered to all
/// ```
///
/// Back pressure is the protocol's credit: of one link never more than its window, and no more than
/// 16 MiB, of segments is sent and not acknowledged. What has left is to be reported, see
/// ``sent(_:byteCount:at:)``; what a link may hold besides is bounded, see ``heldBytesMaxOfLink``.
package final class Engine {
  package let store: ReplicaStore
  let configuration: EngineConfiguration
  let entropy: Entropy
  var limits: EngineLimits { configuration.limits }
  var instant: EngineInstant
  var now: UInt64 { instant.monotonic }

  var links: [LinkID: Connection] = [:]
  var planner: WantPlanner
  /// Where the topology puts this replica; nil while there is none.
  var place: Place?
  var dialler: Dialler?
  var hasShutDown = false
  /// Durable segments, as the links were told.
  var stored: VersionVector

  /// Links and what is still to be done about them, first in, first out: a link's messages are
  /// sealed in the order in which its actions are made.
  var work: [(id: LinkID, action: LinkAction)] = []
  /// Segments that were accepted and not looked at yet.
  var inbox = Inbox()
  /// What peers ask for and this turn has not got to.
  var postponed: Deque<(id: LinkID, request: SegmentRequest)> = []
  /// Counts the inputs.
  private(set) var turn: UInt64 = 0
  /// What this turn has read for peers.
  var providedBytes = 0
  /// How often this turn may still take over what arrived.
  private var takesLeft = 0
  /// The last turn has stored something, so that the next one applies.
  var hasStored = false
  /// Links that are level as soon as all that came is shown.
  private var nearlyLevel: Set<LinkID> = []
  /// When what is ready is tried again, after it could not be applied.
  var applyAgainAt: UInt64?
  /// When somebody last worked here, or a small change came.
  var attentionAt: UInt64?
  private var effects: [Effect] = []
  /// Durable segments that links are likely to ask for.
  var recent = RecentSegments()

  /// When unsealed changes are to be sealed; nil when there are none, or nobody to send them to.
  var sealAt: UInt64?
  var lastSealAt: UInt64 = 0
  /// When what commits have left in small pieces is to be put together; nil when there is nothing.
  var tidyAt: UInt64?
  /// It has failed, and is not tried again before.
  var tidyNotBefore: UInt64 = 0
  /// Peers whose acknowledgements are not saved.
  var unsavedPeers: Set<SigningKey.Public> = []
  var savePeersAt: UInt64?
  /// Whom damaged segments were asked of, and when they are to be asked of another one.
  var fetching = DamageFetching()
  /// This store is an earlier one that was put back, and has not been merged into what others have.
  var isReturning = false
  /// Something is damaged that belongs into a snapshot.
  var cannotGiveSnapshots = false
  /// When a snapshot is taken that was offered, if nobody has sent segments by then.
  var offersDueAt: UInt64?
  /// The snapshot that is being taken over.
  var taking: SnapshotTaking?
  /// Segments that came before the record that says whose they are.
  var unverified: [(id: LinkID, origin: Origin)] = []
  /// Since when each peer has said that somebody else writes under our origin. Without proof that
  /// holds back what is new here for a while only.
  var holdBegan: [SigningKey.Public: UInt64] = [:]
  /// Peers on whose word alone, without proof, a new origin was taken. Each is believed once.
  var believedForks: Set<SigningKey.Public> = []
  /// When this device is to say what it has; nil while there is nothing new to say.
  var receiptAt: UInt64?
  var lastReceiptAt: UInt64?
  /// A change of which another process wants to know soon who has it.
  var awaited: ChangeID?
  var wedgesCheckedAt: UInt64 = 0
  /// Who is there.
  var presence = PresenceBoard()
  /// The chains that are known to be forked, and where they end. Only looked up in.
  var forks: [Origin: UInt64] = [:]
  /// When peers are told in short what is stored.
  var chainsAt: UInt64?
  /// When peers were last met anew as their chains differ. Only looked up in.
  var doubts: [ForkDoubt: UInt64] = [:]
  /// Links whose peers have not been told who is there.
  var greeted: [LinkID] = []
  var wasAdmitted: Bool
  var membershipDigest: Digest
  /// Requests to join that were looked at and refused, with the reason.
  var refusedRequests: [Digest: String] = [:]
  /// When requests that the store failed to answer are looked at again.
  var admitAgainAt: UInt64?

  package init(
    store: ReplicaStore, configuration: EngineConfiguration = EngineConfiguration(),
    entropy: Entropy, at instant: EngineInstant
  ) throws(StoreError) {
    self.store = store
    self.configuration = configuration
    self.entropy = entropy
    self.instant = instant
    _ = try store.refresh()
    stored = Self.vector(of: try store.storedTips())
    planner = WantPlanner(local: stored, wish: .everything)
    wasAdmitted = store.isAdmitted
    membershipDigest = store.membership.digest
    let forked = try store.forkedChains()
    forks = Self.ends(of: forked)
    planner.stored(Self.unaskable(forked), now: instant.monotonic)
    isReturning = try store.isReturning()
    place = findPlace()
    planner.wishes(wish)
    dialler = place.map { Dialler($0, limits: configuration.limits, entropy: entropy) }
    if configuration.topology == nil { dialler?.visit(errands(isNew: false), now: now) }
  }

  // MARK: Time

  /// Dials what the topology wants. The first input.
  package func start(at instant: EngineInstant) -> [Effect] {
    input(at: instant) { replan() }
  }

  package func tick(at instant: EngineInstant) -> [Effect] {
    input(at: instant, takes: 1) {
      providePostponed()
      for id in sortedLinks {
        guard let connection = links[id], connection.gauges.nextDeadline <= now else {
          continue
        }
        enqueue(connection.take { $0.tick(now: now) }, id)
      }
      drain()
      if let due = sealAt, now >= due { seal() }
      if let due = tidyAt, now >= due { tidy() }
      ask()
      if let due = applyAgainAt, now >= due { applyAgainAt = nil }
      if let due = admitAgainAt, now >= due { react() }
      if let due = savePeersAt, now >= due { savePeers() }
      if let due = receiptAt, now >= due { writeReceipt() }
      if let due = chainsAt, now >= due { tellChains() }
      if let due = fetching.dueAt, now >= due { fetchDamaged() }
      tickSnapshots()
      tickForks()
      tickPresence()
      replan()
    }
  }

  /// When `tick` has something to do at the latest, in the time of `EngineInstant.monotonic`;
  /// `.max` when nothing is waited for.
  package var nextDeadline: UInt64 { hasMore ? now : nextTimer }

  /// The same for an owner that lets the engine go on by itself while it has more.
  package var nextTimer: UInt64 {
    var deadline = min(sealAt ?? .max, savePeersAt ?? .max, admitAgainAt ?? .max)
    deadline = min(deadline, fetching.dueAt ?? .max, snapshotDeadline, presenceDeadline)
    deadline = min(deadline, applyAgainAt ?? .max, forkDeadline, tidyAt ?? .max)
    dialler?.lower(&deadline)
    if !links.isEmpty {
      deadline = min(
        deadline, planner.nextDeadline ?? .max, receiptAt ?? .max, chainsAt ?? .max)
    }
    for connection in links.values { deadline = min(deadline, connection.gauges.nextDeadline) }
    return deadline
  }

  // MARK: One turn

  /// Whether a turn was ended before all was done, so that others get theirs: ``goOn(at:)``.
  package var hasMore: Bool { !inbox.isEmpty || !postponed.isEmpty || canApply }

  /// Whether changes are ready, and it is not known that they cannot be applied just now.
  var canApply: Bool { applyAgainAt == nil && store.hasReadyChanges }

  /// Whether something came over a link that is not stored yet: until then nothing more is to be
  /// read from it. Complexity: O(links).
  package func holdsUnstored(of id: LinkID) -> Bool { inbox.byteCount(of: id) > 0 }

  /// Somebody works here, or small changes come: whoever gives the engine its turns leaves time
  /// between them.
  package func isAttended(at instant: EngineInstant) -> Bool {
    attentionAt.map { instant.monotonic < $0 + limits.attentionMilliseconds } ?? false
  }

  /// Goes on with what the turns before have left.
  package func goOn(at instant: EngineInstant) -> [Effect] {
    input(at: instant, takes: 1) { providePostponed() }
  }

  /// Does the work of one input and all that follows from it, and takes over so many batches of
  /// what arrived.
  func input(at instant: EngineInstant, takes: Int = 0, _ body: () -> Void) -> [Effect] {
    if instant.monotonic >= self.instant.monotonic { self.instant = instant }
    turn &+= 1
    providedBytes = 0
    takesLeft = takes
    body()
    drain()
    finishErrand()
    greet()
    noteDamage()
    noteWedges()
    tellLevels()
    let result = effects
    effects = []
    return result
  }

  /// Does what links and segments ask for until nothing is left, or nothing that this turn may do.
  /// Never from within an action: what an action leads to stands behind what is there already.
  func drain() {
    var next = 0
    while true {
      while next < work.count {
        let (id, action) = work[next]
        next += 1
        perform(action, id)
        if next >= 1_024, next * 2 >= work.count {
          work.removeFirst(next)
          next = 0
        }
      }
      work.removeAll(keepingCapacity: true)
      next = 0
      guard takesLeft > 0, !inbox.isEmpty || canApply else { return }
      takesLeft -= 1
      takeOver()
    }
  }

  /// A link is level when all that came over it is shown here, too, and what is damaged here has
  /// come from it if it does so soon.
  func note(isLevel: Bool, of id: LinkID) {
    nearlyLevel.remove(id)
    guard isLevel else { return emit(.level(id, false)) }
    nearlyLevel.insert(id)
  }

  private func tellLevels() {
    guard !nearlyLevel.isEmpty, !hasMore, applyAgainAt == nil else { return }
    let giving = nearlyLevel.filter { isGiving($0) }
    for id in nearlyLevel.sorted() where links[id] != nil && !giving.contains(id) {
      writeReceiptSoon(isAtRest: true)
      emit(.level(id, true))
    }
    nearlyLevel = giving
  }

  var sortedLinks: [LinkID] { links.keys.sorted() }

  func enqueue(_ actions: [LinkAction], _ id: LinkID) {
    for action in actions { work.append((id, action)) }
  }

  /// Hands an input to the session of a link, if it has one.
  func session(_ id: LinkID, _ input: (inout SyncSession) -> [SessionAction]) {
    guard let connection = links[id] else { return }
    enqueue(connection.take { $0.perform(now: now, input) }, id)
  }

  func emit(_ effect: Effect) {
    // Messages of one turn leave as one piece.
    if case .send(let id, let bytes) = effect, case .send(id, var before)? = effects.last,
      before.count < 64 << 10
    {
      effects.removeLast()
      before += bytes
      effects.append(.send(id, before))
    } else if case .changed(let documents, let isComplete) = effect {
      // Whoever is told of one part would see the others too, and not know of them.
      var (all, isAllComplete) = (documents, isComplete)
      effects.removeAll {
        guard case .changed(let before, let wasComplete) = $0 else { return false }
        all += before
        isAllComplete = isAllComplete && wasComplete
        return true
      }
      if all.count > documents.count { all = Set(all).sorted() }
      effects.append(.changed(all, isComplete: isAllComplete))
    } else if case .level(let id, _) = effect {
      // What a link was in between is nobody's concern.
      effects.removeAll { if case .level(id, _) = $0 { true } else { false } }
      effects.append(effect)
    } else {
      effects.append(effect)
    }
  }

  func log(_ level: EngineLogLevel, _ sentence: String) { emit(.log(level, sentence)) }

  func replan() {
    guard let orders = dialler?.plan(now: now) else { return }
    for order in orders {
      switch order {
      case .dial(let dial, let address): emit(.dial(dial, address: address))
      case .leave(let id): part(with: id)
      }
    }
  }

  // MARK: Small conversions

  static func vector(of tips: [(origin: Origin, position: ChainPosition)]) -> VersionVector {
    VersionVector(
      tips.map { VersionVector.Entry(origin: $0.origin, sequence: $0.position.sequence) })
  }

  static func tip(_ origin: Origin, _ position: ChainPosition) -> ChainTip {
    ChainTip(
      origin: origin, sequence: position.sequence, chainPrefix: chainPrefix(position.hash))
  }

  static func chainPrefix(_ hash: Digest) -> UInt64 {
    hash.bytes.withUnsafeBytes { UInt64(bigEndian: $0.load(as: UInt64.self)) }
  }

  static func hexadecimal(_ key: [UInt8]) -> String {
    SigningKey.Public(key)?.hexadecimal ?? ""
  }

  func name(ofDevice key: [UInt8]) -> String? {
    guard let key = SigningKey.Public(key), let device = store.membership.device(key) else {
      return nil
    }
    return try? device.name(using: store.identity.key)
  }

  /// A read of the segment store as a read of the store.
  func records<Result>(
    _ body: () throws(SegmentStoreError) -> Result
  ) throws(StoreError) -> Result {
    do throws(SegmentStoreError) { return try body() } catch { throw StoreError(error) }
  }
}
