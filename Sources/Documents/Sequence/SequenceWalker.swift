package import Causality
internal import RunStructures

/// Merging by replay of the event graph (Gentle and Kleppmann, "Collaborative Text Editing with
/// Eg-walker", 2025).
///
/// Operations are stored at positions of the version that their author saw. To bring a state from
/// one version to another, the walker finds the conflict zone, cuts it at critical versions, and
/// replays each section: a section without concurrency passes its operations through as they are;
/// otherwise a `SequenceTracker` works out where each operation lands. What the state already has
/// is replayed silently, what it lacks becomes patches.
///
/// Complexity: for n operations (runs) in the zone, O(n log n) plus, for each time that the replay
/// changes from one branch to another, the operations in between; two branches are O((n + m) log (n
/// + m)). An insertion passes over what others have put into the same gap at the same time, unless
/// the one before it came with the same two neighbours: k branches that all edit in few places are
/// O(k^2) in what they put there.
package enum SequenceWalker {
  /// The patches that turn the sequence as it is at `from` into that at `from` and `to` together.
  ///
  /// An event that does not fit the sequence at its parents, which only a faulty or lying author
  /// makes, has no effect: an insertion beyond the end, a deletion of what is not there. That is
  /// decided event by event and so the same on every replica.
  ///
  /// - Parameters:
  ///   - ranks: for each origin index of the graph its place in the order of all origins, which
  /// decides
  ///     between concurrent inserts at one place and must be the same order on every replica.
  ///   - length: the length of the sequence at `from`.
  ///   - isSound: whether every event at `from` is known to have had an effect. If not, the replay
  ///     starts from nothing, because the length of the sequence at the base cannot be derived from
  /// that
  ///     at `from`. Whoever keeps the sequence remembers for good that `ineffectiveEventCount` was
  /// not 0.
  /// - Throws: `damagedHistory` when the history does not lead to a sequence of `length` at `from`.
  package static func merge(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], from: [Int], to: [Int], length: Int,
    isSound: Bool
  ) throws(SequenceError) -> SequenceMerge {
    if isSound {
      do {
        var replay = SequenceReplay(length: length)
        try replay.run(graph: graph, log: log, ranks: ranks, from: from, to: to)
        return replay.finish()
      } catch {
        // The history did not add up. It may hold events without effect after all.
      }
    }
    var replay = SequenceReplay(length: 0)
    try replay.run(
      graph: graph, log: log, ranks: ranks, from: from, to: to, lengthAtFrom: length)
    return replay.finish()
  }

  /// The patches of a merge into a sound history.
  package static func merge(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], from: [Int], to: [Int], length: Int
  ) throws(SequenceError) -> [SequencePatch] {
    try merge(
      graph: graph, log: log, ranks: ranks, from: from, to: to, length: length, isSound: true
    ).patches
  }

  /// The patches that make the sequence at `frontier` from nothing.
  package static func replay(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], at frontier: [Int]
  ) throws(SequenceError) -> [SequencePatch] {
    try merge(graph: graph, log: log, ranks: ranks, from: [], to: frontier, length: 0)
  }

  /// The text as it was at `frontier`.
  package static func text(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], at frontier: [Int]
  ) throws(SequenceError) -> TextRope {
    let patches = try replay(graph: graph, log: log, ranks: ranks, at: frontier)
    var text = TextRope()
    do {
      try text.apply(patches, from: log)
    } catch {
      throw .damagedHistory(version: frontier.last ?? 0)
    }
    return text
  }

  /// The events that inserted what is visible at `frontier`, in document order: who wrote what.
  package static func insertions(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], at frontier: [Int]
  ) throws(SequenceError) -> [Range<Int>] {
    let patches = try replay(graph: graph, log: log, ranks: ranks, at: frontier)
    var rope = InsertionRope()
    for patch in patches {
      guard rope.apply(patch) else { throw .damagedHistory(version: patch.version) }
    }
    return rope.insertions
  }
}

/// What a merge yields.
package struct SequenceMerge: Hashable, Sendable {
  package var patches: [SequencePatch] = []
  /// How many of the events replayed did not fit and had no effect.
  package var ineffectiveEventCount = 0
}

/// One merge under way.
struct SequenceReplay: ~Copyable {
  /// Length of the sequence where the replay stands.
  private var length: Int
  private var writer = PatchWriter()
  private var ineffectiveEventCount = 0

  init(length: Int) {
    self.length = length
  }

