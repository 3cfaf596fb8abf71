internal import Causality
internal import RunStructures

/// Which event inserted what each deletion of a sequence deleted.
///
/// Operations say where they deleted, not what. To put back a unit that was deleted yesterday one
/// has to know what it was, and that was inserted at any time before: looking for it means to
/// replay everything in between. But once found it stays true: no later event changes what an
/// earlier one deleted. So it is written down, once for the whole history, and from then on
/// whoever goes back over a deletion looks up what comes back.
///
///                     heads                          the end of the history
///     ────────────────────┼──────────────────────────┤
///      parts, and a rope  │  the tail, replayed again
///      of what is visible │  when it has grown
///      at the heads       │
///
/// The index ends at a *critical* version: everything that came later had seen it whole. Whatever
/// still comes may be concurrent with the last events, so the index keeps `lag` events behind them;
/// when something older comes in, it starts again.
///
/// It pays only for those who look back more than once. Until going back and looking for what was
/// deleted, deletion by deletion, has cost about as much as making the whole would have, it holds
/// only what was found that way.
package struct DeletionIndex: Sendable {
  /// How many of the latest events are left to the tail, where that is possible.
  package static let lagDefault = 256

  /// Event `deletion + k` deleted what event `insertion + step * k` had inserted.
  struct Part: Sendable {
    var deletion: Int
    var insertion: Int
    var count: Int
    var step: Int

    var deletions: Range<Int> { deletion..<deletion + count }
  }

  private let lag: Int
  private let isEager: Bool

  /// By ascending deletion; those of events before `end`.
  private var parts: ContiguousArray<Part> = []
  /// The same for those after, as the history was when it had `tailEnd` events.
  private var tail: ContiguousArray<Part> = []
  private var tailEnd = 0
  /// The version at which the index ends, and its number of events: those below `end`.
  private var heads: [Int] = []
  private var end = 0
  /// What is visible at `heads`.
  private var rope = InsertionRope()
  private var isMade = false
  /// What was found while the index is not made, by ascending deletion.
  private var found: ContiguousArray<Part> = []

  /// How many events were gone back over to find that.
  private(set) var searchedCount = 0
  /// How many events were replayed at all, for the differences and the index.
  private(set) var replayedCount = 0

  /// - Parameters:
  ///   - lag: how many events it keeps behind the end of the history.
  ///   - isEager: whether it is made at the first need.
  package init(lag: Int = lagDefault, isEager: Bool = false) {
    self.lag = lag
    self.isEager = isEager
  }

  /// Notes that a difference replayed so many events.
  mutating func noteReplay(of eventCount: Int) { replayedCount += eventCount }

  /// Whether it is there, or was missed for long enough.
  private func isWorthwhile(_ graph: EventGraph) -> Bool {
    // To go back over an event costs about a tenth of what it costs to take it in.
    isMade || isEager || searchedCount >= 8 * graph.count
  }

  /// Makes the index know what was deleted.
  ///
  /// - Parameters:
  ///   - unknown: what it does not know yet, by the position of the units at `version`.
  ///   - version: one that was seen by all who deleted them.
  /// - Precondition: every operation has an effect, and nothing is there twice.
  /// - Throws: `damagedHistory` when the history does not add up.
  /// - Complexity: that of ``InsertionSearch``, or of ``update(_:_:_:)``.
  mutating func learn(
    _ unknown: ContiguousArray<InsertionSearch.Stretch>, at version: [Int], _ graph: EventGraph,
    _ log: SequenceLog, _ ranks: [UInt32]
  ) throws(SequenceError) {
    if !isWorthwhile(graph) {
      if unknown.isEmpty { return }
      var search = InsertionSearch(unknown, graph: graph, log: log, ranks: ranks)
      let isComplete = try search.run(from: version)
      searchedCount += search.passedCount
      if isComplete {
        found += search.found
        found.sort { $0.deletion < $1.deletion }
        return
      }
    }
    found.removeAll()
    do throws(SequenceError) {
      try update(graph, log, ranks)
    } catch {
      restart()
      throw error
    }
  }

  /// Brings the index to the end of the history.
  ///
  /// - Precondition: every operation has an effect, and nothing is there twice.
  /// - Throws: `damagedHistory` when the history does not add up.
  /// - Complexity: O(n log n) for the n operations (runs) since the last time, and where something
  ///   came that is concurrent with older ones than the tail, for all.
  private mutating func update(
    _ graph: EventGraph, _ log: SequenceLog, _ ranks: [UInt32]
  ) throws(SequenceError) {
    guard !isMade || graph.count != tailEnd else { return }
    if !isMade || graph.count - end > 4 * lag { try advance(graph, log, ranks) }
    if try !makeTail(graph, log, ranks) {
      restart()
      try advance(graph, log, ranks)
      guard try makeTail(graph, log, ranks) else { throw .damagedHistory(version: end) }
    }
  }

  private mutating func restart() {
    var new = DeletionIndex(lag: lag, isEager: isEager)
    new.replayedCount = replayedCount
    new.searchedCount = searchedCount
    self = new
  }

  /// What is since `heads`; nil when those are no critical version any more.
  private func zone(_ graph: EventGraph) -> ConflictZone? {
    guard end <= graph.count else { return nil }
    let zone = graph.conflictZone(from: heads, to: graph.frontier)
    guard zone.base == heads else { return nil }
    return zone
  }

  private mutating func advance(
    _ graph: EventGraph, _ log: SequenceLog, _ ranks: [UInt32]
  ) throws(SequenceError) {
    guard let zone = zone(graph) else {
      restart()
      return try advance(graph, log, ranks)
    }
    isMade = true
    tail.removeAll()
    tailEnd = 0
    let limit = graph.count - lag
    replayedCount += max(0, limit - end)
    var plan = ReplayPlan(zone)
    var reader = PieceReader(log, &plan)
    var replay = InsertionReplay(graph: graph, ranks: ranks, from: rope)
    rope = InsertionRope()
    var removed: ContiguousArray<Range<Int>> = []
    for (number, section) in plan.sections.enumerated() {
      let versions =
        plan.zone[section.lowerBound].versions
        .lowerBound..<plan.zone[section.upperBound - 1].versions.upperBound
      if section.count == 1 {
        let taken = versions.clamped(to: 0..<max(0, limit))
        guard !taken.isEmpty else { break }
        reader.begin(section.lowerBound, taken)
        while let run = reader.next() { try take(run, &replay, &removed) }
        heads = [taken.upperBound - 1]
        end = taken.upperBound
        if taken != versions { break }
        continue
      }
      guard versions.upperBound <= limit, number + 1 < plan.sections.count else { break }
      let next = plan.zone[plan.sections[number + 1].lowerBound].versions.lowerBound
      if reader.hasRuns(in: section, plan.zone) {
        try replay.replay(section, of: &plan, &reader)
        replay.walk.addDeletions(to: &parts, base: replay.rope)
        try replay.finishSection()
      }
      heads = graph.parents(of: next)
      end = next
    }
    rope = replay.rope
  }

  /// Takes in an operation that nothing is concurrent with.
  private mutating func take(
    _ run: SequenceRun, _ replay: inout InsertionReplay,
    _ removed: inout ContiguousArray<Range<Int>>
  ) throws(SequenceError) {
    guard run.effective(onLength: replay.rope.count).count == run.count else {
      throw .damagedHistory(version: run.version)
    }
    removed.removeAll(keepingCapacity: true)
    try replay.take(run, removed: &removed)
    let isBackward = run.kind == .deleteBackward
    var version = isBackward ? run.end - 1 : run.version
    let first = parts.count
    for insertions in removed {
      parts.append(Part(insertions, deletedBy: version, step: isBackward ? -1 : 1))
      version += isBackward ? -insertions.count : insertions.count
    }
    if isBackward { parts[first...].reverse() }
  }

  /// False when the heads are no critical version any more.
  private mutating func makeTail(
    _ graph: EventGraph, _ log: SequenceLog, _ ranks: [UInt32]
  ) throws(SequenceError) -> Bool {
    if graph.count == tailEnd { return true }
    guard let zone = zone(graph) else { return false }
    tail.removeAll(keepingCapacity: true)
    tailEnd = graph.count
    replayedCount += graph.count - end
    var plan = ReplayPlan(zone)
    var reader = PieceReader(log, &plan)
    let all = 0..<plan.zone.count
    guard reader.hasRuns(in: all, plan.zone) else { return true }
    var walk = SectionWalk(graph: graph, ranks: ranks, keepsDeletions: true)
    var writer = PatchWriter()
    var ineffective = 0
    try walk.run(
      all, of: &plan, base: .known(length: rope.count), reader: &reader, writer: &writer,
      ineffective: &ineffective)
    walk.addDeletions(to: &tail, base: rope)
    return true
  }

  // MARK: Questions

  /// The part with what an event deleted, nil when it deleted nothing. Complexity: O(log n).
  func part(deletedBy version: Int) -> Part? {
    Self.part(version, in: isMade ? version < end ? parts : tail : found)
  }

  private static func part(_ version: Int, in parts: ContiguousArray<Part>) -> Part? {
    var low = 0
    var high = parts.count
    while low < high {
      let middle = (low + high) / 2
      if parts[middle].deletion <= version { low = middle + 1 } else { high = middle }
    }
    guard low > 0, parts[low - 1].deletions.contains(version) else { return nil }
    return parts[low - 1]
  }
}

