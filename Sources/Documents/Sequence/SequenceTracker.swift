internal import RunStructures

/// The transient state of a replay: every unit that the replayed operations have touched or made,
/// in document order, each with what it is in two versions at once (Gentle and Kleppmann,
/// "Collaborative Text Editing with Eg-walker", 2025, section 3).
///
/// - The *prepare* version moves back and forth so that it equals the parents of the operation that
///   comes next; positions in operations are positions in it. A unit's prepare state is 0 when that
///   version lacks it, 1 when it is visible there, and 1 + n when n events have deleted it there.
/// - The *effect* version only grows; it holds everything replayed so far. Positions in patches are
///   positions in it. A unit is visible there until anything deletes it.
///
/// Units are kept as spans. The text at the base version is one span of **placeholders** at first:
/// units of which nothing is known but their order. Ids are 32-bit: an inserted unit has a number
/// that its inserter gives, a placeholder the top bit and its index in the base.
///
/// Spans lie in leaves of a counted tree whose lanes are: first = visible in the prepare version,
/// second = visible in the effect version, third = existing in the prepare version (state > 0).
struct SequenceTracker {
  typealias ID = UInt32

  static let none = ID.max
  static let placeholderBit: ID = 1 << 31

  /// A run of units: unit `k` has the id `id + k`, and for `k > 0` the unit before it as left
  /// origin and parent. All share right origin and state.
  struct Span {
    var id: ID
    var count: UInt32
    /// Left origin of the first unit: what stood before it when it was inserted.
    var left: ID
    /// Right origin: the unit that came next, deleted or not, in the version it was inserted into.
    var right: ID
    /// The prepare state.
    var state: UInt32
    /// Deleted in the effect version.
    var isDeleted = false
    /// The first unit is a left child of its right origin in the Fugue tree; otherwise it is a
    /// right child of its left origin.
    var isLeftChild = false
    /// The first unit has left children.
    var hasLeftChildren = false

    var isPlaceholder: Bool { id & SequenceTracker.placeholderBit != 0 }
    var end: ID { id &+ count }

    var widths: Widths {
      Widths(state == 1 ? count : 0, isDeleted ? 0 : count, state > 0 ? count : 0)
    }

    /// The part from unit `offset` on; `self` keeps the part before it.
    mutating func split(at offset: UInt32) -> Span {
      var rest = self
      rest.id += offset
      rest.count -= offset
      rest.left = isPlaceholder ? SequenceTracker.none : rest.id - 1
      rest.isLeftChild = false
      rest.hasLeftChildren = false
      count = offset
      return rest
    }

    /// Whether `next` is the continuation that a split of one span would have made.
    func continues(into next: Span) -> Bool {
      end == next.id && state == next.state && isDeleted == next.isDeleted && right == next.right
        && !next.isLeftChild && !next.hasLeftChildren
        && next.left == (isPlaceholder ? SequenceTracker.none : next.id - 1)
    }
  }

  /// A place between units: before unit `offset` of span number `slot` of `leaf`.
  struct Cursor {
    var leaf: Int
    var slot: Int
    var offset: UInt32 = 0
  }

  static let leafCapacity = 32

  var tree = CountedTree()
  /// Spans of leaf `l` are `spans[l * leafCapacity ..< l * leafCapacity + spanCounts[l]]`.
  var spans: ContiguousArray<Span>
  var spanCounts: ContiguousArray<Int> = [0]
  var insertedLeaves = LeafIndex()
  /// Every placeholder begins in leaf 0.
  var placeholderLeaves = LeafIndex(background: 0)
  /// How many placeholders there are. Ids at or above it stand for the end.
  var baseCount: Int
  /// Scratch of the integration.
  var siblings: [Sibling] = []

  static let unusedSpan = Span(id: none, count: 0, left: none, right: none, state: 0)

  init(baseCount: Int) {
    self.baseCount = baseCount
    spans = ContiguousArray(repeating: Self.unusedSpan, count: Self.leafCapacity)
    guard baseCount > 0 else { return }
    spans[0] = Span(
      id: Self.placeholderBit, count: UInt32(baseCount), left: Self.none, right: Self.none, state: 1
    )
    spanCounts[0] = 1
    tree.add(spans[0].widths, to: 0)
  }

  /// Units visible in the prepare version.
  var prepareCount: Int { Int(tree.total.first) }
  /// Units visible in the effect version.
  var effectCount: Int { Int(tree.total.second) }

  // MARK: Places

  func span(_ cursor: Cursor) -> Span { spans[cursor.leaf * Self.leafCapacity + cursor.slot] }

  /// The cursor at the start of a span: itself, or the start of the next leaf that has any.
  func settled(_ cursor: Cursor) -> Cursor? {
    var cursor = cursor
    while cursor.slot >= spanCounts[cursor.leaf] {
      guard let next = tree.next(after: cursor.leaf) else { return nil }
      cursor = Cursor(leaf: next, slot: 0)
    }
    return cursor
  }

  func leaf(of id: ID) -> Int? {
    id & Self.placeholderBit == 0
      ? insertedLeaves.leaf(of: Int(id))
      : placeholderLeaves.leaf(of: Int(id & ~Self.placeholderBit))
  }

  /// Where a unit is, or nil when the replay has never met it.
  func cursor(of id: ID) -> Cursor? {
    guard let leaf = leaf(of: id) else { return nil }
    let start = leaf * Self.leafCapacity
    for slot in 0..<spanCounts[leaf] {
      let distance = id &- spans[start + slot].id
      if distance < spans[start + slot].count {
        return Cursor(leaf: leaf, slot: slot, offset: distance)
      }
    }
    return nil
  }