  /// What the replay has yielded. It is at its end.
  mutating func finish() -> SequenceMerge {
    SequenceMerge(patches: writer.finish(), ineffectiveEventCount: ineffectiveEventCount)
  }

  /// - Parameter lengthAtFrom: replay from nothing, silently until `from`, where the length must be
  ///   this. nil: start where the conflict begins, with `length` being that at `from`.
  mutating func run(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], from: [Int], to: [Int],
    lengthAtFrom: Int? = nil
  ) throws(SequenceError) {
    guard !log.isEmpty else { return }
    guard length >= 0, length <= SequenceLog.unitCountMax else {
      throw .damagedHistory(version: from.last ?? 0)
    }
    let isWhole = lengthAtFrom != nil
    let zone = graph.conflictZone(from: from, to: to, reachesRoot: isWhole)
    if zone.count == 1, !isWhole {
      // Nothing is concurrent with anything, and `from` may even have it all.
      let piece = zone[0]
      guard piece.isNew else { return }
      let run = log.firstRun(from: piece.versions.lowerBound)
      return passThrough(piece.versions, of: log, from: run, isNew: true)
    }
    var plan = ReplayPlan(zone)
    var reader = PieceReader(log, &plan)
    var walk: SectionWalk?
    var isAtFrom = false
    for section in plan.sections {
      var hasNew = false
      var hasOld = false
      for number in section {
        if plan.zone[number].isNew { hasNew = true } else { hasOld = true }
      }
      guard hasNew || isWhole else { continue }
      if !hasOld, !isAtFrom {
        isAtFrom = true
        try checkLength(lengthAtFrom, from)
      }
      if section.count == 1 {
        let piece = plan.zone[section.lowerBound]
        passThrough(
          piece.versions, of: log, from: reader.firstRun(of: section.lowerBound),
          isNew: piece.isNew)
      } else if reader.hasRuns(in: section, plan.zone) {
        let base: SectionWalk.Base =
          hasOld && !isWhole ? .derived(lengthOfOld: length) : .known(length: length)
        if walk == nil { walk = SectionWalk(graph: graph, ranks: ranks) }
        try walk?.run(
          section, of: &plan, base: base, reader: &reader, writer: &writer,
          ineffective: &ineffectiveEventCount)
        if hasOld, hasNew {
          isAtFrom = true
          length = walk?.lengthOfOld ?? 0
          try checkLength(lengthAtFrom, from)
        }
        length = walk?.length ?? 0
      }
    }
  }

  private func checkLength(_ expected: Int?, _ from: [Int]) throws(SequenceError) {
    if let expected, length != expected { throw .damagedHistory(version: from.last ?? 0) }
  }

  /// Operations that nothing is concurrent with apply as they are.
  private mutating func passThrough(
    _ versions: Range<Int>, of log: SequenceLog, from first: Int, isNew: Bool
  ) {
    let end = log.firstRun(from: versions.upperBound, notBefore: first)
    if isNew { writer.reserve(end - first) }
    for index in first..<log.runCount {
      let run = log[index]
      if run.version >= versions.upperBound { return }
      let isInside = run.version >= versions.lowerBound && run.end <= versions.upperBound
      passThrough(isInside ? run : run.slice(versions), isNew: isNew)
    }
  }

  private mutating func passThrough(_ whole: SequenceRun, isNew: Bool) {
    let run = whole.effective(onLength: length)
    ineffectiveEventCount += whole.count - run.count
    guard run.count > 0 else { return }
    length += run.kind == .insert ? run.count : -run.count
    guard isNew else { return }
    if run.kind == .insert {
      writer.insert(
        at: run.position, count: run.count, version: run.version, content: run.content)
    } else {
      writer.delete(at: run.lowestPosition, count: run.count, version: run.version)
    }
  }
}

extension SequenceRun {
  /// The events that have an effect on a sequence of `length` units: an insertion at or before its
  /// end, a deletion of a unit that it has. Complexity: O(1).
  func effective(onLength length: Int) -> SequenceRun {
    switch kind {
    case .insert:
      return position <= length ? self : slice(version..<version)
    case .deleteForward:
      if position + count <= length { return self }
      return slice(version..<version + max(0, min(count, length - position)))
    case .deleteBackward:
      if position < length { return self }
      // Event i deletes at position - i. Once one fits, all that follow do.
      return slice(version + min(count, max(0, position - length + 1))..<version + count)
    }
  }
}
