internal import Documents
internal import ReplicaStore
internal import Replication
private import Sealing
internal import Synchronization

/// Owns a store, the engine over it and the links: everything that writes the file happens here,
/// one thing after the other. Reads, queries and checkpoints have connections of their own.
actor ReplicaCore {
  struct Open {
    var store: ReplicaStore
    var engine: Engine
  }

  nonisolated let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  nonisolated let waiting = TransactionQueue<StoreGroup>()
  nonisolated let subscribers = Subscribers()

  /// Nil before the store is opened and after it is closed.
  private(set) var state: Open?

  var links: [LinkID: AttachedLink] = [:]
  var lastLinkNumber: UInt64 = 0
  /// What became of the links that an exchange waits for.
  var outcomes: [LinkID: LinkOutcome] = [:]
  var exchanges: [ExchangeWait] = []
  var exchangeLimits = ExchangeLimits()
  /// How long what was sent before a link ends may take to leave.
  var goodByePatience = Duration.seconds(5)
  /// Those who wait for something, by number.
  var waits: [UInt64: Wait] = [:]
  var lastWaitNumber: UInt64 = 0
  nonisolated let healthFollowers = Broadcast<Health>(buffered: 1)
  var toldHealth: Health?
  /// Waits until the health is looked at.
  var healthTask: Task<Void, Never>?
  /// What other processes were told last.
  var reported: LiveReport?
  nonisolated let presenceFollowers = Broadcast<[Presence]>(buffered: 1)
  var toldPresence: [Presence]?
  /// Whether other processes were asked who is present, and whether one asks.
  var asksForPresence = false
  var isAskedForPresence = false
  /// How far it was looked for questions and answers.
  var versionPassedOn: Int64?
  var service: ServiceHooks?
  /// The file of the certificates that are believed besides the system's.
  var trustedCertificates: String?
  /// Addresses that did not answer the last time, and why.
  var unreachable: [String: String] = [:]
  /// What those who follow a document were told last, and which arrivals it held.
  var watches: [UInt64: (view: DocumentView, arrivals: UInt64)] = [:]
  /// How often changes that this process has not made became readable.
  var arrivals: UInt64 = 0
  nonisolated let watchNumber = Mutex<UInt64>(0)
  var projection = ProjectionSchedule()
  nonisolated let checkpointer: Checkpointer
  nonisolated let logLength = LogLength()
  /// When somebody whose transactions run on their own thread has last let others have a turn.
  private nonisolated let lastYield = Atomic<UInt64>(0)
  var isCheckpointing = false
  /// How long the log was when it was copied last.
  var copiedPages = 0
  var turns = EngineTurns()
  private var timer: (deadline: UInt64, task: Task<Void, Never>)?
  private var poller: Task<Void, Never>?

  /// The store's file.
  nonisolated let path: String

  init(path: String) {
    self.path = path
    executor = QueueExecutor(label: "skerry \(path)")
    checkpointer = Checkpointer(path: path)
  }

  /// The one way in from outside: `make` opens the store as this actor's work.
  func start(_ make: @Sendable () throws -> Open) throws(ReplicaError) {
    state = try ReplicaError.translating {
      let open = try make()
      try open.store.leaveCheckpoints(below: Checkpointer.pagesMax)
      return open
    }
  }

  func opened() throws(ReplicaError) -> Open {
    guard let state else { throw ReplicaError(.closed, "The replica is closed.") }
    return state
  }

  /// Replaces the engine, which holds no link that anybody still needs.
  func renew(_ configuration: EngineConfiguration) throws(ReplicaError) {
    let (store, old) = (try opened().store, try opened().engine)
    let new = try ReplicaError.translating {
      try Engine(store: store, configuration: configuration, entropy: .system, at: .now)
    }
    new.takeOverPresence(from: old)
    state?.engine = new
    tellPresence()
    timer?.task.cancel()
    timer = nil
    scheduleTick()
    goOnSoon()
  }

  func close() async {
    guard let open = state else { return }
    drain()
    await endLinks()
    guard state != nil else { return }
    perform(open.engine.finishTidying(at: .now))
    endReport()
    presenceFollowers.finish()
    askForPresence()
    state = nil
    service?.stop()
    service = nil
    for pending in waiting.close() { pending.refuse() }
    endExchanges()
    endWaits()
    goOnSoon()
    healthTask?.cancel()
    healthTask = nil
    healthFollowers.finish()
    projection.task?.cancel()
    projection.task = nil
    timer?.task.cancel()
    timer = nil
    poller?.cancel()
    poller = nil
    subscribers.finish()
    await checkpointer.close()
    open.store.close()
  }
}

