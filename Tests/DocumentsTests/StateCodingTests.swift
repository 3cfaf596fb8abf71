import ByteCoding
import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite struct StateCodingTests {
  private func rich() throws -> DocumentReplica {
    var left = DocumentReplica(0)
    var right = DocumentReplica(1)
    try left.edit { editor in
      try editor.set(["title"], to: "Tides")
      try editor.make(["body"], .text)
      try editor.splice(["body"], at: 0, delete: 0, insert: "spring and neap 🌊")
      try editor.increment(["count"], by: .max)
      try editor.increment(["count"], by: .max)
      try editor.set(["list"], to: [1, .double(2.5), nil, ["a": []], "e\u{301}"])
      try editor.set(["when"], value: .timestamp(Timestamp(clampingMilliseconds: -1)))
      try editor.set(["raw"], value: .bytes([0, 1, 255]))
    }
    try right.receive(left.log)
    try left.edit { editor in
      try editor.set(["title"], to: "Ebb")
      try editor.delete(["body"])
      try editor.make(["body"], .text)
      try editor.set(["list", 1], to: true)
    }
    try right.edit { editor in
      try editor.set(["title"], to: "Flood")
      try editor.set(["list", 1], to: ["b": 1])
      try editor.increment(["count"], by: -5)
    }
    try left.receive(right.log.suffix(1))
    return left
  }

  /// A list in which one element has two places, one of them hidden, and one place stands for
  /// nothing.
  private func moved() throws -> DocumentReplica {
    var (left, right) = try apart { try $0.set(["l"], to: ["a", ["n": 1], "c", "d"]) }
    try left.edit { try $0.move(["l"], from: 1, to: 3) }
    try right.edit { try $0.move(["l"], from: 1, to: 0) }
    try right.edit { try $0.move(["l"], from: 3, to: 1) }
    try meet(&left, &right)
    try left.edit { try $0.set(["l", 0], to: "x") }
    let list = ContainerID.child(parent: .root, key: "l", kind: .list, generation: nil)
    let nobody = EventID(change: ChangeID(origin: testOrigin(7), sequence: 1), index: 0)
    try left.receive([
      IncomingEdit(
        change: ChangeID(origin: testOrigin(8), sequence: 1), lamport: left.lamport + 1,
        time: Timestamp(clampingMilliseconds: 0),
        edit: DocumentEdit(
          document: documentID, parents: left.document.parents,
          operations: [Operation(list, .insertElements(at: 1, [.moved(nobody)]))]))
    ])
    return left
  }

  /// A text with marks of two authors, one of which takes one away.
  private func marked() throws -> DocumentReplica {
    var (left, right) = try apart(text: "The fox 🏝️ jumped.")
    try left.mark(0..<7, "bold")
    try right.mark(4..<14, "link", .string("é"), expand: .none)
    try meet(&left, &right)
    try right.unmark(2..<5, "bold", expand: .both)
    try meet(&left, &right)
    return left
  }

  @Test func marksComeBack() throws {
    let replica = try marked()
    let state = replica.document.encodeState()
    let opened = try Document(id: documentID, state: state)
    #expect(opened.encodeState() == state)
    #expect(opened.canonicalJSON() == replica.document.canonicalJSON())
    #expect(try DocumentReplica.marked(opened.textSpans(at: ["t"])) == replica.marked)
    #expect(replica.marked == "[bold:Th]e [link=é:f][bold+link=é:ox][link=é: 🏝️ jum]ped.")
  }

  @Test func aMarkedTextIsTheseBytes() throws {
    var (left, _) = try apart(text: "aé")
    try left.mark(1..<2, "b", .string("x"), expand: .before)
    let origin = "00000000000000000000000000000001"
    let text = "02" + "0361c3a9"
    // One mark: the first event of change 2 of origin 0, Lamport time 2; then two stretches.
    let marks = "01" + "000200" + "02" + "0162" + "02" + "050178" + "0100" + "010100"
    let state = left.document.encodeState()
    let whole =
      "01" + "00000000000000d00000000000000001" + "01" + origin + "01000200" + "01" + "0100017402"
      + "01" + "0174" + "01" + "000100" + "01" + "080200" + text + marks
    #expect(Hexadecimal.encode(state).dropLast(8) == whole)
    #expect(try Document(id: documentID, state: state).encodeState() == state)
    // With its marked characters gone it is a text like any other.
    try left.delete(1..<2)
    #expect(Hexadecimal.encode(left.document.encodeState()).contains("00" + "0161"))
  }

  @Test func everyPlaceOfAMovedElementComesBack() throws {
    let replica = try moved()
    let state = replica.document.encodeState()
    let opened = try Document(id: documentID, state: state)
    #expect(opened.encodeState() == state)
    #expect(opened.canonicalJSON() == replica.document.canonicalJSON())
    let list = opened.lists[0]
    #expect(list.places.count == 6)
    #expect(list.count == 4)
    #expect(list.moves.orphans.count == 1)
    #expect(list.moves.hidden.count == 2)
    #expect(try opened.conflicts(in: replica.history()).map(\.kind) == [.position])
  }

  @Test func theStateHoldsEverything() throws {
    let replica = try rich()
    let state = replica.document.encodeState()
    let opened = try Document(id: documentID, state: state)
    #expect(opened.canonicalJSON() == replica.document.canonicalJSON())
    #expect(opened.parents == replica.document.parents)
    #expect(opened.encodeState() == state)
    for path in [["title"], ["list", 1]] as [DocumentPath] {
      #expect(try opened.entries(at: path).count == 2)
    }
    #expect(try opened.json(at: ["count"]) == .integer(.max))
    #expect(opened.counters == [2 * Int128(Int64.max) - 5])
  }

  @Test func anEmptyDocumentIsTheseBytes() throws {
    let state = Document(id: documentID).encodeState()
    #expect(
      Hexadecimal.encode(state)
        == "01" + "00000000000000d00000000000000001" + "00000000" + "ecb2f087")
    #expect(try Document(id: documentID, state: state).isEmpty)
  }

  @Test func theStateOfAnotherDocumentIsRefused() throws {
    let state = try rich().document.encodeState()
    #expect(throws: ByteDecodingError(.invalidValue, "")) {
      try Document(id: DocumentID(high: 1, low: 1), state: state)
    }
  }

  @Test func damagedAndLaterStatesAreTold() throws {
    let state = try rich().document.encodeState()
    for index in 1..<state.count {
      var damaged = state
      damaged[index] ^= 0x04
      #expect(throws: ByteDecodingError(.checksumMismatch, "")) {
        try Document(id: documentID, state: damaged)
      }
    }
    for length in 0..<state.count {
      #expect(throws: ByteDecodingError.self) {
        try Document(id: documentID, state: Array(state[..<length]))
      }
    }
    var later = state
    later[0] = 2
    #expect(throws: ByteDecodingError(.unsupportedVersion, "")) {
      try Document(id: documentID, state: later)
    }
  }

  /// Bytes that are wrong behind a right checksum: refused, or the one encoding of what they say.
  @Test(arguments: 0..<12)
  func wrongStatesAreRefusedOrCanonical(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let state = try [rich, moved, marked][Int(seed % 3)]().document.encodeState()
    for _ in 0..<250 {
      var bytes = Array(state.dropLast(4))
      let index = Int.random(in: 17..<bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: bytes[index] = UInt8.random(in: 0...255, using: &random)
      case 2: bytes.removeSubrange(index..<min(bytes.count, index + 3))
      default: bytes.insert(UInt8.random(in: 0...5, using: &random), at: index)
      }
      var whole = ByteWriter()
      whole.write(raw: bytes)
      whole.write(fixed: CRC32C.checksum(bytes))
      do {
        let document = try Document(id: documentID, state: whole.bytes)
        #expect(document.encodeState() == whole.bytes)
        _ = document.canonicalJSON()
      } catch {}
    }
  }

  @Test(arguments: [0, 1, -1, 63, 64, -64, -65, Int128.max, Int128.min, Int128(Int64.min)])
  func wideIntegersComeBack(number: Int128) throws {
    var writer = ByteWriter()
    writer.write(signed128: number)
    #expect(writer.count <= 19)
    var reader = ByteReader(writer.bytes)
    #expect(try reader.readSigned128("number") == number)
    try reader.finish("number")
  }

  @Test func wideIntegersHaveOneEncoding() {
    for bytes in [
      [0x80, 0x00], [UInt8](repeating: 0x80, count: 18) + [4], Array(repeating: 0xFF, count: 20),
    ] {
      var reader = ByteReader(bytes)
      #expect(throws: ByteDecodingError.self) { try reader.readSigned128("number") }
    }
  }
}
