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
    /// What they were decoded from.
    fileprivate(set) var block: EncodedBlock?
    var next = 0
    var storedThrough: UInt64
    /// Of the segment that the changes were decoded from.
    fileprivate(set) var heldBytes = 0
  }

  private(set) var areLoaded = false
  private var lanes: [Origin: Lane] = [:]
  /// Origins to look at, in the order in which they became ready.
  private var ready: [Origin] = []
  private var readyStart = 0
  /// For an origin whose next changes are awaited: who waits, and from which sequence on it can go
  /// on.
  private var waiting: [Origin: [(sequence: UInt64, lane: Origin)]] = [:]

  /// Decoded segments may take so much while they wait; those of lanes that come to wait later are
  /// decoded again when their turn comes.
  static let heldBytesMax = 64 << 20
  /// Of the segments whose changes are held decoded.
  private(set) var heldBytes = 0

  mutating func removeAll() { self = Lanes() }

  /// Puts the decoded changes of a segment into the lane of an origin.
  ///
  /// - Returns: the lane with them; nil when there is none of that origin.
  mutating func hold(
    _ changes: [Change], _ block: EncodedBlock?, next: Int, bytes: Int, of origin: Origin
  ) -> Lane? {
    guard let before = lanes[origin] else { return nil }
    heldBytes += bytes - before.heldBytes
    let lane = Lane(
      changes: changes, block: block, next: next, storedThrough: before.storedThrough,
      heldBytes: bytes)
    lanes[origin] = lane
    return lane
  }

  /// Drops what is decoded of an origin; it is in the file.
  private mutating func release(_ origin: Origin) {
    guard let before = lanes[origin], before.heldBytes > 0 else { return }
    heldBytes -= before.heldBytes
    lanes[origin] = Lane(storedThrough: before.storedThrough)
  }

  mutating func takeNext(_ origin: Origin) {
    guard let place = lanes.index(forKey: origin) else { return }
    let lane = lanes.values[place]
    if lane.next + 1 < lane.changes.count {
      lanes.values[place].next += 1
    } else if lane.heldBytes > 0 {
      heldBytes -= lane.heldBytes
      lanes.values[place] = Lane(storedThrough: lane.storedThrough)
    }
  }

  mutating func remove(_ origin: Origin) {
    release(origin)
    lanes[origin] = nil
  }

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

  /// Lets those of the origins that are ready go first. Complexity: O(ready origins).
  mutating func prefer(_ origins: [Origin]) {
    guard ready.count - readyStart > 1 else { return }
    let rest = ready[readyStart...]
    ready = rest.filter { origins.contains($0) } + rest.filter { !origins.contains($0) }
    readyStart = 0
  }

  subscript(origin: Origin) -> Lane? {
    lanes[origin]
  }

  /// Lets `origin` wait until `change` is applied.
  mutating func wait(_ origin: Origin, for change: ChangeID) {
    waiting[change.origin, default: []].append((change.sequence, origin))
    if heldBytes > Self.heldBytesMax { release(origin) }
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
