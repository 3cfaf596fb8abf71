internal import Causality
internal import RunStructures

/// Where a new unit goes among those that were inserted at the same place at the same time: the
/// order of the FugueMax tree (Weidner and Kleppmann, "The Art of the Fugue", 2023, section 5).
///
/// A unit inserted between `left` and `right` (the units around the cursor in the version of its
/// author, deleted ones included) is a right child of `left`, or, when `left` already had right
/// children there, a left child of `right`. `left` has right children exactly when `left` is the
/// left origin of `right`. The document is the tree in order: left children, unit, right children.
/// Siblings on the left go by identity; those on the right by their right origin, the later first,
/// then by identity. So a run typed forward is a chain of right children, one typed backward a
/// chain of left children, and no run is ever split by a concurrent one.
///
/// Placeholders stand for units whose place in the tree is unknown. It does not matter: all inserts
/// of one replay that meet in a gap between two placeholders have seen the same base, so that they
/// are siblings of the same kind with the same right origin, and identity alone decides.
extension SequenceTracker {
  /// The subtree of a possible sibling, found while scanning.
  struct Sibling: BitwiseCopyable {
    var span: Span
    /// Where its subtree begins: its leftmost descendant.
    var start: Cursor
  }

  /// The right children of a unit that lie before what exists next, in order, by their first units:
  /// what the last search for siblings has found, and those put in since.
  struct Gap: ~Copyable {
    private var left: ID = none
    private var right: ID = none
    private var isKnown = false
    var siblings = Arena<ID>()

    func isBetween(_ left: ID, _ right: ID) -> Bool {
      isKnown && left == self.left && right == self.right
    }

    mutating func begin(between left: ID, and right: ID) {
      self.left = left
      self.right = right
      isKnown = true
      siblings.removeAll()
    }

    /// A right child of `left` is put in without a search.
    mutating func forget(after left: ID) {
      if left == self.left { isKnown = false }
    }

    mutating func forget() { isKnown = false }

    mutating func insert(_ id: ID, at index: Int) {
      siblings.append(id)
      let place = siblings.base + index
      (place + 1).update(from: place, count: siblings.count - 1 - index)
      place.pointee = id
    }
  }

  /// Inserts `count` units, with the next ids, at `position` of the prepare version, which must not
  /// exceed its length. Returns where they appear in the effect version.
  ///
  /// - Parameter order: knows the new units as well as those before them.
  mutating func insert(count: UInt32, at position: UInt32, order: borrowing UnitOrder) -> Int {
    var new = Span(
      id: insertedCount, count: count, left: Self.none, right: Self.none, state: 1)
    insertedCount += count
    // The unit before, the place just after it, and that place in the effect version.
    var place = Cursor(leaf: 0, slot: 0)
    var effect: UInt32 = 0
    if position > 0 {
      let found = tree.leaf(ofVisible: position - 1)
      place.leaf = found.leaf
      effect = found.before.y
      var remaining = position - found.before.x
      let spans = spans(of: place.leaf)
      while true {
        let span = spans[place.slot]
        if span.isVisible {
          if remaining <= span.count {
            new.left = span.id + (remaining - 1)
            if !span.isDeleted { effect += remaining }
            if remaining < span.count {
              // Inside a span, whose units follow each other in every version.
              place.offset = remaining
              new.right = span.id + remaining
              new.isLeftChild = !span.isPlaceholder
              put(new, before: place, asLeftChild: new.isLeftChild)
              return Int(effect)
            }
            place.slot += 1
            break
          }
          remaining &-= span.count
        }
        effect &+= span.effectCount
        place.slot &+= 1
      }
    }

    guard let next = settled(place) else {
      gap.forget(after: new.left)
      putContinuing(new, at: place)
      return Int(effect)
    }
    guard let right = firstExisting(from: next) else {
      // Nothing exists to the right; what is there is concurrent.
      return put(new, before: rightSiblingPlace(of: new, from: place, order))
    }
    let rightSpan = span(right)
    new.right = rightSpan.id
    let isAdjacent = right.leaf == next.leaf && right.slot == next.slot
    if !rightSpan.isPlaceholder, rightSpan.left == new.left {
      new.isLeftChild = true
      if rightSpan.hasLeftChildren {
        return put(new, before: leftSiblingPlace(of: new, from: next, to: right, order))
      }
      let position = isAdjacent ? effect : effectPosition(of: right)
      put(new, before: right, asLeftChild: true)
      return Int(position)
    }
    if isAdjacent {
      gap.forget(after: new.left)
      putContinuing(new, at: place)
      return Int(effect)
    }
    return put(new, before: rightSiblingPlace(of: new, from: place, order))
  }

  /// The first unit at or after the span at `cursor` that exists in the prepare version.
  private mutating func firstExisting(from cursor: Cursor) -> Cursor? {
    var spans = spans(of: cursor.leaf)
    var slot = cursor.slot
    while slot < spanCounts.base[cursor.leaf] {
      if spans[slot].exists { return Cursor(leaf: cursor.leaf, slot: slot) }
      slot += 1
    }
    guard let leaf = tree.existing(after: cursor.leaf) else { return nil }
    spans = self.spans(of: leaf)
    slot = 0
    while !spans[slot].exists { slot += 1 }
    return Cursor(leaf: leaf, slot: slot)
  }

  // MARK: Among siblings

