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
  struct Sibling {
    var span: Span
    /// Where its subtree begins: its leftmost descendant.
    var start: Cursor
  }

  /// Inserts `count` units with ids from `id` on at `position` of the prepare version, which must
  /// not exceed its length. Returns where they appear in the effect version.
  ///
  /// - Parameter identities: knows the new unit as well as those before it.
  mutating func insert(
    id: ID, count: UInt32, at position: Int, identities: UnitIdentities
  ) -> Int {
    let (left, origin) = originCursor(before: position)
    let next = settled(origin)
    let right = next.flatMap { firstExisting(from: $0) }
    let rightID = right.map { span($0).id + $0.offset } ?? Self.none
    var new = Span(id: id, count: count, left: left, right: rightID, state: 1)

    guard let right, let next else {
      // Nothing exists to the right; what is there is concurrent.
      let place = next == nil ? origin : rightSiblingPlace(of: new, from: origin, identities)
      return put(new, before: place)
    }
    if right.offset > 0 {
      // Inside a span, whose units follow each other in every version.
      if !span(right).isPlaceholder {
        new.isLeftChild = true
        return put(new, before: right, asLeftChild: true)
      }
      return put(new, before: right)
    }
    let rightSpan = span(right)
    if !rightSpan.isPlaceholder, rightSpan.left == left {
      new.isLeftChild = true
      guard rightSpan.hasLeftChildren else { return put(new, before: right, asLeftChild: true) }
      let place = leftSiblingPlace(of: new, from: next, to: right, identities)
      return put(new, before: place)
    }
    if right.leaf == next.leaf, right.slot == next.slot { return put(new, before: origin) }
    return put(new, before: rightSiblingPlace(of: new, from: origin, identities))
  }

  /// The unit before `position` in the prepare version, and the place just after it.
  private func originCursor(before position: Int) -> (left: ID, place: Cursor) {
    guard position > 0 else { return (Self.none, Cursor(leaf: tree.first, slot: 0)) }
    let place = tree.place(ofEnd: position, in: .first)
    var remaining = UInt32(position) - place.before.first
    let start = place.leaf * Self.leafCapacity
    var slot = 0
    while true {
      let span = spans[start + slot]
      if span.state == 1 {
        if remaining <= span.count {
          let left = span.id + remaining - 1
          return remaining < span.count
            ? (left, Cursor(leaf: place.leaf, slot: slot, offset: remaining))
            : (left, Cursor(leaf: place.leaf, slot: slot + 1))
        }
        remaining -= span.count
      }
      slot += 1
    }
  }

  /// The first unit at or after `cursor` that exists in the prepare version.
  private func firstExisting(from cursor: Cursor) -> Cursor? {
    if span(cursor).state > 0 { return cursor }
    let start = cursor.leaf * Self.leafCapacity
    var slot = cursor.slot + 1
    while slot < spanCounts[cursor.leaf] {
      if spans[start + slot].state > 0 { return Cursor(leaf: cursor.leaf, slot: slot) }
      slot += 1
    }
    let passed =
      tree.widths(before: cursor.leaf).third + tree.widths(of: cursor.leaf).third
    guard passed < tree.total.third else { return nil }
    let leaf = tree.place(of: Int(passed), in: .third).leaf
    slot = 0
    while spans[leaf * Self.leafCapacity + slot].state == 0 { slot += 1 }
    return Cursor(leaf: leaf, slot: slot)
  }

  // MARK: Among siblings

  /// Scans the spans between the left origin and what exists next. Those whose left origin is ours
  /// are leftmost nodes and their ancestors up to the children of our parent, in order; the stack
  /// keeps those whose own parent has not come yet, with the place where their subtree begins.
  ///
  /// - Returns: the place at which the scan ended.
  private mutating func scan(for new: Span, from start: Cursor, to end: Cursor?) -> Cursor {
    siblings.removeAll(keepingCapacity: true)
    var cursor = start
    var lastID = Self.none
    var leftCursor: Cursor?
    while let here = settled(cursor) {
      if let end, here.leaf == end.leaf, here.slot == end.slot { return here }
      let span = span(here)
      if span.state > 0 { return here }
      if span.left == new.left {
        var begin = here
        while let child = siblings.last, child.span.isLeftChild, child.span.right == span.id {
          begin = child.start
          siblings.removeLast()
        }
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
  private mutating func rightSiblingPlace(
    of new: Span, from start: Cursor, _ identities: UnitIdentities
  ) -> Cursor {
    let end = scan(for: new, from: start, to: nil)
    for sibling in siblings where !sibling.span.isLeftChild {
      if isRightSibling(new, before: sibling.span, identities) { return sibling.start }
    }
    return end
  }

  /// The place of a left child of its right origin, at `end`, which has others.
  private mutating func leftSiblingPlace(
    of new: Span, from start: Cursor, to end: Cursor, _ identities: UnitIdentities
  ) -> Cursor {
    _ = scan(for: new, from: start, to: end)
    for sibling in siblings where sibling.span.isLeftChild && sibling.span.right == new.right {
      if identities.precedes(new.id, sibling.span.id) { return sibling.start }
    }
    return end
  }

  /// The order of two right children of one unit.
  private func isRightSibling(
    _ new: Span, before other: Span, _ identities: UnitIdentities
  ) -> Bool {
    let newRight = rightCursor(of: new)
    let otherRight = rightCursor(of: other)
    switch (newRight, otherRight) {
    case (nil, nil): return identities.precedes(new.id, other.id)
    case (nil, _): return true
    case (_, nil): return false
    case (let newRight?, let otherRight?):
      if isOrdered(otherRight, newRight) { return true }
      if isOrdered(newRight, otherRight) { return false }
      return identities.precedes(new.id, other.id)
    }
  }

  /// Where the right origin is; nil is the end of the document, which is also what a placeholder
  /// means that turned out to be beyond the base.
  private func rightCursor(of span: Span) -> Cursor? {
    if span.right == Self.none { return nil }
    if span.right & Self.placeholderBit != 0,
      Int(span.right & ~Self.placeholderBit) >= baseCount
    {
      return nil
    }
    return cursor(of: span.right)
  }

  // MARK: Putting

  private mutating func put(
    _ new: Span, before place: Cursor, asLeftChild: Bool = false
  ) -> Int {
    let position = effectPosition(of: place)
    if place.offset == 0, place.slot > 0, !asLeftChild, !new.isLeftChild {
      let entry = place.leaf * Self.leafCapacity + place.slot - 1
      let before = spans[entry]
      if !before.isPlaceholder, before.continues(into: new) {
        spans[entry].count += new.count
        noteLeaf(place.leaf, of: new)
        tree.add(new.widths, to: place.leaf)
        return position
      }
    }
    let cursor = cut(at: makeRoom(2, at: place))
    if asLeftChild {
      spans[cursor.leaf * Self.leafCapacity + cursor.slot].hasLeftChildren = true
    }
    put(new, at: cursor)
    return position
  }
}
