internal import RunStructures
internal import Sabotages

extension SequenceTracker {
  /// Units that one operation inserted or deleted.
  struct Target {
    var id: ID
    var count: UInt32
  }

  /// Deletes `count` units from `position` on, both in the prepare version, which must be that
  /// long.
  ///
  /// - Parameters:
  ///   - targets: gets the units deleted.
  ///   - onVisible: called with position and count of each stretch that was still visible in the
  /// effect
  ///     version, each position counted after the stretches before it were removed.
  mutating func delete(
    count: UInt32, at position: Int, targets: inout ContiguousArray<Target>,
    onVisible: (_ position: Int, _ count: Int) -> Void
  ) {
    var remaining = count
    while remaining > 0 {
      // Each round deletes within one leaf; what remains has moved to the same position.
      let place = tree.place(of: position, in: .first)
      var cursor = Cursor(leaf: place.leaf, slot: 0)
      var effect = place.before.second
      var skipped = UInt32(position) - place.before.first
      while true {
        let span = span(cursor)
        if span.state == 1 {
          if skipped < span.count { break }
          skipped -= span.count
        }
        effect += span.widths.second
        cursor.slot += 1
      }
      if skipped > 0, !span(cursor).isDeleted { effect += skipped }
      cursor.offset = skipped
      remaining -= deleteInLeaf(
        upTo: remaining, from: cursor, effect: effect, &targets, onVisible)
    }
  }

  private mutating func deleteInLeaf(
    upTo limit: UInt32, from cursor: Cursor, effect: UInt32,
    _ targets: inout ContiguousArray<Target>, _ onVisible: (Int, Int) -> Void
  ) -> UInt32 {
    // Room for a cut at the front of the first span and one inside the last.
    let roomy = makeRoom(2, at: cursor)
    var here = cut(at: roomy)
    let start = here.leaf * Self.leafCapacity
    var effect = effect
    var deleted: UInt32 = 0
    var change = Widths()
    while here.slot < spanCounts[here.leaf], deleted < limit {
      let entry = start + here.slot
      if spans[entry].state == 1 {
        if spans[entry].count > limit - deleted {
          _ = cut(at: Cursor(leaf: here.leaf, slot: here.slot, offset: limit - deleted))
        }
        let old = spans[entry]
        spans[entry].state = 2
        spans[entry].isDeleted = true
        change += spans[entry].widths - old.widths
        deleted += old.count
        targets.append(Target(id: old.id, count: old.count))
        if !old.isDeleted || Sabotage.forgetTombstone.isPlanted {
          onVisible(Int(effect), Int(old.count))
        }
        here.slot = joinNeighbours(of: here.slot, leaf: here.leaf)
      }
      effect += spans[start + here.slot].widths.second
      here.slot += 1
    }
    tree.add(change, to: here.leaf)
    return deleted
  }

  /// Takes units one step up (the prepare version gains an event that touched them) or down.
  mutating func step(_ target: Target, isUp: Bool) -> Bool {
    var id = target.id
    var remaining = target.count
    while remaining > 0 {
      guard let found = cursor(of: id) else { return false }
      let taken = min(remaining, span(found).count - found.offset)
      let roomy = makeRoom(2, at: found)
      let here = cut(at: roomy)
      let entry = here.leaf * Self.leafCapacity + here.slot
      if spans[entry].count > taken {
        _ = cut(at: Cursor(leaf: here.leaf, slot: here.slot, offset: taken))
      }
      let old = spans[entry].widths
      if isUp {
        spans[entry].state += 1
      } else {
        guard spans[entry].state > 0 else { return false }
        spans[entry].state -= 1
      }
      let change = spans[entry].widths - old
      _ = joinNeighbours(of: here.slot, leaf: here.leaf)
      tree.add(change, to: here.leaf)
      id += taken
      remaining -= taken
    }
    return true
  }
}
