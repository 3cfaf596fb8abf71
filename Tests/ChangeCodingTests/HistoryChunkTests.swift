import ByteCoding
import ByteCompression
import Causality
import Documents
import JSONCoding
import TestSupport
import Testing

@testable import ChangeCoding

@Suite("History chunks")
struct HistoryChunkTests {
  private static let document = testDocument(1)

  /// Two authors of one text and one list, of which the second merges now and then.
  private static func edits(seed: UInt64, count: Int = 60) throws -> [IncomingEdit] {
    var random = SeededGenerator(seed: seed)
    let documents = [Document(id: document), Document(id: document)]
    var edits: [IncomingEdit] = []
    var known = [0, 0]
    func catchUp(_ index: Int) throws {
      let news = edits[known[index]...].filter { $0.change.origin != testOrigin(index + 1) }
      let before = Array(edits[..<known[index]])
      _ = try documents[index].merge(Array(news)) {
        var history = DocumentHistory(document: document)
        let own = edits.filter { edit in
          edit.change.origin == testOrigin(index + 1) || before.contains(edit)
        }
        try history.append(contentsOf: own)
        return history
      }
      known[index] = edits.count
    }
    for step in 0..<count {
      let index = step < 1 ? 0 : Int.random(in: 0...1, using: &random)
      if step == 1 || Int.random(in: 0..<5, using: &random) == 0 { try catchUp(index) }
      let origin = testOrigin(index + 1)
      let sequence = UInt64(edits.count { $0.change.origin == origin }) + 1
      let editor = documents[index].beginEdit(
        ChangeID(origin: origin, sequence: sequence), lamport: UInt64(edits.count + 1))
      if step == 0 {
        try editor.make(["t"], .text)
        try editor.make(["l"], .list)
      }
      let length = (try? documents[index].count(at: ["t"])) ?? 0
      let at = Int.random(in: 0...length, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: try editor.set(["k"], to: .integer(Int64(step)))
      case 2 where length > 0:
        try editor.mark(["t"], min(at, length - 1)..<length, name: "b", value: .bool(true))
        if at > 1 { try editor.unmark(["t"], 0..<at, name: "b", expand: .none) }
      case 1:
        guard (try? documents[index].kind(at: ["l"])) == .list else { fallthrough }
        try editor.splice(["l"], at: 0, delete: 0, insert: [.integer(1), .array([.bool(true)])])
      default:
        guard (try? documents[index].kind(at: ["t"])) == .text else {
          try editor.set(["k"], to: .null)
          break
        }
        try editor.splice(
          ["t"], at: at, delete: min(2, length - at), insert: "añ🏝"[...].description)
      }
      guard let edit = try editor.finish() else { continue }
      edits.append(
        IncomingEdit(
          change: editor.change, lamport: editor.lamport,
          time: Timestamp(clampingMilliseconds: Int64(1000 * step * (step % 3))), edit: edit))
    }
    return edits
  }

  private static func history(_ chunks: [[UInt8]]) throws -> DocumentHistory {
    var history = DocumentHistory(document: document)
    for chunk in chunks { try HistoryChunk.append(chunk, to: &history) }
    return history
  }

  @Test("what repeats itself is read, however few bytes it takes", arguments: [1, 2])
  func repetition(authors: Int) throws {
    let document = Document(id: Self.document)
    var edits: [IncomingEdit] = []
    for step in 0..<2_000 {
      let change = ChangeID(
        origin: testOrigin(step % authors + 1), sequence: UInt64(step / authors + 1))
      let editor = document.beginEdit(change, lamport: UInt64(step + 1))
      if step == 0 { try editor.make(["t"], .text) }
      try editor.splice(["t"], at: 0, delete: 0, insert: "x")
      let edit = try #require(try editor.finish())
      edits.append(
        IncomingEdit(change: change, lamport: editor.lamport, time: .epoch, edit: edit))
    }
    let chunk = HistoryChunk.encode(edits[...], of: Self.document, .quick)
    #expect(chunk.count < 1_000)
    #expect(try Self.history([chunk]).edits() == edits)
  }

