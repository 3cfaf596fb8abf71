internal import Causality

/// Every mark that was put on the characters of a text, those that lost too.
///
/// Which of them readers see is in ``TextMarks``; this is for those who ask what people wanted at
/// once.
struct MarkClaims {
  /// Characters in a row on which the same marks were put.
  struct Run {
    var count: Int
    /// The number of the marks in ``sets``.
    var set: Int
    /// The events of one change that inserted the characters; nil for those that were there before
    /// anything was done at once.
    var inserted: Range<Int>?
  }

  /// In no order, of several names.
  private(set) var sets: [[MarkEntry]] = []
  /// The characters that the text shows, in order.
  private(set) var runs: ContiguousArray<Run> = []
  private var numbers: [Source: Int] = [:]

  /// By what characters came with and what was put on them since.
  struct Source: Hashable {
    var set: Int
    var covers: Int
  }

  fileprivate mutating func append(
    _ count: Int, _ source: Source, _ inserted: Range<Int>?, _ entries: () -> [MarkEntry]
  ) {
    if let known = numbers[source] {
      return runs.append(Run(count: count, set: known, inserted: inserted))
    }
    numbers[source] = sets.count
    runs.append(Run(count: count, set: sets.count, inserted: inserted))
    sets.append(entries())
  }
}

extension MarkReplay {
  /// What was put on the characters that a text shows in the end; nil when no two marks of one name
  /// that differ were put on it at once.
  ///
  /// - Parameter operations: all of the text, ascending by version.
  /// - Throws: `damagedHistory` when the history does not fit itself.
  /// - Complexity: that of ``marks(graph:log:ranks:operations:at:from:)``, and of a
  ///   ``MarkedSection`` of all that was done since such marks were put for the first time.
  static func claims(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], operations: [MarkOperation]
  ) throws(SequenceError) -> MarkClaims? {
    guard operations.count > 1 else { return nil }
    var plan = ReplayPlan(graph.conflictZone(from: [], to: graph.frontier, reachesRoot: true))
    var first = 0
    while first < plan.sections.count {
      let section = plan.sections[first]
      let start = plan.zone[section.lowerBound].versions.lowerBound
      let end = plan.zone[section.upperBound - 1].versions.upperBound
      if section.count > 1, operations.inside(start..<end).mayDiffer { break }
      first += 1
    }
    guard first < plan.sections.count else { return nil }
    var replay = MarkReplay(graph: graph, log: log, ranks: ranks, operations: operations)
    var reader = PieceReader(log, &plan)
    try replay.run(0..<first, of: &plan, &reader)
    let rest = plan.sections[first].lowerBound..<plan.zone.count
    let start = plan.zone[rest.lowerBound].versions.lowerBound
    var marks = replay.marks
    var walk = MarkedSection(graph: graph, ranks: ranks)
    try walk.run(
      rest, of: &plan, reader: &reader, operations: operations.inside(start..<graph.count),
      marks: &marks)
    var claims = MarkClaims()
    walk.forEachShown { count, source, inserted, puts in
      func append(_ count: Int, _ inserted: Range<Int>?) {
        claims.append(count, source, inserted) {
          (marks.sets[source.set] + puts()).map { marks.table[$0] }
        }
      }
      guard let inserted else { return append(count, nil) }
      // Consecutive events are not always of one change.
      var next = inserted.lowerBound
      while next < inserted.upperBound {
        let end = min(graph.changeEnd(at: next), inserted.upperBound)
        append(end - next, next..<end)
        next = end
      }
    }
    return claims
  }
}

extension ArraySlice<MarkOperation> {
  /// Whether there are two of one name that are not of one value.
  fileprivate var mayDiffer: Bool {
    var values: [Key: Value] = [:]
    for operation in self {
      let value = operation.mark.value
      if values.updateValue(value, forKey: operation.mark.name) ?? value != value { return true }
    }
    return false
  }
}
