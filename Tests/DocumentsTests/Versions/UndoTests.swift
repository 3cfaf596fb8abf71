import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// Somebody with a stack of what they did.
struct UndoingPerson {
  var replica: DocumentReplica
  var stack = UndoStack()

  init(_ number: Int) { replica = DocumentReplica(number) }

  init(_ replica: DocumentReplica) { self.replica = replica }

  @discardableResult
  mutating func edit(
    continuing: Bool = false, _ body: (Editor) throws -> Void
  ) throws -> IncomingEdit? {
    let edit = try replica.edit(body)
    if let edit { stack.didEdit(edit.change, continuing: continuing) }
    return edit
  }

  @discardableResult
  mutating func editAtRandom(_ random: inout SeededGenerator) throws -> IncomingEdit? {
    let edit = try replica.editAtRandom(&random)
    if let edit { stack.didEdit(edit.change) }
    return edit
  }

  @discardableResult
  mutating func undo() throws -> Bool { try take(stack.undo) }

  @discardableResult
  mutating func redo() throws -> Bool { try take(stack.redo) }

  private mutating func take(_ step: UndoStack.Step?) throws -> Bool {
    guard let step else { return false }
    let history = try replica.history()
    _ = try #require(try replica.edit { try $0.take(step, in: history) })
    stack.did(step)
    return true
  }

  var json: String { replica.json }
}

/// Both get what the other has; then they hold the same.
func meet(_ ada: inout UndoingPerson, _ ben: inout UndoingPerson) throws {
  let (toAda, toBen) = (
    ada.replica.missing(from: ben.replica), ben.replica.missing(from: ada.replica)
  )
  try ada.replica.receive(toAda)
  try ben.replica.receive(toBen)
  #expect(ada.replica.document.encodeState() == ben.replica.document.encodeState())
}

@Suite("Undo and redo")
struct UndoTests {
  struct Reading: Equatable {
    var json: String
    var isDeleted: Bool

    init(_ replica: DocumentReplica) {
      json = replica.json
      isDeleted = replica.document.isDeleted
    }
  }

  @Test(
    "each undo restores the reading before the edit, each redo that after it", arguments: 0..<16)
  func alone(seed: UInt64) throws {
    var random = SeededGenerator(seed: 100 &+ seed)
    let moments = try Moments(people: 2, steps: 20, seed: seed)
    var ada = UndoingPerson(moments.replicas[0])
    var readings = [Reading(ada.replica)]
    for _ in 0..<8 {
      if try ada.editAtRandom(&random) != nil { readings.append(Reading(ada.replica)) }
    }
    var level = readings.count - 1
    for step in 0..<30 {
      let isUndo = Bool.random(using: &random)
      let isDone = isUndo ? try ada.undo() : try ada.redo()
      if isDone { level += isUndo ? -1 : 1 }
      #expect(isDone || level == (isUndo ? 0 : readings.count - 1))
      let reading = Reading(ada.replica)
      #expect(reading == readings[level], "seed \(seed), step \(step), level \(level)")
      guard reading == readings[level] else { return }
    }
    // Others see the same.
    var ben = DocumentReplica(7)
    try ben.receive(ada.replica.log)
    #expect(ben.document.encodeState() == ada.replica.document.encodeState())
  }

  @Test("a new edit after an undo ends what could be done again", arguments: 0..<12)
  func newEdits(seed: UInt64) throws {
    var random = SeededGenerator(seed: 200 &+ seed)
    var ada = UndoingPerson(0)
    var readings = [Reading(ada.replica)]
    for step in 0..<60 {
      switch Int.random(in: 0..<4, using: &random) {
      case 0, 1:
        if try ada.editAtRandom(&random) != nil { readings.append(Reading(ada.replica)) }
        if readings.count > 1 { #expect(ada.stack.redo == nil || ada.stack.undo != nil) }
      case 2:
        if try ada.undo() {
          let undone = readings.removeLast()
          // And back, now and then.
          if Bool.random(using: &random), try ada.redo() { readings.append(undone) }
        }
      default: try ada.replica.reopen()
      }
      let reading = Reading(ada.replica)
      #expect(reading == readings.last, "seed \(seed), step \(step)")
      guard reading == readings.last else { return }
    }
  }

  @Test("whatever people do, undo and redo, replicas that meet hold the same", arguments: 0..<12)
  func converge(seed: UInt64) throws {
    var random = SeededGenerator(seed: 300 &+ seed)
    var people = (0..<3).map { UndoingPerson($0) }
    for _ in 0..<70 {
      let who = Int.random(in: 0..<3, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0...3: try people[who].editAtRandom(&random)
      case 4: try people[who].undo()
      case 5: try people[who].redo()
      case 6: try people[who].replica.reopen()
      default:
        let other = people[Int.random(in: 0..<3, using: &random)].replica
        try people[who].replica.receive(people[who].replica.missing(from: other))
      }
    }
    for who in 0..<3 {
      for other in 0..<3 {
        try people[who].replica.receive(
          people[who].replica.missing(from: people[other].replica))
      }
    }
    for who in 0..<3 {
      #expect(
        people[who].replica.document.encodeState() == people[0].replica.document.encodeState(),
        "seed \(seed)")
    }
    // A stack made of the log goes on where the one kept would.
    let history = try people[0].replica.history()
    for var person in people {
      person.stack.pause()
      let origin = person.replica.origin
      let made = UndoStack(of: { $0 == origin }, in: history)
      #expect(made == person.stack, "seed \(seed)")
    }
  }