  @Test("a history in one chunk or in many is the history", arguments: 0..<60)
  func roundTrip(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let edits = try Self.edits(seed: seed)
    var expected = DocumentHistory(document: Self.document)
    try expected.append(contentsOf: edits)
    var rest = edits[...]
    var chunks: [[UInt8]] = []
    while !rest.isEmpty {
      let size = Int.random(in: 1...rest.count, using: &random)
      chunks.append(HistoryChunk.encode(rest.prefix(size), of: Self.document, .quick))
      rest = rest.dropFirst(size)
    }
    let whole = [HistoryChunk.encode(edits, of: Self.document, .thorough)]
    #expect(try Self.history(whole).edits() == expected.edits(), "seed \(seed)")
    #expect(try Self.history(chunks).edits() == expected.edits(), "seed \(seed)")
    let state = try Document.replaying(Self.document, edits).encodeState()
    #expect(try Document(history: Self.history(chunks)).encodeState() == state)
  }

  @Test("every operation there is comes back")
  func everyOperation() throws {
    let changes = [EveryOperation.change]
    let edits = changes.compactMap { change -> IncomingEdit? in
      guard var edit = IncomingEdit(change, document: Self.document) else { return nil }
      // Its parents are not here.
      edit.edit.parents = []
      return edit
    }
    let history = try Self.history([HistoryChunk.encode(edits, of: Self.document, .quick)])
    var expected = DocumentHistory(document: Self.document)
    try expected.append(contentsOf: edits)
    #expect(history.edits() == expected.edits())
    #expect(history.edits().first?.edit.eventCount == edits.first?.edit.eventCount)
  }

