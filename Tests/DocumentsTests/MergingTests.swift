import Causality
import JSONCoding
import Testing

@testable import Documents

@Suite struct MergingTests {
  @Test func anEditInOrderNeedsNoHistory() throws {
    var (left, right) = try apart { try $0.make(["t"], .text) }
    try left.edit { try $0.splice(["t"], at: 0, delete: 0, insert: "tide") }
    let outcome = try right.document.merge(right.missing(from: left)) {
      Issue.record("history was asked for")
      return DocumentHistory(document: documentID)
    }
    #expect(outcome == MergeOutcome(applied: 1))
    #expect(try right.document.text(at: ["t"]) == "tide")
  }

  @Test func typingAtOnceKeepsBothTexts() throws {
    var (left, right) = try apart {
      try $0.make(["t"], .text)
      try $0.splice(["t"], at: 0, delete: 0, insert: "the sea")
    }
    try left.edit { try $0.splice(["t"], at: 4, delete: 0, insert: "open ") }
    try right.edit { try $0.splice(["t"], at: 7, delete: 0, insert: " is calm") }
    try meet(&left, &right)
    #expect(try left.document.text(at: ["t"]) == "the open sea is calm")
  }

  @Test func childrenMadeAtOnceAreOneChild() throws {
    var left = DocumentReplica(0)
    var right = DocumentReplica(1)
    try left.edit {
      try $0.set(["m"], to: ["a": 1])
      try $0.make(["t"], .text)
      try $0.splice(["t"], at: 0, delete: 0, insert: "left")
      try $0.increment(["c"], by: 2)
    }
    try right.edit {
      try $0.set(["m"], to: ["b": 2])
      try $0.make(["t"], .text)
      try $0.splice(["t"], at: 0, delete: 0, insert: "right")
      try $0.increment(["c"], by: 5)
    }
    try meet(&left, &right)
    #expect(try left.document.json(at: ["m"]) == ["a": 1, "b": 2])
    #expect(try left.document.json(at: ["c"]) == 7)
    let text = try left.document.text(at: ["t"])
    #expect(text == "leftright" || text == "rightleft")
    #expect(try left.conflicts().isEmpty)
  }

  @Test func aChildMadeAgainIsANewOne() throws {
    var (left, right) = try apart {
      try $0.make(["t"], .text)
      try $0.splice(["t"], at: 0, delete: 0, insert: "old")
    }
    try left.edit { try $0.delete(["t"]) }
    try left.edit {
      try $0.make(["t"], .text)
      try $0.splice(["t"], at: 0, delete: 0, insert: "new")
    }
    // Typed into the text that dies: it stays with that one, and is listed.
    try right.edit { try $0.splice(["t"], at: 3, delete: 0, insert: "er") }
    try meet(&left, &right)
    #expect(try left.document.text(at: ["t"]) == "new")
    #expect(try left.conflicts().map(\.kind) == [.removal])
  }

  @Test func anEditWinsOverADeleteOfTheDocumentAtTheSameTime() throws {
    var (left, right) = try apart { try $0.set(["a"], to: 1) }
    try left.edit { try $0.deleteDocument() }
    #expect(left.document.isDeleted)
    try right.edit { try $0.set(["b"], to: 2) }
    try meet(&left, &right)
    #expect(!left.document.isDeleted)
    #expect(left.json == #"{"a":1,"b":2}"#)
  }

  @Test func aDocumentIsDeletedWhenEveryoneDeletedIt() throws {
    var (left, right) = try apart { try $0.set(["a"], to: 1) }
    try left.edit { try $0.deleteDocument() }
    try right.edit { try $0.deleteDocument() }
    try meet(&left, &right)
    #expect(left.document.isDeleted)
    try left.reopen()
    #expect(left.document.isDeleted)
    try left.edit { try $0.set(["b"], to: 2) }
    #expect(!left.document.isDeleted)
  }

  @Test func deletedCharactersStayDeleted() throws {
    var (left, right) = try apart {
      try $0.make(["t"], .text)
      try $0.splice(["t"], at: 0, delete: 0, insert: "low water")
    }
    try left.edit { try $0.splice(["t"], at: 0, delete: 9, insert: "") }
    try right.edit { try $0.splice(["t"], at: 3, delete: 0, insert: "est") }
    try meet(&left, &right)
    #expect(try left.document.text(at: ["t"]) == "est")
  }

  @Test func anElementSetAndRemovedAtOnceIsRemoved() throws {
    var (left, right) = try apart { try $0.set(["l"], to: [1, ["k": 2], 3]) }
    try left.edit { try $0.splice(["l"], at: 1, delete: 1, insert: []) }
    try right.edit {
      try $0.set(["l", 1, "k"], to: 5)
      try $0.set(["l", 0], to: ["new": true])
    }
    try meet(&left, &right)
    #expect(try left.document.json(at: ["l"]) == [["new": true], 3])
  }

  /// Parents that are no changes of the document: the edit belongs to nothing, in every order.
  @Test func anEditWithForeignParentsIsIgnoredEverywhere() throws {
    var (left, right) = try apart { try $0.set(["a"], to: 1) }
    let bad = IncomingEdit(
      change: ChangeID(origin: testOrigin(7), sequence: 1), lamport: 5,
      time: Timestamp(clampingMilliseconds: 0),
      edit: DocumentEdit(
        document: documentID, parents: [ChangeID(origin: testOrigin(8), sequence: 3)],
        operations: [Operation(.root, .set("a", .integer(9), replaces: []))]))
    #expect(try left.document.merge([bad]) { try history(left.log) }.ignored == [bad.change])
    try left.edit { try $0.set(["b"], to: 2) }
    try right.receive(right.missing(from: left))
    #expect(try right.document.merge([bad]) { try history(right.log) }.ignored == [bad.change])
    #expect(left.canonical == right.canonical)
  }

