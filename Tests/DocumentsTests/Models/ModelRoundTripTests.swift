import Causality
import Foundation
import JSONCoding
import Testing

@testable import Documents

@Suite("Models come back as they were written")
struct ModelRoundTripTests {
  /// Writes a model into an empty document and reads it again, before and after the document was
  /// closed.
  private func roundTrip<Model: Codable & Equatable>(
    _ model: Model, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      try editor.set(["other"], to: 1)
      try editor.make(["models"], .list)
      try editor.splice(["models"], at: 0, delete: 0, insert: ["before"])
      try editor.write(model, at: ["models", 0])
      try editor.write(model, at: ["model"])
    }
    for _ in 0..<2 {
      let read = try replica.document.model(Model.self, at: ["model"])
      #expect(read == model, sourceLocation: sourceLocation)
      let element = try replica.document.model(Model.self, at: ["models", 0])
      #expect(element == model, sourceLocation: sourceLocation)
      try replica.reopen()
    }
    let nothing = try replica.edit { editor in
      try editor.write(model, at: ["model"])
      try editor.update(as: Model.self, at: ["models", 0]) { _ in }
    }
    #expect(nothing == nil, "what is there already is not written", sourceLocation: sourceLocation)
  }

  @Test("numbers, to the ends of what they can be")
  func numbers() throws {
    try roundTrip(Numbers())
    try roundTrip(
      Numbers(
        int: .min, small: -128, byte: 255, large: .max, unsigned: UInt64(Int64.max),
        double: -0.1, float: .greatestFiniteMagnitude))
    try roundTrip([Double.leastNonzeroMagnitude, 0.0, 1e300, 3])
    try roundTrip([Int64.max, .min, 0, 1 << 53 + 1])
  }

  @Test("strings keep every scalar, also those that look alike")
  func strings() throws {
    for text in ["", "plain", "👩‍👩‍👧‍👦 🇳🇴 e\u{301}", "é", "\0\u{10FFFF}", "a/b~c"] {
      try roundTrip(Strings(plain: text, text: CollaborativeText(text), keyed: [text: text]))
    }
    var replica = DocumentReplica(0)
    try replica.edit { try $0.write(Strings(plain: "é", text: "é", keyed: ["é": "1"])) }
    try replica.edit {
      try $0.write(Strings(plain: "e\u{301}", text: "e\u{301}", keyed: ["e\u{301}": "1"]))
    }
    let read = try replica.document.model(Strings.self)
    #expect(Array(read.plain.unicodeScalars) == ["e", "\u{301}"])
    #expect(Array(read.text.wrappedValue.unicodeScalars) == ["e", "\u{301}"])
    #expect(read.keyed.keys.map { Array($0.unicodeScalars).count } == [2])
  }

  @Test("bytes and moments are values with types of their own")
  func bytesAndMoments() throws {
    let moment = try #require(Timestamp(text: "2026-11-22T18:55:00.123Z"))
    try roundTrip(Stamped(time: moment, bytes: [0, 255, 128], times: [moment, .epoch]))
    var replica = DocumentReplica(0)
    try replica.edit { try $0.write(Stamped(time: moment, bytes: [1, 2], times: [])) }
    // What was written as JSON reads as well, and stays as it is.
    try replica.edit { editor in
      try editor.set(["time"], to: "2026-11-22T19:55:00.123+01:00")
      try editor.set(["bytes"], to: "AQI")
    }
    let read = try replica.document.model(Stamped.self)
    #expect(read == Stamped(time: moment, bytes: [1, 2], times: []))
    #expect(try replica.edit { try $0.write(read) } == nil)
    try replica.edit { try $0.set(["bytes"], to: [3, 4]) }
    #expect(try replica.document.model(Stamped.self).bytes == [3, 4])
  }

  @Test("structs in lists in dictionaries, optionals, enums, sets and tuples of nothing")
  func nesting() throws {
    try roundTrip(Garden.full)
    try roundTrip(Garden())
    try roundTrip([[1, 2], [], [3]])
    try roundTrip([1, nil, 3] as [Int?])
    try roundTrip(["a": ["b": ["c": 1]]])
    try roundTrip([5: "five", -1: "minus"])
    try roundTrip([Nothing(), Nothing()])
    try roundTrip(Set(["a", "b", ""]))
    try roundTrip(Set([3, 1, 2]))
    try roundTrip([Colour.red, .blue])
    try roundTrip(Animal(name: "Rex", legs: 4))
  }

  @Test("a class writes what its superclass knows beside its own")
  func inheritance() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.write(Dog(name: "Rex", tricks: ["sit"])) }
    #expect(replica.json == #"{"super":{"name":"Rex"},"tricks":["sit"]}"#)
    let dog = try replica.document.model(Dog.self)
    #expect(dog.name == "Rex")
    #expect(dog.tricks == ["sit"])
  }

  @Test("a text and a counter that nobody has made yet read as empty and 0")
  func startingValues() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.set(["title"], to: "T") }
    let page = try replica.document.model(Page.self)
    #expect(page == Page(title: "T"))
    // Reading makes nothing, and neither does writing what was read.
    #expect(try replica.edit { try $0.update(as: Page.self) { $0.title = "T" } } == nil)
  }

  @Test("nil leaves a key out, null reads as nil, and both stay as they are")
  func nilAndNull() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.write(Garden()) }
    #expect(try replica.document.json().objectValue?["owner"] == nil)
    try replica.edit { try $0.set(["owner"], to: .null) }
    #expect(try replica.document.model(Garden.self).owner == nil)
    #expect(try replica.edit { try $0.write(Garden()) } == nil)
    try replica.edit { try $0.update(as: Garden.self) { $0.owner = "Ada" } }
    #expect(try replica.document.json().objectValue?["owner"] == "Ada")
    try replica.edit { try $0.update(as: Garden.self) { $0.owner = nil } }
    #expect(try replica.document.json().objectValue?["owner"] == nil)
  }

  @Test("the wrappers are plain strings and numbers for any other coder")
  func otherCoders() throws {
    let coder = JSONEncoder()
    coder.outputFormatting = .sortedKeys
    let page = Page(title: "T", body: "text", likes: 3, time: .epoch)
    let bytes = try coder.encode(page)
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == #"{"body":"text","likes":3,"time":"1970-01-01T00:00:00.000Z","title":"T"}"#)
    #expect(try JSONDecoder().decode(Page.self, from: bytes) == page)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Timestamp.self, from: Data(#""yesterday""#.utf8))
    }
  }

  @Test("what a type makes in a document")
  func layout() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.write(Garden.full) }
    #expect(
      replica.json
        == #"{"beds":[{"id":1,"plants":["kale","leek"]},{"id":2,"plants":[]}],"#
        + #""names":{"a":{"id":3,"plants":["rose"]}},"owner":"Ada","#
        + #""shape":{"circle":{"radius":2}},"signs":{"dry":true,"sunny":true}}"#)
    try replica.edit { try $0.write(Page(title: "T", body: "text", likes: 3), at: ["page"]) }
    #expect(try replica.document.kind(at: ["page", "body"]) == .text)
    #expect(try replica.document.kind(at: ["page", "likes"]) == .counter)
    #expect(try replica.document.kind(at: ["page", "title"]) == nil)
  }
}
