import ByteCoding
import Causality
import Documents
import TestSupport
import Testing

@testable import ChangeCoding

@Suite("The bytes of marks")
struct MarkCodingTests {
  private func change(_ operation: Operation) -> Change {
    Change(
      id: ChangeID(origin: testOrigin(1), sequence: 1), lamport: 1, time: .epoch,
      edits: [DocumentEdit(document: testDocument(1), parents: [], operations: [operation])])
  }

  private let bold = Operation(body, .mark(from: 3, to: 300, "bold", .bool(true), .after))

  @Test func aMarkIsTheseBytes() throws {
    let other = try #require(OtherAction(bold))
    #expect(other.code == 20)
    #expect(other.eventCount == 1)
    #expect(
      Hexadecimal.encode(other.bytes)
        == "02" + "04626f6479" + "02" + "00" + "03" + "ac02" + "01" + "04626f6c64" + "02")
    let event = EventID(change: ChangeID(origin: testOrigin(2), sequence: 5), index: 7)
    let anew = ContainerID.child(
      parent: .element(event, .map), key: "k", kind: .text, generation: event)
    let second = try #require(
      OtherAction(Operation(anew, .mark(from: 0, to: 1, "", .null, .none))))
    let name = "00000000000000a00000000000000002" + "05" + "07"
    #expect(
      Hexadecimal.encode(second.bytes)
        == "03" + "016b" + "02" + name + "01" + "00" + name + "00" + "01" + "00" + "00" + "00")
    let expected = Operation(anew, .mark(from: 0, to: 1, "", .null, .none))
    #expect(second.operation(in: .current) == expected)
  }

  /// What a release before marks makes of one: it keeps it, writes it as it was, and has the text
  /// and the version that everybody has. A later release finds the mark in it.
  @Test func whoDoesNotKnowMarksKeepsThem() throws {
    let other = try #require(OtherAction(bold))
    let kept = Operation(
      .root, .unknown(code: other.code, eventCount: other.eventCount, bytes: other.bytes))
    let block = ChangeBlock.encode([change(bold)])
    #expect(ChangeBlock.encode([change(kept)]) == block)
    #expect(try ChangeBlock.decode(block) == [change(bold)])

    let text = Operation(body, .insertText(at: 0, "Tides"))
    let mark = Operation(body, .mark(from: 0, to: 3, "bold", .bool(true), .after))
    let bytes = try #require(OtherAction(mark)).bytes
    func document(_ operation: Operation) throws -> Document {
      let document = Document(id: testDocument(1))
      var edit = change(text).edits[0]
      edit.operations = [Operation(.root, .make("body", .text, isAnew: false, replaces: [])), text]
      edit.operations += [operation, Operation(body, .insertText(at: 3, "x"))]
      _ = try document.merge([
        IncomingEdit(
          change: change(text).id, lamport: 1, time: .epoch, edit: edit)
      ]) { DocumentHistory(document: testDocument(1)) }
      return document
    }
    let old = try document(
      Operation(.root, .unknown(code: 20, eventCount: 1, bytes: bytes)))
    let new = try document(mark)
    #expect(try old.text(at: ["body"]) == "Tidxes")
    #expect(try new.text(at: ["body"]) == "Tidxes")
    #expect(old.parents == new.parents)
    #expect(try new.textSpans(at: ["body"]).map(\.text) == ["Tidx", "es"])
  }

  /// Bytes that no release writes for a mark are kept like those of a later one.
  @Test func whatIsNoMarkIsKept() throws {
    let good = try #require(OtherAction(bold)).bytes
    let long = Key(String(repeating: "n", count: 1_025))
    func bytes(_ action: Operation.Action) throws -> [UInt8] {
      try #require(OtherAction(Operation(body, action))).bytes
    }
    var cases: [(eventCount: Int, bytes: [UInt8])] = [(2, good), (1, good + [0]), (1, [])]
    for length in 0..<good.count { cases.append((1, Array(good[..<length]))) }
    var expansion = good
    expansion[good.count - 7] = 4
    cases.append((1, expansion))
    var value = good
    value[good.count - 1] = 9
    cases.append((1, value))
    cases.append((1, try bytes(.mark(from: 0, to: 1, long, .null, .none))))
    cases.append((1, try bytes(.mark(from: 0, to: 1 << 30, "b", .null, .none))))
    for (eventCount, bytes) in cases {
      let kept = Operation(.root, .unknown(code: 20, eventCount: eventCount, bytes: bytes))
      #expect(try ChangeBlock.decode(ChangeBlock.encode([change(kept)])) == [change(kept)])
    }
  }

  /// History chunks hold marks, and what is opened from them is marked alike.
  @Test func theMarksOfAHistoryComeBack() throws {
    let id = testDocument(1)
    var edits: [IncomingEdit] = []
    let documents = [Document(id: id), Document(id: id)]
    func edit(_ author: Int, _ body: (Editor) throws -> Void) throws {
      let origin = testOrigin(author + 1)
      let sequence = UInt64(edits.count { $0.change.origin == origin } + 1)
      let editor = documents[author].beginEdit(
        ChangeID(origin: origin, sequence: sequence), lamport: UInt64(edits.count + 1))
      try body(editor)
      let edit = try #require(try editor.finish())
      edits.append(
        IncomingEdit(change: editor.change, lamport: editor.lamport, time: .epoch, edit: edit))
    }
    try edit(0) { editor in
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: "spring and neap 🌊")
    }
    _ = try documents[1].merge(edits) { DocumentHistory(document: id) }
    try edit(0) { try $0.mark(["t"], 0..<6, name: "bold", value: .bool(true)) }
    try edit(1) { try $0.splice(["t"], at: 3, delete: 1, insert: "🏝️") }
    try edit(1) { try $0.mark(["t"], 2..<9, name: "link", value: .string("u"), expand: .none) }

    var packed = DocumentHistory(document: id)
    try HistoryChunk.append(HistoryChunk.encode(edits, of: id, nil), to: &packed)
    #expect(packed.edits() == edits)
    let opened = try Document(history: packed)
    let replayed = try Document.replaying(id, edits)
    #expect(opened.encodeState() == replayed.encodeState())
    #expect(try opened.textSpans(at: ["t"]).count == 4)
  }
}
