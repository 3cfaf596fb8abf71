import Causality
import DocumentModel
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What people get who mark the same characters of a text at once.
@Suite("The catalogue of conflicts over marks")
struct MarkConflictTests {
  private let ours = Value.string("https://ours.example")
  private let theirs = Value.string("https://theirs.example")

  private func values(_ conflict: Conflict?) -> [JSONValue?] { conflict?.sides.map(\.value) ?? [] }

  /// Two who have given links to overlapping words of "low tide at noon", Ada to "low tide", Ben to
  /// "tide at"; Ben's is the one that shows.
  private func linked() throws -> (DocumentReplica, DocumentReplica, Conflict) {
    var (left, right) = try apart(text: "low tide at noon")
    try left.mark(0..<8, "link", ours, expand: .none)
    try right.mark(4..<11, "link", theirs, expand: .none)
    try meet(&left, &right)
    let found = try left.conflicts()
    #expect(found.count == 1)
    return (left, right, try #require(found.first))
  }

  @Test("two links on overlapping words: both are listed where they overlap, with who and when")
  func twoLinks() throws {
    let (left, right, conflict) = try linked()
    #expect(conflict.kind == .mark)
    #expect(conflict.path == ["t"])
    #expect(conflict.mark == "link")
    #expect(conflict.range == 4..<8)
    #expect(conflict.base == nil)
    #expect(values(conflict) == ["https://ours.example", "https://theirs.example"])
    #expect(conflict.sides.map(\.change.origin) == [left.origin, right.origin])
    #expect(
      left.marked
        == "[link=https://ours.example:low ][link=https://theirs.example:tide at] noon")
  }

  @Test("whichever is taken, nothing outside of the overlap changes, and the conflict is over")
  func resolving() throws {
    let shown = "[link=https://ours.example:low ][link=https://theirs.example:tide at] noon"
    for (choice, expected) in [
      (
        ConflictChoice.side(0),
        "[link=https://ours.example:low tide][link=https://theirs.example: at] noon"
      ),
      (.side(1), shown),
      (.base, "[link=https://ours.example:low ]tide[link=https://theirs.example: at] noon"),
      (
        .value("x"),
        "[link=https://ours.example:low ][link=x:tide][link=https://theirs.example: at] noon"
      ),
      (
        .value(.null),
        "[link=https://ours.example:low ]tide[link=https://theirs.example: at] noon"
      ),
    ] {
      var (left, right, conflict) = try linked()
      try right.resolve(conflict, taking: choice)
      #expect(try right.conflicts().isEmpty, "\(choice)")
      try meet(&left, &right)
      #expect(left.marked == expected, "\(choice)")
      #expect(try left.conflicts().isEmpty, "\(choice)")
      try left.reopen()
      #expect(try left.conflicts().isEmpty, "\(choice)")
    }
  }

  @Test("the same decision made twice at once counts once")
  func sameDecisionTwice() throws {
    for choice in [ConflictChoice.side(0), .side(1), .base, .value("x"), .value(.null)] {
      var (left, right, conflict) = try linked()
      try left.resolve(conflict, taking: choice)
      try right.resolve(conflict, taking: choice)
      let marked = left.marked
      try meet(&left, &right)
      #expect(try left.conflicts().isEmpty, "\(choice)")
      #expect(left.marked == marked, "\(choice)")
    }
  }

  @Test("different decisions made at once are a conflict of their own")
  func differentDecisions() throws {
    var (left, right, conflict) = try linked()
    try left.resolve(conflict, taking: .side(0))
    try right.resolve(conflict, taking: .value("x"))
    try meet(&left, &right)
    let open = try #require(try left.conflicts().first)
    #expect(open.id != conflict.id)
    #expect(Set(values(open)) == ["https://ours.example", "x"])
    #expect(open.base == "https://theirs.example")
    #expect(open.range == 4..<8)
  }

