/// The widths of a leaf, or of everything below a node: three counts that add up independently.
///
/// What they count is the owner's business (scalars, bytes and UTF-16 units of a text; visible,
/// resulting and existing items of a replay). Sums wrap: owners keep totals below 2^32.
@usableFromInline
@frozen
package struct Widths: Hashable, Sendable {
  @usableFromInline package var first: UInt32
  @usableFromInline package var second: UInt32
  @usableFromInline package var third: UInt32

  @inlinable
  package init(_ first: UInt32 = 0, _ second: UInt32 = 0, _ third: UInt32 = 0) {
    self.first = first
    self.second = second
    self.third = third
  }

  @inlinable
  package static func + (left: Widths, right: Widths) -> Widths {
    Widths(left.first &+ right.first, left.second &+ right.second, left.third &+ right.third)
  }

  @inlinable
  package static func - (left: Widths, right: Widths) -> Widths {
    Widths(left.first &- right.first, left.second &- right.second, left.third &- right.third)
  }

  @inlinable
  package static func += (left: inout Widths, right: Widths) { left = left + right }

  @inlinable
  package static func -= (left: inout Widths, right: Widths) { left = left - right }

  @inlinable
  package subscript(lane: Lane) -> UInt32 {
    switch lane {
    case .first: first
    case .second: second
    case .third: third
    }
  }

  @usableFromInline
  @frozen
  package enum Lane: Sendable { case first, second, third }
}

