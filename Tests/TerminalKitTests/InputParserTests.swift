import TestSupport
import Testing

@testable import TerminalKit

struct InputParserTests {
  private static let cases: [(bytes: String, events: [InputEvent])] = [
    ("aé日", [.key(.character("a"), []), .key(.character("é"), []), .key(.character("日"), [])]),
    ("\r", [.key(.enter, [])]), ("\t", [.key(.tab, [])]), ("\u{7F}", [.key(.backspace, [])]),
    ("\u{13}", [.key(.character("s"), .control)]), ("\0", [.key(.character(" "), .control)]),
    ("\u{1C}", [.key(.character("\\"), .control)]),
    ("\u{1B}[A", [.key(.up, [])]), ("\u{1B}OB", [.key(.down, [])]),
    ("\u{1B}[1;5C", [.key(.right, .control)]), ("\u{1B}[1;2D", [.key(.left, .shift)]),
    ("\u{1B}[H\u{1B}[4~", [.key(.home, []), .key(.end, [])]),
    ("\u{1B}[3;3~", [.key(.delete, .alt)]),
    ("\u{1B}[5~\u{1B}[6~", [.key(.pageUp, []), .key(.pageDown, [])]),
    (
      "\u{1B}OP\u{1B}[15~\u{1B}[24~",
      [.key(.function(1), []), .key(.function(5), []), .key(.function(12), [])]
    ),
    ("\u{1B}[Z", [.key(.backTab, [])]), ("\u{1B}x", [.key(.character("x"), .alt)]),
    ("\u{1B}\u{7F}", [.key(.backspace, .alt)]), ("\u{1B}\r", [.key(.enter, .alt)]),
    ("\u{1B}[I\u{1B}[O", [.focus(true), .focus(false)]),
    ("\u{1B}[97;5u", [.key(.character("a"), .control)]),
    ("\u{1B}[<0;3;4M", [.mouse(MouseEvent(.press(.left), at: Point(x: 2, y: 3)))]),
    ("\u{1B}[<2;1;1m", [.mouse(MouseEvent(.release(.right), at: Point(x: 0, y: 0)))]),
    ("\u{1B}[<80;9;9M", [.mouse(MouseEvent(.wheelUp, at: Point(x: 8, y: 8), modifiers: .control))]),
    ("\u{1B}[<32;2;2M", [.mouse(MouseEvent(.drag(.left), at: Point(x: 1, y: 1)))]),
    (
      "\u{1B}[200~a\r\nb\rc\u{1B}[A\u{1B}[201~x",
      [.paste("a\nb\nc\u{1B}[A"), .key(.character("x"), [])]
    ),
    (
      "\u{1B}]0;title\u{7}y\u{1B}P1\u{1B}\\z",
      [.key(.character("y"), []), .key(.character("z"), [])]
    ),
    ("\u{1B}[999;999X\u{1B}[?1;2cq", [.key(.character("q"), [])]),
  ]

  @Test(arguments: cases)
  func bytesBecomeEventsHoweverTheyAreCut(bytes: String, events: [InputEvent]) {
    let all = Array(bytes.utf8)
    for cut in 0...all.count {
      var parser = InputParser()
      let seen = parser.feed(all[..<cut]) + parser.feed(all[cut...])
      #expect(seen == events, "cut at \(cut)")
      #expect(!parser.isWaiting)
    }
    var parser = InputParser()
    #expect(all.flatMap { parser.feed([$0]) } == events)
  }

  @Test func clustersThatArriveTogetherAreOneCharacter() {
    var parser = InputParser()
    let events: [InputEvent] = [.key(.character("👩‍👩‍👧‍👦"), []), .key(.character("e\u{301}"), [])]
    #expect(parser.feed("👩‍👩‍👧‍👦e\u{301}".utf8) == events)
  }

  @Test func aLoneEscapeIsTheKeyOnceTimeHasPassed() {
    var parser = InputParser()
    #expect(parser.feed([0x1B]) == [])
    #expect(parser.isWaiting)
    #expect(parser.timeOut() == [.key(.escape, [])])
    #expect(!parser.isWaiting)
    #expect(parser.feed([0x1B, 0x5B]) == [])
    #expect(parser.timeOut() == [.key(.character("["), .alt)])
    #expect(parser.feed([0x1B, 0x1B]) == [.key(.escape, [])])
    #expect(parser.timeOut() == [.key(.escape, [])])
    #expect(parser.feed([0xE6, 0x97]) == [])
    #expect(parser.timeOut() == [.key(.character("\u{FFFD}"), [])])
    #expect(parser.timeOut() == [])
  }

  @Test func aLongPasteComesInPiecesAndLosesNothing() {
    let text = String(repeating: "日本語 text\n", count: 200_000)
    var parser = InputParser()
    var pasted = ""
    var pieces = 0
    for event in parser.feed(Array("\u{1B}[200~\(text)\u{1B}[201~".utf8)) {
      if case .paste(let piece) = event {
        pasted += piece
        pieces += 1
      }
    }
    #expect(pasted == text)
    #expect(pieces > 1)
  }

  @Test(arguments: 1...20)
  func anyBytesAreAllowed(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let seeds = Self.cases.map { Array($0.bytes.utf8) }
    var parser = InputParser()
    for _ in 0..<400 {
      var bytes = seeds.randomElement(using: &random) ?? []
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        if Bool.random(using: &random), place < bytes.count {
          bytes[place] = .random(in: 0...255, using: &random)
        } else {
          bytes.insert(.random(in: 0...255, using: &random), at: place)
        }
      }
      _ = parser.feed(bytes)
      if Int.random(in: 0..<10, using: &random) == 0 { _ = parser.timeOut() }
    }
    // Whatever came before, this brings it back.
    _ = parser.feed(Array("\u{1B}[201~\u{18}".utf8))
    _ = parser.timeOut()
    #expect(parser.feed([0x61]) == [.key(.character("a"), [])], "seed \(seed)")
  }

  @Test func endlessSequencesAreNotKept() {
    var parser = InputParser()
    _ = parser.feed([0x1B, 0x5B] + [UInt8](repeating: 0x31, count: 1_000_000))
    _ = parser.feed([0x18])
    #expect(parser.feed([0x61]) == [.key(.character("a"), [])])
  }
}