  @Test("whoever marks it anew, having seen both, has decided; who marks a part of it has not")
  func decidedByMarking() throws {
    var (left, right, conflict) = try linked()
    try left.mark(4..<6, "link", .string("new"), expand: .none)
    try meet(&left, &right)
    let rest = try #require(try right.conflicts().first)
    #expect(rest.range == 6..<8)
    #expect(rest.id == conflict.id)
    try right.unmark(6..<8, "link")
    #expect(try right.conflicts().isEmpty)
  }

  @Test("equal values at once, other names, and bold against nothing are no conflict")
  func noConflict() throws {
    var (left, right) = try apart(text: "low tide at noon")
    try left.mark(0..<8, "bold", expand: .after)
    try right.mark(4..<11, "bold", expand: .both)
    try left.mark(0..<8, "color", .string("red"))
    try right.mark(0..<8, "comment:1", .string("why?"))
    try right.mark(8..<16, "color", .string("blue"))
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("one of several who say the same is enough against another: all are sides")
  func threePeople() throws {
    var (left, right) = try apart(text: "low tide")
    var third = DocumentReplica(2)
    try third.receive(left.log)
    try left.mark(0..<3, "color", .string("red"))
    try right.mark(0..<8, "color", .string("red"))
    try third.mark(0..<8, "color", .string("blue"))
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
    try left.receive(left.missing(from: third))
    let found = try left.conflicts()
    #expect(found.map { $0.range } == [0..<3, 3..<8])
    #expect(found.map(values) == [["red", "red", "blue"], ["red", "blue"]])
    #expect(Set(found.map(\.id)).count == 2)
  }

  @Test("a link taken away by one and changed by the other: what was removed or set is listed")
  func removalAgainstChange() throws {
    for removesLast in [false, true] {
      var (left, right) = try apart(text: "low tide")
      try left.mark(0..<8, "link", .string("old"), expand: .none)
      try meet(&left, &right)
      if removesLast {
        try right.unmark(4..<8, "link", expand: .none)
        try left.mark(0..<8, "link", ours, expand: .none)
      } else {
        try left.unmark(4..<8, "link", expand: .none)
        try right.mark(0..<8, "link", ours, expand: .none)
      }
      try meet(&left, &right)
      let conflict = try #require(try left.conflicts().first)
      #expect(conflict.range == 4..<8)
      #expect(conflict.base == "old")
      // The one with the higher origin shows, as long as nobody decides.
      let shown: JSONValue? = removesLast ? nil : "https://ours.example"
      #expect(values(conflict).last == .some(shown))
      #expect(Set(values(conflict)) == [nil, "https://ours.example"])
      let removal = try #require(conflict.sides.firstIndex { $0.value == nil })
      try left.resolve(conflict, taking: .side(removal))
      #expect(left.marked == "[link=https://ours.example:low ]tide")
      #expect(try left.conflicts().isEmpty)
      try right.resolve(conflict, taking: .base)
      #expect(right.marked == "[link=https://ours.example:low ][link=old:tide]")
    }
  }

  @Test("bold taken away by one while another makes more of it bold is a conflict where both did")
  func removalAgainstSame() throws {
    var (left, right) = try apart(text: "low tide at noon")
    try left.mark(0..<8, "bold")
    try meet(&left, &right)
    try left.unmark(0..<3, "bold")
    try right.mark(0..<11, "bold")
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    #expect(try left.conflicts().count == 1)
    #expect(conflict.range == 0..<3)
    #expect(conflict.base == true)
    #expect(values(conflict) == [nil, true])
    #expect(left.marked == "[bold:low tide at] noon")
  }

  @Test("both have taken the mark away: nothing is left to decide")
  func bothRemoved() throws {
    var (left, right) = try apart(text: "low tide")
    try left.mark(0..<8, "bold")
    try meet(&left, &right)
    try left.unmark(0..<8, "bold")
    try right.unmark(2..<4, "bold")
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("what both had before is the base, and each part gets its own back")
  func base() throws {
    var (left, right) = try apart(text: "low tide at noon")
    try left.mark(0..<3, "color", .string("grey"))
    try left.mark(4..<8, "color", .string("green"))
    try meet(&left, &right)
    try left.mark(0..<16, "color", .string("red"))
    try right.mark(0..<16, "color", .string("blue"))
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    #expect(try left.conflicts().count == 1)
    // What they have in common is nothing.
    #expect(conflict.base == nil)
    try left.resolve(conflict, taking: .base)
    #expect(left.marked == "[color=grey:low] [color=green:tide] at noon")
    #expect(try left.conflicts().isEmpty)
  }

  @Test("two stretches that the same two marks contest are one conflict, decided at once")
  func oneConflictOfTwoStretches() throws {
    var (left, right) = try apart(text: "low tide at noon")
    var third = DocumentReplica(2)
    try third.receive(left.log)
    try left.mark(0..<16, "color", .string("red"))
    try right.mark(0..<16, "color", .string("blue"))
    try meet(&left, &right)
    try left.mark(4..<8, "color", .string("green"))
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    #expect(try left.conflicts().count == 1)
    #expect(conflict.range == 0..<16)
    try left.resolve(conflict, taking: .side(0))
    #expect(left.marked == "[color=red:low ][color=green:tide][color=red: at noon]")
    #expect(try left.conflicts().isEmpty)
  }

  @Test("what is typed into it by somebody who sees the winner is decided with it")
  func typedInside() throws {
    var (left, right, conflict) = try linked()
    try left.type("XX", at: 6)
    try meet(&left, &right)
    let open = try #require(try right.conflicts().first)
    #expect(open.id == conflict.id)
    #expect(open.range == 4..<10)
    try right.resolve(open, taking: .side(0))
    try meet(&left, &right)
    #expect(
      left.marked
        == "[link=https://ours.example:low tiXXde][link=https://theirs.example: at] noon")
    #expect(try left.conflicts().isEmpty)
  }

  @Test("what is typed inside at the same time is contested like what it stands in")
  func typedInsideAtOnce() throws {
    var (left, right) = try apart(text: "low tide")
    var third = DocumentReplica(2)
    try third.receive(left.log)
    try left.mark(0..<8, "color", .string("red"))
    try right.mark(0..<8, "color", .string("blue"))
    try third.type("XX", at: 4)
    try left.receive(left.missing(from: third))
    try right.receive(right.missing(from: third))
    try meet(&left, &right)
    let conflict = try #require(try left.conflicts().first)
    #expect(conflict.range == 0..<10)
    try left.resolve(conflict, taking: .side(0))
    #expect(left.marked == "[color=red:low XXtide]")
  }

  @Test("a conflict goes with its characters")
  func deletedCharacters() throws {
    var (left, right, _) = try linked()
    try left.delete(3..<9)
    try meet(&left, &right)
    #expect(try right.conflicts().isEmpty)
  }

  @Test("a mark that its author took back is no side; readers who see that undo are told")
  func takenBack() throws {
    for isLater in [false, true] {
      let (left, right) = try apart(text: "low tide")
      var (ada, ben) = (UndoingPerson(left), UndoingPerson(right))
      try ada.edit { try $0.mark(["t"], 0..<8, name: "color", value: .string("red")) }
      try ada.undo()
      for number in 0..<3 where isLater {
        try ben.edit { try $0.set(["n"], to: .count(number)) }
      }
      try ben.edit { try $0.mark(["t"], 0..<8, name: "color", value: .string("blue")) }
      try meet(&ada, &ben)
      let found = try ada.replica.conflicts()
      #expect(ada.replica.marked == (isLater ? "[color=blue:low tide]" : "low tide"))
      #expect(found.map(values) == (isLater ? [] : [["blue", nil]]))
    }
  }

  @Test("a decision taken back opens the conflict again, with the sides that it had")
  func decisionTakenBack() throws {
    let (left, right) = try apart(text: "low tide")
    var (ada, ben) = (UndoingPerson(left), UndoingPerson(right))
    try ada.edit { try $0.mark(["t"], 0..<8, name: "color", value: .string("red")) }
    try ben.edit { try $0.mark(["t"], 0..<8, name: "color", value: .string("blue")) }
    try meet(&ada, &ben)
    let conflict = try #require(try ada.replica.conflicts().first)
    let history = try ada.replica.history()
    try ada.edit { try $0.resolve(conflict, taking: .side(0), in: history) }
    #expect(try ada.replica.conflicts().isEmpty)
    try ada.undo()
    #expect(ada.replica.marked == "[color=blue:low tide]")
    let open = try ada.replica.conflicts()
    #expect(open.map(values) == [["red", "blue"]])
    #expect(open.first?.id == conflict.id)
    try ada.redo()
    #expect(ada.replica.marked == "[color=red:low tide]")
    #expect(try ada.replica.conflicts().isEmpty)
    try meet(&ada, &ben)
  }

  @Test("a value that no mark can have is refused, and nothing is done")
  func refusedValues() throws {
    var (left, _, conflict) = try linked()
    for value in [[1], ["a": 1]] as [JSONValue] {
      #expect(throws: EditError(.notSupported, "")) {
        try left.resolve(conflict, taking: .value(value))
      }
    }
    #expect(throws: EditError(.outOfRange, "")) {
      try left.resolve(conflict, taking: .side(2))
    }
    #expect(try left.conflicts() == [conflict])
  }
}

