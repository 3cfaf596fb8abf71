internal import RunStructures

/// The order of a tracker's leaves and the sums of what is in them: a B+ tree in arenas, made for
/// edits that follow one another in one place.
///
/// What changes in the leaf last used is added up and reaches the nodes above only when another
/// leaf is used (`flush`), so that a run of edits in one leaf costs one way up the tree. Where that
/// leaf begins is remembered too.
///
/// A tree of one leaf, which most replays never outgrow, has no nodes.
struct SpanTree: ~Copyable {
  /// Sums of units by lane: visible in the prepare version, visible in the effect version, existing
  /// in the prepare version. In the entry of a node the fourth lane is the child.
  typealias Widths = SIMD4<UInt32>

  private static let fanout = 16
  private static let none = UInt32.max

  /// The entries of node `n` begin at `n * fanout`.
  private var entries = Arena<Widths>()
  private var nodes = Arena<Node>()
  private var leaves = Arena<Leaf>(capacity: 1)
  private var root: UInt32 = 0
  /// How many levels of nodes there are.
  private(set) var height = 0
  /// The widths of the whole sequence.
  private(set) var total = Widths()

  /// The leaf last used, what has changed in it since the nodes above were told, and, if it is
  /// known, where it begins and what is in it.
  private var recent = 0
  private var change = Widths()
  private var isPlaceKnown = false
  private var before = Widths()
  private var inRecent = Widths()

  struct Node: BitwiseCopyable {
    var count: UInt32
    /// Which of all entries is its own, in its parent; `none` for the root.
    var entry: UInt32

    /// That of another than the root.
    var parent: UInt32 { entry / UInt32(fanout) }
  }

  struct Leaf: BitwiseCopyable {
    /// Which of all entries is its own; `none` while there is no node.
    var entry: UInt32
    var next: UInt32

    /// When there are nodes.
    var parent: UInt32 { entry / UInt32(fanout) }
  }

  /// A tree of one leaf, the number 0, without widths. The first leaf is always 0.
  init() {
    leaves.append(Leaf(entry: Self.none, next: Self.none))
  }

  /// Makes it what it was when it was new.
  mutating func reset() {
    entries.removeAll()
    nodes.removeAll()
    leaves.removeAll()
    leaves.append(Leaf(entry: Self.none, next: Self.none))
    height = 0
    total = Widths()
    recent = 0
    change = Widths()
    isPlaceKnown = false
  }

  var leafCount: Int { leaves.count }

  mutating func next(after leaf: Int) -> Int? {
    let next = leaves.base[leaf].next
    return next == Self.none ? nil : Int(next)
  }

  // MARK: Widths

  /// Adds `added` to the widths of `leaf`; its fourth lane is 0.
  mutating func add(_ added: Widths, to leaf: Int) {
    total &+= added
    guard height > 0 else { return }
    if leaf != recent {
      flush()
      recent = leaf
      isPlaceKnown = false
    }
    change &+= added
    inRecent &+= added
  }

  /// Tells the nodes what has changed below them.
  mutating func flush() {
    guard change != Widths() else { return }
    var entry = leaves.base[recent].entry
    while entry != Self.none {
      entries.base[Int(entry)] &+= change
      entry = nodes.base[Int(entry) / Self.fanout].entry
    }
    change = Widths()
  }

  /// The leaf with the unit number `offset` of those visible in the prepare version, which there
  /// must be, and the widths before that leaf. The leaf is the one last used from then on.
  mutating func leaf(ofVisible offset: UInt32) -> (leaf: Int, before: Widths) {
    guard height > 0 else { return (0, Widths()) }
    if isPlaceKnown, offset &- before.x < inRecent.x { return (recent, before) }
    flush()
    var sum = Widths()
    var node = Int(root)
    var level = height
    while true {
      var entry = entries.base + node * Self.fanout
      let last = entry + (Int(nodes.base[node].count) - 1)
      while entry < last {
        let next = sum &+ entry.pointee
        if next.x > offset { break }
        sum = next
        entry += 1
      }
      node = Int(entry.pointee.w)
      level -= 1
      if level == 0 {
        recent = node
        before = sum
        inRecent = entry.pointee
        isPlaceKnown = true
        return (node, sum)
      }
    }
  }

  /// The leaf with the unit number `offset` of those existing in the prepare version, which there
  /// must be. Call `flush` before.
  private mutating func leaf(ofExisting offset: UInt32) -> Int {
    var passed: UInt32 = 0
    var node = Int(root)
    for _ in 0..<height {
      var entry = entries.base + node * Self.fanout
      while entry.pointee.z <= offset &- passed {
        passed &+= entry.pointee.z
        entry += 1
      }
      node = Int(entry.pointee.w)
    }
    return node
  }

  /// The first leaf after `leaf` with a unit that exists in the prepare version.
  mutating func existing(after leaf: Int) -> Int? {
    guard height > 0 else { return nil }
    flush()
    let here = entries.base[Int(leaves.base[leaf].entry)]
    let passed = widths(before: leaf).z &+ here.z
    return passed < total.z ? self.leaf(ofExisting: passed) : nil
  }

  /// The widths of everything before `leaf`.
  mutating func widths(before leaf: Int) -> Widths {
    guard height > 0 else { return Widths() }
    if leaf == recent, isPlaceKnown { return before }
    flush()
    var sum = Widths()
    var own = leaves.base[leaf].entry
    while own != Self.none {
      let node = Int(own) / Self.fanout
      for entry in node * Self.fanout..<Int(own) { sum &+= entries.base[entry] }
      own = nodes.base[node].entry
    }
    return sum
  }

