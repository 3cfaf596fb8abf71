/// What both sides did to one base, as groups of hunks that are one matter.
struct ThreeWayGroups {
  /// When hunks of different sides belong to one group.
  enum Rule {
    /// When they overlap or touch.
    case touching
    /// When both took the same away, both put something in at one place, or one put something in
    /// where the other took away what is on both sides of it.
    case overlapping
  }

  /// Some hunks of either side, by their indices, and the stretch of each sequence that they cover.
  struct Group {
    var base: Range<Int>
    var ours: Range<Int>
    var theirs: Range<Int>
    var oursHunks: Range<Int>
    var theirsHunks: Range<Int>
  }

  let ours: [Hunk]
  let theirs: [Hunk]
  /// How many tokens of the base and both sides are in places that both changed, differently.
  private(set) var contestedCount = 0

  /// Sequences with more tokens than this are compared once only.
  private static let searchedAgainMax = 200_000

  private init(ours: [Hunk], theirs: [Hunk]) {
    self.ours = ours
    self.theirs = theirs
  }

  /// Compares both sides with the base. Where a difference can be told in several equally short
  /// ways, those are taken in which the sides get least into each other's way: what both did alike
  /// then shows as the same.
  init(base: [UInt32], ours: [UInt32], theirs: [UInt32]) {
    func hunks(_ side: [UInt32], _ order: SequenceDifference.Order) -> [Hunk] {
      SequenceDifference.hunks(from: base, to: side, searching: order)
    }
    self.init(ours: hunks(ours, .downward), theirs: hunks(theirs, .downward))
    countContested(ours, theirs)
    guard contestedCount > 0, base.count + ours.count + theirs.count <= Self.searchedAgainMax
    else { return }
    let orders = SequenceDifference.Order.allCases
    let oursHunks = orders.map { hunks(ours, $0) }
    let theirsHunks = orders.map { hunks(theirs, $0) }
    for left in oursHunks {
      for right in theirsHunks where contestedCount > 0 {
        var other = ThreeWayGroups(ours: left, theirs: right)
        other.countContested(ours, theirs)
        if other.contestedCount < contestedCount { self = other }
      }
    }
  }

  private mutating func countContested(_ ours: [UInt32], _ theirs: [UInt32]) {
    contestedCount = groups(.touching).reduce(0) { sum, group in
      guard !group.oursHunks.isEmpty, !group.theirsHunks.isEmpty,
        ours[group.ours] != theirs[group.theirs]
      else { return sum }
      return sum + group.base.count + group.ours.count + group.theirs.count
    }
  }

  /// All hunks, grouped.
  func groups(_ rule: Rule) -> [Group] {
    groups(ours.indices, theirs.indices, rule)
  }

  /// The hunks of a group, grouped anew.
  func parts(of group: Group, _ rule: Rule) -> [Group] {
    groups(group.oursHunks, group.theirsHunks, rule)
  }

  func hunks(of group: Group) -> [Hunk] {
    Array(ours[group.oursHunks]) + theirs[group.theirsHunks]
  }

  /// Ascending; what lies between two groups is the same in all three sequences.
  private func groups(
    _ oursHunks: Range<Int>, _ theirsHunks: Range<Int>, _ rule: Rule
  ) -> [Group] {
    var groups: [Group] = []
    var a = oursHunks.lowerBound
    var b = theirsHunks.lowerBound
    while true {
      let nextOurs = a < oursHunks.upperBound ? ours[a].old : nil
      let nextTheirs = b < theirsHunks.upperBound ? theirs[b].old : nil
      guard var base = Self.first(nextOurs, nextTheirs) else { return groups }
      let (firstA, firstB) = (a, b)
      if base == nextOurs { a += 1 } else { b += 1 }
      while true {
        if a < oursHunks.upperBound, Self.joins(ours[a].old, base, rule) {
          base = base.lowerBound..<max(base.upperBound, ours[a].old.upperBound)
          a += 1
        } else if b < theirsHunks.upperBound, Self.joins(theirs[b].old, base, rule) {
          base = base.lowerBound..<max(base.upperBound, theirs[b].old.upperBound)
          b += 1
        } else {
          break
        }
      }
      groups.append(
        Group(
          base: base, ours: Self.place(of: base, after: firstA..<a, in: ours),
          theirs: Self.place(of: base, after: firstB..<b, in: theirs), oursHunks: firstA..<a,
          theirsHunks: firstB..<b))
    }
  }

  /// An insertion comes before what is taken away at the same place.
  private static func first(_ left: Range<Int>?, _ right: Range<Int>?) -> Range<Int>? {
    guard let left, let right else { return left ?? right }
    return (left.lowerBound, left.upperBound) <= (right.lowerBound, right.upperBound)
      ? left : right
  }

  private static func joins(_ next: Range<Int>, _ base: Range<Int>, _ rule: Rule) -> Bool {
    switch rule {
    case .touching: next.lowerBound <= base.upperBound
    case .overlapping:
      next.lowerBound < base.upperBound
        || next.isEmpty && base.isEmpty && next.lowerBound == base.upperBound
    }
  }

  /// Where a stretch of the base is in a sequence, of whose hunks the given ones lie in it.
  private static func place(
    of base: Range<Int>, after inside: Range<Int>, in hunks: [Hunk]
  ) -> Range<Int> {
    func shift(_ hunksBefore: Int) -> Int {
      guard hunksBefore > 0 else { return 0 }
      let last = hunks[hunksBefore - 1]
      return last.new.upperBound - last.old.upperBound
    }
    return base.lowerBound + shift(inside.lowerBound)..<base.upperBound + shift(inside.upperBound)
  }
}
