import Causality
import TestSupport
import Testing

@testable import Documents

@Suite("Versions of a text")
struct TimeTravelTests {
  private static let path: DocumentPath = ["t"]

  /// Two who write one text and merge now and then, and every version on the way with its text.
  private static func history(
    seed: UInt64
  ) throws -> (document: Document, moments: [(version: VersionVector, text: String)]) {
    var random = SeededGenerator(seed: seed)
    var replicas = [DocumentReplica(0), DocumentReplica(1)]
    for index in replicas.indices { try replicas[index].edit { try $0.make(path, .text) } }
    var seen = [VersionVector(), VersionVector()]
    var moments: [(VersionVector, String)] = []
    for _ in 0..<40 {
      let who = Int.random(in: 0...1, using: &random)
      let other = 1 - who
      if Int.random(in: 0..<6, using: &random) == 0 {
        try replicas[who].receive(replicas[other].log)
      } else {
        let length = try replicas[who].document.count(at: path)
        let at = Int.random(in: 0...length, using: &random)
        let deleted = Int.random(in: 0...min(2, length - at), using: &random)
        let inserted = RandomEditing.texts.randomElement(using: &random) ?? ""
        try replicas[who].edit {
          try $0.splice(path, at: at, delete: deleted, insert: inserted)
        }
      }
      for edit in replicas[who].log { seen[who].advance(to: edit.change) }
      moments.append((seen[who], try replicas[who].document.text(at: path)))
    }
    try replicas[0].receive(replicas[1].log)
    let document = Document(id: documentID)
    document.keep(DocumentHistory(document: documentID))
    _ = try document.merge(replicas[0].log) { DocumentHistory(document: documentID) }
    return (document, moments)
  }

  @Test("any version can be read, and patches lead from any to any other", arguments: 0..<12)
  func anyToAny(seed: UInt64) throws {
    let (document, moments) = try Self.history(seed: seed)
    let history = try #require(document.history)
    var random = SeededGenerator(seed: seed &+ 1)
    for moment in moments {
      let text = try document.text(at: Self.path, version: moment.version, in: history)
      #expect(text == moment.text, "seed \(seed)")
    }
    for _ in 0..<20 {
      let from = try #require(moments.randomElement(using: &random))
      let to = try #require(moments.randomElement(using: &random))
      var rope = TextRope(from.text)
      for patch in try document.textPatches(
        at: Self.path, from: from.version, to: to.version, in: history)
      {
        try rope.remove(patch.position..<patch.position + patch.removed)
        try rope.insert(patch.inserted, at: patch.position)
        #expect(patch.removed > 0 || !patch.inserted.isEmpty)
        #expect((patch.author == nil) == patch.inserted.isEmpty)
      }
      #expect(rope.string == to.text, "seed \(seed)")
    }
  }

