import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// Keystrokes that go straight into the gap of a text: what anybody else sees of it meanwhile.
@Suite struct PendingEditsTests {
  /// A document with an empty text, and somebody at its keyboard.
  private final class Typist {
    let document = Document(id: documentID)
    let editor: Editor
    let text: ContainerHandle
    private var sequence: UInt64 = 1

    init() throws {
      document.keep(DocumentHistory(document: documentID))
      editor = document.beginEdit(ChangeID(origin: testOrigin(0), sequence: 1), lamport: 1)
      try editor.make(["t"], .text)
      text = try editor.text(at: ["t"])
      #expect(try editor.commit())
    }

    func commit(_ edit: (Editor) throws -> Void) throws {
      sequence += 1
      editor.begin(
        ChangeID(origin: testOrigin(0), sequence: sequence), lamport: sequence,
        time: Timestamp(clampingMilliseconds: Int64(sequence)))
      try edit(editor)
      #expect(try editor.commit())
    }

    func insert(_ string: String, at position: Int) throws {
      try commit { try $0.insertText(text, at: position, string) }
    }

    func remove(at position: Int) throws {
      try commit { try $0.removeText(text, at: position, count: 1) }
    }

    var string: String { get throws { try document.text(at: ["t"]) } }

    /// What others make of the recorded edits.
    func expectSameElsewhere() throws {
      let edits = try #require(document.editsOfHistory)
      let other = try Document.replaying(documentID, edits)
      #expect(other.encodeState() == document.encodeState())
    }
  }

  @Test("copies of the document and of the text do not change with what is typed later")
  func copies() throws {
    let typist = try Typist()
    var copies: [(document: Document, rope: TextRope, expected: String)] = []
    var expected = ""
    for index in 0..<600 {
      try typist.insert(index % 50 == 49 ? "é" : "x", at: index)
      expected += index % 50 == 49 ? "é" : "x"
      if index % 7 == 0 {
        copies.append((typist.document.copy(), typist.document.texts[0], expected))
      }
    }
    for copy in copies {
      #expect(try copy.document.text(at: ["t"]) == copy.expected)
      #expect(copy.rope.string == copy.expected)
    }
    #expect(try typist.string == expected)
    try typist.expectSameElsewhere()
  }

  @Test("a keystroke that goes on may be followed by containers in the same transaction")
  func keystrokeBeforeContainers() throws {
    let typist = try Typist()
    try typist.insert("a", at: 0)
    for round in 1..<4 {
      try typist.commit { editor in
        try editor.insertText(typist.text, at: round, "b")
        try editor.set(["map"], to: ["inner": ["x": .integer(Int64(round))]])
      }
      try typist.insert("c", at: round + 1)
      try typist.commit { editor in
        try editor.insertText(typist.text, at: round + 2, "d")
        try editor.set(["list"], to: [["x": .integer(Int64(round))]])
        try editor.write(["shape": Garden.Shape.circle(radius: round)], at: ["model"])
      }
      let json = try typist.document.json()
      #expect(json.objectValue?["map"] == ["inner": ["x": .integer(Int64(round))]])
      try typist.expectSameElsewhere()
    }
  }

  @Test("what is typed and erased across many blocks reads like a plain text", arguments: 0..<20)
  func blocks(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let typist = try Typist()
    var scalars: [Unicode.Scalar] = []
    for _ in 0..<40 {
      var at = Int.random(in: 0...scalars.count, using: &random)
      let length = Int.random(in: 1...400, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        for _ in 0..<min(length, scalars.count - at) {
          scalars.remove(at: at)
          try typist.remove(at: at)
        }
      case 1:
        for _ in 0..<min(length, at) {
          at -= 1
          scalars.remove(at: at)
          try typist.remove(at: at)
        }
      default:
        for step in 0..<length {
          let isOdd = Int.random(in: 0..<60, using: &random) == 0
          let scalar: Unicode.Scalar = isOdd ? "🏝" : "a"
          scalars.insert(scalar, at: at + step)
          try typist.insert(String(scalar), at: at + step)
        }
      }
      #expect(typist.document.texts[0].count == scalars.count, "seed \(seed)")
      if Bool.random(using: &random) {
        var expected = String.UnicodeScalarView()
        expected.append(contentsOf: scalars)
        #expect(try typist.string == String(expected), "seed \(seed)")
      }
    }
    typist.document.texts[0].checkInvariants()
    try typist.expectSameElsewhere()
  }

