import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("A document brought back to a version")
struct RestoringTests {
  @Test("it reads as it did then, and what others do meanwhile merges", arguments: 0..<24)
  func anyVersion(seed: UInt64) throws {
    var replicas = try Moments(people: 3, steps: 50, seed: seed, isRich: seed >= 12)
    var random = SeededGenerator(seed: seed &+ 7)
    for other in 1..<3 {
      let missing = replicas.replicas[other].missing(from: replicas.replicas[0])
      try replicas.replicas[other].receive(missing)
    }
    for _ in 0..<6 {
      let moment = try #require(replicas.moments.randomElement(using: &random))
      var one = replicas.replicas[0]
      let history = try one.history()
      one.document = one.document.copy()
      try one.edit { try $0.restore(to: moment.version, in: history) }
      #expect(RichReading(one.document) == moment.reading, "seed \(seed)")
      #expect(one.document.isDeleted == moment.isDeleted, "seed \(seed)")
      // Nothing is to be done where nothing differs.
      let again = try one.history()
      let version = one.vector
      let edit = try one.edit { try $0.restore(to: moment.version, in: again) }
      #expect(edit == nil, "seed \(seed)")
      #expect(one.vector == version)
      // The same by others, who have done something meanwhile.
      var other = replicas.replicas[1]
      other.document = other.document.copy()
      for _ in 0..<3 { try other.editAtRandom(&random) }
      var third = replicas.replicas[2]
      third.document = third.document.copy()
      try third.receive(third.missing(from: one))
      #expect(third.canonical == one.canonical, "seed \(seed)")
      #expect(third.document.encodeState() == one.document.encodeState(), "seed \(seed)")
      try meet(&one, &other)
      try third.receive(third.missing(from: other))
      #expect(third.document.encodeState() == one.document.encodeState(), "seed \(seed)")
    }
  }

  @Test("the fewest operations, and what is still there keeps its name")
  func fewest() throws {
    var (ada, ben) = try apart { editor in
      try editor.set(["note"], to: ["tags": ["sea", "tide", "moon"], "done": false])
      try editor.make(["note", "body"], .text)
      try editor.splice(["note", "body"], at: 0, delete: 0, insert: "High water at noon")
    }
    let version = ada.vector
    try ada.edit { editor in
      try editor.splice(["note", "body"], at: 5, delete: 5, insert: "tide")
      try editor.splice(["note", "tags"], at: 1, delete: 1, insert: [JSONValue]())
    }
    try ada.edit { try $0.delete(["note"]) }
    try ben.receive(ben.missing(from: ada))
    // Ben writes in the text that Ada brings back.
    let history = try ada.history()
    let edit = try #require(try ada.edit { try $0.restore(to: version, in: history) })
    #expect(
      ada.json
        == #"{"note":{"body":"High water at noon","done":false,"tags":["sea","tide","moon"]}}"#)
    let actions = edit.edit.operations.map(\.action)
    #expect(actions.count == 4)
    #expect(actions.first == .make("note", .map, isAnew: false, replaces: []))
    guard case .insertElements(at: 1, let elements)? = actions.last, case .moved? = elements.first
    else {
      Issue.record("the element comes back under its name: \(actions)")
      return
    }
    try ben.receive([edit])
    #expect(ben.json == ada.json)
  }

  @Test("nodes of a tree are put back, what was not there goes, what stands is not touched")
  func trees() throws {
    var (ada, ben) = try apartWithTree()
    let version = ada.vector
    try ada.edit { editor in
      try editor.move("c", to: "d")
      try editor.remove("a")
      try editor.node("e", in: "d")
      try editor.set(["tree", 0, "name"], to: "D")
    }
    try ben.receive(ben.missing(from: ada))
    let history = try ada.history()
    let edit = try #require(try ada.edit { try $0.restore(to: version, in: history) })
    #expect(try ada.document.outline() == "a(b c) d")
    // Two moves, a removal and a name.
    #expect(edit.edit.operations.count == 4)
    // What somebody puts under a node that comes back is there.
    try ben.edit { try $0.node("f", in: "c") }
    try meet(&ada, &ben)
    #expect(try ada.document.outline() == "a(b c(f)) d")
  }

  @Test("a text has the marks again that it had")
  func marks() throws {
    var (ada, _) = try apart(text: "High water")
    try ada.mark(0..<4, "bold")
    try ada.mark(5..<10, "link", .string("a"), expand: .none)
    let (version, marked) = (ada.vector, ada.marked)
    try ada.delete(2..<7)
    try ada.unmark(0..<2, "bold")
    try ada.mark(0..<5, "link", .string("b"))
    let history = try ada.history()
    try ada.edit { try $0.restore(to: version, in: history) }
    #expect(ada.marked == marked)
  }

  @Test("two who restore the same list at once have everything in it once")
  func twice() throws {
    var (ada, ben) = try apart { try $0.set(["list"], to: ["a", "b", ["c"]]) }
    let version = ada.vector
    try ada.edit { try $0.splice(["list"], at: 0, delete: 3, insert: [JSONValue]()) }
    try ben.receive(ben.missing(from: ada))
    let (adas, bens) = (try ada.history(), try ben.history())
    try ada.edit { try $0.restore(to: version, in: adas) }
    try ben.edit { try $0.restore(to: version, in: bens) }
    try meet(&ada, &ben)
    #expect(ada.json == #"{"list":["a","b",["c"]]}"#)
  }

  @Test("a deleted document comes back, and goes again")
  func deleted() throws {
    var ada = DocumentReplica(0)
    try ada.edit { try $0.set(["a"], to: 1) }
    let before = ada.vector
    try ada.edit { try $0.deleteDocument() }
    let after = ada.vector
    var history = try ada.history()
    try ada.edit { try $0.restore(to: before, in: history) }
    #expect(!ada.document.isDeleted)
    history = try ada.history()
    try ada.edit { try $0.restore(to: after, in: history) }
    #expect(ada.document.isDeleted)
  }

  @Test("a transaction restores before it edits")
  func order() throws {
    var ada = DocumentReplica(0)
    try ada.edit { try $0.set(["a"], to: 1) }
    let (version, history) = (ada.vector, try ada.history())
    #expect(throws: EditError(.notSupported, "")) {
      try ada.edit { editor in
        try editor.set(["a"], to: 2)
        try editor.restore(to: version, in: history)
      }
    }
  }
}