  /// Whether `left` comes before `right`; false when they are the same.
  mutating func precedes(_ left: Int, _ right: Int) -> Bool {
    if left == right { return false }
    var leftEntry = leaves.base[left].entry
    var rightEntry = leaves.base[right].entry
    while leftEntry / UInt32(Self.fanout) != rightEntry / UInt32(Self.fanout) {
      leftEntry = nodes.base[Int(leftEntry) / Self.fanout].entry
      rightEntry = nodes.base[Int(rightEntry) / Self.fanout].entry
    }
    return leftEntry < rightEntry
  }

  // MARK: Shape

  /// Makes a leaf after `leaf` and gives it `moved` of the widths of `leaf`. Returns its number,
  /// one more than that of the leaf made before it.
  mutating func splitLeaf(_ leaf: Int, moving moved: Widths) -> Int {
    flush()
    isPlaceKnown = false
    let new = leaves.count
    leaves.append(Leaf(entry: Self.none, next: leaves.base[leaf].next))
    leaves.base[leaf].next = UInt32(new)
    if height == 0 {
      root = makeNode()
      height = 1
      var whole = total
      whole.w = UInt32(leaf)
      put(whole, at: 0, in: root, isBottom: true)
    }
    makeRoom(in: leaves.base[leaf].parent, isBottom: true, after: UInt32(leaf))
    let node = leaves.base[leaf].parent
    let entry = Int(leaves.base[leaf].entry)
    entries.base[entry] &-= moved
    var added = moved
    added.w = UInt32(new)
    put(added, at: entry + 1 - Int(node) * Self.fanout, in: node, isBottom: true)
    return new
  }

  private mutating func makeNode() -> UInt32 {
    nodes.append(Node(count: 0, entry: Self.none))
    entries.appendUnset(count: Self.fanout)
    return UInt32(nodes.count - 1)
  }

  private mutating func put(
    _ added: Widths, at slot: Int, in node: UInt32, isBottom: Bool
  ) {
    let first = Int(node) * Self.fanout
    var entry = first + Int(nodes.base[Int(node)].count)
    while entry > first + slot {
      place(entries.base[entry - 1], at: entry, isBottom: isBottom)
      entry -= 1
    }
    place(added, at: entry, isBottom: isBottom)
    nodes.base[Int(node)].count += 1
  }

  /// Sets an entry and tells its child.
  private mutating func place(_ widths: Widths, at entry: Int, isBottom: Bool) {
    entries.base[entry] = widths
    if isBottom {
      leaves.base[Int(widths.w)].entry = UInt32(entry)
    } else {
      nodes.base[Int(widths.w)].entry = UInt32(entry)
    }
  }

  /// Splits `node` if it is full. Something is about to be put in after its child `child`.
  private mutating func makeRoom(in node: UInt32, isBottom: Bool, after child: UInt32) {
    guard nodes.base[Int(node)].count == UInt32(Self.fanout) else { return }
    if node == root {
      root = makeNode()
      height += 1
      var whole = total
      whole.w = node
      put(whole, at: 0, in: root, isBottom: false)
    } else {
      makeRoom(in: nodes.base[Int(node)].parent, isBottom: false, after: node)
    }
    let parent = nodes.base[Int(node)].parent
    let new = makeNode()
    let from = Int(node) * Self.fanout
    // What is put at the end is likely to be followed by more of the same.
    let isEnd = entries.base[from + Self.fanout - 1].w == child
    let kept = isEnd ? Self.fanout - 1 : Self.fanout / 2
    var moved = Widths()
    for slot in kept..<Self.fanout {
      moved &+= entries.base[from + slot]
      place(
        entries.base[from + slot], at: Int(new) * Self.fanout + slot - kept, isBottom: isBottom)
    }
    nodes.base[Int(node)].count = UInt32(kept)
    nodes.base[Int(new)].count = UInt32(Self.fanout - kept)
    moved.w = 0
    let entry = Int(nodes.base[Int(node)].entry)
    entries.base[entry] &-= moved
    moved.w = new
    put(moved, at: entry + 1 - Int(parent) * Self.fanout, in: parent, isBottom: false)
  }
}

extension SpanTree {
  /// Checks the whole tree and returns the leaves in order with their widths. For tests: O(n).
  mutating func checkedLeaves() -> [(leaf: Int, widths: Widths)] {
    flush()
    guard height > 0 else { return [(0, total)] }
    var found: [(leaf: Int, widths: Widths)] = []
    check(root, level: height, total, &found)
    for (index, here) in found.enumerated() {
      let next = index + 1 < found.count ? found[index + 1].leaf : nil
      precondition(self.next(after: here.leaf) == next, "leaves link")
    }
    precondition(found.count == leafCount && found[0].leaf == 0, "every leaf is in the tree")
    return found
  }

  private mutating func check(
    _ node: UInt32, level: Int, _ expected: Widths,
    _ found: inout [(leaf: Int, widths: Widths)]
  ) {
    let count = Int(nodes.base[Int(node)].count)
    precondition(count > 0 && count <= Self.fanout, "a node has 1 to \(Self.fanout) children")
    var sum = Widths()
    for entry in Int(node) * Self.fanout..<Int(node) * Self.fanout + count {
      var widths = entries.base[entry]
      let child = widths.w
      widths.w = 0
      sum &+= widths
      if level == 1 {
        precondition(leaves.base[Int(child)].entry == UInt32(entry), "a leaf knows its place")
        found.append((Int(child), widths))
      } else {
        precondition(nodes.base[Int(child)].entry == UInt32(entry), "a node knows its place")
        check(child, level: level - 1, widths, &found)
      }
    }
    var expected = expected
    expected.w = 0
    precondition(sum == expected, "widths add up")
  }
}
