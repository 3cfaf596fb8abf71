import Documents
import TestSupport
import Testing

@Suite("Text rope")
struct TextRopeTests {
  private static let pieces = [
    "a", "bc", "hello world", "\r\n", "\0", "é", "e\u{301}", "👍", "👩‍👩‍👧", "日本",
    String(repeating: "long ", count: 300), String(repeating: "ü", count: 900),
    String(repeating: "👍", count: 600),
  ]

  private static func check(_ rope: TextRope, _ model: [Unicode.Scalar]) {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: model)
    let expected = String(view)
    #expect(rope.count == model.count)
    #expect(rope.utf8Count == expected.utf8.count)
    #expect(rope.utf16Count == expected.utf16.count)
    #expect(rope.string.unicodeScalars.elementsEqual(model))
  }

  @Test(
    "random edits do what they do to an array of scalars",
    arguments: [1, 2, 3] as [UInt64]
  )
  func randomEdits(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var rope = TextRope()
    var model: [Unicode.Scalar] = []
    var cursor = 0
    for step in 0..<1000 {
      // Half of the edits continue at the last place, as typing does.
      if Bool.random(using: &random) { cursor = Int.random(in: 0...model.count, using: &random) }
      cursor = min(cursor, model.count)
      if Int.random(in: 0..<100, using: &random) < 55 {
        let small = Int.random(in: 0..<10, using: &random) < 9
        let piece = Self.pieces[
          Int.random(in: 0..<(small ? 10 : Self.pieces.count), using: &random)]
        try rope.insert(piece, at: cursor)
        model.insert(contentsOf: piece.unicodeScalars, at: cursor)
        cursor += piece.unicodeScalars.count
      } else {
        let most = Int.random(in: 0..<20, using: &random) == 0 ? 4000 : 12
        let count = min(model.count, Int.random(in: 0...most, using: &random))
        let start = max(0, min(cursor - count / 2, model.count - count))
        try rope.remove(start..<start + count)
        model.removeSubrange(start..<start + count)
        cursor = start
      }
      if step % 50 == 0 { Self.check(rope, model) }
    }
    Self.check(rope, model)
    try rope.remove(0..<rope.count)
    Self.check(rope, [])
  }

  @Test("positions convert between scalars, UTF-8 and UTF-16", arguments: [7, 8] as [UInt64])
  func positions(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var rope = TextRope()
    for _ in 0..<60 {
      let piece = Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &random)]
      try rope.insert(piece, at: Int.random(in: 0...rope.count, using: &random))
    }
    let scalars = Array(rope.string.unicodeScalars)
    var utf8 = 0
    var utf16 = 0
    for (position, scalar) in scalars.enumerated() {
      let width8 = UTF8.width(scalar)
      let width16 = UTF16.width(scalar)
      if position % 7 == 0 || position + 5 > scalars.count {
        #expect(try rope.utf8Offset(of: position) == utf8)
        #expect(try rope.utf16Offset(of: position) == utf16)
        // Anything inside a scalar belongs to it.
        for offset in 0..<width8 { #expect(try rope.position(ofUTF8: utf8 + offset) == position) }
        for offset in 0..<width16 {
          #expect(try rope.position(ofUTF16: utf16 + offset) == position)
        }
      }
      utf8 += width8
      utf16 += width16
    }
    #expect(try rope.utf8Offset(of: scalars.count) == utf8)
    #expect(try rope.position(ofUTF8: utf8) == scalars.count)
    #expect(try rope.position(ofUTF16: utf16) == scalars.count)
  }

  @Test("a slice is the text between two positions, also right after an edit")
  func slices() throws {
    var random = SeededGenerator(seed: 9)
    var rope = TextRope(String(repeating: "grün 👍\r\n", count: 1000))
    for _ in 0..<200 {
      try rope.insert("·x", at: Int.random(in: 0...rope.count, using: &random))
      let low = Int.random(in: 0...rope.count, using: &random)
      let high = Int.random(in: low...rope.count, using: &random)
      let scalars = rope.string.unicodeScalars.dropFirst(low).prefix(high - low)
      #expect(try rope.slice(low..<high).unicodeScalars.elementsEqual(scalars))
    }
  }

  @Test("what is out of range is refused and changes nothing")
  func outOfRange() throws {
    var rope = TextRope("añb")
    let before = rope
    for position in [-1, 4, .min, .max] {
      #expect(throws: TextRopeError.outOfRange(position..<position, length: 3)) {
        try rope.insert("x", at: position)
      }
      #expect(throws: TextRopeError.self) { try rope.utf8Offset(of: position) }
      #expect(throws: TextRopeError.self) { try rope.position(ofUTF16: position) }
    }
    for range in [-1..<1, 0..<4, 4..<4, 0..<Int.max] {
      #expect(throws: TextRopeError.outOfRange(range, length: 3)) { try rope.remove(range) }
      #expect(throws: TextRopeError.self) { try rope.slice(range) }
    }
    let bytes: [UInt8] = [0xE2, 0x82]
    #expect(throws: TextRopeError.invalidUTF8) {
      try bytes.withUnsafeBufferPointer { try rope.insert(utf8: $0, at: 0) }
    }
    #expect(bytes.withUnsafeBufferPointer { TextRope(validatingUTF8: $0) } == nil)
    #expect(rope == before)
  }

  @Test("a copy does not see what the original does next")
  func valueSemantics() throws {
    var rope = TextRope("one")
    let copy = rope
    try rope.insert(" two", at: 3)
    #expect(copy.string == "one" && rope.string == "one two")
  }

  @Test("one line of ten megabytes")
  func longLine() throws {
    var rope = TextRope(String(repeating: "0123456789", count: 1 << 20))
    for step in 0..<1000 { try rope.insert("é", at: step * 9973) }
    #expect(rope.utf8Count == (10 << 20) + 2000)
    #expect(try rope.position(ofUTF8: try rope.utf8Offset(of: 5_000_000)) == 5_000_000)
    try rope.remove(10..<rope.count - 10)
    #expect(rope.count == 20)
  }
}
