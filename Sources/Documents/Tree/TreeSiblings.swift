import Causality

/// All placements that ever put a node under one parent, those without effect and those that were
/// followed by others too.
///
/// Each stands on the right of the one that it names, before everything that was put there earlier:
/// the order of a replicated growable array (Roh, Jeon, Kim, Lee, "Replicated abstract data types:
/// Building blocks for collaborative applications", 2011). It depends on the operations alone, not
/// on which of them are in effect, so that replaying them leaves it as it is.
struct TreeSiblings: Sendable {
  var order: [TreeState.PlacementNumber] = []
  /// False: what came last stands at the end, wherever it belongs.
  var isOrdered = true
}

extension TreeState {
  /// How far from the end a new placement is looked for a place at once. What belongs further to
  /// the left waits until somebody reads, so that many of those cost one sorting.
  private static let reach = 256

  /// The nodes that stand under a node, or at the top, in order. Complexity: O(placements there),
  /// and sorting them when some came since that do not belong near the end.
  mutating func children(of parent: NodeNumber) -> [NodeNumber] {
    guard parent >= Self.top else { return [] }
    if !siblings[parent + 1].isOrdered { sort(parent) }
    var children: [NodeNumber] = []
    for number in siblings[parent + 1].order {
      let node = placements[number].node
      if nodes[node].current == number { children.append(node) }
    }
    return children
  }

  mutating func insert(_ number: PlacementNumber, under parent: NodeNumber) {
    guard siblings[parent + 1].isOrdered,
      let index = index(of: number, in: siblings[parent + 1].order)
    else {
      siblings[parent + 1].order.append(number)
      siblings[parent + 1].isOrdered = false
      return
    }
    siblings[parent + 1].order.insert(number, at: index)
  }

  /// Where a placement belongs; nil when that is far from the end.
  private func index(of number: PlacementNumber, in order: [PlacementNumber]) -> Int? {
    let (after, rank) = (placements[number].after, placements[number].rank)
    let first = max(0, order.count - Self.reach)
    var index = order.count
    if after == Self.none {
      guard first == 0 else { return nil }
      index = 0
    } else {
      while index > first, order[index - 1] != after { index -= 1 }
      guard index > first else { return nil }
    }
    while index < order.count, placements[order[index]].rank >= rank {
      if placements[order[index]].rank == rank, stamp(of: order[index]) < stamp(of: number) {
        break
      }
      index += 1
    }
    return index
  }

  private mutating func sort(_ parent: NodeNumber) {
    let ascending = siblings[parent + 1].order.sorted { stamp(of: $0) < stamp(of: $1) }
    // For each the newest of those that name it, and for each of those the next older.
    var newest: [PlacementNumber: PlacementNumber] = [:]
    var older: [PlacementNumber: PlacementNumber] = [:]
    for number in ascending {
      let after = placements[number].after
      older[number] = newest.updateValue(number, forKey: after)
    }
    var order: [PlacementNumber] = []
    order.reserveCapacity(ascending.count)
    var open = newest[Self.none].map { [$0] } ?? []
    while let number = open.popLast() {
      order.append(number)
      if let next = older[number] { open.append(next) }
      if let inner = newest[number] { open.append(inner) }
    }
    siblings[parent + 1].order = order
    siblings[parent + 1].isOrdered = true
  }
}
