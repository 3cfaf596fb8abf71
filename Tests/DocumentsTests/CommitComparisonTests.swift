import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// Transactions that are gathered before the history takes them, against the same ones recorded one
/// by one, which ``Editor/finish()`` does: everything that is kept comes out the same.
@Suite struct CommitComparisonTests {
  /// Two documents that are edited alike, and what their texts are.
  private final class Pair {
    private var random: SeededGenerator
    private let gathered = Document(id: documentID)
    private let recorded = Document(id: documentID)
    private var gatheredEditor: Editor
    private var texts: [ContainerHandle] = []
    private var scalars: [[Unicode.Scalar]] = [[], []]
    private var change = ChangeID(origin: testOrigin(0), sequence: 1)
    private var lamport: UInt64 = 1
    private var cursor = 0
    private var openText = 0
    private let seed: UInt64
    private let odd = ["é", "🏝", "e\u{301}", "\r\n", "\0", "tide", "fjörd"]

    init(seed: UInt64) throws {
      self.seed = seed
      random = SeededGenerator(seed: seed)
      for document in [gathered, recorded] {
        document.keep(DocumentHistory(document: documentID))
      }
      gatheredEditor = gathered.beginEdit(change, lamport: lamport)
      try gatheredEditor.make(["a"], .text)
      try gatheredEditor.make(["b"], .text)
      texts = [try gatheredEditor.text(at: ["a"]), try gatheredEditor.text(at: ["b"])]
      #expect(try gatheredEditor.commit())
      let editor = recorded.beginEdit(change, lamport: lamport)
      try editor.make(["a"], .text)
      try editor.make(["b"], .text)
      _ = try editor.finish()
    }

    private func dice(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }

    /// One thing done to both: at the cursor mostly, at times elsewhere.
    private enum Step {
      case insert(at: Int, String)
      case remove(at: Int, count: Int)
      case set(Int)
      case delete
    }

    private func step() -> Step {
      if dice(60) == 0 { openText = dice(2) }
      let length = scalars[openText].count
      if dice(8) == 0 { cursor = dice(length + 1) }
      cursor = min(cursor, length)
      switch dice(200) {
      case 0: return .set(dice(1_000))
      case 1: return .delete
      case 2..<50 where cursor > 0:
        // Backward.
        let count = dice(5) == 0 ? min(cursor, dice(9) + 1) : 1
        return .remove(at: cursor - count, count: count)
      case 50..<80 where cursor < length:
        return .remove(at: cursor, count: dice(5) == 0 ? min(length - cursor, dice(9) + 1) : 1)
      case 80..<84: return .insert(at: cursor, String(repeating: "wave ", count: dice(500) + 1))
      case 84..<100: return .insert(at: cursor, odd[dice(odd.count)])
      default: return .insert(at: cursor, "x")
      }
    }

    private func perform(_ step: Step, _ editor: Editor, byUTF16: Bool, bytes: Bool) throws {
      let text = texts[openText]
      switch step {
      case .insert(var position, let string):
        if byUTF16 { position = try positionByUTF16(position, editor.document) }
        if bytes {
          try Array(string.utf8).withUnsafeBufferPointer {
            try editor.insertText(text, at: position, utf8: $0)
          }
        } else {
          try editor.insertText(text, at: position, string)
        }
      case .remove(let position, let count):
        try editor.removeText(text, at: position, count: count)
      case .set(let number): try editor.set(["n"], to: .integer(Int64(number)))
      case .delete: try editor.deleteDocument()
      }
    }

    private func positionByUTF16(_ position: Int, _ document: Document) throws -> Int {
      let units = scalars[openText][..<position].reduce(0) { $0 + UTF16.width($1) }
      let found = try document.position(ofUTF16: units, in: texts[openText])
      #expect(found == position, "seed \(seed)")
      return found
    }

    private func note(_ step: Step) {
      switch step {
      case .insert(let position, let string):
        scalars[openText].insert(contentsOf: string.unicodeScalars, at: position)
        cursor = position + string.unicodeScalars.count
      case .remove(let position, let count):
        scalars[openText].removeSubrange(position..<position + count)
        cursor = position
      case .set, .delete: break
      }
    }