extension EngineInstant {
  static var now: EngineInstant {
    EngineInstant(monotonic: MonotonicClock.milliseconds, wall: .now)
  }
}

// MARK: Time

extension ReplicaCore {
  /// Sees to it that the engine is woken when it wants to be.
  func scheduleTick() {
    guard let deadline = state?.engine.nextTimer, deadline < .max else { return }
    if let timer, timer.deadline <= deadline { return }
    timer?.task.cancel()
    let now = MonotonicClock.milliseconds
    let wait = Duration.milliseconds(Int64(clamping: deadline > now ? deadline - now : 0))
    let rest = turns.nextTick - .now
    let task = Task { [weak self] in
      try? await Task.sleep(for: max(wait, rest))
      guard !Task.isCancelled else { return }
      await self?.tick()
    }
    timer = (deadline, task)
  }

  private func tick() {
    timer = nil
    guard let engine = state?.engine else { return }
    perform(takeTick(engine))
  }

  /// Looks, from now on, every 50 ms whether another process has committed.
  func startPolling() {
    guard poller == nil, state != nil else { return }
    poller = Task { [weak self] in
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(50))
        guard await self?.poll() ?? false else { return }
      }
    }
  }

  /// False when nobody wants to know any more.
  private func poll() -> Bool {
    guard state != nil, isWatched else {
      poller = nil
      return false
    }
    lookAround()
    // What other processes tell of their links changes nothing else here.
    if !healthFollowers.isEmpty { lookAtHealthSoon() }
    passOnPresence()
    return true
  }

  /// Whether anybody wants to know what other processes commit.
  private var isWatched: Bool {
    !links.isEmpty || service != nil || !subscribers.isEmpty || !waits.isEmpty
      || !healthFollowers.isEmpty || !presenceFollowers.isEmpty || asksForPresence
  }

  /// Takes in what other processes have committed.
  func lookAround() {
    guard let engine = state?.engine else { return }
    perform(engine.storeChanged(at: .now), source: .otherProcess)
  }
}

// MARK: Transactions and reading

extension ReplicaCore {
  nonisolated func transactions<Value: Sendable>(
    _ bodies: [@Sendable (inout Transaction) throws -> Value]
  ) async throws(ReplicaError) -> [Result<Commit<Value>, any Error>] {
    typealias Results = [Result<Commit<Value>, any Error>]
    if bodies.isEmpty { return [] }
    var ranAtOnce = false
    let outcome: Result<Results, ReplicaError> = await withCheckedContinuation { continuation in
      let pending = TransactionQueue<StoreGroup>.Pending { group in
        let results: Results = bodies.map { group.commit($0) }
        let documents = results.flatMap { (try? $0.get().documents) ?? [] }
        return TransactionQueue<StoreGroup>.Ran(documents: documents) { failure in
          continuation.resume(returning: failure.map { .failure($0) } ?? .success(results))
        }
      } refuse: { failure in
        continuation.resume(returning: .failure(failure))
      }
      ranAtOnce = enqueue(pending)
    }
    if ranAtOnce { await letOthersRun() }
    return try outcome.get()
  }