/// An ordered sequence of leaves with widths: a counted B+ tree in flat columns.
///
/// It knows the order of the leaves and the sums of their widths, not what they hold: the owner
/// keeps the contents in columns of its own, by leaf handle. Handles are small integers, given out
/// from 0 upwards and used again after `remove`. There is always at least one leaf.
///
///              [ 12 | 30 ]                 a node: up to 16 children and their widths
///              /         \
///      [ 5 | 7 ]       [ 9 | 21 ]          a bottom node: its children are leaves
///       |    |          |    |
///      (0)  (3)        (1)  (2)            handles of leaves, in order of the sequence
///
/// Complexity: every operation is O(log leaves), `next` and `previous` O(1).
@usableFromInline
package struct CountedTree: Sendable {
  /// The most children of a node.
  @usableFromInline static let fanout = 16
  @usableFromInline static let none = UInt32.max

  // Nodes. Column entries of node `n` start at `n * fanout`.
  @usableFromInline var children: ContiguousArray<UInt32> = []
  @usableFromInline var childWidths: ContiguousArray<Widths> = []
  @usableFromInline var childCounts: ContiguousArray<UInt8> = []
  @usableFromInline var parents: ContiguousArray<UInt32> = []
  @usableFromInline var freeNodes: ContiguousArray<UInt32> = []

  // Leaves.
  @usableFromInline var leafParents: ContiguousArray<UInt32> = []
  @usableFromInline var nextLeaves: ContiguousArray<UInt32> = []
  @usableFromInline var previousLeaves: ContiguousArray<UInt32> = []
  @usableFromInline var freeLeaves: ContiguousArray<UInt32> = []

  @usableFromInline var root: UInt32 = 0
  /// How many levels of nodes there are; the children of the last are leaves.
  @usableFromInline var height = 1

  /// The widths of the whole sequence.
  package private(set) var total = Widths()
  package private(set) var first = 0
  package private(set) var last = 0

  /// A tree of one leaf, with handle 0 and no width.
  package init() {
    root = makeNode()
    leafParents.append(root)
    nextLeaves.append(Self.none)
    previousLeaves.append(Self.none)
    children[Int(root) * Self.fanout] = 0
    childCounts[Int(root)] = 1
  }

  @inlinable
  package func next(after leaf: Int) -> Int? {
    let next = nextLeaves[leaf]
    return next == Self.none ? nil : Int(next)
  }

  @inlinable
  package func previous(before leaf: Int) -> Int? {
    let previous = previousLeaves[leaf]
    return previous == Self.none ? nil : Int(previous)
  }

  // MARK: Widths

  /// Adds `change` to the widths of `leaf`; subtracting is adding the wrapped negative, which
  /// `Widths() - change` makes.
  package mutating func add(_ change: Widths, to leaf: Int) {
    total += change
    let node = leafParents[leaf]
    childWidths[slot(of: UInt32(leaf), in: node)] += change
    addAbove(node, change)
  }

  /// Adds `change` to the entries that stand for `node` and for the nodes above it.
  private mutating func addAbove(_ node: UInt32, _ change: Widths) {
    var child = node
    var node = parents[Int(node)]
    while node != Self.none {
      childWidths[slot(of: child, in: node)] += change
      child = node
      node = parents[Int(node)]
    }
  }

  package func widths(of leaf: Int) -> Widths {
    childWidths[slot(of: UInt32(leaf), in: leafParents[leaf])]
  }

  /// The widths of everything before `leaf`.
  package func widths(before leaf: Int) -> Widths {
    var sum = Widths()
    var child = UInt32(leaf)
    var node = leafParents[leaf]
    while node != Self.none {
      let start = Int(node) * Self.fanout
      var entry = start
      while children[entry] != child {
        sum += childWidths[entry]
        entry += 1
      }
      child = node
      node = parents[Int(node)]
    }
    return sum
  }

  /// Where an offset in one lane falls.
  @usableFromInline
  @frozen
  package struct Place {
    @usableFromInline package var leaf: Int
    /// The widths of everything before the leaf; the offset is in or at the end of the leaf.
    @usableFromInline package var before: Widths

    @inlinable
    package init(leaf: Int, before: Widths) {
      self.leaf = leaf
      self.before = before
    }
  }

  /// The leaf that holds the unit number `offset` of `lane`, or the last leaf when there are not as
  /// many units.
  @inlinable
  package func place(of offset: Int, in lane: Widths.Lane) -> Place {
    place(of: offset, in: lane, isEnd: false)
  }

  /// The first leaf at whose end at least `offset` units of `lane` have passed: the leaf that holds
  /// the unit number `offset - 1`; the first leaf for 0.
  @inlinable
  package func place(ofEnd offset: Int, in lane: Widths.Lane) -> Place {
    place(of: offset, in: lane, isEnd: true)
  }

  @inlinable
  func place(of offset: Int, in lane: Widths.Lane, isEnd: Bool) -> Place {
    let offset = offset - (isEnd ? 1 : 0)
    var before = Widths()
    var node = root
    var level = 1
    while true {
      let start = Int(node) * Self.fanout
      let end = start + Int(childCounts[Int(node)])
      var entry = start
      while entry + 1 < end {
        let sum = before + childWidths[entry]
        if Int(sum[lane]) > offset { break }
        before = sum
        entry += 1
      }
      if level == height { return Place(leaf: Int(children[entry]), before: before) }
      node = children[entry]
      level += 1
    }
  }

  /// Whether `left` comes before `right`; false when they are the same.
  package func precedes(_ left: Int, _ right: Int) -> Bool {
    if left == right { return false }
    var leftChild = UInt32(left)
    var rightChild = UInt32(right)
    var leftNode = leafParents[left]
    var rightNode = leafParents[right]
    while leftNode != rightNode {
      leftChild = leftNode
      rightChild = rightNode
      leftNode = parents[Int(leftNode)]
      rightNode = parents[Int(rightNode)]
    }
    return slot(of: leftChild, in: leftNode) < slot(of: rightChild, in: rightNode)
  }

  @inlinable
  func slot(of child: UInt32, in node: UInt32) -> Int {
    var entry = Int(node) * Self.fanout
    while children[entry] != child { entry += 1 }
    return entry
  }

  // MARK: Shape

  /// Makes a leaf without width after `leaf` and returns its handle.
  package mutating func insertLeaf(after leaf: Int) -> Int {
    let new: UInt32
    if let free = freeLeaves.popLast() {
      new = free
    } else {
      new = UInt32(leafParents.count)
      leafParents.append(Self.none)
      nextLeaves.append(Self.none)
      previousLeaves.append(Self.none)
    }
    let following = nextLeaves[leaf]
    nextLeaves[leaf] = new
    previousLeaves[Int(new)] = UInt32(leaf)
    nextLeaves[Int(new)] = following
    if following == Self.none {
      last = Int(new)
    } else {
      previousLeaves[Int(following)] = new
    }
    insert(new, Widths(), after: UInt32(leaf), in: leafParents[leaf], isBottom: true)
    return Int(new)
  }

  /// Takes `leaf` out, which must not be the only one. Its handle may be given out again.
  package mutating func remove(_ leaf: Int) {
    precondition(first != last, "the only leaf stays")
    add(Widths() - widths(of: leaf), to: leaf)
    let before = previousLeaves[leaf]
    let after = nextLeaves[leaf]
    if before == Self.none { first = Int(after) } else { nextLeaves[Int(before)] = after }
    if after == Self.none { last = Int(before) } else { previousLeaves[Int(after)] = before }
    freeLeaves.append(UInt32(leaf))

    var child = UInt32(leaf)
    var node = leafParents[leaf]
    while true {
      removeEntry(slot(of: child, in: node), of: node)
      guard childCounts[Int(node)] == 0 else { break }
      freeNodes.append(node)
      child = node
      node = parents[Int(node)]
    }
    while height > 1, childCounts[Int(root)] == 1 {
      freeNodes.append(root)
      root = children[Int(root) * Self.fanout]
      parents[Int(root)] = Self.none
      height -= 1
    }
  }

  private mutating func makeNode() -> UInt32 {
    if let free = freeNodes.popLast() {
      childCounts[Int(free)] = 0
      parents[Int(free)] = Self.none
      return free
    }
    let node = UInt32(childCounts.count)
    childCounts.append(0)
    parents.append(Self.none)
    children.append(contentsOf: repeatElement(Self.none, count: Self.fanout))
    childWidths.append(contentsOf: repeatElement(Widths(), count: Self.fanout))
    return node
  }

  private mutating func removeEntry(_ entry: Int, of node: UInt32) {
    let end = Int(node) * Self.fanout + Int(childCounts[Int(node)])
    var entry = entry
    while entry + 1 < end {
      children[entry] = children[entry + 1]
      childWidths[entry] = childWidths[entry + 1]
      entry += 1
    }
    children[entry] = Self.none
    childWidths[entry] = Widths()
    childCounts[Int(node)] -= 1
  }

  private mutating func adopt(_ child: UInt32, by node: UInt32, isBottom: Bool) {
    if isBottom { leafParents[Int(child)] = node } else { parents[Int(child)] = node }
  }

  /// Puts `child` after `sibling` in `node`, splitting the node when it is full.
  private mutating func insert(
    _ child: UInt32, _ widths: Widths, after sibling: UInt32, in node: UInt32, isBottom: Bool
  ) {
    var node = node
    if Int(childCounts[Int(node)]) == Self.fanout {
      let isLast = children[Int(node) * Self.fanout + Self.fanout - 1] == sibling
      let new = split(node, keeping: isLast ? Self.fanout - 1 : Self.fanout / 2, isBottom: isBottom)
      let siblingParent = isBottom ? leafParents[Int(sibling)] : parents[Int(sibling)]
      if siblingParent == new {
        // What is put in was already counted above `node`; it goes to `new` instead.
        addAbove(node, Widths() - widths)
        addAbove(new, widths)
        node = new
      }
    }
    let position = slot(of: sibling, in: node) + 1
    var entry = Int(node) * Self.fanout + Int(childCounts[Int(node)])
    while entry > position {
      children[entry] = children[entry - 1]
      childWidths[entry] = childWidths[entry - 1]
      entry -= 1
    }
    children[position] = child
    childWidths[position] = widths
    childCounts[Int(node)] += 1
    adopt(child, by: node, isBottom: isBottom)
  }

  /// Moves the children of `node` from number `keeping` on into a new node after it.
  private mutating func split(_ node: UInt32, keeping: Int, isBottom: Bool) -> UInt32 {
    let new = makeNode()
    let from = Int(node) * Self.fanout
    let to = Int(new) * Self.fanout
    var moved = Widths()
    for entry in keeping..<Self.fanout {
      let child = children[from + entry]
      children[to + entry - keeping] = child
      childWidths[to + entry - keeping] = childWidths[from + entry]
      moved += childWidths[from + entry]
      children[from + entry] = Self.none
      childWidths[from + entry] = Widths()
      adopt(child, by: new, isBottom: isBottom)
    }
    childCounts[Int(node)] = UInt8(keeping)
    childCounts[Int(new)] = UInt8(Self.fanout - keeping)

    if node == root {
      let top = makeNode()
      children[Int(top) * Self.fanout] = node
      childWidths[Int(top) * Self.fanout] = total - moved
      childCounts[Int(top)] = 1
      parents[Int(node)] = top
      root = top
      height += 1
    } else {
      let parent = parents[Int(node)]
      childWidths[slot(of: node, in: parent)] -= moved
    }
    insert(new, moved, after: node, in: parents[Int(node)], isBottom: false)
    return new
  }
}
