import Causality
import JSONCoding
import Testing

@testable import Documents

@Suite("What cannot be read or written as a model is an error that says where")
struct ModelErrorTests {
  private func document(_ json: JSONValue) throws -> DocumentReplica {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.apply(json: json) }
    return replica
  }

  private func expectUnreadable<Model: Decodable>(
    _ type: Model.Type, _ code: ModelError.Code, at path: DocumentPath, saying words: String,
    in json: JSONValue, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let replica = try document(json)
    let error = #expect(throws: ModelError.self, sourceLocation: sourceLocation) {
      try replica.document.model(type)
    }
    #expect(error == ModelError(code, at: path, ""), sourceLocation: sourceLocation)
    #expect(
      error?.description.contains(words) == true, "\(error?.description ?? "")",
      sourceLocation: sourceLocation)
  }

  @Test("the field that is missing, null, of another kind or too large is named")
  func fields() throws {
    try expectUnreadable(
      Numbers.self, .missing, at: ["int"], saying: "nothing, and Int is wanted", in: [:])
    try expectUnreadable(
      [String: Int].self, .missing, at: ["a"], saying: "it is null, and Int", in: ["a": .null])
    try expectUnreadable(
      [String: Int].self, .wrongType, at: ["a"], saying: "a string, and Int", in: ["a": "1"])
    try expectUnreadable(
      [String: [Bool]].self, .wrongType, at: ["a", 1], saying: "a whole number, and Bool",
      in: ["a": [true, 1]])
    try expectUnreadable(
      [String: Garden.Bed].self, .wrongType, at: ["a"], saying: "a list, and a map",
      in: ["a": [1]])
    try expectUnreadable(
      [String: [Int]].self, .missing, at: ["a"], saying: "null, and a list", in: ["a": .null])
    try expectUnreadable(
      Page.self, .wrongType, at: ["body"], saying: "a map, and String",
      in: ["title": "", "body": [:]])
    try expectUnreadable(
      [String: Timestamp].self, .wrongType, at: ["a"], saying: "a string", in: ["a": "soon"])
    try expectUnreadable(
      [String: [UInt8]].self, .outOfRange, at: ["a", 1], saying: "256 does not fit into UInt8",
      in: ["a": [1, 256]])
  }

  @Test("numbers that do not fit, in either direction, are refused")
  func largeNumbers() throws {
    for (json, fits) in [
      ("-1", false), ("0", true), ("255", true), ("256", false), ("1.0", true), ("1.5", false),
      ("1e300", false), ("9223372036854775807", false), ("-0.0", true),
    ] {
      let value = try JSONValue(parsing: json)
      let replica = try document(["n": value])
      if fits {
        _ = try replica.document.model([String: UInt8].self)
      } else {
        #expect(throws: ModelError(.outOfRange, at: ["n"], ""), "\(json)") {
          try replica.document.model([String: UInt8].self)
        }
      }
    }
    var replica = try document(["n": .double(1e300)])
    #expect(throws: ModelError(.outOfRange, at: ["n"], "")) {
      try replica.document.model([String: Float].self)
    }
    for refused in [UInt64(Int64.max) + 1, .max] {
      try replica.edit { editor in
        #expect(throws: ModelError(.outOfRange, at: ["n"], "")) {
          try editor.write(["n": refused])
        }
      }
    }
    try replica.edit { editor in
      #expect(throws: ModelError(.outOfRange, at: ["x", 1], "")) {
        try editor.write(["n": [2.0], "x": [1, .infinity]])
      }
      #expect(throws: ModelError(.outOfRange, at: ["n"], "")) { try editor.write(["n": Float.nan]) }
    }
    #expect(replica.json == #"{"n":1e+300}"#, "what was refused has changed nothing")
  }

  @Test("a case that the enum does not have")
  func unknownCases() throws {
    try expectUnreadable(
      [Colour].self, .wrongType, at: [], saying: "a map, and a list", in: ["a": "red"])
    try expectUnreadable(
      [String: Colour].self, .invalid, at: ["a"], saying: "purple", in: ["a": "purple"])
    try expectUnreadable(
      [String: Garden.Shape].self, .wrongType, at: ["a"], saying: "Invalid number of keys",
      in: ["a": ["triangle": ["a": 1]]])
  }

  @Test("a counter that cannot reach the number at once")
  func counterOverflow() throws {
    var replica = DocumentReplica(0)
    try replica.edit { try $0.write(Page(likes: .max)) }
    try replica.edit { editor in
      #expect(throws: EditError(.invalidValue, "")) {
        try editor.update(as: Page.self) {
          $0.title = "never"
          $0.likes = -2
        }
      }
    }
    try replica.edit { try $0.increment(["likes"], by: 5) }
    let page = try replica.document.model(Page.self)
    #expect(page.likes == .max, "it stops at the end of 64 bits")
    #expect(page.title == "")
  }

  private struct Nested: Codable {
    var inner: [Nested]
  }

  /// Is one level deep for ever.
  private final class Endless: Codable {
    var next: Endless?
  }

  @Test("nesting has a limit, in models and in documents that no editor made")
  func depth() throws {
    var replica = DocumentReplica(0)
    func nested(_ depth: Int) -> Nested {
      (0..<depth).reduce(Nested(inner: [])) { inner, _ in Nested(inner: [inner]) }
    }
    // Two containers for each level, and one more for the last.
    try replica.edit { try $0.write(nested(31), at: ["ok"]) }
    #expect(try replica.document.model(Nested.self, at: ["ok"]).inner.count == 1)
    try replica.edit { editor in
      let error = #expect(throws: ModelError.self) {
        try editor.write(nested(32), at: ["deep"])
      }
      #expect(error?.code == .limitExceeded)
      let endless = Endless()
      endless.next = endless
      #expect(throws: ModelError.self) { try editor.write(endless, at: ["endless"]) }
    }
    #expect(try replica.document.json().objectValue?.members.count == 1)

    // An author who minds no limit: each map is an element of a list in the one before.
    let change = ChangeID(origin: testOrigin(5), sequence: 1)
    var operations = [Operation(.root, .make("inner", .list, isAnew: false, replaces: []))]
    var list = ContainerID.child(parent: .root, key: "inner", kind: .list, generation: nil)
    for _ in 0..<500 {
      let element = EventID(change: change, index: UInt32(operations.count))
      operations.append(Operation(list, .insertElements(at: 0, [.container(.map)])))
      let map = ContainerID.element(element, .map)
      operations.append(Operation(map, .make("inner", .list, isAnew: false, replaces: [])))
      list = .child(parent: map, key: "inner", kind: .list, generation: nil)
    }
    var other = DocumentReplica(1)
    try other.receive([
      IncomingEdit(
        change: change, lamport: 1, time: .epoch,
        edit: DocumentEdit(document: documentID, parents: [], operations: operations))
    ])
    let error = #expect(throws: ModelError.self) { try other.document.model(Nested.self) }
    #expect(error?.code == .limitExceeded)
    try other.edit { try $0.write(nested(1)) }
    #expect(try other.document.model(Nested.self).inner.count == 1)
  }

  @Test("a key that is too long, at any depth")
  func longKeys() throws {
    var replica = DocumentReplica(0)
    let long = String(repeating: "k", count: Key.byteCountMax + 1)
    try replica.edit { editor in
      #expect(throws: ModelError(.limitExceeded, at: ["a"], "")) {
        try editor.write(["a": [long: 1]])
      }
      #expect(throws: ModelError(.limitExceeded, at: ["set"], "")) {
        try editor.write(Set([long]), at: ["set"])
      }
      try editor.write(["a": [String(long.dropLast()): 1]])
    }
    #expect(try replica.document.json().objectValue?.members.count == 1)
  }

  @Test("a place that is not there, and a document that is no single value")
  func places() throws {
    var replica = try document(["a": 1])
    #expect(throws: EditError(.nothingThere, "")) {
      try replica.document.model(Int.self, at: ["b"])
    }
    try replica.edit { editor in
      #expect(throws: EditError(.nothingThere, "")) { try editor.write(1, at: ["b", "c"]) }
      #expect(throws: EditError(.wrongKind, "")) { try editor.write(1, at: ["a", "c"]) }
      #expect(throws: ModelError(.wrongType, at: [], "")) { try editor.write([1]) }
      #expect(throws: ModelError(.wrongType, at: [], "")) { try editor.write("text") }
    }
    #expect(replica.json == #"{"a":1}"#)
  }

  @Test("a dictionary whose keys are no strings is refused: it would be a list in no order")
  func keysWithoutOrder() throws {
    enum Weekday: String, Codable { case monday, tuesday }
    struct Plan: Codable, Equatable { var hours: [Weekday: Int] }
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      for hours in [[:], [Weekday.monday: 1, .tuesday: 2]] {
        #expect(throws: ModelError(.notSupported, at: ["hours"], "")) {
          try editor.write(Plan(hours: hours))
        }
      }
    }
    #expect(replica.document.isEmpty)
  }

  @Test("collections that nobody has written are empty")
  func emptyCollections() throws {
    struct Page: Codable, Equatable {
      var tags: Set<String>
      var rows: [Int]
      var cells: [String: Int]
    }
    let replica = try document(["title": "old"])
    #expect(try replica.document.model(Page.self) == Page(tags: [], rows: [], cells: [:]))
  }

  @Test("what the body throws is thrown on, and nothing is written")
  func bodyThrows() throws {
    struct Stop: Error {}
    var replica = DocumentReplica(0)
    try replica.edit { try $0.write(Page(title: "T")) }
    let edit = try replica.edit { editor in
      #expect(throws: Stop.self) {
        try editor.update(as: Page.self) { page in
          page.title = "U"
          throw Stop()
        }
      }
    }
    #expect(edit == nil)
  }
}
