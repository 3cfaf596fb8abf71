/// One line of text with a cursor, scrolled sideways when it is longer than its place.
package struct TextField: Equatable, Sendable {
  private var characters: [Character]
  /// Counts characters.
  private var cursor: Int
  /// The first character in sight.
  private var first = 0

  /// The longest text that is accepted by typing or pasting, in characters.
  package static let countMax = 10_000

  package init(text: String = "") {
    characters = Array(text)
    cursor = characters.count
  }

  package var text: String {
    String(characters)
  }

  /// Typing, pasting, deleting and moving; line ends of a paste become blanks.
  /// - Returns: whether the event meant something here.
  package mutating func handle(_ event: InputEvent) -> Bool {
    switch event {
    case .key(.character(let character), []), .key(.character(let character), .shift):
      insert(String(character))
    case .paste(let text): insert(text)
    case .key(.left, []), .key(.character("b"), .control): cursor = max(0, cursor - 1)
    case .key(.right, []), .key(.character("f"), .control):
      cursor = min(characters.count, cursor + 1)
    case .key(.left, .alt), .key(.left, .control), .key(.character("b"), .alt):
      cursor = wordStart()
    case .key(.right, .alt), .key(.right, .control), .key(.character("f"), .alt):
      cursor = wordEnd()
    case .key(.home, []), .key(.character("a"), .control): cursor = 0
    case .key(.end, []), .key(.character("e"), .control): cursor = characters.count
    case .key(.backspace, []): remove(max(0, cursor - 1)..<cursor)
    case .key(.delete, []), .key(.character("d"), .control):
      remove(cursor..<min(characters.count, cursor + 1))
    case .key(.backspace, .alt), .key(.backspace, .control), .key(.character("w"), .control):
      remove(wordStart()..<cursor)
    case .key(.character("u"), .control): remove(0..<cursor)
    case .key(.character("k"), .control): remove(cursor..<characters.count)
    default: return false
    }
    return true
  }

  private mutating func insert(_ text: String) {
    let room = max(0, Self.countMax - characters.count)
    let pieces = text.prefix(room).map { $0.isNewline ? " " : $0 }
    let before = String(characters[..<cursor]) + String(pieces)
    let rest = characters[cursor...]
    // Made anew, since a mark joins the character before it.
    let joined = Array(before)
    cursor = joined.count
    characters = joined + rest
  }

  private mutating func remove(_ range: Range<Int>) {
    characters.removeSubrange(range)
    cursor = range.lowerBound
  }

  private func wordStart() -> Int {
    var index = cursor
    while index > 0, !characters[index - 1].isPartOfWord { index -= 1 }
    while index > 0, characters[index - 1].isPartOfWord { index -= 1 }
    return index
  }

  private func wordEnd() -> Int {
    var index = cursor
    while index < characters.count, !characters[index].isPartOfWord { index += 1 }
    while index < characters.count, characters[index].isPartOfWord { index += 1 }
    return index
  }

  /// Draws one row, and puts the surface's cursor into it when the field has the keyboard.
  package mutating func draw(
    into surface: inout Surface, in rect: Rect, style: Style = .plain, focused: Bool = true
  ) {
    surface.fill(rect.row(0), style: style)
    guard rect.width > 0, rect.height > 0 else { return }
    // One column stays free for a cursor behind the last character.
    first = min(first, cursor)
    var width = characters[first..<cursor].reduce(0) { $0 + Surface.shown($1).width }
    while width > rect.width - 1, first < cursor {
      width -= Surface.shown(characters[first]).width
      first += 1
    }
    var x = rect.x
    for character in characters[first...] {
      if x >= rect.endX { break }
      x += surface.write(String(character), at: Point(x: x, y: rect.y), style: style, clip: rect)
    }
    if focused { surface.cursor = Point(x: rect.x + width, y: rect.y) }
  }
}

extension Character {
  /// What Ctrl-arrow does not stop inside.
  var isPartOfWord: Bool {
    isLetter || isNumber || self == "_"
  }
}
