import Foundation
import JSONCoding
import Testing

/// `skerry` on several stores that meet, each command a process of its own.
@Suite("skerry between stores", .serialized)
struct SharingCommandTests: StoreFleet {
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  @Test("an invitation works once, and a code that does not work leaves nothing behind")
  func invitations() async throws {
    let id = try await makeStore("a")
    let code = try await code("a")
    let joined = try await skerry.succeed(
      "join", scratch.path("b"), code, "--from", scratch.path("a"), "--json")
    #expect(try joined.json()["admitted"] == true)
    #expect(try await skerry.succeed("get", scratch.path("b"), id).json() == ["t": ""])
    #expect(try await state("a") == state("b"))
    let names = scratch.names
    let again = try await skerry.run("join", scratch.path("c"), code, "--from", scratch.path("a"))
    #expect(again.status == 4, "\(again.errors)")
    let short = try await self.code("a", "1s")
    try await Task.sleep(for: .milliseconds(1_200))
    let late = try await skerry.run("join", scratch.path("c"), short)
    #expect(late.status == 4, "\(late.errors)")
    let broken = String(code.dropLast(3)) + "AAA"
    #expect(try await skerry.run("join", scratch.path("c"), broken).status == 2)
    #expect(scratch.names == names)
  }

  @Test("joining without an address is completed by the first sync")
  func joinsLater() async throws {
    _ = try await makeStore("a")
    let code = try await code("a")
    let joined = try await skerry.succeed("join", scratch.path("b"), code, "--json").json()
    #expect(joined["admitted"] == false)
    try await skerry.succeed("sync", scratch.path("b"), scratch.path("a"))
    #expect(try await state("a") == state("b"))
    let info = try await skerry.succeed("info", scratch.path("b"), "--json").json()
    #expect(info["admitted"] == true)
  }

  @Test("three stores that wrote at once become equal by path")
  func byPath() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    try await join("c", from: "b")
    try await insert("from a", into: id, of: "a")
    try await insert("from b", into: id, of: "b")
    try await insert("from c", into: id, of: "c")
    let report = try await skerry.succeed(
      "sync", scratch.path("a"), scratch.path("b"), scratch.path("c"), "--json")
    let lines = try report.jsonLines()
    #expect(lines.count == 2)
    #expect(lines.allSatisfy { $0["ok"] == true && $0["level"] == true })
    let states = [try await state("a"), try await state("b"), try await state("c")]
    #expect(Set(states).count == 1)
    for word in ["from a", "from b", "from c"] { #expect(states[0].contains(word)) }
    let digests = try await ["a", "b", "c"].asyncMap {
      try await skerry.succeed("info", scratch.path($0), "--json").json()["stateDigest"]
    }
    #expect(Set(digests).count == 1)
  }

  @Test("a reader may read and not write")
  func readers() async throws {
    let id = try await makeStore("a")
    let code = try await skerry.succeed("invite", scratch.path("a"), "--role", "reader").lines[0]
    try await skerry.succeed(
      "join", scratch.path("r"), String(code), "--from", scratch.path("a"))
    #expect(try await skerry.succeed("get", scratch.path("r"), id, "t").output == "\"\"\n")
    let refused = try await skerry.run(
      "apply", scratch.path("r"),
      input: #"{"doc":null,"ops":[{"op":"set","path":["a"],"value":1}]}"#)
    #expect(refused.status == 4 || refused.output.contains("\"ok\":false"))
    #expect(try await skerry.succeed("docs", scratch.path("r")).lines.count == 1)
  }

  @Test("syncing with nobody is exit status 1, with a stranger 4")
  func strangers() async throws {
    _ = try await makeStore("a")
    _ = try await makeStore("z")
    let nobody = try await skerry.run("sync", scratch.path("a"), "tcp://127.0.0.1:1")
    #expect(nobody.status == 1)
    #expect(!nobody.errors.isEmpty)
    let missing = try await skerry.run("sync", scratch.path("a"), scratch.path("nothing"))
    #expect(missing.status == 1)
    let stranger = try await skerry.run("sync", scratch.path("a"), scratch.path("z"))
    #expect(stranger.status == 4, "\(stranger.errors)")
    #expect(try await skerry.succeed("docs", scratch.path("a")).lines.count == 1)
  }

  @Test("a store is not synced with itself, by whatever path")
  func withItself() async throws {
    _ = try await makeStore("a")
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path("link"), withDestinationPath: scratch.path("a"))
    for path in [scratch.path("a"), scratch.path("link")] {
      let outcome = try await skerry.run("sync", scratch.path("a"), path)
      #expect(outcome.status == 1 && outcome.errors.contains("this very store"))
    }
    #expect(try await status("a")["peers"] == [])
  }

