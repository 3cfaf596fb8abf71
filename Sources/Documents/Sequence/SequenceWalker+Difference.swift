package import Causality
internal import RunStructures

extension SequenceWalker {
  /// The patches that turn the sequence at `from` into that at `to`, whichever two versions these
  /// are: what is visible at both is not touched, and nothing is put there only to be taken away.
  ///
  /// Deletions have the version 0: several events may have made one, or none, where `to` is the
  /// older version.
  ///
  /// - Parameters:
  ///   - isSound: as for a merge; without it the replay starts from nothing.
  ///   - index: of this log and graph, as they were at any time, or empty. Where `to` has what
  ///     `from` has deleted, it tells what that was.
  /// - Throws: `damagedHistory` when the history does not lead to either version.
  /// - Complexity: O(n log n) for the n operations (runs) that only one version has or that are
  ///   concurrent with those. Where the index has to learn what `from` has deleted and `to` has, an
  ///   ``InsertionSearch`` back to where that was inserted; where there are twins, its replay.
  package static func difference(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], from: [Int], to: [Int], isSound: Bool,
    index: inout DeletionIndex
  ) throws(SequenceError) -> [SequencePatch] {
    guard !log.isEmpty, from != to else { return [] }
    let mayAsk = isSound && log.twins.isEmpty
    var older: Int?
    var isWhole = !isSound || to.isEmpty
    while true {
      let zone = graph.differenceZone(
        from: from, to: older.map { adding($0, to: to) } ?? to, reachesRoot: isWhole)
      let base = zone.base.last
      let size = zone.count > 0 ? zone[zone.count - 1].versions.upperBound - (base ?? 0) : 1
      let heads = zone.base
      index.noteReplay(of: zone.eventCount)
      var walk = DifferenceWalk(graph: graph, log: log, ranks: ranks)
      guard try walk.replay(zone, from: from, to: to) else { return [] }
      if let patches = walk.compare(nil) { return patches }
      // What was deleted is older than the zone.
      if mayAsk {
        try index.learn(walk.unknown(to: index), at: heads, graph, log, ranks)
        if let patches = walk.compare(index) { return patches }
      }
      // Reach back twice as far.
      guard let base else { throw .damagedHistory(version: 0) }
      older = base - 2 * size
      if base <= 2 * size { isWhole = true }
    }
  }

  /// The same where nobody looks back more than once.
  package static func difference(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], from: [Int], to: [Int], isSound: Bool
  ) throws(SequenceError) -> [SequencePatch] {
    var index = DeletionIndex()
    return try difference(
      graph: graph, log: log, ranks: ranks, from: from, to: to, isSound: isSound, index: &index)
  }

  /// A version reaches back to an older one when that is asked for as well.
  private static func adding(_ version: Int, to versions: [Int]) -> [Int] {
    guard version >= 0, !versions.contains(version) else { return versions }
    return (versions + [version]).sorted()
  }
}

extension ConflictZone {
  /// Complexity: O(pieces).
  fileprivate var eventCount: Int {
    var events = 0
    for piece in 0..<count { events += self[piece].versions.count }
    return events
  }
}

/// Replays what two versions do not share, and compares them unit by unit.
private struct DifferenceWalk: ~Copyable {
  private let log: SequenceLog
  private var walk: SectionWalk

  init(graph: EventGraph, log: SequenceLog, ranks: [UInt32]) {
    self.log = log
    // Twins are told apart by what each piece deleted at all.
    walk = SectionWalk(graph: graph, ranks: ranks, keepsDeletions: log.twins.isEmpty)
  }