  /// Document order of two units; both must be in the tracker.
  func isOrdered(_ left: Cursor, _ right: Cursor) -> Bool {
    if left.leaf != right.leaf { return tree.precedes(left.leaf, right.leaf) }
    return (left.slot, left.offset) < (right.slot, right.offset)
  }

  /// The effect position of a cursor.
  func effectPosition(of cursor: Cursor) -> Int {
    var position = tree.widths(before: cursor.leaf).second
    let start = cursor.leaf * Self.leafCapacity
    for slot in 0..<cursor.slot { position += spans[start + slot].widths.second }
    if cursor.offset > 0, !span(cursor).isDeleted { position += cursor.offset }
    return Int(position)
  }

  // MARK: Spans of a leaf

  mutating func noteLeaf(_ leaf: Int, of span: Span) {
    if span.isPlaceholder {
      let first = Int(span.id & ~Self.placeholderBit)
      placeholderLeaves.set(first..<first + Int(span.count), to: leaf)
    } else {
      insertedLeaves.set(Int(span.id)..<Int(span.id) + Int(span.count), to: leaf)
    }
  }

  /// Makes room for `extra` more spans in the leaf of `cursor`, and returns the cursor to the same
  /// place, perhaps in another leaf.
  mutating func makeRoom(_ extra: Int, at cursor: Cursor) -> Cursor {
    let count = spanCounts[cursor.leaf]
    guard count + extra > Self.leafCapacity else { return cursor }
    let new = tree.insertLeaf(after: cursor.leaf)
    if spanCounts.count <= new {
      spanCounts.append(0)
      spans.append(contentsOf: repeatElement(Self.unusedSpan, count: Self.leafCapacity))
    }
    // At the end of the last leaf more of the same is likely: leave the old leaf nearly full.
    let isEnd = cursor.slot >= count - 1 && tree.next(after: new) == nil
    let kept = isEnd ? count - extra : count / 2
    let from = cursor.leaf * Self.leafCapacity
    let to = new * Self.leafCapacity
    var moved = Widths()
    for slot in kept..<count {
      let span = spans[from + slot]
      spans[to + slot - kept] = span
      moved += span.widths
      noteLeaf(new, of: span)
    }
    spanCounts[cursor.leaf] = kept
    spanCounts[new] = count - kept
    tree.add(Widths() - moved, to: cursor.leaf)
    tree.add(moved, to: new)
    if cursor.slot < kept { return cursor }
    return Cursor(leaf: new, slot: cursor.slot - kept, offset: cursor.offset)
  }

  /// Opens `extra` unused slots at `slot`. The leaf must have room.
  private mutating func open(_ extra: Int, slot: Int, leaf: Int) {
    let start = leaf * Self.leafCapacity
    var from = spanCounts[leaf] - 1
    while from >= slot {
      spans[start + from + extra] = spans[start + from]
      from -= 1
    }
    spanCounts[leaf] += extra
  }

  /// Cuts the span so that `cursor` is at the start of one, and returns that place. The leaf must
  /// have room for one more span.
  mutating func cut(at cursor: Cursor) -> Cursor {
    guard cursor.offset > 0 else { return cursor }
    let entry = cursor.leaf * Self.leafCapacity + cursor.slot
    if cursor.offset < spans[entry].count {
      open(1, slot: cursor.slot + 1, leaf: cursor.leaf)
      spans[entry + 1] = spans[entry].split(at: cursor.offset)
    }
    return Cursor(leaf: cursor.leaf, slot: cursor.slot + 1)
  }

  /// Puts a span at the start of the one at `cursor`. The leaf must have room for one more.
  mutating func put(_ span: Span, at cursor: Cursor) {
    open(1, slot: cursor.slot, leaf: cursor.leaf)
    spans[cursor.leaf * Self.leafCapacity + cursor.slot] = span
    noteLeaf(cursor.leaf, of: span)
    tree.add(span.widths, to: cursor.leaf)
  }

  /// Joins the span at `slot` with its neighbours in the leaf where one continues the other, so
  /// that deleting letter by letter does not leave a span for each. Returns the slot that holds it
  /// now.
  mutating func joinNeighbours(of slot: Int, leaf: Int) -> Int {
    var slot = slot
    let start = leaf * Self.leafCapacity
    if slot + 1 < spanCounts[leaf], spans[start + slot].continues(into: spans[start + slot + 1]) {
      spans[start + slot].count += spans[start + slot + 1].count
      close(slot + 1, leaf: leaf)
    }
    if slot > 0, spans[start + slot - 1].continues(into: spans[start + slot]) {
      spans[start + slot - 1].count += spans[start + slot].count
      close(slot, leaf: leaf)
      slot -= 1
    }
    return slot
  }

  private mutating func close(_ slot: Int, leaf: Int) {
    let start = leaf * Self.leafCapacity
    for entry in start + slot..<start + spanCounts[leaf] - 1 { spans[entry] = spans[entry + 1] }
    spanCounts[leaf] -= 1
  }

  // MARK: The base

  /// Makes the placeholders at the end fewer, once their true number is known. False when units
  /// that would go have been touched, which only damaged history does.
  mutating func trimBase(by count: Int) -> Bool {
    guard count > 0 else { return count == 0 }
    guard count <= baseCount, let excess = UInt32(exactly: count),
      let last = cursor(of: Self.placeholderBit | ID(baseCount - 1))
    else { return false }
    let entry = last.leaf * Self.leafCapacity + last.slot
    let old = spans[entry]
    guard old.state == 1, !old.isDeleted, old.count >= excess else { return false }
    spans[entry].count -= excess
    tree.add(Widths() - Widths(excess, excess, excess), to: last.leaf)
    if old.count == excess { close(last.slot, leaf: last.leaf) }
    baseCount -= count
    return true
  }
}
