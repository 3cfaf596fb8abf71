import JSONCoding
import TestSupport
import Testing

private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }

/// A value with everything in it that text can hold.
private func makeValue(depth: Int, using random: inout SeededGenerator) -> JSONValue {
  switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
  case 0: return .null
  case 1: return .bool(Bool.random(using: &random))
  case 2:
    let number = Int64(bitPattern: random.next()) >> Int64.random(in: 11...63, using: &random)
    return .integer(number)
  case 3: return .double(Double.random(in: -1e9...1e9, using: &random) + 0.5)
  case 4:
    let scalars = ["a", "\"", "\\", "\n", "\u{0}", "\u{1F}", "é", "🦭", "\u{2028}", "/"]
    let picked = (0..<Int.random(in: 0...6, using: &random)).map { _ in
      scalars[Int.random(in: 0..<scalars.count, using: &random)]
    }
    return .string(picked.joined())
  case 5:
    return .array(
      (0..<Int.random(in: 0...4, using: &random)).map { _ in
        makeValue(depth: depth - 1, using: &random)
      })
  default:
    var object = JSONObject()
    for number in 0..<Int.random(in: 0...4, using: &random) {
      object["k\(number)\(Bool.random(using: &random) ? "\"" : "")"] = makeValue(
        depth: depth - 1, using: &random)
    }
    return .object(object)
  }
}

@Suite struct JSONParsingTests {
  @Test func eachKindIsRead() throws {
    #expect(try parse(" null ") == .null)
    #expect(try parse("true") == true)
    #expect(try parse("-0") == 0)
    #expect(try parse("-12") == -12)
    #expect(try parse("1.5") == .double(1.5))
    #expect(try parse("1e2") == .double(100))
    #expect(try parse("[1, [], {}]") == [1, [], [:]])
    #expect(try parse("{\"b\": 1, \"a\": [null]}") == ["b": 1, "a": [nil]])
    #expect(try parse("\"\\u00e9\\ud83e\\uddad\\/\\b\"") == "é🦭/\u{8}")
  }

  @Test func wholeNumbersKeepTheir64Bits() throws {
    #expect(try parse("9223372036854775807") == .integer(.max))
    #expect(try parse("-9223372036854775808") == .integer(.min))
    #expect(throws: JSONError.self) { try parse("9223372036854775808") }
    #expect(throws: JSONError.self) { try parse("1e999") }
  }

  @Test(arguments: [
    "", " ", "nul", "truth", "01", "-", "1.", ".5", "1e", "+1", "0x1", "NaN", "[1,]", "[,1]",
    "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "\"", "\"\\",
    "\"\\x\"",
    "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "1 1", "[", "{",
    "'a'",
    "\u{FEFF}1",
  ])
  func whatIsNotJSONIsRefused(text: String) {
    #expect(throws: JSONError.self) { try parse(text) }
  }

  @Test func malformedUTF8IsRefused() {
    for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0xC3]] {
      #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    }
  }

  @Test(arguments: [-1, 0, 1])
  func nestingHasALimit(difference: Int) {
    let depth = JSONValue.depthMax + difference
    let text = String(repeating: "[", count: depth + 1) + String(repeating: "]", count: depth + 1)
    #expect(((try? parse(text)) != nil) == (difference <= 0))
  }

  @Test func veryDeepNestingIsAnErrorNotACrash() {
    #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
    #expect(throws: JSONError.self) { try parse(String(repeating: "{\"a\":", count: 100_000)) }
  }

  @Test func anErrorSaysWhere() {
    do {
      _ = try JSONValue(parsing: "[1, x]")
      Issue.record("nothing was thrown")
    } catch {
      #expect(error.offset == 4)
      #expect(error.description == "not valid JSON: a value was expected (byte 4)")
    }
  }

  @Test(arguments: UInt64(1)...20)
  func damagedTextNeverTraps(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<100 {
      var bytes = Array(makeValue(depth: 3, using: &random).text().utf8)
      for _ in 0..<3 {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        bytes[place] = UInt8.random(in: 0...255, using: &random)
      }
      guard let value = try? JSONValue(parsing: bytes) else { continue }
      #expect((try? JSONValue(parsing: value.text())) == value, "seed \(seed)")
    }
  }
}

@Suite struct JSONWritingTests {
  @Test(arguments: UInt64(1)...20)
  func whatIsWrittenIsReadBack(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<50 {
      let value = makeValue(depth: 4, using: &random)
      #expect(try parse(value.text()) == value, "seed \(seed)")
      #expect(!value.text().contains("\n"))
      let sorted = try parse(value.text(sortingKeys: true))
      #expect(sorted.text(sortingKeys: true) == value.text(sortingKeys: true), "seed \(seed)")
    }
  }

  @Test func theGoldenLineStays() {
    let value: JSONValue = [
      "b": [1, .double(0.5), nil, true], "a": "q\" \\ \n\r\t\u{1} é", "c": [:],
    ]
    #expect(
      value.text()
        == #"{"b":[1,0.5,null,true],"a":"q\" \\ \n\r\t\u0001 é","c":{}}"#)
    #expect(
      value.text(sortingKeys: true)
        == #"{"a":"q\" \\ \n\r\t\u0001 é","b":[1,0.5,null,true],"c":{}}"#)
  }

  @Test(arguments: [-1, 0, 1] as [Int64])
  func wholeNumbersBeyond53BitsAreStrings(difference: Int64) {
    let number = (1 << 53) + difference
    let text = difference > 0 ? "\"\(number)\"" : "\(number)"
    #expect(JSONValue.integer(number).text() == text)
    #expect(JSONValue.count(UInt64(number)).text() == text)
    #expect(JSONValue.integer(-number).text() == text.replacing(number))
  }

  @Test func membersKeepTheirOrder() {
    var object: JSONObject = ["z": 1, "a": 2]
    object["m"] = 3
    object["z"] = 4
    object["a"] = nil
    #expect(JSONValue.object(object).text() == #"{"z":4,"m":3}"#)
    #expect(object["a"] == nil)
    #expect(object["z"]?.integerValue == 4)
  }
}

extension String {
  /// The text of the negative number.
  fileprivate func replacing(_ number: Int64) -> String {
    hasPrefix("\"") ? "\"-\(number)\"" : "-\(number)"
  }
}