  /// Replays the zone, so that a unit is deleted in the effect version where `from` does not have
  /// it, and visible in the prepare version where `to` has it.
  ///
  /// - Returns: false when the zone has nothing to do with this sequence.
  mutating func replay(
    _ zone: consuming ConflictZone, from: [Int], to: [Int]
  ) throws(SequenceError) -> Bool {
    // Where every operation is known to fit, it is enough that the base is not taken for shorter
    // than it was: it had no more than was ever inserted.
    let baseCount = zone.base.isEmpty ? 0 : log.contentCount
    var plan = ReplayPlan(zone)
    var reader = PieceReader(log, &plan)
    let all = 0..<plan.zone.count
    guard reader.hasRuns(in: all, plan.zone) else { return false }
    var writer = PatchWriter()
    var ineffective = 0
    try walk.run(
      all, of: &plan, base: .known(length: baseCount), reader: &reader, writer: &writer,
      ineffective: &ineffective)
    guard let last = plan.order.last else { return false }
    let end = plan.zone[Int(last)].versions.upperBound - 1
    let before = plan.zone.pieces(in: from)
    let after = plan.zone.pieces(in: to)
    try walk.turn(from: plan.zone.pieces(in: [end]), to: before)
    walk.tracker.keepVisible()
    try walk.turn(from: before, to: after)
    return true
  }

  /// Nil when something that only `to` has was inserted before the zone, and the index does not
  /// tell what that was.
  mutating func compare(_ index: DeletionIndex?) -> [SequencePatch]? {
    let deleted = index.map { DeletedPlaceholders(walk.deletions, of: walk.targets, $0) }
    var writer = PatchWriter()
    var position = 0
    var leaf: Int? = 0
    while let current = leaf {
      for slot in 0..<walk.tracker.spanCounts[current] {
        let span = walk.tracker.spans(of: current)[slot]
        switch (!span.isDeleted, span.isVisible) {
        case (true, true): position += Int(span.count)
        case (true, false): writer.delete(at: position, count: Int(span.count), version: 0)
        case (false, true):
          if span.isPlaceholder {
            guard let deleted, insert(span, deleted, at: &position, &writer) else { return nil }
          } else {
            insert(span, at: &position, &writer)
          }
        case (false, false): break
        }
      }
      leaf = walk.tracker.tree.next(after: current)
    }
    return writer.finish()
  }

  /// What only `to` has and was inserted before the zone, as far as the index does not know it.
  mutating func unknown(to index: DeletionIndex) -> ContiguousArray<InsertionSearch.Stretch> {
    let deleted = DeletedPlaceholders(walk.deletions, of: walk.targets, index)
    var unknown: ContiguousArray<InsertionSearch.Stretch> = []
    var leaf: Int? = 0
    while let current = leaf {
      for slot in 0..<walk.tracker.spanCounts[current] {
        let span = walk.tracker.spans(of: current)[slot]
        if span.isDeleted, span.isVisible, span.isPlaceholder {
          deleted.addUnknown(in: span.id..<span.end, to: &unknown)
        }
      }
      leaf = walk.tracker.tree.next(after: current)
    }
    return unknown
  }

  private func insert(
    _ span: SequenceTracker.Span, at position: inout Int, _ writer: inout PatchWriter
  ) {
    var id = span.id
    while id != span.end {
      // An id was given for each event of an insertion in the log.
      let events = walk.order.events(from: id, count: span.end - id)
      insert(events, at: &position, &writer)
      id += UInt32(events.count)
    }
  }

  /// False when the index does not know one of the units.
  private func insert(
    _ span: SequenceTracker.Span, _ deleted: DeletedPlaceholders, at position: inout Int,
    _ writer: inout PatchWriter
  ) -> Bool {
    var id = span.id
    while id != span.end {
      guard let events = deleted.insertions(from: id, count: Int(span.end - id)) else {
        return false
      }
      let inserted = position
      insert(events, at: &position, &writer)
      guard position - inserted == events.count else { return false }
      id += UInt32(events.count)
    }
    return true
  }

  private func insert(
    _ events: Range<Int>, at position: inout Int, _ writer: inout PatchWriter
  ) {
    var version = events.lowerBound
    var index = log.firstRun(from: version)
    while version < events.upperBound, index < log.runCount {
      let run = log[index].slice(version..<events.upperBound)
      writer.insert(
        at: position, count: run.count, version: run.version, content: run.content)
      position += run.count
      version = run.end
      index += 1
    }
  }
}

