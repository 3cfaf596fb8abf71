/// Walks through what both sides did to a text and decides, stretch by stretch.
struct TextMerger {
  private let base: MergeSide
  private let ours: MergeSide
  private let theirs: MergeSide
  private(set) var stretches: [MergeStretch] = []

  /// A side that has kept less than this part of what it could have kept wrote something new.
  private static let keptShareMin = 1.0 / 3

  init(base: MergeSide, ours: MergeSide, theirs: MergeSide) {
    self.base = base
    self.ours = ours
    self.theirs = theirs
  }

  private var all: MergeStretch {
    MergeStretch(
      base: base.bytes.indices, ours: ours.bytes.indices, theirs: theirs.bytes.indices,
      outcome: .conflict)
  }

  /// Merges where one side did nothing, or both the same, or each to lines that the other neither
  /// touched nor has beside it. Else it does nothing and returns false.
  mutating func mergeIfApart() -> Bool {
    if theirs.bytes == base.bytes || theirs.bytes == ours.bytes {
      append(all, .ours)
      return true
    }
    if ours.bytes == base.bytes {
      append(all, .theirs)
      return true
    }
    let lines = Comparison(all, .lines, base, ours, theirs)
    guard lines.changes.contestedCount == 0 else { return false }
    merge(lines)
    return true
  }

  mutating func merge() {
    merge(Comparison(all, .lines, base, ours, theirs))
  }

  /// The three texts of one stretch as tokens, and what both sides did to them.
  private struct Comparison {
    let stretch: MergeStretch
    let tokens: TextTokens
    let base: TokenizedText
    let ours: TokenizedText
    let theirs: TokenizedText
    let changes: ThreeWayGroups

    init(
      _ stretch: MergeStretch, _ tokens: TextTokens, _ base: MergeSide, _ ours: MergeSide,
      _ theirs: MergeSide
    ) {
      self.stretch = stretch
      self.tokens = tokens
      var numbering = TokenNumbering()
      self.base = TokenizedText(base.bytes, in: stretch.base, as: tokens, &numbering)
      self.ours = TokenizedText(ours.bytes, in: stretch.ours, as: tokens, &numbering)
      self.theirs = TokenizedText(theirs.bytes, in: stretch.theirs, as: tokens, &numbering)
      changes = ThreeWayGroups(
        base: self.base.numbers, ours: self.ours.numbers, theirs: self.theirs.numbers)
    }

    func stretch(of group: ThreeWayGroups.Group) -> MergeStretch {
      MergeStretch(
        base: base.bytes(of: group.base), ours: ours.bytes(of: group.ours),
        theirs: theirs.bytes(of: group.theirs), outcome: .conflict)
    }
  }

  private mutating func merge(_ comparison: Comparison) {
    for group in comparison.changes.groups(.touching) {
      let stretch = comparison.stretch(of: group)
      keep(upTo: stretch)
      if let outcome = settled(stretch, group) {
        append(stretch, outcome)
      } else {
        for part in comparison.changes.parts(of: group, .overlapping) {
          decide(part, in: comparison)
        }
      }
    }
    keep(
      upTo: MergeStretch(
        base: comparison.stretch.base.upperBound..<comparison.stretch.base.upperBound,
        ours: comparison.stretch.ours.upperBound..<comparison.stretch.ours.upperBound,
        theirs: comparison.stretch.theirs.upperBound..<comparison.stretch.theirs.upperBound,
        outcome: .ours))
  }

  /// Nil where both sides did something, and not the same.
  private func settled(
    _ stretch: MergeStretch, _ group: ThreeWayGroups.Group
  ) -> MergeStretch.Outcome? {
    if group.theirsHunks.isEmpty { return .ours }
    if group.oursHunks.isEmpty { return .theirs }
    return ours.bytes[stretch.ours] == theirs.bytes[stretch.theirs] ? .ours : nil
  }

  private mutating func decide(_ group: ThreeWayGroups.Group, in comparison: Comparison) {
    let stretch = comparison.stretch(of: group)
    keep(upTo: stretch)
    if let outcome = settled(stretch, group) {
      append(stretch, outcome)
    } else if let outcome = longer(group, in: comparison) {
      append(stretch, outcome)
    } else if stretch.base.isEmpty {
      append(stretch, .oursThenTheirs)
    } else if comparison.changes.hunks(of: group).allSatisfy({ $0.new.isEmpty }) {
      append(stretch, .nothing)
    } else if case .lines = comparison.tokens {
      mergeWords(of: stretch)
    } else {
      append(stretch, .conflict)
    }
  }