extension DeletionIndex.Part {
  /// What events deleted of consecutive units: the first by event `version`, the next by that and
  /// `step`.
  init(_ insertions: Range<Int>, deletedBy version: Int, step: Int) {
    let last = insertions.count - 1
    deletion = step > 0 ? version : version - last
    insertion = step > 0 ? insertions.lowerBound : insertions.upperBound - 1
    count = insertions.count
    self.step = step
  }
}

extension SectionWalk {
  /// Adds what was deleted in the section that was replayed last.
  ///
  /// - Parameter base: what was visible at its beginning.
  fileprivate func addDeletions(
    to parts: inout ContiguousArray<DeletionIndex.Part>, base: InsertionRope
  ) {
    let first = parts.count
    for number in 0..<deletions.count {
      let deletion = deletions[number]
      var version = deletion.version
      for index in deletion.first..<deletion.end {
        let target = targets[index]
        for insertions in insertions(of: target, base) {
          parts.append(
            DeletionIndex.Part(insertions, deletedBy: version, step: deletion.step))
          version += deletion.step * insertions.count
        }
      }
    }
    parts[first...].sort { $0.deletion < $1.deletion }
  }

  /// The events that inserted units of which all are placeholders or none is.
  private func insertions(
    of target: SequenceTracker.Target, _ base: InsertionRope
  ) -> [Range<Int>] {
    if target.id & SequenceTracker.placeholderBit != 0 {
      let first = Int(target.id & ~SequenceTracker.placeholderBit)
      return base.insertions(of: first..<first + Int(target.count))
    }
    var insertions: [Range<Int>] = []
    var id = target.id
    let end = target.id &+ target.count
    while id != end {
      let events = order.events(from: id, count: end - id)
      insertions.append(events)
      id += UInt32(events.count)
    }
    return insertions
  }
}
