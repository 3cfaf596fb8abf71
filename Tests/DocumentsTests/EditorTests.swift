import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite struct EditorTests {
  private func document(_ json: JSONValue) throws -> DocumentReplica {
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      for member in json.objectValue?.members ?? [] {
        try editor.set([.key(member.key)], to: member.value)
      }
    }
    return replica
  }

  /// The operation is refused with that code, and the document is as it was.
  private func expectRefused(
    _ code: EditError.Code, _ operation: JSONValue,
    in start: JSONValue = ["m": ["k": 1], "l": [1, 2]],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let replica = try document(start)
    let editor = replica.document.beginEdit(
      ChangeID(origin: testOrigin(0), sequence: 2), lamport: 2)
    try editor.make(["t"], .text)
    try editor.splice(["t"], at: 0, delete: 0, insert: "abc")
    let before = replica.document.encodeState()
    #expect(throws: EditError(code, ""), sourceLocation: sourceLocation) {
      try editor.apply(operation: operation)
    }
    #expect(replica.document.encodeState() == before, sourceLocation: sourceLocation)
  }

  @Test func theOperationsOfTheCommandLine() throws {
    var replica = DocumentReplica(0)
    let lines = [
      #"{"op":"set","path":["title"],"value":"Tides"}"#,
      #"{"op":"set","path":["meta"],"value":{"tags":["sea",{"x":null}],"n":1.5,"e":{}}}"#,
      #"{"op":"set","path":["meta","tags",0],"value":"water"}"#,
      #"{"op":"set","path":["meta","tags","1","x"],"value":[[]]}"#,
      #"{"op":"make","path":["body"],"type":"text"}"#,
      #"{"op":"splice","path":["body"],"at":0,"delete":0,"insert":"low tide 🌊"}"#,
      #"{"op":"splice","path":["body"],"at":9,"delete":1,"insert":"!"}"#,
      #"{"op":"splice","path":["body"],"at":0,"insert":"A "}"#,
      #"{"op":"splice","path":["meta","tags"],"at":2,"delete":0,"insert":[1,{"y":2}]}"#,
      #"{"op":"splice","path":["meta","tags"],"at":2,"delete":1}"#,
      #"{"op":"increment","path":["count"],"by":5}"#,
      #"{"op":"increment","path":["count"],"by":-7}"#,
      #"{"op":"make","path":["later"],"type":"list"}"#,
      #"{"op":"set","path":["gone"],"value":1}"#,
      #"{"op":"delete","path":["gone"]}"#,
      #"{"op":"make","path":["meta","tags",0],"type":"counter"}"#,
      #"{"op":"increment","path":["meta","tags",0],"by":3}"#,
      #"{"op":"make","path":["body"],"type":"text"}"#,
    ]
    try replica.edit { editor in
      for line in lines { try editor.apply(operation: JSONValue(parsing: line)) }
    }
    #expect(
      replica.json
        == #"{"body":"A low tide !","count":-2,"later":[],"#
        + #""meta":{"e":{},"n":1.5,"tags":[3,{"x":[[]]},{"y":2}]},"title":"Tides"}"#)
  }

  @Test func operationsThatCannotBeDoneAreRefusedAndChangeNothing() throws {
    try expectRefused(.malformed, 5)
    try expectRefused(.malformed, ["op": "jump", "path": ["m"]])
    try expectRefused(.malformed, ["op": "set", "path": ["m"]])
    try expectRefused(.malformed, ["op": "set", "value": 1])
    try expectRefused(.malformed, ["op": "set", "path": [], "value": 1])
    try expectRefused(.malformed, ["op": "set", "path": [-1], "value": 1])
    try expectRefused(.malformed, ["op": "set", "path": [true], "value": 1])
    try expectRefused(.malformed, ["op": "increment", "path": ["c"], "by": .double(1.5)])
    try expectRefused(.malformed, ["op": "make", "path": ["c"], "type": "set"])
    try expectRefused(.malformed, ["op": "splice", "path": ["t"], "at": 0, "insert": [1]])
    try expectRefused(.malformed, ["op": "splice", "path": ["l"], "at": 0, "insert": "x"])
    try expectRefused(.malformed, ["op": "move", "path": ["l"], "from": 0])
    try expectRefused(.outOfRange, ["op": "move", "path": ["l"], "from": 0, "to": .integer(.max)])
    try expectRefused(.wrongKind, ["op": "move", "path": ["t"], "from": 0, "to": 0])
    try expectRefused(.nothingThere, ["op": "set", "path": ["no", "k"], "value": 1])
    try expectRefused(.nothingThere, ["op": "delete", "path": ["no"]])
    try expectRefused(.nothingThere, ["op": "splice", "path": ["no"], "at": 0, "insert": "x"])
    try expectRefused(.wrongKind, ["op": "set", "path": ["m", "k", "x"], "value": 1])
    try expectRefused(.wrongKind, ["op": "set", "path": ["m", 0], "value": 1])
    try expectRefused(.wrongKind, ["op": "set", "path": ["l", "x"], "value": 1])
    try expectRefused(.wrongKind, ["op": "set", "path": ["t", 0], "value": 1])
    try expectRefused(.wrongKind, ["op": "increment", "path": ["m", "k"], "by": 1])
    try expectRefused(.wrongKind, ["op": "increment", "path": ["m"], "by": 1])
    try expectRefused(.wrongKind, ["op": "splice", "path": ["m"], "at": 0, "insert": "x"])
    try expectRefused(.wrongKind, ["op": "splice", "path": ["m", "k"], "at": 0])
    try expectRefused(.outOfRange, ["op": "set", "path": ["l", 2], "value": 1])
    try expectRefused(.outOfRange, ["op": "delete", "path": ["l", 2]])
    try expectRefused(.outOfRange, ["op": "splice", "path": ["t"], "at": 4, "insert": "x"])
    try expectRefused(.outOfRange, ["op": "splice", "path": ["t"], "at": -1, "insert": "x"])
    try expectRefused(.outOfRange, ["op": "splice", "path": ["t"], "at": 1, "delete": 3])
    try expectRefused(.outOfRange, ["op": "splice", "path": ["l"], "at": 0, "delete": -1])
    try expectRefused(
      .outOfRange, ["op": "splice", "path": ["t"], "at": .integer(.max), "delete": .integer(.max)])
    try expectRefused(
      .invalidValue, ["op": "set", "path": ["m"], "value": ["a": [1, .double(.infinity)]]])
  }

  @Test func aTransactionThatDoesNothingIsNoChange() throws {
    var replica = try document(["t": "x"])
    try replica.edit { try $0.make(["text"], .text) }
    let nothing = try replica.edit { editor in
      try editor.make(["text"], .text)
      try editor.splice(["text"], at: 0, delete: 0, insert: "")
    }
    #expect(nothing == nil)
    #expect(replica.log.count == 2)
  }

  @Test func typingAndErasingInOneTransactionAreOneOperationEach() throws {
    var replica = DocumentReplica(0)
    let edit = try replica.edit { editor in
      try editor.make(["t"], .text)
      let text = try editor.text(at: ["t"])
      for (offset, letter) in "the tide".enumerated() {
        try editor.insertText(text, at: offset, String(letter))
      }
      for position in [7, 6, 5] { try editor.removeText(text, at: position, count: 1) }
      for _ in 0..<2 { try editor.removeText(text, at: 0, count: 1) }
    }
    let actions = edit?.edit.operations.map(\.action)
    #expect(
      actions == [
        .make("t", .text, isAnew: false, replaces: []), .insertText(at: 0, "the tide"),
        .remove(at: 5, count: 3), .remove(at: 0, count: 2),
      ])
    #expect(edit?.edit.eventCount == 1 + 8 + 3 + 2)
    #expect(try replica.document.text(at: ["t"]) == "e t")
    var other = DocumentReplica(1)
    try other.receive(replica.log)
    #expect(other.document.encodeState() == replica.document.encodeState())
  }

  @Test func anObjectThatReplacesAnObjectIsExactlyThat() throws {
    var replica = try document(["m": ["a": 1, "b": ["c": 2]]])
    try replica.edit { try $0.set(["m"], to: ["b": ["d": 3]]) }
    #expect(replica.json == #"{"m":{"b":{"d":3}}}"#)
  }

  @Test func keysThatLookAlikeAreDifferentKeys() throws {
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      try editor.set(["é"], to: 1)
      try editor.set(["e\u{301}"], to: 2)
      try editor.set([""], to: 3)
    }
    #expect(try replica.document.json(at: ["é"]) == 1)
    #expect(try replica.document.json(at: ["e\u{301}"]) == 2)
    #expect(try replica.document.json(at: [""]) == 3)
    try replica.reopen()
    #expect(try replica.document.json(at: ["é"]) == 1)
  }

  @Test func editingAfterADeleteBringsTheDocumentBack() throws {
    var replica = try document(["a": 1])
    try replica.edit { editor in
      try editor.deleteDocument()
      #expect(editor.document.isDeleted)
      try editor.deleteDocument()
    }
    #expect(replica.document.isDeleted)
    try replica.edit { try $0.set(["b"], to: 2) }
    #expect(!replica.document.isDeleted)
    #expect(replica.json == #"{"a":1,"b":2}"#)
  }

  @Test(arguments: [-1, 0, 1])
  func keysHaveAtMostTheirLimit(excess: Int) throws {
    var replica = DocumentReplica(0)
    let key = String(repeating: "k", count: Key.byteCountMax + excess)
    let isAllowed = excess <= 0
    try replica.edit { editor in
      if isAllowed {
        try editor.set([.key(key)], to: 1)
        try editor.set(["m"], to: .object([key: 1]))
      } else {
        #expect(throws: EditError(.limitExceeded, "")) { try editor.set([.key(key)], to: 1) }
        #expect(throws: EditError(.limitExceeded, "")) {
          try editor.set(["m"], to: .object([key: 1]))
        }
      }
    }
    #expect(replica.document.isEmpty == !isAllowed)
  }

  @Test(arguments: [-1, 0, 1], [true, false])
  func containersNestToTheirLimit(excess: Int, isJSON: Bool) throws {
    var replica = DocumentReplica(0)
    let depth = ContainerID.depthMax + excess
    func nest(_ editor: Editor) throws {
      if isJSON {
        var json: JSONValue = [:]
        for level in 1..<depth { json = level % 2 == 0 ? ["k": json] : [json] }
        try editor.set(["k"], to: json)
      } else {
        var path = DocumentPath()
        for _ in 0..<depth {
          path = path.appending("k")
          try editor.make(path, .map)
        }
        try editor.set(path.appending("value"), to: 1)
        #expect(try editor.document.json(at: path) == ["value": 1])
      }
    }
    if excess > 0 {
      #expect(throws: EditError(.limitExceeded, "")) { try replica.edit { try nest($0) } }
    } else {
      try replica.edit { try nest($0) }
      try replica.reopen()
      var other = DocumentReplica(1)
      try other.receive(replica.log)
      #expect(other.canonical == replica.canonical)
    }
  }
}
