import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// Does random things to a text with marks, a tree and the text in one of its nodes, and to all
/// else.
enum RandomRichEditing {
  static let text: DocumentPath = ["t"]

  static func edit(_ editor: Editor, _ random: inout SeededGenerator) throws {
    try editor.make(text, .text)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      do {
        switch Int.random(in: 0..<5, using: &random) {
        case 0, 1: try RandomMarking.edit(editor, &random)
        case 2, 3: try RandomTreeEditing.edit(editor, &random)
        default:
          let path = RandomTreeEditing.path(editor.document, &random).appending("body")
          try editor.make(path, .text)
          try editor.splice(path, at: 0, delete: 0, insert: "x")
          try editor.mark(path, 0..<1, name: "bold", value: .bool(true), expand: .both)
        }
      } catch is EditError {}
    }
  }
}

/// What a reader sees of a document that ``RandomRichEditing`` edits.
struct RichReading: Equatable {
  var json: String
  var spans: [[TextSpan]]

  init(_ document: Document) {
    json = (try? document.json().text()) ?? ""
    spans = [(try? document.textSpans(at: RandomRichEditing.text)) ?? []]
    func collect(_ path: DocumentPath) {
      for index in 0..<((try? document.count(at: path)) ?? 0) {
        let here = path.appending(.index(index))
        spans.append((try? document.textSpans(at: here.appending("body"))) ?? [])
        collect(here)
      }
    }
    collect(["tree"])
  }
}

@Suite("Undo and redo of marks and trees")
struct UndoInTreesAndMarksTests {
  private func start(_ seed: UInt64) throws -> DocumentReplica {
    var random = SeededGenerator(seed: seed)
    var replicas = (0..<2).map { DocumentReplica($0) }
    for _ in 0..<20 {
      let who = Int.random(in: 0..<2, using: &random)
      if Int.random(in: 0..<5, using: &random) == 0 {
        try replicas[who].receive(replicas[who].missing(from: replicas[1 - who]))
      } else {
        try replicas[who].edit { try RandomRichEditing.edit($0, &random) }
      }
    }
    try replicas[0].receive(replicas[0].missing(from: replicas[1]))
    return replicas[0]
  }

  @Test(
    "each undo restores the reading before the edit, each redo that after it", arguments: 0..<40)
  func alone(seed: UInt64) throws {
    var random = SeededGenerator(seed: 500 &+ seed)
    var ada = UndoingPerson(try start(seed))
    var readings = [RichReading(ada.replica.document)]
    for _ in 0..<8 {
      if try ada.edit({ try RandomRichEditing.edit($0, &random) }) != nil {
        readings.append(RichReading(ada.replica.document))
      }
    }
    var level = readings.count - 1
    for step in 0..<30 {
      let isUndo = Bool.random(using: &random)
      let isDone = isUndo ? try ada.undo() : try ada.redo()
      if isDone { level += isUndo ? -1 : 1 }
      let reading = RichReading(ada.replica.document)
      #expect(reading == readings[level], "seed \(seed), step \(step), level \(level)")
      guard reading == readings[level] else { return }
    }
    var ben = DocumentReplica(7)
    try ben.receive(ada.replica.log)
    #expect(ben.document.encodeState() == ada.replica.document.encodeState())
  }

  @Test("a new edit after an undo ends what could be done again", arguments: 0..<20)
  func newEdits(seed: UInt64) throws {
    var random = SeededGenerator(seed: 600 &+ seed)
    var ada = UndoingPerson(0)
    try ada.replica.edit { try $0.make(RandomRichEditing.text, .text) }
    var readings = [RichReading(ada.replica.document)]
    for step in 0..<60 {
      switch Int.random(in: 0..<4, using: &random) {
      case 0, 1:
        if try ada.edit({ try RandomRichEditing.edit($0, &random) }) != nil {
          readings.append(RichReading(ada.replica.document))
        }
      case 2: if try ada.undo() { readings.removeLast() }
      default: try ada.replica.reopen()
      }
      let reading = RichReading(ada.replica.document)
      #expect(reading == readings.last, "seed \(seed), step \(step)")
      guard reading == readings.last else { return }
    }
  }

