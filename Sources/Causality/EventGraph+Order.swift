internal import RunStructures

/// What two versions do not share, as ascending ranges of local versions.
package struct VersionDifference: Hashable, Sendable {
  package var onlyLeft: [Range<Int>]
  package var onlyRight: [Range<Int>]
}

/// Questions about "happened before". All of them walk back from the newest events with a priority
/// queue and stop as early as they can, so that the cost follows the distance between the versions
/// asked about, in graph runs, and not the length of the history.
extension EventGraph {
  /// Whether `version` is one of `frontier` or an ancestor of one of them.
  package func contains(_ version: Int, in frontier: [Int]) -> Bool {
    contains(version, in: frontier[...])
  }

  private func contains(_ version: Int, in frontier: some Sequence<Int>) -> Bool {
    guard version >= 0, version < count else { return false }
    var pending = MaxQueue()
    for head in frontier where head >= version {
      if head == version { return true }
      pending.push(key: head, tag: 0)
    }
    var run = runCount - 1
    while let next = pending.pop() {
      run = runIndex(containing: next.key, notAfter: run)
      let start = runStarts[run]
      if version >= start || runsHaveSeenAll[run] { return true }
      while pending.firstKey >= start { _ = pending.pop() }
      for parent in parentPool[parentRange(ofRun: run)] where parent >= version {
        if parent == version { return true }
        pending.push(key: parent, tag: 0)
      }
    }
    return false
  }

  /// The frontier that covers `versions`: duplicates and ancestors of others left out, ascending.
  package func dominators(of versions: [Int]) -> [Int] {
    guard versions.count > 1 else { return versions }
    let asked = 1
    let reached = 0
    var pending = MaxQueue()
    for version in versions { pending.push(key: version, tag: asked) }
    var undecided = versions.count
    var result: [Int] = []
    var run = runCount - 1
    while undecided > 0, let next = pending.pop() {
      var isAsked = next.tag == asked
      var isReached = next.tag == reached
      undecided -= next.tag
      while let same = pending.first, same.key == next.key {
        isAsked = isAsked || same.tag == asked
        isReached = isReached || same.tag == reached
        undecided -= same.tag
        _ = pending.pop()
      }
      if isAsked, !isReached { result.append(next.key) }
      // Everything pending in the same run is an ancestor.
      run = runIndex(containing: next.key, notAfter: run)
      if runsHaveSeenAll[run] { break }
      let start = runStarts[run]
      while let other = pending.first, other.key >= start {
        undecided -= other.tag
        _ = pending.pop()
      }
      for parent in parentPool[parentRange(ofRun: run)] {
        pending.push(key: parent, tag: reached)
      }
    }
    result.reverse()
    return result
  }

  /// Makes `versions`, of which there are several, what `dominators(of:)` would: in place, and at
  /// once where they are heads of the graph, as those of changes mostly are that have just come.
  func reduceToDominators(_ versions: inout Arena<Int>) {
    if versions.count == 2, versions[0] > versions[1] {
      let first = versions[0]
      versions[0] = versions[1]
      versions[1] = first
    }
    if areHeads(versions) { return }
    if versions.count == 2 {
      guard isPast(versions[0], of: versions[1]) else { return }
      versions[0] = versions[1]
      return versions.removeLast(1)
    }
    let found = dominators(of: (0..<versions.count).map { versions[$0] })
    versions.removeAll()
    for version in found { versions.append(version) }
  }

  /// Whether the versions ascend and all are heads.
  private func areHeads(_ versions: borrowing Arena<Int>) -> Bool {
    var next = 0
    for head in frontier {
      if versions[next] < head { return false }
      if versions[next] == head { next += 1 }
      if next == versions.count { return true }
    }
    return false
  }

  /// Whether `version` is `later` or an ancestor of it, of which it is not greater.
  private func isPast(_ version: Int, of later: Int) -> Bool {
    // Of what is still to be followed, the last two; that is mostly all, and needs no queue.
    var last = later
    var other = -1
    var run = runCount - 1
    while last >= version {
      run = runIndex(containing: last, notAfter: run)
      if version >= runStarts[run] || runsHaveSeenAll[run] { return true }
      if other >= runStarts[run] { other = -1 }
      let parents = parentRange(ofRun: run)
      switch parents.count {
      case 0:
        last = other
        other = -1
      case 1:
        let parent = parentPool[parents.lowerBound]
        last = max(parent, other)
        other = parent == other ? -1 : min(parent, other)
      case 2 where other < version:
        last = parentPool[parents.lowerBound + 1]
        other = parentPool[parents.lowerBound]
      default: return contains(version, in: [other] + parentPool[parents])
      }
    }
    return false
  }

  /// The events that only one of two versions has.
  package func difference(_ left: [Int], _ right: [Int]) -> VersionDifference {
    if left == right { return VersionDifference(onlyLeft: [], onlyRight: []) }
    let isLeft = 1
    let isRight = 2
    let isShared = isLeft | isRight
    var pending = MaxQueue()
    var unshared = 0
    var onlyLeft: [Range<Int>] = []
    var onlyRight: [Range<Int>] = []
    for version in left { pending.push(key: version, tag: isLeft) }
    for version in right { pending.push(key: version, tag: isRight) }
    unshared = left.count + right.count
    var run = runCount - 1

    while unshared > 0, let next = pending.pop() {
      var side = next.tag
      if side != isShared { unshared -= 1 }
      while let same = pending.first, same.key == next.key {
        if same.tag != isShared { unshared -= 1 }
        side |= same.tag
        _ = pending.pop()
      }
      // Take the run back to where another pending version joins it.
      run = runIndex(containing: next.key, notAfter: run)
      let start = runStarts[run]
      if side == isShared, runsHaveSeenAll[run] { break }
      let low = max(start, pending.isEmpty ? start : pending.firstKey + 1)
      if side == isLeft {
        Self.prepend(low..<next.key + 1, to: &onlyLeft)
      } else if side == isRight {
        Self.prepend(low..<next.key + 1, to: &onlyRight)
      }
      if low > start {
        pending.push(key: low - 1, tag: side)
        if side != isShared { unshared += 1 }
      } else {
        for parent in parentPool[parentRange(ofRun: run)] {
          pending.push(key: parent, tag: side)
          if side != isShared { unshared += 1 }
        }
      }
    }
    onlyLeft.reverse()
    onlyRight.reverse()
    return VersionDifference(onlyLeft: onlyLeft, onlyRight: onlyRight)
  }

  /// The frontier after `versions`, which continue from `frontier`, were added to it.
  package func frontier(adding versions: Range<Int>, to frontier: [Int]) -> [Int] {
    guard !versions.isEmpty else { return frontier }
    return dominators(of: frontier + heads(of: versions))
  }

  /// The events of `versions` that end a graph run or the range itself.
  private func heads(of versions: Range<Int>) -> [Int] {
    var heads: [Int] = []
    var low = versions.lowerBound
    while low < versions.upperBound {
      let end = min(runEnd(runIndex(containing: low)), versions.upperBound)
      heads.append(end - 1)
      low = end
    }
    return heads
  }

  /// Ranges are found from the newest to the oldest and kept in that order until the end.
  private static func prepend(_ range: Range<Int>, to ranges: inout [Range<Int>]) {
    if let last = ranges.indices.last, ranges[last].lowerBound == range.upperBound {
      ranges[last] = range.lowerBound..<ranges[last].upperBound
    } else {
      ranges.append(range)
    }
  }
}
