internal import Causality
internal import RunStructures

/// Looks for the events that inserted units of which only the positions at some version are known,
/// by going back from there.
///
/// An operation that nothing is concurrent with says where a unit was before: one behind an
/// insertion stood as much lower, one behind a deletion as much higher, and one within an insertion
/// is found. A section with branches is replayed. Few units are looked for, and most of what is
/// passed on the way back is read and no more; going forward from the start would need to know
/// everything that is there.
struct InsertionSearch: ~Copyable {
  /// So many stretches of units are looked for at once: each operation moves those behind it.
  static let stretchesMax = 1_024
  /// So many events the first step goes back over, and each further one twice as many as the one
  /// before.
  static let firstStepDefault = 1_024

  /// Units next to each other.
  struct Stretch {
    var position: Int
    var count: Int
    /// Which the first is for whoever asked: events that deleted them, from one to the next `step`
    /// apart.
    var deletion: Int
    var step: Int

    var end: Int { position + count }

    /// Units from number `offset` on.
    func dropping(_ offset: Int) -> Stretch {
      Stretch(
        position: position + offset, count: count - offset, deletion: deletion + step * offset,
        step: step)
    }

    /// The first `length` units.
    func prefix(_ length: Int) -> Stretch {
      Stretch(position: position, count: length, deletion: deletion, step: step)
    }
  }

  private let graph: EventGraph
  private let log: SequenceLog
  private var walk: SectionWalk
  /// Those that are not found yet, in document order.
  private var stretches: ContiguousArray<Stretch>
  private(set) var found: [DeletionIndex.Part] = []
  /// How many events were gone back over.
  private(set) var passedCount = 0

  /// - Parameter stretches: in document order.
  init(
    _ stretches: ContiguousArray<Stretch>, graph: EventGraph, log: SequenceLog, ranks: [UInt32]
  ) {
    self.stretches = stretches
    self.graph = graph
    self.log = log
    walk = SectionWalk(graph: graph, ranks: ranks)
  }

  /// Goes back from a version that all of the units' deletions have seen.
  ///
  /// - Parameter firstStep: at least 1.
  /// - Returns: whether all was found; not, when it is too much to be looked for.
  /// - Throws: `damagedHistory` when there is no such unit.
  /// - Complexity: O(n log k + n k) for k stretches and n operations (runs) since the first of them
  ///   was inserted, and where branches are passed the replay of these.
  mutating func run(
    from version: [Int], firstStep: Int = firstStepDefault
  ) throws(SequenceError) -> Bool {
    var version = version
    var size = firstStep
    while !stretches.isEmpty {
      guard let last = version.last else { throw .damagedHistory(version: 0) }
      // What was written beside the version is nothing to go back to: a branch is passed, not the
      // whole of what lies before it.
      while size <= last, !graph.contains(last - size, in: version) { size *= 2 }
      let older = last - size
      let isPast = older >= 0
      let zone = graph.differenceZone(
        from: version, to: isPast ? [older] : [], reachesRoot: !isPast)
      let base = zone.base
      var plan = ReplayPlan(zone)
      var reader = PieceReader(log, &plan)
      for section in plan.sections.reversed() where !stretches.isEmpty {
        guard stretches.count <= Self.stretchesMax else { return false }
        if section.count == 1 {
          let versions = plan.zone[section.lowerBound].versions
          passedCount += versions.count
          goBack(over: versions, from: reader.firstRun(of: section.lowerBound))
        } else if reader.hasRuns(in: section, plan.zone) {
          passedCount += versions(of: section, plan).count
          let isFirst = base.isEmpty && section.lowerBound == 0
          try goBack(over: section, of: &plan, &reader, hasBase: !isFirst)
        }
      }
      version = base
      size *= 2
    }
    return true
  }

  private func versions(of section: Range<Int>, _ plan: borrowing ReplayPlan) -> Range<Int> {
    plan.zone[section.lowerBound].versions
      .lowerBound..<plan.zone[section.upperBound - 1].versions.upperBound
  }

  // MARK: Where nothing is concurrent

