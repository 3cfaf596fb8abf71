import Causality
import DocumentModel
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Moving elements of lists")
struct ListMoveTests {
  private func letters(_ text: String) -> JSONValue {
    .array(text.map { .string(String($0)) })
  }

  private func apart(_ text: String) throws -> (DocumentReplica, DocumentReplica) {
    let list = letters(text)
    return try DocumentsTests.apart { try $0.set(["l"], to: list) }
  }

  private func text(_ replica: DocumentReplica) throws -> String {
    try replica.document.json(at: ["l"]).arrayValue?.map { $0.stringValue ?? $0.text() }.joined()
      ?? ""
  }

  /// The other replica gets it, and a reopened document goes on from the same.
  private func settle(_ left: inout DocumentReplica, _ right: inout DocumentReplica) throws {
    try meet(&left, &right)
    let model = Model(
      left.log.map {
        Change(id: $0.change, lamport: $0.lamport, time: $0.time, edits: [$0.edit])
      })
    #expect(model.difference(from: left.document, seeing: left.vector) == nil)
    try left.reopen()
    #expect(left.document.encodeState() == right.document.encodeState())
  }

  @Test("from and to are positions before and after the move")
  func positions() throws {
    for from in 0..<4 {
      for to in 0..<4 {
        var (left, right) = try apart("abcd")
        try left.edit { try $0.move(["l"], from: from, to: to) }
        var expected = Array("abcd")
        expected.insert(expected.remove(at: from), at: to)
        #expect(try text(left) == String(expected), "\(from) to \(to)")
        try settle(&left, &right)
        #expect(try text(right) == String(expected), "\(from) to \(to)")
      }
    }
  }

  @Test("a move within one transaction with what it moves")
  func insertedAndMoved() throws {
    var (left, right) = try apart("ab")
    try left.edit {
      try $0.splice(["l"], at: 0, delete: 0, insert: ["x", "y"])
      try $0.move(["l"], from: 0, to: 3)
      try $0.move(["l"], from: 0, to: 1)
      try $0.set(["l", 3], to: "z")
    }
    #expect(try text(left) == "aybz")
    try settle(&left, &right)
  }