  @Test("every scalar is attributed to the change that put it there", arguments: 0..<12)
  func attribution(seed: UInt64) throws {
    let (document, _) = try Self.history(seed: seed)
    let history = try #require(document.history)
    let parts = try document.attribution(at: Self.path, in: history)
    // Found by another way: by applying the patches of a whole replay to what inserted each scalar.
    let sequence = try #require(history.sequences.first)
    let insertions = try SequenceWalker.insertions(
      graph: history.graph, log: sequence.log, ranks: history.ranks, at: history.graph.frontier)
    let authors = insertions.flatMap { $0.map { history.event(at: $0).change } }
    #expect(
      parts.flatMap { Array(repeating: $0.author, count: $0.count) } == authors, "seed \(seed)")
    #expect(authors.count == (try document.count(at: Self.path)))
    #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.author != $1.author })
  }

  @Test("two people's parts of a sentence")
  func sentence() throws {
    var ada = DocumentReplica(0)
    var ben = DocumentReplica(1)
    try ada.edit { editor in
      try editor.make(Self.path, .text)
      try editor.splice(Self.path, at: 0, delete: 0, insert: "Bring bread.")
    }
    try ben.receive(ada.log)
    try ben.edit { try $0.splice(Self.path, at: 11, delete: 0, insert: " and cheese") }
    try ada.edit { try $0.splice(Self.path, at: 0, delete: 5, insert: "Everybody brings") }
    let before = ben.log.map(\.change)
    try ben.receive(ada.log)
    let document = Document(id: documentID)
    document.keep(DocumentHistory(document: documentID))
    _ = try document.merge(ben.log) { DocumentHistory(document: documentID) }
    let history = try #require(document.history)
    #expect(try document.text(at: Self.path) == "Everybody brings bread and cheese.")
    let parts = try document.attribution(at: Self.path, in: history)
    #expect(parts.map(\.count) == [16, 6, 11, 1])
    #expect(parts.map(\.author.origin) == [0, 0, 1, 0].map(testOrigin))
    var old = VersionVector()
    for change in before { old.advance(to: change) }
    var new = old
    for edit in ben.log { new.advance(to: edit.change) }
    let there = try document.textPatches(at: Self.path, from: old, to: new, in: history)
    #expect(there.map(\.position) == [0] && there[0].removed == 5)
    #expect(there[0].inserted == "Everybody brings")
    let back = try document.textPatches(at: Self.path, from: new, to: old, in: history)
    #expect(back.map(\.removed) == [16] && back[0].inserted == "Bring")
    #expect(try document.text(at: Self.path, version: VersionVector(), in: history).isEmpty)
  }

  @Test("versions of a text that nobody wrote to are empty, and of no text an error")
  func edges() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.make(Self.path, .text) }
    let document = Document(id: documentID)
    document.keep(DocumentHistory(document: documentID))
    _ = try document.merge(replica.log) { DocumentHistory(document: documentID) }
    let history = try #require(document.history)
    let now = VersionVector([.init(origin: testOrigin(0), sequence: 9)])
    #expect(try document.text(at: Self.path, version: now, in: history).isEmpty)
    #expect(try document.attribution(at: Self.path, in: history).isEmpty)
    #expect(throws: EditError.self) { try document.text(at: ["no"], version: now, in: history) }
  }

  @Test("what a document knows of its history is the same as when it looks for the first time")
  func knownHistory() throws {
    var random = SeededGenerator(seed: 3)
    let (document, _) = try Self.history(seed: 3)
    var sequence: UInt64 = 0
    var moments: [VersionVector] = []
    func version() throws -> VersionVector {
      var version = VersionVector()
      for edit in try #require(document.editsOfHistory) { version.advance(to: edit.change) }
      return version
    }
    for step in 0..<1_200 {
      sequence += 1
      let change = ChangeID(origin: Origin(high: 77, low: 1), sequence: sequence)
      let editor = document.beginEdit(change, lamport: 1_000 + sequence)
      let length = try document.count(at: Self.path)
      let at = Int.random(in: 0...length, using: &random)
      try editor.splice(
        Self.path, at: at, delete: Int.random(in: 0...min(2, length - at), using: &random),
        insert: Int.random(in: 0..<3, using: &random) == 0 ? "" : "xy")
      _ = try editor.commit()
      if step % 60 != 0 { continue }
      moments.append(try version())
      let history = try #require(document.keptHistory)
      let other = document.copy()
      other.releaseHistory()
      for _ in 0..<3 {
        let from = try #require(moments.randomElement(using: &random))
        let to = try #require(moments.randomElement(using: &random))
        #expect(
          try document.textPatches(at: Self.path, from: from, to: to, in: history)
            == other.textPatches(at: Self.path, from: from, to: to, in: history))
        #expect(
          try document.text(at: Self.path, version: to, in: history)
            == Document.replaying(document.id, history.edits(), at: to).text(at: Self.path))
      }
    }
    #expect(!document.deletionIndexes.isEmpty)
    document.releaseHistory()
    #expect(document.deletionIndexes.isEmpty)
  }
}
