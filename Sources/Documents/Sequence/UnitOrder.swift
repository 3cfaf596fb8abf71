internal import Causality
internal import RunStructures
internal import Sabotages

/// Who the units with the ids 0, 1, 2, … of a tracker really are, and their order by that, which is
/// the same on every replica.
struct UnitOrder: ~Copyable {
  private let graph: EventGraph
  private let ranks: [UInt32]
  private var runs = Arena<Run>()
  private var count: UInt32 = 0

  /// Ids from `firstID` on stand for consecutive events from `version` on.
  struct Run: BitwiseCopyable {
    var firstID: UInt32
    var version: Int
  }

  /// - Parameter ranks: for each origin index of the graph its place among all origins.
  init(graph: EventGraph, ranks: [UInt32]) {
    self.graph = graph
    self.ranks = ranks
  }

  /// Forgets the ids.
  mutating func removeAll() {
    runs.removeAll()
    count = 0
  }

  /// The next `added` ids stand for consecutive events. There is an id for each unit that a log can
  /// hold.
  mutating func add(version: Int, count added: UInt32) {
    let id = count
    count += added
    if let last = runs.last, version - last.version == Int(id - last.firstID) { return }
    runs.append(Run(firstID: id, version: version))
  }

  /// Whether the unit `left` comes before `right` when nothing but identity decides: by the order
  /// of their origins, then by number. Complexity: O(log runs).
  func precedes(_ left: UInt32, _ right: UInt32) -> Bool {
    if Sabotage.breakTiesByArrival.isPlanted { return left < right }
    let left = graph.event(at: version(of: left))
    let right = graph.event(at: version(of: right))
    if left.origin != right.origin { return rank(left.origin) < rank(right.origin) }
    return (left.sequence, left.index) < (right.sequence, right.index)
  }

  /// The events that the ids from `id` on stand for, at most `count`, as far as they are
  /// consecutive: at least one.
  func events(from id: UInt32, count: UInt32) -> Range<Int> {
    let run = run(of: id)
    let next = run + 1 < runs.count ? runs.base[run + 1].firstID : self.count
    let version = runs.base[run].version + Int(id - runs.base[run].firstID)
    return version..<version + Int(min(count, next - id))
  }

  private func rank(_ origin: Int) -> UInt32 {
    origin < ranks.count ? ranks[origin] : .max
  }

  private func version(of id: UInt32) -> Int {
    let run = run(of: id)
    return runs.base[run].version + Int(id - runs.base[run].firstID)
  }

  private func run(of id: UInt32) -> Int {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs.base[middle].firstID <= id { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }
}
