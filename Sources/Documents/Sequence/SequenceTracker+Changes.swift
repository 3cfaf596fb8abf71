internal import RunStructures
internal import Sabotages

extension SequenceTracker {
  /// Units that an operation inserted or deleted.
  struct Target: BitwiseCopyable {
    var id: ID
    var count: UInt32
  }

  /// Deletes `count` units from `position` on, both in the prepare version, which must be that
  /// long.
  ///
  /// - Parameters:
  ///   - targets: gets the units deleted.
  ///   - first: where the targets of the same piece begin; what continues the last of them becomes
  ///     part of it.
  ///   - isWritten: whether `writer` gets each stretch that was still visible in the effect
  ///     version.
  mutating func delete(
    count: UInt32, at position: UInt32, version: Int, targets: inout Arena<Target>,
    from first: Int, isWritten: Bool, writer: inout PatchWriter
  ) {
    var remaining = count
    while remaining > 0 {
      // Each round deletes within one leaf; what remains has moved to the same position.
      let place = tree.leaf(ofVisible: position)
      var spans = spans(of: place.leaf)
      var slot = 0
      var effect = place.before.y
      var skipped = position - place.before.x
      while true {
        if spans[slot].isVisible {
          if skipped < spans[slot].count { break }
          skipped -= spans[slot].count
        }
        effect += spans[slot].effectCount
        slot += 1
      }
      // Room for a cut at the front of the first span and one inside the last.
      var leaf = place.leaf
      if spanCounts.base[leaf] + 2 > Self.leafCapacity {
        let cursor = makeRoom(2, at: Cursor(leaf: leaf, slot: slot))
        leaf = cursor.leaf
        slot = cursor.slot
        spans = self.spans(of: leaf)
      }
      if skipped > 0 {
        if !spans[slot].isDeleted { effect += skipped }
        cut(slot, at: skipped, leaf: leaf)
        slot += 1
      }
      var change = Widths()
      while remaining > 0, slot < spanCounts.base[leaf] {
        guard spans[slot].isVisible else {
          effect += spans[slot].effectCount
          slot += 1
          continue
        }
        if spans[slot].count > remaining { cut(slot, at: remaining, leaf: leaf) }
        let old = spans[slot]
        spans[slot].state = 2
        spans[slot].isDeleted = true
        change &+= Widths(old.count, old.effectCount, 0, 0)
        remaining -= old.count
        note(Target(id: old.id, count: old.count), in: &targets, from: first)
        if isWritten, !old.isDeleted || Sabotage.forgetTombstone.isPlanted {
          writer.delete(at: Int(effect), count: Int(old.count), version: version)
        }
        if !joinBack(slot, leaf: leaf) { slot &+= 1 }
      }
      _ = joinBack(slot, leaf: leaf)
      tree.add(Widths() &- change, to: leaf)
    }
  }

  /// Deletes units in the effect version alone, those that are there. False when the replay has not
  /// met one of them, which only damaged history does.
  ///
  /// - Parameters:
  ///   - version: the event to name for it.
  ///   - isWritten: whether `writer` gets what was visible.
  mutating func hide(
    _ target: Target, version: Int, isWritten: Bool, writer: inout PatchWriter
  ) -> Bool {
    var id = target.id
    let end = target.id &+ target.count
    while id != end {
      guard let found = cursor(of: id) else { return false }
      var place = makeRoom(2, at: found)
      if place.offset > 0 {
        cut(place.slot, at: place.offset, leaf: place.leaf)
        place = Cursor(leaf: place.leaf, slot: place.slot + 1)
      }
      let spans = spans(of: place.leaf)
      if spans[place.slot].count > end &- id {
        cut(place.slot, at: end &- id, leaf: place.leaf)
      }
      let units = spans[place.slot].count
      if !spans[place.slot].isDeleted {
        let position = effectPosition(of: place)
        spans[place.slot].isDeleted = true
        tree.add(Widths() &- Widths(0, units, 0, 0), to: place.leaf)
        if isWritten { writer.delete(at: Int(position), count: Int(units), version: version) }
      }
      id &+= units
    }
    return true
  }

  private mutating func note(_ target: Target, in targets: inout Arena<Target>, from first: Int) {
    let last = targets.count - 1
    if last >= first {
      if targets.base[last].id &+ targets.base[last].count == target.id {
        targets.base[last].count += target.count
        return
      }
      if target.id &+ target.count == targets.base[last].id {
        targets.base[last].id = target.id
        targets.base[last].count += target.count
        return
      }
    }
    targets.append(target)
  }

  /// Takes units one step up (the prepare version gains an event that touched them) or down. False
  /// when the replay has not met one of them or it cannot go down, which damaged history does.
  ///
  /// - Parameter range: the targets, as what one or more pieces did.
  mutating func step(
    _ range: Range<Int>, of targets: borrowing Arena<Target>, isUp: Bool
  ) -> Bool {
    var leaf = 0
    var spans = spans.base
    var count = spanCounts.base[0]
    // Mostly what comes now is near to what came last.
    var slot = max(0, recentSlot &- 4)
    // What has changed in the leaf: units visible, units existing.
    var visible: UInt32 = 0
    var existing: UInt32 = 0
    for index in range {
      var id = targets.base[index].id
      let end = id &+ targets.base[index].count
      while id != end {
        if slot >= count || spans[slot].id != id {
          let home = self.leaf(of: id)
          if home != leaf {
            guard home >= 0 else { return false }
            tree.add(Widths(visible, 0, existing, 0), to: leaf)
            (visible, existing) = (0, 0)
            leaf = home
            spans = self.spans(of: leaf)
            count = spanCounts.base[leaf]
            slot = 0
          }
          slot = Self.slot(of: id, in: spans, count, from: slot)
          guard slot >= 0 else { return false }
        }
        let offset = id &- spans[slot].id
        if offset > 0 || end &- id < spans[slot].count {
          guard count &+ 2 <= Self.leafCapacity else {
            tree.add(Widths(visible, 0, existing, 0), to: leaf)
            (visible, existing) = (0, 0)
            let cursor = makeRoom(2, at: Cursor(leaf: leaf, slot: slot))
            leaf = cursor.leaf
            spans = self.spans(of: leaf)
            count = spanCounts.base[leaf]
            slot = cursor.slot
            continue
          }
          if offset > 0 {
            cut(slot, at: offset, leaf: leaf)
            slot &+= 1
          }
          if end &- id < spans[slot].count { cut(slot, at: end &- id, leaf: leaf) }
          count = spanCounts.base[leaf]
        }
        let units = spans[slot].count
        let state = spans[slot].state
        if isUp {
          spans[slot].state = state &+ 1
          if state == 0 {
            visible &+= units
            existing &+= units
          } else if state == 1 {
            visible &-= units
          }
        } else {
          guard state > 0 else { return false }
          spans[slot].state = state &- 1
          if state == 1 {
            visible &-= units
            existing &-= units
          } else if state == 2 {
            visible &+= units
          }
        }
        id &+= units
        slot &+= 1
      }
    }
    tree.add(Widths(visible, 0, existing, 0), to: leaf)
    recentSlot = slot
    return true
  }
}
