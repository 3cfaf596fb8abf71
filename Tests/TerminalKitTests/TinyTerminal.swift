@testable import TerminalKit

/// Just enough of a terminal to see what the encoder's bytes do: a grid, a pen, a cursor.
struct TinyTerminal {
  var surface: Surface
  var isCursorShown = true
  private(set) var unknown: [String] = []
  private var x = 0
  private var y = 0
  private var style = Style.plain

  init(size: Size) {
    surface = Surface(size: size)
  }

  /// The surface with the cursor where it is shown.
  var seen: Surface {
    var seen = surface
    seen.cursor = isCursorShown ? Point(x: x, y: y) : nil
    return seen
  }

  mutating func interpret(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while let first = rest.first {
      if first == 0x1B {
        let final = rest.dropFirst(2).firstIndex { $0 >= 0x40 } ?? rest.endIndex - 1
        control(String(decoding: rest[rest.startIndex + 2..<final], as: UTF8.self), rest[final])
        rest = rest[(final + 1)...]
      } else {
        let text = rest.prefix { $0 != 0x1B }
        for character in String(decoding: text, as: UTF8.self) {
          x += surface.write(String(character), at: Point(x: x, y: y), style: style)
        }
        rest = rest[text.endIndex...]
      }
    }
  }

  private mutating func control(_ parameters: String, _ final: UInt8) {
    let numbers = parameters.split(separator: ";", omittingEmptySubsequences: false)
      .map { Int($0) ?? 0 }
    switch (final, parameters) {
    case (UInt8(ascii: "H"), _): (y, x) = (numbers[0] - 1, numbers[1] - 1)
    case (UInt8(ascii: "C"), _): x += numbers[0]
    case (UInt8(ascii: "J"), "2"): surface.fill(surface.bounds)
    case (UInt8(ascii: "K"), ""):
      surface.fill(Rect(x: x, y: y, width: surface.size.width - x, height: 1), style: style)
    case (UInt8(ascii: "m"), _): select(numbers)
    case (UInt8(ascii: "h"), "?25"): isCursorShown = true
    case (UInt8(ascii: "l"), "?25"): isCursorShown = false
    case (UInt8(ascii: "h"), "?2026"), (UInt8(ascii: "l"), "?2026"): break
    default: unknown.append(parameters + String(Unicode.Scalar(final)))
    }
  }

  private mutating func select(_ numbers: [Int]) {
    var rest = numbers[...]
    while let code = rest.popFirst() {
      switch code {
      case 0: style = .plain
      case 1: style.attributes.insert(.bold)
      case 2: style.attributes.insert(.dim)
      case 3: style.attributes.insert(.italic)
      case 4: style.attributes.insert(.underline)
      case 7: style.attributes.insert(.reverse)
      case 9: style.attributes.insert(.strikethrough)
      case 30...37: style.foreground = .ansi(UInt8(code - 30))
      case 40...47: style.background = .ansi(UInt8(code - 40))
      case 90...97: style.foreground = .ansi(UInt8(code - 82))
      case 100...107: style.background = .ansi(UInt8(code - 92))
      case 38, 48:
        let color: Color
        if rest.popFirst() == 5 {
          color = .palette(UInt8(rest.popFirst() ?? 0))
        } else {
          color = .rgb(
            UInt8(rest.popFirst() ?? 0), UInt8(rest.popFirst() ?? 0), UInt8(rest.popFirst() ?? 0))
        }
        if code == 38 { style.foreground = color } else { style.background = color }
      default: unknown.append("\(code)m")
      }
    }
  }
}
