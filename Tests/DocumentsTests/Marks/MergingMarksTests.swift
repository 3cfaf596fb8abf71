import Causality
import JSONCoding
import Merging
import TestSupport
import Testing

@testable import Documents

/// What a store does that comes back from before history that is folded: it knows what it had, and
/// brings into the document as it is what it had made of that.
@Suite("Marks that come back with their texts")
struct MergingMarksTests {
  private static let bold = Value.bool(true)

  private struct Return {
    var document: Document
    var leftovers: MarkLeftovers

    func shown(_ path: DocumentPath) throws -> [String] {
      try document.textSpans(at: path).map { span in
        span.marks.map { "\($0.name) " }.joined() + "[\(span.text)]"
      }
    }
  }

  /// - Parameters:
  ///   - away: what the one did who comes back.
  ///   - meanwhile: what was done by others.
  private func comeBack(
    _ start: (Editor) throws -> Void, away: (Editor) throws -> Void,
    meanwhile: (Editor) throws -> Void
  ) throws -> Return {
    var (here, there) = try apart(start)
    let base = there.document.copy()
    try there.edit(away)
    try here.edit(meanwhile)
    let theirs = there.document
    var leftovers: MarkLeftovers?
    try here.edit { editor in
      _ = try editor.mergeValue(
        theirs.json(), base: base.json(), options: ValueMergeOptions(),
        kinds: { try? theirs.kind(at: $0) })
      leftovers = try editor.mergeMarks(of: theirs, since: base)
    }
    return Return(document: here.document, leftovers: try #require(leftovers))
  }

  private func startList(_ editor: Editor) throws {
    try editor.set(["l"], to: [["body": "the first"]])
  }

  /// Puts a text with a mark into a list.
  private func addText(_ text: String, to editor: Editor, at index: Int, bold: Range<Int>) throws {
    let path: DocumentPath = ["l", .index(index), "body"]
    try editor.splice(["l"], at: index, delete: 0, insert: [["body": ""]])
    try editor.make(path, .text)
    try editor.splice(path, at: 0, delete: 0, insert: text)
    try editor.mark(path, bold, name: "bold", value: Self.bold)
  }

  @Test("a new text in a list that has others before it now keeps its marks")
  func movedPlace() throws {
    let found = try comeBack(startList) { editor in
      try addText("tide tables", to: editor, at: 1, bold: 0..<4)
    } meanwhile: { editor in
      try editor.splice(["l"], at: 0, delete: 0, insert: [["body": "before"], ["body": "all"]])
    }
    #expect(found.leftovers == MarkLeftovers())
    #expect(try found.shown(["l", 3, "body"]) == ["bold [tide]", "[ tables]"])
  }

  @Test("several that read the same keep their marks in their order")
  func alike() throws {
    let found = try comeBack(startList) { editor in
      try addText("same", to: editor, at: 1, bold: 0..<1)
      try addText("same", to: editor, at: 2, bold: 2..<4)
    } meanwhile: { editor in
      try editor.splice(["l"], at: 0, delete: 0, insert: [["body": "before"]])
    }
    #expect(found.leftovers == MarkLeftovers())
    #expect(try found.shown(["l", 2, "body"]) == ["bold [s]", "[ame]"])
    #expect(try found.shown(["l", 3, "body"]) == ["[sa]", "bold [me]"])
  }

  @Test("of which it cannot be told which it is, the marks are told")
  func ambiguous() throws {
    let found = try comeBack(startList) { editor in
      try addText("same", to: editor, at: 1, bold: 0..<1)
    } meanwhile: { editor in
      try editor.splice(["l"], at: 0, delete: 0, insert: [["body": "same"]])
    }
    #expect(found.leftovers.collisions.isEmpty)
    #expect(
      found.leftovers.homeless == [
        HomelessMark(path: ["l", 1, "body"], characters: "s", name: "bold", value: Self.bold)
      ])
  }

  @Test("a string that became a text is one, with its marks, where it was left alone")
  func becameText() throws {
    func start(_ editor: Editor) throws {
      try editor.set(["note"], to: "plain words")
      try editor.set(["other"], to: 1)
    }
    func away(_ editor: Editor) throws {
      try editor.make(["note"], .text)
      try editor.splice(["note"], at: 0, delete: 0, insert: "plain words")
      try editor.mark(["note"], 6..<11, name: "bold", value: Self.bold)
    }
    let found = try comeBack(start, away: away) { try $0.set(["other"], to: 2) }
    #expect(found.leftovers == MarkLeftovers())
    #expect(try found.shown(["note"]) == ["[plain ]", "bold [words]"])
    #expect(try found.document.json(at: ["other"]) == 2)
    // Where it was not, theirs stays, and what was marked is told.
    let changed = try comeBack(start, away: away) { try $0.set(["note"], to: "other words") }
    #expect(try changed.document.json(at: ["note"]) == "other words")
    #expect(
      changed.leftovers.homeless == [
        HomelessMark(path: ["note"], characters: "words", name: "bold", value: Self.bold)
      ])
  }

  @Test("a text that was made again where one had been keeps its marks")
  func madeAgain() throws {
    let found = try comeBack { editor in
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: "old words")
    } away: { editor in
      try editor.delete(["t"])
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: "new words")
      try editor.mark(["t"], 0..<3, name: "bold", value: Self.bold)
    } meanwhile: { editor in
      try editor.set(["other"], to: 1)
    }
    #expect(found.leftovers == MarkLeftovers())
    #expect(try found.shown(["t"]) == ["bold [new]", "[ words]"])
  }

  @Test("marks on a text that others have deleted are told, put on or taken away")
  func deleted() throws {
    let found = try comeBack { editor in
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: "some words")
      try editor.mark(["t"], 0..<4, name: "old", value: Self.bold)
    } away: { editor in
      try editor.mark(["t"], 5..<10, name: "bold", value: Self.bold)
      try editor.unmark(["t"], 0..<4, name: "old")
    } meanwhile: { editor in
      try editor.delete(["t"])
    }
    #expect(found.leftovers.collisions.isEmpty)
    #expect(
      found.leftovers.homeless == [
        HomelessMark(path: ["t"], characters: "some", name: "old", value: nil),
        HomelessMark(path: ["t"], characters: "words", name: "bold", value: Self.bold),
      ])
  }
}
