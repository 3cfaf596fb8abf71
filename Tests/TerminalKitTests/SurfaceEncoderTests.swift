import TestSupport
import Testing

@testable import TerminalKit

struct SurfaceEncoderTests {
  @Test(arguments: 1...20)
  func whatATerminalMakesOfTheBytesIsTheSurface(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let size = Size(
      width: .random(in: 1...20, using: &random), height: .random(in: 1...5, using: &random))
    let encoder = SurfaceEncoder()
    var terminal = TinyTerminal(size: size)
    var shown: Surface?
    var next = Surface(size: size)
    for step in 0..<30 {
      if Int.random(in: 0..<5, using: &random) == 0 { next = Surface(size: size) }
      next.scribble(&random)
      let bytes = encoder.diff(from: shown, to: next)
      terminal.interpret(bytes)
      #expect(terminal.seen == next, "seed \(seed), step \(step)")
      #expect(terminal.unknown.isEmpty)
      #expect(encoder.diff(from: next, to: next).isEmpty)
      shown = next
    }
  }

  @Test func aKeystrokeCostsAFewBytes() {
    var old = Surface(size: Size(width: 80, height: 24))
    for y in 0..<24 { old.write("The quick brown fox, row \(y)", at: Point(x: 0, y: y)) }
    var new = old
    new.write("!", at: Point(x: 40, y: 12))
    let bytes = SurfaceEncoder().diff(from: old, to: new)
    let frame = "\u{1B}[?2026h\u{1B}[?25l\u{1B}[13;41H!\u{1B}[?2026l"
    #expect(String(decoding: bytes, as: UTF8.self) == frame)
  }

  @Test func aRowThatBecameBlankIsClearedByOneCommand() {
    var old = Surface(size: Size(width: 80, height: 2))
    old.write(String(repeating: "x", count: 80), at: Point(x: 0, y: 1))
    let bytes = SurfaceEncoder().diff(from: old, to: Surface(size: old.size))
    #expect(String(decoding: bytes, as: UTF8.self).contains("\u{1B}[2;1H\u{1B}[K"))
    #expect(bytes.count < 40)
  }

  @Test func anotherSizeIsDrawnWhole() {
    let small = Surface(size: Size(width: 2, height: 2))
    let large = Surface(size: Size(width: 3, height: 2))
    let bytes = SurfaceEncoder().diff(from: small, to: large)
    #expect(String(decoding: bytes, as: UTF8.self).contains("\u{1B}[2J"))
  }

  @Test func withoutColoursOnlyAttributesRemain() {
    var surface = Surface(size: Size(width: 3, height: 1))
    let style = Style(foreground: .red, background: .rgb(1, 2, 3), attributes: .bold)
    surface.write("x", at: Point(x: 0, y: 0), style: style)
    func text(_ colors: ColorDepth) -> String {
      String(decoding: SurfaceEncoder(colors: colors).diff(from: nil, to: surface), as: UTF8.self)
    }
    #expect(text(.none).contains("\u{1B}[0;1mx"))
    #expect(text(.ansi16).contains("\u{1B}[0;1;31;40mx"))
    #expect(text(.palette256).contains("\u{1B}[0;1;31;48;5;16mx"))
    #expect(text(.trueColor).contains("\u{1B}[0;1;31;48;2;1;2;3mx"))
  }

  @Test func theEnvironmentSaysHowManyColours() {
    func depth(_ environment: [String: String]) -> ColorDepth {
      ColorDepth.of { environment[$0] }
    }
    #expect(depth(["TERM": "xterm", "NO_COLOR": "1"]) == .none)
    #expect(depth(["TERM": "xterm", "NO_COLOR": ""]) == .ansi16)
    #expect(depth(["TERM": "dumb"]) == .none)
    #expect(depth([:]) == .none)
    #expect(depth(["TERM": "xterm-256color"]) == .palette256)
    #expect(depth(["TERM": "xterm-256color", "COLORTERM": "truecolor"]) == .trueColor)
  }

  @Test func everyColourHasANeighbourInASmallerPalette() {
    for index in UInt8.min...UInt8.max {
      for color in [
        Color.palette(index), .rgb(index, 255 - index, index / 2), .rgb(index, index, index),
      ] {
        for depth in [ColorDepth.ansi16, .palette256] { _ = color.reduced(to: depth) }
      }
    }
    #expect(Color.rgb(255, 0, 0).reduced(to: .ansi16) == .ansi(9))
    #expect(Color.rgb(0, 0, 0).reduced(to: .ansi16) == .ansi(0))
    #expect(Color.rgb(255, 255, 255).reduced(to: .palette256) == .palette(231))
  }
}
