internal import Causality

/// The marks of a text at a version, by replay of everything since a version at which they are
/// known.
///
/// What nothing was concurrent with passes through: marks and characters apply one after the other
/// at the positions that they name. Where something was, a ``MarkedSection`` works it out.
struct MarkReplay {
  /// A version that all that is replayed after it has seen, and the marks there.
  struct Checkpoint: Sendable {
    var version: [Int]
    var marks: TextMarks
  }

  private let graph: EventGraph
  private let log: SequenceLog
  private let ranks: [UInt32]
  private let operations: [MarkOperation]

  private(set) var marks = TextMarks(count: 0)
  private var checkpoints = MarkCheckpoints()

  /// - Parameter operations: all of the text, ascending by version.
  init(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], operations: [MarkOperation]
  ) {
    self.graph = graph
    self.log = log
    self.ranks = ranks
    self.operations = operations
  }

  /// The marks at a version.
  ///
  /// - Parameters:
  ///   - operations: all marks of the text, ascending by version.
  ///   - checkpoints: of earlier calls with histories that this one continues. On return also some
  ///     of those that it came past, from which the next call may start.
  /// - Throws: `damagedHistory` when the history does not fit itself.
  /// - Complexity: O(n log n) for the n operations (runs) since the last checkpoint that everything
  ///   has seen that came since, or since the first one; and see ``MarkedSection``.
  static func marks(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], operations: [MarkOperation],
    at version: [Int], from checkpoints: inout MarkCheckpoints
  ) throws(SequenceError) -> TextMarks {
    var replay = MarkReplay(graph: graph, log: log, ranks: ranks, operations: operations)
    replay.checkpoints = checkpoints
    let known = checkpoints.last(before: version) { replay.isSeen($0.version, by: version) }
    if let known {
      replay.marks = known.marks
      try replay.run(ReplayPlan(graph.conflictZone(from: known.version, to: version)))
    } else {
      try replay.run(
        ReplayPlan(graph.conflictZone(from: [], to: version, reachesRoot: true)))
    }
    checkpoints = replay.checkpoints
    return replay.marks
  }

  /// Whether all that `later` has beyond a version was made by authors who had seen that.
  private func isSeen(_ version: [Int], by later: [Int]) -> Bool {
    graph.conflictZone(from: version, to: later).base == version
  }

  private mutating func run(_ plan: consuming ReplayPlan) throws(SequenceError) {
    var reader = PieceReader(log, &plan)
    try run(plan.sections.indices, of: &plan, &reader)
  }

  /// - Parameter sections: by their numbers, from the first one on.
  mutating func run(
    _ sections: Range<Int>, of plan: inout ReplayPlan, _ reader: inout PieceReader
  ) throws(SequenceError) {
    var walk: MarkedSection?
    for section in plan.sections[sections] {
      let start = plan.zone[section.lowerBound].versions.lowerBound
      let end = plan.zone[section.upperBound - 1].versions.upperBound
      let own = operations.inside(start..<end)
      checkpoints.noteReplay(of: end - start)
      guard section.count > 1 else {
        passAll(start..<end, from: reader.firstRun(of: section.lowerBound), own)
        continue
      }
      guard !own.isEmpty || reader.hasRuns(in: section, plan.zone) else { continue }
      if MarkCheckpoints.isLast(start, before: end, of: graph.count) {
        // All that is before a section is what its first event has seen.
        note(graph.parents(of: start))
      }
      if walk == nil { walk = MarkedSection(graph: graph, ranks: ranks) }
      try walk?.run(section, of: &plan, reader: &reader, operations: own, marks: &marks)
    }
  }

  private mutating func note(_ version: [Int]) {
    checkpoints.add(Checkpoint(version: version, marks: marks), in: graph.count)
  }

  /// Passes events through that are a chain, and notes versions on the way.
  private mutating func passAll(
    _ versions: Range<Int>, from first: Int, _ operations: ArraySlice<MarkOperation>
  ) {
    var start = versions.lowerBound
    var run = first
    for cut in MarkCheckpoints.cuts(in: versions, of: graph.count) {
      passThrough(start..<cut, from: run, operations.inside(start..<cut))
      note([cut - 1])
      run = log.firstRun(from: cut, notBefore: run)
      start = cut
    }
    let rest = start..<versions.upperBound
    passThrough(rest, from: run, operations.inside(rest))
  }

  private mutating func passThrough(
    _ versions: Range<Int>, from first: Int, _ operations: ArraySlice<MarkOperation>
  ) {
    var operations = operations
    for index in first..<log.runCount {
      let whole = log[index]
      if whole.version >= versions.upperBound { break }
      let run = whole.slice(versions)
      while let next = operations.first, next.version < run.version {
        marks.apply(next)
        operations.removeFirst()
      }
      marks.apply(run.effective(onLength: marks.count))
    }
    for operation in operations { marks.apply(operation) }
  }
}

extension TextMarks {
  /// Applies a mark whose author has seen what is here.
  mutating func apply(_ operation: MarkOperation) {
    guard operation.isInside(count) else { return }
    put(add(operation.mark), on: operation.from..<operation.to)
    forgetUnused()
  }

  fileprivate mutating func apply(_ run: SequenceRun) {
    guard run.count > 0 else { return }
    if run.kind == .insert {
      insert(run.count, at: run.position)
    } else {
      remove(run.lowestPosition..<run.lowestPosition + run.count)
    }
  }
}

extension MarkOperation {
  /// Whether a text of that length has what it is to mark. If not, it marks nothing.
  func isInside(_ length: Int) -> Bool { from >= 0 && from < to && to <= length }
}

extension RandomAccessCollection<MarkOperation> where Index == Int {
  /// Those whose events are in a range. Complexity: O(log n).
  func inside(_ versions: Range<Int>) -> SubSequence {
    func first(from version: Int) -> Int {
      var low = startIndex
      var high = endIndex
      while low < high {
        let middle = (low + high) / 2
        if self[middle].version < version { low = middle + 1 } else { high = middle }
      }
      return low
    }
    return self[first(from: versions.lowerBound)..<first(from: versions.upperBound)]
  }
}
