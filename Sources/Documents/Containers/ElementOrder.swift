import Causality
import RunStructures

/// The elements of a list in order: a B+ tree whose leaves hold up to `leafCapacity` of them.
///
/// Complexity: O(log n) for one element anywhere, O(k + log n) for k in a row, O(n) to go through
/// all.
struct ElementOrder: Sendable {
  static let leafCapacity = 64
  /// How full leaves are made when many elements come at once, so that the next find room.
  private static let fill = 48

  private var tree = CountedTree()
  /// The elements of each leaf, by its handle; the first lane of the tree counts them.
  private var leaves: ContiguousArray<ContiguousArray<EventID>> = [[]]

  var count: Int { Int(tree.total.first) }

  /// - Precondition: `index` is below the count.
  subscript(index: Int) -> EventID {
    precondition(index >= 0 && index < count, "no such element")
    let place = tree.place(of: index, in: .first)
    return leaves[place.leaf][index - Int(place.before.first)]
  }

  /// The elements of `range`, which must be within the list.
  func elements(in range: Range<Int>) -> [EventID] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "no such elements")
    var found: [EventID] = []
    guard !range.isEmpty else { return found }
    found.reserveCapacity(range.count)
    let place = tree.place(of: range.lowerBound, in: .first)
    var leaf: Int? = place.leaf
    var offset = range.lowerBound - Int(place.before.first)
    while found.count < range.count, let here = leaf {
      found.append(contentsOf: leaves[here][offset...].prefix(range.count - found.count))
      offset = 0
      leaf = tree.next(after: here)
    }
    return found
  }

  /// - Precondition: `position` is at most the count.
  mutating func insert(contentsOf new: [EventID], at position: Int) {
    precondition(position >= 0 && position <= count, "no such place")
    guard !new.isEmpty else { return }
    let place = tree.place(ofEnd: position, in: .first)
    let offset = position - Int(place.before.first)
    let leaf = place.leaf
    if leaves[leaf].count + new.count <= Self.leafCapacity {
      leaves[leaf].insert(contentsOf: new, at: offset)
      return tree.add(Widths(UInt32(new.count)), to: leaf)
    }
    let old = leaves[leaf]
    tree.add(Widths() - Widths(UInt32(old.count)), to: leaf)
    var all = ContiguousArray(old[..<offset])
    all.reserveCapacity(old.count + new.count)
    all.append(contentsOf: new)
    all.append(contentsOf: old[offset...])
    spread(all, from: leaf)
  }

  /// Puts elements into a leaf that counts as empty and new ones after it.
  private mutating func spread(_ all: ContiguousArray<EventID>, from first: Int) {
    let leafCount = (all.count + Self.fill - 1) / Self.fill
    var leaf = first
    var start = 0
    for number in 1...leafCount {
      let end = all.count / leafCount * number + all.count % leafCount * number / leafCount
      if number > 1 {
        leaf = tree.insertLeaf(after: leaf)
        if leaf == leaves.count { leaves.append([]) }
      }
      leaves[leaf] = ContiguousArray(all[start..<end])
      tree.add(Widths(UInt32(end - start)), to: leaf)
      start = end
    }
  }

  /// - Precondition: `range` is within the list.
  mutating func remove(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "no such elements")
    var remaining = range.count
    while remaining > 0 {
      let place = tree.place(of: range.lowerBound, in: .first)
      let leaf = place.leaf
      let start = range.lowerBound - Int(place.before.first)
      let end = min(leaves[leaf].count, start + remaining)
      leaves[leaf].removeSubrange(start..<end)
      tree.add(Widths() - Widths(UInt32(end - start)), to: leaf)
      remaining -= end - start
      tidy(leaf)
    }
  }

  /// Takes a leaf out that is empty, and joins one that has become small with the next.
  private mutating func tidy(_ leaf: Int) {
    guard leaves[leaf].count < Self.leafCapacity / 4, tree.first != tree.last else { return }
    if leaves[leaf].isEmpty {
      leaves[leaf] = []
      return tree.remove(leaf)
    }
    guard let next = tree.next(after: leaf),
      leaves[leaf].count + leaves[next].count <= Self.leafCapacity / 2
    else { return }
    leaves[leaf].append(contentsOf: leaves[next])
    tree.add(Widths(UInt32(leaves[next].count)), to: leaf)
    leaves[next] = []
    tree.remove(next)
  }

  /// Checks everything that is kept twice. For tests: O(n).
  func checkInvariants() {
    var leaf: Int? = tree.first
    var sum = 0
    while let here = leaf {
      precondition(leaves[here].count <= Self.leafCapacity, "a leaf holds its elements")
      precondition(
        Int(tree.widths(of: here).first) == leaves[here].count, "the tree knows what is in a leaf")
      precondition(!leaves[here].isEmpty || tree.first == tree.last, "no leaf is empty")
      sum += leaves[here].count
      leaf = tree.next(after: here)
    }
    precondition(sum == count, "counts add up")
  }
}