  @Test("erasing goes on forward or backward, whichever comes second, and turns", arguments: 0..<30)
  func erasing(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let typist = try Typist()
    let start = String(repeating: "tide🏝 tables", count: 40)
    var scalars = Array(start.unicodeScalars)
    try typist.insert(start, at: 0)
    var at = scalars.count / 2
    while scalars.count > 40 {
      let isForward = Bool.random(using: &random)
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        if !isForward, at > 0 { at -= 1 }
        guard at < scalars.count else { break }
        scalars.remove(at: at)
        try typist.remove(at: at)
      }
      if Int.random(in: 0..<6, using: &random) == 0 {
        at = Int.random(in: 0...scalars.count, using: &random)
      }
    }
    var expected = String.UnicodeScalarView()
    expected.append(contentsOf: scalars)
    #expect(try typist.string == String(expected), "seed \(seed)")
    try typist.expectSameElsewhere()
  }

  @Test("UTF-16 units are found while somebody types", arguments: 0..<30)
  func units(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let typist = try Typist()
    var scalars: [Unicode.Scalar] = []
    var at = 0
    for _ in 0..<300 {
      switch Int.random(in: 0..<20, using: &random) {
      case 0: at = Int.random(in: 0...scalars.count, using: &random)
      case 1..<5 where at > 0:
        at -= 1
        scalars.remove(at: at)
        try typist.remove(at: at)
      default:
        let scalar: Unicode.Scalar = Int.random(in: 0..<25, using: &random) == 0 ? "🏝" : "a"
        scalars.insert(scalar, at: at)
        try typist.insert(String(scalar), at: at)
        at += 1
      }
      for position in max(0, at - 1)...min(scalars.count, at + 1) {
        let unit = scalars[..<position].reduce(0) { $0 + ($1.value > 0xFFFF ? 2 : 1) }
        let found = try typist.document.position(ofUTF16: unit, in: typist.text)
        #expect(found == position, "seed \(seed)")
      }
    }
    for unit in [-1, Int.min, Int.max, 2 * scalars.count + 1] {
      #expect(throws: EditError.self) {
        try typist.document.position(ofUTF16: unit, in: typist.text)
      }
    }
    try typist.expectSameElsewhere()
  }

  @Test(
    "more keystrokes than wait at the most are recorded in between", arguments: [1023, 1024, 1025])
  func many(count: Int) throws {
    let typist = try Typist()
    for index in 0..<count { try typist.insert("x", at: index) }
    for _ in 0..<count { try typist.remove(at: 0) }
    let edits = try #require(typist.document.editsOfHistory)
    #expect(edits.count == 2 * count + 1)
    try typist.expectSameElsewhere()
  }

  @Test("a transaction shows what it did before it is committed, and refuses what is out of range")
  func openTransaction() throws {
    let typist = try Typist()
    try typist.insert("ab", at: 0)
    try typist.commit { try $0.deleteDocument() }
    #expect(typist.document.isDeleted)
    for index in 0..<5 {
      try typist.commit { editor in
        try editor.insertText(typist.text, at: 2 + index, "c")
        #expect(!typist.document.isDeleted)
        #expect(try typist.document.count(at: ["t"]) == 3 + index)
        #expect(throws: EditError.self) {
          try editor.insertText(typist.text, at: 4 + index, "d")
        }
        #expect(throws: EditError.self) {
          try editor.removeText(typist.text, at: 3 + index, count: 1)
        }
        #expect(!typist.document.isDeleted)
      }
    }
    #expect(try typist.string == "abccccc")
    #expect(try typist.document.position(ofUTF16: 7, in: typist.text) == 7)
    try typist.expectSameElsewhere()
  }

  @Test("a keystroke with more in its transaction is part of that one edit")
  func keystrokeAndMore() throws {
    let typist = try Typist()
    for index in 0..<4 { try typist.insert("x", at: index) }
    try typist.commit { editor in
      try editor.insertText(typist.text, at: 4, "y")
      try editor.insertText(typist.text, at: 5, "z")
      try editor.removeText(typist.text, at: 0, count: 1)
      try editor.set(["k"], to: .integer(1))
    }
    #expect(try typist.string == "xxxyz")
    let edits = try #require(typist.document.editsOfHistory)
    #expect(edits.map(\.edit.operations.count) == [1, 1, 1, 1, 1, 3])
    try typist.expectSameElsewhere()
  }

  @Test("keystrokes all over a text, each a transaction or the first of a longer one")
  func jumps() throws {
    let typist = try Typist()
    try typist.insert("tide tables", at: 0)
    for index in 0..<300 {
      try typist.insert("x", at: index * 7 % 11)
      try typist.remove(at: index * 5 % 12)
      try typist.commit { editor in
        try editor.removeText(typist.text, at: 3, count: 1)
        try editor.insertText(typist.text, at: 10, "é")
      }
    }
    let edits = try #require(typist.document.editsOfHistory)
    #expect(edits.count == 902)
    #expect(edits.map(\.edit.operations.count).max() == 2)
    #expect(edits.map(\.change.sequence) == Array(1...902))
    #expect(try typist.document.count(at: ["t"]) == 11)
    try typist.expectSameElsewhere()
  }

  @Test("an author whose numbers do not ascend is refused, whatever waits to be recorded")
  func descending() throws {
    let typist = try Typist()
    for index in 0..<5 { try typist.insert("x", at: index) }
    typist.editor.begin(
      ChangeID(origin: testOrigin(0), sequence: 4), lamport: 9, time: .epoch)
    try typist.editor.insertText(typist.text, at: 5, "y")
    #expect(throws: MergeError.self) { try typist.editor.commit() }
    #expect(typist.document.editsOfHistory?.count == 6)
  }

  @Test("the size that a document tells of grows with what is typed")
  func approximateSize() throws {
    let typist = try Typist()
    let before = typist.document.approximateBytes
    for index in 0..<1_000 { try typist.insert("x", at: index) }
    typist.document.settle()
    #expect(typist.document.approximateBytes == before + 1_000)
  }

  @Test("a remote delete after a keystroke, however that was taken, deletes the document")
  func deleteAfterKeystroke() throws {
    for letter in ["b", "é"] {
      let typist = try Typist()
      try typist.insert("a", at: 0)
      _ = try typist.string
      try typist.insert(letter, at: 1)
      let delete = IncomingEdit(
        change: ChangeID(origin: testOrigin(1), sequence: 1), lamport: 100, time: .epoch,
        edit: DocumentEdit(
          document: documentID, parents: typist.document.parents,
          operations: [Operation(.root, .deleteDocument)]))
      _ = try typist.document.merge([delete]) { DocumentHistory(document: documentID) }
      #expect(typist.document.isDeleted)
    }
  }

  @Test(
    "whoever looks between a keystroke and its commit takes nothing away",
    arguments: [
      { _ = $0.parents }, { _ = $0.isEmpty }, { _ = $0.copy() }, { _ = $0.encodeState() },
      { _ = $0.editsOfHistory }, { _ = $0.texts.count },
    ] as [@Sendable (Document) -> Void])
  func looking(look: @Sendable (Document) -> Void) throws {
    let typist = try Typist()
    for round in 0..<3 {
      for index in 0..<5 {
        try typist.commit { editor in
          try editor.insertText(typist.text, at: round * 5 + index, index == 3 ? "é" : "x")
          look(typist.document)
        }
      }
    }
    for index in 0..<6 {
      try typist.commit { editor in
        try editor.removeText(typist.text, at: index < 3 ? 14 - index : 4, count: 1)
        look(typist.document)
      }
    }
    let edits = try #require(typist.document.editsOfHistory)
    #expect(edits.count == 22)
    #expect(edits.map(\.change.sequence) == Array(1...22))
    try typist.expectSameElsewhere()
  }

  @Test("a new editor does not go on with the change of the one before")
  func newEditor() throws {
    let typist = try Typist()
    try typist.insert("a", at: 0)
    typist.editor.begin(
      ChangeID(origin: testOrigin(0), sequence: 3), lamport: 3, time: .epoch)
    #expect(try !typist.editor.commit())
    let editor = typist.document.beginEdit(
      ChangeID(origin: testOrigin(0), sequence: 9), lamport: 9)
    try editor.insertText(typist.text, at: 1, "b")
    #expect(try editor.commit())
    let edits = try #require(typist.document.editsOfHistory)
    #expect(edits.map(\.change.sequence) == [1, 2, 9])
    #expect(edits.map(\.lamport) == [1, 2, 9])
  }
}