  /// Every scalar is written once, so that each says who wrote it; whoever undoes everything leaves
  /// what the others wrote and did not delete themselves.
  @Test("undoing everything leaves exactly what others wrote", arguments: 0..<16)
  func othersStay(seed: UInt64) throws {
    var random = SeededGenerator(seed: 400 &+ seed)
    let path: DocumentPath = ["t"]
    var people = (0..<3).map { UndoingPerson($0) }
    try people[0].replica.edit { try $0.make(path, .text) }
    for who in 1..<3 { try people[who].replica.receive(people[0].replica.log) }
    var next: UInt32 = 0x4E00
    var author: [Unicode.Scalar: Int] = [:]
    var deleters: [Unicode.Scalar: Set<Int>] = [:]
    for _ in 0..<60 {
      let who = Int.random(in: 0..<3, using: &random)
      if Int.random(in: 0..<4, using: &random) == 0 {
        let other = people[Int.random(in: 0..<3, using: &random)].replica
        try people[who].replica.receive(people[who].replica.missing(from: other))
        continue
      }
      let text = Array(try people[who].replica.document.text(at: path).unicodeScalars)
      let at = Int.random(in: 0...text.count, using: &random)
      let deleted = Int.random(in: 0...min(3, text.count - at), using: &random)
      var inserted = ""
      for _ in 0..<Int.random(in: 0...3, using: &random) {
        let scalar = try #require(Unicode.Scalar(next))
        next += 1
        author[scalar] = who
        inserted.unicodeScalars.append(scalar)
      }
      for scalar in text[at..<at + deleted] { deleters[scalar, default: []].insert(who) }
      try people[who].edit { try $0.splice(path, at: at, delete: deleted, insert: inserted) }
    }
    for who in 0..<3 {
      for other in 0..<3 {
        try people[who].replica.receive(
          people[who].replica.missing(from: people[other].replica))
      }
    }
    let me = Int.random(in: 0..<3, using: &random)
    let before = try people[me].replica.document.text(at: path)
    while try people[me].undo() {}
    let left = Set(try people[me].replica.document.text(at: path).unicodeScalars)
    let expected = author.filter { scalar, author in
      author != me && (deleters[scalar] ?? []).subtracting([me]).isEmpty
    }.keys
    #expect(left == Set(expected), "seed \(seed)")
    while try people[me].redo() {}
    let after = try people[me].replica.document.text(at: path)
    #expect(after.unicodeScalars.count == before.unicodeScalars.count, "seed \(seed)")
    #expect(Set(after.unicodeScalars) == Set(before.unicodeScalars), "seed \(seed)")
    // One after the other they undo everything, and nothing of anybody is left.
    for who in 0..<3 {
      while try people[who].undo() {}
      for other in 0..<3 {
        try people[other].replica.receive(
          people[other].replica.missing(from: people[who].replica))
      }
    }
    for who in 0..<3 {
      for other in 0..<3 {
        try people[who].replica.receive(
          people[who].replica.missing(from: people[other].replica))
      }
    }
    let end = try people[0].replica.document.text(at: path)
    #expect(end.isEmpty, "seed \(seed)")
    for who in 1..<3 {
      #expect(
        people[who].replica.document.encodeState() == people[0].replica.document.encodeState())
    }
  }
}
