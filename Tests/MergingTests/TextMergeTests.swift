import Merging
import TestSupport
import Testing

@Suite("Merging two texts")
struct TextMergeTests {
  struct Case: CustomTestStringConvertible {
    var name: String
    var base: String
    var ours: String
    var theirs: String
    var merged: String
    var testDescription: String { name }

    init(_ name: String, _ base: String, _ ours: String, _ theirs: String, _ merged: String) {
      self.name = name
      self.base = base
      self.ours = ours
      self.theirs = theirs
      self.merged = merged
    }
  }

  private func isEqual(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
  }

  @Test(
    "what both did is in the result",
    arguments: [
      Case("nothing", "", "", "", ""),
      Case("only theirs", "a\n", "a\n", "b\n", "b\n"),
      Case("only ours", "a\n", "b\n", "a\n", "b\n"),
      Case("the same edit", "a\nb\n", "a\nB\n", "a\nB\n", "a\nB\n"),
      Case("lines far apart", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"),
      Case(
        "the same edit, and one more", "a\nb\nc\nd\n", "A\nb\nc\nd\n", "A\nb\nc\nD\n",
        "A\nb\nc\nD\n"),
      Case("neighbouring lines", "a\nb\n", "A\nb\n", "a\nB\n", "A\nB\n"),
      Case(
        "words of one line", "the quick fox\n", "the slow fox\n", "the quick dog\n",
        "the slow dog\n"),
      Case(
        "neighbouring words", "Bring bread, cheese.\n", "Bring rye, cheese.\n",
        "Bring bread, olives.\n", "Bring rye, olives.\n"),
      Case("both put in a line", "a\nb\n", "a\nx\nb\n", "a\ny\nb\n", "a\nx\ny\nb\n"),
      Case("both append", "a\n", "a\nx\n", "a\ny\n", "a\nx\ny\n"),
      Case("both append, no line's end", "a", "a\nx", "a\ny", "a\nx\ny"),
      Case("one appends more of the same", "a\n", "a\nx\n", "a\nx\ny\n", "a\nx\ny\n"),
      Case("both write into nothing", "", "x\n", "y\n", "x\ny\n"),
      Case(
        "both put in a word", "a fox ran\n", "a red fox ran\n", "a sly fox ran\n",
        "a red sly fox ran\n"),
      Case("both delete, one more", "a\nb\nc\nd\n", "a\nd\n", "a\nc\nd\n", "a\nd\n"),
      Case("both delete, overlapping", "a\nb\nc\nd\n", "c\nd\n", "a\nd\n", "d\n"),
      Case("delete beside edit", "a\nb\nc\n", "a\nc\n", "a\nb\nC\n", "a\nC\n"),
      Case(
        "ends against words", "a b\nc d\n", "a b\r\nc d\r\n", "a X\nc d\n", "a X\r\nc d\r\n"),
      Case("CRLF throughout", "a b\r\nc\r\n", "A b\r\nc\r\n", "a B\r\nc\r\n", "A B\r\nc\r\n"),
      Case(
        "indented against edited", "x = 1\ny = 2\n", "  x = 1\n  y = 2\n", "x = 1\ny = 3\n",
        "  x = 1\n  y = 3\n"),
      Case("line's end added against edit", "a\nb", "a\nb\n", "a\nB", "a\nB\n"),
      Case("line's end taken against append", "a\nb\n", "a\nb", "a\nb\nc\n", "a\nb\nc"),
      Case("emoji side by side", "👩‍👩‍👧‍👦🇩🇪\n", "👩‍👩‍👧🇩🇪\n", "👩‍👩‍👧‍👦🇩🇰\n", "👩‍👩‍👧🇩🇰\n"),
      Case(
        "accents", "cafe\u{301} noir\n", "caf\u{E9} noir\n", "cafe\u{301} brun\n",
        "caf\u{E9} brun\n"),
      Case("no spaces between words", "春眠不覚暁\n", "冬眠不覚暁\n", "春眠不覚朝\n", "冬眠不覚朝\n"),
      Case("the same, after another", "a b\n", "A B\n", "a B\nc\n", "A B\nc\n"),
      Case("moved and added", "a\nb\nc\n", "b\na\nc\n", "a\nb\nc\nd\n", "b\na\nc\nd\n"),
    ])
  func merges(example: Case) {
    let merged = ThreeWayMerge.texts(base: example.base, ours: example.ours, theirs: example.theirs)
    #expect(merged.conflicts.isEmpty, "\(merged.conflicts)")
    #expect(isEqual(merged.text(), example.merged), "\(merged.text().debugDescription)")
    for choice in MergeChoice.allCases {
      #expect(isEqual(merged.text(choice), example.merged), "\(choice)")
    }
  }

  /// What stands there by default: ours, then theirs.
  @Test(
    "both sides of a conflict are told and kept",
    arguments: [
      Case(
        "one word twice", "recieve it\n", "receive it\n", "recieved it\n", "receive recieved it\n"),
      Case(
        "a line rewritten twice", "one two three\n", "uno dos tres\n", "un deux trois\n",
        "uno dos tres\nun deux trois\n"),
      Case("deleted and edited", "a\nb c\nd\n", "a\nd\n", "a\nb C\nd\n", "a\nb C\nd\n"),
      Case(
        "deleted around a line", "a\nb\nc\nd\n", "a\nd\n", "a\nb\nx\nc\nd\n", "a\nb\nx\nc\nd\n"),
      Case("a flag twice", "🇩🇪\n", "🇩🇰\n", "🇫🇷\n", "🇩🇰\n🇫🇷\n"),
      Case("no line's end", "a", "b", "c", "b\nc"),
    ])
  func conflicts(example: Case) throws {
    let merged = ThreeWayMerge.texts(base: example.base, ours: example.ours, theirs: example.theirs)
    let conflict = try #require(merged.conflicts.first)
    #expect(merged.conflicts.count == 1)
    #expect(isEqual(merged.text(), example.merged), "\(merged.text().debugDescription)")
    #expect(isEqual(merged.text(.ours), example.ours))
    #expect(isEqual(merged.text(.theirs), example.theirs))
    let base = Array(example.base.unicodeScalars)[conflict.baseRange]
    #expect(isEqual(String(String.UnicodeScalarView(base)), conflict.base))
    for (choice, side) in [(MergeChoice.ours, conflict.ours), (.theirs, conflict.theirs)] {
      let place = try #require(merged.places(choice).first)
      let found = Array(merged.text(choice).unicodeScalars)[place]
      #expect(isEqual(String(String.UnicodeScalarView(found)), side))
    }
  }

  @Test("markers stand around whole lines, as git writes them")
  func markers() {
    let merged = ThreeWayMerge.texts(
      base: "a\nI recieve it\nz\n", ours: "a\nI receive it\nz\n", theirs: "a\nI recieved it\nZ\n")
    #expect(
      merged.text(.markers) == """
        a
        <<<<<<< ours
        I receive it
        ||||||| base
        I recieve it
        =======
        I recieved it
        >>>>>>> theirs
        Z

        """)
    #expect(merged.places(.markers) == [2..<91])
    #expect(merged.conflicts.map(\.base) == ["recieve"])
  }

