import Causality
import Documents
import Sabotages

/// Changes that are stored and not applied, by origin.
///
/// Of each origin only one segment is decoded at a time: what lies behind it is in the file anyway.
/// An origin is ready, or waits for one change of another, or is stalled.
struct Lanes {
  struct Lane {
    /// Decoded changes; those before `next` are applied.
    var changes: [Change] = []
    var next = 0
    var storedThrough: UInt64

    mutating func takeNext() {
      next += 1
      if next == changes.count {
        changes = []
        next = 0
      }
    }
  }

  private(set) var areLoaded = false
  private var lanes: [Origin: Lane] = [:]
  /// Origins to look at, in the order in which they became ready.
  private var ready: [Origin] = []
  private var readyStart = 0
  /// For an origin whose next changes are awaited: who waits, and from which sequence on it can go
  /// on.
  private var waiting: [Origin: [(sequence: UInt64, lane: Origin)]] = [:]

  mutating func removeAll() { self = Lanes() }

  /// Takes what is stored beyond what is applied.
  mutating func load(_ stored: [(origin: Origin, through: UInt64)]) {
    self = Lanes()
    areLoaded = true
    for (origin, through) in stored { extend(origin, through: through) }
  }

  /// Notes that more of an origin is stored.
  mutating func extend(_ origin: Origin, through: UInt64) {
    if lanes[origin] != nil {
      lanes[origin]?.storedThrough = through
    } else {
      lanes[origin] = Lane(storedThrough: through)
      ready.append(origin)
    }
  }

  var hasReady: Bool { readyStart < ready.count }

  mutating func popReady() -> Origin? {
    guard hasReady else { return nil }
    defer {
      readyStart += 1
      if readyStart == ready.count {
        ready = []
        readyStart = 0
      }
    }
    return ready[readyStart]
  }

  mutating func pushReady(_ origin: Origin) { ready.append(origin) }

  subscript(origin: Origin) -> Lane? {
    get { lanes[origin] }
    _modify { yield &lanes[origin] }
  }

  /// Lets `origin` wait until `change` is applied.
  mutating func wait(_ origin: Origin, for change: ChangeID) {
    waiting[change.origin, default: []].append((change.sequence, origin))
  }

  /// Makes ready whoever waited for what is now applied of `origin`.
  mutating func wake(by origin: Origin, applied: UInt64) {
    if Sabotage.wakeNobody.isPlanted { return }
    guard let waiters = waiting[origin] else { return }
    let rest = waiters.filter { $0.sequence > applied }
    guard rest.count < waiters.count else { return }
    for waiter in waiters where waiter.sequence <= applied { ready.append(waiter.lane) }
    waiting[origin] = rest.isEmpty ? nil : rest
  }
}
