import JSONCoding

/// What full-text search sees of a document: all texts in it, one after the other, each on a line
/// of its own, in the order of its JSON.
///
/// Languages that put no spaces between words are cut into their characters by an invisible mark,
/// so that any run of characters is found: a search for two of them looks for one after the other.
enum ProjectedText {
  /// ZERO WIDTH SPACE.
  static let mark: Unicode.Scalar = "\u{200B}"

  static func of(_ json: JSONValue) -> String {
    var text = ""
    append(json, to: &text)
    return text
  }

  /// Nil for what is no JSON.
  static func of(json text: String) -> String? {
    (try? JSONValue(parsing: text)).map { of($0) }
  }

  private static func append(_ json: JSONValue, to text: inout String) {
    switch json {
    case .string(let string): appendLine(string, to: &text)
    // What is written as a string will be read as one.
    case .integer(let number) where number.magnitude > 1 << 53:
      appendLine(String(number), to: &text)
    case .array(let elements): for element in elements { append(element, to: &text) }
    case .object(let object): for member in object.members { append(member.value, to: &text) }
    case .null, .bool, .integer, .double: break
    }
  }

  private static func appendLine(_ line: String, to text: inout String) {
    guard !line.isEmpty else { return }
    if !text.isEmpty { text.append("\n") }
    text.append(marked(line))
  }

  /// The text with a mark between characters of such languages. A NUL, at which SQLite would end
  /// it, becomes a space.
  static func marked(_ text: String) -> String {
    var text = text
    let isPlain = text.withUTF8 { utf8 in
      // What lies below U+3000 has a first byte below 0xE3 in UTF-8.
      utf8.allSatisfy { $0 > 0 && $0 < 0xE3 }
    }
    guard !isPlain else { return text }
    var result = String.UnicodeScalarView()
    var isBehindCharacter = false
    for scalar in text.unicodeScalars {
      let isCharacter = hasNoSpaces(scalar)
      if isCharacter || isBehindCharacter { result.append(mark) }
      result.append(scalar.value == 0 ? " " : scalar)
      isBehindCharacter = isCharacter
    }
    return String(result)
  }

  static func withoutMarks(_ text: String) -> String {
    guard text.unicodeScalars.contains(mark) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != mark }))
  }

  /// Han characters and kana.
  private static func hasNoSpaces(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x3005...0x3007, 0x3041...0x3096, 0x309D...0x309F, 0x30A1...0x30FA, 0x30FC...0x30FF,
      0x31F0...0x31FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0xFF66...0xFF9D,
      0x20000...0x323AF:
      true
    default: false
    }
  }
}
