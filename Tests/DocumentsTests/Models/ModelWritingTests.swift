import Causality
import JSONCoding
import Testing

@testable import Documents

@Suite("Writing a model makes the fewest operations")
struct ModelWritingTests {
  /// The operations that a change of the model makes.
  private func operations<Model: Codable>(
    _ replica: inout DocumentReplica, changing model: Model.Type = Model.self,
    _ change: (inout Model) -> Void
  ) throws -> [Operation.Action] {
    let edit = try replica.edit { try $0.update(as: Model.self, change) }
    return edit?.edit.operations.map(\.action) ?? []
  }

  private func described(_ action: Operation.Action) -> String {
    switch action {
    case .set(let key, _, _): "set \(key)"
    case .make(let key, _, let isAnew, _): "make \(key)\(isAnew ? " anew" : "")"
    case .delete(let key, _): "delete \(key)"
    case .setElement: "set element"
    default: "\(action)"
    }
  }

  private func replica(showing model: some Codable) throws -> DocumentReplica {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.write(model) }
    return replica
  }

  private static func beds(_ ids: [Int]) -> Garden {
    Garden(beds: ids.map { Garden.Bed(id: $0, plants: ["p\($0)"]) })
  }

  @Test("one field that is set is one operation")
  func oneField() throws {
    var replica = try replica(showing: Page(title: "T", body: "text", likes: 3, time: .epoch))
    let made = try operations(&replica, changing: Page.self) { $0.title = "U" }
    #expect(made.map(described) == ["set title"])
  }

  @Test("a word typed into a text is one insertion")
  func typing() throws {
    var replica = try replica(showing: Page(body: "low tide at noon"))
    let made = try operations(&replica, changing: Page.self) { $0.body = "low 🌊 tide at noon" }
    #expect(made == [.insertText(at: 4, "🌊 ")])
    let erased = try operations(&replica, changing: Page.self) { $0.body = "low 🌊 tide" }
    #expect(erased == [.remove(at: 10, count: 8)])
  }

  @Test("a counter gets the difference")
  func counting() throws {
    var replica = try replica(showing: Page(likes: 40))
    #expect(try operations(&replica, changing: Page.self) { $0.likes += 2 } == [.increment(by: 2)])
    #expect(try operations(&replica, changing: Page.self) { $0.likes = 0 } == [.increment(by: -42)])
  }

  @Test("a nil deletes the key, and a member of a dictionary goes with one deletion")
  func deleting() throws {
    var replica = try replica(showing: Garden.full)
    let owner = try operations(&replica, changing: Garden.self) { $0.owner = nil }
    #expect(owner.map(described) == ["delete owner"])
    let name = try operations(&replica, changing: Garden.self) { $0.names = [:] }
    #expect(name.map(described) == ["delete a"])
    let signs = try operations(&replica, changing: Garden.self) {
      $0.signs.remove("dry")
      $0.signs.insert("wet")
    }
    #expect(signs.map(described) == ["set wet", "delete dry"])
  }

  @Test("an element that comes is one insertion, with one more for each field")
  func insertingElement() throws {
    var replica = try replica(showing: Self.beds([1, 3]))
    let made = try operations(&replica, changing: Garden.self) {
      $0.beds.insert(Garden.Bed(id: 2), at: 1)
    }
    #expect(made.first == .insertElements(at: 1, [.container(.map)]))
    #expect(made.count == 3)
    #expect(try replica.document.model(Garden.self).beds.map(\.id) == [1, 2, 3])
  }

  @Test("elements that go are one removal for each stretch of them")
  func removingElements() throws {
    var replica = try replica(showing: Self.beds([1, 2, 3, 4, 5, 6]))
    let made = try operations(&replica, changing: Garden.self) {
      $0.beds.removeAll { [2, 3, 6].contains($0.id) }
    }
    #expect(made == [.remove(at: 5, count: 1), .remove(at: 1, count: 2)])
  }

  @Test("an element that is moved is moved, and keeps what it is when it was edited, too")
  func movingElements() throws {
    var replica = try replica(showing: Self.beds([1, 2, 3, 4]))
    let made = try operations(&replica, changing: Garden.self) {
      $0.beds.insert($0.beds.remove(at: 3), at: 0)
      $0.beds[0].plants.append("moss")
    }
    #expect(made.count == 3)
    #expect(made.contains(.insertElements(at: 1, [.value(.string("moss"))])))
    #expect(
      made.contains { action in
        if case .insertElements(0, let elements) = action, case .moved = elements[0] {
          true
        } else {
          false
        }
      })
    #expect(made.last == .remove(at: 4, count: 1))
    let beds = try replica.document.model(Garden.self).beds
    #expect(beds.map(\.id) == [4, 1, 2, 3])
    #expect(beds[0].plants == ["p4", "moss"])
  }

  @Test("an element that is edited is edited where it is")
  func editingElement() throws {
    var replica = try replica(showing: Garden.full)
    let made = try operations(&replica, changing: Garden.self) { $0.beds[0].plants[1] = "beans" }
    #expect(made.map(described) == ["set element"])
    let named = try operations(&replica, changing: Garden.self) { $0.names["a"]?.id = 9 }
    #expect(named.map(described) == ["set id"])
  }

  @Test("another case of an enum takes the place of the one before; the same case is edited")
  func enums() throws {
    var replica = try replica(showing: Garden(shape: .rectangle(width: 2, height: 3)))
    let same = try operations(&replica, changing: Garden.self) {
      $0.shape = .rectangle(width: 2, height: 4)
    }
    #expect(same.map(described) == ["set height"])
    let other = try operations(&replica, changing: Garden.self) { $0.shape = .circle(radius: 1) }
    #expect(other.map(described) == ["make shape anew", "make circle", "set radius"])
    #expect(try replica.document.model(Garden.self).shape == .circle(radius: 1))
    // Also without saying what was there.
    try replica.edit { try $0.write(Garden(shape: .square)) }
    #expect(try replica.document.model(Garden.self) == Garden(shape: .square))
  }

  @Test("what the type does not know stays, at every depth")
  func unknownFields() throws {
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      try editor.set(
        ["beds"],
        to: [["id": 1, "plants": [], "soil": "clay"], ["id": 2, "plants": [], "soil": "sand"]])
      try editor.set(["names"], to: ["a": ["id": 3, "plants": [], "soil": ["ph": 7]]])
      try editor.set(["signs"], to: [:])
      try editor.set(["shape"], to: ["square": ["angle": 12]])
      try editor.set(["weather"], to: ["rain": true])
    }
    let made = try operations(&replica, changing: Garden.self) {
      $0.owner = "Ada"
      $0.beds.swapAt(0, 1)
      $0.beds[0].plants = ["kale"]
      $0.beds.append(Garden.Bed(id: 4))
      $0.names["a"]?.id = 5
    }
    #expect(made.count == 8)
    let other = Garden(
      owner: "Ben", beds: [Garden.Bed(id: 2, plants: ["kale"]), Garden.Bed(id: 1)],
      names: ["a": Garden.Bed(id: 5)], shape: .square)
    try replica.edit { try $0.write(other) }
    #expect(
      replica.json
        == #"{"beds":[{"id":2,"plants":["kale"],"soil":"sand"},"#
        + #"{"id":1,"plants":[],"soil":"clay"}],"#
        + #""names":{"a":{"id":5,"plants":[],"soil":{"ph":7}}},"owner":"Ben","#
        + #""shape":{"square":{"angle":12}},"signs":{},"weather":{"rain":true}}"#)
  }

  @Test("a document keeps its texts and counters, whatever the type takes them for")
  func kindsStay() throws {
    struct Plain: Codable {
      var title: String
      var body: String
      var likes: Int
    }
    var replica = try replica(showing: Page(title: "T", body: "one two", likes: 1))
    let made = try operations(&replica, changing: Plain.self) {
      $0.body = "one more two"
      $0.likes = 5
    }
    #expect(made == [.insertText(at: 4, "more "), .increment(by: 4)])
  }

  @Test("a string that the type takes for a text becomes one when it is changed, and not before")
  func stringBecomesText() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.apply(json: ["title": "T", "body": "one", "likes": 2]) }
    let made = try operations(&replica, changing: Page.self) { $0.title = "U" }
    #expect(made.count == 1)
    try replica.edit { try $0.update(as: Page.self) { $0.body += " two" } }
    try replica.edit { try $0.update(as: Page.self) { $0.likes += 1 } }
    #expect(try replica.document.kind(at: ["body"]) == .text)
    #expect(try replica.document.kind(at: ["likes"]) == .counter)
    #expect(replica.json == #"{"body":"one two","likes":3,"title":"U"}"#)
  }

  @Test("a set of anything but strings is a list whose order nobody minds")
  func sets() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.set(["s"], to: [3, 1, 2]) }
    let nothing = try replica.edit { try $0.write(Set([1, 2, 3]), at: ["s"]) }
    #expect(nothing == nil)
    let made = try replica.edit { editor in
      try editor.update(as: Set<Int>.self, at: ["s"]) {
        $0.remove(1)
        $0.insert(9)
      }
    }
    #expect(made?.edit.operations.count == 2)
    #expect(try replica.document.model(Set<Int>.self, at: ["s"]) == [2, 3, 9])
  }
}

extension Editor {
  func apply(json: JSONValue) throws {
    for member in json.objectValue?.members ?? [] { try set([.key(member.key)], to: member.value) }
  }
}