  /// History that lacks something, or has more than the state, would merge wrongly in silence.
  @Test func aHistoryThatDoesNotFitTheStateIsTold() throws {
    var (left, right) = try apart { try $0.set(["a"], to: 1) }
    try left.edit { try $0.set(["a"], to: 2) }
    try right.edit { try $0.set(["a"], to: 3) }
    let incoming = left.missing(from: right)
    for wrong in [Array(left.log.prefix(1)), left.log + incoming] {
      #expect(throws: MergeError.self) {
        try left.document.copy().merge(incoming) { try history(wrong) }
      }
    }
    try left.receive(incoming)
    #expect(try left.document.json(at: ["a"]) == 3)
  }

  private func history(_ log: [IncomingEdit]) throws -> DocumentHistory {
    var history = DocumentHistory(document: documentID)
    try history.append(contentsOf: log)
    return history
  }

  /// Operations that no editor makes have no effect, whichever path they come in by.
  @Test func operationsThatCannotBeDoneHaveNoEffectInAnyOrder() throws {
    let base = try apart {
      try $0.make(["t"], .text)
      try $0.splice(["t"], at: 0, delete: 0, insert: "abc")
      try $0.set(["l"], to: [1, 2])
      try $0.set(["v"], to: 1)
    }
    let text = ContainerID.child(parent: .root, key: "t", kind: .text, generation: nil)
    let list = ContainerID.child(parent: .root, key: "l", kind: .list, generation: nil)
    let unseen = EventID(change: ChangeID(origin: testOrigin(1), sequence: 1), index: 0)
    let bad = IncomingEdit(
      change: ChangeID(origin: testOrigin(5), sequence: 1), lamport: 2,
      time: Timestamp(clampingMilliseconds: 0),
      edit: DocumentEdit(
        document: documentID, parents: base.0.document.parents,
        operations: [
          Operation(text, .insertText(at: 4, "no")),
          Operation(text, .remove(at: 2, count: 1 << 20)),
          Operation(text, .remove(at: 2, count: 5)),
          Operation(list, .insertElements(at: 9, [.value(.null), .container(.map)])),
          Operation(list, .remove(at: 1, count: 7)),
          Operation(list, .setElement(unseen, .value(.null), replaces: [unseen])),
          Operation(text, .set("k", .null, replaces: [])),
          Operation(list, .increment(by: 4)),
          Operation(.root, .insertText(at: 0, "no")),
          Operation(.root, .set("v", .integer(2), replaces: [unseen])),
          Operation(.root, .unknown(code: 99, eventCount: 3, bytes: [1, 2, 3])),
          Operation(.root, .set("w", .bool(true), replaces: [])),
        ]))
    // The other one writes under the event that the bad edit claims to have seen.
    var (left, right) = base
    try right.edit { editor in
      try editor.set(["v"], to: 7)
      try editor.splice(["t"], at: 3, delete: 0, insert: "def")
      try editor.splice(["l"], at: 2, delete: 0, insert: [3])
    }
    let good = right.log.suffix(1)
    // Bad first, on the fast path; bad last, by replay; both at once.
    try left.receive([bad])
    try left.receive(Array(good))
    try right.receive([bad])
    var third = DocumentReplica(3)
    try third.receive(base.0.log + [bad] + good)
    var fourth = DocumentReplica(4)
    try fourth.receive(base.0.log + good + [bad])
    for replica in [right, third, fourth] {
      #expect(replica.canonical == left.canonical)
      #expect(replica.document.encodeState() == left.document.encodeState())
    }
    #expect(try left.document.text(at: ["t"]) == "abdef")
    #expect(try left.document.json(at: ["l"]) == [1, 3])
    #expect(try left.document.entries(at: ["v"]).count == 2)
    #expect(try left.document.json(at: ["w"]) == true)
  }

  /// Two runs of one origin that do not know each other: an author that lies about its parents.
  @Test func anOriginThatForksItselfIsMergedTheSameEverywhere() throws {
    let (start, _) = try apart {
      try $0.make(["t"], .text)
      try $0.splice(["t"], at: 0, delete: 0, insert: "abc")
    }
    let text = ContainerID.child(parent: .root, key: "t", kind: .text, generation: nil)
    func liar(_ sequence: UInt64, _ insert: String) -> IncomingEdit {
      IncomingEdit(
        change: ChangeID(origin: testOrigin(5), sequence: sequence), lamport: 2,
        time: Timestamp(clampingMilliseconds: 0),
        edit: DocumentEdit(
          document: documentID, parents: start.document.parents,
          operations: [Operation(text, .insertText(at: 1, insert))]))
    }
    let lies = [liar(1, "one"), liar(2, "two")]
    var honest = DocumentReplica(2)
    try honest.receive(start.log)
    try honest.edit { try $0.splice(["t"], at: 1, delete: 1, insert: "three") }
    var orders = (0..<3).map { DocumentReplica(10 + $0) }
    try orders[0].receive(start.log + lies + honest.log.suffix(1))
    try orders[1].receive(honest.log)
    try orders[1].receive([lies[0]])
    try orders[1].receive([lies[1]])
    try orders[2].receive(start.log + [lies[0]] + honest.log.suffix(1))
    try orders[2].receive([lies[1]])
    #expect(orders[0].canonical == orders[1].canonical)
    #expect(orders[0].canonical == orders[2].canonical)
  }
}
