import Foundation
import JSONCoding
import Testing

/// Real `skerry serve` processes that reach each other through a proxy.
@Suite("Served replicas over bad networks", .serialized)
struct BadLinkTests: StoreFleet {
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  /// Long enough that it crosses in many pieces, and different each time.
  private func texts(_ word: String, count: Int) -> [String] {
    (0..<count).map { "\(word)\($0) " + String(repeating: "\(word.first ?? "x")", count: 400) }
  }

  @Test("delayed, throttled, corrupted and cut links end with equal states")
  func badLinks() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    let (server, place) = try await serve("a")
    let port = try #require(Int(place.split(separator: ":").last ?? ""))
    let proxy = try TCPProxy(to: port)
    defer { proxy.stop() }
    let (dialler, _) = try await serve("b", "--peer", "tcp://127.0.0.1:\(proxy.port)")

    proxy.set {
      $0.delayMilliseconds = 5
      $0.bytesPerSecond = 400_000
    }
    try await insert(texts("slow", count: 100), into: id, of: "a")
    try await insert(texts("low", count: 20), into: id, of: "b")
    try await untilEqual(["a", "b"])
    #expect(proxy.connectionCount >= 1)

    // Every turned bit ends a link: it is dialled again, and nothing wrong gets in.
    proxy.set { $0 = TCPProxy.Weather(corruptedEvery: 20_000) }
    var connections = proxy.connectionCount
    try await insert(texts("rot", count: 150), into: id, of: "b")
    #expect(try await until { proxy.connectionCount >= connections + 2 })
    proxy.set { $0 = TCPProxy.Weather() }
    try await untilEqual(["a", "b"])
    let said = dialler.errors + server.errors
    #expect(said.contains("the sealed stream is broken") || said.contains("handshake"), "\(said)")

    // Cut while something is under way, again and again.
    proxy.set { $0.bytesPerSecond = 300_000 }
    for round in 0..<4 {
      connections = proxy.connectionCount
      let crossed = proxy.byteCount
      try await insert(texts("cut\(round)-", count: 60), into: id, of: round % 2 == 0 ? "a" : "b")
      #expect(try await until { proxy.byteCount > crossed + 3_000 })
      proxy.cut()
      #expect(try await until { proxy.connectionCount > connections })
    }
    proxy.set { $0 = TCPProxy.Weather() }
    try await untilEqual(["a", "b"])
    let text = try await state("b")
    for word in ["slow99 ", "low19 ", "rot149 ", "cut3-59 "] { #expect(text.contains(word)) }
    try await stop([dialler, server])
    try await expectHealthy(["a", "b"])
  }

  @Test("a link that carries nothing and a process that stands still are noticed")
  func silence() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    try await join("c", from: "a")
    let (server, place) = try await serve("a")
    let proxy = try TCPProxy(to: try #require(Int(place.split(separator: ":").last ?? "")))
    defer { proxy.stop() }
    let (halfOpen, _) = try await serve("b", "--peer", "tcp://127.0.0.1:\(proxy.port)")
    let (paused, _) = try await serve("c", "--peer", "tcp://\(place)")
    try await insert("first ", into: id, of: "a")
    try await untilEqual(["a", "b", "c"])
    #expect(try await until { try await self.connected("a") == ["b", "c"] })

    let connections = proxy.connectionCount
    proxy.halfOpen()
    paused.signal(SIGSTOP)
    try await insert("meanwhile ", into: id, of: "a")
    // Three heartbeats of five seconds.
    #expect(try await until { try await !self.connected("a").contains("c") })
    #expect(try await until { proxy.connectionCount > connections })
    try await untilEqual(["a", "b"])
    let status = try await status("a")
    let behind = status["peers"]?.arrayValue?.first { $0["name"] == "c" }
    #expect(behind?["lastError"]?.stringValue?.contains("nothing was heard") == true, "\(status)")
    #expect(behind?["changesBehind"] == 1)
    paused.signal(SIGCONT)
    try await untilEqual(["a", "b", "c"])
    try await stop([halfOpen, paused, server])
    try await expectHealthy(["a", "b", "c"])
  }

  /// The names of those that a store's server is linked with, sorted.
  private func connected(_ name: String) async throws -> [String] {
    let peers = try await status(name)["peers"]?.arrayValue ?? []
    return peers.filter { $0["connected"] == true }.compactMap { $0["name"]?.stringValue }.sorted()
  }

  @Test("a ring of five goes on when two that are not neighbours are killed, and takes them back")
  func ring() async throws {
    let names = ["a", "b", "c", "d", "e"]
    let id = try await makeStore("a")
    for name in names.dropFirst() { try await join(name, from: "a") }
    var ports: [Int] = []
    while Set(ports).count < names.count { ports.append(try Ports.free()) }
    func start(_ index: Int) async throws -> RunningTool {
      let others = (1..<names.count).flatMap { step in
        ["--peer", "tcp://127.0.0.1:\(ports[(index + step) % names.count])"]
      }
      return try await serve(
        names[index], listen: "127.0.0.1:\(ports[index])",
        arguments: others + ["--topology", "ring"]
      ).0
    }
    var servers: [RunningTool] = []
    for index in names.indices { servers.append(try await start(index)) }
    for name in names { try await insert("\(name)1 ", into: id, of: name) }
    try await untilEqual(names)

    for index in [1, 3] {
      servers[index].signal(SIGKILL)
      #expect(try await servers[index].end().status != 0)
    }
    let alive = ["a", "c", "e"]
    for name in alive { try await insert("\(name)2 ", into: id, of: name) }
    // What the dead had written in the meantime, if they could.
    for name in ["b", "d"] { try await insert("\(name)3 ", into: id, of: name) }
    try await untilEqual(alive)
    let text = try await state("a")
    for word in ["a1 ", "b1 ", "c2 ", "e2 "] { #expect(text.contains(word)) }
    #expect(!text.contains("b3 "))

    for index in [1, 3] { servers[index] = try await start(index) }
    try await untilEqual(names)
    #expect(try await state("c").contains("d3 "))
    try await stop(servers)
    try await expectHealthy(names)
  }
}
