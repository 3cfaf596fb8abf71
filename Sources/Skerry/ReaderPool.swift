internal import ReplicaStore
private import SQLiteBridge
internal import Synchronization

/// Connections that only read, beside the one that writes. A read takes one for as long as it runs
/// and works on the caller's task: it waits for no transaction and holds none up, and what it sees
/// is one state that a transaction has left, none older than what any call has returned before.
///
/// They are opened when they are needed, and at most ``countMax``; who finds none free waits for
/// its turn.
final class ReaderPool: Sendable {
  /// Each keeps a page cache and a few open documents. More would not read faster: tasks run on as
  /// many threads as there are cores.
  static let countMax = 8
  /// The page cache of each, taken as it is used: what leads to the documents of a store of a
  /// hundred thousand fits in, with room for the documents that push it out.
  private static let cacheKibibytes: Int32 = 16_384
  /// What one of them keeps open.
  static let openDocuments = DocumentCacheLimits(count: 64, bytes: 8 << 20)

  /// Belongs to whoever has taken it from the pool, one after the other.
  struct Reader: @unchecked Sendable {
    let store: ReplicaStore

    func run<Value>(_ body: (Reading) throws -> Value) throws -> Value {
      do {
        return try body(Reading(store))
      } catch let error as StoreError {
        throw ReplicaError(error)
      }
    }

    func runInOneState<Value>(_ body: (Reading) throws -> Value) throws -> Value {
      do {
        return try store.read { try body(Reading(store)) }
      } catch let error as StoreError {
        throw ReplicaError(error)
      }
    }
  }

  /// How much of a store a read takes, which tells how it is best done.
  enum Extent {
    /// One call, which sees one state by itself: it can spare a statement or two.
    case oneCall
    /// Any calls, which all see the same state.
    case oneState
    /// The same, and it may take long: it has a thread of its own.
    case everything
  }

  private enum Turn {
    case taken(Reader)
    case opens
    case waits
    case closed
  }

  /// What becomes of one who waits.
  private enum Given {
    case taken(Reader)
    /// There is none, and none can be opened.
    case nothing
    case asksAgain
  }

  private struct State {
    var idle: [Reader] = []
    /// Those that are idle, are in use, or are being opened.
    var count = 0
    var waiting: [CheckedContinuation<Given, Never>] = []
    var reads: UInt64 = 0
    /// Those that may take long.
    var longReads = 0
    /// Somebody waits until none is in use, and none is given out before.
    var isQuieting = false
    var quieting: CheckedContinuation<Void, Never>?
    var isClosed = false
    var closing: [CheckedContinuation<Void, Never>] = []

    var isQuiet: Bool { count == idle.count }

    mutating func turn(takesLong: Bool) -> Turn {
      if isClosed { return .closed }
      if isQuieting { return .waits }
      if let reader = idle.popLast() {
        if takesLong { longReads += 1 }
        return .taken(reader)
      }
      guard count < ReaderPool.countMax else { return .waits }
      count += 1
      if takesLong { longReads += 1 }
      return .opens
    }
  }

  private let path: String
  /// Which file the store is in.
  private let placement: [UInt8]?
  private let state = Mutex(State())

  init(path: String) {
    self.path = path
    placement = Placement.token(of: path)
  }

