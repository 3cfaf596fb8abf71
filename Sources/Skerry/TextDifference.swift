/// The splices that turn one text into another: few, small, and of what really changed, so that
/// they merge well with what others did meanwhile.
///
/// Myers, "An O(ND) Difference Algorithm and Its Variations", 1986: over lines first, then over the
/// characters of each changed stretch. Where the texts differ too much for it to pay, a stretch is
/// replaced whole.
package enum TextDifference {
  /// Positions count Unicode scalars of the old text.
  package struct Splice: Equatable, Sendable {
    package var at: Int
    package var deleting: Int
    package var inserting: String
  }

  /// Beyond this many differing tokens the search ends and the stretch is replaced.
  private static let editDistanceMax = 800
  /// Stretches longer than this are compared by lines only.
  private static let characterStretchMax = 4_000

  /// In ascending order, not overlapping. Apply them from the last to the first, so that the
  /// positions stay true. Complexity: O((n + m) d) for d differences.
  package static func splices(from old: String, to new: String) -> [Splice] {
    let before = Array(old.unicodeScalars)
    let after = Array(new.unicodeScalars)
    let common = trim(before[...], after[...])
    guard !common.before.isEmpty || !common.after.isEmpty else { return [] }
    let oldLines = lines(of: before, in: common.before)
    let newLines = lines(of: after, in: common.after)
    var numbers: [ArraySlice<Unicode.Scalar>: Int] = [:]
    func tokens(_ lines: [Range<Int>], of text: [Unicode.Scalar]) -> [Int] {
      lines.map { line in
        if let known = numbers[text[line]] { return known }
        let next = numbers.count
        numbers[text[line]] = next
        return next
      }
    }
    let stretches = hunks(
      tokens(oldLines, of: before)[...], tokens(newLines, of: after)[...])
    return stretches.flatMap { stretch -> [Splice] in
      let removed = extent(stretch.before, of: oldLines, end: common.before.upperBound)
      let added = extent(stretch.after, of: newLines, end: common.after.upperBound)
      return characterSplices(before[removed], after[added])
    }
  }

  private static func characterSplices(
    _ before: ArraySlice<Unicode.Scalar>, _ after: ArraySlice<Unicode.Scalar>
  ) -> [Splice] {
    let common = trim(before, after)
    let removed = before[common.before]
    let added = after[common.after]
    guard max(removed.count, added.count) <= characterStretchMax else {
      return [splice(common.before, added)]
    }
    return hunks(removed.map { Int($0.value) }[...], added.map { Int($0.value) }[...]).map {
      let start = removed.startIndex
      let range = start + $0.before.lowerBound..<start + $0.before.upperBound
      let text = added.startIndex + $0.after.lowerBound..<added.startIndex + $0.after.upperBound
      return splice(range, added[text])
    }
  }

  private static func splice(
    _ range: Range<Int>, _ inserted: ArraySlice<Unicode.Scalar>
  ) -> Splice {
    var text = ""
    text.unicodeScalars.append(contentsOf: inserted)
    return Splice(at: range.lowerBound, deleting: range.count, inserting: text)
  }

  /// What is left of both when the common start and end are taken away.
  private static func trim<Token: Equatable>(
    _ before: ArraySlice<Token>, _ after: ArraySlice<Token>
  ) -> (before: Range<Int>, after: Range<Int>) {
    var prefix = 0
    let shorter = min(before.count, after.count)
    while prefix < shorter,
      before[before.startIndex + prefix] == after[after.startIndex + prefix]
    { prefix += 1 }
    var suffix = 0
    while suffix < shorter - prefix,
      before[before.endIndex - 1 - suffix] == after[after.endIndex - 1 - suffix]
    { suffix += 1 }
    return (
      before.startIndex + prefix..<before.endIndex - suffix,
      after.startIndex + prefix..<after.endIndex - suffix
    )
  }

  /// Ranges of lines, each with its line feed.
  private static func lines(of text: [Unicode.Scalar], in range: Range<Int>) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = range.lowerBound
    for index in range where text[index] == "\n" {
      lines.append(start..<index + 1)
      start = index + 1
    }
    if start < range.upperBound { lines.append(start..<range.upperBound) }
    return lines
  }

  private static func extent(_ range: Range<Int>, of lines: [Range<Int>], end: Int) -> Range<Int> {
    let lower = range.lowerBound < lines.count ? lines[range.lowerBound].lowerBound : end
    let upper = range.isEmpty ? lower : lines[range.upperBound - 1].upperBound
    return lower..<upper
  }
}

