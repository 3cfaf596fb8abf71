import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What people who format one text together get. The cases of the paper (Litt, Lim, Kleppmann, van
/// Hardenberg, "Peritext: A CRDT for Collaborative Rich Text Editing", 2022), and some of ours.
@Suite("Peritext's cases")
struct PeritextCasesTests {
  // MARK: Two mark at once

  @Test func bothBoldAndTheyOverlap() throws {
    var (left, right) = try apart(text: "The fox jumped.")
    try left.mark(0..<7, "bold")
    try right.mark(4..<14, "bold")
    try meet(&left, &right)
    #expect(left.marked == "[bold:The fox jumped].")
  }

  @Test func boldAndItalicOverlap() throws {
    var (left, right) = try apart(text: "The fox jumped.")
    try left.mark(0..<7, "bold")
    try right.mark(4..<14, "italic")
    try meet(&left, &right)
    #expect(left.marked == "[bold:The ][bold+italic:fox][italic: jumped].")
  }

  @Test func oneColourWinsEverywhereTheSame() throws {
    var (left, right) = try apart(text: "The fox jumped.")
    try left.mark(0..<7, "color", .string("red"))
    try right.mark(4..<14, "color", .string("blue"))
    try meet(&left, &right)
    // The same Lamport time: the higher origin.
    #expect(left.marked == "[color=red:The ][color=blue:fox jumped].")
  }

  @Test func boldAgainstNotBold() throws {
    var (left, right) = try apart(text: "The fox jumped.")
    try left.mark(0..<15, "bold")
    try meet(&left, &right)
    try left.unmark(4..<7, "bold")
    try right.mark(0..<10, "bold")
    try meet(&left, &right)
    // Right is the higher origin, so that it says what is true of "fox".
    #expect(left.marked == "[bold:The fox jumped.]")
    try right.unmark(0..<7, "bold")
    try left.mark(4..<15, "bold")
    try meet(&left, &right)
    #expect(left.marked == "The fox[bold: jumped.]")
  }

  @Test func whoeverHasSeenTheOtherWins() throws {
    var (left, right) = try apart(text: "The fox jumped.")
    try right.mark(0..<15, "color", .string("blue"))
    try meet(&left, &right)
    try left.mark(4..<7, "color", .string("red"))
    try meet(&left, &right)
    #expect(right.marked == "[color=blue:The ][color=red:fox][color=blue: jumped.]")
  }

  @Test func commentsStandBesideEachOther() throws {
    var (left, right) = try apart(text: "The fox jumped.")
    try left.mark(0..<7, "comment:1", .string("which?"), expand: .none)
    try right.mark(4..<14, "comment:2", .string("how far?"), expand: .none)
    try meet(&left, &right)
    #expect(
      left.marked
        == "[comment:1=which?:The ][comment:1=which?+comment:2=how far?:fox]"
        + "[comment:2=how far?: jumped].")
    try right.unmark(0..<15, "comment:1", expand: .none)
    try meet(&left, &right)
    #expect(left.marked == "The [comment:2=how far?:fox jumped].")
  }

  // MARK: One marks while the other types

  @Test func whatIsTypedInsideAtTheSameTimeIsMarked() throws {
    var (left, right) = try apart(text: "The fox jumped.")
    for expansion in MarkExpansion.allCases {
      try left.mark(0..<15, "m\(expansion)", expand: expansion)
    }
    try right.type("quick ", at: 4)
    try meet(&left, &right)
    #expect(left.marked == "[mafter+mbefore+mboth+mnone:The quick fox jumped.]")
  }

  @Test func whatIsTypedAtAnEdgeAtTheSameTimeIsMarkedWhereItGrows() throws {
    let expected: [MarkExpansion: String] = [
      .none: "ab<[m:cd]>ef", .after: "ab<[m:cd>]ef", .before: "ab[m:<cd]>ef", .both: "ab[m:<cd>]ef",
    ]
    for (expansion, text) in expected {
      var (left, right) = try apart(text: "abcdef")
      try left.mark(2..<4, "m", expand: expansion)
      try right.type(">", at: 4)
      try right.type("<", at: 2)
      try meet(&left, &right)
      #expect(left.marked == text)
      // And when the mark is there already.
      var (one, _) = try apart(text: "abcdef")
      try one.mark(2..<4, "m", expand: expansion)
      try one.type(">", at: 4)
      try one.type("<", at: 2)
      #expect(one.marked == text)
    }
  }

  @Test func boldGrowsAtTheEndOfTheTextAndLinksDoNot() throws {
    var (left, right) = try apart(text: "see here")
    try left.mark(4..<8, "bold")
    try left.mark(4..<8, "link", .string("u"), expand: .none)
    try left.type(" and", at: 8)
    try right.type("!", at: 8)
    try meet(&left, &right)
    #expect(left.marked == "see [bold+link=u:here][bold: and!]")
  }

  @Test func textGrowsIntoTheMiddleOfALink() throws {
    var (left, _) = try apart(text: "see here")
    try left.mark(4..<8, "link", .string("u"), expand: .none)
    try left.type("o", at: 6)
    #expect(left.marked == "see [link=u:heore]")
  }

  @Test func betweenTwoLinksNothingIsLinked() throws {
    var (left, _) = try apart(text: "abcd")
    try left.mark(0..<2, "link", .string("1"), expand: .none)
    try left.mark(2..<4, "link", .string("2"), expand: .none)
    try left.type("-", at: 2)
    #expect(left.marked == "[link=1:ab]-[link=2:cd]")
  }

  @Test func whatIsNotBoldAnyMoreDoesNotGrowBold() throws {
    var (left, _) = try apart(text: "abcdef")
    try left.mark(0..<6, "bold")
    try left.unmark(2..<4, "bold")
    try left.type("x", at: 4)
    try left.type("y", at: 2)
    #expect(left.marked == "[bold:aby]cdx[bold:ef]")
  }

  // MARK: What is deleted

  /// The end of a link is deleted; what is typed behind what is left is behind the link.
  @Test func typingBesideADeletedEdge() throws {
    var (left, right) = try apart(text: "see here now")
    try left.mark(4..<8, "link", .string("u"), expand: .none)
    try meet(&left, &right)
    try left.delete(6..<8)
    try left.type("x", at: 6)
    try meet(&left, &right)
    #expect(right.marked == "see [link=u:he]x now")
    try right.delete(4..<5)
    try right.type("y", at: 4)
    try meet(&left, &right)
    #expect(left.marked == "see y[link=u:e]x now")
  }

  /// The same for what grows: the deleted end of bold text still leaves bold text.
  @Test func typingBesideADeletedEdgeThatGrows() throws {
    var (left, right) = try apart(text: "see here now")
    try left.mark(4..<8, "bold")
    try meet(&left, &right)
    try left.delete(6..<8)
    try left.type("x", at: 6)
    try meet(&left, &right)
    #expect(right.marked == "see [bold:hex] now")
  }

  @Test func anEdgeIsDeletedWhileTheOtherMarksToThere() throws {
    var (left, right) = try apart(text: "abcdef")
    try left.mark(1..<4, "link", .string("u"), expand: .none)
    try left.mark(1..<4, "bold")
    try right.delete(3..<5)
    try right.type("x", at: 3)
    try meet(&left, &right)
    // It was typed after "c" and before what was "d": within both.
    #expect(left.marked == "a[bold+link=u:bcx]f")
  }

  @Test func aWholeMarkIsDeletedAndTypedOver() throws {
    for expansion in MarkExpansion.allCases {
      var (left, right) = try apart(text: "see here now")
      try left.mark(4..<8, "m", expand: expansion)
      try meet(&left, &right)
      try right.delete(4..<8)
      try right.type("there", at: 4)
      try meet(&left, &right)
      #expect(left.marked == "see there now", "\(expansion)")
      #expect(left.document.marks.isEmpty)
    }
  }

  @Test func aWholeRangeIsDeletedWhileTheOtherMarksIt() throws {
    var (left, right) = try apart(text: "see here now")
    try left.mark(4..<8, "bold")
    try right.delete(4..<8)
    try meet(&left, &right)
    #expect(left.marked == "see  now")
    #expect(left.document.marks.isEmpty)
    try left.type("x", at: 4)
    #expect(left.marked == "see x now")
  }

  @Test func theMiddleIsReplacedWhileTheOtherMarksAround() throws {
    var (left, right) = try apart(text: "see here now")
    try left.mark(0..<12, "bold", expand: .none)
    try right.delete(4..<8)
    try right.type("there", at: 4)
    try meet(&left, &right)
    #expect(left.marked == "[bold:see there now]")
  }

  // MARK: Characters

  @Test func positionsAreScalarsAndUTF16() throws {
    var (left, _) = try apart(text: "a🏝️e\u{301}🇫🇮z")
    try left.mark(1..<3, "island")
    try left.mark(4..<6, "odd")
    let spans = try left.document.textSpans(at: ["t"])
    #expect(spans.map(\.text) == ["a", "🏝️", "e", "\u{301}\u{1F1EB}", "\u{1F1EE}z"])
    #expect(spans.map(\.range) == [0..<1, 1..<3, 3..<4, 4..<6, 6..<8])
    #expect(spans.map(\.utf16Range) == [0..<1, 1..<4, 4..<5, 5..<8, 8..<11])
    #expect(spans[1]["island"] == .bool(true))
    #expect(spans[1]["odd"] == nil)
  }

  @Test func namesAreTheirBytes() throws {
    var (left, _) = try apart(text: "ab")
    try left.mark(0..<2, "é", .integer(1))
    try left.mark(0..<2, "e\u{301}", .integer(2))
    let span = try #require(try left.document.textSpans(at: ["t"]).first)
    #expect(span.marks.map { Array($0.name.utf8) } == [Array("e\u{301}".utf8), Array("é".utf8)])
    #expect(span["é"] == .integer(1))
    #expect(span["e\u{301}"] == .integer(2))
  }

  // MARK: Reading

  @Test func stretchesThatReadTheSameAreOne() throws {
    var (left, _) = try apart(text: "abcdef")
    try left.mark(0..<3, "bold")
    try left.mark(3..<6, "bold", expand: .none)
    try left.mark(1..<2, "italic")
    try left.unmark(1..<2, "italic")
    #expect(try left.document.textSpans(at: ["t"]).map(\.text) == ["abcdef"])
    #expect(left.json == #"{"t":"abcdef"}"#)
  }

  @Test func anEmptyTextHasNoStretches() throws {
    var (left, _) = try apart(text: "")
    #expect(try left.document.textSpans(at: ["t"]).isEmpty)
    try left.type("a", at: 0)
    #expect(
      try left.document.textSpans(at: ["t"])
        == [TextSpan(text: "a", range: 0..<1, utf16Range: 0..<1, marks: [])])
  }

  @Test func aTextIsReadWithItsMarksAtAnEarlierVersion() throws {
    var (left, right) = try apart(text: "The fox jumped.")
    try left.mark(0..<7, "bold")
    let then = left.vector
    try left.delete(0..<4)
    try left.unmark(0..<3, "bold")
    try right.type("!", at: 15)
    try meet(&left, &right)
    let history = try left.history()
    let document = left.document
    #expect(
      DocumentReplica.marked(try document.textSpans(at: ["t"], version: then, in: history))
        == "[bold:The fox] jumped.")
    #expect(
      DocumentReplica.marked(
        try document.textSpans(at: ["t"], version: left.vector, in: history)) == left.marked)
  }

  /// Two texts made at one key are one, and so are the marks on them.
  @Test func whatIsPutBackKeepsItsMarks() throws {
    var (left, right) = try apart(text: "The fox")
    try left.mark(0..<3, "bold")
    try left.mark(2..<7, "link", .string("u"), expand: .none)
    try meet(&left, &right)
    let before = left.marked
    try left.edit { try $0.delete(["t"]) }
    try right.type("x", at: 7)
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first { $0.kind == .removal })
    try left.resolve(conflict, taking: .base)
    #expect(left.marked == before)
    #expect(left.marked == "[bold:Th][bold+link=u:e][link=u: fox]")
  }

  /// A mark is an edit of what it is in.
  @Test func markingWhatTheOtherDeletesIsAConflict() throws {
    var (left, right) = try apart(text: "The fox")
    try left.edit { try $0.delete(["t"]) }
    try right.mark(0..<3, "bold")
    try meet(&left, &right)
    #expect(try left.conflicts().map(\.kind) == [.removal])
  }

  @Test func marksAreSpeltInJSON() throws {
    var (left, _) = try apart(text: "The fox")
    func apply(_ more: JSONObject, op: String = "mark") throws {
      var operation: JSONObject = ["op": .string(op), "path": ["t"]]
      for member in more.members { operation[member.key] = member.value }
      try left.edit { try $0.apply(operation: .object(operation)) }
    }
    try apply(["from": 0, "to": 3, "name": "b", "value": true])
    try apply(["from": 4, "to": 7, "name": "l", "value": "u", "expand": "none"])
    try left.type("!", at: 7)
    try left.type("r", at: 3)
    #expect(left.marked == "[b:Ther] [l=u:fox]!")
    try apply(["from": 1, "to": 8, "name": "b"], op: "unmark")
    #expect(left.marked == "[b:T]her [l=u:fox]!")
    for wrong in [
      ["to": 3, "name": "b", "value": true], ["from": 3, "to": 1, "name": "b", "value": true],
      ["from": 0, "to": 3, "value": true], ["from": 0, "to": 3, "name": "b"],
      ["from": 0, "to": 3, "name": "b", "value": nil],
      ["from": 0, "to": 3, "name": "b", "value": []],
      ["from": 0, "to": 3, "name": "b", "value": 1, "expand": "never"],
    ] as [JSONObject] {
      #expect(throws: EditError(.malformed, "")) { try apply(wrong) }
    }
  }

  // MARK: Limits

  @Test func whatCannotBeMarkedIsRefused() throws {
    var (left, _) = try apart(text: "The fox")
    func refusal(
      _ range: Range<Int>, _ name: String = "b", _ value: Value = .bool(true),
      at path: DocumentPath = ["t"]
    ) throws -> EditError.Code? {
      var code: EditError.Code?
      try left.edit { editor in
        do throws(EditError) {
          try editor.mark(path, range, name: name, value: value)
        } catch {
          code = error.code
        }
      }
      return code
    }
    #expect(try refusal(0..<8) == .outOfRange)
    #expect(try refusal(-1..<2) == .outOfRange)
    #expect(try refusal(3..<3) == .outOfRange)
    #expect(try refusal(0..<7, "") == .invalidValue)
    #expect(try refusal(0..<7, String(repeating: "n", count: 1_025)) == .limitExceeded)
    #expect(try refusal(0..<7, "b", .null) == .invalidValue)
    #expect(try refusal(0..<7, "b", .double(.infinity)) == .invalidValue)
    #expect(try refusal(0..<7, at: ["u"]) == .nothingThere)
    #expect(try refusal(0..<7, at: []) == .wrongKind)
    #expect(left.log.count == 1)
    #expect(try refusal(0..<7, String(repeating: "n", count: 1_024)) == nil)
    #expect(left.log.count == 2)
    // Nothing has that mark.
    #expect(try left.edit { try $0.unmark(["t"], 0..<7, name: "b") } == nil)
  }
}
