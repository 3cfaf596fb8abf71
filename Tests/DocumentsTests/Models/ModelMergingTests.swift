import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Models that several people write")
struct ModelMergingTests {
  @Test("two who change different things of one model have both")
  func apartAndTogether() throws {
    var start = Garden.full
    start.beds.append(Garden.Bed(id: 3, plants: ["mint"]))
    var (left, right) = try apart { try $0.write(start) }
    try left.edit { editor in
      try editor.update(as: Garden.self) {
        $0.owner = "Ben"
        $0.beds[0].plants.append("beans")
        $0.beds.swapAt(1, 2)
        $0.signs.insert("windy")
        $0.names["b"] = Garden.Bed(id: 7)
      }
    }
    try right.edit { editor in
      try editor.update(as: Garden.self) {
        $0.beds[1].plants = ["leek"]
        $0.beds.append(Garden.Bed(id: 4))
        $0.signs.insert("windy")
        $0.signs.remove("dry")
        $0.names["a"]?.plants.insert("lily", at: 0)
        $0.shape = .circle(radius: 3)
      }
    }
    try meet(&left, &right)
    let garden = try left.document.model(Garden.self)
    #expect(garden.owner == "Ben")
    #expect(garden.beds.map(\.id) == [1, 3, 2, 4])
    #expect(garden.beds.map(\.plants) == [["kale", "leek", "beans"], ["mint"], ["leek"], []])
    #expect(garden.signs == ["sunny", "windy"])
    #expect(
      garden.names
        == ["a": Garden.Bed(id: 3, plants: ["lily", "rose"]), "b": Garden.Bed(id: 7)])
    #expect(garden.shape == .circle(radius: 3))
    #expect(try left.conflicts().isEmpty)
  }

  @Test("a plain value that somebody else has set since is a side of a conflict")
  func valueSetMeanwhile() throws {
    var (left, right) = try apart { try $0.write(Page(title: "T", body: "one", likes: 1)) }
    let read = try left.document.model(Page.self)
    try right.edit { try $0.set(["title"], to: "Theirs") }
    try left.receive(left.missing(from: right))
    // Ada saves what she had on her screen, of which she has changed the title.
    var page = read
    page.title = "Mine"
    try left.edit { try $0.write(page, replacing: read) }
    #expect(try left.document.model(Page.self).title == "Mine")
    let conflict = try #require(try left.conflicts().first)
    #expect(conflict.path == ["title"])
    #expect(conflict.base == "T")
    #expect(conflict.sides.map(\.value) == ["Theirs", "Mine"])
    try right.receive(right.missing(from: left))
    #expect(try right.conflicts() == [conflict])
    try right.resolve(conflict, taking: .side(0))
    try meet(&left, &right)
    #expect(try left.conflicts().isEmpty)
    #expect(try left.document.model(Page.self).title == "Theirs")
    // Who has seen what is there writes over it.
    let seen = try left.document.model(Page.self)
    page = seen
    page.title = "Again"
    try left.edit { try $0.write(page, replacing: seen) }
    #expect(try left.conflicts().isEmpty)
  }

  @Test("two who write in one text, and count with one counter")
  func textsAndCounters() throws {
    var (left, right) = try apart { try $0.write(Page(title: "T", body: "one two", likes: 1)) }
    try left.edit { editor in
      try editor.update(as: Page.self) {
        $0.body = "zero one two"
        $0.likes += 2
      }
    }
    try right.edit { editor in
      try editor.update(as: Page.self) {
        $0.body = "one two three"
        $0.likes += 3
      }
    }
    try meet(&left, &right)
    #expect(
      try left.document.model(Page.self)
        == Page(title: "T", body: "zero one two three", likes: 6))
  }

  @Test("two who make the same model at once have one, with what both wrote")
  func madeTwice() throws {
    var (left, right) = try apart { try $0.set(["x"], to: 1) }
    try left.edit { try $0.write(Page(title: "T", body: "left ", likes: 1), at: ["page"]) }
    try right.edit { try $0.write(Page(title: "T", body: "right", likes: 2), at: ["page"]) }
    try meet(&left, &right)
    let page = try left.document.model(Page.self, at: ["page"])
    #expect(page.likes == 3)
    #expect(["left right", "rightleft "].contains(page.body))
    // Both meant the same title.
    #expect(try left.conflicts().isEmpty)
  }

  @Test("of two cases of an enum one stands, as a whole, and the other is a side of a conflict")
  func enums() throws {
    for start in [nil, Garden(shape: .square)] {
      var (left, right) = try apart { editor in
        try editor.set(["x"], to: 1)
        if let start { try editor.write(start) }
      }
      try left.edit { try $0.write(Garden(shape: .circle(radius: 1))) }
      try right.edit { try $0.write(Garden(shape: .rectangle(width: 2, height: 3))) }
      try meet(&left, &right)
      let shape = try left.document.model(Garden.self).shape
      #expect([.circle(radius: 1), .rectangle(width: 2, height: 3)].contains(shape))
      let conflicts = try left.conflicts()
      #expect(conflicts.map(\.path) == [["shape"]])
      #expect(conflicts.first?.sides.count == 2)
    }
  }

  @Test("who gives back what they read earlier changes only what they changed")
  func replacingWhatWasRead() throws {
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      try editor.write(Garden.full)
      try editor.write(Page(title: "T", body: "one two", likes: 1), at: ["page"])
    }
    let base = try replica.document.model(Garden.self)
    let basePage = try replica.document.model(Page.self, at: ["page"])
    // Meanwhile somebody else does a lot.
    try replica.edit { editor in
      try editor.update(as: Garden.self) {
        $0.owner = "Ben"
        $0.beds.insert(Garden.Bed(id: 9, plants: ["rice"]), at: 0)
        $0.beds.append(Garden.Bed(id: 10))
        $0.beds.removeAll { $0.id == 2 }
        $0.names["c"] = Garden.Bed(id: 5)
        $0.signs.insert("big")
      }
      try editor.update(as: Page.self, at: ["page"]) {
        $0.body = "one two three"
        $0.likes = 10
        $0.title = "Theirs"
      }
    }
    var mine = base
    mine.beds[0].plants.append("fern")
    mine.beds.append(Garden.Bed(id: 4))
    mine.names["a"] = nil
    mine.signs.remove("dry")
    var page = basePage
    page.body = "zero one two"
    page.likes = 3
    page.time = .epoch
    let made = try replica.edit { editor in
      try editor.write(mine, replacing: base)
      try editor.write(page, replacing: basePage, at: ["page"])
    }
    // fern; a bed with an id and plants; a name less, a sign less; and four things of the page.
    #expect(made?.edit.operations.count == 9)
    let garden = try replica.document.model(Garden.self)
    #expect(garden.owner == "Ben")
    #expect(garden.beds.map(\.id) == [9, 1, 4, 10])
    #expect(garden.beds[1].plants == ["kale", "leek", "fern"])
    #expect(garden.names == ["c": Garden.Bed(id: 5)])
    #expect(garden.signs == ["sunny", "big"])
    #expect(
      try replica.document.model(Page.self, at: ["page"])
        == Page(title: "Theirs", body: "zero one two three", likes: 12, time: .epoch))
    // Once more, with nothing new.
    #expect(try replica.edit { try $0.write(mine, replacing: mine) } == nil)
  }

  @Test("an element that somebody took away comes back when the writer has edited it")
  func editedAndRemoved() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.write(Garden.full) }
    let base = try replica.document.model(Garden.self)
    try replica.edit { try $0.update(as: Garden.self) { $0.beds = [] } }
    var mine = base
    mine.owner = "Ben"
    mine.beds[1].plants = ["mint"]
    try replica.edit { try $0.write(mine, replacing: base) }
    let garden = try replica.document.model(Garden.self)
    #expect(garden.beds == [Garden.Bed(id: 2, plants: ["mint"])])
    #expect(garden.owner == "Ben")
  }

  // MARK: Random

  private static func change(_ garden: inout Garden, _ random: inout SeededGenerator) {
    func word() -> String {
      ["kale", "leek", "🌱", "é", "e\u{301}", ""].randomElement(using: &random) ?? ""
    }
    func bed() -> Garden.Bed {
      Garden.Bed(
        id: Int.random(in: 0...20, using: &random),
        plants: (0..<Int.random(in: 0...3, using: &random)).map { _ in word() })
    }
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = garden.beds.indices.randomElement(using: &random)
      switch (Int.random(in: 0..<9, using: &random), place) {
      case (0, _): garden.owner = Bool.random(using: &random) ? word() : nil
      case (1, let place?): garden.beds.remove(at: place)
      case (2, let place?):
        let element = garden.beds.remove(at: place)
        garden.beds.insert(element, at: Int.random(in: 0...garden.beds.count, using: &random))
      case (3, let place?): garden.beds[place].plants.append(word())
      case (4, let place?): garden.beds[place].plants = [word()]
      case (5, _): garden.names[word()] = Bool.random(using: &random) ? bed() : nil
      case (6, _): garden.signs = [word(), word()]
      case (7, _):
        garden.shape =
          [.square, .circle(radius: 1), .circle(radius: 2), .rectangle(width: 1, height: 1)]
          .randomElement(using: &random) ?? .square
      default:
        garden.beds.insert(bed(), at: Int.random(in: 0...garden.beds.count, using: &random))
      }
    }
  }

  @Test("after a write the document shows the model, whatever it showed", arguments: 0..<60)
  func writesAreSeen(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var replica = DocumentReplica(0)
    var garden = Garden()
    try replica.edit { try $0.write(garden) }
    for step in 0..<20 {
      if Bool.random(using: &random) { Self.change(&garden, &random) }
      try replica.edit { editor in
        if step.isMultiple(of: 2) {
          try editor.write(garden)
        } else {
          try editor.update(as: Garden.self) { $0 = garden }
        }
      }
      let shown = try replica.document.model(Garden.self)
      #expect(Garden.isSame(shown, garden), "seed \(seed), step \(step)")
      #expect(try replica.edit { try $0.write(garden) } == nil, "seed \(seed), step \(step)")
    }
  }

  /// Anything, often under the names that models use.
  private static func junk(_ random: inout SeededGenerator, depth: Int = 0) -> JSONValue {
    switch Int.random(in: depth < 4 ? 0..<9 : 0..<6, using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .integer(.random(in: -3...300, using: &random))
    case 3: return .double([0.5, -1e300, 3].randomElement(using: &random) ?? 0)
    case 4, 5:
      return .string(["", "kale", "2026-11-22T18:55:00Z"].randomElement(using: &random) ?? "")
    case 6:
      return .array(
        (0..<Int.random(in: 0...3, using: &random)).map { _ in junk(&random, depth: depth + 1) })
    default:
      var object = JSONObject()
      for _ in 0..<Int.random(in: 0...3, using: &random) {
        let key = ["id", "plants", "circle", "square", "radius", "a"].randomElement(using: &random)
        object[key ?? ""] = junk(&random, depth: depth + 1)
      }
      return .object(object)
    }
  }

  @Test(
    "whatever a document holds reads as a model or is an error, and a model can be written over it",
    arguments: 0..<200)
  func junkIsNoTrap(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      try editor.set(["unknown"], to: Self.junk(&random))
      for key in ["owner", "beds", "names", "signs", "shape", "title", "body", "likes", "time"] {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: break
        case 1: try editor.make([.key(key)], .text)
        case 2: try editor.increment([.key(key)], by: 7)
        default: try editor.set([.key(key)], to: Self.junk(&random))
        }
      }
    }
    func read<Model: Decodable>(_ type: Model.Type) throws {
      do { _ = try replica.document.model(type) } catch is ModelError {}
    }
    try read(Garden.self)
    try read(Page.self)
    try read([String: [Garden.Bed]].self)
    try read([String: Stamped].self)
    let unknown = try replica.document.json(at: ["unknown"])
    let page = Page(title: "T", body: "text 🌊", likes: -3, time: .epoch)
    try replica.edit { editor in
      try editor.write(Garden.full)
      try editor.write(page)
    }
    #expect(try replica.document.model(Garden.self) == Garden.full, "seed \(seed)")
    #expect(try replica.document.model(Page.self) == page, "seed \(seed)")
    #expect(try replica.document.json(at: ["unknown"]) == unknown, "seed \(seed)")
    let again = try replica.edit { editor in
      try editor.write(Garden.full)
      try editor.write(page)
    }
    #expect(again == nil, "seed \(seed)")
  }

  @Test("three who write at once always hold the same, and it is a model", arguments: 0..<40)
  func convergence(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var replicas = (0..<3).map { DocumentReplica($0) }
    try replicas[0].edit { try $0.write(Garden.full) }
    for index in 1..<3 { try replicas[index].receive(replicas[0].log) }
    for _ in 0..<6 {
      for index in replicas.indices where Int.random(in: 0..<4, using: &random) > 0 {
        try replicas[index].edit { editor in
          try editor.update(as: Garden.self) { Self.change(&$0, &random) }
        }
      }
      let (from, to) = [(0, 1), (1, 2), (2, 0)].randomElement(using: &random) ?? (0, 1)
      try replicas[to].receive(replicas[to].missing(from: replicas[from]))
    }
    for _ in 0..<2 {
      for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        try replicas[to].receive(replicas[to].missing(from: replicas[from]))
      }
    }
    let garden = try replicas[0].document.model(Garden.self)
    for replica in replicas {
      #expect(replica.canonical == replicas[0].canonical, "seed \(seed)")
      #expect(try replica.document.model(Garden.self) == garden, "seed \(seed)")
    }
  }
}

extension Garden {
  /// To the last scalar.
  fileprivate static func isSame(_ left: Garden, _ right: Garden) -> Bool {
    func bytes(_ beds: [Bed]) -> [[[UInt8]]] { beds.map { $0.plants.map { Array($0.utf8) } } }
    return left == right && bytes(left.beds) == bytes(right.beds)
      && left.owner.map { Array($0.utf8) } == right.owner.map { Array($0.utf8) }
  }
}
