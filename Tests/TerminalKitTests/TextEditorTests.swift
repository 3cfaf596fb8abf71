import TestSupport
import Testing

@testable import TerminalKit

extension Array where Element == Unicode.Scalar {
  fileprivate mutating func apply(_ edit: TextEdit) {
    replaceSubrange(edit.offset..<edit.offset + edit.deleted, with: edit.inserted.unicodeScalars)
  }
}

struct TextEditorTests {
  private func keys(_ editor: inout TextEditor, _ keys: Key...) {
    for key in keys { _ = editor.handle(.key(key, [])) }
  }

  private func picture(_ editor: inout TextEditor, _ width: Int, _ height: Int) -> (
    [String], Point?
  ) {
    var surface = Surface(size: Size(width: width, height: height))
    editor.draw(into: &surface, in: surface.bounds)
    let rows = (0..<height).map { y in
      var row = surface.text(ofRow: y)
      while row.last == " " { row.removeLast() }
      return row
    }
    return (rows, surface.cursor)
  }

  @Test func typingInsertsAtTheCursor() {
    var editor = TextEditor(text: "ab")
    keys(&editor, .right)
    #expect(
      editor.handle(.key(.character("x"), []))
        == .edited([TextEdit(offset: 1, deleted: 0, inserted: "x")]))
    #expect(
      editor.handle(.key(.enter, [])) == .edited([TextEdit(offset: 2, deleted: 0, inserted: "\n")]))
    #expect(editor.text == "ax\nb")
    #expect(editor.cursor == 3)
    #expect(editor.lineAndColumn == (2, 1))
    #expect(editor.handle(.key(.function(5), [])) == .ignored)
  }

  @Test(arguments: [
    ("👩‍👩‍👧‍👦", 7), ("🇪🇺", 2), ("e\u{301}", 2), ("\r\n", 2), ("\t", 1), ("🏝️", 2), ("\n", 1),
  ])
  func aCharacterIsDeletedWhole(character: String, scalars: Int) {
    var editor = TextEditor(text: "a\(character)b")
    keys(&editor, .right, .right)
    #expect(editor.cursor == 1 + scalars)
    #expect(editor.deleteBackward() == [TextEdit(offset: 1, deleted: scalars, inserted: "")])
    #expect(editor.text == "ab")
    var forward = TextEditor(text: "a\(character)b")
    keys(&forward, .right, .delete)
    #expect(forward.text == "ab")
  }

  @Test func wordsLinesAndSelections() {
    var editor = TextEditor(text: "one two\nthree, four\n")
    _ = editor.handle(.key(.right, .control))
    #expect(editor.cursor == 3)
    _ = editor.handle(.key(.right, .control))
    _ = editor.handle(.key(.right, .control))
    #expect(editor.cursor == 13)
    _ = editor.handle(.key(.left, [.control, .shift]))
    #expect(editor.selectedText == "three")
    #expect(editor.insert("3") == [TextEdit(offset: 8, deleted: 5, inserted: "3")])
    _ = editor.handle(.key(.character("e"), .control))
    _ = editor.handle(.key(.backspace, .alt))
    #expect(editor.text == "one two\n3, \n")
    _ = editor.handle(.key(.character("u"), .control))
    _ = editor.handle(.key(.character("k"), .control))
    #expect(editor.text == "one two\n")
    editor.selectAll()
    #expect(editor.deleteBackward() == [TextEdit(offset: 0, deleted: 8, inserted: "")])
    #expect(editor.text == "")
    #expect(editor.deleteBackward() == [])
    #expect(editor.handle(.key(.backspace, [])) == .moved)
  }

  @Test func longLinesWrapAtBlanksAndWideCharactersStayWhole() {
    var editor = TextEditor(text: "the quick brown fox\n日本語日本\n\tx")
    let (rows, cursor) = picture(&editor, 10, 7)
    #expect(rows == ["the quick", "brown fox", "日本語日", "本", "    x", "", ""])
    #expect(cursor == Point(x: 0, y: 0))
    keys(&editor, .down, .end)
    #expect(editor.cursor == 19)
    keys(&editor, .down, .down, .down, .down)
    #expect(editor.cursor == editor.scalarCount)
    // Up again, still aiming for the column that it came from.
    keys(&editor, .up, .up)
    #expect(editor.cursor == 23)
  }

  @Test func theViewFollowsTheCursor() {
    var editor = TextEditor(text: (0..<100).map { "line \($0)" }.joined(separator: "\n"))
    #expect(picture(&editor, 20, 5).0 == ["line 0", "line 1", "line 2", "line 3", "line 4"])
    keys(&editor, .pageDown, .pageDown)
    #expect(picture(&editor, 20, 5).0.last == "line 8")
    _ = editor.handle(.key(.end, .control))
    #expect(picture(&editor, 20, 5).0 == ["line 95", "line 96", "line 97", "line 98", "line 99"])
    keys(&editor, .up)
    #expect(picture(&editor, 20, 5).0.first == "line 95")
    editor.placeCursor(at: Point(x: 5, y: 2), in: Rect(x: 0, y: 0, width: 20, height: 5))
    #expect(editor.lineAndColumn == (98, 6))
  }

  @Test func othersEditsLeaveCursorAndViewWithTheirText() {
    var editor = TextEditor(text: (0..<50).map { "line \($0)" }.joined(separator: "\n"))
    _ = editor.handle(.key(.end, .control))
    let before = picture(&editor, 20, 5)
    editor.apply(TextEdit(offset: 0, deleted: 7, inserted: "a\nb\nc\nd\n"))
    let after = picture(&editor, 20, 5)
    #expect(before.0 == after.0)
    #expect(before.1 == after.1)
    #expect(editor.cursor == editor.scalarCount)
    editor.apply(TextEdit(offset: -5, deleted: .max, inserted: "gone"))
    #expect(editor.text == "gone")
    #expect(editor.cursor == 4)
    editor.replaceText("gonne!")
    #expect(editor.text == "gonne!")
  }

  @Test func anInsertionAtTheCursorByOthersGoesBehindIt() {
    var editor = TextEditor(text: "ab")
    keys(&editor, .right)
    editor.apply(TextEdit(offset: 1, deleted: 0, inserted: "XY"))
    #expect(editor.cursor == 1)
    editor.apply(TextEdit(offset: 0, deleted: 1, inserted: ""))
    #expect(editor.cursor == 0)
  }

  @Test(arguments: 1...12)
  func randomEditingAgreesWithAListOfScalars(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let pieces = [
      "a", "\n", "\r\n", "\r", "日", "👩‍👩‍👧‍👦", "\u{301}", "\t", " ", "word ", "🇪🇺", "x\ny", "",
    ]
    let long = String(repeating: "long line ", count: 900)
    let keys: [Key] = [
      .left, .right, .up, .down, .home, .end, .pageUp, .pageDown, .backspace, .delete, .enter, .tab,
    ]
    let modifiers: [Modifiers] = [[], [], .shift, .control, .alt, [.control, .shift]]
    let start = seed.isMultiple(of: 3) ? long : "hello\nworld"
    var editor = TextEditor(text: start, size: Size(width: 11, height: 4))
    var model = Array(start.unicodeScalars)
    for step in 0..<250 {
      var edits: [TextEdit] = []
      let piece =
        Int.random(in: 0..<60, using: &random) == 0
        ? long : pieces.randomElement(using: &random) ?? ""
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<3: edits = editor.insert(piece)
      case 3:
        let offset = Int.random(in: 0...model.count, using: &random)
        let edit = TextEdit(
          offset: offset, deleted: min(model.count - offset, .random(in: 0...30, using: &random)),
          inserted: piece)
        editor.apply(edit)
        edits = [edit]
      case 4 where step.isMultiple(of: 9):
        var surface = Surface(size: Size(width: .random(in: 1...12, using: &random), height: 3))
        editor.draw(into: &surface, in: surface.bounds)
        #expect(surface.cursor != nil && surface.isWhole, "seed \(seed), step \(step)")
      default:
        let key = keys.randomElement(using: &random) ?? .left
        let held = modifiers.randomElement(using: &random) ?? []
        if case .edited(let made) = editor.handle(.key(key, held)) { edits = made }
      }
      for edit in edits { model.apply(edit) }
      #expect(editor.scalarCount == model.count, "seed \(seed), step \(step)")
      #expect((0...model.count).contains(editor.cursor))
      if step.isMultiple(of: 10) {
        #expect(Array(editor.text.unicodeScalars) == model, "seed \(seed), step \(step)")
        checkInvariants(editor)
      }
    }
  }

  private func checkInvariants(_ editor: TextEditor) {
    let segments = editor.content.segments
    for (index, segment) in segments.enumerated() {
      #expect(segment.text.utf8.count <= SegmentedText.byteCountMax + 8)
      if index < segments.count - 1 { #expect(segment.scalarCount > 0) }
      #expect(!segment.text.unicodeScalars.dropLast().contains("\n"))
    }
    #expect(segments.last?.endsLine == false)
  }

  @Test(.timeLimit(.minutes(1)))
  func aLineOfTenMegabytesDoesNotHang() {
    var editor = TextEditor(text: String(repeating: "0123456789", count: 1_000_000))
    var worst = Duration.zero
    let clock = ContinuousClock()
    var surface = Surface(size: Size(width: 80, height: 24))
    let events: [InputEvent] = [
      .key(.character("x"), []), .key(.end, []), .key(.down, []), .key(.enter, []),
      .key(.pageDown, []), .key(.end, .control), .key(.character("y"), []), .key(.backspace, []),
      .key(.up, []), .key(.pageUp, []), .key(.home, .control), .key(.delete, []),
    ]
    for event in events {
      worst = max(
        worst,
        clock.measure {
          _ = editor.handle(event)
          editor.draw(into: &surface, in: surface.bounds)
        })
    }
    #expect(editor.scalarCount == 10_000_001)
    #expect(worst < .seconds(2), "\(worst)")
  }

  @Test(.timeLimit(.minutes(1)))
  func aMonstrousClusterAndManyLinesDoNotHang() {
    let marks = String(repeating: "\u{301}", count: 1_000_000)
    var editor = TextEditor(text: "a" + marks + String(repeating: "\n", count: 100_000))
    var surface = Surface(size: Size(width: 80, height: 24))
    for key in [Key.right, .down, .end, .character("x"), .pageDown, .backspace] {
      _ = editor.handle(.key(key, []))
      editor.draw(into: &surface, in: surface.bounds)
    }
    _ = editor.handle(.key(.end, .control))
    editor.draw(into: &surface, in: surface.bounds)
    #expect(surface.isWhole)
  }
}
