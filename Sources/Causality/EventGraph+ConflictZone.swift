internal import RunStructures

/// The part of the history that matters when what only `to` has is merged into `from`.
///
/// `base` is a version that every event of the zone had seen whole. The zone is every event of
/// `from` and `to` that is not in `base`, cut into pieces so that each piece is a chain and
/// whatever is named as a parent ends a piece.
@usableFromInline
package struct ConflictZone: ~Copyable {
  @usableFromInline
  @frozen
  package struct Piece: BitwiseCopyable, Sendable {
    @usableFromInline var start: Int
    @usableFromInline var end: Int
    @usableFromInline var parentStart: UInt32
    @usableFromInline var parentCount: UInt32
    /// Whether `from` lacks it.
    @usableFromInline package var isNew: Bool

    @inlinable package var versions: Range<Int> {
      @inline(__always) get { Range(uncheckedBounds: (start, end)) }
    }

    /// Its parents among the pieces: a range of `ConflictZone.parents`. Empty: its parent is
    /// `base`. Pieces with the same parents may have the same range.
    @inlinable var parents: Range<Int> {
      @inline(__always) get {
        let first = Int(parentStart)
        return Range(uncheckedBounds: (first, first &+ Int(parentCount)))
      }
    }
  }

  package let base: [Int]
  /// Ascending by version, hence parents before children.
  let pieces: Arena<Piece>
  /// Indexes of pieces; within one piece's range ascending.
  let parents: Arena<UInt32>

  init(base: [Int], pieces: consuming Arena<Piece>, parents: consuming Arena<UInt32>) {
    self.base = base
    first = UnsafePointer(pieces.base)
    count = pieces.count
    self.pieces = pieces
    self.parents = parents
  }

  /// The first of `pieces`, for those in other modules.
  @usableFromInline let first: UnsafePointer<Piece>
  /// How many pieces there are.
  @usableFromInline package let count: Int

  /// Whether a version has each piece; it is given by its greatest events, of which those outside
  /// the zone do not matter. Complexity: O(pieces and parents).
  package func pieces(in version: [Int]) -> [Bool] {
    var isIn = [Bool](repeating: false, count: count)
    // Both ascend.
    var heads = version[...]
    for piece in (0..<count).reversed() {
      let last = self[piece].versions.upperBound - 1
      while let head = heads.last, head > last { heads.removeLast() }
      if heads.last == last { isIn[piece] = true }
      guard isIn[piece] else { continue }
      for parent in self[piece].parents { isIn[Int(parents[parent])] = true }
    }
    return isIn
  }

  @inlinable
  package subscript(piece: Int) -> Piece {
    @inline(__always) get {
      assert(piece >= 0 && piece < count, "no such piece")
      return first[piece]
    }
  }
}

extension EventGraph {
  /// Finds the conflict zone of two versions.
  ///
  /// Walks back from both, newest event first, until all that is left to visit is one single
  /// version: then every event visited has seen it. What is pending is therefore kept as
  /// *versions*: a queue entry stands for a single event or for the whole parents of a piece, keyed
  /// by the greatest of them.
  ///
  /// - Parameter reachesRoot: whether the zone is to reach back to the empty document, which makes
  ///   the base empty.
  /// - Complexity: O(p log p) for the p pieces of the zone and their parents.
  package func conflictZone(
    from: [Int], to: [Int], reachesRoot: Bool = false
  ) -> ConflictZone {
    if from.isEmpty, to == frontier { return wholeZone() }
    return searchedZone(from: from, to: to, reachesRoot: reachesRoot)
  }

  func searchedZone(from: [Int], to: [Int], reachesRoot: Bool = false) -> ConflictZone {
    var search = ConflictSearch(lastRun: runCount - 1)
    search.push(from, and: to, skipsShared: true)
    let base = search.walk(self, from: from, reachesRoot: reachesRoot)
    return search.zone(base: base)
  }

  /// Finds every event that only one of two versions has, and what is concurrent with those: a
  /// conflict zone in which both versions are sets of whole pieces.
  ///
  /// - Complexity: as for a conflict zone.
  package func differenceZone(
    from: [Int], to: [Int], reachesRoot: Bool = false
  ) -> ConflictZone {
    var search = ConflictSearch(lastRun: runCount - 1)
    search.push(from, and: to, skipsShared: false)
    let base = search.walk(self, from: from, reachesRoot: reachesRoot)
    return search.zone(base: base)
  }

