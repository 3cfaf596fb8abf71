import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Documents as they were")
struct RewindingTests {
  private struct Moment {
    var version: VersionVector
    var state: JSONValue
    /// As one has it who has only these changes.
    var bytes: [UInt8]

    init(_ version: VersionVector, _ document: Document) {
      self.version = version
      state = document.canonicalJSON()
      bytes = document.encodeState()
    }
  }

  /// People who do anything to one document, some of it taken back, and what it was on the way.
  private static func live(
    _ seed: UInt64, people count: Int, steps: Int
  ) throws -> (people: [UndoingPerson], moments: [Moment]) {
    var random = SeededGenerator(seed: 91_000 + seed)
    var people = (0..<count).map { UndoingPerson($0) }
    var moments = [Moment(VersionVector(), Document(id: documentID))]
    for _ in 0..<steps {
      let who = Int.random(in: people.indices, using: &random)
      switch Int.random(in: 0..<12, using: &random) {
      case 0...2:
        let other = people[Int.random(in: people.indices, using: &random)]
        try people[who].replica.receive(people[who].replica.missing(from: other.replica))
      case 3: try people[who].undo()
      case 4: try people[who].redo()
      case 5, 6: try people[who].edit { try RandomRichEditing.edit($0, &random) }
      case 7: try people[who].replica.reopen()
      default: try people[who].editAtRandom(&random)
      }
      let replica = people[who].replica
      moments.append(Moment(replica.vector, replica.document))
    }
    for other in people.dropFirst() {
      try people[0].replica.receive(people[0].replica.missing(from: other.replica))
    }
    return (people, moments)
  }

  @Test("any version is read as it was, with a history that is kept or not", arguments: 0..<40)
  func any(seed: UInt64) throws {
    let (people, moments) = try Self.live(seed, people: 1 + Int(seed % 3), steps: 70)
    let history = try people[0].replica.history()
    let document = people[0].replica.document
    document.releaseHistory()
    let keeper = document.copy()
    keeper.keep(history)
    let state = document.encodeState()
    var random = SeededGenerator(seed: seed)
    for moment in moments.shuffled(using: &random) {
      let past = try keeper.document(at: moment.version, of: history)
      guard past.canonicalJSON() == moment.state else {
        Issue.record("seed \(seed): another document at \(moment.version)")
        return
      }
      #expect(past.encodeState() == moment.bytes, "seed \(seed)")
      if Int.random(in: 0..<6, using: &random) == 0 {
        let other = try document.document(at: moment.version, of: history)
        #expect(other.canonicalJSON() == moment.state, "seed \(seed)")
        #expect(other.encodeState() == moment.bytes, "seed \(seed)")
      }
      // What was read goes on like any document.
      let opened = try Document(id: documentID, state: past.encodeState())
      #expect(opened.canonicalJSON() == moment.state, "seed \(seed)")
    }
    #expect(keeper.encodeState() == state, "seed \(seed): looking back has changed the document")
  }

  @Test("a history that grows is looked back over at any time", arguments: 0..<12)
  func growing(seed: UInt64) throws {
    let (people, moments) = try Self.live(100 + seed, people: 2, steps: 80)
    let log = people[0].replica.log
    var random = SeededGenerator(seed: seed)
    let keeper = Document(id: documentID)
    keeper.keep(DocumentHistory(document: documentID))
    var vector = VersionVector()
    for batch in split(log, &random) {
      _ = try keeper.merge(batch) { DocumentHistory(document: documentID) }
      for edit in batch { vector.advance(to: edit.change) }
      let history = try #require(keeper.keptHistory)
      let known = moments.filter { vector.covers($0.version) }
      guard let moment = known.randomElement(using: &random) else { continue }
      let past = try keeper.document(at: moment.version, of: history)
      #expect(past.canonicalJSON() == moment.state, "seed \(seed)")
    }
  }

  @Test("from what is folded to now, too", arguments: 0..<12)
  func folded(seed: UInt64) throws {
    var random = SeededGenerator(seed: 5_000 + seed)
    var replicas = (0..<2).map { DocumentReplica($0) }
    try RandomEditing.work(&replicas, steps: 40, &random)
    try meet(&replicas)
    let floor = replicas[0].vector
    guard
      case .folded(let state, _) = try replicas[0].document.folding(
        replicas[0].history(), at: floor)
    else { return }
    var moments = [Moment(floor, replicas[0].document)]
    for _ in 0..<20 {
      try RandomEditing.work(&replicas, steps: 3, &random)
      for index in replicas.indices {
        moments.append(Moment(replicas[index].vector, replicas[index].document))
      }
    }
    try meet(&replicas)
    var history = try DocumentHistory(documentID, from: state, at: floor)
    try history.append(contentsOf: replicas[0].log.filter { !floor.contains($0.change) })
    let document = try Document(history: history)
    for moment in moments {
      let past = try document.document(at: moment.version, of: history)
      guard past.canonicalJSON() == moment.state else {
        Issue.record("seed \(seed): another document at \(moment.version)")
        return
      }
      #expect(past.encodeState() == moment.bytes, "seed \(seed)")
    }
  }

