/// One place of the grid. A character of two columns takes its own cell and a continuation after
/// it.
package struct Cell: Hashable, Sendable {
  package var character: Character
  package var style: Style
  /// 1 or 2; 0 for the second half of the character before it.
  package var width: UInt8

  package init(_ character: Character = " ", style: Style = .plain, width: UInt8 = 1) {
    self.character = character
    self.style = style
    self.width = width
  }

  static let blank = Cell()
}

/// What the screen is to look like: a grid of cells. Views draw on it; an encoder turns the
/// difference between two surfaces into bytes. Everything drawn is clipped, and no drawing leaves
/// half a character.
///
/// Invariant: a cell of width 2 is followed by a continuation in its row, and a continuation
/// follows one.
package struct Surface: Equatable, Sendable {
  package let size: Size
  package private(set) var cells: [Cell]
  /// Where the cursor is shown; nil hides it.
  package var cursor: Point?

  /// The largest surface, in columns and in rows: what any terminal answers beyond that is not
  /// believed.
  package static let extentMax = 2_000

  package init(size: Size) {
    self.size = Size(
      width: min(max(0, size.width), Self.extentMax),
      height: min(max(0, size.height), Self.extentMax))
    cells = Array(repeating: .blank, count: self.size.width * self.size.height)
  }

  package var bounds: Rect { Rect(size) }

  /// Nil outside.
  package subscript(x x: Int, y y: Int) -> Cell? {
    guard bounds.contains(Point(x: x, y: y)) else { return nil }
    return cells[y * size.width + x]
  }

  /// The characters of a row, for tests and logs.
  package func text(ofRow y: Int) -> String {
    guard y >= 0, y < size.height else { return "" }
    var text = ""
    for cell in cells[y * size.width..<(y + 1) * size.width] where cell.width > 0 {
      text.append(cell.character)
    }
    return text
  }

  // MARK: Text

  /// Writes a text on one row, from left to right. Characters that would steer the terminal, line
  /// ends among them, are shown as pictures; characters without a width are left out.
  /// - Returns: the columns that the text takes, clipped or not; of a very long text, those up to
  ///   where nothing more can be seen.
  @discardableResult
  package mutating func write(
    _ text: some StringProtocol, at point: Point, style: Style = .plain, clip: Rect? = nil
  ) -> Int {
    let clip = clip.map { $0.intersection(bounds) } ?? bounds
    guard !clip.isEmpty, point.y >= clip.y, point.y < clip.endY, point.x < clip.endX else {
      return displayWidth(text)
    }
    var x = point.x
    for character in text {
      x += put(character, x: x, y: point.y, style: style, clip: clip)
      if x >= clip.endX, text.utf8.count > 4 * size.width { break }
    }
    return x - point.x
  }

  /// Writes a text into one row of `rect`, from left to right, and ends it with `…` when it does
  /// not fit.
  package mutating func writeClipped(
    _ text: some StringProtocol, in rect: Rect, style: Style = .plain
  ) {
    guard rect.width > 0 else { return }
    var width = 0
    var end = text.startIndex
    var fits = true
    // Up to where it fits with the ellipsis behind it; the search ends soon even in a very long
    // text.
    for index in text.indices {
      let step = Self.shown(text[index]).width
      if width + step > rect.width {
        fits = false
        break
      }
      width += step
      if width <= rect.width - 1 { end = text.index(after: index) }
    }
    if fits {
      write(text, at: rect.origin, style: style, clip: rect)
    } else {
      let used = write(text[..<end], at: rect.origin, style: style, clip: rect)
      write("…", at: Point(x: rect.x + used, y: rect.y), style: style, clip: rect)
    }
  }

  /// What is drawn for a character.
  static func shown(_ character: Character) -> (character: Character, width: Int) {
    if let ascii = character.asciiValue, ascii >= 0x20, ascii < 0x7F { return (character, 1) }
    if let picture = character.picture { return (picture, 1) }
    return (character, displayWidth(character))
  }

  private mutating func put(
    _ character: Character, x: Int, y: Int, style: Style, clip: Rect
  ) -> Int {
    let (shown, width) = Self.shown(character)
    guard width > 0, x + width > clip.x, x < clip.endX else { return width }
    if x >= clip.x, x + width <= clip.endX {
      set(Cell(shown.bounded, style: style, width: UInt8(width)), x: x, y: y)
    } else {
      // Half of it is outside: a blank in its colours stands for the half that is inside.
      set(Cell(" ", style: style), x: x < clip.x ? clip.x : x, y: y)
    }
    return width
  }

  /// Sets a cell that is inside, with its continuation; the halves that this cuts off become
  /// blanks.
  private mutating func set(_ cell: Cell, x: Int, y: Int) {
    let row = y * size.width
    let end = x + Int(cell.width)
    if cells[row + x].width == 0, x > 0 { cells[row + x - 1] = Self.half(cells[row + x - 1]) }
    if end < size.width, cells[row + end].width == 0 {
      cells[row + end] = Cell(" ", style: cells[row + end].style)
    }
    cells[row + x] = cell
    if cell.width == 2 { cells[row + x + 1] = Cell(" ", style: cell.style, width: 0) }
  }

  private static func half(_ cell: Cell) -> Cell {
    Cell(" ", style: cell.style)
  }

  // MARK: Areas

  /// Fills a part with one character of one column.
  package mutating func fill(
    _ rect: Rect, with character: Character = " ", style: Style = .plain
  ) {
    let rect = rect.intersection(bounds)
    for y in rect.y..<rect.endY {
      for x in rect.x..<rect.endX {
        set(Cell(character, style: style), x: x, y: y)
      }
    }
  }

  /// Gives what is drawn in a part another style. A character that is half inside is taken whole.
  package mutating func restyle(_ rect: Rect, _ change: (inout Style) -> Void) {
    let rect = rect.intersection(bounds)
    for y in rect.y..<rect.endY {
      for x in rect.x..<rect.endX {
        let index = y * size.width + x
        change(&cells[index].style)
        if x == rect.x, cells[index].width == 0, x > 0 {
          cells[index - 1].style = cells[index].style
        }
        if x == rect.endX - 1, cells[index].width == 2 {
          cells[index + 1].style = cells[index].style
        }
      }
    }
  }

  package mutating func horizontalLine(
    x: Int, y: Int, length: Int, style: Style = .plain
  ) {
    fill(Rect(x: x, y: y, width: length, height: 1), with: "─", style: style)
  }

  package mutating func verticalLine(x: Int, y: Int, length: Int, style: Style = .plain) {
    fill(Rect(x: x, y: y, width: 1, height: length), with: "│", style: style)
  }

  /// A frame along the edge of a part, with a title in its upper side. Nothing when it has no
  /// inside.
  package mutating func box(_ rect: Rect, style: Style = .plain, title: String = "") {
    guard rect.width >= 2, rect.height >= 2 else { return }
    horizontalLine(x: rect.x + 1, y: rect.y, length: rect.width - 2, style: style)
    horizontalLine(x: rect.x + 1, y: rect.endY - 1, length: rect.width - 2, style: style)
    verticalLine(x: rect.x, y: rect.y + 1, length: rect.height - 2, style: style)
    verticalLine(x: rect.endX - 1, y: rect.y + 1, length: rect.height - 2, style: style)
    write("╭", at: rect.origin, style: style)
    write("╮", at: Point(x: rect.endX - 1, y: rect.y), style: style)
    write("╰", at: Point(x: rect.x, y: rect.endY - 1), style: style)
    write("╯", at: Point(x: rect.endX - 1, y: rect.endY - 1), style: style)
    if !title.isEmpty, rect.width > 6 {
      let inside = Rect(x: rect.x + 2, y: rect.y, width: rect.width - 4, height: 1)
      writeClipped(" \(title) ", in: inside, style: style)
    }
  }
}
