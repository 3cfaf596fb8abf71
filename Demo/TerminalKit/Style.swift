/// A colour as it is meant; the encoder says it in what the terminal understands.
package enum Color: Hashable, Sendable {
  /// The terminal's own.
  case standard
  /// One of the sixteen that people choose for themselves; 8 and above are the bright ones.
  case ansi(UInt8)
  /// One of 256: sixteen, a cube of 6 × 6 × 6, and greys.
  case palette(UInt8)
  case rgb(UInt8, UInt8, UInt8)

  package static let red = Color.ansi(1)
  package static let green = Color.ansi(2)
  package static let yellow = Color.ansi(3)
  package static let blue = Color.ansi(4)
  package static let magenta = Color.ansi(5)
  package static let cyan = Color.ansi(6)
  package static let gray = Color.ansi(8)
}

/// How a cell looks, apart from its character.
package struct Style: Hashable, Sendable {
  package struct Attributes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
      self.rawValue = rawValue
    }

    package static let bold = Attributes(rawValue: 1)
    package static let dim = Attributes(rawValue: 2)
    package static let italic = Attributes(rawValue: 4)
    package static let underline = Attributes(rawValue: 8)
    package static let reverse = Attributes(rawValue: 16)
    package static let strikethrough = Attributes(rawValue: 32)
  }

  package var foreground: Color
  package var background: Color
  package var attributes: Attributes

  package init(
    foreground: Color = .standard, background: Color = .standard, attributes: Attributes = []
  ) {
    self.foreground = foreground
    self.background = background
    self.attributes = attributes
  }

  package static let plain = Style()
  package static let bold = Style(attributes: .bold)
  package static let dim = Style(attributes: .dim)
  package static let reversed = Style(attributes: .reverse)

  package func with(_ attributes: Attributes) -> Style {
    var style = self
    style.attributes.formUnion(attributes)
    return style
  }

  package func colored(_ color: Color) -> Style {
    var style = self
    style.foreground = color
    return style
  }

  package func on(_ color: Color) -> Style {
    var style = self
    style.background = color
    return style
  }
}

/// How many colours a terminal has.
package enum ColorDepth: Int, Comparable, Sendable {
  case none
  case ansi16
  case palette256
  case trueColor

  package static func < (left: ColorDepth, right: ColorDepth) -> Bool {
    left.rawValue < right.rawValue
  }

  /// What the environment promises. `NO_COLOR`, when it is set and not empty, means none.
  package static func of(environment: (String) -> String?) -> ColorDepth {
    if let refusal = environment("NO_COLOR"), !refusal.isEmpty { return .none }
    let terminal = environment("TERM") ?? ""
    if terminal == "dumb" || terminal.isEmpty { return .none }
    let colors = environment("COLORTERM") ?? ""
    if colors == "truecolor" || colors == "24bit" || terminal.hasSuffix("-direct") {
      return .trueColor
    }
    return terminal.contains("256color") ? .palette256 : .ansi16
  }
}

extension Color {
  /// The nearest colour that `depth` has.
  func reduced(to depth: ColorDepth) -> Color {
    switch (self, depth) {
    case (.standard, _), (_, .none): .standard
    case (.ansi(let index), _): .ansi(index & 15)
    case (.palette, .palette256), (.palette, .trueColor), (.rgb, .trueColor): self
    case (.palette(let index), .ansi16):
      if index < 16 {
        .ansi(index)
      } else {
        Self.nearestANSI(Self.components(ofPalette: index))
      }
    case (.rgb(let red, let green, let blue), .palette256):
      .palette(Self.nearestPalette(red, green, blue))
    case (.rgb(let red, let green, let blue), .ansi16):
      Self.nearestANSI((Int(red), Int(green), Int(blue)))
    }
  }

  private static func nearestPalette(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
    if red == green, green == blue {
      if red < 4 { return 16 }
      if red > 246 { return 231 }
      return UInt8(232 + min(23, max(0, (Int(red) - 3) / 10)))
    }
    func step(_ value: UInt8) -> Int { value < 48 ? 0 : value < 115 ? 1 : (Int(value) - 35) / 40 }
    return UInt8(16 + 36 * step(red) + 6 * step(green) + step(blue))
  }

  private static func components(ofPalette index: UInt8) -> (Int, Int, Int) {
    let index = Int(index)
    if index >= 232 {
      let grey = 8 + 10 * (index - 232)
      return (grey, grey, grey)
    }
    let cube = max(0, index - 16)
    func level(_ step: Int) -> Int { step == 0 ? 0 : 55 + 40 * step }
    return (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
  }

  private static func nearestANSI(_ color: (red: Int, green: Int, blue: Int)) -> Color {
    let brightest = max(color.red, color.green, color.blue)
    if brightest < 64 { return .ansi(0) }
    var index: UInt8 = 0
    if color.red * 2 > brightest { index |= 1 }
    if color.green * 2 > brightest { index |= 2 }
    if color.blue * 2 > brightest { index |= 4 }
    if index == 7 { return .ansi(brightest > 200 ? 15 : brightest > 150 ? 7 : 8) }
    return .ansi(brightest > 191 ? index | 8 : index)
  }
}
