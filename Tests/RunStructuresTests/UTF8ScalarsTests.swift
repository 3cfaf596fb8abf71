import RunStructures
import TestSupport
import Testing

@Suite("UTF-8 scalars")
struct UTF8ScalarsTests {
  static let texts = [
    "", "a", "plain ascii, longer than eight bytes", "é", "e\u{301}", "\r\n", "\0", "👩‍👩‍👧‍👦 family",
    "日本語テキスト",
    "mixed é 👍 \u{10FFFF} end",
    String(repeating: "x", count: 7) + "é" + String(repeating: "y", count: 9),
  ]

  @Test("counts agree with the standard library", arguments: texts)
  func counts(text: String) {
    #expect(UTF8Scalars.count(text) == text.unicodeScalars.count)
    let bytes = Array(text.utf8)
    bytes.withUnsafeBufferPointer {
      #expect(UTF8Scalars.validatedCount($0) == text.unicodeScalars.count)
      #expect(UTF8Scalars.utf16Count($0) == text.utf16.count)
      var offset = 0
      for (position, scalar) in text.unicodeScalars.enumerated() {
        #expect(UTF8Scalars.byteOffset(of: position, in: $0) == offset)
        offset += UTF8.width(scalar)
      }
      #expect(UTF8Scalars.byteOffset(of: text.unicodeScalars.count, in: $0) == bytes.count)
      #expect(UTF8Scalars.byteOffset(of: .max, in: $0) == bytes.count)
    }
  }

  @Test("validation agrees with the standard library on random bytes")
  func validation() {
    var random = SeededGenerator(seed: 11)
    let interesting: [UInt8] = [
      0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
      0xED,
      0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
    ]
    for _ in 0..<40_000 {
      let length = Int.random(in: 0...12, using: &random)
      let bytes = (0..<length).map { _ in interesting.randomElement(using: &random) ?? 0 }
      let expected = String(validating: bytes, as: UTF8.self)?.unicodeScalars.count
      let found = bytes.withUnsafeBufferPointer { UTF8Scalars.validatedCount($0) }
      #expect(found == expected, "bytes \(bytes)")
    }
  }

  @Test("long text with one byte changed, cut or put in is judged as by the standard library")
  func damagedText() {
    var random = SeededGenerator(seed: 12)
    let scalars: [Unicode.Scalar] = [
      "a", " ", "\0", "\u{7F}", "\u{80}", "é", "\u{7FF}", "\u{800}", "語", "\u{D7FF}", "\u{E000}",
      "\u{FFFF}", "\u{10000}", "👍", "\u{40000}", "\u{10FFFF}",
    ]
    for step in 0..<3000 {
      let asciiShare = step % 3 == 0 ? 0.97 : 0.4
      var text = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 1...200, using: &random) {
        let isASCII = Double.random(in: 0..<1, using: &random) < asciiShare
        text.append(isASCII ? "x" : scalars.randomElement(using: &random) ?? "x")
      }
      var bytes = Array(String(text).utf8)
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0x80...0xFF, using: &random)
      case 1: bytes.remove(at: place)
      case 2: bytes.insert(UInt8.random(in: 0...0xFF, using: &random), at: place)
      default: break
      }
      let expected = String(validating: bytes, as: UTF8.self)
      bytes.withUnsafeBufferPointer {
        let found = UTF8Scalars.measure(validating: $0)
        #expect(found?.scalarCount == expected?.unicodeScalars.count, "bytes \(bytes)")
        #expect(found?.utf16Count == expected?.utf16.count, "bytes \(bytes)")
        guard found != nil else { return }
        #expect(found == UTF8Scalars.measure($0))
        // Each unit belongs to the scalar that begins at or before it.
        var offset = 0
        var unit = 0
        guard step % 10 == 0, bytes == Array(String(text).utf8) else { return }
        for (position, scalar) in text.enumerated() {
          #expect(UTF8Scalars.byteOffset(of: position, in: $0) == offset)
          for _ in 0..<UTF16.width(scalar) {
            #expect(UTF8Scalars.byteOffset(ofUTF16: unit, in: $0) == offset)
            unit += 1
          }
          offset += UTF8.width(scalar)
        }
      }
    }
  }
}