  @Test("whatever people do, undo and redo, replicas that meet hold the same", arguments: 0..<20)
  func converge(seed: UInt64) throws {
    var random = SeededGenerator(seed: 700 &+ seed)
    var people = (0..<3).map { UndoingPerson($0) }
    for _ in 0..<70 {
      let who = Int.random(in: 0..<3, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0...3: try people[who].edit { try RandomRichEditing.edit($0, &random) }
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
        let missing = people[who].replica.missing(from: people[other].replica)
        try people[who].replica.receive(missing)
      }
    }
    for who in 1..<3 {
      #expect(
        people[who].replica.document.encodeState() == people[0].replica.document.encodeState(),
        "seed \(seed)")
    }
    for tree in people[0].replica.document.trees.indices {
      people[0].replica.document.trees[tree].checkInvariants()
    }
  }

  /// Every character is typed before anybody marks; whoever undoes all of their marks leaves what
  /// it would be if the others alone had marked.
  @Test("undoing all my marks leaves what others alone would have", arguments: 0..<24)
  func othersStay(seed: UInt64) throws {
    var random = SeededGenerator(seed: 800 &+ seed)
    var (left, right) = try apart(text: "High water at noon")
    var (ada, ben) = (UndoingPerson(left), UndoingPerson(right))
    (left, right) = (ada.replica, ben.replica)
    for _ in 0..<24 {
      let isAda = Bool.random(using: &random)
      let low = Int.random(in: 0..<18, using: &random)
      let range = low..<Int.random(in: low + 1...18, using: &random)
      let name = RandomMarking.names.randomElement(using: &random) ?? "bold"
      let value = RandomMarking.values.randomElement(using: &random) ?? .null
      func mark(_ editor: Editor) throws {
        if value == .null {
          try editor.unmark(["t"], range, name: name)
        } else {
          try editor.mark(["t"], range, name: name, value: value)
        }
      }
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        try ada.replica.receive(ada.replica.missing(from: ben.replica))
        try ben.replica.receive(ben.replica.missing(from: ada.replica))
      case _ where isAda: try ada.edit(mark)
      default: try ben.edit(mark)
      }
    }
    try ada.replica.receive(ada.replica.missing(from: ben.replica))
    let text = try #require(
      try ada.replica.history().sequences.first { $0.container == bodyID })
    let history = try ada.replica.history()
    let bens = history.marks(of: bodyID).filter {
      $0.mark.event.change.origin == ben.replica.origin
    }
    var checkpoints = MarkCheckpoints()
    let expected = try MarkReplay.marks(
      graph: history.graph, log: text.log, ranks: history.ranks, operations: bens,
      at: history.graph.frontier, from: &checkpoints)
    let before = ada.replica.marked
    while try ada.undo() {}
    func shown(_ marks: TextMarks?) -> [[TextMark]] {
      let marks = marks ?? TextMarks(count: 18)
      return marks.runs.flatMap { Array(repeating: marks.shown($0.set), count: $0.count) }
    }
    let slot = ada.replica.document.slot(of: try #require(ada.replica.document.handles[bodyID]))
    #expect(shown(ada.replica.document.marks[slot]) == shown(expected), "seed \(seed)")
    while try ada.redo() {}
    #expect(ada.replica.marked == before, "seed \(seed)")
  }
}

@Suite("Undo of marks and trees among others")
struct UndoInTreesAndMarksCaseTests {
  private func withText(_ text: String) throws -> (ada: UndoingPerson, ben: UndoingPerson) {
    let (ada, ben) = try apart(text: text)
    return (UndoingPerson(ada), UndoingPerson(ben))
  }

  private func withTree() throws -> (ada: UndoingPerson, ben: UndoingPerson) {
    let (ada, ben) = try apartWithTree()
    return (UndoingPerson(ada), UndoingPerson(ben))
  }

  @Test("a mark that somebody else put over mine stays, mine under it goes")
  func over() throws {
    var (ada, ben) = try withText("High water")
    try ada.edit { try $0.mark(["t"], 0..<10, name: "color", value: .string("red")) }
    try meet(&ada, &ben)
    try ben.edit { try $0.mark(["t"], 0..<4, name: "color", value: .string("blue")) }
    try meet(&ada, &ben)
    #expect(ada.replica.marked == "[color=blue:High][color=red: water]")
    try ada.undo()
    #expect(ada.replica.marked == "[color=blue:High] water")
    try meet(&ada, &ben)
    try ben.undo()
    #expect(ben.replica.marked == "High water")
    try meet(&ada, &ben)
    try ada.redo()
    #expect(ada.replica.marked == "[color=red:High water]")
  }

  @Test("what somebody else had marked has their mark again")
  func under() throws {
    var (ada, ben) = try withText("High water")
    try ben.edit { try $0.mark(["t"], 0..<4, name: "color", value: .string("blue")) }
    try meet(&ada, &ben)
    try ada.edit { try $0.mark(["t"], 2..<7, name: "color", value: .string("red")) }
    try ada.edit { try $0.unmark(["t"], 0..<10, name: "color") }
    try ada.undo()
    #expect(ada.replica.marked == "[color=blue:Hi][color=red:gh wa]ter")
    try ada.undo()
    #expect(ada.replica.marked == "[color=blue:High] water")
    try ada.redo()
    try ada.redo()
    #expect(ada.replica.marked == "High water")
  }