  @Test("status says which addresses of a served store cannot be reached, and why")
  func unreachable() async throws {
    _ = try await makeStore("a")
    let (server, _) = try await serve("a", "--peer", "tcp://127.0.0.1:1")
    let isSaid = try await until {
      try await skerry.succeed("status", scratch.path("a")).output.contains(
        "No link to tcp://127.0.0.1:1, which is tried again: the connection was refused")
    }
    #expect(isSaid)
    try await stop([server])
  }

  @Test("a served store takes in what comes over TCP, throws out noise, and ends on SIGTERM")
  func overTCP() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    let (server, place) = try await serve("a")
    try Noise.throwAt(place, seed: 7)
    try await insert("over tcp ", into: id, of: "b")
    let report = try await skerry.succeed("sync", scratch.path("b"), "tcp://\(place)", "--json")
    #expect(try report.jsonLines().first?["level"] == true)
    #expect(try await state("a") == state("b"))
    // What another process commits to the served store is there for the next.
    try await insert("by another process ", into: id, of: "a")
    try await skerry.succeed("sync", scratch.path("b"), "tcp://\(place)")
    #expect(try await state("b").contains("by another process"))
    server.signal(SIGTERM)
    let end = try await server.end()
    #expect(end.status == 0, "\(end.errors)")
  }

  @Test("two who never meet exchange through a relay that keeps what it cannot read")
  func throughARelay() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    let relay = try Tool(name: "skerry-relay").start([
      "serve", "--listen", "127.0.0.1:0", "--data", scratch.path("relay"),
    ])
    let address = "ws://\(try await relay.line(after: "listening on "))/"
    try await insert("written by a ", into: id, of: "a")
    try await insert("written by b ", into: id, of: "b")
    for name in ["a", "b", "a"] {
      try await skerry.succeed("sync", scratch.path(name), address)
    }
    #expect(try await state("a") == state("b"))
    #expect(try await state("a").contains("written by b"))
    // The inviter is linked to the relay: who joins there is let in at once.
    let (server, _) = try await serve("a", "--peer", address)
    let code = try await code("a")
    try await Task.sleep(for: .milliseconds(300))
    let joined = try await skerry.succeed("join", scratch.path("c"), code, "--from", address)
    #expect(joined.errors.isEmpty)
    #expect(try await state("c") == state("a"))
    server.signal(SIGTERM)
    #expect(try await server.end().status == 0)
    relay.signal(SIGTERM)
    #expect(try await relay.end().status == 0)
  }

  @Test("sync --watch keeps going until it is stopped")
  func watching() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    let (server, place) = try await serve("a")
    let watcher = try skerry.start(["sync", scratch.path("b"), "tcp://\(place)", "--watch"])
    _ = try await watcher.line(after: "tcp://\(place): ")
    try await insert("one ", into: id, of: "a")
    try await insert("two ", into: id, of: "b")
    try await untilEqual(["a", "b"])
    #expect(try await state("a").contains("two"))
    for running in [watcher, server] {
      running.signal(SIGINT)
      #expect(try await running.end().status == 0)
    }
  }

  @Test("a ring goes on when one is killed in the middle of traffic and comes back")
  func ring() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    try await join("c", from: "a")
    var ports: [Int] = []
    while ports.count < 3 { ports.append(try Ports.free()) }
    let names = ["a", "b", "c"]
    func start(_ index: Int) throws -> RunningTool {
      let next = (index + 1) % 3
      let after = (index + 2) % 3
      return try skerry.start([
        "serve", scratch.path(names[index]), "--listen", "127.0.0.1:\(ports[index])",
        "--peer", "tcp://127.0.0.1:\(ports[next])", "--peer", "tcp://127.0.0.1:\(ports[after])",
        "--topology", "ring",
      ])
    }
    var servers: [RunningTool] = []
    for index in 0..<3 { servers.append(try start(index)) }
    for server in servers { _ = try await server.line(after: "listening on ") }
    for round in 0..<12 {
      try await insert("\(names[round % 3])\(round) ", into: id, of: names[round % 3])
      if round == 5 {
        servers[1].signal(SIGKILL)
        _ = try await servers[1].end()
      }
      if round == 8 {
        servers[1] = try start(1)
        _ = try await servers[1].line(after: "listening on ")
      }
    }
    try await untilEqual(names)
    let text = try await state("a")
    for round in 0..<12 { #expect(text.contains("\(names[round % 3])\(round) ")) }
    for server in servers {
      server.signal(SIGTERM)
      #expect(try await server.end().status == 0)
    }
    for name in names {
      #expect(try await skerry.succeed("doctor", scratch.path(name), "--json").json()["ok"] == true)
    }
  }
}
