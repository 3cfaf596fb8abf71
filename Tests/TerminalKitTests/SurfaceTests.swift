import TestSupport
import Testing

@testable import TerminalKit

extension Surface {
  /// Every wide character has its continuation, every continuation its character.
  var isWhole: Bool {
    for y in 0..<size.height {
      for x in 0..<size.width {
        guard let cell = self[x: x, y: y] else { return false }
        if cell.width == 2, self[x: x + 1, y: y]?.width != 0 { return false }
        if cell.width == 0, self[x: x - 1, y: y]?.width != 2 { return false }
      }
    }
    return true
  }

  mutating func scribble(_ random: inout SeededGenerator) {
    let samples = [
      "hello", "日本", "a😀b", "🇪🇺", "e\u{301}", "─│", "👩‍👩‍👧‍👦x", "\u{301}", "\t\n", "한글", "🏝️", " ", "    ",
      "🇪", "\u{1112}\u{1161}",
    ]
    let colors: [Color] = [
      .standard, .red, .ansi(12), .palette(200), .rgb(1, 2, 3), .standard, .standard,
    ]
    for _ in 0..<Int.random(in: 1...8, using: &random) {
      let point = Point(
        x: .random(in: -3...size.width, using: &random),
        y: .random(in: -1...size.height, using: &random))
      let style = Style(
        foreground: colors.randomElement(using: &random) ?? .standard,
        background: colors.randomElement(using: &random) ?? .standard,
        attributes: .init(
          rawValue: .random(in: 0...63, using: &random) & .random(in: 0...63, using: &random)))
      let rect = Rect(
        x: point.x, y: point.y, width: .random(in: 0...size.width, using: &random),
        height: .random(in: 0...3, using: &random))
      let sample = samples.randomElement(using: &random) ?? ""
      switch Int.random(in: 0...6, using: &random) {
      case 0: fill(rect, with: " ", style: style)
      case 1: restyle(rect) { $0 = style }
      case 2: box(rect, style: style, title: sample)
      case 3: writeClipped(sample + sample, in: rect, style: style)
      case 4: write(sample, at: point, style: style, clip: rect)
      default: write(sample, at: point, style: style)
      }
    }
    cursor =
      Bool.random(using: &random)
      ? nil
      : Point(
        x: .random(in: 0..<max(1, size.width), using: &random),
        y: .random(in: 0..<max(1, size.height), using: &random))
  }
}

struct SurfaceTests {
  @Test func drawingIsClippedAndNeverLeavesHalfACharacter() {
    var surface = Surface(size: Size(width: 4, height: 1))
    #expect(surface.write("日本語", at: Point(x: 1, y: 0)) == 6)
    #expect(surface.text(ofRow: 0) == " 日 ")
    surface.write("x", at: Point(x: 2, y: 0))
    #expect(surface.text(ofRow: 0) == "  x ")
    surface.write("日", at: Point(x: -1, y: 0))
    #expect(surface.text(ofRow: 0) == "  x ")
    surface.write("日", at: Point(x: 1, y: 0), clip: Rect(x: 2, y: 0, width: 1, height: 1))
    #expect(surface.text(ofRow: 0) == "    ")
    #expect(surface.isWhole)
  }

  @Test func charactersThatWouldSteerTheTerminalAreShown() {
    var surface = Surface(size: Size(width: 12, height: 1))
    surface.write("a\u{1B}[2J\r\n\u{9B}\u{202E}", at: Point(x: 0, y: 0))
    #expect(surface.text(ofRow: 0) == "a␛[2J␍\u{FFFD}\u{FFFD}    ")
  }

  @Test(arguments: [
    ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本", 4, "日本"), ("日本", 3, "日…"), ("日本語", 4, "日… "),
    ("ab", 1, "…"), ("", 2, "  "),
  ])
  func whatDoesNotFitEndsWithAnEllipsis(text: String, width: Int, row: String) {
    var surface = Surface(size: Size(width: width, height: 1))
    surface.writeClipped(text, in: surface.bounds)
    #expect(surface.text(ofRow: 0) == row)
  }

  @Test func aBoxHasATitle() {
    var surface = Surface(size: Size(width: 10, height: 3))
    surface.box(surface.bounds, title: "Note")
    #expect(surface.text(ofRow: 0) == "╭─ Note ─╮")
    #expect(surface.text(ofRow: 1) == "│        │")
    #expect(surface.text(ofRow: 2) == "╰────────╯")
  }

  @Test(arguments: [(-1, 5), (0, 0), (5, 0), (Int.max, Int.max), (Int.min, 3)])
  func oddSizesAreBounded(width: Int, height: Int) {
    var surface = Surface(size: Size(width: width, height: height))
    surface.write("x", at: Point(x: 0, y: 0))
    surface.fill(Rect(x: 0, y: 0, width: 10, height: 10))
    #expect(surface.size.width <= Surface.extentMax && surface.size.height <= Surface.extentMax)
  }

  @Test(arguments: 1...10)
  func randomDrawingKeepsCharactersWhole(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<60 {
      var surface = Surface(
        size: Size(
          width: .random(in: 0...12, using: &random), height: .random(in: 0...4, using: &random)))
      for _ in 0..<4 { surface.scribble(&random) }
      #expect(surface.isWhole, "seed \(seed)")
    }
  }
}
