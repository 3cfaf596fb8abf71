internal import RunStructures
internal import Sabotages

/// In which order the pieces of a conflict zone are replayed.
///
/// A **section** is a stretch of pieces between two *critical* versions: versions that everything
/// after them had seen whole. What was made in one section can never be concurrent with what was
/// made in another, so a replay forgets everything at the end of a section. A section of one piece
/// has nothing concurrent in it at all.
package struct ReplayPlan: Sendable {
  package let zone: ConflictZone
  /// Ranges of pieces, ascending; together they are all pieces.
  package private(set) var sections: [Range<Int>] = []

  // Children of each piece, as ranges of `children`.
  private var childStarts: ContiguousArray<Int> = []
  private var children: ContiguousArray<Int> = []

  // Scratch of `moves`.
  private var marks: ContiguousArray<UInt8>
  private var pending = MaxQueue()

  package init(_ zone: ConflictZone) {
    self.zone = zone
    marks = ContiguousArray(repeating: 0, count: zone.pieces.count)
    linkChildren()
    findSections()
  }

  private func parents(of piece: Int) -> Slice<ContiguousArray<Int>> {
    Slice(base: zone.parents, bounds: zone.pieces[piece].parents)
  }

  private mutating func linkChildren() {
    let count = zone.pieces.count
    childStarts = ContiguousArray(repeating: 0, count: count + 1)
    for parent in zone.parents { childStarts[parent + 1] += 1 }
    for piece in 0..<count { childStarts[piece + 1] += childStarts[piece] }
    children = ContiguousArray(repeating: 0, count: zone.parents.count)
    var next = childStarts
    for piece in 0..<count {
      for parent in parents(of: piece) {
        children[next[parent]] = piece
        next[parent] += 1
      }
    }
  }

  // MARK: Sections

  /// The version before piece `k` is critical when `k` and every later piece with a parent before
  /// `k` have exactly the heads of the pieces before `k` as parents.
  ///
  /// Complexity: O(pieces + parents), but for pieces with equal sets of several parents.
  private mutating func findSections() {
    let count = zone.pieces.count
    guard count > 0 else { return }
    // crossings[k]: how many pieces from `k` on have a parent before `k` (or only the base).
    var crossings = ContiguousArray(repeating: 0, count: count + 1)
    for piece in 0..<count {
      let lowest = parents(of: piece).first ?? -1
      crossings[lowest + 1] += 1
      crossings[piece + 1] -= 1
    }
    var isHead = ContiguousArray(repeating: false, count: count)
    var headCount = 0
    var crossing = 0
    var sectionStart = 0
    for piece in 0..<count {
      crossing += crossings[piece]
      let parents = parents(of: piece)
      let isCareless = Sabotage.forgetConcurrency.isPlanted
      if piece > 0, parents.count == headCount || isCareless,
        parents.allSatisfy({ isHead[$0] }), crossing == siblingCount(of: piece) || isCareless
      {
        sections.append(sectionStart..<piece)
        sectionStart = piece
      }
      for parent in parents where isHead[parent] {
        isHead[parent] = false
        headCount -= 1
      }
      isHead[piece] = true
      headCount += 1
    }
    sections.append(sectionStart..<count)
  }

  /// How many pieces have the very same parents as `piece`, itself included. It has at least one.
  private func siblingCount(of piece: Int) -> Int {
    let own = parents(of: piece)
    guard let last = own.last else { return 0 }
    let candidates = children[childStarts[last]..<childStarts[last + 1]]
    return candidates.reduce(0) { $0 + (parents(of: $1).elementsEqual(own) ? 1 : 0) }
  }

  // MARK: Order

  /// The pieces of `section` in the order of replay: what `from` has before what is new, parents
  /// before children, otherwise along one branch to its end, shorter branches first, so that little
  /// has to be taken back and put again on the way.
  ///
  /// Complexity: O(p log p) for p pieces.
  package func order(of section: Range<Int>) -> [Int] {
    guard section.count > 1 else { return Array(section) }
    // A branch weighs what hangs on it, each piece counted under the last of its parents.
    var weight = ContiguousArray(repeating: 0, count: section.count)
    var missing = ContiguousArray(repeating: 0, count: section.count)
    for piece in section.reversed() {
      let own = weight[piece - section.lowerBound] + zone.pieces[piece].versions.count
      weight[piece - section.lowerBound] = own
      if let parent = parents(of: piece).last, parent >= section.lowerBound {
        weight[parent - section.lowerBound] += own
      }
    }
    var ready: [Int] = []
    var isReadyLater: [Int] = []
    for piece in section {
      let count = parents(of: piece).reduce(0) { $0 + ($1 >= section.lowerBound ? 1 : 0) }
      missing[piece - section.lowerBound] = count
      guard count == 0 else { continue }
      if zone.pieces[piece].isNew { isReadyLater.append(piece) } else { ready.append(piece) }
    }
    func heavierFirst(_ left: Int, _ right: Int) -> Bool {
      let leftWeight = weight[left - section.lowerBound]
      let rightWeight = weight[right - section.lowerBound]
      return leftWeight != rightWeight ? leftWeight > rightWeight : left > right
    }
    ready.sort(by: heavierFirst)

    var order: [Int] = []
    order.reserveCapacity(section.count)
    while true {
      while let piece = ready.popLast() {
        order.append(piece)
        let firstNew = ready.count
        for child in children[childStarts[piece]..<childStarts[piece + 1]]
        where section.contains(child) {
          missing[child - section.lowerBound] -= 1
          guard missing[child - section.lowerBound] == 0 else { continue }
          if zone.pieces[child].isNew, !zone.pieces[piece].isNew {
            isReadyLater.append(child)
          } else {
            ready.append(child)
          }
        }
        if ready.count - firstNew > 1 { ready[firstNew...].sort(by: heavierFirst) }
      }
      if isReadyLater.isEmpty { break }
      ready = isReadyLater
      isReadyLater = []
      ready.sort(by: heavierFirst)
    }
    return order
  }

  // MARK: Moves

  /// What lies between the version after piece `current` (nil: the base of the section) and the
  /// parents of piece `next`, inside the section: pieces to take back, newest first, and pieces to
  /// put again, oldest first.
  ///
  /// Complexity: O(d log d) for the d pieces in between and their nearest common ancestors.
  package mutating func moves(
    after current: Int?, toParentsOf next: Int, in section: Range<Int>,
    back: inout [Int], forth: inout [Int]
  ) {
    back.removeAll(keepingCapacity: true)
    forth.removeAll(keepingCapacity: true)
    let goal = zone.pieces[next].parents
    if let current, goal.count == 1, zone.parents[goal.lowerBound] == current { return }

    let isBack: UInt8 = 1
    let isForth: UInt8 = 2
    let isBoth: UInt8 = 3
    var undecided = 0
    func mark(_ piece: Int, _ side: UInt8, _ marks: inout ContiguousArray<UInt8>) -> Bool {
      let old = marks[piece]
      let new = old | side
      marks[piece] = new
      if old == 0, new != isBoth { undecided += 1 }
      if old != 0, old != isBoth, new == isBoth { undecided -= 1 }
      return old == 0
    }
    if let current, mark(current, isBack, &marks) { pending.push(key: current, tag: 0) }
    for index in goal {
      let parent = zone.parents[index]
      guard parent >= section.lowerBound else { continue }
      if mark(parent, isForth, &marks) { pending.push(key: parent, tag: 0) }
    }
    while undecided > 0, let top = pending.pop() {
      let piece = top.key
      let side = marks[piece]
      marks[piece] = 0
      if side != isBoth { undecided -= 1 }
      if side == isBack { back.append(piece) }
      if side == isForth { forth.append(piece) }
      for index in zone.pieces[piece].parents {
        let parent = zone.parents[index]
        guard parent >= section.lowerBound else { continue }
        if mark(parent, side, &marks) { pending.push(key: parent, tag: 0) }
      }
    }
    while let left = pending.pop() { marks[left.key] = 0 }
    forth.reverse()
  }
}
