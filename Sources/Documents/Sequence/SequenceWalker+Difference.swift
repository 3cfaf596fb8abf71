package import Causality
internal import RunStructures

extension SequenceWalker {
  /// The patches that turn the sequence at `from` into that at `to`, whichever two versions these
  /// are: what is visible at both is not touched, and nothing is put there only to be taken away.
  ///
  /// Deletions have the version 0: several events may have made one, or none, where `to` is the
  /// older version.
  ///
  /// - Parameter isSound: as for a merge; without it the replay starts from nothing.
  /// - Throws: `damagedHistory` when the history does not lead to either version.
  /// - Complexity: O(n log n) for the n operations (runs) that only one version has or that are
  ///   concurrent with those. Where `to` has what `from` has deleted, also for those back to where
  ///   that was inserted.
  package static func difference(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], from: [Int], to: [Int], isSound: Bool
  ) throws(SequenceError) -> [SequencePatch] {
    guard !log.isEmpty, from != to else { return [] }
    var older: Int?
    var isWhole = !isSound || to.isEmpty
    while true {
      let zone = graph.differenceZone(
        from: from, to: older.map { adding($0, to: to) } ?? to, reachesRoot: isWhole)
      let base = zone.base.last
      let size = zone.count > 0 ? zone[zone.count - 1].versions.upperBound - (base ?? 0) : 1
      let walk = DifferenceWalk(graph: graph, log: log, ranks: ranks)
      if let patches = try walk.patches(zone, from: from, to: to) { return patches }
      // What was deleted is older than the zone: reach back twice as far.
      guard let base else { throw .damagedHistory(version: 0) }
      older = base - 2 * size
      if base <= 2 * size { isWhole = true }
    }
  }

  /// A version reaches back to an older one when that is asked for as well.
  private static func adding(_ version: Int, to versions: [Int]) -> [Int] {
    guard version >= 0, !versions.contains(version) else { return versions }
    return (versions + [version]).sorted()
  }
}

/// Replays what two versions do not share, and compares them unit by unit.
private struct DifferenceWalk: ~Copyable {
  private let log: SequenceLog
  private var walk: SectionWalk

  init(graph: EventGraph, log: SequenceLog, ranks: [UInt32]) {
    self.log = log
    walk = SectionWalk(graph: graph, ranks: ranks)
  }

  /// Nil when something that only `to` has was inserted before the zone.
  consuming func patches(
    _ zone: consuming ConflictZone, from: [Int], to: [Int]
  ) throws(SequenceError) -> [SequencePatch]? {
    // Where every operation is known to fit, it is enough that the base is not taken for shorter
    // than it was: it had no more than was ever inserted.
    let baseCount = zone.base.isEmpty ? 0 : log.contentCount
    var plan = ReplayPlan(zone)
    var reader = PieceReader(log, &plan)
    let all = 0..<plan.zone.count
    guard reader.hasRuns(in: all, plan.zone) else { return [] }
    var writer = PatchWriter()
    var ineffective = 0
    try walk.run(
      all, of: &plan, base: .known(length: baseCount), reader: &reader, writer: &writer,
      ineffective: &ineffective)
    guard let last = plan.order.last else { return [] }
    let end = plan.zone[Int(last)].versions.upperBound - 1
    let before = plan.zone.pieces(in: from)
    let after = plan.zone.pieces(in: to)
    try walk.turn(from: plan.zone.pieces(in: [end]), to: before)
    walk.tracker.keepVisible()
    try walk.turn(from: before, to: after)
    return compare()
  }

  private mutating func compare() -> [SequencePatch]? {
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
          guard !span.isPlaceholder else { return nil }
          insert(span, at: &position, &writer)
        case (false, false): break
        }
      }
      leaf = walk.tracker.tree.next(after: current)
    }
    return writer.finish()
  }

  private func insert(
    _ span: SequenceTracker.Span, at position: inout Int, _ writer: inout PatchWriter
  ) {
    var id = span.id
    while id != span.end {
      let events = walk.order.events(from: id, count: span.end - id)
      // An id was given for each event of an insertion in the log.
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
      id += UInt32(events.count)
    }
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