/// The placeholders that a replay has deleted, with what the index knows of them.
private struct DeletedPlaceholders {
  /// Units with consecutive ids, deleted by event `version`, the next by that and `step`.
  private struct Stretch {
    var id: UInt32
    var count: UInt32
    var version: Int
    var step: Int
  }

  private let index: DeletionIndex
  /// Ascending and disjoint: any one of those who deleted a unit tells which it was.
  private var stretches: ContiguousArray<Stretch> = []

  /// Complexity: O(n log n) for n deletions.
  init(
    _ deletions: borrowing Arena<SectionWalk.Deletion>,
    of targets: borrowing Arena<SequenceTracker.Target>, _ index: DeletionIndex
  ) {
    self.index = index
    var all: ContiguousArray<Stretch> = []
    for number in 0..<deletions.count {
      let deletion = deletions[number]
      var version = deletion.version
      for target in deletion.first..<deletion.end {
        let target = targets[target]
        if target.id & SequenceTracker.placeholderBit != 0 {
          all.append(
            Stretch(
              id: target.id, count: target.count, version: version, step: deletion.step))
        }
        version += deletion.step * Int(target.count)
      }
    }
    all.sort { $0.id < $1.id }
    var end: UInt32 = 0
    for var stretch in all {
      let known = stretch.id < end ? min(end - stretch.id, stretch.count) : 0
      if known == stretch.count { continue }
      stretch.id += known
      stretch.count -= known
      stretch.version += stretch.step * Int(known)
      end = stretch.id + stretch.count
      stretches.append(stretch)
    }
  }

  /// The events that inserted units from `id` on, at most `count`, as far as they are consecutive:
  /// at least one; nil when the index does not know.
  func insertions(from id: UInt32, count: Int) -> Range<Int>? {
    guard let deletion = deletion(of: id),
      let part = index.part(deletedBy: deletion.version)
    else { return nil }
    let first = part.insertion + part.step * (deletion.version - part.deletion)
    // In document order insertions of one part ascend.
    guard part.step == deletion.step else { return first..<first + 1 }
    let known =
      part.step > 0
      ? part.deletion + part.count - deletion.version : deletion.version - part.deletion + 1
    return first..<first + min(count, deletion.count, known)
  }

  /// Adds those of some units that the index does not know.
  func addUnknown(in ids: Range<UInt32>, to unknown: inout ContiguousArray<InsertionSearch.Stretch>)
  {
    var id = ids.lowerBound
    while id < ids.upperBound, let deletion = deletion(of: id) {
      let count = Int(ids.upperBound - id)
      if let known = insertions(from: id, count: count) {
        id += UInt32(known.count)
        continue
      }
      // What follows may be known again.
      var length = 1
      while length < min(count, deletion.count),
        index.part(deletedBy: deletion.version + deletion.step * length) == nil
      { length += 1 }
      unknown.append(
        InsertionSearch.Stretch(
          position: Int(id & ~SequenceTracker.placeholderBit), count: length,
          deletion: deletion.version, step: deletion.step))
      id += UInt32(length)
    }
  }

  /// The event that deleted a unit, and how many units from it on were deleted in a row.
  private func deletion(of id: UInt32) -> (version: Int, step: Int, count: Int)? {
    var low = 0
    var high = stretches.count
    while low < high {
      let middle = (low + high) / 2
      if stretches[middle].id <= id { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let stretch = stretches[low - 1]
    let offset = id - stretch.id
    guard offset < stretch.count else { return nil }
    return (
      stretch.version + stretch.step * Int(offset), stretch.step, Int(stretch.count - offset)
    )
  }
}

extension SequenceTracker {
  /// Takes what is visible in the prepare version for what is visible in the effect version, which
  /// is given up: only spans are to be looked at from now on, and stepped.
  mutating func keepVisible() {
    for leaf in 0..<spanCounts.count {
      let spans = spans(of: leaf)
      for slot in 0..<spanCounts[leaf] { spans[slot].isDeleted = !spans[slot].isVisible }
    }
  }
}
