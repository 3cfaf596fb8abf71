extension JSONValue {
  /// One line of JSON in UTF-8, members in their order. Whole numbers beyond 2^53 become strings,
  /// as readers in other languages would round them.
  public func write(to bytes: inout [UInt8], sortingKeys: Bool = false) {
    switch self {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .bool(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    case .integer(let number):
      if number.magnitude <= 1 << 53 {
        bytes.append(contentsOf: String(number).utf8)
      } else {
        JSONValue.write(String(number), to: &bytes)
      }
    case .double(let number): bytes.append(contentsOf: number.description.utf8)
    case .string(let text): JSONValue.write(text, to: &bytes)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        element.write(to: &bytes, sortingKeys: sortingKeys)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let object):
      bytes.append(UInt8(ascii: "{"))
      let members =
        sortingKeys
        ? object.members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        : object.members
      for (index, member) in members.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        JSONValue.write(member.key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.write(to: &bytes, sortingKeys: sortingKeys)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  /// One line of JSON.
  public func text(sortingKeys: Bool = false) -> String {
    var bytes: [UInt8] = []
    write(to: &bytes, sortingKeys: sortingKeys)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Only what must be escaped is: quotation mark, backslash and control characters. What lies
  /// between those is copied as one piece.
  private static func write(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { utf8 in
      var start = 0
      for index in utf8.indices {
        let byte = utf8[index]
        guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
          continue
        }
        bytes.append(contentsOf: utf8[start..<index])
        writeEscaped(byte, to: &bytes)
        start = index + 1
      }
      bytes.append(contentsOf: utf8[start...])
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func writeEscaped(_ byte: UInt8, to bytes: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(byte)
    case 0x0A: bytes.append(contentsOf: "\\n".utf8)
    case 0x0D: bytes.append(contentsOf: "\\r".utf8)
    case 0x09: bytes.append(contentsOf: "\\t".utf8)
    default:
      let digits = Array("0123456789abcdef".utf8)
      bytes.append(contentsOf: "\\u00".utf8)
      bytes.append(digits[Int(byte >> 4)])
      bytes.append(digits[Int(byte & 0xF)])
    }
  }
}

extension JSONValue: CustomStringConvertible {
  public var description: String { text() }
}
