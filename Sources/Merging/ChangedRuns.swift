/// One sequence of tokens of which some are changed. Between any two kept tokens, and at both ends,
/// is a run of changed ones, perhaps empty; two sequences that are compared have as many runs.
struct ChangedRuns {
  private let tokens: [UInt32]
  private(set) var isChanged: [Bool]

  init(tokens: [UInt32], isChanged: [Bool]) {
    self.tokens = tokens
    self.isChanged = isChanged
  }

  private struct Run {
    var start: Int
    var end: Int
    var isEmpty: Bool { start == end }
    var count: Int { end - start }
  }

  private var first: Run {
    var run = Run(start: 0, end: 0)
    while run.end < isChanged.count, isChanged[run.end] { run.end += 1 }
    return run
  }

  private func next(_ run: inout Run) -> Bool {
    guard run.end < tokens.count else { return false }
    run.start = run.end + 1
    run.end = run.start
    while run.end < tokens.count, isChanged[run.end] { run.end += 1 }
    return true
  }

  private func previous(_ run: inout Run) -> Bool {
    guard run.start > 0 else { return false }
    run.end = run.start - 1
    run.start = run.end
    while run.start > 0, isChanged[run.start - 1] { run.start -= 1 }
    return true
  }

  /// Moves a run one token up where that tells the same difference, and takes in what it meets.
  private mutating func slideUp(_ run: inout Run) -> Bool {
    guard run.start > 0, tokens[run.start - 1] == tokens[run.end - 1] else { return false }
    isChanged[run.start - 1] = true
    isChanged[run.end - 1] = false
    run.start -= 1
    run.end -= 1
    while run.start > 0, isChanged[run.start - 1] { run.start -= 1 }
    return true
  }

  private mutating func slideDown(_ run: inout Run) -> Bool {
    guard run.end < tokens.count, tokens[run.start] == tokens[run.end] else { return false }
    isChanged[run.start] = false
    isChanged[run.end] = true
    run.start += 1
    run.end += 1
    while run.end < tokens.count, isChanged[run.end] { run.end += 1 }
    return true
  }

  /// Moves every run as far down as it goes, or up again to the last place where the other
  /// sequence has changes too.
  ///
  /// Complexity: O(n) for the stretches that runs can slide over.
  mutating func slide(beside other: inout ChangedRuns) {
    var run = first
    var beside = other.first
    while true {
      if !run.isEmpty { slide(&run, beside: &beside, in: other) }
      guard next(&run), other.next(&beside) else { return }
    }
  }

  private mutating func slide(_ run: inout Run, beside: inout Run, in other: ChangedRuns) {
    var countBefore: Int
    var highestEnd: Int
    var matchedEnd: Int?
    repeat {
      countBefore = run.count
      while slideUp(&run) { _ = other.previous(&beside) }
      highestEnd = run.end
      matchedEnd = beside.isEmpty ? nil : run.end
      while slideDown(&run) {
        _ = other.next(&beside)
        if !beside.isEmpty { matchedEnd = run.end }
      }
    } while run.count != countBefore
    guard run.end != highestEnd, matchedEnd != nil else { return }
    while beside.isEmpty, slideUp(&run) { _ = other.previous(&beside) }
  }
}