  // MARK: At random

  private struct Generator {
    var random: SeededGenerator
    let words: [String]

    init(_ seed: UInt64) {
      random = SeededGenerator(seed: seed)
      words = [
        "a", "the", "fox", " ", " ", "\n", "\n", "\r\n", ".", "👩‍👩‍👧‍👦", "🇩🇪", "🇫🇷", "e\u{301}", "é", "本",
        "\t", "x1",
      ]
    }

    mutating func text(_ count: Int) -> [String] {
      (0..<count).map { _ in words[Int.random(in: 0..<words.count, using: &random)] }
    }

    mutating func edited(_ text: [String]) -> [String] {
      var text = text
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let lower = Int.random(in: 0...text.count, using: &random)
        let upper = min(text.count, lower + Int.random(in: 0...3, using: &random))
        text.replaceSubrange(
          lower..<upper, with: self.text(Int.random(in: 0...3, using: &random)))
      }
      return text
    }
  }

  @Test(
    "what only one did is as they did it, and what both did alike is done once",
    arguments: 0..<300 as Range<UInt64>)
  func laws(seed: UInt64) {
    var generator = Generator(seed)
    let base = generator.text(Int.random(in: 0...40, using: &generator.random))
    let (b, x, y) = (
      base.joined(), generator.edited(base).joined(), generator.edited(base).joined()
    )
    for (base, ours, theirs, result) in [(b, b, x, x), (b, x, b, x), (b, x, x, x)] {
      let merged = ThreeWayMerge.texts(base: base, ours: ours, theirs: theirs)
      #expect(merged.conflicts.isEmpty && isEqual(merged.text(), result), "seed \(seed)")
    }
    let one = ThreeWayMerge.texts(base: b, ours: x, theirs: y)
    let other = ThreeWayMerge.texts(base: b, ours: y, theirs: x)
    #expect(one.conflicts.isEmpty == other.conflicts.isEmpty, "seed \(seed)")
    #expect(one.places().count == one.conflicts.count)
    // A merge takes no cluster apart and glues no two together.
    // What is added between two sides of a conflict is a space or a line's end.
    let known = Set((b + x + y + " \n.\r\n").map { Array($0.unicodeScalars) })
    for choice in MergeChoice.allCases where choice != .markers {
      for character in one.text(choice) {
        #expect(known.contains(Array(character.unicodeScalars)), "seed \(seed): \(character)")
      }
    }
    for place in one.places(.both) + one.places(.markers) {
      #expect(
        place.upperBound <= one.text(.markers).unicodeScalars.count
          + one.text().unicodeScalars.count)
    }
  }

  @Test(
    "a long line, and texts that have nothing in common, end in good time", .timeLimit(.minutes(3)))
  func bounded() {
    let words = (0..<8_000).map { "w\($0 % 977)" }
    var ours = words
    var theirs = words
    ours[100] = "ours"
    theirs[7_000] = "theirs"
    let merged = ThreeWayMerge.texts(
      base: words.joined(separator: " "), ours: ours.joined(separator: " "),
      theirs: theirs.joined(separator: " "))
    ours[7_000] = "theirs"
    #expect(merged.conflicts.isEmpty)
    #expect(isEqual(merged.text(), ours.joined(separator: " ")))

    var generator = SeededGenerator(seed: 3)
    func lines() -> String {
      (0..<3_000).map { _ in "\(Int.random(in: 0..<300, using: &generator))\n" }.joined()
    }
    let far = ThreeWayMerge.texts(base: lines(), ours: lines(), theirs: lines())
    #expect(!far.conflicts.isEmpty)
    // One cluster of many scalars is one character.
    let tall = "e" + String(repeating: "\u{301}", count: 50_000)
    let pile = ThreeWayMerge.texts(base: tall + " a b", ours: tall + " A b", theirs: tall + " a B")
    #expect(isEqual(pile.text(), tall + " A B"))
  }
}
