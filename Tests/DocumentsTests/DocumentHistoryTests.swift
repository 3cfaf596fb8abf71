import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Document history")
struct DocumentHistoryTests {
  /// Replicas that edit and merge at random, and everything they did in the order of one of them.
  static func randomEdits(seed: UInt64) throws -> [IncomingEdit] {
    var random = SeededGenerator(seed: seed)
    var replicas = (0..<3).map { DocumentReplica($0) }
    try replicas[0].edit { editor in
      try editor.make(["t"], .text)
      try editor.make(["l"], .list)
    }
    let first = replicas[0].log
    for index in 1..<3 { try replicas[index].receive(first) }
    for _ in 0..<40 {
      let index = Int.random(in: 0..<3, using: &random)
      if Int.random(in: 0..<4, using: &random) == 0 {
        let other = (index + 1) % 3
        let missing = replicas[index].missing(from: replicas[other])
        try replicas[index].receive(missing)
      } else {
        try replicas[index].edit { editor in
          for _ in 0..<Int.random(in: 1...3, using: &random) {
            try? RandomEditing.edit(editor, &random)
          }
        }
      }
    }
    for other in 1..<3 {
      let missing = replicas[0].missing(from: replicas[other])
      try replicas[0].receive(missing)
    }
    return replicas[0].log
  }

  @Test("gives back edits that do the same", arguments: 0..<60)
  func editsComeBack(seed: UInt64) throws {
    let edits = try Self.randomEdits(seed: seed)
    var history = DocumentHistory(document: documentID)
    try history.append(contentsOf: edits)
    let again = history.edits()
    #expect(again.map(\.change) == edits.map(\.change), "seed \(seed)")
    #expect(again.map(\.lamport) == edits.map(\.lamport))
    #expect(again.map(\.time) == edits.map(\.time))
    #expect(again.map(\.edit.eventCount) == edits.map(\.edit.eventCount))
    let document = try Document.replaying(documentID, edits)
    #expect(try Document.replaying(documentID, again).encodeState() == document.encodeState())
  }

  @Test("a document opened from its history is the one that was edited", arguments: 0..<60)
  func opening(seed: UInt64) throws {
    let edits = try Self.randomEdits(seed: seed)
    var history = DocumentHistory(document: documentID)
    try history.append(contentsOf: edits)
    let opened = try Document(history: history)
    let document = try Document.replaying(documentID, edits)
    #expect(opened.encodeState() == document.encodeState(), "seed \(seed)")
    #expect(opened.hasHistory)
  }

  @Test("the document may be deleted at the end of its history, or brought back")
  func deletion() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.make(["t"], .text) }
    try replica.edit { try $0.deleteDocument() }
    func opened() throws -> Document {
      var history = DocumentHistory(document: documentID)
      try history.append(contentsOf: replica.log)
      return try Document(history: history)
    }
    #expect(try opened().isDeleted)
    try replica.edit { editor in
      try editor.deleteDocument()
      try editor.splice(["t"], at: 0, delete: 0, insert: "back")
    }
    #expect(try !opened().isDeleted)
    #expect(try opened().encodeState() == replica.document.encodeState())
  }

  /// What one person types, transaction by transaction, also what cannot be part of a run.
  static func type(
    _ random: inout SeededGenerator, count: Int, length: inout Int,
    _ body: (_ position: Int, _ deleted: Int, _ inserted: String) throws -> Void
  ) throws {
    var cursor = 0
    for _ in 0..<count {
      switch Int.random(in: 0..<12, using: &random) {
      case 0: cursor = Int.random(in: 0...length, using: &random)
      case 1...3 where cursor > 0:
        try body(cursor - 1, 1, "")
        cursor -= 1
        length -= 1
      case 4 where cursor < length:
        try body(cursor, 1, "")
        length -= 1
      case 5 where cursor < length:
        try body(cursor, 1, "é")
        cursor += 1
      case 6:
        try body(cursor, 0, "paste\r\n")
        cursor += 7
        length += 7
      default:
        let letter = ["a", "ß", "漢", "🏝", "\0"].randomElement(using: &random) ?? "a"
        try body(cursor, 0, letter)
        cursor += 1
        length += 1
      }
    }
  }

  @Test("keystrokes that are only committed are recorded like edits", arguments: 0..<40)
  func typing(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var replica = DocumentReplica(0)
    let typed = Document(id: documentID)
    typed.keep(DocumentHistory(document: documentID))
    let editor = typed.beginEdit(ChangeID(origin: testOrigin(0), sequence: 1), lamport: 1)
    try editor.make(["t"], .text)
    try editor.make(["u"], .text)
    #expect(try editor.commit())
    try replica.edit { editor in
      try editor.make(["t"], .text)
      try editor.make(["u"], .text)
    }
    var lengths = [0, 0]
    for round in 0..<30 {
      let which = Int.random(in: 0...1, using: &random)
      let path: DocumentPath = which == 0 ? ["t"] : ["u"]
      let text = try editor.text(at: path)
      try Self.type(&random, count: 60, length: &lengths[which]) { position, deleted, inserted in
        let edit = try replica.edit {
          try $0.splice(path, at: position, delete: deleted, insert: inserted)
        }
        let change = try #require(edit)
        editor.begin(change.change, lamport: change.lamport, time: change.time)
        if deleted > 0 { try editor.removeText(text, at: position, count: deleted) }
        if !inserted.isEmpty { try editor.insertText(text, at: position, inserted) }
        #expect(try editor.commit())
      }
      guard round % 7 == 0 else { continue }
      #expect(typed.parents == replica.document.parents, "seed \(seed)")
    }
    #expect(typed.history?.edits() == replica.log, "seed \(seed)")
    #expect(typed.encodeState() == replica.document.encodeState())
    let history = try #require(typed.history)
    #expect(try Document(history: history).encodeState() == replica.document.encodeState())
  }

  @Test("a transaction that goes on after a keystroke, or is finished, is one edit")
  func keystrokeAndMore() throws {
    let document = Document(id: documentID)
    document.keep(DocumentHistory(document: documentID))
    let origin = testOrigin(0)
    let editor = document.beginEdit(ChangeID(origin: origin, sequence: 1), lamport: 1)
    try editor.make(["t"], .text)
    #expect(try editor.commit())
    let text = try editor.text(at: ["t"])
    for sequence in UInt64(2)...4 {
      editor.begin(
        ChangeID(origin: origin, sequence: sequence), lamport: sequence, time: .epoch)
      try editor.insertText(text, at: Int(sequence) - 2, "x")
      #expect(!editor.isEmpty)
      if sequence == 4 { try editor.set(["k"], to: .integer(1)) }
      #expect(try editor.commit())
    }
    editor.begin(ChangeID(origin: origin, sequence: 5), lamport: 5, time: .epoch)
    try editor.insertText(text, at: 3, "y")
    let edit = try #require(try editor.finish())
    #expect(edit.operations.count == 1 && edit.parents == [ChangeID(origin: origin, sequence: 4)])
    #expect(try document.text(at: ["t"]) == "xxxy")
    let edits = try #require(document.history?.edits())
    #expect(edits.map(\.edit.operations.count) == [1, 1, 1, 2, 1])
    #expect(try Document.replaying(documentID, edits).encodeState() == document.encodeState())
  }
}
