/// Cuts text into what is compared: lines, words, or characters as people see them. A cut is never
/// inside a grapheme cluster, so that no merge takes a flag or a family apart.
enum TextTokens {
  case lines
  case words
  case characters

  /// Where the tokens of a part of a text in UTF-8 begin, and its end. Complexity: O(n).
  func bounds(of bytes: [UInt8], in range: Range<Int>) -> [Int] {
    switch self {
    case .lines: Self.lineBounds(bytes, range)
    case .words: Self.clusterBounds(bytes, range, joiningWords: true)
    case .characters: Self.clusterBounds(bytes, range, joiningWords: false)
    }
  }

  /// A line has its line feed.
  private static func lineBounds(_ bytes: [UInt8], _ range: Range<Int>) -> [Int] {
    var bounds = [range.lowerBound]
    bytes.withUnsafeBufferPointer { buffer in
      var index = range.lowerBound
      while index < range.upperBound {
        if buffer[index] == UInt8(ascii: "\n") { bounds.append(index + 1) }
        index += 1
      }
    }
    if bounds[bounds.count - 1] != range.upperBound { bounds.append(range.upperBound) }
    return bounds
  }

  private enum Kind {
    /// Goes into one token with more of its kind.
    case word
    case space
    /// A token by itself: punctuation, an ideograph, a line's end, an emoji.
    case single
  }

  private static func clusterBounds(
    _ bytes: [UInt8], _ range: Range<Int>, joiningWords: Bool
  ) -> [Int] {
    var bounds = [range.lowerBound]
    var last = Kind.single
    func end(_ position: Int, _ kind: Kind) {
      if joiningWords, kind != .single, kind == last {
        bounds[bounds.count - 1] = position
      } else {
        bounds.append(position)
      }
      last = kind
    }
    var index = range.lowerBound
    while index < range.upperBound {
      // ASCII before ASCII ends a cluster, but for CR before LF.
      let byte = bytes[index]
      let next = index + 1 < range.upperBound ? bytes[index + 1] : 0
      if byte < 0x80, next < 0x80, byte != 0x0D || next != 0x0A {
        index += 1
        end(index, kind(ofASCII: byte))
        continue
      }
      // Up to the next place that is surely a boundary, by the rules of Unicode.
      var stop = index + 1
      while stop < range.upperBound,
        bytes[stop] >= 0x80 || bytes[stop - 1] >= 0x80 || bytes[stop] == 0x0A
      { stop += 1 }
      for character in String(decoding: bytes[index..<stop], as: UTF8.self) {
        index += character.utf8.count
        end(index, kind(of: character))
      }
      index = stop
    }
    return bounds
  }

  private static func kind(ofASCII byte: UInt8) -> Kind {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      .word
    case UInt8(ascii: " "), UInt8(ascii: "\t"): .space
    default: .single
    }
  }

  private static func kind(of character: Character) -> Kind {
    guard let scalar = character.unicodeScalars.first else { return .single }
    if scalar.isASCII { return kind(ofASCII: UInt8(scalar.value)) }
    let properties = scalar.properties
    return properties.isAlphabetic && isWrittenWithSpaces(scalar) ? .word : .single
  }

  /// False for scripts whose words stand side by side: there a character is compared by itself.
  private static func isWrittenWithSpaces(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF, 0x2E80...0xABFF, 0xF900...0xFAFF,
      0x2_0000...0x3_FFFF:
      false
    default: true
    }
  }
}

/// A part of a text as tokens.
struct TokenizedText {
  /// Where the tokens begin, in bytes of the text, and the end of the last.
  let bounds: [Int]
  let numbers: [UInt32]

  init(
    _ bytes: [UInt8], in range: Range<Int>, as tokens: TextTokens, _ numbering: inout TokenNumbering
  ) {
    bounds = tokens.bounds(of: bytes, in: range)
    numbers = numbering.numbers(of: bytes, bounds: bounds)
  }

  /// The bytes that some tokens stand for.
  func bytes(of tokens: Range<Int>) -> Range<Int> {
    bounds[tokens.lowerBound]..<bounds[tokens.upperBound]
  }
}
