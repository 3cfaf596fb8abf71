import Documents
import Foundation
import TestSupport
import Testing

/// Random edits of a rope and of an array of scalars, side by side.
@Suite("Text rope against a model")
struct TextRopeModelTests {
  /// How many edits each history has; more when the environment asks for a long hunt, which wants a
  /// release build.
  private static let steps =
    ProcessInfo.processInfo.environment["SKERRY_ROPE_STEPS"].flatMap { Int($0) } ?? 1500

  /// What a history tends to do.
  enum Habit: CaseIterable {
    /// Types and deletes where it is, and moves now and then.
    case typing
    /// Edits anywhere, a little at a time.
    case scattered
    /// Pastes and cuts much, and copies values meanwhile.
    case pasting
    /// Grows a text by single insertions and then eats holes into it.
    case eroding
  }

  private static let pieces = [
    "a", "b", " ", "\n", "\r\n", "\0", "é", "e\u{301}", "日本", "👍", "👩‍👩‍👧", "\u{10FFFF}",
    "plain words ",
    "naïve 語 👍\r\n",
  ]

  @Test(
    "every edit does what it does to an array", arguments: Habit.allCases,
    1...3 as ClosedRange<UInt64>)
  func edits(habit: Habit, seed: UInt64) throws {
    var history = History(seed: seed)
    for step in 0..<Self.steps {
      try history.step(habit, number: step, of: Self.steps)
      history.checkCounts("seed \(seed), step \(step)")
      if step % 97 == 0 { try history.check("seed \(seed), step \(step)") }
    }
    try history.check("seed \(seed), the end")
  }

  private struct History {
    var random: SeededGenerator
    var rope = TextRope()
    var model: [Unicode.Scalar] = []
    var utf8Count = 0
    var utf16Count = 0
    var cursor = 0
    /// Earlier values with what they must remain.
    var kept: [(TextRope, [Unicode.Scalar])] = []

    init(seed: UInt64) {
      random = SeededGenerator(seed: seed)
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func step(_ habit: Habit, number step: Int, of steps: Int) throws {
      switch habit {
      case .typing:
        if number(0...30) == 0 { cursor = number(0...model.count) }
        if number(0...3) == 0 {
          let back = min(cursor, number(1...2))
          try remove(cursor - back..<cursor)
        } else if number(0...60) == 0 {
          try remove(cursor..<min(model.count, cursor + number(0...40)))
        } else {
          try insert(pieces(1))
        }
      case .scattered:
        cursor = number(0...model.count)
        if number(0...9) < 6 || step < steps / 4 {
          try insert(pieces(number(1...6)))
        } else {
          try remove(cursor..<min(model.count, cursor + number(1...12)))
        }
      case .pasting:
        cursor = number(0...model.count)
        if number(0...19) == 0 { kept = [(rope, model)] + kept.prefix(2) }
        if model.count < 40_000, number(0...1) == 0 {
          try insert(pieces(number(0...3) == 0 ? number(1...4000) : number(1...60)))
        } else {
          let most = number(0...3) == 0 ? 30_000 : 200
          try remove(cursor..<min(model.count, cursor + number(0...most)))
        }
      case .eroding:
        cursor = number(0...model.count)
        if step < steps / 8 {
          try insert(pieces(200))
        } else {
          try remove(cursor..<min(model.count, cursor + number(1...150)))
          if number(0...3) == 0 { try insert(pieces(1)) }
        }
      }
    }

    private mutating func pieces(_ count: Int) -> String {
      var text = ""
      for _ in 0..<count {
        let last = TextRopeModelTests.pieces.count - 1
        text += TextRopeModelTests.pieces[number(0...last)]
      }
      return text
    }

    private mutating func insert(_ text: String) throws {
      let scalars = Array(text.unicodeScalars)
      switch number(0...2) {
      case 0: try rope.insert(text, at: cursor)
      case 1:
        let utf8 = Array(text.utf8)
        try utf8.withUnsafeBufferPointer { try rope.insert(utf8: $0, at: cursor) }
      default:
        if scalars.count > 20 {
          try rope.insert(text, at: cursor)
        } else {
          for (index, scalar) in scalars.enumerated() {
            try rope.insert(scalar, at: cursor + index)
          }
        }
      }
      model.insert(contentsOf: scalars, at: cursor)
      cursor += scalars.count
      utf8Count += text.utf8.count
      utf16Count += text.utf16.count
    }

    private mutating func remove(_ range: Range<Int>) throws {
      try rope.remove(range)
      for scalar in model[range] {
        utf8Count -= UTF8.width(scalar)
        utf16Count -= UTF16.width(scalar)
      }
      model.removeSubrange(range)
      cursor = range.lowerBound
    }

    func checkCounts(_ note: String) {
      // One expectation a step keeps long hunts fast.
      let isRight =
        rope.count == model.count && rope.utf8Count == utf8Count && rope.utf16Count == utf16Count
      if !isRight { Issue.record("counts differ: \(note)") }
    }

    mutating func check(_ note: String) throws {
      rope.checkInvariants()
      #expect(rope.string.unicodeScalars.elementsEqual(model), "\(note)")
      #expect(rope.memorySize <= 2 * rope.utf8Count + 65_536, "\(note)")
      var parts: [UInt8] = []
      rope.forEachUTF8Part { parts += $0 }
      #expect(parts == Array(rope.string.utf8), "\(note)")
      for _ in 0..<4 {
        let position = number(0...model.count)
        let before = model[..<position]
        let utf8 = before.reduce(0) { $0 + UTF8.width($1) }
        let utf16 = before.reduce(0) { $0 + UTF16.width($1) }
        #expect(try rope.utf8Offset(of: position) == utf8, "\(note)")
        #expect(try rope.utf16Offset(of: position) == utf16, "\(note)")
        #expect(try rope.position(ofUTF8: utf8) == position, "\(note)")
        #expect(try rope.position(ofUTF16: utf16) == position, "\(note)")
        if position < model.count {
          let last16 = utf16 + UTF16.width(model[position]) - 1
          #expect(try rope.position(ofUTF16: last16) == position, "\(note)")
        }
        let end = min(model.count, position + number(0...3000))
        let slice = try rope.slice(position..<end)
        #expect(slice.unicodeScalars.elementsEqual(model[position..<end]), "\(note)")
      }
      for (rope, model) in kept {
        rope.checkInvariants()
        #expect(rope.string.unicodeScalars.elementsEqual(model), "\(note)")
      }
    }
  }