/// The ledger of marks against the definition of it.
@Suite("Conflicts over marks of random histories")
struct MarkConflictPropertyTests {
  private func change(_ incoming: IncomingEdit) -> Change {
    Change(
      id: incoming.change, lamport: incoming.lamport, time: incoming.time, edits: [incoming.edit])
  }

  private func listed(_ conflicts: [Conflict]) -> [Model.MarkCollision] {
    conflicts.filter { $0.kind == .mark }.map { conflict in
      Model.MarkCollision(
        path: conflict.path, name: Key(conflict.mark ?? ""), range: conflict.range ?? 0..<0,
        marks: conflict.sides.flatMap(\.events).sorted())
    }
  }

  @Test("they are what the model says, in any order of arrival, and can all be decided")
  func areWhatTheModelSays() throws {
    var found = 0
    for seed in 0..<UInt64(60) {
      var random = SeededGenerator(seed: 91_000 + seed)
      var replicas = (0..<Int.random(in: 2...4, using: &random)).map { DocumentReplica($0) }
      try replicas[0].edit { editor in
        try editor.make(["t"], .text)
        try editor.splice(["t"], at: 0, delete: 0, insert: "the fox jumped")
      }
      for index in replicas.indices.dropFirst() { try replicas[index].receive(replicas[0].log) }
      for _ in 0..<40 {
        let mine = Int.random(in: replicas.indices, using: &random)
        if Int.random(in: 0..<4, using: &random) == 0 {
          let other = replicas[Int.random(in: replicas.indices, using: &random)]
          try replicas[mine].receive(replicas[mine].missing(from: other))
        } else {
          try replicas[mine].edit { try RandomMarking.edit($0, &random) }
        }
        let model = Model(replicas[mine].log.map(change))
        let expected = model.markCollisions(of: documentID)
        let conflicts = try replicas[mine].conflicts()
        #expect(listed(conflicts).count == expected.count, "seed \(seed)")
        #expect(Set(listed(conflicts)) == Set(expected), "seed \(seed)")
        #expect(Set(conflicts.map(\.id)).count == conflicts.count, "seed \(seed)")
        found += expected.count
      }
      try meet(&replicas)
      let expected = try replicas[0].conflicts()
      var fresh = DocumentReplica(9)
      try fresh.receive(shuffledCausally(replicas[0].log, &random))
      #expect(try fresh.conflicts() == expected, "seed \(seed)")
      try decideAll(&replicas, seed, &random)
    }
    #expect(found > 300, "hardly anything collided")
  }
}
