extension TextEditor {
  /// Scrolls so that the cursor is in sight, draws the rows in sight, and puts the surface's cursor
  /// into the text when the editor has the keyboard. Complexity: O(lines + what is in sight).
  package mutating func draw(
    into surface: inout Surface, in rect: Rect, style: Style = .plain, focused: Bool = true
  ) {
    surface.fill(rect, style: style)
    guard rect.width > 0, rect.height > 0 else { return }
    size = rect.size
    scrollToCursor()

    let cursorPlace = place(of: cursor)
    var place = place(of: top)
    for y in rect.y..<rect.endY {
      draw(place, into: &surface, in: rect, y: y, style: style)
      if focused, place.segment == cursorPlace.segment, place.row == cursorPlace.row {
        surface.cursor = Point(x: rect.x + column(of: cursor, on: place), y: y)
      }
      guard let next = placeAfter(place) else { break }
      place = next
    }
  }

  private func draw(
    _ place: RowPlace, into surface: inout Surface, in rect: Rect, y: Int, style: Style
  ) {
    let selection = selection
    let selected = style.with(.reverse)
    for cell in cells(of: place) {
      if cell.column >= rect.width { return }
      let style = selection?.contains(cell.offset) == true ? selected : style
      let point = Point(x: rect.x + cell.column, y: y)
      if cell.character == "\t" {
        surface.fill(
          Rect(x: point.x, y: y, width: cell.width, height: 1).intersection(rect), style: style)
      } else {
        surface.write(String(cell.character), at: point, style: style, clip: rect)
      }
    }
    // A selected line end shows as one column behind the text.
    let end = place.segmentStart + place.rows[place.row].end
    if place.row + 1 == place.rows.count, content.segments[place.segment].endsLine,
      selection?.contains(end) == true
    {
      let column = column(of: end, on: place)
      surface.fill(
        Rect(x: rect.x + column, y: y, width: 1, height: 1).intersection(rect), style: selected)
    }
  }

  /// The least scrolling that brings the cursor's row into sight.
  mutating func scrollToCursor() {
    let target = place(of: cursor)
    var place = place(of: min(top, scalarCount))
    if (target.segment, target.row) <= (place.segment, place.row) {
      top = target.segmentStart + target.rows[target.row].start
      return
    }
    let height = max(1, size.height)
    top = place.segmentStart + place.rows[place.row].start
    for _ in 1..<height {
      guard let next = placeAfter(place) else { return }
      place = next
      if (place.segment, place.row) == (target.segment, target.row) { return }
    }
    if height == 1, (place.segment, place.row) == (target.segment, target.row) { return }
    // It is further down: its row becomes the last one in sight.
    place = target
    for _ in 1..<height {
      guard let before = placeBefore(place) else { break }
      place = before
    }
    top = place.segmentStart + place.rows[place.row].start
  }
}
