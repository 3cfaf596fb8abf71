private import Merging
package import TerminalKit

/// Three-way merge of a text: brings what one side made of a base into what the other side made of
/// it. Used where somebody holds a text for a while: the editor between two saves, or `$EDITOR`.
///
/// Text that either side inserted is kept; text that either side deleted is gone.
package enum TextMerge {
  /// The splices that bring what `mine` did to `base` into `theirs`: in ascending order, positions
  /// in Unicode scalars of `theirs`, to be applied from the last to the first.
  package static func splices(
    base: String, mine: String, theirs: String
  ) -> [TextEdit] {
    let edits = difference(from: base, to: mine)
    if edits.isEmpty || base.utf8.elementsEqual(theirs.utf8) { return edits }
    let shift = Shift(difference(from: base, to: theirs))
    return edits.flatMap { shift.carried($0) }
  }

  /// The few and small splices that turn one text into another.
  private static func difference(from old: String, to new: String) -> [TextEdit] {
    let scalars = Array(old.unicodeScalars)
    var edits: [TextEdit] = []
    for splice in TextDifference.splices(from: old, to: new) {
      let start = edits.last.map { $0.offset + $0.deleted } ?? 0
      let edit = TextEdit(
        offset: splice.at, deleted: splice.deleting, inserted: splice.inserting)
      edits.append(aligned(edit, in: scalars, notBefore: start))
    }
    return edits
  }

  /// An edit that only inserts or only deletes can often be told in several ways: in `a b b`, which
  /// `b` is new? The one that begins a line, or at least a word, is most likely what was meant, and
  /// does least harm when somebody else edits the words around it.
  private static func aligned(
    _ edit: TextEdit, in text: [Unicode.Scalar], notBefore start: Int
  ) -> TextEdit {
    let moved = Array(
      edit.deleted > 0
        ? text[edit.offset..<edit.offset + edit.deleted] : Array(edit.inserted.unicodeScalars)[...])
    guard edit.deleted == 0 || edit.inserted.isEmpty, !moved.isEmpty else { return edit }
    var best = (rank: rank(of: edit.offset, in: text), steps: 0)
    for steps in 1..<moved.count + 1 {
      let offset = edit.offset - steps
      guard offset >= start, text[offset] == moved[moved.count - steps] else { break }
      let rank = rank(of: offset, in: text)
      if rank > best.rank { best = (rank, steps) }
    }
    guard best.steps > 0 else { return edit }
    var result = edit
    result.offset -= best.steps
    if edit.deleted == 0 {
      let turned = moved.suffix(best.steps) + moved.dropLast(best.steps)
      result.inserted = String(String.UnicodeScalarView(turned))
    }
    return result
  }

  /// How good a place is to begin: 2 for a line, 1 for a word.
  private static func rank(of offset: Int, in text: [Unicode.Scalar]) -> Int {
    guard offset > 0, offset <= text.count else { return 2 }
    let before = text[offset - 1]
    return before == "\n" ? 2 : before.properties.isWhitespace ? 1 : 0
  }

  /// Both texts' edits to their base in one text.
  package static func merged(base: String, mine: String, theirs: String) -> String {
    var scalars = Array(theirs.unicodeScalars)
    for splice in splices(base: base, mine: mine, theirs: theirs).reversed() {
      scalars.replaceSubrange(
        splice.offset..<splice.offset + splice.deleted, with: splice.inserted.unicodeScalars)
    }
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars)
    return text
  }
}

/// Where positions of a base are after splices to it.
private struct Shift {
  private let steps: [(range: Range<Int>, insertedCount: Int)]

  init(_ splices: [TextEdit]) {
    steps = splices.map {
      ($0.offset..<$0.offset + $0.deleted, $0.inserted.unicodeScalars.count)
    }
  }

  /// The same splice, made after these: it deletes what is left of what it deleted.
  func carried(_ splice: TextEdit) -> [TextEdit] {
    var result: [TextEdit] = []
    if !splice.inserted.isEmpty {
      result.append(
        TextEdit(offset: position(splice.offset), deleted: 0, inserted: splice.inserted))
    }
    for range in remains(of: splice.offset..<splice.offset + splice.deleted) {
      let offset = position(range.lowerBound)
      if let last = result.last, last.offset + last.deleted == offset {
        result[result.count - 1].deleted += range.count
      } else {
        result.append(TextEdit(offset: offset, deleted: range.count, inserted: ""))
      }
    }
    return result
  }

  /// A place between two scalars of the base. What was inserted at the very place comes before it.
  private func position(_ base: Int) -> Int {
    var shift = 0
    for step in steps {
      if step.range.upperBound <= base {
        shift += step.insertedCount - step.range.count
      } else if step.range.lowerBound < base {
        return step.range.lowerBound + shift + step.insertedCount
      } else {
        break
      }
    }
    return base + shift
  }

  /// The parts of a range of the base that nobody deleted, cut where something was inserted.
  private func remains(of range: Range<Int>) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = range.lowerBound
    for step in steps where step.range.upperBound > start || step.range.isEmpty {
      guard step.range.lowerBound < range.upperBound else { break }
      guard step.range.upperBound > range.lowerBound else { continue }
      if step.range.lowerBound > start { parts.append(start..<step.range.lowerBound) }
      start = max(start, step.range.upperBound)
    }
    if start < range.upperBound { parts.append(start..<range.upperBound) }
    return parts
  }
}
