internal import RunStructures

/// Which event inserted each visible unit, as runs of consecutive local versions in document order.
struct InsertionRope {
  private struct Run {
    var version: UInt32
    var count: UInt32
  }

  private static let leafCapacity = 64

  private var tree = CountedTree()
  /// The runs of each leaf, by its handle; the first lane of the tree counts units.
  private var leaves: ContiguousArray<ContiguousArray<Run>> = [[]]

  var count: Int { Int(tree.total.first) }

  /// All runs, joined where one continues the other.
  var runs: [Range<Int>] {
    var result: [Range<Int>] = []
    var leaf: Int? = tree.first
    while let current = leaf {
      for run in leaves[current] {
        let versions = Int(run.version)..<Int(run.version) + Int(run.count)
        if let last = result.last, last.upperBound == versions.lowerBound {
          result[result.count - 1] = last.lowerBound..<versions.upperBound
        } else {
          result.append(versions)
        }
      }
      leaf = tree.next(after: current)
    }
    return result
  }

  /// Returns false, and changes nothing, when the patch does not fit.
  mutating func apply(_ patch: SequencePatch) -> Bool {
    guard patch.position >= 0, patch.position <= count, patch.count >= 0 else { return false }
    switch patch.kind {
    case .insert:
      insert(Run(version: UInt32(patch.version), count: UInt32(patch.count)), at: patch.position)
    case .delete:
      guard patch.count <= count - patch.position else { return false }
      remove(patch.count, at: patch.position)
    }
    return true
  }

  private mutating func insert(_ run: Run, at position: Int) {
    let place = tree.place(ofEnd: position, in: .first)
    let index = cut(place.leaf, at: UInt32(position) - place.before.first)
    leaves[place.leaf].insert(run, at: index)
    tree.add(Widths(run.count), to: place.leaf)
    splitIfFull(place.leaf)
  }

  private mutating func remove(_ removed: Int, at position: Int) {
    var remaining = UInt32(removed)
    while remaining > 0 {
      let place = tree.place(of: position, in: .first)
      let leaf = place.leaf
      let start = cut(leaf, at: UInt32(position) - place.before.first)
      var end = start
      var taken: UInt32 = 0
      while end < leaves[leaf].count, taken < remaining {
        let count = leaves[leaf][end].count
        if count > remaining - taken {
          leaves[leaf][end].version += remaining - taken
          leaves[leaf][end].count -= remaining - taken
          taken = remaining
        } else {
          taken += count
          end += 1
        }
      }
      leaves[leaf].removeSubrange(start..<end)
      remaining -= taken
      tree.add(Widths() - Widths(taken), to: leaf)
      if leaves[leaf].isEmpty, tree.first != tree.last { tree.remove(leaf) }
    }
    splitIfFull(tree.place(ofEnd: position, in: .first).leaf)
  }

  /// Makes a run begin at unit `offset` of a leaf, and returns its index.
  private mutating func cut(_ leaf: Int, at offset: UInt32) -> Int {
    var offset = offset
    var index = 0
    while index < leaves[leaf].count {
      let run = leaves[leaf][index]
      if offset == 0 { return index }
      if offset < run.count {
        leaves[leaf][index].count = offset
        leaves[leaf].insert(
          Run(version: run.version + offset, count: run.count - offset), at: index + 1)
        return index + 1
      }
      offset -= run.count
      index += 1
    }
    return index
  }

  private mutating func splitIfFull(_ leaf: Int) {
    guard leaves[leaf].count > Self.leafCapacity else { return }
    let new = tree.insertLeaf(after: leaf)
    if new == leaves.count { leaves.append([]) }
    let kept = leaves[leaf].count / 2
    leaves[new] = ContiguousArray(leaves[leaf][kept...])
    leaves[leaf].removeSubrange(kept...)
    let moved = Widths(leaves[new].reduce(0) { $0 + $1.count })
    tree.add(Widths() - moved, to: leaf)
    tree.add(moved, to: new)
  }
}