    func transaction() throws {
      change.sequence += dice(50) == 0 ? 7 : 1
      lamport += dice(50) == 0 ? 7 : 1
      if dice(300) == 0 { change.origin = testOrigin(dice(3) + 10 * Int(change.sequence)) }
      let time = Timestamp(clampingMilliseconds: Int64(lamport) * Int64(dice(3)))
      if dice(20) == 0 {
        gatheredEditor = gathered.beginEdit(change, lamport: lamport, time: time)
      } else {
        gatheredEditor.begin(change, lamport: lamport, time: time)
      }
      let editor = recorded.beginEdit(change, lamport: lamport, time: time)
      for _ in 0..<(dice(6) == 0 ? dice(4) : 1) {
        let step = step()
        try perform(step, gatheredEditor, byUTF16: dice(3) == 0, bytes: Bool.random(using: &random))
        try perform(step, editor, byUTF16: false, bytes: false)
        note(step)
        look(oneIn: 40)
        if dice(40) == 0 { refuse() }
      }
      // A transaction that moves somewhere and back, or does nothing, is none.
      let edit = dice(30) == 0 ? try gatheredEditor.finish() != nil : try gatheredEditor.commit()
      #expect(try edit == (editor.finish() != nil), "seed \(seed)")
      look(oneIn: 40)
      if dice(100) == 0 { try hear() }
    }

    /// What is refused changes nothing.
    private func refuse() {
      let length = scalars[openText].count
      #expect(throws: EditError.self) {
        try gatheredEditor.insertText(texts[openText], at: length + 1, "x")
      }
      #expect(throws: EditError.self) {
        try gatheredEditor.removeText(texts[openText], at: length, count: 1)
      }
      #expect(throws: EditError.self) {
        try gatheredEditor.removeText(texts[openText], at: -1, count: 1)
      }
      #expect(throws: EditError.self) {
        try [0xC3].withUnsafeBufferPointer {
          try gatheredEditor.insertText(texts[openText], at: 0, utf8: $0)
        }
      }
    }

    private func look(oneIn sides: Int) {
      guard dice(sides) == 0 else { return }
      switch dice(6) {
      case 0: #expect(gathered.parents == recorded.parents, "seed \(seed)")
      case 1: #expect(gathered.isDeleted == recorded.isDeleted, "seed \(seed)")
      case 2: _ = gathered.copy()
      case 3: _ = gathered.texts[openText]
      case 4: _ = gathered.keptHistory
      default:
        var expected = String.UnicodeScalarView()
        expected.append(contentsOf: scalars[openText])
        #expect(gathered.texts[openText].string == String(expected), "seed \(seed)")
      }
    }

    /// Somebody else edits, having seen everything.
    private func hear() throws {
      lamport += 1
      let body = recorded.containers[texts[openText].index].id
      let incoming = IncomingEdit(
        change: ChangeID(origin: testOrigin(5), sequence: lamport), lamport: lamport, time: .epoch,
        edit: DocumentEdit(
          document: documentID, parents: recorded.parents,
          operations: [Operation(body, .insertText(at: 0, "z"))]))
      for document in [gathered, recorded] {
        _ = try document.merge([incoming]) { DocumentHistory(document: documentID) }
      }
      scalars[openText].insert("z", at: 0)
    }

    func expectSame() throws {
      #expect(gathered.encodeState() == recorded.encodeState(), "seed \(seed)")
      #expect(gathered.approximateBytes == recorded.approximateBytes, "seed \(seed)")
      for text in gathered.texts { text.checkInvariants() }
      let left = try #require(gathered.keptHistory)
      let right = try #require(recorded.keptHistory)
      #expect(left.edits() == right.edits(), "seed \(seed)")
      // The same from edits that name their parents, as those of others do.
      var named = DocumentHistory(document: documentID)
      try named.append(contentsOf: right.edits())
      for other in [right, named] {
        #expect(left.graph.frontier == other.graph.frontier, "seed \(seed)")
        #expect(left.graph.runCount == other.graph.runCount, "seed \(seed)")
        #expect(
          (0..<left.graph.identityRunCount).map { left.graph.identityRun(at: $0) }
            == (0..<other.graph.identityRunCount).map { other.graph.identityRun(at: $0) },
          "seed \(seed)")
      }
      for (left, right) in zip(left.sequences, right.sequences) {
        #expect(
          (0..<left.log.runCount).map { left.log[$0] }
            == (0..<right.log.runCount).map { right.log[$0] }, "seed \(seed)")
      }
      let other = try Document.replaying(documentID, left.edits())
      #expect(other.encodeState() == gathered.encodeState(), "seed \(seed)")
    }
  }

  @Test(
    "edits that are gathered leave what the same edits recorded one by one leave",
    arguments: 0..<40)
  func random(seed: UInt64) throws {
    let pair = try Pair(seed: seed)
    for round in 1...600 {
      try pair.transaction()
      if round % 200 == 0 { try pair.expectSame() }
    }
  }
}
