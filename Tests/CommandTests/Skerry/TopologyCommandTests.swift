import Foundation
import JSONCoding
import Testing

/// `skerry topology`, and processes that follow what it declares.
@Suite("skerry topology", .serialized)
struct TopologyCommandTests: StoreFleet {
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  @Test("declares, shows, keeps what is not said again, and refuses what nobody could follow")
  func declaring() async throws {
    _ = try await makeStore("a")
    try await join("b", from: "a")
    let store = scratch.path("a")
    #expect(try await skerry.succeed("topology", store).output == "no topology is declared\n")
    #expect(try await skerry.succeed("topology", store, "--json").json()["topology"] == .null)
    let declared = try await skerry.succeed(
      "topology", store, "--ring", "--member", "a=tcp://127.0.0.1:7001", "--member",
      "b=tcp://127.0.0.1:7002", "--json"
    ).json()
    #expect(declared["topology"] == "ring")
    let members = try #require(declared["members"]?.arrayValue)
    #expect(members.map { $0["name"] } == ["a", "b"])
    #expect(members[0]["device"] == declared["declaredBy"])
    let star = try await skerry.succeed(
      "topology", store, "--star", "--hub", "ws://127.0.0.1:8080/", "--json"
    ).json()
    #expect(star["members"] == declared["members"])
    #expect(star["hubs"] == ["ws://127.0.0.1:8080/"])
    let lines = try await skerry.succeed("topology", store).lines
    #expect(lines.first == "star, declared by a" && lines.last == "hub ws://127.0.0.1:8080/")
    // By the beginning of its key, too.
    let device = try #require(members[1]["device"]?.stringValue)
    try await skerry.succeed(
      "topology", store, "--mesh", "--member", "\(device.prefix(12))=tcp://127.0.0.1:7002")
    for (arguments, status) in [
      (["--ring", "--member", "nobody=tcp://127.0.0.1:1"], Int32(1)),
      (["--ring", "--member", "a=tcp://x:1", "--member", "a=tcp://x:2"], 1),
      (["--ring", "--member", "a=x"], 2), (["--ring", "--star"], 2),
      (["--hub", "tcp://127.0.0.1:1"], 2), (["--ring", "--member", "=tcp://127.0.0.1:1"], 2),
    ] {
      let refused = try await skerry.run(["topology", store] + arguments)
      #expect(refused.status == status, "\(arguments): \(refused.errors)")
    }
    try await skerry.succeed("sync", scratch.path("b"), store)
    #expect(
      try await skerry.succeed("topology", scratch.path("b"), "--json").json()
        == skerry.succeed("topology", store, "--json").json())
    try await expectHealthy(["a", "b"])
  }

  /// The addresses that a served store keeps linked.
  private func linked(_ name: String) async throws -> Set<String> {
    let addresses = try await status(name)["addresses"]?.arrayValue ?? []
    return Set(
      addresses.filter { $0["connected"] == true }.compactMap { $0["address"]?.stringValue })
  }

  @Test("four processes without addresses are a ring, then a star, without a restart")
  func following() async throws {
    let id = try await makeStore("a")
    let names = ["a", "b", "c", "d"]
    for name in names.dropFirst() { try await join(name, from: "a") }
    var ports: [Int] = []
    while ports.count < 4 {
      let port = try Ports.free()
      if !ports.contains(port) { ports.append(port) }
    }
    let places = ports.map { "tcp://127.0.0.1:\($0)" }
    let members = zip(names, places).flatMap { ["--member", "\($0)=\($1)"] }
    try await skerry.succeed(["topology", scratch.path("a"), "--ring"] + members)
    var servers: [RunningTool] = []
    for (name, port) in zip(names, ports) {
      servers.append(try await serve(name, listen: "127.0.0.1:\(port)", arguments: []).0)
    }
    // Only the first one knows of it; the others are told along the ring.
    let isRing = try await until {
      for (index, name) in names.enumerated() {
        if try await linked(name) != [places[(index + 1) % 4]] { return false }
      }
      return true
    }
    #expect(isRing)
    try await insert("in the ring ", into: id, of: "c")
    try await untilEqual(names)
    try await skerry.succeed("topology", scratch.path("d"), "--star", "--hub", places[1])
    let isStar = try await until {
      for name in names {
        if try await linked(name) != (name == "b" ? [] : [places[1]]) { return false }
      }
      return true
    }
    #expect(isStar)
    try await insert("in the star ", into: id, of: "a")
    try await untilEqual(names)
    let text = try await state("c")
    #expect(text.contains("in the star in the ring "))
    try await stop(servers)
    try await expectHealthy(names)
  }
}
