extension JSONValue {
  /// The deepest nesting of arrays and objects that is read.
  public static let depthMax = 384

  /// Reads one JSON value that fills `bytes`, white space around it allowed.
  ///
  /// Duplicate keys, lone surrogates, whole numbers beyond 64 bits and doubles beyond range are
  /// refused rather than bent. Complexity: O(n).
  public init(parsing bytes: some Sequence<UInt8>) throws(JSONError) {
    var parser = JSONParser(bytes: Array(bytes))
    self = try parser.document()
  }

  public init(parsing text: String) throws(JSONError) {
    try self.init(parsing: text.utf8)
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  var offset = 0

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The next byte; 0, which no token starts with, at the end.
  private var peek: UInt8 { offset < bytes.count ? bytes[offset] : 0 }

  mutating func document() throws(JSONError) -> JSONValue {
    skipWhiteSpace()
    let value = try value(depth: 0)
    skipWhiteSpace()
    guard offset == bytes.count else { throw JSONError("text after the value", at: offset) }
    return value
  }

  private mutating func skipWhiteSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= JSONValue.depthMax else { throw JSONError("nested too deeply", at: offset) }
    switch peek {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"):
      try literal("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try literal("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try literal("null")
      return .null
    case UInt8(ascii: "-"), 0x30...0x39: return try number()
    default:
      throw JSONError(
        offset < bytes.count ? "a value was expected" : "the text ends too early", at: offset)
    }
  }

  private mutating func literal(_ word: StaticString) throws(JSONError) {
    let length = word.utf8CodeUnitCount
    let matches =
      bytes.count - offset >= length
      && (0..<length).allSatisfy { bytes[offset + $0] == word.utf8Start[$0] }
    guard matches else { throw JSONError("'\(word)' was expected", at: offset) }
    offset += length
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
    var members: [JSONObject.Member] = []
    var keys: Set<String> = []
    offset += 1
    skipWhiteSpace()
    if peek == UInt8(ascii: "}") {
      offset += 1
      return JSONObject()
    }
    while true {
      skipWhiteSpace()
      guard peek == UInt8(ascii: "\"") else { throw JSONError("a key was expected", at: offset) }
      let start = offset
      let key = try string()
      guard keys.insert(key).inserted else {
        throw JSONError("the key '\(key)' stands twice in one object", at: start)
      }
      skipWhiteSpace()
      guard peek == UInt8(ascii: ":") else { throw JSONError("':' was expected", at: offset) }
      offset += 1
      skipWhiteSpace()
      members.append(JSONObject.Member(key: key, value: try value(depth: depth + 1)))
      if try isLast(closing: UInt8(ascii: "}")) { return JSONObject(uniqueMembers: members) }
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
    var elements: [JSONValue] = []
    offset += 1
    skipWhiteSpace()
    if peek == UInt8(ascii: "]") {
      offset += 1
      return []
    }
    while true {
      skipWhiteSpace()
      elements.append(try value(depth: depth + 1))
      if try isLast(closing: UInt8(ascii: "]")) { return elements }
    }
  }

  private mutating func isLast(closing bracket: UInt8) throws(JSONError) -> Bool {
    skipWhiteSpace()
    switch peek {
    case UInt8(ascii: ","):
      offset += 1
      return false
    case bracket:
      offset += 1
      return true
    default:
      throw JSONError(
        "',' or '\(Character(Unicode.Scalar(bracket)))' was expected", at: offset)
    }
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = offset
    if peek == UInt8(ascii: "-") { offset += 1 }
    let firstDigit = offset
    skipDigits()
    guard offset > firstDigit else { throw JSONError("a digit was expected", at: offset) }
    guard bytes[firstDigit] != UInt8(ascii: "0") || offset == firstDigit + 1 else {
      throw JSONError("a number must not start with 0", at: firstDigit)
    }
    var isWhole = true
    if peek == UInt8(ascii: ".") {
      isWhole = false
      offset += 1
      let fraction = offset
      skipDigits()
      guard offset > fraction else { throw JSONError("a digit was expected", at: offset) }
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      isWhole = false
      offset += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { offset += 1 }
      let exponent = offset
      skipDigits()
      guard offset > exponent else { throw JSONError("a digit was expected", at: offset) }
    }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    if isWhole {
      guard let number = Int64(text) else {
        throw JSONError("the whole number does not fit into 64 bits", at: start)
      }
      return .integer(number)
    }
    guard let number = Double(text), number.isFinite else {
      throw JSONError("the number is out of range", at: start)
    }
    return .double(number)
  }

  private mutating func skipDigits() {
    while case 0x30...0x39 = peek { offset += 1 }
  }

  private mutating func string() throws(JSONError) -> String {
    let opening = offset
    offset += 1
    var decoded: [UInt8] = []
    var runStart = offset
    while true {
      guard offset < bytes.count else {
        throw JSONError("a text is not closed", at: opening)
      }
      switch bytes[offset] {
      case UInt8(ascii: "\""):
        decoded.append(contentsOf: bytes[runStart..<offset])
        offset += 1
        guard let text = String(validating: decoded, as: UTF8.self) else {
          throw JSONError("a text is not well-formed UTF-8", at: opening)
        }
        return text
      case UInt8(ascii: "\\"):
        decoded.append(contentsOf: bytes[runStart..<offset])
        offset += 1
        try escape(into: &decoded)
        runStart = offset
      case 0..<0x20:
        throw JSONError("a control character must be escaped", at: offset)
      default:
        offset += 1
      }
    }
  }

  private mutating func escape(into decoded: inout [UInt8]) throws(JSONError) {
    let start = offset
    guard offset < bytes.count else { throw JSONError("the text ends too early", at: offset) }
    let character = bytes[offset]
    offset += 1
    switch character {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(character)
    case UInt8(ascii: "b"): decoded.append(0x08)
    case UInt8(ascii: "f"): decoded.append(0x0C)
    case UInt8(ascii: "n"): decoded.append(0x0A)
    case UInt8(ascii: "r"): decoded.append(0x0D)
    case UInt8(ascii: "t"): decoded.append(0x09)
    case UInt8(ascii: "u"):
      var code = try fourHexadecimalDigits()
      if 0xD800..<0xDC00 ~= code, peek == UInt8(ascii: "\\"), offset + 1 < bytes.count,
        bytes[offset + 1] == UInt8(ascii: "u")
      {
        offset += 2
        let low = try fourHexadecimalDigits()
        guard 0xDC00..<0xE000 ~= low else { throw JSONError("a lone surrogate", at: start) }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else {
        throw JSONError("a lone surrogate", at: start)
      }
      decoded.append(contentsOf: String(scalar).utf8)
    default:
      throw JSONError("an unknown escape", at: start)
    }
  }

  private mutating func fourHexadecimalDigits() throws(JSONError) -> UInt32 {
    guard bytes.count - offset >= 4 else {
      throw JSONError("four hexadecimal digits were expected", at: offset)
    }
    var code: UInt32 = 0
    for index in offset..<(offset + 4) {
      let digit: UInt8
      switch bytes[index] {
      case 0x30...0x39: digit = bytes[index] - 0x30
      case 0x61...0x66: digit = bytes[index] - 0x61 + 10
      case 0x41...0x46: digit = bytes[index] - 0x41 + 10
      default: throw JSONError("four hexadecimal digits were expected", at: offset)
      }
      code = code << 4 | UInt32(digit)
    }
    offset += 4
    return code
  }
}
