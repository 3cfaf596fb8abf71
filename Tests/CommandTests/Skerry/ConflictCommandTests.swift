import Foundation
import JSONCoding
import Testing

/// What two people did at once, from the shell.
@Suite("skerry conflicts and resolve", .serialized)
struct ConflictCommandTests {
  private let scratch: Scratch
  private let skerry = Tool.skerry

  init() throws {
    scratch = try Scratch()
  }

  @discardableResult
  private func apply(_ line: String, to name: String) async throws -> JSONValue {
    let answer = try await skerry.succeed("apply", scratch.path(name), input: line).jsonLines()[0]
    #expect(answer["ok"] == true, "\(answer)")
    return answer
  }

  private func conflicts(_ name: String, _ document: String? = nil) async throws -> [JSONValue] {
    let arguments = ["conflicts", scratch.path(name)] + (document.map { [$0] } ?? []) + ["--json"]
    return try await skerry.succeed(arguments).jsonLines()
  }

  private func sync() async throws {
    try await skerry.succeed("sync", scratch.path("b"), scratch.path("a"))
  }

  /// Stores a and b, and a document of which both have set the title.
  private func apart() async throws -> String {
    try await skerry.succeed("init", scratch.path("a"), "--name", "a")
    let made = try await apply(
      #"{"doc":null,"ops":[{"op":"set","path":["title"],"value":"Plan"}]}"#, to: "a")
    let id = try #require(made["docs"]?.arrayValue?.first?.stringValue)
    let code = try await skerry.succeed("invite", scratch.path("a")).lines[0]
    try await skerry.succeed(
      "join", scratch.path("b"), String(code), "--from", scratch.path("a"), "--name", "b")
    for name in ["a", "b"] {
      try await apply(
        #"{"doc":"\#(id)","ops":[{"op":"set","path":["title"],"value":"\#(name)"}]}"#, to: name)
    }
    try await sync()
    return id
  }

  @Test("both list the same conflict, and a decision ends it for both")
  func decided() async throws {
    let id = try await apart()
    let found = try await conflicts("a")
    #expect(try await conflicts("b", id) == found)
    #expect(found.count == 1)
    #expect(found[0]["doc"] == .string(id))
    #expect(found[0]["kind"] == "value")
    #expect(found[0]["path"] == ["title"])
    #expect(found[0]["base"] == "Plan")
    let sides = try #require(found[0]["sides"]?.arrayValue)
    #expect(Set(sides.compactMap { $0["value"]?.stringValue }) == ["a", "b"])
    #expect(sides.last?["isShown"] == true)
    let name = try #require(found[0]["id"]?.stringValue)
    let lines = try await skerry.succeed("conflicts", scratch.path("a")).output
    #expect(lines.contains(name))
    #expect(lines.contains("<- shown"))

    try await skerry.succeed("resolve", scratch.path("b"), name, "--take", "theirs")
    #expect(try await conflicts("b").isEmpty)
    try await sync()
    #expect(try await conflicts("a").isEmpty)
    #expect(
      try await skerry.succeed("get", scratch.path("b"), id, "title").output == "\"a\"\n")
    let again = try await skerry.run("resolve", scratch.path("a"), name, "--take", "0")
    #expect(again.status == 1)
    #expect(again.errors.contains("There is no conflict"))
  }

  @Test(
    "a value of one's own, and what was there before",
    arguments: zip([["--take", "base"], ["--value", "17"]], ["\"Plan\"", "17"]))
  func otherValues(arguments: [String], title: String) async throws {
    let id = try await apart()
    let name = try #require(try await conflicts("a")[0]["id"]?.stringValue)
    let answer = try await skerry.succeed(
      ["resolve", scratch.path("a"), name] + arguments + ["--json"])
    #expect(try answer.jsonLines()[0]["docs"] == [.string(id)])
    let value = try await skerry.succeed("get", scratch.path("a"), id, "title").json()
    #expect(value.text() == title)
  }

  @Test("two links on the same words are listed with the mark's name, and decided like a value")
  func marks() async throws {
    let id = try await apart()
    try await apply(
      #"{"doc":"\#(id)","ops":[{"op":"make","path":["body"],"type":"text"},"#
        + #"{"op":"splice","path":["body"],"at":0,"insert":"low tide at noon"}]}"#, to: "a")
    try await sync()
    for (name, from, to) in [("a", 0, 8), ("b", 4, 11)] {
      try await apply(
        #"{"doc":"\#(id)","ops":[{"op":"mark","path":["body"],"from":\#(from),"to":\#(to),"#
          + #""name":"link","value":"of \#(name)","expand":"none"}]}"#, to: name)
    }
    try await sync()
    let found = try await conflicts("a").filter { $0["kind"] == "mark" }
    #expect(try await conflicts("b").filter { $0["kind"] == "mark" } == found)
    #expect(found.count == 1)
    let conflict = try #require(found.first)
    #expect(conflict["mark"] == "link")
    #expect(conflict["path"] == ["body"])
    #expect(conflict["at"] == 4)
    #expect(conflict["count"] == 4)
    #expect(conflict["base"] == nil)
    let sides = try #require(conflict["sides"]?.arrayValue)
    #expect(Set(sides.compactMap { $0["value"]?.stringValue }) == ["of a", "of b"])
    #expect(sides.last?["isShown"] == true)
    let lines = try await skerry.succeed("conflicts", scratch.path("b")).output
    #expect(lines.contains("from character 4 to 8 the mark 'link'"))

    let name = try #require(conflict["id"]?.stringValue)
    for side in ["a", "b"] {
      try await skerry.succeed("resolve", scratch.path(side), name, "--value", "\"x\"")
      #expect(try await conflicts(side).count { $0["kind"] == "mark" } == 0)
    }
    try await sync()
    #expect(try await conflicts("a").count { $0["kind"] == "mark" } == 0)
  }

  @Test("what a merged draft and others have set is told under the name by which it is decided")
  func mergedDraft() async throws {
    try await skerry.succeed("init", scratch.path("a"), "--name", "a")
    let made = try await apply(
      #"{"doc":null,"ops":[{"op":"set","path":["title"],"value":"Plan"}]}"#, to: "a")
    let id = try #require(made["docs"]?.arrayValue?.first?.stringValue)
    let draft = String(
      try #require(
        try await skerry.succeed("draft", "make", scratch.path("a"), id, "Other").lines.first))
    for (document, title) in [(draft, "of the draft"), (id, "of the document")] {
      try await apply(
        #"{"doc":"\#(document)","ops":[{"op":"set","path":["title"],"value":"\#(title)"}]}"#,
        to: "a")
    }
    let merged = try await skerry.run("draft", "merge", scratch.path("a"), draft, "--json")
    #expect(merged.status == 1)
    let told = try #require(try merged.json()["conflicts"]?.arrayValue)
    #expect(try await conflicts("a") == told)
    #expect(told.map { $0["base"] } == ["Plan"])
    let name = try #require(told.first?["id"]?.stringValue)
    try await skerry.succeed("resolve", scratch.path("a"), name, "--take", "0")
    #expect(try await conflicts("a").isEmpty)
    let title = try await skerry.succeed("get", scratch.path("a"), id, "title").output
    #expect(title == "\"of the document\"\n")
  }

  @Test("wrong command lines touch nothing")
  func refused() async throws {
    _ = try await apart()
    let name = try #require(try await conflicts("a")[0]["id"]?.stringValue)
    for (arguments, status) in [
      ([name], 2), ([name, "--take", "neither"], 2), (["nonsense", "--take", "0"], 2),
      ([name, "--take", "0", "--value", "1"], 2), ([name, "--value", "{"], 2),
      ([name, "--take", "2"], 1), (["0000000000000000", "--take", "0"], 1),
    ] as [([String], Int32)] {
      let outcome = try await skerry.run(["resolve", scratch.path("a")] + arguments)
      #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
    }
    let missing = try await skerry.run(
      "conflicts", scratch.path("a"), String(repeating: "0", count: 32))
    #expect(missing.status == 1)
    #expect(try await conflicts("a").count == 1)
  }
}
