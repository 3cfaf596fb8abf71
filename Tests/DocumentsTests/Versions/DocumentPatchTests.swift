import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Patches between versions of a document")
struct DocumentPatchTests {
  @Test("patches lead from any version to any other", arguments: 0..<24)
  func anyToAny(seed: UInt64) throws {
    let moments = try Moments(people: 3, steps: 60, seed: seed, isRich: seed >= 12)
    let replica = moments.replicas[0]
    let history = try replica.history()
    var random = SeededGenerator(seed: seed &+ 1)
    for _ in 0..<12 {
      let from = try #require(moments.moments.randomElement(using: &random))
      let to = try #require(moments.moments.randomElement(using: &random))
      let patches = try replica.document.patches(
        from: from.version, to: to.version, in: history)
      var shown = from.shown
      for patch in patches { try shown.apply(patch) }
      #expect(shown == to.shown, "seed \(seed)")
      #expect(from.shown != to.shown || patches.allSatisfy { $0.path.steps.isEmpty })
      let isDeleted = patches.compactMap { patch -> Bool? in
        if case .document(let isDeleted) = patch.action { isDeleted } else { nil }
      }
      #expect(isDeleted == (from.isDeleted == to.isDeleted ? [] : [to.isDeleted]))
    }
  }

  @Test("where only texts were written since, a version is that of a replay", arguments: 0..<12)
  func onlyWriting(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var replicas = (0..<3).map { DocumentReplica($0) }
    let paths: [DocumentPath] = [["note", "body"], ["note", "title"]]
    try replicas[0].edit { editor in
      try editor.set(["note"], to: ["tags": ["sea", "tide"]])
      for path in paths { try editor.make(path, .text) }
      try editor.increment(["seen"], by: 2)
      if seed % 3 == 0 { try editor.deleteDocument() }
    }
    try replicas[1].receive(replicas[0].log)
    try replicas[2].receive(replicas[0].log)
    var versions = [replicas[0].vector]
    for _ in 0..<60 {
      let who = Int.random(in: replicas.indices, using: &random)
      if Int.random(in: 0..<4, using: &random) == 0 {
        let other = replicas[Int.random(in: replicas.indices, using: &random)]
        try replicas[who].receive(replicas[who].missing(from: other))
      } else {
        let path = paths[Int.random(in: paths.indices, using: &random)]
        let length = try replicas[who].document.count(at: path)
        let at = Int.random(in: 0...length, using: &random)
        let deleted = Int.random(in: 0...min(2, length - at), using: &random)
        let inserted = RandomEditing.texts.randomElement(using: &random) ?? ""
        try replicas[who].edit { try $0.splice(path, at: at, delete: deleted, insert: inserted) }
      }
      versions.append(replicas[who].vector)
    }
    for other in replicas[1...] {
      try replicas[0].receive(replicas[0].missing(from: other))
    }
    let document = replicas[0].document
    let history = try replicas[0].history()
    for version in versions {
      let quick = try document.document(at: version, of: history)
      let replayed = try Document.replaying(documentID, history.edits(), at: version)
      #expect(quick.canonicalJSON() == replayed.canonicalJSON(), "seed \(seed)")
      #expect(quick.isDeleted == replayed.isDeleted)
    }
  }

  @Test("a container that is there in both is told of by what changed in it")
  func nested() throws {
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      try editor.set(["note"], to: ["tags": ["sea", "tide", "moon"], "done": false])
      try editor.make(["note", "body"], .text)
      try editor.splice(["note", "body"], at: 0, delete: 0, insert: "High water")
      try editor.increment(["seen"], by: 2)
      try editor.set(["old"], to: 1)
    }
    let before = replica.vector
    try replica.edit { editor in
      try editor.splice(["note", "body"], at: 4, delete: 1, insert: " and low ")
      try editor.move(["note", "tags"], from: 2, to: 0)
      try editor.splice(["note", "tags"], at: 3, delete: 0, insert: [["a": 1]])
      try editor.increment(["seen"], by: 3)
      try editor.delete(["old"])
      try editor.set(["note", "done"], to: true)
      try editor.make(["new"], .counter)
    }
    let patches = try replica.document.patches(
      from: before, to: replica.vector, in: replica.history())
    let author = ChangeID(origin: replica.origin, sequence: 2)
    #expect(
      patches == [
        DocumentPatch(["new"], .set(.container(.counter))),
        DocumentPatch(
          ["note", "body"],
          .text(TextPatch(position: 4, removed: 1, inserted: " and low ", author: author))),
        DocumentPatch(["note", "done"], .set(.value(.bool(true)))),
        DocumentPatch(["note", "tags"], .moved(from: 2, to: 0)),
        DocumentPatch(
          ["note", "tags"], .elements(at: 3, removed: 0, inserted: [.container(.map)])),
        DocumentPatch(["note", "tags", 3, "a"], .set(.value(.integer(1)))),
        DocumentPatch(["old"], .removed),
        DocumentPatch(["seen"], .counted(from: 2, to: 5)),
      ])
  }

  @Test("marks of a text and nodes of a tree are told of one by one")
  func marksAndNodes() throws {
    var (replica, _) = try apartWithTree()
    try replica.edit { editor in
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: "High water")
      try editor.mark(["t"], 0..<4, name: "bold", value: .bool(true))
    }
    let before = replica.vector
    let author = ChangeID(origin: replica.origin, sequence: 3)
    try replica.edit { editor in
      try editor.move("c", to: "d")
      try editor.remove("a")
      try editor.node("e", in: "d")
      try editor.set(["tree", 0, "name"], to: "D")
      try editor.splice(["t"], at: 4, delete: 0, insert: "est")
      try editor.mark(["t"], 8..<13, name: "link", value: .string("a"), expand: .none)
      try editor.unmark(["t"], 0..<1, name: "bold")
    }
    let patches = try replica.document.patches(
      from: before, to: replica.vector, in: replica.history())
    let made = EventID(change: author, index: 2)
    #expect(
      patches == [
        DocumentPatch(
          ["t"], .text(TextPatch(position: 4, removed: 0, inserted: "est", author: author))),
        DocumentPatch(["t"], .unmarked(0..<1, name: "bold")),
        DocumentPatch(["t"], .marked(4..<7, TextMark(name: "bold", value: .bool(true)), .after)),
        DocumentPatch(["t"], .marked(8..<13, TextMark(name: "link", value: .string("a")), .none)),
        DocumentPatch(["tree", 0], .nodeMoved(from: 1, to: ["tree", 1], at: 0)),
        DocumentPatch(["tree", 1], .nodeMade(at: 1, id: made.description)),
        DocumentPatch(["tree"], .nodeRemoved(at: 0)),
        DocumentPatch(["tree", 0, "value", "name"], .set(.value(.string("D")))),
        DocumentPatch(["tree", 0, 1, "value", "name"], .set(.value(.string("e")))),
      ])
  }

  @Test("no patch where nothing differs, and the whole document from nothing")
  func edges() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.set(["a"], to: [1]) }
    let history = try replica.history()
    #expect(
      try replica.document.patches(from: replica.vector, to: replica.vector, in: history).isEmpty)
    #expect(
      try replica.document.patches(from: VersionVector(), to: replica.vector, in: history) == [
        DocumentPatch(["a"], .set(.container(.list))),
        DocumentPatch(["a"], .elements(at: 0, removed: 0, inserted: [.value(.integer(1))])),
      ])
    #expect(
      try replica.document.patches(from: replica.vector, to: VersionVector(), in: history) == [
        DocumentPatch(["a"], .removed)
      ])
  }
}
