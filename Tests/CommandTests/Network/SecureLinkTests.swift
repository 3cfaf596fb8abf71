import Foundation
import JSONCoding
import TestSupport
import Testing

/// Real replicas and a real relay that speak TLS.
@Suite("Links over TLS", .serialized)
struct SecureLinkTests: StoreFleet {
  let scratch: Scratch
  private let files = TemporaryFolder()
  private let root: String

  init() throws {
    scratch = try Scratch()
    root = TestCertificate.root.write(to: files, as: "root").certificate
  }

  /// A relay that shows a certificate, and its endpoint.
  private func relay(_ shown: TestCertificate?) async throws -> (RunningTool, String) {
    var arguments = ["serve", "--listen", "127.0.0.1:0", "--data", scratch.path("relay")]
    if let shown {
      let (certificate, key) = shown.write(to: files, as: "relay")
      arguments += ["--tls-certificate", certificate, "--tls-key", key]
    }
    let relay = try Tool(name: "skerry-relay").start(arguments)
    return (relay, try await relay.line(after: "listening on "))
  }

  private func isLinked(_ name: String) async throws -> Bool {
    try await status(name)["addresses"]?.arrayValue?.contains { $0["connected"] == true } ?? false
  }

  @Test("two who never meet exchange through a relay that speaks TLS, and one joins there")
  func exchange() async throws {
    let id = try await makeStore("a")
    let (relay, place) = try await relay(.local)
    let address = "wss://\(place)/"
    let byName = address.replacing("127.0.0.1", with: "localhost")
    let (server, _) = try await serve("a", "--peer", byName, "--trust", root)
    try await skerry.succeed(
      "join", scratch.path("b"), code("a"), "--from", address, "--trust", root)
    try await insert("over TLS ", into: id, of: "a")
    try await insert("and back ", into: id, of: "b")
    #expect(
      try await until {
        try await skerry.succeed("sync", scratch.path("b"), address, "--trust", root)
        return try await state("a") == state("b")
      })
    let text = try await state("b")
    #expect(text.contains("over TLS ") && text.contains("and back "))
    #expect(try await until { try await isLinked("a") })
    try await stop([server, relay])
    try await expectHealthy(["a", "b"])
  }

  @Test("a declared hub is dialled over TLS")
  func declared() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    let (relay, place) = try await relay(.local)
    let hub = "wss://\(place)/".replacing("127.0.0.1", with: "localhost")
    try await skerry.succeed("topology", scratch.path("a"), "--star", "--hub", hub)
    try await skerry.succeed("sync", scratch.path("a"), scratch.path("b"))
    let (first, _) = try await serve("a", "--trust", root)
    let (second, _) = try await serve("b", "--trust", root)
    try await insert("by the hub ", into: id, of: "a")
    try await untilEqual(["a", "b"])
    #expect(try await state("b").contains("by the hub "))
    try await stop([first, second, relay])
  }

  @Test("a link that is cut, of which bits turn over, or that nobody answers is made anew")
  func badNetwork() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    let (relay, place) = try await relay(.local)
    let proxy = try TCPProxy(to: try #require(Int(place.split(separator: ":").last ?? "")))
    defer { proxy.stop() }
    let (near, _) = try await serve(
      "a", "--peer", "wss://127.0.0.1:\(proxy.port)/", "--trust", root)
    let (far, _) = try await serve("b", "--peer", "wss://\(place)/", "--trust", root)
    func texts(_ word: String) -> [String] {
      (0..<40).map { "\(word)\($0) " + String(repeating: "x", count: 400) }
    }
    proxy.set { $0.corruptedEvery = 15_000 }
    var connections = proxy.connectionCount
    for round in 0..<10 where proxy.connectionCount < connections + 2 {
      try await insert(texts("rot\(round)-"), into: id, of: round % 2 == 0 ? "a" : "b")
    }
    #expect(try await until { proxy.connectionCount >= connections + 2 })
    proxy.set { $0 = TCPProxy.Weather() }
    try await untilEqual(["a", "b"])

    proxy.set { $0.bytesPerSecond = 200_000 }
    for round in 0..<2 {
      connections = proxy.connectionCount
      let crossed = proxy.byteCount
      try await insert(texts("cut\(round)-"), into: id, of: "a")
      #expect(try await until { proxy.byteCount > crossed + 3_000 })
      proxy.cut()
      #expect(try await until { proxy.connectionCount > connections })
    }
    proxy.set { $0 = TCPProxy.Weather() }
    connections = proxy.connectionCount
    proxy.halfOpen()
    try await insert(["half ", "open "], into: id, of: "a")
    // Three heartbeats of five seconds.
    #expect(try await until { proxy.connectionCount > connections })
    try await untilEqual(["a", "b"])
    let text = try await state("b")
    for word in ["rot0-39 ", "cut1-39 ", "open "] { #expect(text.contains(word)) }
    try await stop([near, far, relay])
    try await expectHealthy(["a", "b"])
  }

  @Test("what is wrong is said by sync, once, with exit status 1, and nothing is sent")
  func complaints() async throws {
    _ = try await makeStore("a")
    for (shown, trust, words) in [
      (TestCertificate.local, [], ["signed by nobody who is trusted here", "--trust"]),
      (.elsewhere, ["--trust", root], ["another name than '127.0.0.1'"]),
      (.expired, ["--trust", root], ["expired on 2020-01-01"]),
      (nil, ["--trust", root], ["does not speak TLS", "ws://"]),
    ] as [(TestCertificate?, [String], [String])] {
      let (relay, place) = try await relay(shown)
      let refused = try await skerry.run(
        ["sync", scratch.path("a"), "wss://\(place)/"] + trust)
      #expect(refused.status == 1)
      #expect(refused.lines.isEmpty)
      #expect(refused.errors.split(separator: "\n").count == 1)
      for word in words { #expect(refused.errors.contains(word), "\(refused.errors)") }
      try await stop([relay])
    }
    let (relay, place) = try await relay(.local)
    let plain = try await skerry.run("sync", scratch.path("a"), "ws://\(place)/")
    #expect(plain.status == 1)
    #expect(plain.errors.contains("use wss://"), "\(plain.errors)")
    #expect(try await skerry.run("sync", scratch.path("a"), "tcp://\(place)").status != 0)
    let untrusted = try await skerry.run(
      "sync", scratch.path("a"), "wss://\(place)/", "--trust", files.file("relay.key"))
    #expect(untrusted.status == 2)
    #expect(untrusted.errors.contains("does not hold certificates"), "\(untrusted.errors)")
    try await stop([relay])
  }

  @Test("a relay that is hung up on reads its certificate again, and links live on")
  func renewal() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    let (relay, place) = try await relay(.local)
    let address = "wss://\(place)/"
    let (server, _) = try await serve("a", "--peer", address, "--trust", root)
    #expect(try await until { try await isLinked("a") })

    _ = TestCertificate.elsewhere.write(to: files, as: "relay")
    relay.signal(SIGHUP)
    #expect(try await until { relay.errors.contains("The certificate was read again.") })
    let refused = try await skerry.run("sync", scratch.path("b"), address, "--trust", root)
    #expect(refused.errors.contains("another name"), "\(refused.errors)")
    try await insert("on the old link ", into: id, of: "a")
    #expect(try await isLinked("a"))
    #expect(!server.errors.contains("ended"), "\(server.errors)")

    // The key of another certificate: what was there before stays.
    files.write(Array(TestCertificate.local.key.utf8), to: "relay.key")
    relay.signal(SIGHUP)
    #expect(try await until { relay.errors.contains("the one before stays") })
    #expect(relay.errors.contains("is not that of the certificate"))

    _ = TestCertificate.renewed.write(to: files, as: "relay")
    relay.signal(SIGHUP)
    #expect(try await until { relay.errors.contains("valid until 2119-01-01") })
    try await skerry.succeed("sync", scratch.path("b"), address, "--trust", root)
    #expect(try await state("b").contains("on the old link "))
    try await stop([server, relay])
  }

  @Test("a relay with files that do not fit together does not begin, and says why")
  func refusals() async throws {
    let (certificate, _) = TestCertificate.local.write(to: files, as: "a")
    let (_, key) = TestCertificate.renewed.write(to: files, as: "b")
    let program = Tool(name: "skerry-relay")
    let common = ["serve", "--listen", "127.0.0.1:0", "--data", scratch.path("relay")]
    let mismatch = try await program.run(
      common + ["--tls-certificate", certificate, "--tls-key", key])
    #expect(mismatch.status == 1)
    #expect(mismatch.output.isEmpty)
    #expect(mismatch.errors.contains("is not that of the certificate"), "\(mismatch.errors)")
    let half = try await program.run(common + ["--tls-certificate", certificate])
    #expect(half.status == 2)
    #expect(half.errors.contains("--tls-key"), "\(half.errors)")
  }
}