  /// Scans the spans between the left origin and what exists next. Those whose left origin is ours
  /// are leftmost nodes and their ancestors up to the children of our parent, in order; the stack
  /// keeps those whose own parent has not come yet, with the place where their subtree begins.
  ///
  /// - Parameters:
  ///   - start: just after the left origin, or after a span within the subtree of a right sibling.
  ///   - lastID: the last unit of that span, `none` at the left origin.
  ///   - stopsEarly: whether to end at the first right sibling.
  /// - Returns: the place at which the scan ended, or where the subtree of that sibling begins.
  private mutating func scan(
    for new: Span, from start: Cursor, after lastID: ID = none, to end: Cursor? = nil,
    stopsEarly: Bool = false
  ) -> Cursor {
    siblings.removeAll()
    var cursor = start
    var lastID = lastID
    var leftCursor: Cursor?
    while let here = settled(cursor) {
      if let end, here.leaf == end.leaf, here.slot == end.slot { return here }
      let span = span(here)
      if span.exists { return here }
      if span.left == new.left {
        var begin = here
        while let child = siblings.last, child.span.isLeftChild, child.span.right == span.id {
          begin = child.start
          _ = siblings.popLast()
        }
        if stopsEarly, !span.isLeftChild { return begin }
        siblings.append(Sibling(span: span, start: begin))
      } else if span.left != lastID || lastID == Self.none {
        // A descendant has its left origin behind us and after our own.
        guard lastID != Self.none, span.left != Self.none else { return here }
        if new.left != Self.none {
          if leftCursor == nil { leftCursor = self.cursor(of: new.left) }
          guard let leftCursor, let other = self.cursor(of: span.left),
            isOrdered(leftCursor, other)
          else { return here }
        }
      }
      lastID = span.end &- 1
      cursor = Cursor(leaf: here.leaf, slot: here.slot + 1)
    }
    return cursor
  }

  /// The place of a right child of its left origin. `start` is just after the left origin.
  ///
  /// Many who insert at one place at once all come here with the same two origins, so the siblings
  /// found are kept for the next: O(log siblings) and the subtree of one of them then.
  private mutating func rightSiblingPlace(
    of new: Span, from start: Cursor, _ order: borrowing UnitOrder
  ) -> Cursor {
    if !gap.isBetween(new.left, new.right) {
      _ = scan(for: new, from: start)
      gap.begin(between: new.left, and: new.right)
      for index in 0..<siblings.count where !siblings[index].span.isLeftChild {
        gap.siblings.append(siblings[index].span.id)
      }
    }
    var low = 0
    var high = gap.siblings.count
    while low < high {
      let middle = (low + high) / 2
      if isRightSibling(new, before: gap.siblings[middle], order) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    gap.insert(new.id, at: low)
    guard low > 0, let before = cursor(of: gap.siblings[low - 1]) else {
      return scan(for: new, from: start, stopsEarly: true)
    }
    return scan(
      for: new, from: Cursor(leaf: before.leaf, slot: before.slot + 1),
      after: span(before).end &- 1, stopsEarly: true)
  }

  /// The place of a left child of its right origin, at `end`, which has others.
  private mutating func leftSiblingPlace(
    of new: Span, from start: Cursor, to end: Cursor, _ order: borrowing UnitOrder
  ) -> Cursor {
    _ = scan(for: new, from: start, to: end)
    keepLeftChildren(of: new.right)
    var low = 0
    var high = siblings.count
    while low < high {
      let middle = (low + high) / 2
      if order.precedes(new.id, siblings[middle].span.id) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return low < siblings.count ? siblings[low].start : end
  }

  /// Drops from what the scan has found all but the left children of a unit, which are in order.
  private mutating func keepLeftChildren(of parent: ID) {
    var kept = 0
    for index in 0..<siblings.count {
      let sibling = siblings[index]
      guard sibling.span.isLeftChild, sibling.span.right == parent else { continue }
      siblings[kept] = sibling
      kept += 1
    }
    siblings.removeLast(siblings.count - kept)
  }

  /// The order of two right children of one unit.
  private mutating func isRightSibling(
    _ new: Span, before other: ID, _ order: borrowing UnitOrder
  ) -> Bool {
    guard let place = cursor(of: other) else { return false }
    let otherRight = span(place).right
    if new.right != otherRight {
      switch (cursor(ofRight: new.right), cursor(ofRight: otherRight)) {
      case (nil, nil): break
      case (nil, _): return true
      case (_, nil): return false
      case (let newRight?, let otherRight?):
        if isOrdered(otherRight, newRight) { return true }
        if isOrdered(newRight, otherRight) { return false }
      }
    }
    return order.precedes(new.id, other)
  }

  /// Where a right origin is; nil is the end of the document, which is also what a placeholder
  /// means that turned out to be beyond the base.
  private mutating func cursor(ofRight id: ID) -> Cursor? {
    if id == Self.none { return nil }
    if id & Self.placeholderBit != 0, Int(id & ~Self.placeholderBit) >= baseCount { return nil }
    return cursor(of: id)
  }

  // MARK: Putting

  /// Puts a new span at a place that was looked for, and returns its effect position.
  private mutating func put(_ new: Span, before place: Cursor) -> Int {
    let position = effectPosition(of: place)
    if place.offset == 0, !new.isLeftChild {
      putContinuing(new, at: place)
    } else {
      put(new, before: place, asLeftChild: false)
    }
    return Int(position)
  }

  /// Puts a right child at the start of a span, as part of the span before it if it continues that.
  private mutating func putContinuing(_ new: Span, at place: Cursor) {
    if place.slot > 0 {
      let before = spans(of: place.leaf) + (place.slot - 1)
      if !before.pointee.isPlaceholder, before.pointee.continues(into: new) {
        before.pointee.count += new.count
        recentSlot = place.slot - 1
        added(new, to: place.leaf)
        return
      }
    }
    put(new, before: place, asLeftChild: false)
  }
}
