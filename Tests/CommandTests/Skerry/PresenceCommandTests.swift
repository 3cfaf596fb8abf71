import Foundation
import JSONCoding
import Testing

/// Who is here, asked by one process of another one.
@Suite("Presence on the command line", .serialized)
struct PresenceCommandTests: StoreFleet {
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  private func present(_ name: String) async throws -> [JSONValue] {
    try await skerry.succeed("presence", scratch.path(name), "--json").jsonLines()
  }

  @Test("what each who serves shows is told by the others, and gone when that ends")
  func shown() async throws {
    _ = try await makeStore("a")
    try await join("b", from: "a")
    let alone = try await skerry.run("presence", scratch.path("a"))
    #expect(alone.status == 1)
    #expect(alone.errors.contains("Nobody serves this store"), "\(alone.errors)")

    let (first, place) = try await serve("a", "--presence", #"{"doc":"plan","at":7}"#)
    let (second, _) = try await serve("b", "--peer", "tcp://\(place)", "--presence", "[1]")
    for name in ["a", "b"] {
      var shown: [JSONValue] = []
      let areBoth = try await until {
        shown = try await present(name)
        return shown.count == 2
      }
      #expect(areBoth, "\(shown)")
      let byName = shown.sorted { $0["name"]?.stringValue ?? "" < $1["name"]?.stringValue ?? "" }
      #expect(byName.map { $0["name"] } == ["a", "b"])
      #expect(byName.map { $0["value"] } == [["doc": "plan", "at": 7], [1]])
      #expect(byName.allSatisfy { $0["present"] == true })
    }
    let text = try await skerry.succeed("presence", scratch.path("b")).output
    #expect(text.contains(#" shows {"doc":"plan","at":7}"#), "\(text)")
    #expect(text.contains(" shows [1]"), "\(text)")

    // Nothing of it stays in the file when nobody asks any more, nor goes into a backup.
    let following = try skerry.start(["presence", scratch.path("a"), "--follow", "--json"])
    _ = try await following.line(after: "{")
    try await skerry.succeed("backup", scratch.path("a"), scratch.path("backup"))
    #expect(try !holds("\"doc\":\"plan\"", in: "backup"))

    second.signal(SIGTERM)
    #expect(try await second.end().status == 0)
    #expect(try await until { following.output.contains(#""present":false"#) })
    following.signal(SIGTERM)
    #expect(try await following.end().status == 0)
    #expect(
      try await until {
        try await present("a").map { $0["name"] } == ["a"]
      })
    try await stop([first])
    try await expectHealthy(["a", "b"])
  }

  @Test("what is no JSON, or too much of it, is refused before anything is served")
  func refusals() async throws {
    _ = try await makeStore("a")
    let common = ["serve", scratch.path("a"), "--listen", "127.0.0.1:0", "--presence"]
    let nonsense = try await skerry.run(common + ["{"])
    #expect(nonsense.status == 2)
    let long = try await skerry.run(
      common + ["\"" + String(repeating: "x", count: 2_000) + "\""])
    #expect(long.status == 1)
    #expect(long.errors.contains("at most 1024 bytes"), "\(long.errors)")
  }

  private func holds(_ text: String, in name: String) throws -> Bool {
    try Data(contentsOf: URL(filePath: scratch.path(name))).range(of: Data(text.utf8)) != nil
  }
}
