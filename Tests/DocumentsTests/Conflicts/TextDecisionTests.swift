import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What people get who decide about one passage of a text at once, or take a decision back.
@Suite("Decisions about texts")
struct TextDecisionTests {
  private let path: DocumentPath = ["body"]

  /// Two who have rewritten the word "quite" of "a quite sea", Ada to "quiet", Ben to "calm".
  private func rewritten() throws -> (UndoingPerson, UndoingPerson, Conflict) {
    let (left, right) = try apart {
      try $0.make(["body"], .text)
      try $0.splice(["body"], at: 0, delete: 0, insert: "a quite sea")
    }
    var (ada, ben) = (UndoingPerson(left), UndoingPerson(right))
    try ada.edit { try $0.splice(path, at: 2, delete: 5, insert: "quiet") }
    try ben.edit { try $0.splice(path, at: 2, delete: 5, insert: "calm") }
    try meet(&ada, &ben)
    let found = try ada.replica.conflicts()
    #expect(found.count == 1)
    return (ada, ben, try #require(found.first))
  }

  private func text(_ person: UndoingPerson) throws -> String {
    try person.replica.document.text(at: path)
  }

  private func decide(
    _ person: inout UndoingPerson, _ conflict: Conflict, _ choice: ConflictChoice
  ) throws {
    let history = try person.replica.history()
    try person.edit { try $0.resolve(conflict, taking: choice, in: history) }
  }

  private func number(of value: JSONValue, in conflict: Conflict) throws -> Int {
    try #require(conflict.sides.firstIndex { $0.value == value })
  }

  /// What meets after both have decided, and what is listed then.
  private func afterMeeting(
    _ ada: inout UndoingPerson, _ ben: inout UndoingPerson
  ) throws -> [Conflict] {
    try meet(&ada, &ben)
    let found = try ada.replica.conflicts()
    #expect(try ben.replica.conflicts() == found)
    return found
  }

  @Test("two who bring the same wording back have decided once: it is there once")
  func broughtBack() throws {
    for choice in [ConflictChoice.base, .value("still")] {
      var (ada, ben, conflict) = try rewritten()
      try decide(&ada, conflict, choice)
      try decide(&ben, conflict, choice)
      #expect(try afterMeeting(&ada, &ben).isEmpty)
      #expect(try text(ada) == (choice == .base ? "a quite sea" : "a still sea"))
    }
  }

  @Test("what was removed by one and written in by the other comes back once when both take that")
  func removedAndBroughtBack() throws {
    let (left, right) = try apart {
      try $0.make(["body"], .text)
      try $0.splice(["body"], at: 0, delete: 0, insert: "low tide here")
    }
    var (ada, ben) = (UndoingPerson(left), UndoingPerson(right))
    try ada.edit { try $0.splice(path, at: 0, delete: 9, insert: "") }
    try ben.edit { try $0.splice(path, at: 4, delete: 0, insert: "spring ") }
    try meet(&ada, &ben)
    let conflict = try #require(try ada.replica.conflicts().first)
    let number = try number(of: "low spring tide ", in: conflict)
    try decide(&ada, conflict, .side(number))
    try decide(&ben, conflict, .side(number))
    #expect(try afterMeeting(&ada, &ben).isEmpty)
    #expect(try text(ben) == "low spring tide here")
  }

  @Test("what one of two who decided alike does to the wording before they meet is done to it")
  func editedBeforeMeeting() throws {
    for isAda in [true, false] {
      var (ada, ben, conflict) = try rewritten()
      try decide(&ada, conflict, .base)
      try decide(&ben, conflict, .base)
      func edit(_ body: (Editor) throws -> Void) throws {
        if isAda { try ada.edit(body) } else { try ben.edit(body) }
      }
      // "a quite sea": without the "i", a letter put in, a word made bold.
      try edit { try $0.splice(path, at: 4, delete: 1, insert: "") }
      try edit { try $0.splice(path, at: 6, delete: 0, insert: "!") }
      try edit { try $0.mark(path, 2..<6, name: "bold", value: .bool(true), expand: .none) }
      try meet(&ada, &ben)
      let scalars = try text(ada).unicodeScalars
      #expect(scalars.filter { $0 != "!" }.elementsEqual("a qute sea".unicodeScalars))
      #expect(scalars.count { $0 == "!" } == 1)
      let bold = try ada.replica.document.textSpans(at: path).filter { !$0.marks.isEmpty }
      #expect(
        bold.map(\.text).joined().unicodeScalars.filter { $0 != "!" }
          .elementsEqual("qute".unicodeScalars))
    }
  }