  @Test("beyond the ends a move is refused", arguments: [(-1, 0), (0, -1), (3, 0), (0, 3)])
  func refused(from: Int, to: Int) throws {
    var (left, _) = try apart("abc")
    #expect(throws: EditError(.outOfRange, "")) {
      try left.edit { try $0.move(["l"], from: from, to: to) }
    }
  }

  // MARK: At once

  @Test("two who move one element at once have it once, and may decide where")
  func movedTwice() throws {
    for side in 0...1 {
      var (left, right) = try apart("abcd")
      try left.edit { try $0.move(["l"], from: 0, to: 3) }
      try right.edit { try $0.move(["l"], from: 0, to: 1) }
      try settle(&left, &right)
      #expect(try text(left) == "bacd")
      let conflict = try #require(try left.conflicts().first)
      #expect(conflict.kind == .position)
      #expect(conflict.path == ["l", 1])
      #expect(conflict.sides.map(\.change.origin) == [left.origin, right.origin])
      #expect(conflict.sides.map(\.value) == ["a", "a"])
      #expect(conflict.sides.map(\.index) == [3, 1])
      // Both decide alike, at once.
      try left.resolve(conflict, taking: .side(side))
      try right.resolve(conflict, taking: .side(side))
      try settle(&left, &right)
      #expect(try text(left) == ["bcda", "bacd"][side])
      #expect(try left.conflicts().isEmpty)
    }
  }

  @Test("cross moves: each goes where it was sent")
  func crossMoves() throws {
    var (left, right) = try apart("abcd")
    try left.edit { try $0.move(["l"], from: 0, to: 3) }
    try right.edit { try $0.move(["l"], from: 3, to: 0) }
    try settle(&left, &right)
    #expect(try text(left) == "dbca")
    #expect(try left.conflicts().isEmpty)
  }

  @Test("a move against a deletion: the element stays, with what was set meanwhile")
  func moveAgainstDeletion() throws {
    for isMovedFirst in [true, false] {
      var (left, right) = try apart("abc")
      var third = DocumentReplica(2)
      try third.receive(left.log)
      try left.edit { try $0.delete(["l", 0]) }
      try right.edit { try $0.move(["l"], from: 0, to: 2) }
      try third.edit { try $0.set(["l", 0], to: "A") }
      if isMovedFirst { try meet(&left, &right) }
      try left.receive(left.missing(from: third))
      try settle(&left, &right)
      try third.receive(third.missing(from: left))
      #expect(try text(left) == "bcA")
      #expect(third.canonical == left.canonical)
      #expect(third.document.encodeState() == left.document.encodeState())
    }
  }

  @Test("an element that two have moved is deleted from all its places")
  func deletedEverywhere() throws {
    var (left, right) = try apart("abcd")
    try left.edit { try $0.move(["l"], from: 0, to: 3) }
    try right.edit { try $0.move(["l"], from: 0, to: 1) }
    try settle(&left, &right)
    try left.edit { try $0.delete(["l", 1]) }
    #expect(try text(left) == "bcd")
    try settle(&left, &right)
    #expect(try text(right) == "bcd")
    try right.edit { try $0.splice(["l"], at: 3, delete: 0, insert: ["e"]) }
    try settle(&left, &right)
    #expect(try text(left) == "bcde")
  }

  @Test("what is inserted beside a hidden place is where it was meant")
  func besideHiddenPlaces() throws {
    var (left, right) = try apart("abcd")
    try left.edit { try $0.move(["l"], from: 0, to: 3) }
    try right.edit { try $0.move(["l"], from: 0, to: 1) }
    try settle(&left, &right)
    for position in 0...4 {
      let inserted = "\(position)"
      try right.edit {
        try $0.splice(["l"], at: position * 2, delete: 0, insert: [.string(inserted)])
      }
    }
    #expect(try text(right) == "0b1a2c3d4")
    try settle(&left, &right)
    try left.edit { try $0.splice(["l"], at: 1, delete: 7, insert: []) }
    #expect(try text(left) == "04")
    try settle(&left, &right)
  }

  @Test("a moved container keeps what is in it, and an edit goes with it")
  func containers() throws {
    var (left, right) = try DocumentsTests.apart {
      try $0.set(["l"], to: [["n": 1], "b", "c"])
    }
    try left.edit { try $0.move(["l"], from: 0, to: 2) }
    try right.edit { try $0.set(["l", 0, "n"], to: 2) }
    try settle(&left, &right)
    #expect(left.json == #"{"l":["b","c",{"n":2}]}"#)
  }

  // MARK: Properties

  @Test("lists that are moved about at random are as the model says", arguments: 0..<30)
  func random(seed: UInt64) throws {
    var random = SeededGenerator(seed: 21_000 + seed)
    var replicas = (0..<3).map { DocumentReplica($0) }
    let start = letters("abcdefgh")
    try replicas[0].edit { try $0.set(["l"], to: start) }
    for index in 1...2 { try replicas[index].receive(replicas[0].log) }
    var model = Model()
    func add(_ edit: IncomingEdit) {
      model.add(
        Change(id: edit.change, lamport: edit.lamport, time: edit.time, edits: [edit.edit]))
    }
    add(replicas[0].log[0])
    for step in 0..<60 {
      let mine = Int.random(in: 0..<3, using: &random)
      let count = try replicas[mine].document.count(at: ["l"])
      if Int.random(in: 0..<3, using: &random) == 0 {
        let other = replicas[Int.random(in: 0..<3, using: &random)]
        try replicas[mine].receive(replicas[mine].missing(from: other))
      } else if count > 0 {
        let made = try replicas[mine].edit { editor in
          for _ in 0..<Int.random(in: 1...3, using: &random) {
            let count = try editor.document.count(at: ["l"])
            guard count > 0 else { return }
            let index = Int.random(in: 0..<count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: try editor.delete(["l", .index(index)])
            case 1: try editor.set(["l", .index(index)], to: .integer(Int64(step)))
            case 2:
              try editor.splice(["l"], at: index, delete: 0, insert: [.integer(Int64(-step))])
            default:
              try editor.move(["l"], from: index, to: Int.random(in: 0..<count, using: &random))
            }
          }
        }
        if let made { add(made) }
      }
      if Int.random(in: 0..<6, using: &random) == 0 { try replicas[mine].reopen() }
      let replica = replicas[mine]
      let difference = model.difference(from: replica.document, seeing: replica.vector)
      #expect(difference == nil, "seed \(seed), step \(step)")
      let canonical = replica.document.encodeState()
      let again = try Document(id: documentID, state: canonical)
      #expect(again.encodeState() == canonical, "seed \(seed), step \(step)")
      if difference != nil { return }
    }
    for target in 0..<3 {
      for source in 0..<3 {
        try replicas[target].receive(replicas[target].missing(from: replicas[source]))
      }
    }
    let whole = try Document.replaying(
      documentID, shuffledCausally(replicas[0].log, &random)
    ).encodeState()
    for replica in replicas {
      #expect(replica.document.encodeState() == whole, "seed \(seed)")
      #expect(try replica.conflicts() == replicas[0].conflicts(), "seed \(seed)")
    }
  }
}
