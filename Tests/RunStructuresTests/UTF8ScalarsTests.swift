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
}
