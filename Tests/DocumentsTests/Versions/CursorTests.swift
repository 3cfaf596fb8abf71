import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Cursors")
struct CursorTests {
  private static let path: DocumentPath = ["t"]

  /// What a cursor is to the model: the scalar beside it. Every scalar is written once.
  private struct Expected {
    var cursor: Cursor
    var neighbour: Unicode.Scalar?
  }

  /// What was ever seen before and behind each scalar.
  private struct Seen {
    var before: [Unicode.Scalar: Set<Unicode.Scalar>] = [:]
    var behind: [Unicode.Scalar: Set<Unicode.Scalar>] = [:]

    mutating func note(_ text: [Unicode.Scalar]) {
      for (index, scalar) in text.enumerated() {
        before[scalar, default: []].formUnion(text[..<index])
        behind[scalar, default: []].formUnion(text[(index + 1)...])
      }
    }
  }

  @Test("a cursor stays beside its character, and where that was", arguments: 0..<12)
  func texts(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var people = (0..<2).map { DocumentReplica($0) }
    try people[0].edit { try $0.make(Self.path, .text) }
    try people[1].receive(people[0].log)
    var next: UInt32 = 0x4E00
    var expected: [Expected] = []
    var seen = Seen()
    for step in 0..<50 {
      let who = Int.random(in: 0...1, using: &random)
      let text = Array(try people[who].document.text(at: Self.path).unicodeScalars)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: try people[who].receive(people[who].missing(from: people[1 - who]))
      case 1:
        let at = Int.random(in: 0...text.count, using: &random)
        let side = Cursor.Side(rawValue: UInt8.random(in: 0...1, using: &random)) ?? .before
        let cursor = try people[who].document.cursor(
          at: at, of: Self.path, side: side, in: people[who].history())
        let index = side == .before ? at - 1 : at
        let neighbour = text.indices.contains(index) ? text[index] : nil
        expected.append(Expected(cursor: cursor, neighbour: neighbour))
        #expect(
          try people[who].document.positions(
            of: [cursor], at: Self.path, in: people[who].history()) == [at])
      default:
        let at = Int.random(in: 0...text.count, using: &random)
        let deleted = Int.random(in: 0...min(2, text.count - at), using: &random)
        var inserted = ""
        for _ in 0..<Int.random(in: 0...2, using: &random) {
          inserted.unicodeScalars.append(try #require(Unicode.Scalar(next)))
          next += 1
        }
        try people[who].edit {
          try $0.splice(Self.path, at: at, delete: deleted, insert: inserted)
        }
      }
      seen.note(Array(try people[who].document.text(at: Self.path).unicodeScalars))
      try check(people[who], expected, seen, "seed \(seed), step \(step)")
    }
  }

  private func check(
    _ replica: DocumentReplica, _ expected: [Expected], _ seen: Seen, _ trace: String
  ) throws {
    let history = try replica.history()
    let text = Array(try replica.document.text(at: Self.path).unicodeScalars)
    // Sent as text.
    let cursors = try expected.map { try #require(Cursor(text: $0.cursor.text)) }
    #expect(cursors == expected.map(\.cursor))
    let found = try replica.document.positions(of: cursors, at: Self.path, in: history)
    for (expected, position) in zip(expected, found) {
      guard let neighbour = expected.neighbour else {
        #expect(position == (expected.cursor.side == .before ? 0 : text.count), "\(trace)")
        continue
      }
      if let index = text.firstIndex(of: neighbour) {
        #expect(position == (expected.cursor.side == .before ? index + 1 : index), "\(trace)")
      } else if let position {
        // Deleted: between what was ever before it and what was ever behind it.
        #expect(text[position...].allSatisfy { seen.before[neighbour]?.contains($0) != true })
        #expect(text[..<position].allSatisfy { seen.behind[neighbour]?.contains($0) != true })
      } else {
        // Not written yet, as far as this replica knows.
        #expect(replica.log.allSatisfy { $0.change != expected.cursor.neighbour?.change })
      }
    }
  }

  @Test("a position moved through patches stays beside what it goes with")
  func patches() {
    let typed = TextPatch(position: 3, removed: 0, inserted: "ab")
    #expect(typed.moving(2, side: .after) == 2)
    #expect(typed.moving(3, side: .before) == 3)
    #expect(typed.moving(3, side: .after) == 5)
    #expect(typed.moving(4, side: .before) == 6)
    let replaced = TextPatch(position: 3, removed: 2, inserted: "x")
    #expect((0...6).map { replaced.moving($0, side: .before) } == [0, 1, 2, 3, 3, 3, 5])
    #expect((0...6).map { replaced.moving($0, side: .after) } == [0, 1, 2, 4, 4, 4, 5])
    let moved = DocumentPatch.Action.moved(from: 1, to: 3)
    #expect((0...4).map { moved.moving($0, side: .after) } == [0, 3, 1, 2, 4])
    #expect((0...4).map { moved.moving($0, side: .before) } == [0, 1, 4, 2, 3])
  }

  @Test("in a list a cursor goes with its element, also when that is moved")
  func lists() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.set(["l"], to: ["a", "b", "c", "d"]) }
    let document = replica.document
    let cursor = try document.cursor(at: 2, of: ["l"], side: .before, in: replica.history())
    try replica.edit { try $0.move(["l"], from: 1, to: 3) }
    #expect(try document.positions(of: [cursor], at: ["l"], in: replica.history()) == [4])
    try replica.edit { try $0.splice(["l"], at: 0, delete: 1, insert: ["x", "y"]) }
    #expect(try document.positions(of: [cursor], at: ["l"], in: replica.history()) == [5])
    #expect(Cursor(text: "c1:") == nil && Cursor(text: "v1:AA") == nil)
    #expect(throws: EditError(.outOfRange, "")) {
      try document.cursor(at: 6, of: ["l"], side: .after, in: replica.history())
    }
  }
}
