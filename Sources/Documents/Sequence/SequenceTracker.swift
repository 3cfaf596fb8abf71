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
/// units of which nothing is known but their order. Ids are 32-bit: inserted units are numbered in
/// the order of the replay, a placeholder has the top bit and its index in the base.
///
/// Spans lie in the leaves of a tree. As long as there is only one leaf, which most replays never
/// outgrow, nobody keeps account of who is where.
struct SequenceTracker: ~Copyable {
  typealias ID = UInt32
  typealias Widths = SpanTree.Widths

  static let none = ID.max
  static let placeholderBit: ID = 1 << 31
  static let leafCapacity = 32

  var tree = SpanTree()
  /// Spans of leaf `l` are `spans[l * leafCapacity ..< l * leafCapacity + spanCounts[l]]`.
  var spans = Arena<Span>(capacity: leafCapacity)
  var spanCounts = Arena<Int>(capacity: 1)
  /// Which leaf holds a unit. Not kept while there is one leaf.
  private var insertedLeaves = LeafIndex()
  /// Every placeholder begins in leaf 0.
  private var placeholderLeaves = LeafIndex(background: 0)
  /// How many placeholders there are. Ids at or above it stand for the end.
  private(set) var baseCount = 0
  /// Where the span is that was put in or stepped last; only a guess.
  var recentSlot = 0
  /// How many units were inserted: the next id.
  var insertedCount: UInt32 = 0
  /// Scratch of the integration.
  var siblings = Arena<Sibling>()
  var gap = Gap()

  init() {
    spans.appendUnset(count: Self.leafCapacity)
    spanCounts.append(0)
  }

  /// Forgets everything and begins with a base of `count` units.
  mutating func reset(baseCount count: Int) {
    if spanCounts.count > 1 {
      insertedLeaves.removeAll()
      placeholderLeaves.removeAll()
      spans.removeAll()
      spans.appendUnset(count: Self.leafCapacity)
      spanCounts.removeAll()
      spanCounts.append(0)
    }
    tree.reset()
    baseCount = count
    insertedCount = 0
    recentSlot = 0
    gap.forget()
    spanCounts.base[0] = 0
    guard count > 0 else { return }
    let base = Span(
      id: Self.placeholderBit, count: UInt32(count), left: Self.none, right: Self.none, state: 1)
    spans.base[0] = base
    spanCounts.base[0] = 1
    tree.add(base.widths, to: 0)
  }

  /// Units visible in the prepare version.
  var prepareCount: Int { Int(tree.total.x) }
  /// Units visible in the effect version.
  var effectCount: Int { Int(tree.total.y) }

  // MARK: Places

  /// A place between units: before unit `offset` of span number `slot` of `leaf`.
  struct Cursor: BitwiseCopyable {
    var leaf: Int
    var slot: Int
    var offset: UInt32 = 0
  }

  /// The spans of a leaf, valid until a leaf is split.
  @inline(__always)
  mutating func spans(of leaf: Int) -> UnsafeMutablePointer<Span> {
    spans.base + leaf * Self.leafCapacity
  }

  mutating func span(_ cursor: Cursor) -> Span { spans(of: cursor.leaf)[cursor.slot] }

  /// The cursor at the start of a span: itself, or the start of the next leaf that has any.
  mutating func settled(_ cursor: Cursor) -> Cursor? {
    var cursor = cursor
    while cursor.slot >= spanCounts.base[cursor.leaf] {
      guard let next = tree.next(after: cursor.leaf) else { return nil }
      cursor = Cursor(leaf: next, slot: 0)
    }
    return cursor
  }

  /// The leaf that may hold a unit, -1 when the replay has never met it.
  @inline(__always)
  mutating func leaf(of id: ID) -> Int {
    if tree.height == 0 { return 0 }
    return id & Self.placeholderBit == 0
      ? insertedLeaves.leaf(of: Int(id))
      : placeholderLeaves.leaf(of: Int(id & ~Self.placeholderBit))
  }

  /// The span with a unit among those of a leaf, -1 when there is none. Begins to look at `start`.
  @inline(__always)
  static func slot(
    of id: ID, in spans: UnsafeMutablePointer<Span>, _ count: Int, from start: Int
  ) -> Int {
    var slot = start
    while slot < count {
      if id &- spans[slot].id < spans[slot].count { return slot }
      slot &+= 1
    }
    slot = 0
    let end = min(start, count)
    while slot < end {
      if id &- spans[slot].id < spans[slot].count { return slot }
      slot &+= 1
    }
    return -1
  }

  /// Where a unit is, or nil when the replay has never met it.
  mutating func cursor(of id: ID) -> Cursor? {
    let leaf = leaf(of: id)
    guard leaf >= 0 else { return nil }
    let spans = spans(of: leaf)
    let slot = Self.slot(of: id, in: spans, spanCounts.base[leaf], from: 0)
    return slot < 0 ? nil : Cursor(leaf: leaf, slot: slot, offset: id &- spans[slot].id)
  }

  /// Document order of two units; both must be in the tracker.
  mutating func isOrdered(_ left: Cursor, _ right: Cursor) -> Bool {
    if left.leaf != right.leaf { return tree.precedes(left.leaf, right.leaf) }
    return (left.slot, left.offset) < (right.slot, right.offset)
  }