  @Test("what was decided alike goes when both have taken it back, not when one has")
  func bothTakeBack() throws {
    for isAdaFirst in [true, false] {
      var (ada, ben, conflict) = try rewritten()
      let wording = try text(ada)
      try decide(&ada, conflict, .base)
      try decide(&ben, conflict, .base)
      try meet(&ada, &ben)
      if isAdaFirst { try ada.undo() } else { try ben.undo() }
      try meet(&ada, &ben)
      #expect(try text(ada) == "a quite sea")
      #expect(try ada.replica.conflicts().isEmpty)
      if isAdaFirst { try ben.undo() } else { try ada.undo() }
      #expect(try afterMeeting(&ada, &ben).map(\.sides) == [conflict.sides])
      #expect(try text(ada) == wording)
      try ada.redo()
      try meet(&ada, &ben)
      #expect(try text(ada) == "a quite sea")
    }
  }

  @Test("one who takes it back before they meet takes it back for both: nothing is decided then")
  func takenBackBeforeMeeting() throws {
    for isAda in [true, false] {
      var (ada, ben, conflict) = try rewritten()
      let wording = try text(ada)
      try decide(&ada, conflict, .base)
      try decide(&ben, conflict, .base)
      if isAda { try ada.undo() } else { try ben.undo() }
      let open = try afterMeeting(&ada, &ben)
      #expect(try text(ada) == wording)
      #expect(open.map { $0.sides.map(\.value) } == [conflict.sides.map(\.value)])
      // And done again it is decided again.
      if isAda { try ada.redo() } else { try ben.redo() }
      #expect(try afterMeeting(&ada, &ben).isEmpty)
      #expect(try text(ada) == "a quite sea")
    }
  }

  @Test("who decides again, having seen a decision, is no twin of one who has not")
  func decidedAgain() throws {
    var replicas = (0..<3).map { DocumentReplica($0) }
    try replicas[0].edit {
      try $0.make(["body"], .text)
      try $0.splice(["body"], at: 0, delete: 0, insert: "a quite sea")
    }
    try meet(&replicas)
    try replicas[0].edit { try $0.splice(path, at: 2, delete: 5, insert: "quiet") }
    try replicas[1].edit { try $0.splice(path, at: 2, delete: 5, insert: "calm") }
    try meet(&replicas)
    let conflict = try #require(try replicas[0].conflicts().first)
    var ada = UndoingPerson(replicas[0])
    try decide(&ada, conflict, .base)
    try ada.undo()
    replicas[0] = ada.replica
    try replicas[2].receive(replicas[2].missing(from: replicas[0]))
    try replicas[2].resolve(try #require(try replicas[2].conflicts().first), taking: .base)
    try replicas[1].resolve(conflict, taking: .base)
    try meet(&replicas)
    let found = try replicas[0].document.text(at: path)
    let conflicts = try replicas[0].conflicts()
    for replica in replicas {
      #expect(try replica.document.text(at: path) == found)
      #expect(try replica.conflicts() == conflicts)
    }
    // The wording is there, for each who still wants it.
    #expect(found.contains("quite"))
  }

  @Test("three who decide alike have decided once, in whatever order it is heard of")
  func three() throws {
    var replicas = [DocumentReplica(0), DocumentReplica(1), DocumentReplica(2)]
    try replicas[0].edit {
      try $0.make(["body"], .text)
      try $0.splice(["body"], at: 0, delete: 0, insert: "a quite sea")
    }
    try meet(&replicas)
    for (number, word) in ["quiet", "calm", "still"].enumerated() {
      try replicas[number].edit { try $0.splice(path, at: 2, delete: 5, insert: word) }
    }
    try meet(&replicas)
    let conflict = try #require(try replicas[0].conflicts().first)
    for number in replicas.indices { try replicas[number].resolve(conflict, taking: .base) }
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
      var fresh = DocumentReplica(9)
      for number in order { try fresh.receive(fresh.missing(from: replicas[number])) }
      #expect(try fresh.document.text(at: path) == "a quite sea")
      #expect(try fresh.conflicts().isEmpty)
    }
  }

  @Test("two who bring different wordings back have a conflict with both")
  func others() throws {
    var (ada, ben, conflict) = try rewritten()
    try decide(&ada, conflict, .value("still"))
    try decide(&ben, conflict, .value("still!"))
    let found = try afterMeeting(&ada, &ben)
    #expect(found.count == 1)
    #expect(try text(ada).unicodeScalars.count == "a stillstill! sea".count)
  }

