import Foundation
import JSONCoding
import Testing

/// What commands tell and wait for while other processes hold the links.
@Suite("skerry with tokens, replicas and status", .serialized)
struct GuaranteeCommandTests: StoreFleet {
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  private func apply(
    _ name: String, _ id: String, _ text: String, _ options: String...
  ) async throws -> JSONValue {
    let operation = #"{"op":"splice","path":["t"],"at":0,"insert":"\#(text)","delete":0}"#
    let line = #"{"doc":"\#(id)","ops":[\#(operation)]}"#
    let answers = try await skerry.succeed(
      ["apply", scratch.path(name)] + options, input: line
    ).jsonLines()
    let answer = try #require(answers.first)
    #expect(answer["ok"] == true && answers.count == 1)
    return answer
  }

  @Test("an answer that waits for a replica and a read that waits for a version go through servers")
  func guarantees() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    let (server, place) = try await serve("a")
    let (dialler, _) = try await serve("b", "--peer", "tcp://\(place)")
    try await untilEqual(["a", "b"])

    let held = try await apply("a", id, "one ", "--replicas", "1", "--timeout", "60s")
    #expect(held["replicas"] == 1)
    #expect(try await state("b").contains("one "))

    let version = try #require(try await apply("b", id, "two ")["version"]?.stringValue)
    let wait = ["--at-least", version, "--wait", "60s"]
    let text = try await skerry.succeed(["get", scratch.path("a"), id, "t"] + wait)
    #expect(try text.json() == "two one ")
    let found = try await skerry.succeed(["search", scratch.path("a"), "two"] + wait)
    #expect(found.output.contains(id))
    let rows = try await skerry.succeed(
      ["query", scratch.path("a"), "select id from documents where json ->> '$.t' like 'two%'"]
        + wait)
    #expect(rows.output.contains(id))
    #expect(try await skerry.succeed(["docs", scratch.path("a")] + wait).output == "\(id)\n")

    try await stop([dialler])
    let alone = try await apply("a", id, "three ", "--replicas", "1", "--timeout", "1s")
    #expect(alone["replicas"] == 0)
    let later = try #require(alone["version"]?.stringValue)
    for command in [["get", scratch.path("b"), id], ["docs", scratch.path("b")]] {
      let late = try await skerry.run(command + ["--at-least", later, "--wait", "1s"])
      #expect(late.status == 1)
      #expect(late.errors.contains("missing: 1."), "\(late.errors)")
    }
    // A line that is refused and one that edits nothing are answered, too.
    let mixed = try await skerry.succeed(
      "apply", scratch.path("a"), "--replicas", "1", "--timeout", "1s",
      input: "{\"doc\":\"\(id)\",\"ops\":[]}\nnonsense\n"
    ).jsonLines()
    #expect(mixed.map { $0["ok"] } == [true, false])
    #expect(mixed.map { $0["replicas"] } == [.null, nil])
    try await stop([server])
  }

  @Test("wrong options are exit status 2 and touch nothing")
  func usage() async throws {
    _ = try await makeStore("a")
    let store = scratch.path("a")
    for arguments in [
      ["apply", store, "--replicas", "0"],
      ["apply", store, "--replicas", "1", "--timeout", "soon"],
      ["docs", store, "--at-least", "v1:!"], ["docs", store, "--wait", "5"],
      ["query", store, "select 1", "--stale", "--at-least", "v1:"],
    ] {
      #expect(try await skerry.run(arguments, input: "").status == 2, "\(arguments)")
    }
  }

  @Test("status tells of the links of a server, as long as that lives, and of what waits")
  func statusOfServer() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    let (server, place) = try await serve("a")
    let (dialler, _) = try await serve("b", "--peer", "tcp://\(place)")
    func peer(_ name: String) async throws -> JSONValue? {
      try await status(name)["peers"]?.arrayValue?.first
    }
    #expect(try await until { try await peer("a")?["connected"] == true })
    #expect(try await until { try await peer("b")?["connected"] == true })
    var told = try await status("b")
    #expect(told["servers"] == [.integer(Int64(dialler.processID))])
    #expect(told["addresses"]?.arrayValue?.first?["address"] == .string("tcp://\(place)"))
    #expect(told["addresses"]?.arrayValue?.first?["connected"] == true)
    #expect(try await until { try await peer("a")?["changesBehind"] == 0 })

    // Killed, it can take nothing back; it is not believed all the same.
    dialler.signal(SIGKILL)
    _ = try await dialler.end()
    told = try await status("b")
    #expect(told["servers"] == [] && told["peers"]?.arrayValue?.first?["connected"] == false)
    #expect(try await until { try await peer("a")?["connected"] == false })

    _ = try await apply("a", id, "waits ")
    let behind = try #require(try await peer("a"))
    #expect(behind["stalled"] == .null)
    guard case .double(let seconds)? = behind["oldestUnacknowledgedSeconds"] else {
      Issue.record("\(behind)")
      return
    }
    #expect(seconds >= 0 && seconds < 600)
    let lines = try await skerry.succeed("status", scratch.path("a")).output
    #expect(lines.contains("the oldest for"), "\(lines)")
    #expect(lines.contains("It is served by process \(server.processID)."))
    try await stop([server])
    #expect(try await status("a")["servers"] == [])
  }
}
