import Foundation
import JSONCoding
import Testing

/// Queries, searches, the feed and backups, as processes of their own.
@Suite("skerry query, search, feed and backup", .serialized)
struct QueryCommandTests {
  private let scratch: Scratch
  private let skerry = Tool.skerry

  init() throws {
    scratch = try Scratch()
  }

  private var store: String { scratch.path("a.skerry") }

  private static func note(_ title: String, _ body: String) -> String {
    """
    {"doc":null,"ops":[{"op":"set","path":["title"],"value":"\(title)"},\
    {"op":"make","path":["body"],"type":"text"},\
    {"op":"splice","path":["body"],"at":0,"delete":0,"insert":"\(body)"}]}
    """
  }

  /// - Returns: the ids of the documents.
  @discardableResult
  private func fill() async throws -> [String] {
    try await skerry.succeed("init", store, "--name", "Ada")
    let lines = [
      Self.note("Plan", "plant an oak"), Self.note("Trees", "birch, oak and maple"),
      Self.note("Bread", "flour and water"),
    ]
    return try await skerry.succeed("apply", store, input: lines.joined(separator: "\n"))
      .jsonLines().compactMap { $0["docs"]?.arrayValue?.first?.stringValue }
  }

  @Test("query prints a table, or an object a row, and refuses what is no question")
  func query() async throws {
    let ids = try await fill()
    let title = "json ->> '$.title' AS title"
    let table = try await skerry.succeed(
      "query", store, "SELECT id, \(title) FROM documents ORDER BY position")
    #expect(
      table.lines.map(String.init) == ["id                                title"]
        + zip(ids, ["Plan", "Trees", "Bread"]).map { "\($0)  \($1)" })
    let rows = try await skerry.succeed(
      "query", "--json", store,
      "SELECT \(title), position, null AS n FROM documents WHERE id = "
        + "'\(ids[1])'"
    ).jsonLines()
    #expect(rows == [["title": "Trees", "position": 2, "n": nil]])
    for statement in ["DELETE FROM documents", "SELECT * FROM identity", "PRAGMA cache_size", "x"] {
      let refused = try await skerry.run("query", store, statement)
      #expect(refused.status == 1, "\(statement)")
      #expect(refused.output.isEmpty && refused.errors.split(separator: "\n").count == 1)
    }
    let endless =
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
      + "SELECT max(x) FROM c"
    let stopped = try await skerry.run("query", store, endless, "--timeout", "1s")
    #expect(stopped.status == 1 && stopped.errors.contains("too long"))