  @Test("what others typed in a marked stretch loses the mark with it")
  func typedInside() throws {
    var (ada, ben) = try withText("High water")
    try ada.edit { try $0.mark(["t"], 0..<10, name: "bold", value: .bool(true)) }
    try meet(&ada, &ben)
    try ben.edit { try $0.splice(["t"], at: 5, delete: 0, insert: "and low ") }
    try meet(&ada, &ben)
    #expect(ada.replica.marked == "[bold:High and low water]")
    try ada.undo()
    #expect(ada.replica.marked == "High and low water")
  }

  @Test("what comes back has its marks, and those put around it meanwhile")
  func comesBack() throws {
    var (ada, ben) = try withText("High water")
    try ada.replica.edit { try $0.mark(["t"], 2..<7, name: "bold", value: .bool(true)) }
    try meet(&ada, &ben)
    try ada.edit { try $0.splice(["t"], at: 0, delete: 10, insert: "x") }
    try ada.undo()
    #expect(ada.replica.marked == "Hi[bold:gh wa]ter")
    try meet(&ada, &ben)
    try ada.edit { try $0.splice(["t"], at: 3, delete: 2, insert: "") }
    try meet(&ada, &ben)
    try ben.edit { try $0.mark(["t"], 0..<8, name: "link", value: .string("a"), expand: .none) }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(ada.replica.marked == "[link=a:Hi][bold+link=a:gh wa][link=a:ter]")
    // Ben takes his back: nothing of it is left, also on what came back later.
    try meet(&ada, &ben)
    try ben.undo()
    #expect(ben.replica.marked == "Hi[bold:gh wa]ter")
  }

  @Test("a node that others put something under stays, without what is taken back")
  func held() throws {
    var (ada, ben) = try withTree()
    try ada.edit { editor in
      try editor.node("e", in: "d")
      try editor.node("f", in: "e")
      try editor.node("g", in: "e")
    }
    try ada.undo()
    #expect(try ada.replica.document.outline() == "a(b c) d")
    try ada.redo()
    #expect(try ada.replica.document.outline() == "a(b c) d(e(f g))")
    try meet(&ada, &ben)
    try ben.edit { try $0.node("h", in: "f") }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(try ada.replica.document.outline() == "a(b c) d(-(-(h)))")
    try meet(&ada, &ben)
    try ben.undo()
    try meet(&ada, &ben)
    try ada.redo()
    #expect(try ada.replica.document.outline() == "a(b c) d(e(f g))")
  }

  @Test("a node goes back where it was, unless somebody has moved it since")
  func moved() throws {
    var (ada, ben) = try withTree()
    try ada.edit { try $0.move("c", to: "d") }
    try ada.undo()
    #expect(try ada.replica.document.outline() == "a(b c) d")
    try ada.redo()
    #expect(try ada.replica.document.outline() == "a(b) d(c)")
    try meet(&ada, &ben)
    try ben.edit { try $0.move("c", to: nil) }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(try ada.replica.document.outline() == "c a(b) d")
    try meet(&ada, &ben)
    try ben.undo()
    #expect(try ben.replica.document.outline() == "a(b c) d")
  }

  @Test("a node that was removed comes back with what others did in it")
  func removed() throws {
    var (ada, ben) = try withTree()
    try ada.edit { try $0.remove("a") }
    try ben.edit { try $0.node("e", in: "b") }
    try meet(&ada, &ben)
    #expect(try ada.replica.document.outline() == "d")
    try ada.undo()
    #expect(try ada.replica.document.outline() == "a(b(e) c) d")
    try ada.redo()
    #expect(try ada.replica.document.outline() == "d")
  }

  @Test("a node does not go back into what somebody has removed")
  func removedPlace() throws {
    var (ada, ben) = try withTree()
    try ada.edit { try $0.move("c", to: nil, at: 0) }
    try meet(&ada, &ben)
    try ben.edit { try $0.remove("a") }
    try meet(&ada, &ben)
    try ada.undo()
    #expect(try ada.replica.document.outline() == "c d")
    try meet(&ada, &ben)
    try ben.undo()
    #expect(try ben.replica.document.outline() == "c a(b) d")
  }

  @Test("a move that mine made impossible is done when mine is taken back")
  func cycle() throws {
    var (ada, ben) = try withTree()
    try ada.edit { try $0.move("a", to: "d") }
    try ben.edit { try $0.move("d", to: "b") }
    try meet(&ada, &ben)
    #expect(try ada.replica.document.outline() == "d(a(b c))")
    try ada.undo()
    #expect(try ada.replica.document.outline() == "a(b(d) c)")
  }
}
