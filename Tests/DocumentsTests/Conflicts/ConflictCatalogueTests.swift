import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What people get who did two things at once.
@Suite("The catalogue of conflicts")
struct ConflictCatalogueTests {
  private func values(_ conflict: Conflict?) -> [JSONValue?] { conflict?.sides.map(\.value) ?? [] }

  // MARK: One place, two values

  @Test("two titles: both are kept, with the one they replaced")
  func valueAgainstValue() throws {
    var (left, right) = try apart { try $0.set(["title"], to: "plan") }
    try left.edit { try $0.set(["title"], to: "our plan") }
    try right.edit { try $0.set(["title"], to: "the plan") }
    try meet(&left, &right)
    let found = try left.conflicts()
    #expect(found.map(\.kind) == [.value])
    #expect(found.first?.path == ["title"])
    #expect(found.first?.base == "plan")
    #expect(values(found.first) == ["our plan", "the plan"])
    #expect(found.first?.sides.map(\.change.origin) == [left.origin, right.origin])
    #expect(try left.document.json(at: ["title"]) == "the plan")
  }

  @Test("the same title twice is one decision")
  func sameValue() throws {
    var (left, right) = try apart { try $0.set(["title"], to: "plan") }
    try left.edit { try $0.set(["title"], to: "tides") }
    try right.edit { try $0.set(["title"], to: "tides") }
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("several edits of one side: the base is what both had seen, not what one had written")
  func baseOfLongSides() throws {
    var (left, right) = try apart { try $0.set(["n"], to: 0) }
    for number in 1...3 { try left.edit { try $0.set(["n"], to: .count(number)) } }
    try right.edit { try $0.set(["n"], to: 10) }
    try meet(&left, &right)
    #expect(try left.conflicts().first?.base == 0)
    #expect(try Set(values(left.conflicts().first)) == [3, 10])
  }

  @Test("where nothing was before there is no base")
  func noBase() throws {
    var (left, right) = try apart { try $0.set(["a"], to: 0) }
    try left.edit { try $0.set(["n"], to: 1) }
    try right.edit { try $0.set(["n"], to: 2) }
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    #expect(conflict.base == nil)
    try left.resolve(conflict, taking: .base)
    #expect(left.json == #"{"a":0}"#)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("a value against a deletion: the value is shown, the deletion is listed")
  func valueAgainstDeletion() throws {
    var (left, right) = try apart { try $0.set(["due"], to: "Monday") }
    try left.edit { try $0.delete(["due"]) }
    try right.edit { try $0.set(["due"], to: "Friday") }
    try meet(&left, &right)
    #expect(left.json == #"{"due":"Friday"}"#)
    let conflict = try #require(try left.conflicts().first)
    #expect(conflict.base == "Monday")
    #expect(values(conflict) == [nil, "Friday"])
    try left.resolve(conflict, taking: .side(0))
    try meet(&left, &right)
    #expect(right.json == "{}")
    #expect(try right.conflicts().isEmpty)
  }

  @Test("a list element set by two is a conflict at its index, with what it held at first")
  func elements() throws {
    var (left, right) = try apart { try $0.set(["l"], to: ["a", "b", "c"]) }
    try left.edit { try $0.set(["l", 1], to: "x") }
    try right.edit { try $0.set(["l", 1], to: "y") }
    try right.edit { try $0.splice(["l"], at: 0, delete: 0, insert: ["first"]) }
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    #expect(conflict.path == ["l", 2])
    #expect(conflict.base == "b")
    try left.resolve(conflict, taking: .value("z"))
    #expect(left.json == #"{"l":["first","a","z","c"]}"#)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("a third side makes another conflict, which the old name does not resolve")
  func thirdSide() throws {
    var (left, right) = try apart { try $0.set(["n"], to: 0) }
    var third = DocumentReplica(2)
    try third.receive(left.log)
    try left.edit { try $0.set(["n"], to: 1) }
    try right.edit { try $0.set(["n"], to: 2) }
    try third.edit { try $0.set(["n"], to: 3) }
    try meet(&left, &right)
    let two = try #require(try left.conflicts().first)
    try left.receive(left.missing(from: third))
    let three = try #require(try left.conflicts().first)
    #expect(values(three) == [1, 2, 3])
    #expect(two.id != three.id)
  }

  // MARK: Something inside against its end

  @Test("typing into a text that is deleted: the typing is listed and can be had back")
  func editAgainstRemoval() throws {
    for choice in [ConflictChoice.side(0), .side(1), .base, .value("gone")] {
      var (left, right) = try apart {
        try $0.make(["body"], .text)
        try $0.splice(["body"], at: 0, delete: 0, insert: "tide")
      }
      try left.edit { try $0.delete(["body"]) }
      try right.edit { try $0.splice(["body"], at: 4, delete: 0, insert: " tables") }
      try meet(&left, &right)
      #expect(left.json == "{}")
      let conflict = try #require(try left.conflicts().first)
      #expect(conflict.kind == .removal)
      #expect(conflict.path == ["body"])
      #expect(conflict.base == "tide")
      #expect(values(conflict) == ["tide tables", nil])
      try left.resolve(conflict, taking: choice)
      try meet(&left, &right)
      #expect(try right.conflicts().isEmpty)
      switch choice {
      case .side(0): #expect(try right.document.text(at: ["body"]) == "tide tables")
      case .base: #expect(try right.document.text(at: ["body"]) == "tide")
      case .side: #expect(right.json == "{}")
      case .value: #expect(right.json == #"{"body":"gone"}"#)
      }
    }
  }

  @Test("an edit deep inside of what is replaced is listed at the place that was replaced")
  func editInsideReplacement() throws {
    var (left, right) = try apart {
      try $0.set(["card"], to: ["lines": [["text": "a"]], "n": 1])
    }
    try left.edit { try $0.set(["card"], to: "none") }
    try right.edit { try $0.set(["card", "lines", 0, "text"], to: "b") }
    try meet(&left, &right)
    #expect(left.json == #"{"card":"none"}"#)
    let conflict = try #require(try left.conflicts().first)
    #expect(conflict.kind == .removal)
    #expect(values(conflict) == [["lines": [["text": "b"]], "n": 1], "none"])
    #expect(conflict.base == ["lines": [["text": "a"]], "n": 1])
    try right.resolve(conflict, taking: .base)
    #expect(right.json == #"{"card":{"lines":[{"text":"a"}],"n":1}}"#)
    #expect(try right.conflicts().isEmpty)
  }

  @Test("what was edited before it was removed is no conflict")
  func removalOfWhatWasSeen() throws {
    var (left, right) = try apart { try $0.set(["card"], to: ["n": 1]) }
    try right.edit { try $0.set(["card", "n"], to: 2) }
    try meet(&left, &right)
    try left.edit { try $0.delete(["card"]) }
    try right.edit { try $0.set(["other"], to: 2) }
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("writing to the place decides nothing about what was edited and removed there")
  func notDecidedByWriting() throws {
    var (left, right) = try apart { try $0.set(["card"], to: ["n": 1]) }
    var third = DocumentReplica(2)
    try third.receive(left.log)
    try left.edit { try $0.set(["card"], to: "a") }
    try third.edit { try $0.set(["card"], to: "c") }
    try right.edit { try $0.set(["card", "n"], to: 2) }
    try meet(&left, &right)
    try left.receive(left.missing(from: third))
    let value = try #require(try left.conflicts().first { $0.kind == .value })
    try left.resolve(value, taking: .side(0))
    #expect(try left.conflicts().map(\.kind) == [.removal])
    #expect(try values(left.conflicts().first) == [["n": 2], "a"])
  }

  @Test("one deletion that ends two containers is two conflicts, each decided by itself")
  func twoContainersAtOnePlace() throws {
    var (left, right) = try apart { try $0.set(["a"], to: 1) }
    var third = DocumentReplica(2)
    try third.receive(left.log)
    try left.edit { try $0.set(["x"], to: ["n": 1]) }
    try right.edit { try $0.set(["x"], to: ["first"]) }
    try meet(&left, &right)
    try third.receive(third.missing(from: left))
    try third.edit { try $0.delete(["x"]) }
    let map = ContainerID.child(parent: .root, key: "x", kind: .map, generation: nil)
    let list = ContainerID.child(parent: .root, key: "x", kind: .list, generation: nil)
    try left.receive([written(left, Operation(map, .set("n", .integer(2), replaces: [])))])
    try right.receive([
      written(right, Operation(list, .insertElements(at: 1, [.value(.string("more"))])))
    ])
    try meet(&left, &right)
    try left.receive(left.missing(from: third))
    try right.receive(right.missing(from: third))
    let found = try left.conflicts()
    #expect(found.map(\.kind) == [.removal, .removal])
    #expect(Set(found.map(\.id)).count == 2)
    let ofMap = try #require(found.first { $0.sides[0].value == ["n": 2] })
    try left.resolve(ofMap, taking: .side(1))
    #expect(try left.conflicts().map { $0.sides[0].value } == [["first", "more"]])
  }

  private func written(_ replica: DocumentReplica, _ operation: Operation) -> IncomingEdit {
    IncomingEdit(
      change: ChangeID(
        origin: replica.origin, sequence: replica.vector[replica.origin] + 1),
      lamport: replica.lamport + 1, time: Timestamp(clampingMilliseconds: 0),
      edit: DocumentEdit(
        document: documentID, parents: replica.document.parents, operations: [operation]))
  }

  @Test("a deletion on which its author has built is no side")
  func supersededDeletion() throws {
    var (left, right) = try apart { try $0.set(["q"], to: "old") }
    try left.edit { try $0.delete(["q"]) }
    try left.edit { try $0.set(["q"], to: "new") }
    try right.edit { try $0.set(["q"], to: "new") }
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("the base of a container is what it held when the sides parted")
  func baseOfContainer() throws {
    var (left, right) = try apart { try $0.set(["m"], to: ["x": 1]) }
    try left.edit { try $0.set(["m"], to: "a") }
    try right.edit { try $0.set(["m", "x"], to: 2) }
    try right.edit { try $0.set(["m"], to: "b") }
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first { $0.kind == .value })
    #expect(conflict.base == ["x": 1])
  }

  @Test("a value that is given is a plain one")
  func onlyPlainValues() throws {
    var (left, right) = try apart { try $0.set(["n"], to: 0) }
    try left.edit { try $0.set(["n"], to: 1) }
    try right.edit { try $0.set(["n"], to: 2) }
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    for value in [[1], ["a": 1]] as [JSONValue] {
      #expect(throws: EditError(.notSupported, "")) {
        try left.resolve(conflict, taking: .value(value))
      }
    }
  }

  @Test("an edit that the one who resolved had not seen opens the conflict again")
  func lateEdit() throws {
    var (left, right) = try apart { try $0.set(["card"], to: ["n": 1]) }
    var third = DocumentReplica(2)
    try third.receive(left.log)
    try left.edit { try $0.delete(["card"]) }
    try right.edit { try $0.set(["card", "n"], to: 2) }
    try third.edit { try $0.set(["card", "m"], to: 3) }
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    try left.resolve(conflict, taking: .side(1))
    #expect(try left.conflicts().isEmpty)
    try left.receive(left.missing(from: third))
    #expect(try left.conflicts().count == 1)
    #expect(try values(left.conflicts().first) == [["m": 3, "n": 2], nil])
  }

  // MARK: The document as a whole

  @Test("a document deleted by one and edited by the other is kept until somebody decides")
  func documentDeletion() throws {
    for number in 0...1 {
      var (left, right) = try apart { try $0.set(["a"], to: 1) }
      try left.edit { try $0.deleteDocument() }
      try right.edit { try $0.set(["a"], to: 2) }
      try meet(&left, &right)
      let early = try #require(try left.conflicts().first)
      // Going on to edit decides nothing, and what was not seen is not decided.
      try right.edit { try $0.set(["b"], to: 3) }
      try meet(&left, &right)
      let conflict = try #require(try left.conflicts().first)
      #expect(conflict.id == early.id)
      #expect(conflict.kind == .document)
      #expect(values(conflict) == [nil, ["a": 2, "b": 3]])
      try left.resolve(conflict, taking: .side(number))
      try meet(&left, &right)
      #expect(right.document.isDeleted == (number == 0))
      #expect(try right.conflicts().isEmpty)
    }
  }

  @Test("a document that both deleted is deleted")
  func bothDeleted() throws {
    var (left, right) = try apart { try $0.set(["a"], to: 1) }
    try left.edit { try $0.deleteDocument() }
    try right.edit { try $0.deleteDocument() }
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
    try left.edit { try $0.set(["a"], to: 2) }
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
  }

  // MARK: Resolving

  @Test("the same resolution made twice at once is one", arguments: [0, 1])
  func sameResolutionTwice(side: Int) throws {
    var (left, right) = try apart { try $0.set(["n"], to: 0) }
    try left.edit { try $0.set(["n"], to: 1) }
    try right.edit { try $0.set(["n"], to: 2) }
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    try left.resolve(conflict, taking: .side(side))
    try right.resolve(conflict, taking: .side(side))
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
    #expect(try left.document.json(at: ["n"]) == .integer(Int64(side) + 1))
  }

  @Test("different resolutions at once are a conflict of their own; nothing is lost")
  func differentResolutions() throws {
    var (left, right) = try apart { try $0.set(["n"], to: 0) }
    try left.edit { try $0.set(["n"], to: 1) }
    try right.edit { try $0.set(["n"], to: 2) }
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    try left.resolve(conflict, taking: .side(0))
    try right.resolve(conflict, taking: .side(1))
    try meet(&left, &right)
    #expect(try values(left.conflicts().first) == [1, 2])
  }

  @Test("two who bring back the same text bring back one")
  func broughtBackTwice() throws {
    var (left, right) = try apart {
      try $0.make(["body"], .text)
      try $0.splice(["body"], at: 0, delete: 0, insert: "tide")
    }
    try left.edit { try $0.delete(["body"]) }
    try right.edit { try $0.splice(["body"], at: 0, delete: 0, insert: "low ") }
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    try left.resolve(conflict, taking: .side(0))
    try right.resolve(conflict, taking: .side(0))
    try meet(&left, &right)
    #expect(left.json == #"{"body":"low tide"}"#)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("a side that is not there is refused, and nothing is done")
  func noSuchSide() throws {
    var (left, right) = try apart { try $0.set(["n"], to: 0) }
    try left.edit { try $0.set(["n"], to: 1) }
    try right.edit { try $0.set(["n"], to: 2) }
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    for number in [-1, 2, .max] {
      #expect(throws: EditError(.outOfRange, "")) {
        try left.resolve(conflict, taking: .side(number))
      }
    }
    #expect(try left.conflicts() == [conflict])
  }

  @Test("names are 16 digits that read back")
  func names() throws {
    for bits in [0, 1, 0xABCD, UInt64.max] {
      let text = String(repeating: "0", count: 16) + String(bits, radix: 16)
      let id = try #require(ConflictID(text: String(text.suffix(16))))
      #expect(id.description == text.suffix(16))
    }
    for text in ["", "1", "+000000000000001", "000000000000000g", "00000000000000001"] {
      #expect(ConflictID(text: text) == nil)
    }
  }
}

/// Elements of lists that one deletes while another edits them.
@Suite("The catalogue of conflicts over list elements")
struct ElementRemovalTests {
  @Test("an element set by one and deleted by another: the edit is listed and can be had back")
  func setAgainstDeletion() throws {
    for choice in [ConflictChoice.side(0), .side(1), .base, .value("z")] {
      var (left, right) = try apart { try $0.set(["l"], to: ["a", "b", "c"]) }
      try left.edit { try $0.delete(["l", 1]) }
      try right.edit { try $0.set(["l", 1], to: "x") }
      try meet(&left, &right)
      #expect(left.json == #"{"l":["a","c"]}"#)
      let conflict = try #require(try left.conflicts().first)
      #expect(conflict.kind == .removal)
      #expect(conflict.path == ["l", 1])
      #expect(conflict.base == "b")
      #expect(conflict.sides.map(\.value) == ["x", nil])
      // Both decide alike, at once.
      try left.resolve(conflict, taking: choice)
      try right.resolve(conflict, taking: choice)
      try meet(&left, &right)
      #expect(try left.conflicts().isEmpty)
      let expected =
        switch choice {
        case .side(0): #"{"l":["a","x","c"]}"#
        case .side: #"{"l":["a","c"]}"#
        case .base: #"{"l":["a","b","c"]}"#
        case .value: #"{"l":["a","z","c"]}"#
        }
      #expect(left.json == expected)
    }
  }

  @Test("an edit deep inside of an element that is deleted comes back with it")
  func editInside() throws {
    for choice in [ConflictChoice.side(0), .base] {
      var (left, right) = try apart {
        try $0.set(["l"], to: [["n": 1], ["n": 2, "t": ["deep"]], ["n": 3]])
      }
      try left.edit { try $0.splice(["l"], at: 0, delete: 2, insert: []) }
      try right.edit { try $0.set(["l", 1, "t", 0], to: "deeper") }
      try meet(&left, &right)
      let conflict = try #require(try left.conflicts().first)
      #expect(try left.conflicts().count == 1)
      #expect(conflict.path == ["l", 0])
      #expect(conflict.base == ["n": 2, "t": ["deep"]])
      #expect(conflict.sides.first?.value == ["n": 2, "t": ["deeper"]])
      try right.resolve(conflict, taking: choice)
      try meet(&left, &right)
      #expect(try left.conflicts().isEmpty)
      let text = choice == .base ? "deep" : "deeper"
      #expect(left.json == #"{"l":[{"n":2,"t":["\#(text)"]},{"n":3}]}"#)
    }
  }

  @Test("what was deleted and not touched, or touched and then deleted, is no conflict")
  func noConflict() throws {
    var (left, right) = try apart { try $0.set(["l"], to: ["a", "b", "c"]) }
    try left.edit { try $0.set(["l", 0], to: "A") }
    try left.edit { try $0.delete(["l", 0]) }
    try right.edit { try $0.set(["l", 2], to: "C") }
    try right.edit { try $0.delete(["l", 1]) }
    try meet(&left, &right)
    #expect(left.json == #"{"l":["C"]}"#)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("an element moved by one and deleted by another stays, and is no conflict")
  func moveAgainstDeletion() throws {
    var (left, right) = try apart { try $0.set(["l"], to: ["a", "b", "c"]) }
    try left.edit { try $0.delete(["l", 0]) }
    try right.edit { try $0.move(["l"], from: 0, to: 2) }
    try right.edit { try $0.set(["l", 2], to: "A") }
    try meet(&left, &right)
    #expect(left.json == #"{"l":["b","c","A"]}"#)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("an element put back twice at once, and deleted again, is gone")
  func deletedAgain() throws {
    var (left, right) = try apart { try $0.set(["l"], to: ["a", "b", "c"]) }
    try left.edit { try $0.delete(["l", 2]) }
    try right.edit { try $0.set(["l", 2], to: "x") }
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    try left.resolve(conflict, taking: .side(0))
    try right.resolve(conflict, taking: .side(0))
    try meet(&left, &right)
    #expect(left.json == #"{"l":["a","b","x"]}"#)
    try left.reopen()
    try left.edit { try $0.delete(["l", 2]) }
    try meet(&left, &right)
    #expect(right.json == #"{"l":["a","b"]}"#)
    #expect(try right.conflicts().isEmpty)
  }
}