  /// Positions beyond the end, and containers that nobody has made, in an edit that has seen all.
  private static func lie(
    by replica: DocumentReplica, _ random: inout SeededGenerator
  ) -> IncomingEdit {
    func child(_ key: Key, _ kind: ContainerKind, of parent: ContainerID = .root) -> ContainerID {
      .child(parent: parent, key: key, kind: kind, generation: nil)
    }
    let number = UInt64.random(in: 1...9, using: &random)
    let unmade = EventID(change: ChangeID(origin: replica.origin, sequence: number), index: 0)
    let beyond = Int.random(in: 0...20, using: &random)
    let all = [
      Operation(child("t", .text), .insertText(at: beyond, "ab")),
      Operation(child("t", .text), .remove(at: beyond, count: 2)),
      Operation(child("l", .list), .insertElements(at: beyond, [.container(.map)])),
      Operation(child("l", .list), .remove(at: beyond, count: 1)),
      Operation(child("z", .counter, of: child("y", .map)), .increment(by: 3)),
      Operation(.element(unmade, .map), .set("k", .null, replaces: [])),
      Operation(.element(unmade, .text), .insertText(at: 0, "in nothing")),
    ]
    return IncomingEdit(
      change: ChangeID(origin: replica.origin, sequence: replica.vector[replica.origin] + 1),
      lamport: replica.lamport + 1, time: Timestamp(clampingMilliseconds: 0),
      edit: DocumentEdit(
        document: documentID, parents: replica.document.parents,
        operations: (0..<2).compactMap { _ in all.randomElement(using: &random) }))
  }

  @Test("what liars have written is taken back like anything", arguments: 0..<40)
  func lies(seed: UInt64) throws {
    var random = SeededGenerator(seed: 6_000 + seed)
    var replicas = (0..<2).map { DocumentReplica($0) }
    var moments = [Moment(VersionVector(), Document(id: documentID))]
    for _ in 0..<40 {
      let mine = Int.random(in: replicas.indices, using: &random)
      if Int.random(in: 0..<5, using: &random) == 0 {
        let lie = Self.lie(by: replicas[mine], &random)
        try replicas[mine].receive([lie])
      } else {
        try RandomEditing.work(&replicas, steps: 1, &random)
      }
      moments.append(Moment(replicas[mine].vector, replicas[mine].document))
    }
    try meet(&replicas)
    let history = try replicas[0].history()
    for moment in moments.shuffled(using: &random) {
      let past = try replicas[0].document.document(at: moment.version, of: history)
      guard past.canonicalJSON() == moment.state, past.encodeState() == moment.bytes else {
        Issue.record("seed \(seed): another document at \(moment.version)")
        return
      }
    }
  }

