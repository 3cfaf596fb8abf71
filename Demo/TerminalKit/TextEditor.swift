/// One replacement in a text, in Unicode scalars: what a document calls a splice.
package struct TextEdit: Hashable, Sendable {
  package var offset: Int
  package var deleted: Int
  package var inserted: String

  package init(offset: Int, deleted: Int, inserted: String) {
    self.offset = offset
    self.deleted = deleted
    self.inserted = inserted
  }
}

/// A text that is being edited: the text, a cursor, perhaps a selection, and what part is in sight.
/// A pure value; what a person does comes in as events and goes out as `TextEdit`s, and what others
/// do comes in through `apply`, under which cursor and view stay with the text around them.
///
/// Positions are offsets in Unicode scalars; moving and deleting goes by whole characters. A text
/// of any size may be edited: work is bounded by what is in sight and by the count of lines, not by
/// their lengths.
package struct TextEditor: Equatable, Sendable {
  package enum Outcome: Equatable, Sendable {
    /// The text changed by these edits, in order, each at the offsets that the one before it left.
    case edited([TextEdit])
    /// Only the cursor, the selection or the view may have changed.
    case moved
    /// The event means nothing here.
    case ignored
  }

  var content: SegmentedText
  package internal(set) var cursor = 0
  /// The other end of the selection.
  var anchor: Int?
  /// A scalar of the first row in sight.
  var top = 0
  /// The column that moves up and down aim for.
  var goalColumn: Int?
  /// The columns and rows there are to draw in; drawing sets it too.
  package var size: Size

  package init(text: String = "", size: Size = Size(width: 80, height: 24)) {
    content = SegmentedText(text)
    self.size = size
  }

  /// Complexity: O(text).
  package var text: String { content.text }
  package var scalarCount: Int { content.scalarCount }

  /// Nil when nothing is selected.
  package var selection: Range<Int>? {
    guard let anchor, anchor != cursor else { return nil }
    return min(anchor, cursor)..<max(anchor, cursor)
  }

  package var selectedText: String {
    selection.map { content.text(in: $0) } ?? ""
  }

  /// Lines up to the cursor, and characters up to it on its line, both counted from 1. For a status
  /// line.
  package var lineAndColumn: (line: Int, column: Int) {
    let (segment, local) = content.locate(cursor)
    var line = 1
    for before in content.segments[..<segment] where before.endsLine { line += 1 }
    var first = segment
    while first > 0, !content.segments[first - 1].endsLine { first -= 1 }
    var column = 1
    for before in content.segments[first..<segment] { column += before.text.count }
    column += boundaries(of: segment).count { $0 > 0 && $0 <= local }
    return (line, column)
  }

  // MARK: Changing

  /// Inserts at the cursor, in place of the selection.
  package mutating func insert(_ text: String) -> [TextEdit] {
    replace(selection ?? cursor..<cursor, with: text)
  }

  /// The selection, or the character before the cursor.
  package mutating func deleteBackward() -> [TextEdit] {
    replace(selection ?? offsetBefore(cursor)..<cursor, with: "")
  }

  /// The selection, or the character behind the cursor.
  package mutating func deleteForward() -> [TextEdit] {
    replace(selection ?? cursor..<offsetAfter(cursor), with: "")
  }

  mutating func replace(_ range: Range<Int>, with text: String) -> [TextEdit] {
    goalColumn = nil
    anchor = nil
    cursor = range.lowerBound
    guard !range.isEmpty || !text.isEmpty else { return [] }
    let edit = TextEdit(offset: range.lowerBound, deleted: range.count, inserted: text)
    content.replace(at: edit.offset, count: edit.deleted, with: text)
    top = Self.moved(top, by: edit)
    cursor = edit.offset + text.unicodeScalars.count
    return [edit]
  }

  /// An edit that was not made here. What reaches beyond the text is cut off.
  package mutating func apply(_ edit: TextEdit) {
    var edit = edit
    edit.offset = max(0, min(edit.offset, scalarCount))
    edit.deleted = max(0, min(edit.deleted, scalarCount - edit.offset))
    content.replace(at: edit.offset, count: edit.deleted, with: edit.inserted)
    cursor = Self.moved(cursor, by: edit)
    anchor = anchor.map { Self.moved($0, by: edit) }
    top = Self.moved(top, by: edit)
  }

  /// Makes the text another one by the least single edit. Complexity: O(text).
  package mutating func replaceText(_ text: String) {
    let old = Array(content.text.unicodeScalars)
    let new = Array(text.unicodeScalars)
    let shorter = min(old.count, new.count)
    var prefix = 0
    while prefix < shorter, old[prefix] == new[prefix] { prefix += 1 }
    var suffix = 0
    while suffix < shorter - prefix, old[old.count - 1 - suffix] == new[new.count - 1 - suffix] {
      suffix += 1
    }
    guard prefix + suffix < max(old.count, new.count) else { return }
    var inserted = String.UnicodeScalarView()
    inserted.append(contentsOf: new[prefix..<new.count - suffix])
    apply(
      TextEdit(
        offset: prefix, deleted: old.count - prefix - suffix, inserted: String(inserted)))
  }

  private static func moved(_ position: Int, by edit: TextEdit) -> Int {
    if position <= edit.offset { return position }
    if position >= edit.offset + edit.deleted {
      return position - edit.deleted + edit.inserted.unicodeScalars.count
    }
    return edit.offset
  }

  // MARK: Characters

  /// Where the characters of a segment begin, and where the last one ends, in scalars from its
  /// start.
  func boundaries(of segment: Int) -> [Int] {
    var boundaries = [0]
    var offset = 0
    for character in content.segments[segment].text {
      offset += character.unicodeScalars.count
      boundaries.append(offset)
    }
    return boundaries
  }

  func offsetBefore(_ offset: Int) -> Int {
    let (segment, local) = content.locate(offset)
    let start = offset - local
    if local > 0 {
      return start + (boundaries(of: segment).last { $0 < local } ?? 0)
    }
    guard segment > 0 else { return 0 }
    let before = content.segments[segment - 1].scalarCount
    return start - before + (boundaries(of: segment - 1).last { $0 < before } ?? 0)
  }

  func offsetAfter(_ offset: Int) -> Int {
    let (segment, local) = content.locate(offset)
    return offset - local + (boundaries(of: segment).first { $0 > local } ?? local)
  }
}
