extension TextEditor {
  /// A row on the screen: characters of one segment, by offsets in it.
  struct Row: Equatable {
    var start: Int
    var end: Int
  }

  /// A row, found.
  struct RowPlace: Equatable {
    var segment: Int
    var row: Int
    /// All rows of the segment.
    var rows: [Row]
    /// The offset in the text of the segment's first scalar.
    var segmentStart: Int
  }

  static let tabWidth = 4

  /// One column stays free for a cursor behind the last character.
  var wrapWidth: Int { max(1, size.width - 1) }

  /// The columns of a character that begins in `column`.
  static func width(of character: Character, at column: Int) -> Int {
    if character == "\t" { return tabWidth - column % tabWidth }
    return Surface.shown(character).width
  }

  /// A line feed, which is never drawn.
  static func isLineEnd(_ character: Character) -> Bool {
    character == "\n" || character == "\r\n"
  }

  /// Breaks a segment into rows: behind a blank where there is one, else between characters. Blanks
  /// that do not fit stay at the end of their row, out of sight. Complexity: O(segment).
  func rows(of segment: Int) -> [Row] {
    let width = wrapWidth
    var rows: [Row] = []
    var start = 0
    var offset = 0
    var column = 0
    // Where the row can be broken, and the column there.
    var breakOffset = 0
    var breakColumn = 0
    for character in content.segments[segment].text {
      if Self.isLineEnd(character) { break }
      let isBlank = character == " " || character == "\t"
      let step = Self.width(of: character, at: column)
      if column + step > width, !isBlank, column > 0 {
        let hasBreak = breakOffset > start
        rows.append(Row(start: start, end: hasBreak ? breakOffset : offset))
        start = hasBreak ? breakOffset : offset
        column = hasBreak ? column - breakColumn : 0
        breakOffset = start
        breakColumn = 0
      }
      column += Self.width(of: character, at: column)
      offset += character.unicodeScalars.count
      if isBlank {
        breakOffset = offset
        breakColumn = column
      }
    }
    rows.append(Row(start: start, end: offset))
    return rows
  }

  /// The row that an offset is on; between two rows, that is the later one.
  func place(of offset: Int) -> RowPlace {
    let (segment, local) = content.locate(offset)
    let rows = rows(of: segment)
    let row = rows.lastIndex { $0.start <= local } ?? 0
    return RowPlace(segment: segment, row: row, rows: rows, segmentStart: offset - local)
  }

  /// The next row down, or nil at the end.
  func placeAfter(_ place: RowPlace) -> RowPlace? {
    var next = place
    if place.row + 1 < place.rows.count {
      next.row += 1
      return next
    }
    guard place.segment + 1 < content.segments.count else { return nil }
    next.segmentStart += content.segments[place.segment].scalarCount
    next.segment += 1
    next.row = 0
    next.rows = rows(of: next.segment)
    return next
  }

  /// The next row up, or nil at the beginning.
  func placeBefore(_ place: RowPlace) -> RowPlace? {
    var next = place
    if place.row > 0 {
      next.row -= 1
      return next
    }
    guard place.segment > 0 else { return nil }
    next.segment -= 1
    next.segmentStart -= content.segments[next.segment].scalarCount
    next.rows = rows(of: next.segment)
    next.row = next.rows.count - 1
    return next
  }

  /// The characters of a row with the offset, column and width of each.
  func cells(
    of place: RowPlace
  ) -> [(character: Character, offset: Int, column: Int, width: Int)] {
    let row = place.rows[place.row]
    var cells: [(character: Character, offset: Int, column: Int, width: Int)] = []
    var offset = 0
    var column = 0
    for character in content.segments[place.segment].text {
      if offset >= row.end { break }
      if offset >= row.start {
        let width = Self.width(of: character, at: column)
        cells.append((character, place.segmentStart + offset, column, width))
        column += width
      }
      offset += character.unicodeScalars.count
    }
    return cells
  }

  /// The column of an offset on its row.
  func column(of offset: Int, on place: RowPlace) -> Int {
    var column = 0
    for cell in cells(of: place) {
      if cell.offset >= offset { break }
      column = cell.column + cell.width
    }
    return min(column, wrapWidth)
  }

  /// The offset on a row that is at or just before a column. On a row that goes on below, the place
  /// behind its last character belongs to the next row.
  func offset(atColumn column: Int, on place: RowPlace) -> Int {
    let row = place.rows[place.row]
    let cells = cells(of: place)
    let goesOn = place.row + 1 < place.rows.count
    for cell in cells where cell.column + cell.width > column { return cell.offset }
    if goesOn, let last = cells.last { return last.offset }
    return place.segmentStart + row.end
  }
}