  @Test("two who take different sides at once have a conflict with both, and nothing is lost")
  func differently() throws {
    var (ada, ben, conflict) = try rewritten()
    try decide(&ada, conflict, .side(try number(of: "quiet", in: conflict)))
    try decide(&ben, conflict, .side(try number(of: "calm", in: conflict)))
    let found = try afterMeeting(&ada, &ben)
    // Each has removed what the other has left.
    #expect(try text(ada) == "a  sea")
    #expect(found.count == 1)
    let open = try #require(found.first)
    #expect(Set(open.sides.map(\.value)) == ["quiet", "calm"])
    #expect(open.range == 2..<2)
    try decide(&ada, open, .side(try number(of: "calm", in: open)))
    #expect(try text(ada) == "a calm sea")
    #expect(try afterMeeting(&ada, &ben).isEmpty)
  }

  @Test("one who takes a side and one who wants both have a conflict")
  func oneWantsBoth() throws {
    var (ada, ben, conflict) = try rewritten()
    let both = try #require(conflict.range)
    let scalars = Array(try text(ada).unicodeScalars)[both]
    var wording = String.UnicodeScalarView()
    wording.append(contentsOf: scalars)
    try decide(&ada, conflict, .side(try number(of: "quiet", in: conflict)))
    let history = try ben.replica.history()
    try ben.edit { editor in
      try editor.resolve(conflict, taking: .value(.string(String(wording))), in: history)
    }
    let found = try afterMeeting(&ada, &ben)
    #expect(found.count == 1)
    #expect(found.first?.sides.contains { $0.value == .string(String(wording)) } == true)
  }

  @Test("the same side taken at once, where nothing comes back, is one decision")
  func alike() throws {
    var (ada, ben, conflict) = try rewritten()
    try decide(&ada, conflict, .side(0))
    try decide(&ben, conflict, .side(0))
    #expect(try afterMeeting(&ada, &ben).isEmpty)
  }

  @Test("a decision taken back opens the conflict again, with the sides that it had")
  func takenBack() throws {
    for word in ["quiet", "calm"] {
      var (ada, ben, conflict) = try rewritten()
      let wording = try text(ada)
      try decide(&ada, conflict, .side(try number(of: .string(word), in: conflict)))
      #expect(try afterMeeting(&ada, &ben).isEmpty)
      try ada.undo()
      #expect(try text(ada) == wording)
      let open = try afterMeeting(&ada, &ben)
      #expect(open.map(\.sides).map { $0.map(\.value) } == [conflict.sides.map(\.value)])
      #expect(open.first?.sides.map(\.change) == conflict.sides.map(\.change))
      #expect(open.first?.base == conflict.base)
      #expect(open.first?.range == conflict.range)
      // Done again it is decided again; decided otherwise too.
      var again = ada
      again.replica.document = ada.replica.document.copy()
      try again.redo()
      #expect(try again.replica.conflicts().isEmpty)
      try decide(&ben, try #require(open.first), .base)
      #expect(try text(ben) == "a quite sea")
      #expect(try afterMeeting(&ada, &ben).isEmpty)
    }
  }

  @Test("the sides of a value that came back are of those who set it")
  func registers() throws {
    let (left, right) = try apart { try $0.set(["n"], to: 0) }
    var (ada, ben) = (UndoingPerson(left), UndoingPerson(right))
    try ada.edit { try $0.set(["n"], to: 1) }
    try ben.edit { try $0.set(["n"], to: 2) }
    try meet(&ada, &ben)
    let conflict = try #require(try ada.replica.conflicts().first)
    try decide(&ada, conflict, .side(0))
    #expect(try ada.replica.conflicts().isEmpty)
    try ada.undo()
    let open = try afterMeeting(&ada, &ben)
    #expect(open.map { $0.sides.map(\.value) } == [[1, 2]])
    #expect(open.first?.sides.map(\.change.origin) == [testOrigin(0), testOrigin(1)])
  }

  @Test("text that came back is still by whoever wrote it")
  func blame() throws {
    let (left, right) = try apart {
      try $0.make(["body"], .text)
      try $0.splice(["body"], at: 0, delete: 0, insert: "tide ")
    }
    var (ada, ben) = (UndoingPerson(left), UndoingPerson(right))
    try ben.edit { try $0.splice(path, at: 5, delete: 0, insert: "tables") }
    try meet(&ada, &ben)
    func blamed() throws -> [TextAttribution] {
      try ada.replica.document.attribution(at: path, in: ada.replica.history())
    }
    let before = try blamed()
    #expect(before.map(\.count) == [5, 6])
    try ada.edit { try $0.splice(path, at: 3, delete: 5, insert: "") }
    try ada.undo()
    #expect(try text(ada) == "tide tables")
    #expect(try blamed() == before)
  }
}