  /// The graph run that holds `version`, which is none after `run`.
  ///
  /// Complexity: O(log d) for d runs in between.
  func runIndex(containing version: Int, notAfter run: Int) -> Int {
    var high = run
    if runStarts[high] <= version { return high }
    var step = 1
    while high >= step, runStarts[high - step] > version {
      high -= step
      step *= 2
    }
    // The run is below `high`, and not below `high - step`.
    var low = max(0, high - step)
    while low + 1 < high {
      let middle = (low + high) / 2
      if runStarts[middle] <= version { low = middle } else { high = middle }
    }
    return low
  }
}

/// The walk back. Pieces are numbered from the newest while it is under way.
struct ConflictSearch: ~Copyable {
  private var pending = MaxQueue()
  private var pieces = Arena<ConflictZone.Piece>(capacity: 8)
  /// Where each parent of a piece was found: `unfound`, or the number of the piece.
  private var parents = Arena<UInt32>(capacity: 8)
  /// The graph run of each piece.
  private var runs = Arena<Int>()
  /// The run of the piece that was found last; those to come are not after it.
  private var lastRun: Int
  /// What is pending at one key.
  private var gathered = Arena<Tag>()

  private static let unfound = UInt32.max
  private static let root = -1

  /// What a queue entry stands for.
  struct Tag: BitwiseCopyable {
    var bits: Int

    /// One event: the parent that `slot` of `parents` stands for, nil when it is nobody's.
    init(slot: Int?, isNew: Bool) {
      bits = (slot.map { $0 + 1 } ?? 0) << 2 | (isNew ? 1 : 0)
    }

    /// All parents of a piece that begins a run, nil for all events of `from`.
    init(allOf piece: Int?, isNew: Bool) {
      bits = (piece.map { $0 + 1 } ?? 0) << 2 | 2 | (isNew ? 1 : 0)
    }

    init(bits: Int) { self.bits = bits }

    var isNew: Bool { bits & 1 != 0 }
    /// Whether it stands for several events.
    var isWhole: Bool { bits & 2 != 0 }
    /// The slot or the piece.
    var owner: Int? { bits >> 2 > 0 ? bits >> 2 - 1 : nil }
  }

  init(lastRun: Int) {
    self.lastRun = lastRun
  }

  private mutating func push(_ version: Int, _ tag: Tag) {
    pending.push(key: version, tag: tag.bits)
  }

  /// - Parameter skipsShared: what both name is left to `from`, where nothing of it is new anyway.
  mutating func push(_ from: [Int], and to: [Int], skipsShared: Bool) {
    if from.count > 1 {
      push(from[from.count - 1], Tag(allOf: nil, isNew: false))
    } else {
      push(from.first ?? Self.root, Tag(slot: nil, isNew: false))
    }
    // Both are ascending.
    var index = 0
    for version in to {
      while index < from.count, from[index] < version { index += 1 }
      if skipsShared, index < from.count, from[index] == version { continue }
      push(version, Tag(slot: nil, isNew: true))
    }
  }

  /// Collects pieces until one version is left, and returns that version.
  mutating func walk(_ graph: EventGraph, from: [Int], reachesRoot: Bool) -> [Int] {
    while let next = pending.pop() {
      let key = next.key
      if key == Self.root { return [] }
      if pending.firstKey != key {
        // One version that nobody else names now.
        let tag = Tag(bits: next.tag)
        if pending.isEmpty, !reachesRoot { return tag.isWhole ? events(tag, graph, from) : [key] }
        if tag.isWhole {
          expand(tag, isNew: tag.isNew, to: UInt32(pieces.count), graph, from)
        } else if let slot = tag.owner {
          parents.base[slot] = UInt32(pieces.count)
        }
        take(key, isNew: tag.isNew, graph)
        continue
      }
      gathered.removeAll()
      gathered.append(Tag(bits: next.tag))
      var isNew = next.tag & 1 == 1
      while pending.firstKey == key, let same = pending.pop() {
        gathered.append(Tag(bits: same.tag))
        isNew = isNew && same.tag & 1 == 1
      }
      if pending.isEmpty, !reachesRoot, isOneVersion(graph, from) {
        return gathered[0].isWhole ? events(gathered[0], graph, from) : [key]
      }
      link(to: UInt32(pieces.count), graph, from)
      take(key, isNew: isNew, graph)
    }
    return []
  }

  private mutating func events(_ tag: Tag, _ graph: EventGraph, _ from: [Int]) -> [Int] {
    guard let piece = tag.owner else { return from }
    return graph.parents(ofRun: runs[piece])
  }

