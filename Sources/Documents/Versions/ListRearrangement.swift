/// The steps that turn one order of elements into another: few removals, insertions and moves, that
/// apply one after the other.
package struct ListRearrangement<Element: Hashable> {
  package enum Step: Equatable {
    case remove(at: Int, count: Int)
    /// What is inserted, as a range of the new order.
    case insert(at: Int, Range<Int>)
    /// The element, number `from`, is number `to` afterwards.
    case move(Element, from: Int, to: Int)
  }

  package private(set) var steps: [Step] = []

  /// - Parameters:
  ///   - old: each element once.
  ///   - new: each element once.
  ///   - isFixed: whether an element that is in both stays where it is; those of which it does are
  ///     in the same order in both. Of the others as many stay as can.
  /// - Complexity: O(n log n).
  package init(
    from old: [Element], to new: [Element], isFixed: (Element) -> Bool = { _ in false }
  ) {
    if old == new { return }
    var places: [Element: Int] = [:]
    places.reserveCapacity(new.count)
    for (index, element) in new.enumerated() { places[element] = index }
    let kept = removeOthers(old, places)
    let pairs = kept.enumerated().map { (old: $0.offset, new: places[$0.element] ?? 0) }
    let anchors = Self.staying(pairs) { isFixed(kept[$0]) }
    arrange(kept, into: new, pairs: pairs, anchors: anchors)
  }

  /// Removes what is not in the new order, from the end on.
  private mutating func removeOthers(_ old: [Element], _ places: [Element: Int]) -> [Element] {
    var end = old.count
    while end > 0 {
      guard places[old[end - 1]] == nil else {
        end -= 1
        continue
      }
      var start = end - 1
      while start > 0, places[old[start - 1]] == nil { start -= 1 }
      steps.append(.remove(at: start, count: end - start))
      end = start
    }
    return old.filter { places[$0] != nil }
  }

  /// The order that a writer wants who knew only some of the elements: those that they did not know
  /// of, and those that they have not moved, stay where they are, and each other one stands right
  /// behind the one before it.
  ///
  /// Complexity: O(n).
  ///
  /// - Parameters:
  ///   - wanted: what the writer wants, each once, old and new.
  ///   - present: what is there, less what they have removed.
  static func order(
    of wanted: [Element], among present: [Element], isMoved: (Element) -> Bool
  ) -> [Element] {
    let known = Set(present)
    var staying = known
    var behind: [Element?: [Element]] = [:]
    var last: Element?
    for element in wanted {
      if known.contains(element), !isMoved(element) {
        last = element
      } else {
        staying.remove(element)
        behind[last, default: []].append(element)
      }
    }
    return present.reduce(into: behind[nil] ?? []) { order, element in
      guard staying.contains(element) else { return }
      order.append(element)
      order += behind[element] ?? []
    }
  }

  /// As many of what is in both as can stay where they are while the others move; each is in either
  /// once. Complexity: O(n log n).
  static func staying(from old: [Element], to new: [Element]) -> Set<Element> {
    var places: [Element: Int] = [:]
    for (index, element) in new.enumerated() { places[element] = index }
    let pairs = old.enumerated().compactMap { index, element in
      places[element].map { (old: index, new: $0) }
    }
    // Numbered without gaps, as the search wants them.
    let numbered = pairs.enumerated().map { (old: $0.offset, new: $0.element.new) }
    return Set(staying(numbered) { _ in false }.map { new[$0.new] })
  }

  /// Which of what is in both stays: the heaviest ascending subsequence, in which one that is fixed
  /// outweighs all that are not.
  private static func staying(
    _ pairs: [(old: Int, new: Int)], isFixed: (Int) -> Bool
  ) -> [(old: Int, new: Int)] {
    guard zip(pairs, pairs.dropFirst()).contains(where: { $0.new > $1.new }) else { return pairs }
    let ranks = pairs.indices.sorted { pairs[$0].new < pairs[$1].new }
    var rank = [Int](repeating: 0, count: pairs.count)
    for (place, index) in ranks.enumerated() { rank[index] = place }
    // The heaviest subsequence that ends at or below a place, as its weight and its last element.
    var best = [(weight: Int, last: Int)](repeating: (0, -1), count: pairs.count + 1)
    var before = [Int](repeating: -1, count: pairs.count)
    var heaviest = (weight: 0, last: -1)
    for index in pairs.indices {
      var found = (weight: 0, last: -1)
      var node = rank[index]
      while node > 0 {
        if best[node].weight > found.weight { found = best[node] }
        node -= node & -node
      }
      before[index] = found.last
      let here = (weight: found.weight + (isFixed(index) ? pairs.count + 1 : 1), last: index)
      if here.weight > heaviest.weight { heaviest = here }
      node = rank[index] + 1
      while node <= pairs.count {
        if here.weight > best[node].weight { best[node] = here }
        node += node & -node
      }
    }
    var staying: [(old: Int, new: Int)] = []
    var last = heaviest.last
    while last >= 0 {
      staying.append(pairs[last])
      last = before[last]
    }
    return staying.reversed()
  }

  /// Goes through the new order and puts each element that is not at its place behind the one
  /// before it.
  private mutating func arrange(
    _ kept: [Element], into new: [Element], pairs: [(old: Int, new: Int)],
    anchors: [(old: Int, new: Int)]
  ) {
    var oldPlace = [Int](repeating: -1, count: new.count)
    for pair in pairs { oldPlace[pair.new] = pair.old }
    // Those that have yet to be moved, by their old place.
    var waiting = RankedSet(count: kept.count)
    var isAnchor = [Bool](repeating: false, count: kept.count)
    for anchor in anchors { isAnchor[anchor.old] = true }
    for index in kept.indices where !isAnchor[index] { waiting.insert(index) }
    // The anchor passed last, and how many were passed.
    var last = -1
    var passed = 0
    var index = 0
    while index < new.count {
      let old = oldPlace[index]
      if old >= 0, isAnchor[old] {
        last = old
        passed += 1
        index += 1
        continue
      }
      let position = index + waiting.count(below: max(last, 0))
      guard old >= 0 else {
        var end = index + 1
        while end < new.count, oldPlace[end] < 0 { end += 1 }
        steps.append(.insert(at: position, index..<end))
        index = end
        continue
      }
      let ahead = Self.first(in: anchors) { $0.old > old }
      let behind =
        ahead < passed ? anchors[ahead].new : index + max(0, ahead - passed)
      let from = behind + waiting.count(below: old)
      waiting.remove(old)
      let to = from < position ? position - 1 : position
      if from != to { steps.append(.move(kept[old], from: from, to: to)) }
      index += 1
    }
  }

  private static func first(
    in anchors: [(old: Int, new: Int)], where isBeyond: ((old: Int, new: Int)) -> Bool
  ) -> Int {
    var low = 0
    var high = anchors.count
    while low < high {
      let middle = (low + high) / 2
      if isBeyond(anchors[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// Numbers below a bound, of which can be told how many are below another (Fenwick, "A New Data
/// Structure for Cumulative Frequency Tables", 1994). Complexity: O(log n) each.
private struct RankedSet {
  private var sums: [Int]

  init(count: Int) {
    sums = [Int](repeating: 0, count: count + 1)
  }

  mutating func insert(_ number: Int) { add(1, at: number) }
  mutating func remove(_ number: Int) { add(-1, at: number) }

  private mutating func add(_ amount: Int, at number: Int) {
    var node = number + 1
    while node < sums.count {
      sums[node] += amount
      node += node & -node
    }
  }

  func count(below number: Int) -> Int {
    var node = min(number, sums.count - 1)
    var count = 0
    while node > 0 {
      count += sums[node]
      node -= node & -node
    }
    return count
  }
}
