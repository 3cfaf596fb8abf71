import Causality
import DequeModule
import Sabotages

/// A segment whose parts are still coming. What is kept is what has come, not what was announced.
struct SegmentAssembly: Sendable {
  let head: SegmentHead
  private(set) var bytes: [UInt8]

  init(head: SegmentHead, bytes: [UInt8]) {
    self.head = head
    self.bytes = bytes
  }

  var isComplete: Bool { bytes.count == head.byteCount }

  /// False, and nothing is appended, when the part is longer than what is missing.
  mutating func append(_ part: [UInt8]) -> Bool {
    guard part.count <= head.byteCount - bytes.count else { return false }
    bytes += part
    return true
  }
}

/// Segments sent and not acknowledged, for the figures of lag.
struct InFlightSegments: Sendable {
  private struct Entry {
    var origin: Origin
    var last: UInt64
    var byteCount: Int
  }

  private var entries: Deque<Entry> = []
  private(set) var byteCount = 0
  /// What was under way when the last segment was begun.
  var byteCountBeforeLast: Int { byteCount - (entries.last?.byteCount ?? 0) }
  /// A segment that is never acknowledged would stay for ever at the front; the rest is looked
  /// through whenever the list has doubled.
  private var sweepAtCount = 1_024

  mutating func add(_ head: SegmentHead, acknowledged: VersionVector) {
    entries.append(Entry(origin: head.origin, last: head.last, byteCount: head.byteCount))
    byteCount += head.byteCount
    guard entries.count > sweepAtCount else { return }
    entries.removeAll { $0.last <= acknowledged[$0.origin] }
    byteCount = entries.reduce(0) { $0 + $1.byteCount }
    sweepAtCount = max(1_024, 2 * entries.count)
  }

  /// What was sent of an origin is not awaited any more: the peer has refused it.
  ///
  /// Complexity: O(n).
  mutating func forget(_ origin: Origin) {
    entries.removeAll { $0.origin == origin }
    byteCount = entries.reduce(0) { $0 + $1.byteCount }
  }

  mutating func settle(_ acknowledged: VersionVector) {
    if Sabotage.growWithoutBound.isPlanted { return }
    while let first = entries.first, first.last <= acknowledged[first.origin] {
      byteCount -= first.byteCount
      entries.removeFirst()
    }
  }
}

/// Since when changes wait for their acknowledgement.
struct WaitingMarks: Sendable {
  private struct Mark {
    var since: UInt64
    var goal: VersionVector
  }

  /// Ages are told to a tenth of a second; a mark gathers what came within it.
  private static let stepMilliseconds: UInt64 = 100
  private static let countMax = 1_024
  /// With more entries than this in all marks together, the last one, but not the first, gathers
  /// what comes.
  static let entryCountMax = 4_096
  private var marks: Deque<Mark> = []
  /// Of all marks together: at most ``entryCountMax`` and two vectors.
  private(set) var entryCount = 0

  /// When the oldest of those that wait came.
  var oldest: UInt64? { marks.first?.since }

  /// Of the changes that have waited longest, the first origin that is not `reached` yet.
  func longestWaiting(beyond reached: VersionVector) -> Origin? {
    marks.first?.goal.entries.first { reached[$0.origin] < $0.sequence }?.origin
  }

  /// Whether changes of an origin are among those that have waited longest and are not `reached`.
  ///
  /// What came later may overtake them for a while; when it goes on doing so they are stuck.
  func isLongestWaiting(_ origin: Origin, beyond reached: VersionVector) -> Bool {
    (marks.first?.goal[origin] ?? 0) > reached[origin]
  }

  mutating func add(_ goal: VersionVector, at now: UInt64) {
    guard !goal.isEmpty else { return }
    let isFull = marks.count == Self.countMax || entryCount >= Self.entryCountMax
    // What has waited longest is not mixed with what comes, or it would never seem to be stuck.
    let gathers = isFull && marks.count > 1
    if let last = marks.last, gathers || now < last.since + Self.stepMilliseconds {
      entryCount -= last.goal.entries.count
      marks[marks.count - 1].goal.merge(goal)
      entryCount += marks[marks.count - 1].goal.entries.count
    } else {
      marks.append(Mark(since: now, goal: goal))
      entryCount += goal.entries.count
    }
  }

  mutating func settle(_ acknowledged: VersionVector) {
    while let first = marks.first, acknowledged.covers(first.goal) {
      entryCount -= first.goal.entries.count
      marks.removeFirst()
    }
  }

  /// Nothing of an origin is waited for any more.
  mutating func forget(_ origin: Origin) {
    for index in marks.indices { marks[index].goal.set(origin, to: 0) }
    marks.removeAll(where: \.goal.isEmpty)
    entryCount = marks.reduce(0) { $0 + $1.goal.entries.count }
  }
}
