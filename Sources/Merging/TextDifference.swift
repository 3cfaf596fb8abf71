/// The splices that turn one text into another: few, small, and of what really changed, so that
/// they merge well with what others did meanwhile.
///
/// Lines are compared first, then the words of each changed stretch, then the characters of each
/// changed word. A stretch that has little in common with what it became is replaced whole.
package enum TextDifference {
  /// Positions count Unicode scalars of the old text.
  package struct Splice: Equatable, Sendable {
    package var at: Int
    package var deleting: Int
    package var inserting: String
  }

  /// In ascending order, not overlapping; none begins or ends inside a grapheme cluster of either
  /// text. Apply them from the last to the first, so that the positions stay true.
  ///
  /// Complexity: O((n + m) d) for d differences; O(n + m) where the texts have little in common.
  package static func splices(from old: String, to new: String) -> [Splice] {
    let before = Array(old.utf8)
    let after = Array(new.utf8)
    var hunks: [Hunk] = []
    if let lines = changedLines(before, after) {
      appendHunks(lines, .lines, before, after, to: &hunks)
    }
    var counter = ScalarCounter(before)
    return hunks.map { hunk in
      let at = counter.scalars(before: hunk.old.lowerBound)
      return Splice(
        at: at, deleting: counter.scalars(before: hunk.old.upperBound) - at,
        inserting: String(decoding: after[hunk.new], as: UTF8.self))
    }
  }

  /// What is left of both texts when the lines that are the same at their start and end are taken
  /// away; nil when nothing is.
  private static func changedLines(_ before: [UInt8], _ after: [UInt8]) -> Hunk? {
    let shorter = min(before.count, after.count)
    var prefix = 0
    while prefix < shorter, before[prefix] == after[prefix] { prefix += 1 }
    if prefix == before.count, prefix == after.count { return nil }
    while prefix > 0, before[prefix - 1] != UInt8(ascii: "\n") { prefix -= 1 }
    var suffix = 0
    while suffix < shorter - prefix,
      before[before.count - 1 - suffix] == after[after.count - 1 - suffix]
    { suffix += 1 }
    func beginsLine(_ suffix: Int) -> Bool {
      suffix == 0
        || [before, after].allSatisfy { text in
          let start = text.count - suffix
          return start == 0 || text[start - 1] == UInt8(ascii: "\n")
        }
    }
    while !beginsLine(suffix) { suffix -= 1 }
    return Hunk(old: prefix..<before.count - suffix, new: prefix..<after.count - suffix)
  }

  private static func appendHunks(
    _ stretch: Hunk, _ tokens: TextTokens, _ before: [UInt8], _ after: [UInt8],
    to result: inout [Hunk]
  ) {
    guard !stretch.old.isEmpty, !stretch.new.isEmpty else {
      result.append(stretch)
      return
    }
    var numbering = TokenNumbering()
    let old = TokenizedText(before, in: stretch.old, as: tokens, &numbering)
    let new = TokenizedText(after, in: stretch.new, as: tokens, &numbering)
    let found = SequenceDifference.hunks(from: old.numbers, to: new.numbers)
    let finer: TextTokens
    switch tokens {
    case .lines: finer = .words
    case .words: finer = .characters
    case .characters:
      let gone = found.reduce(0) { $0 + $1.old.count }
      let kept = old.numbers.count - gone
      guard kept * 2 >= min(old.numbers.count, new.numbers.count) else {
        result.append(stretch)
        return
      }
      result += found.map { Hunk(old: old.bytes(of: $0.old), new: new.bytes(of: $0.new)) }
      return
    }
    for hunk in found {
      let part = Hunk(old: old.bytes(of: hunk.old), new: new.bytes(of: hunk.new))
      appendHunks(part, finer, before, after, to: &result)
    }
  }
}
