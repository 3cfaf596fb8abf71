import Causality
import DocumentModel
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What people get who rewrote one passage of a text at once.
@Suite("Collisions in texts")
struct TextCollisionTests {
  private let path: DocumentPath = ["body"]

  private func apart(_ text: String) throws -> (DocumentReplica, DocumentReplica) {
    try DocumentsTests.apart {
      try $0.make(["body"], .text)
      try $0.splice(["body"], at: 0, delete: 0, insert: text)
    }
  }

  private func text(_ replica: DocumentReplica) throws -> String {
    try replica.document.text(at: path)
  }

  /// Replaces the first occurrence of a passage.
  private func rewrite(
    _ replica: inout DocumentReplica, _ old: String, to new: String, deletesLast: Bool = false
  ) throws {
    let scalars = Array(try text(replica).unicodeScalars)
    let wanted = Array(old.unicodeScalars)
    let start = try #require(
      scalars.indices.first { scalars[$0...].starts(with: wanted) })
    try replica.edit { editor in
      if deletesLast {
        try editor.splice(path, at: start, delete: 0, insert: new)
        let end = start + new.unicodeScalars.count
        try editor.splice(path, at: end, delete: wanted.count, insert: "")
      } else {
        try editor.splice(path, at: start, delete: wanted.count, insert: new)
      }
    }
  }

  private func values(_ conflict: Conflict?) -> [JSONValue?] { conflict?.sides.map(\.value) ?? [] }

  @Test("the same word fixed by both: the text has both, and each can be taken", arguments: 0..<4)
  func wordFixedByBoth(order: Int) throws {
    for choice in [ConflictChoice.side(0), .side(1), .base, .value("quiet")] {
      var (left, right) = try apart("a quite sea")
      try rewrite(&left, "quite", to: "quiet", deletesLast: order & 1 == 0)
      try rewrite(&right, "quite", to: "calm", deletesLast: order & 2 == 0)
      try meet(&left, &right)
      let conflict = try #require(try left.conflicts().first)
      #expect(try left.conflicts().count == 1)
      #expect(conflict.kind == .text)
      #expect(conflict.path == path)
      #expect(conflict.base == "quite")
      #expect(Set(values(conflict)) == ["quiet", "calm"])
      #expect(conflict.range == 2..<11)
      try left.resolve(conflict, taking: choice)
      #expect(try left.conflicts().isEmpty)
      switch choice {
      case .side(let number):
        let taken = try #require(conflict.sides[number].value)
        #expect(try "\"a \(text(left)) sea\"".contains(taken.text().dropFirst().dropLast()))
      case .base: #expect(try text(left) == "a quite sea")
      case .value: #expect(try text(left) == "a quiet sea")
      }
      try meet(&left, &right)
      #expect(try right.conflicts().isEmpty)
    }
  }

  @Test("parts of one word fixed by both: each side reads as its author left it")
  func letters() throws {
    var (left, right) = try apart("teh sea")
    try rewrite(&left, "eh", to: "he")
    try rewrite(&right, "teh", to: "The")
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    #expect(conflict.base == "teh")
    #expect(Set(values(conflict)) == ["the", "The"])
    let side = try #require(conflict.sides.firstIndex { $0.value == "The" })
    try left.resolve(conflict, taking: .side(side))
    #expect(try text(left) == "The sea")
  }

  @Test("a sentence written into a paragraph that was deleted meanwhile")
  func editAgainstDeletion() throws {
    for side in 0...1 {
      var (left, right) = try apart("One.\nTides turn. Ships wait.\nEnd.")
      try rewrite(&left, "Tides turn. Ships wait.\n", to: "")
      try rewrite(&right, "turn.", to: "turn. Gulls cry.")
      try meet(&left, &right)
      let conflict = try #require(try left.conflicts().first)
      #expect(conflict.base == "Tides turn. Ships wait.\n")
      #expect(Set(values(conflict)) == ["", "Tides turn. Gulls cry. Ships wait.\n"])
      let taken = conflict.sides[side].value
      try right.resolve(conflict, taking: .side(side))
      try meet(&left, &right)
      #expect(try left.conflicts().isEmpty)
      #expect(
        try text(left)
          == (taken == "" ? "One.\nEnd." : "One.\nTides turn. Gulls cry. Ships wait.\nEnd."))
    }
  }

  @Test("two paragraphs typed at one spot are both kept, one after the other, and no conflict")
  func typedAtOneSpot() throws {
    var (left, right) = try apart("A\nZ")
    try left.edit { try $0.splice(path, at: 2, delete: 0, insert: "left\n") }
    try right.edit { try $0.splice(path, at: 2, delete: 0, insert: "right\n") }
    try meet(&left, &right)
    #expect(try text(left) == "A\nleft\nright\nZ")
    #expect(try left.conflicts().isEmpty)
  }

  @Test("what both deleted is gone once, and no conflict")
  func bothDeleted() throws {
    var (left, right) = try apart("one two three")
    try rewrite(&left, " two", to: "")
    try rewrite(&right, " two three", to: "")
    try meet(&left, &right)
    #expect(try text(left) == "one")
    #expect(try left.conflicts().isEmpty)
  }

  @Test("typing at the edge of what another deletes is no conflict")
  func atTheEdge() throws {
    var (left, right) = try apart("one two three")
    try rewrite(&left, "two ", to: "")
    try right.edit { try $0.splice(path, at: 4, delete: 0, insert: "and ") }
    try right.edit { try $0.splice(path, at: 12, delete: 0, insert: "or ") }
    try meet(&left, &right)
    #expect(try text(left) == "one and or three")
    #expect(try left.conflicts().isEmpty)
  }

  @Test("different words of one line rewritten by each are merged, and no conflict")
  func differentWords() throws {
    var (left, right) = try apart("the quick brown fox")
    try rewrite(&left, "quick", to: "slow")
    try rewrite(&right, "fox", to: "ship")
    try meet(&left, &right)
    #expect(try text(left) == "the slow brown ship")
    #expect(try left.conflicts().isEmpty)
  }

  @Test("whoever edits the passage having seen both sides has decided")
  func settledByEditing() throws {
    var (left, right) = try apart("a quite sea")
    try rewrite(&left, "quite", to: "quiet")
    try rewrite(&right, "quite", to: "calm")
    try meet(&left, &right)
    #expect(try !left.conflicts().isEmpty)
    try left.edit { try $0.splice(path, at: 0, delete: 1, insert: "the") }
    #expect(try !left.conflicts().isEmpty, "an edit elsewhere decides nothing")
    let passage = try #require(try left.conflicts().first?.range)
    #expect(passage == 4..<13)
    try left.edit { try $0.splice(path, at: passage.lowerBound, delete: 5, insert: "") }
    #expect(try left.conflicts().isEmpty)
    try meet(&left, &right)
    #expect(try right.conflicts().isEmpty)
  }

  @Test("an edit of the passage by one who knows one side only decides nothing")
  func notSettledByOneSide() throws {
    var (left, right) = try apart("a quite sea")
    try rewrite(&left, "quite", to: "quiet")
    try rewrite(&left, "quiet", to: "silent")
    try rewrite(&right, "quite", to: "calm")
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    #expect(Set(values(conflict)) == ["silent", "calm"])
    #expect(conflict.base == "quite")
  }

  @Test("the same side taken twice at once is taken once, where nothing has to come back")
  func sameResolutionTwice() throws {
    var (left, right) = try apart("a quite sea")
    try rewrite(&left, "quite", to: "quiet")
    try rewrite(&right, "quite", to: "calm")
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    try left.resolve(conflict, taking: .side(1))
    try right.resolve(conflict, taking: .side(1))
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
    #expect(try ["a quiet sea", "a calm sea"].contains(text(left)))
  }

  @Test("three who rewrite one word are three sides of one conflict")
  func threeSides() throws {
    var (left, right) = try apart("a quite sea")
    var third = DocumentReplica(2)
    try third.receive(left.log)
    try rewrite(&left, "quite", to: "quiet")
    try rewrite(&right, "quite", to: "calm")
    try rewrite(&third, "quite", to: "still")
    try right.receive(right.missing(from: third))
    try meet(&left, &right)
    let found = try left.conflicts()
    #expect(found.count == 1)
    #expect(Set(values(found.first)) == ["quiet", "calm", "still"])
  }

  @Test("emoji, combining marks and line ends collide like letters")
  func scalars() throws {
    var (left, right) = try apart("\r\n👩‍🚀e\u{301}\r\n")
    try rewrite(&left, "👩‍🚀e\u{301}", to: "🚀é")
    try rewrite(&right, "e\u{301}", to: "e")
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    #expect(conflict.base == "👩‍🚀e\u{301}")
    #expect(Set(values(conflict)) == ["🚀é", "👩‍🚀e"])
  }

  @Test("what one goes on removing where another has removed is that one's own", arguments: [0, 1])
  func removalsInARow(order: Int) throws {
    // Ada and Carl have met: Carl goes on where Ada has removed. Ben knows of neither.
    var (ada, ben) = try apart("and a sea")
    var carl = DocumentReplica(2)
    try carl.receive(ada.log)
    try ada.edit { try $0.splice(path, at: 0, delete: 3, insert: "") }
    try carl.receive(carl.missing(from: ada))
    try carl.edit { try $0.splice(path, at: 0, delete: 2, insert: "the ") }
    try ben.edit { try $0.splice(path, at: 4, delete: 2, insert: "one ") }
    if order == 0 {
      try carl.receive(carl.missing(from: ben))
    } else {
      try ben.receive(ben.missing(from: carl))
      carl = ben
    }
    let found = try carl.conflicts()
    #expect(found.count == 1)
    #expect(found.first?.base == " a ")
    #expect(Set(values(found.first)) == ["the  ", " one "])
  }

  @Test("an author who names positions that are not there makes no difference")
  func ineffective() throws {
    var (left, right) = try apart("a quite sea")
    try rewrite(&left, "quite", to: "quiet")
    try rewrite(&right, "quite", to: "calm")
    let liar = IncomingEdit(
      change: ChangeID(origin: testOrigin(7), sequence: 1), lamport: 9,
      time: Timestamp(clampingMilliseconds: 0),
      edit: DocumentEdit(
        document: documentID, parents: [left.log[0].change],
        operations: [
          Operation(
            .child(parent: .root, key: "body", kind: .text, generation: nil),
            .remove(at: 8, count: 40))
        ]))
    try left.receive([liar])
    try right.receive([liar])
    try meet(&left, &right)
    #expect(try left.conflicts().filter { $0.kind == .text }.count == 1)
  }
}

