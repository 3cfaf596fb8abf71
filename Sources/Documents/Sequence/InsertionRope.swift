internal import RunStructures

/// Which event inserted each visible unit, as runs of consecutive local versions in document order.
struct InsertionRope: Sendable {
  private struct Run: BitwiseCopyable {
    var version: Int
    var count: UInt32

    var end: Int { version + Int(count) }
  }

  private static let leafCapacity = 64

  private var tree = CountedTree()
  /// Runs of leaf `l` are `runs[l * leafCapacity ..< l * leafCapacity + runCounts[l]]`; the first
  /// lane of the tree counts units.
  private var runs = ContiguousArray(repeating: Run(version: 0, count: 0), count: leafCapacity)
  private var runCounts: ContiguousArray<Int> = [0]

  var count: Int { Int(tree.total.first) }

  /// The events that inserted the units of a range of positions, joined where one run continues the
  /// other. Complexity: O(log n) for n runs, and the result.
  func insertions(of positions: Range<Int>) -> [Range<Int>] {
    var result: [Range<Int>] = []
    guard !positions.isEmpty, positions.lowerBound >= 0, positions.upperBound <= count else {
      return result
    }
    let place = tree.place(of: positions.lowerBound, in: .first)
    var skipped = positions.lowerBound - Int(place.before.first)
    var remaining = positions.count
    var leaf: Int? = place.leaf
    while let current = leaf, remaining > 0 {
      let first = current * Self.leafCapacity
      for run in runs[first..<first + runCounts[current]] where remaining > 0 {
        let count = Int(run.count)
        if skipped >= count {
          skipped -= count
          continue
        }
        let taken = min(count - skipped, remaining)
        let versions = run.version + skipped..<run.version + skipped + taken
        skipped = 0
        remaining -= taken
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

  /// Those of all units. Complexity: O(n).
  var insertions: [Range<Int>] { insertions(of: 0..<count) }

  /// Returns false, and changes nothing, when the patch does not fit.
  ///
  /// - Complexity: O(log n) for n runs, and those that are deleted.
  mutating func apply(_ patch: SequencePatch) -> Bool {
    guard fits(patch) else { return false }
    switch patch.kind {
    case .insert: insert(patch)
    case .delete: remove(patch.count, at: patch.position) { _ in }
    }
    return true
  }

  /// The same.
  ///
  /// - Parameter removed: gets the events that had inserted what the patch deletes, in document
  ///   order.
  mutating func apply(
    _ patch: SequencePatch, removed: inout ContiguousArray<Range<Int>>
  ) -> Bool {
    guard fits(patch) else { return false }
    switch patch.kind {
    case .insert: insert(patch)
    case .delete: remove(patch.count, at: patch.position) { removed.append($0) }
    }
    return true
  }

  private func fits(_ patch: SequencePatch) -> Bool {
    guard patch.position >= 0, patch.position <= count, patch.count >= 0 else { return false }
    return switch patch.kind {
    case .insert: patch.count <= SequenceLog.unitCountMax - count
    case .delete: patch.count <= count - patch.position
    }
  }

  private mutating func insert(_ patch: SequencePatch) {
    guard patch.count > 0 else { return }
    insert(
      Run(version: patch.version, count: UInt32(truncatingIfNeeded: patch.count)),
      at: patch.position)
  }

  private mutating func insert(_ run: Run, at position: Int) {
    var place = tree.place(ofEnd: position, in: .first)
    if runCounts[place.leaf] + 2 > Self.leafCapacity {
      split(place.leaf)
      place = tree.place(ofEnd: position, in: .first)
    }
    let leaf = place.leaf
    let index = cut(leaf, at: UInt32(position) - place.before.first)
    let first = leaf * Self.leafCapacity
    if index > 0, runs[first + index - 1].end == run.version {
      runs[first + index - 1].count += run.count
    } else {
      open(index, in: leaf)
      runs[first + index] = run
    }
    tree.add(Widths(run.count), to: leaf)
  }

  private mutating func remove(_ removed: Int, at position: Int, _ body: (Range<Int>) -> Void) {
    var remaining = UInt32(removed)
    while remaining > 0 {
      var place = tree.place(of: position, in: .first)
      if runCounts[place.leaf] + 1 > Self.leafCapacity {
        split(place.leaf)
        place = tree.place(of: position, in: .first)
      }
      let leaf = place.leaf
      let start = cut(leaf, at: UInt32(position) - place.before.first)
      let first = leaf * Self.leafCapacity
      var end = start
      var taken: UInt32 = 0
      while end < runCounts[leaf], taken < remaining {
        let run = runs[first + end]
        let count = min(run.count, remaining - taken)
        body(run.version..<run.version + Int(count))
        taken += count
        if count < run.count {
          runs[first + end] = Run(version: run.version + Int(count), count: run.count - count)
        } else {
          end += 1
        }
      }
      close(start..<end, in: leaf)
      remaining -= taken
      tree.add(Widths() - Widths(taken), to: leaf)
      if runCounts[leaf] == 0, tree.first != tree.last { tree.remove(leaf) }
    }
  }

  // MARK: Leaves

  /// Makes a run begin at unit `offset` of a leaf, and returns its index. The leaf must have room
  /// for one more run.
  private mutating func cut(_ leaf: Int, at offset: UInt32) -> Int {
    let first = leaf * Self.leafCapacity
    var offset = offset
    var index = 0
    while index < runCounts[leaf], offset > 0 {
      let run = runs[first + index]
      index += 1
      if offset < run.count {
        open(index, in: leaf)
        runs[first + index - 1].count = offset
        runs[first + index] = Run(version: run.version + Int(offset), count: run.count - offset)
        break
      }
      offset -= run.count
    }
    return index
  }

  /// Moves the runs from `index` on one further. The leaf must have room.
  private mutating func open(_ index: Int, in leaf: Int) {
    let first = leaf * Self.leafCapacity
    let count = runCounts[leaf] - index
    runs.withUnsafeMutableBufferPointer { runs in
      guard let base = runs.baseAddress else { return }
      (base + first + index + 1).update(from: base + first + index, count: count)
    }
    runCounts[leaf] += 1
  }

  private mutating func close(_ gone: Range<Int>, in leaf: Int) {
    guard !gone.isEmpty else { return }
    let first = leaf * Self.leafCapacity
    let count = runCounts[leaf] - gone.upperBound
    runs.withUnsafeMutableBufferPointer { runs in
      guard let base = runs.baseAddress else { return }
      (base + first + gone.lowerBound).update(from: base + first + gone.upperBound, count: count)
    }
    runCounts[leaf] -= gone.count
  }

  private mutating func split(_ leaf: Int) {
    let new = tree.insertLeaf(after: leaf)
    if new == runCounts.count {
      runCounts.append(0)
      runs.append(
        contentsOf: repeatElement(Run(version: 0, count: 0), count: Self.leafCapacity))
    }
    // What comes next is mostly more at the end.
    let isLast = tree.next(after: new) == nil
    let kept = isLast ? runCounts[leaf] * 7 / 8 : runCounts[leaf] / 2
    var moved = Widths()
    for index in kept..<runCounts[leaf] {
      let run = runs[leaf * Self.leafCapacity + index]
      runs[new * Self.leafCapacity + index - kept] = run
      moved += Widths(run.count)
    }
    runCounts[new] = runCounts[leaf] - kept
    runCounts[leaf] = kept
    tree.add(Widths() - moved, to: leaf)
    tree.add(moved, to: new)
  }
}
