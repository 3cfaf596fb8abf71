import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What people get who undo while others edit, case by case.
@Suite("Undo among others")
struct UndoCaseTests {
  private static let text: DocumentPath = ["t"]

  /// Two people who have seen a text.
  private func apart(_ start: String) throws -> (ada: UndoingPerson, ben: UndoingPerson) {
    let (left, right) = try twoReplicas { editor in
      try editor.make(Self.text, .text)
      try editor.splice(Self.text, at: 0, delete: 0, insert: start)
    }
    return (UndoingPerson(left), UndoingPerson(right))
  }

  @Test("what others typed inside what is taken back stays")
  func inside() throws {
    var (ada, ben) = try apart("tide ")
    try ada.edit { try $0.splice(Self.text, at: 5, delete: 0, insert: "tables") }
    try meet(&ada, &ben)
    try ben.edit { try $0.splice(Self.text, at: 8, delete: 0, insert: "-BEN-") }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(ada.json == #"{"t":"tide -BEN-"}"#)
    try meet(&ada, &ben)
    try ada.redo()
    #expect(ada.json == #"{"t":"tide tab-BEN-les"}"#)
  }

  @Test("what was typed between characters that came back comes back between them")
  func between() throws {
    var (ada, _) = try apart("")
    try ada.edit { try $0.splice(Self.text, at: 0, delete: 0, insert: "tables") }
    try ada.undo()
    try ada.redo()
    try ada.edit { try $0.splice(Self.text, at: 5, delete: 0, insert: "t") }
    for _ in 0..<3 {
      while try ada.undo() {}
      while try ada.redo() {}
      #expect(ada.json == #"{"t":"tablets"}"#)
    }
  }

  @Test("what was deleted bit by bit comes back bit by bit, each at its place")
  func bits() throws {
    var (ada, _) = try apart("abcdef")
    for position in [2, 2, 1, 1, 0, 0] {
      try ada.edit { try $0.splice(Self.text, at: position, delete: 1, insert: "") }
    }
    var readings: [String] = []
    while try ada.undo() { readings.append(ada.json) }
    let texts = ["f", "af", "aef", "abef", "abdef", "abcdef"]
    #expect(readings == texts.map { #"{"t":"\#($0)"}"# })
    while try ada.redo() {}
    while try ada.undo() {}
    #expect(ada.json == #"{"t":"abcdef"}"#)
  }

  @Test("what was deleted comes back where it was, between what others wrote around it")
  func back() throws {
    var (ada, ben) = try apart("one two three")
    try ada.edit { try $0.splice(Self.text, at: 4, delete: 4, insert: "") }
    try ben.edit { editor in
      try editor.splice(Self.text, at: 13, delete: 0, insert: " four")
      try editor.splice(Self.text, at: 0, delete: 3, insert: "1")
    }
    try meet(&ada, &ben)
    #expect(ada.json == #"{"t":"1 three four"}"#)
    try ada.undo()
    #expect(ada.json == #"{"t":"1 two three four"}"#)
  }

  @Test("what somebody else deleted as well stays deleted, until they take it back too")
  func both() throws {
    var (ada, ben) = try apart("abc")
    try ada.edit { try $0.splice(Self.text, at: 1, delete: 1, insert: "") }
    try ben.edit { try $0.splice(Self.text, at: 0, delete: 2, insert: "") }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(ada.json == #"{"t":"c"}"#)
    try meet(&ada, &ben)
    try ben.undo()
    #expect(ben.json == #"{"t":"abc"}"#)
    try meet(&ada, &ben)
    try ada.redo()
    #expect(ada.json == #"{"t":"ac"}"#)
  }

  @Test("a value gives way only where it is the one that is shown")
  func values() throws {
    var (ada, ben) = try apart("")
    try ada.edit { try $0.set(["k"], to: "old") }
    try meet(&ada, &ben)
    try ada.edit { try $0.set(["k"], to: "ada") }
    try ada.undo()
    #expect(ada.json == #"{"k":"old","t":""}"#)
    try ada.redo()
    try meet(&ada, &ben)
    try ben.edit { try $0.set(["k"], to: "ben") }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(ada.json == #"{"k":"ben","t":""}"#)
    // Ben takes his back: what Ada took back does not come with it.
    try meet(&ada, &ben)
    try ben.undo()
    #expect(ben.json == #"{"k":"old","t":""}"#)
    #expect(try ben.replica.conflicts().isEmpty)
  }

  @Test("a container that others write in stays, without what is taken back")
  func held() throws {
    var (ada, ben) = try apart("")
    try ada.edit { editor in
      try editor.set(["note"], to: ["done": false])
      try editor.make(["note", "body"], .text)
      try editor.splice(["note", "body"], at: 0, delete: 0, insert: "by Ada")
    }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(ada.json == #"{"t":""}"#)
    try ada.redo()
    try meet(&ada, &ben)
    try ben.edit { try $0.splice(["note", "body"], at: 6, delete: 0, insert: ", and Ben") }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(ada.json == #"{"note":{"body":", and Ben"},"t":""}"#)
    try meet(&ada, &ben)
    try ben.undo()
    try meet(&ada, &ben)
    try ada.redo()
    #expect(ada.json == #"{"note":{"body":"by Ada","done":false},"t":""}"#)
  }

  @Test("a text that was removed comes back with what others wrote in it meanwhile")
  func removed() throws {
    var (ada, ben) = try apart("body")
    try ada.edit { try $0.delete(Self.text) }
    try ben.edit { try $0.splice(Self.text, at: 4, delete: 0, insert: "!") }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(ada.json == #"{"t":"body!"}"#)
  }

  @Test("elements of lists go, come back under their names, and are where they were")
  func lists() throws {
    var (ada, ben) = try apart("")
    try ada.replica.edit { try $0.set(["l"], to: ["a", "b", "c"]) }
    try meet(&ada, &ben)
    try ada.edit { try $0.splice(["l"], at: 1, delete: 1, insert: ["x"]) }
    try ada.edit { try $0.move(["l"], from: 2, to: 0) }
    try meet(&ada, &ben)
    #expect(ben.json == #"{"l":["c","a","x"],"t":""}"#)
    try ben.edit { try $0.splice(["l"], at: 3, delete: 0, insert: ["ben"]) }
    try ben.edit { try $0.set(["l", 0], to: "C") }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(ada.json == #"{"l":["a","x","ben","C"],"t":""}"#)
    try ada.undo()
    #expect(ada.json == #"{"l":["a","ben","b","C"],"t":""}"#)
    try meet(&ada, &ben)
    try ada.redo()
    try ada.redo()
    #expect(ada.json == #"{"l":["C","a","x","ben"],"t":""}"#)
  }

  @Test("where two have moved an element, it goes back only from where one has put it")
  func moves() throws {
    var (ada, ben) = try apart("")
    try ada.replica.edit { try $0.set(["l"], to: ["a", "b", "c", "d"]) }
    try meet(&ada, &ben)
    try ada.edit { try $0.move(["l"], from: 0, to: 3) }
    try ben.edit { try $0.move(["l"], from: 0, to: 1) }
    try meet(&ada, &ben)
    // Ben's has the higher stamp; Ada's is withdrawn, and nothing is left to decide.
    #expect(ada.json == #"{"l":["b","a","c","d"],"t":""}"#)
    #expect(try ada.replica.conflicts().count == 1)
    try ada.undo()
    #expect(ada.json == #"{"l":["b","a","c","d"],"t":""}"#)
    #expect(try ada.replica.conflicts().isEmpty)
    try meet(&ada, &ben)
    try ben.undo()
    #expect(ben.json == #"{"l":["a","b","c","d"],"t":""}"#)
  }

  @Test("what is edited in a container that came back as another one is taken back, and no more")
  func copies() throws {
    for kind in [ContainerKind.counter, .text, .map, .list] {
      var ada = UndoingPerson(0)
      // One of the kind was there before: the next one has a name of its own.
      try ada.edit { try $0.make(["k"], kind) }
      try ada.edit { try $0.delete(["k"]) }
      func fill(_ editor: Editor) throws {
        switch kind {
        case .counter: try editor.increment(["k"], by: 1)
        case .text: try editor.splice(["k"], at: 0, delete: 0, insert: "low ")
        case .map: try editor.set(["k", "a"], to: ["n": [1]])
        default: try editor.splice(["k"], at: 0, delete: 0, insert: [1, ["n": 2]])
        }
      }
      try ada.edit { editor in
        try editor.make(["k"], kind)
        try fill(editor)
      }
      let made = ada.json
      try ada.undo()
      #expect(ada.json == "{}")
      try ada.redo()
      #expect(ada.json == made)
      for _ in 0..<2 {
        try ada.edit { editor in
          if kind == .map { try editor.set(["k", "a"], to: 7) } else { try fill(editor) }
        }
        let edited = ada.json
        try ada.undo()
        #expect(ada.json == made, "\(kind)")
        try ada.redo()
        #expect(ada.json == edited, "\(kind)")
        try ada.undo()
      }
      for _ in 0..<3 {
        try ada.undo()
        #expect(ada.json == "{}", "\(kind)")
        try ada.redo()
        #expect(ada.json == made, "\(kind)")
      }
    }
  }

  @Test("counters count the other way, what others counted stays counted")
  func counters() throws {
    var (ada, ben) = try apart("")
    try ada.replica.edit { try $0.increment(["n"], by: 1) }
    try meet(&ada, &ben)
    try ada.edit { try $0.increment(["n"], by: 5) }
    try ben.edit { try $0.increment(["n"], by: 10) }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(ada.json == #"{"n":11,"t":""}"#)
    try ada.redo()
    try ada.undo()
    try ada.redo()
    #expect(ada.json == #"{"n":16,"t":""}"#)
  }

  @Test("the same edit taken back by two devices of a person at once is taken back once")
  func twice() throws {
    var (ada, ben) = try apart("abc")
    try ada.edit { editor in
      try editor.splice(Self.text, at: 1, delete: 1, insert: "X")
      try editor.set(["k"], to: 1)
    }
    try meet(&ada, &ben)
    ben.stack = ada.stack
    try ada.undo()
    try ben.undo()
    try meet(&ada, &ben)
    // Characters come back as new ones: once from each.
    #expect(ada.json == #"{"t":"abbc"}"#)
  }

  @Test("a word typed letter by letter is one edit when the caller says so")
  func groups() throws {
    var (ada, _) = try apart("")
    for (index, letter) in ["t", "i", "d", "e"].enumerated() {
      try ada.edit(continuing: index > 0) {
        try $0.splice(Self.text, at: index, delete: 0, insert: letter)
      }
    }
    try ada.undo()
    #expect(ada.json == #"{"t":""}"#)
    try ada.redo()
    #expect(ada.json == #"{"t":"tide"}"#)
    // The log knows of the group, as it was taken back once.
    let made = UndoStack(of: { $0 == ada.replica.origin }, in: try ada.replica.history())
    #expect(made.undo?.edit == ada.stack.undo?.edit)
    try ada.edit(continuing: true) { try $0.splice(Self.text, at: 4, delete: 0, insert: "s") }
    #expect(ada.stack.redo == nil)
    try ada.undo()
    #expect(ada.json == #"{"t":"tide"}"#)
  }

  @Test("bytes of a mark that no release writes are kept and mean nothing")
  func marks() throws {
    var ada = DocumentReplica(0)
    try ada.edit { try $0.set(["a"], to: 1) }
    for bytes: [UInt8] in [[], [2], [0, 200], [0, 1], [0, 0, 1, 0, 1]] {
      try ada.edit { try $0.write(unknown: UndoMark.code, eventCount: 1, bytes: bytes) }
      #expect(UndoMark(.unknown(code: UndoMark.code, eventCount: 1, bytes: bytes)) == nil)
    }
    let origin = ada.origin
    let stack = UndoStack(of: { $0 == origin }, in: try ada.history())
    #expect(stack.undo?.edit == ChangeSet([ChangeID(origin: origin, sequence: 6)]))
  }
}

/// ``apart(_:)`` of replicas, under a name of its own.
private func twoReplicas(
  _ start: (Editor) throws -> Void
) throws -> (DocumentReplica, DocumentReplica) {
  try apart(start)
}
