internal import Causality
internal import Sabotages

/// The ids that a tracker gives to inserted units, 0, 1, 2, … in the order of the replay, and who
/// they really are: the same on every replica.
struct UnitIdentities {
  private let graph: EventGraph
  private let ranks: [UInt32]
  private var firstIDs: ContiguousArray<UInt32> = []
  private var versions: ContiguousArray<Int> = []
  private var count: UInt32 = 0

  init(graph: EventGraph, ranks: [UInt32]) {
    self.graph = graph
    self.ranks = ranks
  }

  /// The first id of `count` units inserted by consecutive events. There is an id for each unit
  /// that a log can hold.
  mutating func add(version: Int, count added: Int) -> UInt32 {
    let id = count
    firstIDs.append(id)
    versions.append(version)
    count += UInt32(added)
    return id
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

  private func rank(_ origin: Int) -> UInt32 {
    origin < ranks.count ? ranks[origin] : .max
  }

  private func version(of id: UInt32) -> Int {
    var low = 0
    var high = firstIDs.count
    while low < high {
      let middle = (low + high) / 2
      if firstIDs[middle] <= id { low = middle + 1 } else { high = middle }
    }
    return versions[low - 1] + Int(id - firstIDs[low - 1])
  }
}
