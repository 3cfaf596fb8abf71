import Causality
import JSONCoding
import Testing

@testable import Documents

@Suite("Folding a history")
struct FoldingTests {
  private func obstacle(_ folding: Folding) -> FoldObstacle? {
    if case .kept(let obstacle) = folding { obstacle } else { nil }
  }

  private func type(_ text: String, _ replica: inout DocumentReplica) throws {
    for character in text {
      try replica.edit {
        try $0.splice(["t"], at: 0, delete: 0, insert: String(character))
      }
    }
  }

  @Test("what was written without knowing of all that is to be folded keeps it")
  func unstable() throws {
    var (left, right) = try apart { try $0.make(["t"], .text) }
    try type("abc", &left)
    let floor = left.vector
    // Builds on the first change alone, which is not the last of what is to be folded.
    try type("x", &right)
    try left.receive(right.missing(from: left) + right.log)
    #expect(
      obstacle(try left.document.folding(try left.history(), at: floor)) == .unstable)
    // The author of what comes later knows of all.
    try meet(&left, &right)
    try type("y", &right)
    let known = left.vector
    try left.receive(right.log)
    guard
      case .folded(let state, let rest) = try left.document.folding(
        try left.history(), at: known)
    else {
      Issue.record("it is not folded")
      return
    }
    #expect(rest.count == 1)
    var history = try DocumentHistory(documentID, from: state, at: known)
    try history.append(contentsOf: rest)
    #expect(try Document(history: history).encodeState() == left.document.encodeState())
  }

  @Test("a document that was deleted when it was folded is deleted again by an undo")
  func deletedBelow() throws {
    let (left, _) = try apart { try $0.set(["a"], to: 1) }
    var ada = UndoingPerson(left)
    try ada.edit { try $0.deleteDocument() }
    let floor = ada.replica.vector
    guard
      case .folded(let state, _) = try ada.replica.document.folding(
        try ada.replica.history(), at: floor)
    else {
      Issue.record("it is not folded")
      return
    }
    try ada.edit { try $0.set(["a"], to: 2) }
    let edit = try #require(ada.replica.log.last)
    let step = try #require(ada.stack.undo)
    var history = try DocumentHistory(documentID, from: state, at: floor)
    try history.append(contentsOf: [edit])
    let document = try Document(history: history)
    #expect(!document.isDeleted)
    let editor = document.beginEdit(
      ChangeID(origin: ada.replica.origin, sequence: edit.change.sequence + 1), lamport: 9)
    try editor.take(step, in: history)
    _ = try editor.finish()
    #expect(document.isDeleted)
    try ada.undo()
    #expect(ada.replica.document.isDeleted)
  }

  @Test("an edit by somebody who knew nothing of what is folded is no part of the history")
  func ignorance() throws {
    var (left, right) = try apart { try $0.make(["t"], .text) }
    try type("abc", &left)
    try type("x", &right)
    let stranger = try #require(right.log.last)
    guard case .folded(let state, _) = try left.document.folding(left.history(), at: left.vector)
    else {
      Issue.record("it is not folded")
      return
    }
    var history = try DocumentHistory(documentID, from: state, at: left.vector)
    #expect(throws: MergeError.belowBase(stranger.change)) {
      try history.append(contentsOf: [stranger])
    }
    var orphan = stranger
    orphan.edit.parents = []
    #expect(throws: MergeError.belowBase(stranger.change)) {
      try history.append(contentsOf: [orphan])
    }
  }

  @Test("a mark in two pieces is one mark, and what is typed between them has it")
  func marksInPieces() throws {
    var left = DocumentReplica(0)
    var right = DocumentReplica(1)
    try left.edit { editor in
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: "abcdefghi")
      try editor.mark(["t"], 0..<9, name: "b", value: .integer(1), expand: .none)
    }
    try left.edit { try $0.mark(["t"], 3..<6, name: "b", value: .integer(2), expand: .none) }
    try left.edit { try $0.splice(["t"], at: 3, delete: 3, insert: "") }
    try right.receive(left.log)
    let floor = left.vector
    guard case .folded(let state, _) = try left.document.folding(left.history(), at: floor) else {
      Issue.record("it is not folded")
      return
    }
    try left.edit { try $0.splice(["t"], at: 3, delete: 0, insert: "x") }
    try right.edit { try $0.splice(["t"], at: 5, delete: 0, insert: "y") }
    try meet(&left, &right)
    var history = try DocumentHistory(documentID, from: state, at: floor)
    try history.append(contentsOf: left.log.filter { !floor.contains($0.change) })
    #expect(try Document(history: history).encodeState() == left.document.encodeState())
    #expect(try left.document.textSpans(at: ["t"]).count == 1)
  }

  @Test("conflicts, named versions and operations of later releases keep the history")
  func obstacles() throws {
    var (left, right) = try apart { try $0.set(["a"], to: .string("old")) }
    try left.edit { try $0.set(["a"], to: .string("left")) }
    try right.edit { try $0.set(["a"], to: .string("right")) }
    try meet(&left, &right)
    #expect(
      obstacle(try left.document.folding(left.history(), at: left.vector)) == .undecided)
    try left.resolve(left.conflicts()[0], taking: .side(0))
    #expect(obstacle(try left.document.folding(left.history(), at: left.vector)) == nil)
    let version = left.vector
    try left.edit { try $0.name(version, "first") }
    #expect(obstacle(try left.document.folding(left.history(), at: left.vector)) == .named)
    // Also where the name itself was given after what is to be folded.
    #expect(obstacle(try left.document.folding(left.history(), at: version)) == .named)
    try left.edit { try $0.name(nil, "first") }
    #expect(obstacle(try left.document.folding(left.history(), at: left.vector)) == nil)
    try left.edit { editor in
      editor.record(.root, .unknown(code: 4_000, eventCount: 1, bytes: [1]))
    }
    #expect(obstacle(try left.document.folding(left.history(), at: left.vector)) == .unknown)
  }

  @Test("a folded version cannot be read; others can, and a character keeps its place")
  func reading() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.make(["t"], .text) }
    let early = replica.vector
    try type("cba", &replica)
    let floor = replica.vector
    guard case .folded(let state, _) = try replica.document.folding(replica.history(), at: floor)
    else {
      Issue.record("it is not folded")
      return
    }
    try type("0", &replica)
    var history = try DocumentHistory(documentID, from: state, at: floor)
    try history.append(contentsOf: replica.log.suffix(1))
    let document = try Document(history: history)
    let path: DocumentPath = ["t"]
    #expect(throws: EditError.self) { try document.text(at: path, version: early, in: history) }
    #expect(try document.text(at: path, version: floor, in: history) == "abc")
    let parts = try document.attribution(at: path, in: history)
    #expect(parts.map(\.count) == [1, 3])
    #expect(parts[0].author == replica.log.last?.change && parts[1].author.sequence == 0)
    let cursor = try document.cursor(at: 2, of: path, side: .after, in: history)
    #expect(Cursor(text: cursor.text) == cursor)
    #expect(try document.positions(of: [cursor], at: path, in: history) == [2])
    // What was written by changes that are folded has lost the names that they gave it.
    let old = Cursor(.after, of: EventID(change: replica.log[1].change, index: 0))
    #expect(try document.positions(of: [old], at: path, in: history) == [nil])
  }
}