  @Test("damaged chunks are refused, whatever the damage", arguments: 0..<8)
  func damage(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let edits = try Self.edits(seed: seed, count: 20)
    let chunk = HistoryChunk.encode(edits, of: Self.document, .quick)
    for length in [0, 1, 4, 5, 20, chunk.count - 1] {
      #expect(throws: ByteDecodingError.self) {
        try Self.history([Array(chunk.prefix(length))])
      }
    }
    for _ in 0..<200 {
      var bytes = chunk
      let index = Int.random(in: 0..<bytes.count, using: &random)
      bytes[index] ^= UInt8.random(in: 1...255, using: &random)
      #expect(throws: ByteDecodingError.self) { try Self.history([bytes]) }
    }
  }

  @Test("columns that lie behind a good checksum are an error, never a trap", arguments: 0..<40)
  func lies(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let edits = try Self.edits(seed: seed, count: 12)
    let plain = HistoryChunk.encode(edits, of: Self.document, nil)
    var refused = 0
    for _ in 0..<300 {
      var bytes = plain
      bytes.removeLast(4)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let index = Int.random(in: 17..<bytes.count, using: &random)
        bytes[index] =
          [0, 1, 127, 128, 255, UInt8.random(in: 0...255, using: &random)]
          .randomElement(using: &random) ?? 0
      }
      var writer = ByteWriter()
      writer.write(raw: bytes)
      writer.write(fixed: CRC32C.checksum(bytes))
      var history = DocumentHistory(document: Self.document)
      do {
        try HistoryChunk.append(writer.bytes, to: &history)
        // What was taken can be used.
        _ = history.edits()
        _ = try? Document(history: history)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 0)
  }

  @Test("a chunk of another document, or one that does not follow, is refused")
  func misplaced() throws {
    let edits = try Self.edits(seed: 1)
    let first = HistoryChunk.encode(edits[..<20], of: Self.document, .quick)
    let second = HistoryChunk.encode(edits[20...], of: Self.document, .quick)
    #expect(throws: ByteDecodingError(.invalidValue, "")) { try Self.history([second]) }
    #expect(throws: ByteDecodingError(.invalidValue, "")) { try Self.history([first, first]) }
    var other = DocumentHistory(document: testDocument(2))
    #expect(throws: ByteDecodingError(.invalidValue, "")) {
      try HistoryChunk.append(first, to: &other)
    }
  }

  @Test("two keystrokes and a field in the bytes of the format")
  func golden() throws {
    let origin = Origin(high: 0xA0, low: 1)
    let body = ContainerID.child(parent: .root, key: "body", kind: .text, generation: nil)
    func edit(_ sequence: UInt64, _ operation: Documents.Operation) -> IncomingEdit {
      IncomingEdit(
        change: ChangeID(origin: origin, sequence: sequence), lamport: sequence,
        time: Timestamp(clampingMilliseconds: 1000),
        edit: DocumentEdit(
          document: DocumentID(high: 0xD0, low: 2),
          parents: sequence == 1 ? [] : [ChangeID(origin: origin, sequence: sequence - 1)],
          operations: [operation]))
    }
    let edits = [
      edit(1, Operation(.root, .make("body", .text, isAnew: false, replaces: []))),
      edit(2, Operation(body, .insertText(at: 0, "h"))),
      edit(3, Operation(body, .insertText(at: 1, "i"))),
    ]
    let document = DocumentID(high: 0xD0, low: 2)
    let chunk = HistoryChunk.encode(edits, of: document, .quick)
    let expected =
      "02" + "00000000000000d00000000000000002"  // version, document
      + "01" + "00000000000000a00000000000000001"  // origins
      + "01" + "0200" + "0200" + "0206" + "0201"  // one run of three changes, without parents
      + "04" + "0203" + "0a" + "d00f010002"  // Lamport times 1, 2, 3; clocks
      + "01" + "02" + "04626f6479" + "02" + "00"  // one text: child of the root
      + "01" + "04" + "0201" + "0206" + "0200" + "046869"  // one run after one event; "hi"
      + "04" + "0001"  // the version of the other operation, 0
      + "01"
    let hexadecimal = Hexadecimal.encode(chunk)
    #expect(hexadecimal.hasPrefix(expected), "\(hexadecimal)")
    var history = DocumentHistory(document: document)
    try HistoryChunk.append(chunk, to: &history)
    #expect(history.edits() == edits)
  }

  /// A chunk of so many keystrokes, one change each, in the bytes of the format: making the edits
  /// would take minutes.
  private static func keystrokes(_ count: Int) -> [UInt8] {
    func column(_ fill: (inout ByteWriter) -> Void) -> [UInt8] {
      var content = ByteWriter()
      fill(&content)
      var column = ByteWriter()
      column.write(count: content.count << 1)
      column.write(raw: content.bytes)
      return column.bytes
    }
    var chunk = ByteWriter()
    chunk.write(HistoryChunk.version)
    testDocument(1).write(to: &chunk)
    chunk.write(count: 1)
    testOrigin(1).write(to: &chunk)
    chunk.write(count: 1)
    chunk.write(raw: column { $0.write(count: 0) })
    chunk.write(raw: column { $0.write(signed: 0) })
    chunk.write(raw: column { $0.write(count: count << 1) })
    chunk.write(raw: column { $0.write(count: 1) })
    for step in [1, 0] as [Int64] {
      chunk.write(
        raw: column {
          $0.write(signed: step)
          $0.write(count: count)
        })
    }
    chunk.write(count: 1)
    body.write(to: &chunk) { _ in 0 }
    chunk.write(count: 1)
    chunk.write(
      raw: column {
        $0.write(signed: 0)
        $0.write(count: 1)
      })
    chunk.write(raw: column { $0.write(count: count * 3) })
    chunk.write(raw: column { $0.write(signed: 0) })
    chunk.write(raw: column { $0.write(raw: [UInt8](repeating: UInt8(ascii: "x"), count: count)) })
    chunk.write(raw: column { _ in })
    chunk.write(count: 0)
    chunk.write(fixed: CRC32C.checksum(chunk.bytes))
    return chunk.bytes
  }

  @Test("a chunk has at most so many changes", arguments: [-1, 0, 1])
  func changeCount(excess: Int) throws {
    let count = HistoryChunk.changeCountMax + excess
    let chunk = Self.keystrokes(count)
    var history = DocumentHistory(document: testDocument(1))
    guard excess <= 0 else {
      #expect(throws: ByteDecodingError(.limitExceeded, "changes of a history chunk")) {
        try HistoryChunk.append(chunk, to: &history)
      }
      return
    }
    try HistoryChunk.append(chunk, to: &history)
    #expect(history.eventCount == count)
    #expect(try Document(history: history).approximateBytes > count)
  }

  @Test("typing a word costs no more than its letters")
  func size() throws {
    let document = Document(id: Self.document)
    document.keep(DocumentHistory(document: Self.document))
    let editor = document.beginEdit(ChangeID(origin: testOrigin(1), sequence: 1), lamport: 1)
    try editor.make(["t"], .text)
    _ = try editor.commit()
    let text = try editor.text(at: ["t"])
    for (offset, letter) in "skerries".enumerated() {
      editor.begin(
        ChangeID(origin: testOrigin(1), sequence: UInt64(offset + 2)), lamport: UInt64(offset + 2),
        time: .epoch)
      try editor.insertText(text, at: offset, String(letter))
      _ = try editor.commit()
    }
    let edits = try #require(document.editsOfHistory)
    let empty = HistoryChunk.encode(edits.prefix(1), of: Self.document, .quick)
    let typed = HistoryChunk.encode(edits, of: Self.document, .quick)
    #expect(typed.count - empty.count < 40)
  }
}