  /// Waits for those that are in use and closes all.
  func close() async {
    let (idle, waiting) = state.withLock { state in
      state.isClosed = true
      defer { (state.idle, state.waiting) = ([], []) }
      return (state.idle, state.waiting)
    }
    for continuation in waiting { continuation.resume(returning: .asksAgain) }
    for reader in idle { end(reader) }
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.count > 0 { state.closing.append(continuation) }
        return state.count == 0
      }
      if isOver { continuation.resume() }
    }
  }

  /// Runs `body` with one of them.
  ///
  /// - Returns: what came of it, and what it found damaged; nil when none could be opened.
  func read<Value: Sendable>(
    _ extent: Extent, _ body: @escaping @Sendable (Reading) throws -> Value
  ) async throws -> (result: Result<Value, any Error>, damage: FoundDamage?)? {
    // A task that reads on and on would never let others of its thread have a turn.
    if isTurnOfOthers() { await Task.yield() }
    let takesLong = if case .everything = extent { true } else { false }
    guard let reader = try await take(takesLong: takesLong) else { return nil }
    defer { give(reader, tookLong: takesLong) }
    let result: Result<Value, any Error>
    do {
      switch extent {
      case .oneCall: result = .success(try reader.run(body))
      case .oneState: result = .success(try reader.runInOneState(body))
      case .everything:
        let errand = Errand(label: "skerry reading \(path)")
        result = .success(try await errand.run { try reader.runInOneState(body) })
      }
    } catch {
      result = .failure(error)
    }
    return (result, reader.store.takeFoundDamage())
  }

  /// Does something while nobody reads: who reads ends, and who wants to begin waits, but no longer
  /// than ``quietMax``.
  ///
  /// - Parameter body: is given whether it is quiet still, and says whether it has done it.
  /// - Returns: false where nothing was done, also as somebody else has asked for the same, or a
  ///   read goes on for longer.
  func whenNobodyReads(_ body: (@Sendable () -> Bool) async -> Bool) async -> Bool {
    let begins = state.withLock { state in
      guard !state.isQuieting, !state.isClosed, state.longReads == 0 else { return false }
      state.isQuieting = true
      return true
    }
    guard begins else { return false }
    let alarm = Task {
      try await Task.sleep(for: Self.quietMax)
      if !Task.isCancelled { endQuiet() }
    }
    await withCheckedContinuation { continuation in
      let waits = state.withLock { state in
        let waits = state.isQuieting && !state.isQuiet
        if waits { state.quieting = continuation }
        return waits
      }
      if !waits { continuation.resume() }
    }
    let isDone = await body { [self] in state.withLock { $0.isQuieting && $0.isQuiet } }
    alarm.cancel()
    _ = await alarm.result
    endQuiet()
    return isDone
  }

  /// How long those who want to read are held up.
  private static let quietMax = Duration.milliseconds(50)

  /// Lets those read who wait, and gives up waiting for those who do.
  private func endQuiet() {
    let (quieting, waiting) = state.withLock { state in
      state.isQuieting = false
      defer { (state.quieting, state.waiting) = (nil, []) }
      return (state.quieting, state.waiting)
    }
    quieting?.resume()
    for continuation in waiting { continuation.resume(returning: .asksAgain) }
  }

  // MARK: Taking turns

  private static let readsPerTurn: UInt64 = 16

  private func isTurnOfOthers() -> Bool {
    state.withLock { state in
      state.reads &+= 1
      return state.reads % Self.readsPerTurn == 0
    }
  }

  /// Nil when none could be opened.
  private func take(takesLong: Bool) async throws(ReplicaError) -> Reader? {
    while true {
      switch state.withLock({ $0.turn(takesLong: takesLong) }) {
      case .taken(let reader): return reader
      case .opens:
        let reader = open()
        if takesLong, reader == nil { state.withLock { $0.longReads -= 1 } }
        return reader
      case .closed: throw ReplicaError(.closed, "The replica is closed.")
      case .waits: break
      }
      let given = await withCheckedContinuation { continuation in
        let mayAskAgain = state.withLock { state in
          let isFull = state.idle.isEmpty && state.count >= Self.countMax
          guard !state.isClosed, state.isQuieting || isFull else { return true }
          state.waiting.append(continuation)
          return false
        }
        if mayAskAgain { continuation.resume(returning: .asksAgain) }
      }
      switch given {
      case .taken(let reader):
        if takesLong { state.withLock { $0.longReads += 1 } }
        return reader
      case .nothing: return nil
      case .asksAgain: break
      }
    }
  }

  private func open() -> Reader? {
    do throws(StoreError) {
      // Another file may be at the path by now.
      guard Placement.token(of: path) == placement else { throw .missing(path: path) }
      var options = SQLiteOptions.store(at: path, .read)
      options.cacheKibibytes = Self.cacheKibibytes
      let store = try ReplicaStore.open(options)
      store.cacheLimits = Self.openDocuments
      store.gathersNews = false
      return Reader(store: store)
    } catch {
      // Whoever waits for one would wait for ever.
      let waiting = state.withLock { state in
        state.count -= 1
        defer { if state.count == 0 { state.waiting = [] } }
        return state.count == 0 ? state.waiting : []
      }
      for continuation in waiting { continuation.resume(returning: .nothing) }
      settle()
      return nil
    }
  }

  private func give(_ reader: Reader, tookLong: Bool) {
    let isOver = state.withLock { state in
      if tookLong { state.longReads -= 1 }
      if state.isClosed { return true }
      if state.isQuieting || state.waiting.isEmpty {
        state.idle.append(reader)
      } else {
        state.waiting.removeFirst().resume(returning: .taken(reader))
      }
      return false
    }
    if isOver { end(reader) } else { settle() }
  }

  private func end(_ reader: Reader) {
    reader.store.close()
    state.withLock { $0.count -= 1 }
    settle()
  }

  /// Wakes those who wait until nobody reads, or until there is none any more.
  private func settle() {
    let settled = state.withLock { state in
      var settled: [CheckedContinuation<Void, Never>] = []
      if state.isQuiet, let quieting = state.quieting {
        settled.append(quieting)
        state.quieting = nil
      }
      if state.count == 0 {
        settled += state.closing
        state.closing = []
      }
      return settled
    }
    for continuation in settled { continuation.resume() }
  }
}