  @Test("a container that was made since is unknown before, and can be made again")
  func made() throws {
    var ada = DocumentReplica(0)
    try ada.edit { try $0.set(["a"], to: 1) }
    let before = Moment(ada.vector, ada.document)
    try ada.edit { editor in
      try editor.set(["m"], to: ["inner": ["x"]])
      try editor.make(["t"], .text)
    }
    let past = try ada.document.document(at: before.version, of: ada.history())
    #expect(past.encodeState() == before.bytes)
    var other = DocumentReplica(1)
    other.document = past
    other.vector = before.version
    other.lamport = 1
    try other.edit { editor in
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: "again")
    }
    // It has the name that any other replica would have given it.
    try ada.receive(other.log)
    #expect(try ada.document.json(at: ["t"]) == "again")
    let opened = try Document(id: documentID, state: past.encodeState())
    #expect(opened.encodeState() == past.encodeState())
  }

  @Test("what named containers is looked at once, and only when something was made since")
  func named() throws {
    let (document, versions) = try Self.mixed(keystrokes: 2_000)
    let history = try #require(document.keptHistory)
    for back in [10, 100, 1_000] {
      _ = try document.document(at: versions[versions.count - 1 - back], of: history)
    }
    #expect(document.namingIndex.visitedCount == 0)
    let editor = document.beginEdit(
      ChangeID(origin: testOrigin(0), sequence: UInt64(versions.count + 1)),
      lamport: UInt64(versions.count + 1))
    try editor.make(["new"], .map)
    _ = try editor.commit()
    let grown = try #require(document.keptHistory)
    for back in [10, 100, 1_000] {
      let version = versions[versions.count - 1 - back]
      let past = try document.document(at: version, of: grown)
      let replayed = try Document.replaying(documentID, grown.edits(), at: version)
      #expect(past.encodeState() == replayed.encodeState())
    }
    #expect(document.namingIndex.visitedCount == grown.others.count)
  }

  @Test("the time of each element that comes back is found without reading all before it again")
  func times() throws {
    var people = (0..<2).map { DocumentReplica($0) }
    try people[0].edit { try $0.set(["l"], to: []) }
    for number in 0..<200 {
      let who = number % 2
      try people[who].receive(people[who].missing(from: people[1 - who]))
      try people[who].edit { editor in
        try editor.splice(["l"], at: 0, delete: 0, insert: [.integer(Int64(number))])
        if number % 5 == 4 { try editor.move(["l"], from: 3, to: 0) }
      }
    }
    try people[0].receive(people[0].missing(from: people[1]))
    let before = Moment(people[0].vector, people[0].document)
    try people[0].edit { editor in
      for index in 0..<100 { try editor.set(["l", .index(index)], to: "new") }
      try editor.splice(["l"], at: 100, delete: 100, insert: [])
    }
    let history = try people[0].history()
    let document = people[0].document.copy()
    document.keep(history)
    var rewinding = Rewinding(
      document, known: document, at: history.graph.frontier,
      to: try history.frontier(at: before.version), in: history)
    #expect(try rewinding.run().encodeState() == before.bytes)
    #expect(history.graph.identityRunCount >= 200)
    // Times that ascend by one are one run.
    #expect(rewinding.lamports.readCount >= 100)
    #expect(rewinding.lamports.readCount <= history.graph.identityRunCount + 10)
  }

  @Test("Lamport times are found in any order", arguments: 0..<20)
  func anyOrder(seed: UInt64) throws {
    let (people, _) = try Self.live(seed, people: 3, steps: 60)
    let history = try people[0].replica.history()
    var expected: [Int: UInt64] = [:]
    for edit in people[0].replica.log {
      let last = try #require(history.lastVersion(of: edit.change))
      for version in last - edit.edit.eventCount + 1...last { expected[version] = edit.lamport }
    }
    #expect(expected.count == history.graph.count)
    var random = SeededGenerator(seed: seed)
    var index = LamportIndex(history)
    for version in (0..<history.graph.count).shuffled(using: &random) {
      #expect(index.lamport(of: version) == expected[version], "seed \(seed), event \(version)")
    }
  }

  @Test("a history that leads to a text of another length is told, and its marks are not taken")
  func foreignMarks() throws {
    // Somebody has told two stories under the same names, and gives the one as the state of the
    // document and the other as its history.
    func story(_ text: String) throws -> (DocumentReplica, before: VersionVector) {
      var ada = DocumentReplica(0)
      try ada.edit { editor in
        try editor.make(["t"], .text)
        try editor.splice(["t"], at: 0, delete: 0, insert: text)
        try editor.mark(["t"], 0..<2, name: "b", value: .bool(true))
      }
      let before = ada.vector
      try ada.edit { try $0.splice(["t"], at: 0, delete: 1, insert: "") }
      return (ada, before)
    }
    let (long, before) = try story("abcdef")
    let history = try story("abc").0.history()
    for keeps in [false, true] {
      let document = try Document(id: documentID, state: long.document.encodeState())
      if keeps { document.keep(history) }
      #expect(throws: MergeError.self) { try document.document(at: before, of: history) }
      #expect(throws: MergeError.self) {
        try document.textSpans(at: ["t"], version: before, in: history)
      }
    }
    let honest = try long.history()
    #expect(try long.document.textSpans(at: ["t"], version: before, in: honest).count == 2)
  }

  @Test("a write that its author had already replaced does not come back")
  func replacedTwice() throws {
    // Somebody names an entry that had been replaced before, which no editor does.
    var ada = DocumentReplica(0)
    try ada.edit { try $0.set(["a"], to: 1) }
    try ada.edit { try $0.set(["a"], to: 2) }
    let before = (ada.vector, ada.document.canonicalJSON())
    let first = EventID(change: ChangeID(origin: ada.origin, sequence: 1), index: 0)
    let second = EventID(change: ChangeID(origin: ada.origin, sequence: 2), index: 0)
    let lie = IncomingEdit(
      change: ChangeID(origin: testOrigin(7), sequence: 1), lamport: 3,
      time: Timestamp(clampingMilliseconds: 0),
      edit: DocumentEdit(
        document: documentID, parents: [second.change],
        operations: [Operation(.root, .set("a", .integer(3), replaces: [first, second]))]))
    try ada.receive([lie])
    let past = try ada.document.document(at: before.0, of: ada.history())
    #expect(past.canonicalJSON() == before.1)
  }

  /// A document in which every kind of thing was changed, among many keystrokes.
  private static func mixed(keystrokes: Int) throws -> (Document, [VersionVector]) {
    let document = Document(id: documentID)
    document.keep(DocumentHistory(document: documentID))
    var random = SeededGenerator(seed: 11)
    var sequence: UInt64 = 0
    var version = VersionVector()
    var versions: [VersionVector] = []
    func edit(_ body: (Editor) throws -> Void) throws {
      sequence += 1
      let change = ChangeID(origin: testOrigin(0), sequence: sequence)
      let editor = document.beginEdit(change, lamport: sequence)
      try body(editor)
      _ = try editor.commit()
      version.advance(to: change)
      versions.append(version)
    }
    try edit { editor in
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: String(repeating: "tide ", count: 40))
      try editor.set(["l"], to: ["a", "b", "c"])
      try editor.set(["title"], to: "none")
      try editor.make(["tree"], .tree)
      try editor.splice(["tree"], at: 0, delete: 0, insert: [["a": 1], ["a": 2]])
    }
    while versions.count < keystrokes {
      let length = try document.count(at: ["t"])
      let at = Int.random(in: 0..<length - 8, using: &random)
      switch versions.count % 50 {
      case 10: try edit { try $0.set(["title"], to: .integer(Int64(at))) }
      case 20:
        try edit { try $0.mark(["t"], at..<at + 8, name: "b", value: .integer(Int64(at))) }
      case 30:
        try edit {
          try $0.splice(["l"], at: 1, delete: 1, insert: [.integer(Int64(at))])
          try $0.move(["l"], from: 2, to: 0)
        }
      case 40:
        try edit {
          try $0.increment(["n"], by: 1)
          try $0.moveNode(["tree"], from: 0, to: ["tree"], at: 1)
        }
      case 0, 5, 15: try edit { try $0.splice(["t"], at: at, delete: 1, insert: "") }
      default: try edit { try $0.splice(["t"], at: at, delete: 0, insert: "x") }
      }
    }
    return (document, versions)
  }

  @Test("what it costs is what lies between, whatever was changed, however long the history is")
  func proportional() throws {
    for keystrokes in [2_000, 8_000] {
      let (document, versions) = try Self.mixed(keystrokes: keystrokes)
      let history = try #require(document.keptHistory)
      func cost() -> (replayed: Int, marked: Int, looked: Int) {
        (
          document.deletionIndexes.values.reduce(0) { $0 + $1.replayedCount },
          document.markCheckpoints.values.reduce(0) { $0 + $1.replayedCount },
          document.writeIndex.visitedCount
        )
      }
      // Who looks back first goes back to what was written; marks are replayed from the start.
      for back in [400, 100, 10] {
        _ = try document.document(at: versions[versions.count - 1 - back], of: history)
      }
      for back in [10, 100, 400] {
        let before = cost()
        let version = versions[versions.count - 1 - back]
        let past = try document.document(at: version, of: history)
        let after = cost()
        #expect(after.replayed - before.replayed >= back / 2)
        #expect(after.replayed - before.replayed <= 3 * back, "\(keystrokes), \(back) back")
        #expect(after.marked - before.marked <= 4 * back + 300, "\(keystrokes), \(back) back")
        #expect(after.looked - before.looked <= back, "\(keystrokes), \(back) back")
        let replayed = try Document.replaying(documentID, history.edits(), at: version)
        #expect(past.canonicalJSON() == replayed.canonicalJSON())
      }
      // The write before is found where it is, not from the start.
      #expect(document.writeIndex.visitedCount < 200)
    }
  }

  @Test("only what an operation has changed is compared")
  func touched() throws {
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      try editor.set(["a"], to: ["list": [["x": 1], ["y": 2]], "other": 3])
      try editor.set(["b"], to: ["k": 1])
    }
    let before = replica.vector
    try replica.edit { try $0.set(["a", "list", 1, "y"], to: 7) }
    let history = try replica.history()
    let events = history.graph.difference(
      try history.frontier(at: before), history.graph.frontier
    ).onlyRight
    let touched = TouchedPlaces(events, of: history)
    let members = touched.keys(of: .root)
    #expect(touched.contains(.root) && members == ["a"])
    let maps = replica.document.containers.map(\.id).filter { $0.kind == .map && $0 != .root }
    #expect(maps.filter(touched.contains).flatMap(touched.keys).sorted() == ["list", "y"])
    #expect(
      try replica.document.patches(from: before, to: replica.vector, in: history) == [
        DocumentPatch(["a", "list", 1, "y"], .set(.value(.integer(7))))
      ])
  }
}