/// Held against the definition, spelt out over sets of changes.
@Suite("Collisions in texts of random histories")
struct TextCollisionModelTests {
  private static let text = ContainerID.child(
    parent: .root, key: "body", kind: .text, generation: nil)

  @Test("are those of the model", arguments: 0..<80)
  func matchModel(seed: UInt64) throws {
    var random = SeededGenerator(seed: 31_000 + seed)
    var replicas = (0..<Int.random(in: 2...4, using: &random)).map { DocumentReplica($0) }
    try replicas[0].edit {
      try $0.make(["body"], .text)
      try $0.splice(["body"], at: 0, delete: 0, insert: "0123456789")
    }
    for index in replicas.indices.dropFirst() { try replicas[index].receive(replicas[0].log) }
    for _ in 0..<Int.random(in: 2...24, using: &random) {
      let mine = Int.random(in: replicas.indices, using: &random)
      if Int.random(in: 0..<5, using: &random) == 0 {
        let other = replicas[Int.random(in: replicas.indices, using: &random)]
        try replicas[mine].receive(replicas[mine].missing(from: other))
      } else {
        try replicas[mine].edit { try edit($0, &random) }
      }
    }
    for source in replicas { try replicas[0].receive(replicas[0].missing(from: source)) }
    let model = Model(
      replicas[0].log.map {
        Change(id: $0.change, lamport: $0.lamport, time: $0.time, edits: [$0.edit])
      })
    let expected = model.textCollisions(of: documentID, in: Self.text)
    let found = try replicas[0].conflicts().filter { $0.kind == .text }.map { conflict in
      Model.TextCollision(
        range: try #require(conflict.range), base: conflict.base?.stringValue ?? "-",
        sides: Dictionary(
          uniqueKeysWithValues: conflict.sides.map {
            ($0.change.origin, $0.value?.stringValue ?? "-")
          }))
    }
    #expect(found == expected, "seed \(seed)")
    for conflict in try replicas[0].conflicts() where conflict.kind == .text {
      for (number, side) in conflict.sides.enumerated() {
        try takes(side.value, .side(number), of: conflict, replicas[0], seed)
      }
      try takes(conflict.base, .base, of: conflict, replicas[0], seed)
    }
  }

