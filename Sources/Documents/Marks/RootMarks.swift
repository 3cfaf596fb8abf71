internal import Causality
internal import RunStructures

/// What each character that was ever in a text would be marked with if some marks alone had been
/// put on it; those that are deleted too, as what stood around them is.
///
/// A character that stands for another one, which was deleted and came back, has the marks of that
/// and those that were put on either since.
struct RootMarks {
  private var marks = TextMarks(count: 0)
  /// By version, of characters that stand for no other; -1: none was inserted there.
  private var sets: ContiguousArray<Int32> = []

  init() {}

  /// - Parameter operations: ascending by version.
  /// - Complexity: O(n log n) for the n operations of the text; O(events of the document) memory.
  init(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], operations: [MarkOperation],
    standings: Standings
  ) throws(SequenceError) {
    sets = ContiguousArray(repeating: -1, count: graph.count)
    var plan = ReplayPlan(
      graph.conflictZone(from: [], to: graph.frontier, reachesRoot: true))
    guard plan.zone.count > 0 else { return }
    var reader = PieceReader(log, &plan)
    var walk = MarkedSection(graph: graph, ranks: ranks, standings: standings)
    try walk.run(
      0..<plan.zone.count, of: &plan, reader: &reader, operations: operations[...], marks: &marks)
    walk.forEachInserted(&marks) { versions, set, marks in
      for version in versions {
        let root = standings.root(of: version).root
        guard sets.indices.contains(root) else { continue }
        var all = set
        if sets[root] >= 0 {
          for mark in marks.sets[Int(sets[root])] { all = marks.set(all, adding: mark) }
        }
        sets[root] = Int32(clamping: all)
      }
    }
  }

  func set(of root: Int) -> Int32 { sets.indices.contains(root) ? sets[root] : -1 }

  func entries(of root: Int) -> [MarkEntry] {
    let set = set(of: root)
    return set < 0 ? [] : marks.sets[Int(set)].map { marks.table[$0] }
  }
}
