package import RunStructures
internal import Sabotages

/// In which order the pieces of a conflict zone are replayed.
///
/// A **section** is a stretch of pieces between two *critical* versions: versions that everything
/// after them had seen whole. What was made in one section can never be concurrent with what was
/// made in another, so a replay forgets everything at the end of a section. A section of one piece
/// has nothing concurrent in it at all.
@usableFromInline
package struct ReplayPlan: ~Copyable {
  @usableFromInline package let zone: ConflictZone
  /// Ranges of pieces, ascending; together they are all pieces.
  package private(set) var sections: ContiguousArray<Range<Int>> = []
  /// The pieces of the section that was ordered last.
  package private(set) var order = Arena<UInt32>()

  // Children of each piece, as ranges of `children`.
  private var childStarts: Arena<UInt32>
  private var children: Arena<UInt32>

  // Scratch of `arrange`.
  private var nodes: Arena<Node>
  private var ready = Arena<UInt32>()
  private var readyLater = Arena<UInt32>()

  /// In a section of at most `pastCountMax` pieces: for each of them the set of those that it has
  /// seen, itself included, by their number in the section. Else empty.
  private var pasts = Arena<SIMD4<UInt64>>()
  private static let pastCountMax = 256

  // Scratch and result of `move`.
  private var marks: Arena<UInt8>
  private var pending: MaxSet
  /// Pieces to take back, newest first.
  package private(set) var back = Arena<UInt32>()
  /// Pieces to put again, oldest last.
  package private(set) var forth = Arena<UInt32>()

  /// A piece in the tree of dominators of its section: its parent there is the last piece that
  /// every way to it from the start of the section passes.
  @usableFromInline
  struct Node: BitwiseCopyable {
    var dominator: UInt32 = 0
    /// An ancestor of the dominator or the dominator itself, so that a search skips ahead.
    var jump: UInt32 = 0
    var depth: UInt32 = 0
    var missingParents: UInt32 = 0
    /// What the piece and those that it dominates weigh.
    var weight = 0
  }

  /// What it costs to take a piece back, in any unit; one for each piece unless told otherwise.
  package var weights: Arena<Int>

  package init(_ zone: consuming ConflictZone) {
    let count = zone.pieces.count
    childStarts = Arena(capacity: count + 2)
    children = Arena(capacity: zone.parents.count + 1)
    nodes = Arena(capacity: count + 1)
    marks = Arena(capacity: count + 1)
    pending = MaxSet(bound: count)
    self.zone = zone
    weights = Arena(capacity: count + 1)
    weights.append(repeating: 1, count: count)
    marks.append(repeating: 0, count: count)
    nodes.append(repeating: Node(), count: count)
    linkChildren()
    findSections()
  }

  /// How many parents are linked, those of pieces with shared ranges each time.
  private mutating func linkChildren() {
    let count = zone.pieces.count
    childStarts.append(repeating: 0, count: count + 2)
    // childStarts[p + 2] counts, then [p + 1] is the next free entry of p, then [p] its start.
    var total = 0
    for index in 0..<count {
      let parents = zone.pieces[index].parents
      for parent in parents { childStarts.base[Int(zone.parents[parent]) + 2] += 1 }
      total += parents.count
    }
    for index in 0..<count { childStarts.base[index + 2] += childStarts.base[index + 1] }
    children.append(repeating: 0, count: total)
    for index in 0..<count {
      for parent in zone.pieces[index].parents {
        let slot = Int(zone.parents[parent]) + 1
        children.base[Int(childStarts.base[slot])] = UInt32(index)
        childStarts.base[slot] += 1
      }
    }
  }

  private mutating func childRange(of piece: Int) -> Range<Int> {
    Int(childStarts[piece])..<Int(childStarts[piece + 1])
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
    var crossings = Arena<Int32>(capacity: count + 1)
    crossings.append(repeating: 0, count: count + 1)
    for piece in 0..<count {
      let parents = zone.pieces[piece].parents
      let lowest = parents.isEmpty ? 0 : Int(zone.parents[parents.lowerBound]) + 1
      crossings.base[lowest] += 1
      crossings.base[piece + 1] -= 1
    }
    let isHead: UInt8 = 1
    var headCount = 0
    var crossing: Int32 = 0
    var sectionStart = 0
    for piece in 0..<count {
      crossing += crossings.base[piece]
      let parents = zone.pieces[piece].parents
      let isCareless = Sabotage.forgetConcurrency.isPlanted
      if piece > 0, parents.count == headCount || isCareless,
        parents.allSatisfy({ marks[Int(zone.parents[$0])] == isHead }),
        isCareless || Int(crossing) == siblingCount(of: piece)
      {
        sections.append(sectionStart..<piece)
        sectionStart = piece
      }
      for index in parents where marks[Int(zone.parents[index])] == isHead {
        marks[Int(zone.parents[index])] = 0
        headCount -= 1
      }
      marks[piece] = isHead
      headCount += 1
    }
    sections.append(sectionStart..<count)
    for piece in 0..<count { marks[piece] = 0 }
  }

  /// How many pieces have the very same parents as `piece`, itself included. It has at least one.
  private mutating func siblingCount(of piece: Int) -> Int {
    let own = zone.pieces[piece].parents
    guard !own.isEmpty else { return 0 }
    var count = 0
    for child in childRange(of: Int(zone.parents[own.upperBound - 1])) {
      let other = zone.pieces[Int(children[child])].parents
      guard other != own else {
        count += 1
        continue
      }
      guard other.count == own.count else { continue }
      var isSame = true
      for offset in 0..<own.count
      where zone.parents[other.lowerBound + offset] != zone.parents[own.lowerBound + offset] {
        isSame = false
        break
      }
      if isSame { count += 1 }
    }
    return count
  }

  // MARK: Order

  /// Puts the pieces of `section` into `order`, that of replay: what `from` has before what is new,
  /// parents before children, otherwise along one branch to its end, light branches first, so that
  /// little has to be taken back and put again on the way. A branch weighs what is on it until it
  /// joins others.
  ///
  /// Complexity: O(p log p) for p pieces.
  package mutating func arrange(_ section: Range<Int>) {
    order.removeAll()
    findPasts(in: section)
    findDominators(in: section)
    for piece in section.reversed() {
      let own = nodes.base[piece].weight &+ weights.base[piece]
      nodes.base[piece].weight = own
      if nodes.base[piece].depth > 1 { nodes.base[Int(nodes.base[piece].dominator)].weight &+= own }
    }
    ready.removeAll()
    readyLater.removeAll()
    for piece in section where nodes.base[piece].missingParents == 0 {
      if zone.pieces[piece].isNew {
        readyLater.append(UInt32(piece))
      } else {
        ready.append(UInt32(piece))
      }
    }
    sortReady(from: 0)
    while true {
      while let next = ready.popLast() {
        let piece = Int(next)
        order.append(next)
        let firstOpened = ready.count
        for index in childRange(of: piece) {
          let child = Int(children.base[index])
          guard child < section.upperBound else { continue }
          nodes.base[child].missingParents -= 1
          guard nodes.base[child].missingParents == 0 else { continue }
          if zone.pieces[child].isNew, !zone.pieces[piece].isNew {
            readyLater.append(UInt32(child))
          } else {
            ready.append(UInt32(child))
          }
        }
        sortReady(from: firstOpened)
      }
      if readyLater.isEmpty { break }
      swap(&ready, &readyLater)
      sortReady(from: 0)
    }
  }

  /// Sorts what is ready, from number `start` on, so that the lightest comes last.
  private mutating func sortReady(from start: Int) {
    let count = ready.count - start
    guard count > 1 else { return }
    let nodes = nodes.base
    var part = UnsafeMutableBufferPointer(start: ready.base + start, count: count)
    part.sort { left, right in
      let leftWeight = nodes[Int(left)].weight
      let rightWeight = nodes[Int(right)].weight
      return leftWeight != rightWeight ? leftWeight > rightWeight : left > right
    }
  }

  private mutating func findPasts(in section: Range<Int>) {
    pasts.removeAll()
    guard section.count <= Self.pastCountMax else { return }
    for piece in section {
      var past = past(ofAll: zone.pieces[piece].parents, in: section)
      let number = piece - section.lowerBound
      past[number >> 6] |= 1 &<< UInt64(number & 63)
      pasts.append(past)
    }
  }

  @inline(__always)
  private mutating func past(ofAll parents: Range<Int>, in section: Range<Int>) -> SIMD4<UInt64> {
    var past = SIMD4<UInt64>()
    for index in parents where Int(zone.parents.base[index]) >= section.lowerBound {
      past |= pasts.base[Int(zone.parents.base[index]) - section.lowerBound]
    }
    return past
  }

  /// Pieces that the start of the section dominates have the depth 1 and no dominator.
  private mutating func findDominators(in section: Range<Int>) {
    let nodes = nodes.base
    for piece in section {
      var node = Node()
      var dominator: UInt32?
      for index in zone.pieces[piece].parents {
        let parent = zone.parents[index]
        // A section begins after all heads of what is before it.
        guard Int(parent) >= section.lowerBound else { break }
        node.missingParents += 1
        if node.missingParents == 1 {
          dominator = parent
        } else if let found = dominator {
          dominator = common(found, parent)
        }
      }
      if let dominator {
        node.dominator = dominator
        node.depth = nodes[Int(dominator)].depth + 1
        let jump = nodes[Int(dominator)].jump
        let isSkipping =
          nodes[Int(dominator)].depth > 1 && nodes[Int(jump)].depth > 1
          && nodes[Int(dominator)].depth - nodes[Int(jump)].depth
            == nodes[Int(jump)].depth - nodes[Int(nodes[Int(jump)].jump)].depth
        node.jump = isSkipping ? nodes[Int(jump)].jump : dominator
      } else {
        node.depth = 1
        node.dominator = UInt32(piece)
        node.jump = UInt32(piece)
      }
      nodes[piece] = node
    }
  }

  /// The last piece that dominates two, or nil when only the start of the section does.
  ///
  /// Complexity: O(log p).
  private mutating func common(_ left: UInt32, _ right: UInt32) -> UInt32? {
    let nodes = nodes.base
    var left = left
    var right = right
    if nodes[Int(left)].depth < nodes[Int(right)].depth { swap(&left, &right) }
    let depth = nodes[Int(right)].depth
    while nodes[Int(left)].depth > depth {
      let jump = nodes[Int(left)].jump
      left = nodes[Int(jump)].depth >= depth ? jump : nodes[Int(left)].dominator
    }
    while left != right {
      guard nodes[Int(left)].depth > 1 else { return nil }
      if nodes[Int(left)].jump != nodes[Int(right)].jump {
        left = nodes[Int(left)].jump
        right = nodes[Int(right)].jump
      } else {
        left = nodes[Int(left)].dominator
        right = nodes[Int(right)].dominator
      }
    }
    return left
  }

  // MARK: Moves

  /// Finds what lies between the version after piece `current` (nil: the base of the section) and
  /// the parents of piece `next`, inside the section: `back` and `forth`.
  ///
  /// Complexity: O(d) for the d pieces in between, and in a long section their nearest common
  /// ancestors.
  package mutating func move(
    from current: Int?, toParentsOf next: Int, in section: Range<Int>
  ) {
    back.removeAll()
    forth.removeAll()
    let pieces = zone.pieces.base
    let parents = zone.parents.base
    let goal = pieces[next].parents
    if let current, goal.count == 1, Int(parents[goal.lowerBound]) == current { return }

    if !pasts.isEmpty {
      let here = current.map { pasts[$0 - section.lowerBound] } ?? SIMD4()
      let there = past(ofAll: goal, in: section)
      Self.append(here & ~there, from: section.lowerBound, to: &back)
      return Self.append(there & ~here, from: section.lowerBound, to: &forth)
    }
    let lowest = UInt32(section.lowerBound)
    var undecided = 0
    if let current { mark(current, Self.isBack, &undecided) }
    for index in goal where parents[index] >= lowest {
      mark(Int(parents[index]), Self.isForth, &undecided)
    }
    while undecided > 0 {
      let piece = pending.removeLast()
      let side = marks.base[piece]
      marks.base[piece] = 0
      if side != Self.isBoth {
        undecided &-= 1
        if side == Self.isBack { back.append(UInt32(piece)) } else { forth.append(UInt32(piece)) }
      }
      for index in pieces[piece].parents where parents[index] >= lowest {
        mark(Int(parents[index]), side, &undecided)
      }
    }
    while pending.count > 0 { marks.base[pending.removeLast()] = 0 }
  }

  /// Appends the pieces of a set, the newest first.
  @inline(__always)
  private static func append(
    _ set: SIMD4<UInt64>, from first: Int, to list: inout Arena<UInt32>
  ) {
    guard set != SIMD4() else { return }
    var lane = 4
    while lane > 0 {
      lane &-= 1
      var word = set[lane]
      while word != 0 {
        let bit = 63 &- word.leadingZeroBitCount
        word ^= 1 &<< UInt64(bit)
        list.append(UInt32(first &+ lane &* 64 &+ bit))
      }
    }
  }

  private static let isBack: UInt8 = 1
  private static let isForth: UInt8 = 2
  private static let isBoth: UInt8 = 3

  @inline(__always)
  private mutating func mark(_ piece: Int, _ side: UInt8, _ undecided: inout Int) {
    let old = marks.base[piece]
    marks.base[piece] = old | side
    if old == 0 {
      if side != Self.isBoth { undecided &+= 1 }
      pending.insert(piece)
    } else if old != Self.isBoth, old != side {
      undecided &-= 1
    }
  }
}