    try await skerry.succeed("index", store, "title", "title")
    let looked = try await skerry.succeed(
      "query", "--json", store, "SELECT id FROM documents WHERE title = 'Bread'")
    #expect(try looked.jsonLines() == [["id": .string(ids[2])]])
    try await skerry.succeed("apply", store, input: Self.note("Bread", "more"))
    let more = try await skerry.succeed(
      "query", "--json", store, "SELECT count(*) AS n FROM documents WHERE title = 'Bread'")
    #expect(try more.jsonLines() == [["n": 2]])
    #expect(try await skerry.succeed("index", store).lines == ["title  title"])
    try await skerry.succeed("index", store, "title", "--remove")
    #expect(try await skerry.run("query", store, "SELECT title FROM documents").status == 1)
  }

  @Test("search finds documents, says what they are called and what was found")
  func search() async throws {
    let ids = try await fill()
    let found = try await skerry.succeed("search", store, "oak", "--json").jsonLines()
    #expect(Set(found.compactMap { $0["id"]?.stringValue }) == Set(ids.prefix(2)))
    #expect(found.allSatisfy { $0["matches"] == ["oak"] })
    let one = try await skerry.succeed("search", store, "OAK", "birch")
    #expect(one.lines == ["\(ids[1])  Trees  birch, oak and maple Trees"])
    #expect(try await skerry.succeed("search", store, "oak", "--limit", "1").lines.count == 1)
    #expect(try await skerry.succeed("search", store, "nowhere").output.isEmpty)
    #expect(try await skerry.run("search", store, "!").status == 1)
  }

  @Test("feed tells each change once in order; a consumer goes on where it has acknowledged")
  func feed() async throws {
    let ids = try await fill()
    let all = try await skerry.succeed("feed", store).jsonLines()
    #expect(all.map { $0["position"] } == [1, 2, 3])
    #expect(all.map { $0["seq"] } == [1, 2, 3])
    #expect(all.map { $0["documents"] } == ids.map { [.string($0)] })
    #expect(try await skerry.succeed("feed", store, "--after", "2").jsonLines() == [all[2]])
    #expect(try await skerry.run("feed", store, "--after", "4").status == 1)
    #expect(try await skerry.succeed("feed", store, "--consumer", "x").jsonLines() == all)
    #expect(try await skerry.succeed("feed", store, "--consumer", "x").jsonLines() == all)
    try await skerry.succeed("feed", store, "--consumer", "x", "--acknowledge", "2")
    #expect(try await skerry.succeed("feed", store, "--consumer", "x").jsonLines() == [all[2]])
    let patches = try await skerry.succeed("feed", store, "--after", "2", "--patches").jsonLines()
    #expect(patches.first?["patches"]?[ids[2]]?.arrayValue?.isEmpty == false)
  }

  @Test("feed --follow tells of what other processes commit")
  func following() async throws {
    try await fill()
    let following = try skerry.start(["feed", store, "--after", "2", "--follow", "--limit", "3"])
    try await Task.sleep(for: .milliseconds(300))
    try await skerry.succeed("apply", store, input: Self.note("later", "a"))
    try await skerry.succeed("apply", store, input: Self.note("latest", "b"))
    let outcome = try await following.end(within: 60)
    #expect(outcome.status == 0)
    #expect(try outcome.jsonLines().map { $0["position"] } == [3, 4, 5])
  }

  @Test("a backup, the loss of the store, the restore and a sync lose nothing")
  func backup() async throws {
    let ids = try await fill()
    let peer = scratch.path("b.skerry")
    let code = try await skerry.succeed("invite", store).output
    try await skerry.succeed("join", peer, code, "--from", store, "--name", "Bob")
    // Sent to nobody.
    let edit = """
      {"doc":"\(ids[0])","ops":[{"op":"set","path":["title"],"value":"Never sent"}]}
      """
    try await skerry.succeed("apply", store, input: edit)
    let key = try await skerry.succeed("recovery-key", store).lines[0]
    let file = scratch.path("a.backup")
    let made = try await skerry.succeed("backup", store, file, "--json").json()
    #expect(made["documents"] == 3)
    #expect(try await skerry.run("backup", store, file).status == 1)
    try await skerry.succeed("snapshot", store, scratch.path("a.snapshot"))
    let opened = try await skerry.run("info", file)
    #expect(opened.status == 1 && opened.errors.contains("is a backup"))
    for suffix in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: store + suffix)
    }

    let restored = scratch.path("c.skerry")
    #expect(try await skerry.run("init", restored, "--backup", file).status == 2)
    try await skerry.succeed("init", restored, "--backup", file, "--recovery-key", String(key))
    try await skerry.succeed("apply", restored, input: Self.note("After", "the restore"))
    try await skerry.succeed("sync", restored, peer)
    let title = try await skerry.succeed("get", peer, ids[0], "title").output
    #expect(title.contains("Never sent"))
    let same = try await skerry.succeed("doctor", restored, "--compare", peer)
    #expect(same.output.contains("Both stores hold the same."))

    // Without the key, on an invitation of the other.
    let joined = scratch.path("d.skerry")
    let invitation = try await skerry.succeed("invite", peer).output
    try await skerry.succeed("join", joined, invitation, "--backup", file, "--from", peer)
    try await skerry.succeed("sync", joined, peer)
    #expect(try await skerry.succeed("doctor", joined, "--compare", peer).status == 0)
    #expect(try await skerry.succeed("info", joined, "--json").json()["documents"] == 4)
  }

  @Test("doctor makes anew what is derived, and names the first difference")
  func doctor() async throws {
    let ids = try await fill()
    let nothing = try await skerry.succeed("doctor", store, "--repair").output
    #expect(nothing.contains("nothing derived"))
    try await skerry.succeed("search", store, "oak")
    let repaired = try await skerry.succeed("doctor", store, "--repair").output
    #expect(repaired.contains("from 3 documents"))
    let peer = scratch.path("b.skerry")
    let code = try await skerry.succeed("invite", store).output
    try await skerry.succeed("join", peer, code, "--from", store, "--name", "Bob")
    let edit = """
      {"doc":"\(ids[1])","ops":[{"op":"set","path":["title"],"value":"Other"}]}
      """
    try await skerry.succeed("apply", peer, input: edit)
    let compared = try await skerry.run("doctor", store, "--compare", peer)
    #expect(compared.status == 1)
    #expect(compared.output.contains("Document \(ids[1]) differs at 'title'"))
    #expect(compared.output.contains("changes"))
  }
}
