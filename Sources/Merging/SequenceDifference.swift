/// A stretch in which two sequences differ: what was at `old` is now at `new`. One of the ranges
/// may be empty.
struct Hunk: Equatable {
  var old: Range<Int>
  var new: Range<Int>
}

/// What is different between two sequences of numbered tokens.
///
/// The shortest edit that there is (Myers, "An O(ND) Difference Algorithm and Its Variations",
/// 1986, in linear space), as long as that is found in reasonable time. Of the edits that are
/// equally short one is chosen that does not depend on how the search went: a stretch that could
/// lie further down lies there, unless it can lie beside a stretch of the other sequence, so that
/// something taken out and something put in show as one replacement. `diff` and `git` choose alike;
/// that two people who did the same get the same hunks rests on it.
struct SequenceDifference {
  private let old: [UInt32]
  private let new: [UInt32]
  private var isOldChanged: [Bool]
  private var isNewChanged: [Bool]

  /// In ascending order, at least one common token between two.
  ///
  /// Complexity: O((n + m) d) for d differences, and no more than O((n + m) · 256) when d is large:
  /// then the edit may be longer than the shortest.
  static func hunks(
    from old: [UInt32], to new: [UInt32], searching order: Order = .downward
  ) -> [Hunk] {
    if old == new { return [] }
    var difference = SequenceDifference(old, new)
    difference.search(order)
    difference.settle()
    return difference.hunks()
  }

  /// Of edits that are equally short, each order of search may find another.
  enum Order: CaseIterable {
    case downward
    case upward
    /// What stays is, of two choices, what comes first in the new sequence instead of the old.
    case mirrored
  }

  private init(_ old: [UInt32], _ new: [UInt32]) {
    self.old = old
    self.new = new
    isOldChanged = Array(repeating: false, count: old.count)
    isNewChanged = Array(repeating: false, count: new.count)
  }

  private mutating func search(_ order: Order) {
    var prefix = 0
    let shorter = min(old.count, new.count)
    while prefix < shorter, old[prefix] == new[prefix] { prefix += 1 }
    var suffix = 0
    while suffix < shorter - prefix,
      old[old.count - 1 - suffix] == new[new.count - 1 - suffix]
    { suffix += 1 }
    // A token that the other side lacks is changed whatever else is found.
    let oldPlaces = Self.places(
      in: old, prefix..<old.count - suffix, alsoIn: new[prefix..<new.count - suffix],
      changed: &isOldChanged)
    let newPlaces = Self.places(
      in: new, prefix..<new.count - suffix, alsoIn: old[prefix..<old.count - suffix],
      changed: &isNewChanged)
    let (oldFlags, newFlags) = Self.changed(
      oldPlaces.map { old[$0] }, newPlaces.map { new[$0] }, order)
    for (place, isChanged) in zip(oldPlaces, oldFlags) where isChanged {
      isOldChanged[place] = true
    }
    for (place, isChanged) in zip(newPlaces, newFlags) where isChanged {
      isNewChanged[place] = true
    }
  }

  private static func changed(
    _ old: [UInt32], _ new: [UInt32], _ order: Order
  ) -> (old: [Bool], new: [Bool]) {
    switch order {
    case .downward:
      var edit = ShortestEdit(old, new)
      edit.search()
      return (edit.isOldChanged, edit.isNewChanged)
    case .upward:
      var edit = ShortestEdit(old.reversed(), new.reversed())
      edit.search()
      return (edit.isOldChanged.reversed(), edit.isNewChanged.reversed())
    case .mirrored:
      var edit = ShortestEdit(new, old)
      edit.search()
      return (edit.isNewChanged, edit.isOldChanged)
    }
  }

  /// The places in `range` whose tokens the other side has; the others are marked.
  private static func places(
    in tokens: [UInt32], _ range: Range<Int>, alsoIn other: ArraySlice<UInt32>,
    changed: inout [Bool]
  ) -> [Int] {
    var isThere = [Bool](repeating: false, count: Int((other.max() ?? 0)) + 1)
    if other.isEmpty { isThere = [] }
    for token in other { isThere[Int(token)] = true }
    var places: [Int] = []
    for place in range {
      let token = Int(tokens[place])
      if token < isThere.count, isThere[token] {
        places.append(place)
      } else {
        changed[place] = true
      }
    }
    return places
  }

  private mutating func settle() {
    var oldRuns = ChangedRuns(tokens: old, isChanged: isOldChanged)
    var newRuns = ChangedRuns(tokens: new, isChanged: isNewChanged)
    oldRuns.slide(beside: &newRuns)
    newRuns.slide(beside: &oldRuns)
    isOldChanged = oldRuns.isChanged
    isNewChanged = newRuns.isChanged
  }

  private func hunks() -> [Hunk] {
    var hunks: [Hunk] = []
    var x = 0
    var y = 0
    while x < old.count || y < new.count {
      let startX = x
      let startY = y
      while x < old.count, isOldChanged[x] { x += 1 }
      while y < new.count, isNewChanged[y] { y += 1 }
      if x > startX || y > startY { hunks.append(Hunk(old: startX..<x, new: startY..<y)) }
      if x < old.count { x += 1 }
      if y < new.count { y += 1 }
    }
    return hunks
  }
}
