internal import RunStructures

/// The part of the history that matters when what only `to` has is merged into `from`.
///
/// `base` is a version that every event of the zone had seen whole. The zone is every event of
/// `from` and `to` that is not in `base`, cut into pieces so that each piece is a chain and
/// whatever is named as a parent ends a piece.
package struct ConflictZone: Sendable {
  package struct Piece: Hashable, Sendable {
    package var versions: Range<Int>
    /// Whether `from` lacks it.
    package var isNew: Bool
    /// Its parents among the pieces: a range of `ConflictZone.parents`. Empty: its parent is
    /// `base`.
    package var parents: Range<Int>
  }

  package var base: [Int]
  /// Ascending by version, hence parents before children.
  package var pieces: ContiguousArray<Piece> = []
  /// Indexes of pieces; within one piece's range ascending.
  package var parents: ContiguousArray<Int> = []
}

extension EventGraph {
  /// Finds the conflict zone of two versions.
  ///
  /// Walks back from both, newest event first, until all that is left to visit is one single
  /// version: then every event visited has seen it. What is pending is therefore kept as
  /// *versions*: the tag of a queue entry is 0 for a single event, or 1 + the run whose whole
  /// parents it stands for (keyed by the greatest of them).
  ///
  /// - Parameter reachesRoot: whether the zone is to reach back to the empty document, which makes
  ///   the
  ///   base empty.
  /// - Complexity: O(p log p) for the p pieces of the zone, each with a search among the runs.
  package func conflictZone(
    from: [Int], to: [Int], reachesRoot: Bool = false
  ) -> ConflictZone {
    var search = ConflictSearch(graph: self, from: from, reachesRoot: reachesRoot)
    return search.run(to: to)
  }
}

private struct ConflictSearch {
  private let graph: EventGraph
  private let from: [Int]
  private let reachesRoot: Bool
  private var pending = MaxQueue()
  private var found: ContiguousArray<FoundPiece> = []

  /// A piece before the pieces are numbered, found newest first.
  private struct FoundPiece {
    var versions: Range<Int>
    var isNew: Bool
    /// The run that it begins, or -1 when it continues the piece that ends just below it.
    var run: Int
  }

  private static let root = -1

  init(graph: EventGraph, from: [Int], reachesRoot: Bool) {
    self.graph = graph
    self.from = from
    self.reachesRoot = reachesRoot
  }

  mutating func run(to: [Int]) -> ConflictZone {
    let shared = Set(from).intersection(to)
    push(from.last ?? Self.root, what: from.count > 1 ? wholeOfFrom : 0, isNew: false)
    for version in to where !shared.contains(version) { push(version, isNew: true) }
    let base = walk()
    return number(base: base)
  }

  // A tag is (what << 1 | isNew). `what` is 0 for one event, 1 + run for all parents of that run,
  // and `wholeOfFrom` for the frontier `from`.

  private var wholeOfFrom: Int { graph.runCount + 1 }

  private mutating func push(_ version: Int, what: Int = 0, isNew: Bool) {
    pending.push(key: version, tag: what << 1 | (isNew ? 1 : 0))
  }

  private mutating func pushParents(ofRun run: Int, isNew: Bool) {
    let parents = graph.parentRange(ofRun: run)
    guard let last = parents.last else { return push(Self.root, isNew: isNew) }
    push(graph.parentPool[last], what: parents.count > 1 ? run + 1 : 0, isNew: isNew)
  }

  /// The events that `what` stands for.
  private func events(_ key: Int, _ what: Int) -> [Int] {
    if key == Self.root { return [] }
    if what == 0 { return [key] }
    return what == wholeOfFrom ? from : graph.parents(ofRun: what - 1)
  }

  /// Collects pieces until one version is left, and returns that version.
  private mutating func walk() -> [Int] {
    while let next = pending.pop() {
      let key = next.key
      var isNew = next.tag & 1 == 1
      var versions = [Pending(what: next.tag >> 1, isNew: isNew)]
      while let same = pending.first, same.key == key {
        _ = pending.pop()
        let isSameNew = same.tag & 1 == 1
        isNew = isNew && isSameNew
        note(Pending(what: same.tag >> 1, isNew: isSameNew), of: key, in: &versions)
      }
      if key == Self.root { return [] }
      if versions.count == 1, pending.isEmpty, !reachesRoot { return events(key, versions[0].what) }

      for version in versions where version.what != 0 {
        // Its other events become pending one by one; the greatest is handled here.
        for event in events(key, version.what).dropLast() { push(event, isNew: version.isNew) }
      }
      take(key, isNew: isNew)
    }
    return []
  }

  private struct Pending {
    var what: Int
    var isNew: Bool
  }

  private func note(_ version: Pending, of key: Int, in versions: inout [Pending]) {
    for index in versions.indices
    where versions[index].what == version.what
      || events(key, versions[index].what) == events(key, version.what)
    {
      versions[index].isNew = versions[index].isNew && version.isNew
      return
    }
    versions.append(version)
  }

  /// Adds the piece that ends in `last` and reaches back to where its run begins or another pending
  /// version joins.
  private mutating func take(_ last: Int, isNew: Bool) {
    let run = graph.runIndex(containing: last)
    let start = graph.runStarts[run]
    if let other = pending.first, other.key >= start {
      found.append(FoundPiece(versions: other.key + 1..<last + 1, isNew: isNew, run: -1))
      push(other.key, isNew: isNew)
    } else {
      found.append(FoundPiece(versions: start..<last + 1, isNew: isNew, run: run))
      pushParents(ofRun: run, isNew: isNew)
    }
  }

  private func number(base: [Int]) -> ConflictZone {
    var zone = ConflictZone(base: base)
    zone.pieces.reserveCapacity(found.count)
    for piece in found.reversed() {
      let firstParent = zone.parents.count
      if piece.run < 0 {
        if let index = Self.piece(endingIn: piece.versions.lowerBound - 1, of: zone.pieces) {
          zone.parents.append(index)
        }
      } else {
        for parent in graph.parentPool[graph.parentRange(ofRun: piece.run)] {
          if let index = Self.piece(endingIn: parent, of: zone.pieces) {
            zone.parents.append(index)
          }
        }
      }
      zone.pieces.append(
        ConflictZone.Piece(
          versions: piece.versions, isNew: piece.isNew,
          parents: firstParent..<zone.parents.count))
    }
    return zone
  }

  private static func piece(
    endingIn version: Int, of pieces: ContiguousArray<ConflictZone.Piece>
  ) -> Int? {
    var low = 0
    var high = pieces.count
    while low < high {
      let middle = (low + high) / 2
      if pieces[middle].versions.upperBound <= version { low = middle + 1 } else { high = middle }
    }
    guard low < pieces.count, pieces[low].versions.upperBound == version + 1 else { return nil }
    return low
  }
}