  /// Taking a side makes the passage what the side says, and touches nothing else.
  private func takes(
    _ value: JSONValue?, _ choice: ConflictChoice, of conflict: Conflict,
    _ replica: DocumentReplica, _ seed: UInt64
  ) throws {
    var fresh = DocumentReplica(9)
    try fresh.receive(replica.log)
    let before = Array(try fresh.document.text(at: ["body"]).unicodeScalars)
    let range = try #require(conflict.range)
    try fresh.resolve(conflict, taking: choice)
    var expected = String.UnicodeScalarView(before[..<range.lowerBound])
    expected.append(contentsOf: (value?.stringValue ?? "").unicodeScalars)
    expected.append(contentsOf: before[range.upperBound...])
    #expect(try fresh.document.text(at: ["body"]) == String(expected), "seed \(seed)")
    #expect(try !fresh.conflicts().contains { $0.id == conflict.id }, "seed \(seed)")
  }

  private func edit(_ editor: Editor, _ random: inout SeededGenerator) throws {
    let length = try editor.document.count(at: ["body"])
    let at = Int.random(in: 0...length, using: &random)
    let letters = ["a", "bc", "def", "é🏝️"]
    let insert =
      Int.random(in: 0..<3, using: &random) > 0 ? letters.randomElement(using: &random) ?? "" : ""
    let delete = Int.random(in: 0...min(4, length - at), using: &random)
    if Bool.random(using: &random) {
      try editor.splice(["body"], at: at, delete: delete, insert: insert)
    } else {
      try editor.splice(["body"], at: at, delete: 0, insert: insert)
      try editor.splice(
        ["body"], at: at + insert.unicodeScalars.count, delete: delete, insert: "")
    }
  }
}
