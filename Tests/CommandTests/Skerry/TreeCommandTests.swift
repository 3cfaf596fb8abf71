import Foundation
import JSONCoding
import Testing

/// Trees from the shell: edited by lines, moved by two at once, exported and imported again.
@Suite("skerry apply on trees", .serialized)
struct TreeCommandTests {
  private let scratch: Scratch
  private let skerry = Tool.skerry

  init() throws {
    scratch = try Scratch()
  }

  @discardableResult
  private func apply(
    _ operations: String, to document: String? = nil, in name: String = "a"
  ) async throws -> JSONValue {
    let id = document.map { "\"\($0)\"" } ?? "null"
    let line = #"{"doc":\#(id),"ops":[\#(operations)],"return":true}"#
    return try await skerry.succeed("apply", scratch.path(name), input: line).jsonLines()[0]
  }

  /// A store with a tree: x(y) z.
  private func plant() async throws -> String {
    try await skerry.succeed("init", scratch.path("a"), "--name", "a")
    let made = try await apply(
      #"{"op":"make","path":["plan"],"type":"tree"},"#
        + #"{"op":"splice","path":["plan"],"at":0,"insert":"#
        + #"[{"value":{"t":"x"},"children":[{"t":"y"}]},{"t":"z"}]}"#)
    return try #require(made["docs"]?.arrayValue?.first?.stringValue)
  }

  /// The nodes by their `t`.
  private func outline(_ document: String, in name: String = "a") async throws -> String {
    func line(_ nodes: JSONValue?) -> String {
      (nodes?.arrayValue ?? []).map { node in
        let inner = line(node["children"])
        let title = node["value"]?["t"]?.stringValue ?? "?"
        return inner.isEmpty ? title : "\(title)(\(inner))"
      }.joined(separator: " ")
    }
    let read = try await skerry.succeed("get", scratch.path(name), document, "plan").jsonLines()
    return line(read[0]["children"])
  }

  @Test("lines make, move and remove nodes, and tell what cannot be")
  func lines() async throws {
    let id = try await plant()
    #expect(try await outline(id) == "x(y) z")
    try await apply(#"{"op":"move","path":["plan"],"from":1,"toPath":["plan",0,0],"to":0}"#, to: id)
    #expect(try await outline(id) == "x(y(z))")
    let refused = try await apply(
      #"{"op":"move","path":["plan"],"from":0,"toPath":["plan",0,0],"to":0}"#, to: id)
    #expect(refused["ok"] == false)
    #expect(refused["error"]?.stringValue?.contains("under itself") == true)
    try await apply(#"{"op":"set","path":["plan",0,0,"t"],"value":"Y"}"#, to: id)
    try await apply(#"{"op":"delete","path":["plan",0,0,0]}"#, to: id)
    #expect(try await outline(id) == "x(Y)")
    let part = try await skerry.succeed("get", scratch.path("a"), id, "plan/0/0/t").jsonLines()
    #expect(part == ["Y"])
  }

  @Test("two move a node at once: it is there once, a conflict tells, a decision ends it")
  func movedByTwo() async throws {
    let id = try await plant()
    let code = try await skerry.succeed("invite", scratch.path("a")).lines[0]
    try await skerry.succeed(
      "join", scratch.path("b"), String(code), "--from", scratch.path("a"), "--name", "b")
    try await apply(
      #"{"op":"move","path":["plan",0],"from":0,"toPath":["plan"],"to":0}"#, to: id, in: "a")
    try await apply(
      #"{"op":"move","path":["plan",0],"from":0,"toPath":["plan",1],"to":0}"#, to: id, in: "b")
    try await skerry.succeed("sync", scratch.path("b"), scratch.path("a"))
    let there = try await outline(id)
    #expect(["y x z", "x z(y)"].contains(there))
    #expect(try await outline(id, in: "b") == there)
    let found = try await skerry.succeed("conflicts", scratch.path("a"), "--json").jsonLines()
    #expect(found.map { $0["kind"] } == ["position"])
    let sides = try #require(found[0]["sides"]?.arrayValue)
    #expect(Set(sides.compactMap { $0["parent"]?.text() }).count == 2)
    let name = try #require(found[0]["id"]?.stringValue)
    try await skerry.succeed("resolve", scratch.path("a"), name, "--take", "0")
    #expect(try await outline(id) != there)
    #expect(try await skerry.succeed("conflicts", scratch.path("a"), "--json").jsonLines() == [])
  }

  @Test("an exported tree that was edited outside comes back as edits of its nodes")
  func importedAgain() async throws {
    let id = try await plant()
    let folder = scratch.path("out")
    try await skerry.succeed("export", scratch.path("a"), folder)
    let file = scratch.path("out/\(id).json")
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try text.replacingOccurrences(of: "\"y\"", with: "\"why\"")
      .write(toFile: file, atomically: true, encoding: .utf8)
    // Meanwhile somebody edits another node.
    try await apply(#"{"op":"set","path":["plan",1,"t"],"value":"Z"}"#, to: id)
    let before = try await skerry.succeed("get", scratch.path("a"), id, "plan").jsonLines()[0]
    try await skerry.succeed("import", scratch.path("a"), folder)
    #expect(try await outline(id) == "x(why) Z")
    let after = try await skerry.succeed("get", scratch.path("a"), id, "plan").jsonLines()[0]
    func node(_ json: JSONValue) -> JSONValue? { json["children"]?.arrayValue?.first?["id"] }
    #expect(node(after) != nil && node(after) == node(before))
  }
}
