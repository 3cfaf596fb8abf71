import Causality
import DocumentModel
import Documents
import JSONCoding
import Testing

/// The rules, spelled out without the engine.
@Suite("The model")
struct ModelTests {
  private static let note = DocumentID(high: 1, low: 1)
  private let text = ContainerID.child(parent: .root, key: "t", kind: .text, generation: nil)

  private func id(_ origin: UInt64, _ sequence: UInt64) -> ChangeID {
    ChangeID(origin: Origin(high: 0, low: origin), sequence: sequence)
  }

  private func change(
    _ origin: UInt64, _ sequence: UInt64, lamport: UInt64 = 1, after parents: [ChangeID] = [],
    _ actions: Operation.Action..., in container: ContainerID = .root
  ) -> Change {
    Change(
      id: id(origin, sequence), lamport: lamport, time: Timestamp(clampingMilliseconds: 0),
      edits: [
        DocumentEdit(
          document: Self.note, parents: parents,
          operations: actions.map { Operation(container, $0) })
      ])
  }

  private func json(_ changes: Change...) -> JSONValue? {
    let json = Model(changes).json(of: Self.note)
    #expect(Model(changes.reversed()).json(of: Self.note) == json)
    return json
  }

  @Test(
    "the highest Lamport time wins a register, then the highest origin; what was seen gives way")
  func registers() {
    let low = change(1, 1, .set("k", .integer(1), replaces: []))
    let high = change(2, 1, .set("k", .integer(2), replaces: []))
    let first = EventID(change: id(2, 1), index: 0)
    #expect(json(low, high) == ["k": 2])
    #expect(Model([low, high]).conflicts(of: Self.note).count == 1)
    #expect(Model([low]).conflicts(of: Self.note).isEmpty)
    let later = change(1, 2, lamport: 2, after: [id(1, 1)], .set("k", .integer(3), replaces: []))
    #expect(json(low, high, later) == ["k": 3])
    let unseen = change(3, 1, .delete("k", replaces: [first]))
    #expect(json(high, unseen) == ["k": 2])
    let seen = change(3, 1, lamport: 2, after: [id(2, 1)], .delete("k", replaces: [first]))
    #expect(json(high, seen) == [:])
    #expect(json(low, high, seen) == ["k": 1])
  }

  @Test("increments add up, and a number that JSON cannot hold stops at its end")
  func counters() {
    let counter = ContainerID.child(parent: .root, key: "c", kind: .counter, generation: nil)
    let make = change(1, 1, .make("c", .counter, isAnew: false, replaces: []))
    let one = change(2, 1, after: [id(1, 1)], .increment(by: 5), in: counter)
    let other = change(3, 1, after: [id(1, 1)], .increment(by: -7), in: counter)
    let most = change(4, 1, .increment(by: .max), .increment(by: .max), in: counter)
    #expect(json(make, one, other) == ["c": -2])
    #expect(json(make, most) == ["c": .integer(.max)])
  }

  @Test("two who make the same child have made one, and one made anew is another")
  func children() {
    let child = ContainerID.child(parent: .root, key: "m", kind: .map, generation: nil)
    let one = change(1, 1, .make("m", .map, isAnew: false, replaces: []))
    let other = change(2, 1, .make("m", .map, isAnew: false, replaces: []))
    let write = change(2, 2, after: [id(2, 1)], .set("x", .null, replaces: []), in: child)
    #expect(json(one, other, write) == ["m": ["x": nil]])
    let seen = (1...2).map { EventID(change: id($0, 1), index: 0) }
    let anew = change(
      3, 1, lamport: 3, after: [id(1, 1), id(2, 2)],
      .make("m", .map, isAnew: true, replaces: seen))
    #expect(json(one, other, write, anew) == ["m": [:]])
  }

  @Test("typed runs stay whole, and positions are those that the author saw")
  func texts() {
    let base = change(1, 1, .insertText(at: 0, "()"), in: text)
    let make = change(9, 1, .make("t", .text, isAnew: false, replaces: []))
    let milk = change(2, 1, after: [id(1, 1)], .insertText(at: 1, "milk"), in: text)
    let eggs = change(
      3, 1, after: [id(1, 1)], .insertText(at: 1, "gs"), .insertText(at: 1, "eg"), in: text)
    let gone = change(4, 1, after: [id(1, 1)], .remove(at: 0, count: 9), in: text)
    let beyond = change(5, 1, after: [id(1, 1)], .insertText(at: 3, "!"), in: text)
    #expect(json(make, base, milk, eggs) == ["t": "(milkeggs)"])
    #expect(json(make, base, milk, gone) == ["t": "milk"])
    #expect(json(make, base, milk, beyond) == ["t": "(milk)"])
  }

  @Test("an edit brings a deleted document back, whether it follows or did not know")
  func deletion() {
    let begin = change(1, 1, .set("k", .integer(1), replaces: []))
    let delete = change(1, 2, lamport: 2, after: [id(1, 1)], .deleteDocument)
    let beside = change(2, 1, lamport: 2, after: [id(1, 1)], .set("x", .null, replaces: []))
    let also = change(2, 1, lamport: 2, after: [id(1, 1)], .deleteDocument)
    let after = change(1, 3, lamport: 3, after: [id(1, 2)], .set("y", .null, replaces: []))
    #expect(json(begin, delete) == nil)
    #expect(Model([begin, delete]).documents == [])
    #expect(json(begin, delete, beside) == ["k": 1, "x": nil])
    #expect(json(begin, delete, also) == nil)
    #expect(json(begin, delete, after) == ["k": 1, "y": nil])
    #expect(Model([begin, delete, after]).documents == [Self.note])
  }

  @Test("an edit without what it was built on is not there yet")
  func missingParents() {
    let begin = change(1, 1, .set("k", .integer(1), replaces: []))
    let after = change(2, 1, lamport: 2, after: [id(1, 1)], .set("x", .null, replaces: []))
    #expect(json(after) == nil)
    #expect(json(begin, after) == ["k": 1, "x": nil])
  }

  @Test("one model reads at every version")
  func versions() {
    let begin = change(1, 1, .set("k", .integer(1), replaces: []))
    let replaced = EventID(change: id(1, 1), index: 0)
    let after = change(
      2, 1, lamport: 2, after: [id(1, 1)], .set("k", .integer(2), replaces: [replaced]))
    let model = Model([begin, after])
    let early = VersionVector([VersionVector.Entry(origin: id(1, 1).origin, sequence: 1)])
    #expect(model.json(of: Self.note, seeing: early) == ["k": 1])
    #expect(model.json(of: Self.note) == ["k": 2])
    #expect(model.json(of: Self.note, seeing: VersionVector()) == nil)
    #expect(model.documents(seeing: VersionVector()) == [])
    #expect(model.canonicalText(seeing: early).contains("\"value\":1"))
  }
}