  // MARK: Edges

  /// The capacities of the blocks that a text may begin with, and of those of long texts.
  private static let capacities = [48, 112, 240, 496, 1008, TextRope.blockCapacity]

  @Test("texts about as long as a block", arguments: capacities, ["x", "é", "語", "👍"])
  func blockEdges(capacity: Int, unit: String) throws {
    let width = unit.utf8.count
    for length in capacity - width - 1...capacity + width + 1 {
      let text =
        String(repeating: unit, count: length / width)
        + String(
          repeating: "y", count: length % width)
      var rope = TextRope(text)
      #expect(rope.string == text)
      for added in ["z", "ß"] {
        for position in [0, rope.count / 2, rope.count] {
          var copy = rope
          try copy.insert(added, at: position)
          copy.checkInvariants()
          var scalars = Array(text.unicodeScalars)
          scalars.insert(contentsOf: added.unicodeScalars, at: position)
          #expect(copy.string.unicodeScalars.elementsEqual(scalars))
          try copy.remove(position..<position + 1)
          copy.checkInvariants()
          #expect(copy == rope)
        }
      }
      while !rope.isEmpty { try rope.remove(max(0, rope.count - 7)..<rope.count) }
      rope.checkInvariants()
      #expect(rope == TextRope())
    }
  }

  @Test("insertions about as long as a block, into a full one", arguments: ["x", "👍"])
  func insertionEdges(unit: String) throws {
    let capacity = TextRope.blockCapacity
    let full = String(repeating: "o", count: capacity)
    let small = capacity / 16
    let fill = capacity - small
    for length in [small, fill, capacity, 2 * fill].flatMap({ $0 - 4...$0 + 4 }) {
      let added = String(repeating: unit, count: length / unit.utf8.count)
      for position in [0, 1, capacity / 2, capacity - 1, capacity] {
        var rope = TextRope(full)
        try rope.insert(added, at: position)
        rope.checkInvariants()
        let expected = full.prefix(position) + added + full.dropFirst(position)
        #expect(rope.string == String(expected))
      }
    }
  }

  @Test("a text takes little more memory than it has bytes")
  func memory() throws {
    #expect(MemoryLayout<TextRope>.size == 8)
    for length in [0, 1, 48, 100, 112] {
      let size = TextRope(String(repeating: "x", count: length)).memorySize
      #expect(size <= length + 200, "\(length) bytes take \(size)")
    }
    // Thin out a long text until little is left.
    var random = SeededGenerator(seed: 5)
    var rope = TextRope(String(repeating: "0123456789", count: 40_000))
    while rope.count > 1000 {
      let start = Int.random(in: 0..<rope.count, using: &random)
      try rope.remove(start..<min(rope.count, start + 90))
      #expect(rope.memorySize <= 2 * rope.utf8Count + 65_536)
    }
    rope.checkInvariants()
    // Let it grow again at random places.
    for _ in 0..<20_000 {
      try rope.insert("grown", at: Int.random(in: 0...rope.count, using: &random))
    }
    rope.checkInvariants()
    #expect(rope.memorySize <= 2 * rope.utf8Count + 65_536)
  }

  @Test("one copy may be read while another is edited")
  func sharing() async throws {
    let text = String(repeating: "shared 👍 text\r\n", count: 2000)
    let rope = TextRope(text)
    await withTaskGroup(of: Bool.self) { group in
      for number in 0..<4 {
        group.addTask {
          var mine = rope
          for step in 0..<100 { try? mine.insert("x", at: step * number) }
          return mine.count == rope.count + 100 && rope.string == text
        }
      }
      for await isRight in group { #expect(isRight) }
    }
  }
}
