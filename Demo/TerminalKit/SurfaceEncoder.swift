/// Turns the difference between two surfaces into the bytes that bring a terminal from one to the
/// other.
///
/// What it writes is one synchronized update (mode 2026), so that nobody sees half of it. Only
/// cells that differ are written; short runs of equal cells between them are written again when
/// that is shorter than moving over them. Positions are absolute at the start of each row, and
/// stated anew behind every character whose width terminals disagree on, so that a terminal that is
/// wrong about one is wrong about that one only.
package struct SurfaceEncoder: Sendable {
  package let colors: ColorDepth

  package init(colors: ColorDepth = .trueColor) {
    self.colors = colors
  }

  /// The bytes; none when nothing changed. Without an old surface, or with one of another size, the
  /// screen is cleared and drawn whole. The terminal is expected, and left, in the plain style.
  /// Complexity: O(cells).
  package func diff(from old: Surface?, to new: Surface) -> [UInt8] {
    let base = old.flatMap { $0.size == new.size ? $0 : nil }
    var pen = Pen(colors: colors)
    if base == nil { pen.clear() }
    for y in 0..<new.size.height {
      encodeRow(y, from: base, to: new, &pen)
    }
    if let base, pen.bytes.isEmpty, base.cursor == new.cursor { return [] }
    pen.setStyle(.plain)
    return pen.finished(cursor: new.cursor.flatMap { new.bounds.contains($0) ? $0 : nil })
  }

  private func encodeRow(_ y: Int, from old: Surface?, to new: Surface, _ pen: inout Pen) {
    let width = new.size.width
    let row = y * width..<(y + 1) * width
    func wasAlready(_ x: Int) -> Bool {
      old.map { $0.cells[row.lowerBound + x] == new.cells[row.lowerBound + x] }
        ?? (new.cells[row.lowerBound + x] == .blank)
    }
    // Behind the last cell that is not blank, one command can clear the row.
    var blankFrom = width
    while blankFrom > 0, new.cells[row.lowerBound + blankFrom - 1] == .blank { blankFrom -= 1 }

    var x = 0
    while x < width {
      let cell = new.cells[row.lowerBound + x]
      // A character of two columns is as it was only if both of its cells are.
      let step = max(1, Int(cell.width))
      let isKept = wasAlready(x) && (step == 1 || wasAlready(x + 1))
      if isKept || cell.width == 0 {
        x += step
        continue
      }
      if x >= blankFrom, width - x > 3 {
        pen.move(x: x, y: y, over: new.cells[row])
        pen.clearToEndOfRow()
        return
      }
      pen.move(x: x, y: y, over: new.cells[row])
      pen.write(cell)
      x += step
    }
  }
}

/// The state of the terminal while bytes are made, as far as it is known.
private struct Pen {
  private(set) var bytes: [UInt8] = []
  private let colors: ColorDepth
  private var style = Style.plain
  /// Nil when the terminal may be elsewhere.
  private var position: Point?

  init(colors: ColorDepth) {
    self.colors = colors
  }

  mutating func clear() {
    append("\u{1B}[0m\u{1B}[2J")
  }

  mutating func clearToEndOfRow() {
    setStyle(.plain)
    append("\u{1B}[K")
  }

  mutating func write(_ cell: Cell) {
    setStyle(cell.style)
    bytes.append(contentsOf: cell.character.utf8)
    guard let before = position else { return }
    position =
      cell.character.hasUndisputedWidth
      ? Point(x: before.x + Int(cell.width), y: before.y) : nil
  }

  /// Goes to a place: not at all, by writing again the little that lies between, or by a command.
  mutating func move(x: Int, y: Int, over row: ArraySlice<Cell>) {
    if let position, position.y == y, position.x <= x {
      if position.x == x { return }
      let between = row[row.startIndex + position.x..<row.startIndex + x]
      if between.count <= 4,
        between.allSatisfy({ $0.style == style && $0.width == 1 && $0.character.isASCII })
      {
        for cell in between { bytes.append(contentsOf: cell.character.utf8) }
      } else {
        append("\u{1B}[\(x - position.x)C")
      }
    } else {
      append("\u{1B}[\(y + 1);\(x + 1)H")
    }
    position = Point(x: x, y: y)
  }

  mutating func setStyle(_ wanted: Style) {
    guard wanted != style else { return }
    style = wanted
    var codes = "\u{1B}[0"
    let attributes: [(Style.Attributes, String)] = [
      (.bold, ";1"), (.dim, ";2"), (.italic, ";3"), (.underline, ";4"), (.reverse, ";7"),
      (.strikethrough, ";9"),
    ]
    for (attribute, code) in attributes where wanted.attributes.contains(attribute) {
      codes += code
    }
    codes += Self.code(wanted.foreground.reduced(to: colors), base: 30)
    codes += Self.code(wanted.background.reduced(to: colors), base: 40)
    append(codes + "m")
  }

  private static func code(_ color: Color, base: Int) -> String {
    switch color {
    case .standard: ""
    case .ansi(let index):
      index < 8 ? ";\(base + Int(index))" : ";\(base + 60 + Int(index & 7))"
    case .palette(let index): ";\(base + 8);5;\(index)"
    case .rgb(let red, let green, let blue): ";\(base + 8);2;\(red);\(green);\(blue)"
    }
  }

  /// Everything as one update, with the cursor hidden while it is drawn and shown at its place
  /// after.
  consuming func finished(cursor: Point?) -> [UInt8] {
    var update = Array("\u{1B}[?2026h\u{1B}[?25l".utf8)
    update += bytes
    if let cursor {
      update += Array("\u{1B}[\(cursor.y + 1);\(cursor.x + 1)H\u{1B}[?25h".utf8)
    }
    update += Array("\u{1B}[?2026l".utf8)
    return update
  }

  private mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }
}

extension Character {
  /// True where every terminal agrees how far the cursor moves, and where no neighbour can join in.
  fileprivate var hasUndisputedWidth: Bool {
    if isASCII { return true }
    var scalars = unicodeScalars.makeIterator()
    guard let scalar = scalars.next(), scalars.next() == nil else { return false }
    return switch scalar.value {
    case 0xA1...0x2FF, 0x370...0x482, 0x48A...0x52F, 0x2010...0x2027, 0x2190...0x21FF,
      0x2500...0x259F, 0x3041...0x3096, 0x30A1...0x30FA, 0x4E00...0x9FFF:
      scalar.value != 0xAD
    default: false
    }
  }
}
