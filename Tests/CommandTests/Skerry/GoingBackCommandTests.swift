import Foundation
import JSONCoding
import Testing

/// What was done, taken back from the shell.
@Suite("skerry restore, undo and redo", .serialized)
struct GoingBackCommandTests {
  private let scratch: Scratch
  private let skerry = Tool.skerry

  init() throws {
    scratch = try Scratch()
  }

  private func apply(_ line: String, to name: String) async throws -> JSONValue {
    let answer = try await skerry.succeed("apply", scratch.path(name), input: line).jsonLines()[0]
    #expect(answer["ok"] == true, "\(answer)")
    return answer
  }

  private func set(_ title: String, of id: String, in name: String) async throws -> JSONValue {
    try await apply(
      #"{"doc":"\#(id)","ops":[{"op":"set","path":["title"],"value":"\#(title)"}]}"#, to: name)
  }

  private func title(of id: String, in name: String) async throws -> String {
    let lines = try await skerry.succeed("get", scratch.path(name), id, "title").lines
    return String(lines[0])
  }

  /// Stores a and b, and a document that both have.
  private func shared() async throws -> String {
    try await skerry.succeed("init", scratch.path("a"), "--name", "a")
    let made = try await apply(
      #"{"doc":null,"ops":[{"op":"set","path":["title"],"value":"Plan"}]}"#, to: "a")
    let code = try await skerry.succeed("invite", scratch.path("a")).lines[0]
    try await skerry.succeed(
      "join", scratch.path("b"), String(code), "--from", scratch.path("a"), "--name", "b")
    return try #require(made["docs"]?.arrayValue?.first?.stringValue)
  }

  @Test("each takes back what was done on this device, also in another process, and no more")
  func undo() async throws {
    let id = try await shared()
    _ = try await set("first", of: id, in: "a")
    _ = try await set("second", of: id, in: "a")
    try await skerry.succeed("undo", scratch.path("a"), id)
    #expect(try await title(of: id, in: "a") == #""first""#)
    try await skerry.succeed("undo", scratch.path("a"), id)
    #expect(try await title(of: id, in: "a") == #""Plan""#)
    try await skerry.succeed("redo", scratch.path("a"), id)
    #expect(try await title(of: id, in: "a") == #""first""#)
    try await skerry.succeed("sync", scratch.path("b"), scratch.path("a"))
    #expect(try await title(of: id, in: "b") == #""first""#)
    // Nothing was done on the other device.
    let refused = try await skerry.run("undo", scratch.path("b"), id)
    #expect(refused.status == 1)
    #expect(refused.errors.contains("could be taken back"))
  }

  @Test("a document is brought back to a version by new edits")
  func restore() async throws {
    let id = try await shared()
    let first = try await set("first", of: id, in: "a")
    let version = try #require(first["version"]?.stringValue)
    _ = try await set("second", of: id, in: "a")
    let answer = try await skerry.succeed(
      "restore", scratch.path("a"), id, version, "--json"
    ).jsonLines()[0]
    #expect(answer["docs"] == [.string(id)])
    #expect(try await title(of: id, in: "a") == #""first""#)
    let again = try await skerry.succeed("restore", scratch.path("a"), id, version).lines
    #expect(again == ["The document is so already; nothing was done."])
  }

  @Test("a version that has changes from elsewhere is refused, and nothing is changed")
  func unknownVersion() async throws {
    let id = try await shared()
    let theirs = try await set("only on b", of: id, in: "b")
    let version = try #require(theirs["version"]?.stringValue)
    let refused = try await skerry.run("restore", scratch.path("a"), id, version)
    #expect(refused.status == 1)
    #expect(refused.errors.contains("sync with whoever has them first"))
    #expect(try await title(of: id, in: "a") == #""Plan""#)
    let before = try await apply(
      #"{"doc":null,"ops":[{"op":"set","path":["title"],"value":"other"}]}"#, to: "a")
    let other = try #require(before["docs"]?.arrayValue?.first?.stringValue)
    let early = try #require(
      try await skerry.succeed("info", scratch.path("a"), "--json").jsonLines()[0]["version"]?
        .stringValue)
    let late = try await apply(
      #"{"doc":null,"ops":[{"op":"set","path":["title"],"value":"late"}]}"#, to: "a")
    let newest = try #require(late["docs"]?.arrayValue?.first?.stringValue)
    let missing = try await skerry.run("restore", scratch.path("a"), newest, early)
    #expect(missing.status == 1)
    #expect(missing.errors.contains("not there yet"))
    #expect(try await title(of: other, in: "a") == #""other""#)
  }
}