  /// - Returns: whether it has run already.
  private nonisolated func enqueue(
    _ pending: TransactionQueue<StoreGroup>.Pending
  ) -> Bool {
    switch waiting.append(pending) {
    case .joined: break
    case .alone where drainAtOnce(): return true
    case .first, .alone: Task { await drain() }
    case .closed: pending.refuse()
    }
    return false
  }

  /// Whoever commits on and on would never let others of its thread have a turn. Giving it away
  /// costs as much as a tenth of a quick commit, so not each does: once in a millisecond or two.
  private nonisolated func letOthersRun() async {
    let now = MonotonicClock.milliseconds
    guard now >= lastYield.load(ordering: .relaxed) + 2 else { return }
    lastYield.store(now, ordering: .relaxed)
    await Task.yield()
  }

  /// Takes what waits into a group on the thread of the caller, if nothing else happens here just
  /// now: who writes alone is spared the way to another thread and back.
  private nonisolated func drainAtOnce() -> Bool {
    executor.runAtOnce { assumeIsolated { $0.drain() } }
  }

  nonisolated func transaction<Value: Sendable>(
    _ body: @escaping @Sendable (inout Transaction) throws -> Value
  ) async throws -> Commit<Value> {
    var ranAtOnce = false
    let outcome: Result<Commit<Value>, any Error> = await withCheckedContinuation { continuation in
      let pending = TransactionQueue<StoreGroup>.Pending { group in
        let result = group.commit(body)
        var documents: [DocumentID] = []
        if case .success(let commit) = result { documents = commit.documents }
        return TransactionQueue<StoreGroup>.Ran(documents: documents) { failure in
          if let failure {
            continuation.resume(returning: .failure(failure))
          } else {
            continuation.resume(returning: result)
          }
        }
      } refuse: { failure in
        continuation.resume(returning: .failure(failure))
      }
      ranAtOnce = enqueue(pending)
    }
    if ranAtOnce { await letOthersRun() }
    return try outcome.get()
  }

  /// Takes everything that waits into one group: one transaction of SQLite, one wait for the disk.
  func drain() {
    let batch = waiting.takeAll()
    guard !batch.isEmpty else { return }
    guard let open = state else {
      for pending in batch { pending.refuse() }
      return
    }
    var ran: [TransactionQueue<StoreGroup>.Ran] = []
    do {
      let isSealing = open.engine.sealsAtOnce(at: .now)
      let entropy = Entropy.system.drawnAhead()
      try open.store.group(now: .now, entropy: entropy, isSealing: isSealing) { group in
        for pending in batch { ran.append(pending.run(group)) }
      }
      for done in ran { done.finish(nil) }
      if open.store.hasNewsOfOthers { lookAround() }
      perform(open.engine.committed(at: .now))
      projectSoon()
      checkpointSoon()
      let documents =
        ran.count == 1 ? ran[0].documents : Set(ran.lazy.flatMap(\.documents)).sorted()
      guard !documents.isEmpty else { return }
      subscribers.tell(ChangeNotice(documents: documents, isComplete: true, source: .local))
    } catch {
      let failure = ReplicaError(error)
      for done in ran { done.finish(failure) }
      for pending in batch.dropFirst(ran.count) { pending.refuse(failure) }
    }
  }

  /// Where there is no other connection to read with; transactions wait meanwhile.
  func read<Value: Sendable>(
    _ body: @Sendable (Reading) throws -> Value
  ) throws -> Value {
    let store = try opened().store
    lookAround()
    do {
      return try store.read { try body(Reading(store)) }
    } catch let error as StoreError {
      throw ReplicaError(error)
    }
  }

  /// Takes over what a read on another connection has found damaged.
  func note(_ damage: FoundDamage) {
    // What fails here fails again where it is asked for, and says so there.
    try? state?.store.take(damage)
    // Now it is known what peers are to be asked for.
    lookAround()
  }

  nonisolated func subscribe() -> AsyncStream<ChangeNotice> {
    let stream = subscribers.add()
    Task { await startPolling() }
    return stream
  }
}