  /// The effect position of a cursor.
  mutating func effectPosition(of cursor: Cursor) -> UInt32 {
    var position = tree.widths(before: cursor.leaf).y
    let spans = spans(of: cursor.leaf)
    for slot in 0..<cursor.slot { position += spans[slot].effectCount }
    if cursor.offset > 0, !spans[cursor.slot].isDeleted { position += cursor.offset }
    return position
  }

  // MARK: Spans of a leaf

  private mutating func noteLeaf(_ leaf: Int, of span: Span) {
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
    let count = spanCounts.base[cursor.leaf]
    guard count + extra > Self.leafCapacity else { return cursor }
    if tree.height == 0 {
      for slot in 0..<count where !spans.base[slot].isPlaceholder {
        noteLeaf(0, of: spans.base[slot])
      }
    }
    // At the end of the last leaf more of the same is likely: leave the old leaf nearly full.
    let isEnd = cursor.slot >= count - 1 && tree.next(after: cursor.leaf) == nil
    let kept = isEnd ? count - extra : count / 2
    spans.appendUnset(count: Self.leafCapacity)
    let from = spans(of: cursor.leaf)
    let new = spanCounts.count
    let to = spans(of: new)
    var moved = Widths()
    for slot in kept..<count {
      to[slot - kept] = from[slot]
      moved &+= from[slot].widths
      noteLeaf(new, of: from[slot])
    }
    spanCounts.base[cursor.leaf] = kept
    spanCounts.append(count - kept)
    let made = tree.splitLeaf(cursor.leaf, moving: moved)
    assert(made == new, "leaves are numbered alike")
    if cursor.slot < kept { return cursor }
    return Cursor(leaf: new, slot: cursor.slot - kept, offset: cursor.offset)
  }

  /// Opens `extra` unset slots at `slot`. The leaf must have room.
  mutating func open(_ extra: Int, slot: Int, leaf: Int) {
    let spans = spans(of: leaf)
    let count = spanCounts.base[leaf]
    (spans + slot + extra).update(from: spans + slot, count: count - slot)
    spanCounts.base[leaf] = count + extra
  }

  mutating func close(_ slot: Int, leaf: Int) {
    let spans = spans(of: leaf)
    let count = spanCounts.base[leaf] - 1
    (spans + slot).update(from: spans + slot + 1, count: count - slot)
    spanCounts.base[leaf] = count
  }

  /// Cuts the span so that unit `offset` of it, which is not its first, begins the next one. The
  /// leaf must have room for one more span.
  mutating func cut(_ slot: Int, at offset: UInt32, leaf: Int) {
    open(1, slot: slot + 1, leaf: leaf)
    let spans = spans(of: leaf)
    spans[slot + 1] = spans[slot].split(at: offset)
  }

  /// Puts a new span before `cursor`, cutting the one that it is inside of, as a left child of the
  /// unit there if so.
  mutating func put(_ span: Span, before cursor: Cursor, asLeftChild: Bool) {
    var cursor = makeRoom(2, at: cursor)
    if cursor.offset > 0 {
      open(2, slot: cursor.slot + 1, leaf: cursor.leaf)
      let spans = spans(of: cursor.leaf)
      spans[cursor.slot + 2] = spans[cursor.slot].split(at: cursor.offset)
      cursor.slot += 1
    } else {
      open(1, slot: cursor.slot, leaf: cursor.leaf)
    }
    let spans = spans(of: cursor.leaf)
    spans[cursor.slot] = span
    recentSlot = cursor.slot
    if asLeftChild { spans[cursor.slot + 1].hasLeftChildren = true }
    added(span, to: cursor.leaf)
  }

  /// Notes that the new units of `span` are in `leaf`.
  mutating func added(_ span: Span, to leaf: Int) {
    if tree.height > 0 { noteLeaf(leaf, of: span) }
    tree.add(span.widths, to: leaf)
  }

  /// Joins the span at `slot` with the one before it in the leaf, where one continues the other, so
  /// that deleting letter by letter does not leave a span for each.
  mutating func joinBack(_ slot: Int, leaf: Int) -> Bool {
    let spans = spans(of: leaf)
    guard slot > 0, slot < spanCounts.base[leaf], spans[slot - 1].continues(into: spans[slot])
    else { return false }
    spans[slot - 1].count += spans[slot].count
    close(slot, leaf: leaf)
    return true
  }

  // MARK: The base

  /// Makes the placeholders at the end fewer, once their true number is known. False when units
  /// that would go have been touched, which only damaged history does.
  mutating func trimBase(by count: Int) -> Bool {
    gap.forget()
    guard count > 0 else { return count == 0 }
    guard count <= baseCount, let excess = UInt32(exactly: count),
      let last = cursor(of: Self.placeholderBit | ID(baseCount - 1))
    else { return false }
    let spans = spans(of: last.leaf)
    let old = spans[last.slot]
    guard old.state == 1, !old.isDeleted, old.count >= excess else { return false }
    spans[last.slot].count -= excess
    tree.add(Widths() &- Widths(excess, excess, excess, 0), to: last.leaf)
    if old.count == excess { close(last.slot, leaf: last.leaf) }
    baseCount -= count
    return true
  }
}