  private mutating func goBack(over versions: Range<Int>, from first: Int) {
    var index = log.firstRun(from: versions.upperBound, notBefore: first)
    // The last run may begin in the range and end behind it.
    if index < log.runCount, log[index].version < versions.upperBound { index += 1 }
    while index > first, !stretches.isEmpty, stretches.count <= Self.stretchesMax {
      index -= 1
      let whole = log[index]
      let run =
        whole.version >= versions.lowerBound && whole.end <= versions.upperBound
        ? whole : whole.slice(versions)
      if run.count == 0 { continue }
      if run.kind == .insert { goBack(overInsertion: run) } else { goBack(overDeletion: run) }
    }
  }

  /// The first stretch that reaches behind a position. Complexity: O(log k).
  private func firstStretch(behind position: Int) -> Int {
    var low = 0
    var high = stretches.count
    while low < high {
      let middle = (low + high) / 2
      if stretches[middle].end <= position { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func move(from first: Int, by offset: Int) {
    for index in first..<stretches.count { stretches[index].position += offset }
  }

  private mutating func goBack(overDeletion run: SequenceRun) {
    let position = run.lowestPosition
    var first = firstStretch(behind: position)
    guard first < stretches.count else { return }
    let stretch = stretches[first]
    if stretch.position < position {
      let offset = position - stretch.position
      stretches[first] = stretch.prefix(offset)
      first += 1
      stretches.insert(stretch.dropping(offset), at: first)
    }
    move(from: first, by: run.count)
  }

  private mutating func goBack(overInsertion run: SequenceRun) {
    let end = run.position + run.count
    var first = firstStretch(behind: run.position)
    while first < stretches.count, stretches[first].position < end {
      var stretch = stretches[first]
      if stretch.position < run.position {
        let offset = run.position - stretch.position
        stretches.insert(stretch.prefix(offset), at: first)
        first += 1
        stretch = stretch.dropping(offset)
      }
      let count = min(stretch.end, end) - stretch.position
      find(stretch.prefix(count), insertedBy: run.version + stretch.position - run.position)
      if count < stretch.count {
        stretches[first] = stretch.dropping(count)
        break
      }
      stretches.remove(at: first)
    }
    move(from: first, by: -run.count)
  }

  private mutating func find(_ stretch: Stretch, insertedBy version: Int) {
    found.append(
      DeletionIndex.Part(
        version..<version + stretch.count, deletedBy: stretch.deletion, step: stretch.step))
  }

  // MARK: Where several wrote at once

  /// Replays a section and looks which unit stands where after it.
  private mutating func goBack(
    over section: Range<Int>, of plan: inout ReplayPlan, _ reader: inout PieceReader, hasBase: Bool
  ) throws(SequenceError) {
    var writer = PatchWriter()
    var ineffective = 0
    // As for a difference: it is enough that the base is not taken for shorter than it was.
    try walk.run(
      section, of: &plan, base: .known(length: hasBase ? log.contentCount : 0), reader: &reader,
      writer: &writer, ineffective: &ineffective)
    let rest = stretches
    stretches.removeAll(keepingCapacity: true)
    var next = 0
    var position = 0
    var leaf: Int? = 0
    while let current = leaf, next < rest.count {
      for slot in 0..<walk.tracker.spanCounts[current] {
        let span = walk.tracker.spans(of: current)[slot]
        if span.isDeleted { continue }
        let end = position + Int(span.count)
        while next < rest.count, rest[next].position < end {
          let stretch = rest[next]
          let low = max(stretch.position, position)
          let part = stretch.dropping(low - stretch.position).prefix(min(stretch.end, end) - low)
          take(part, from: span.id + UInt32(low - position))
          if stretch.end > end { break }
          next += 1
        }
        position = end
      }
      leaf = walk.tracker.tree.next(after: current)
    }
    guard next == rest.count else { throw .damagedHistory(version: 0) }
  }

  /// Units are those with consecutive ids from `id` on.
  private mutating func take(_ stretch: Stretch, from id: UInt32) {
    if id & SequenceTracker.placeholderBit != 0 {
      var older = stretch
      older.position = Int(id & ~SequenceTracker.placeholderBit)
      stretches.append(older)
      return
    }
    var rest = stretch
    var id = id
    while rest.count > 0 {
      let events = walk.order.events(from: id, count: UInt32(rest.count))
      find(rest.prefix(events.count), insertedBy: events.lowerBound)
      rest = rest.dropping(events.count)
      id += UInt32(events.count)
    }
  }
}