extension TextDifference {
  private struct Hunk {
    var before: Range<Int>
    var after: Range<Int>
  }

  /// The stretches in which two runs of tokens differ, ascending, counted from the start of each.
  private static func hunks(_ before: ArraySlice<Int>, _ after: ArraySlice<Int>) -> [Hunk] {
    let common = trim(before, after)
    let old = Array(before[common.before])
    let new = Array(after[common.after])
    let oldStart = common.before.lowerBound - before.startIndex
    let newStart = common.after.lowerBound - after.startIndex
    if old.isEmpty && new.isEmpty { return [] }
    let whole = [Hunk(before: 0..<old.count, after: 0..<new.count)]
    let found = old.isEmpty || new.isEmpty ? whole : shortestEdit(old, new) ?? whole
    return found.map {
      Hunk(
        before: $0.before.lowerBound + oldStart..<$0.before.upperBound + oldStart,
        after: $0.after.lowerBound + newStart..<$0.after.upperBound + newStart)
    }
  }

  /// Nil when more than `editDistanceMax` insertions and deletions are needed.
  private static func shortestEdit(_ old: [Int], _ new: [Int]) -> [Hunk]? {
    let distanceMax = min(old.count + new.count, editDistanceMax)
    let middle = distanceMax + 1
    // furthest[middle + k]: how far into `old` the best path on diagonal k came.
    var furthest = [Int](repeating: 0, count: 2 * middle + 1)
    var history: [[Int]] = []
    for distance in 0...distanceMax {
      history.append(Array(furthest[(middle - distance)...(middle + distance)]))
      for diagonal in stride(from: -distance, through: distance, by: 2) {
        let down =
          diagonal == -distance
          || diagonal != distance
            && furthest[middle + diagonal - 1] < furthest[middle + diagonal + 1]
        var x = down ? furthest[middle + diagonal + 1] : furthest[middle + diagonal - 1] + 1
        var y = x - diagonal
        while x < old.count, y < new.count, old[x] == new[y] {
          x += 1
          y += 1
        }
        furthest[middle + diagonal] = x
        if x >= old.count, y >= new.count {
          return hunks(walkingBack: history, old.count, new.count)
        }
      }
    }
    return nil
  }

  private static func hunks(walkingBack history: [[Int]], _ oldCount: Int, _ newCount: Int)
    -> [Hunk]
  {
    var x = oldCount
    var y = newCount
    var hunks: [Hunk] = []
    for distance in stride(from: history.count - 1, to: 0, by: -1) {
      // What was furthest before this round; index `distance` is diagonal 0.
      let row = history[distance]
      func reached(_ diagonal: Int) -> Int { row[distance + diagonal] }
      let diagonal = x - y
      let down =
        diagonal == -distance
        || diagonal != distance && reached(diagonal - 1) < reached(diagonal + 1)
      let fromX = down ? reached(diagonal + 1) : reached(diagonal - 1)
      let fromY = fromX - (down ? diagonal + 1 : diagonal - 1)
      let edit = Hunk(
        before: down ? fromX..<fromX : fromX..<fromX + 1,
        after: down ? fromY..<fromY + 1 : fromY..<fromY)
      if let last = hunks.last, last.before.lowerBound == edit.before.upperBound,
        last.after.lowerBound == edit.after.upperBound
      {
        hunks[hunks.count - 1] = Hunk(
          before: edit.before.lowerBound..<last.before.upperBound,
          after: edit.after.lowerBound..<last.after.upperBound)
      } else {
        hunks.append(edit)
      }
      x = fromX
      y = fromY
    }
    return hunks.reversed()
  }
}
