package import Causality
internal import RunStructures

/// Merging by replay of the event graph (Gentle and Kleppmann, "Collaborative Text Editing with
/// Eg-walker", 2025).
///
/// Operations are stored at positions of the version that their author saw. To bring a state from one
/// version to another, the walker finds the conflict zone, cuts it at critical versions, and replays
/// each section: a section without concurrency passes its operations through as they are; otherwise a
/// `SequenceTracker` works out where each operation lands. What the state already has is replayed
/// silently, what it lacks becomes patches.
///
/// Complexity: for n operations (runs) in the zone, O(n log n) plus, for each time that the replay
/// changes from one branch to another, the operations in between. Two branches are O((n + m) log (n + m)).
package enum SequenceWalker {
  /// The patches that turn the sequence as it is at `from` into that at `from` and `to` together.
  ///
  /// - Parameters:
  ///   - ranks: for each origin index of the graph its place in the order of all origins, which decides
  ///     between concurrent inserts at one place and must be the same order on every replica.
  ///   - length: the length of the sequence at `from`.
  /// - Throws: `positionOutOfRange` for the first operation of what is new that does not fit the sequence
  ///   at its parents.
  package static func merge(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], from: [Int], to: [Int], length: Int
  ) throws(SequenceError) -> [SequencePatch] {
    var replay = SequenceReplay(graph: graph, log: log, ranks: ranks, length: length)
    return try replay.run(from: from, to: to)
  }

  /// The patches that make the sequence at `frontier` from nothing.
  package static func replay(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], at frontier: [Int]
  ) throws(SequenceError) -> [SequencePatch] {
    try merge(graph: graph, log: log, ranks: ranks, from: [], to: frontier, length: 0)
  }
}

/// One merge under way.
struct SequenceReplay {
  let graph: EventGraph
  let log: SequenceLog
  let ranks: [UInt32]
  /// Length of the state as far as patches have been made.
  var length: Int
  var patches: [SequencePatch] = []

  init(graph: EventGraph, log: SequenceLog, ranks: [UInt32], length: Int) {
    self.graph = graph
    self.log = log
    self.ranks = ranks
    self.length = length
  }

  mutating func run(from: [Int], to: [Int]) throws(SequenceError) -> [SequencePatch] {
    guard !log.isEmpty else { return [] }
    guard length >= 0, length <= SequenceLog.unitCountMax else {
      throw .damagedHistory(version: from.last ?? 0)
    }
    let zone = graph.conflictZone(from: from, to: to)
    var plan = ReplayPlan(zone)
    for section in plan.sections {
      let pieces = zone.pieces[section]
      guard pieces.contains(where: \.isNew) else { continue }
      if section.count == 1 {
        try passThrough(zone.pieces[section.lowerBound].versions)
      } else if touchedPieceCount(pieces) > 0 {
        var walk = SectionWalk(
          section: section, graph: graph, log: log, ranks: ranks, length: length)
        try walk.run(&plan, patches: &patches)
        length = walk.length
      }
    }
    return patches
  }

  private func touchedPieceCount(_ pieces: ArraySlice<ConflictZone.Piece>) -> Int {
    pieces.reduce(0) { $0 + (log.runs(in: $1.versions).isEmpty ? 0 : 1) }
  }

  /// Operations that nothing is concurrent with apply as they are.
  private mutating func passThrough(_ versions: Range<Int>) throws(SequenceError) {
    for index in log.runs(in: versions) {
      let run = log[index].slice(versions)
      length = try run.checkedLength(after: length)
      patches.appendMerging(
        SequencePatch(
          kind: run.kind == .insert ? .insert : .delete, position: run.lowestPosition,
          count: run.count, version: run.version, content: run.content))
    }
  }
}

extension SequenceLog {
  /// The runs that have events in `versions`. Complexity: O(log runs).
  func runs(in versions: Range<Int>) -> Range<Int> {
    let first = firstRun(from: versions.lowerBound)
    var end = first
    // Gallop, because most ranges hold few runs.
    var step = 1
    while end < runCount, self[end].version < versions.upperBound {
      end += step
      step *= 2
    }
    end = min(end, runCount)
    var low = first
    while low < end {
      let middle = (low + end) / 2
      if self[middle].version < versions.upperBound { low = middle + 1 } else { end = middle }
    }
    return first..<low
  }
}

extension SequenceRun {
  /// The length of a sequence of `length` units after this operation.
  func checkedLength(after length: Int) throws(SequenceError) -> Int {
    switch kind {
    case .insert:
      guard position <= length else { throw outOfRange(version, length) }
      guard length <= SequenceLog.unitCountMax - count else {
        throw .tooLong(version: version, limit: SequenceLog.unitCountMax)
      }
      return length + count
    case .deleteForward:
      guard position < length else { throw outOfRange(version, length) }
      guard count <= length - position else {
        throw outOfRange(version + (length - position), length)
      }
      return length - count
    case .deleteBackward:
      guard position < length, position >= count - 1 else { throw outOfRange(version, length) }
      return length - count
    }
  }

  private func outOfRange(_ version: Int, _ length: Int) -> SequenceError {
    .positionOutOfRange(version: version, position: position, count: count, length: length)
  }
}