  /// Whether all that is gathered is the same version.
  private mutating func isOneVersion(_ graph: EventGraph, _ from: [Int]) -> Bool {
    for index in 1..<gathered.count where !isSame(gathered[index], gathered[0], graph, from) {
      return false
    }
    return true
  }

  /// Whether two entries with the same greatest event stand for the same version.
  private mutating func isSame(
    _ left: Tag, _ right: Tag, _ graph: EventGraph, _ from: [Int]
  ) -> Bool {
    guard left.isWhole == right.isWhole else { return false }
    guard left.isWhole else { return true }
    guard let leftPiece = left.owner, let rightPiece = right.owner else {
      return left.owner == right.owner
        || events(left, graph, from) == events(right, graph, from)
    }
    return graph.parentPool[graph.parentRange(ofRun: runs[leftPiece])].elementsEqual(
      graph.parentPool[graph.parentRange(ofRun: runs[rightPiece])])
  }

  /// Tells everybody whose parent the gathered event is that it ends the piece `piece`. The other
  /// events of versions become pending one by one.
  private mutating func link(to piece: UInt32, _ graph: EventGraph, _ from: [Int]) {
    var index = 0
    while index < gathered.count {
      let tag = gathered[index]
      index += 1
      guard tag.isWhole else {
        if let slot = tag.owner { parents[slot] = piece }
        continue
      }
      // Those that name the same parents share one range of them.
      var isNew = tag.isNew
      while index < gathered.count, isSame(gathered[index], tag, graph, from) {
        isNew = isNew && gathered[index].isNew
        if let owner = tag.owner, let other = gathered[index].owner {
          pieces.base[other].parentStart = pieces[owner].parentStart
        } else if gathered[index].owner != nil {
          break
        }
        index += 1
      }
      expand(tag, isNew: isNew, to: piece, graph, from)
    }
  }

  /// The greatest event of a version ends the piece `piece`; the others become pending.
  private mutating func expand(
    _ tag: Tag, isNew: Bool, to piece: UInt32, _ graph: EventGraph, _ from: [Int]
  ) {
    guard let owner = tag.owner else {
      for event in from.dropLast() { push(event, Tag(slot: nil, isNew: isNew)) }
      return
    }
    let range = graph.parentRange(ofRun: runs.base[owner])
    let slot = Int(pieces.base[owner].parentStart)
    for offset in 0..<range.count - 1 {
      push(graph.parentPool[range.lowerBound + offset], Tag(slot: slot + offset, isNew: isNew))
    }
    parents.base[slot + range.count - 1] = piece
  }

  /// Adds the piece that ends in `last` and reaches back to where its run begins or another pending
  /// version joins.
  private mutating func take(_ last: Int, isNew: Bool, _ graph: EventGraph) {
    let run = graph.runIndex(containing: last, notAfter: lastRun)
    lastRun = run
    let start = graph.runStarts[run]
    let piece = pieces.count
    let slot = parents.count
    let other = pending.firstKey
    let count: Int
    if other >= start {
      count = 1
      push(other, Tag(slot: slot, isNew: isNew))
    } else {
      let range = graph.parentRange(ofRun: run)
      count = range.count
      if count == 0 {
        push(Self.root, Tag(slot: nil, isNew: isNew))
      } else {
        push(
          graph.parentPool[range.upperBound - 1],
          count == 1 ? Tag(slot: slot, isNew: isNew) : Tag(allOf: piece, isNew: isNew))
      }
    }
    parents.append(repeating: Self.unfound, count: count)
    runs.append(run)
    pieces.append(
      ConflictZone.Piece(
        start: max(start, other + 1), end: last + 1, parentStart: UInt32(slot),
        parentCount: UInt32(count), isNew: isNew))
  }

  /// What was found, the oldest first. Parents that were not found are the base.
  consuming func zone(base: [Int]) -> ConflictZone {
    let count = pieces.count
    for index in 0..<parents.count where parents[index] != Self.unfound {
      parents[index] = UInt32(count - 1) - parents[index]
    }
    for index in 0..<count where pieces[index].parentCount > 0 {
      if parents[Int(pieces[index].parentStart)] == Self.unfound {
        pieces.base[index].parentCount = 0
      }
    }
    var found = UnsafeMutableBufferPointer(start: pieces.base, count: count)
    found.reverse()
    return ConflictZone(base: base, pieces: pieces, parents: parents)
  }
}
