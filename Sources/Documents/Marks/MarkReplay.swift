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
  private var checkpoint: Checkpoint?

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
  ///   - checkpoint: of an earlier call. On return the version before the last concurrent section
  ///     and the marks there, from which the next call may start.
  /// - Throws: `damagedHistory` when the history does not fit itself.
  /// - Complexity: O(n log n) for the n operations (runs) since the checkpoint, if everything that
  ///   came since has seen it, or since the first one; and see ``MarkedSection``.
  static func marks(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], operations: [MarkOperation],
    at version: [Int], from checkpoint: inout Checkpoint?
  ) throws(SequenceError) -> TextMarks {
    var replay = MarkReplay(graph: graph, log: log, ranks: ranks, operations: operations)
    replay.checkpoint = checkpoint
    if let known = checkpoint?.version, replay.isSeen(known, by: version) {
      replay.marks = checkpoint?.marks ?? replay.marks
      try replay.run(ReplayPlan(graph.conflictZone(from: known, to: version)))
    } else {
      try replay.run(
        ReplayPlan(graph.conflictZone(from: [], to: version, reachesRoot: true)))
    }
    checkpoint = replay.checkpoint
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
      guard section.count > 1 else {
        passThrough(start..<end, from: reader.firstRun(of: section.lowerBound), own)
        continue
      }
      guard !own.isEmpty || reader.hasRuns(in: section, plan.zone) else { continue }
      // All that is before a section is what its first event has seen.
      checkpoint = Checkpoint(version: graph.parents(of: start), marks: marks)
      if walk == nil { walk = MarkedSection(graph: graph, ranks: ranks) }
      try walk?.run(section, of: &plan, reader: &reader, operations: own, marks: &marks)
    }
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