  /// When one put in what the other did and more, in the place of the same, the longer one is what
  /// both want.
  private func longer(
    _ group: ThreeWayGroups.Group, in comparison: Comparison
  ) -> MergeStretch.Outcome? {
    let left = comparison.ours.numbers[group.ours]
    let right = comparison.theirs.numbers[group.theirs]
    guard !left.isEmpty, !right.isEmpty, group.oursHunks.count == 1, group.theirsHunks.count == 1,
      comparison.changes.hunks(of: group).allSatisfy({ $0.old == group.base })
    else { return nil }
    func contains(_ long: ArraySlice<UInt32>, _ short: ArraySlice<UInt32>) -> Bool {
      long.starts(with: short) || long.suffix(short.count) == short
    }
    if contains(left, right) { return .ours }
    return contains(right, left) ? .theirs : nil
  }

  private mutating func mergeWords(of stretch: MergeStretch) {
    let words = Comparison(stretch, .words, base, ours, theirs)
    let countBefore = stretches.count
    merge(words)
    guard stretches[countBefore...].contains(where: { $0.outcome == .conflict }) else { return }
    let isEdited =
      keptShare(words.base, words.ours, ours, words.changes.ours) >= Self.keptShareMin
      && keptShare(words.base, words.theirs, theirs, words.changes.theirs) >= Self.keptShareMin
    if !isEdited {
      stretches.removeSubrange(countBefore...)
      appendLines(stretch)
    }
  }

  /// How many of the words that could have stayed did stay: 0 to 1.
  private func keptShare(
    _ old: TokenizedText, _ new: TokenizedText, _ side: MergeSide, _ hunks: [Hunk]
  ) -> Double {
    /// Tokens that are not white space.
    func words(_ bytes: [UInt8], _ text: TokenizedText, _ tokens: Range<Int>) -> Int {
      tokens.reduce(0) { bytes[text.bounds[$1]] > 0x20 ? $0 + 1 : $0 }
    }
    let before = words(base.bytes, old, old.numbers.indices)
    let after = words(side.bytes, new, new.numbers.indices)
    let gone = hunks.reduce(0) { $0 + words(base.bytes, old, $1.old) }
    let most = min(before, after)
    return most == 0 ? 1 : Double(before - gone) / Double(most)
  }

  /// A conflict of whole lines. Those at its start and end that both sides have are no part of it.
  private mutating func appendLines(_ stretch: MergeStretch) {
    var numbering = TokenNumbering()
    let left = TokenizedText(ours.bytes, in: stretch.ours, as: .lines, &numbering)
    let right = TokenizedText(theirs.bytes, in: stretch.theirs, as: .lines, &numbering)
    let shorter = min(left.numbers.count, right.numbers.count)
    var prefix = 0
    while prefix < shorter, left.numbers[prefix] == right.numbers[prefix] { prefix += 1 }
    var suffix = 0
    while suffix < shorter - prefix,
      left.numbers[left.numbers.count - 1 - suffix]
        == right.numbers[right.numbers.count - 1 - suffix]
    { suffix += 1 }
    let conflict = MergeStretch(
      base: stretch.base, ours: left.bytes(of: prefix..<left.numbers.count - suffix),
      theirs: right.bytes(of: prefix..<right.numbers.count - suffix), outcome: .conflict)
    keep(upTo: conflict)
    append(conflict, .conflict)
    keep(
      upTo: MergeStretch(
        base: stretch.base.upperBound..<stretch.base.upperBound,
        ours: stretch.ours.upperBound..<stretch.ours.upperBound,
        theirs: stretch.theirs.upperBound..<stretch.theirs.upperBound, outcome: .ours))
  }

  /// What lies between the last stretch and the next is alike on both sides.
  private mutating func keep(upTo next: MergeStretch) {
    let start = stretches.last
    let between = MergeStretch(
      base: (start?.base.upperBound ?? 0)..<next.base.lowerBound,
      ours: (start?.ours.upperBound ?? 0)..<next.ours.lowerBound,
      theirs: (start?.theirs.upperBound ?? 0)..<next.theirs.lowerBound, outcome: .ours)
    if !between.ours.isEmpty { append(between, .ours) }
  }

  private mutating func append(_ stretch: MergeStretch, _ outcome: MergeStretch.Outcome) {
    var stretch = stretch
    stretch.outcome = outcome
    stretches.append(stretch)
  }
}
