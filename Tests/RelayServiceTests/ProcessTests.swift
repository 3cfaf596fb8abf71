import Causality
import Foundation
import RelayTestSupport
import SyncProtocol
import TestSupport
import Testing
import Transports

@Suite("The relay as a process", .serialized)
struct ProcessTests {
  @Test("kill -9 in the middle of traffic, again and again: nothing acknowledged is lost")
  func killNine() async throws {
    let folder = TemporaryFolder()
    let team = try RemoteClient.team(of: 3, seed: 10)
    var random = SeededGenerator(seed: 3)
    for round in 0..<3 {
      let relay = try RelayProgramProcess(data: folder.file("data"))
      for (number, client) in team.enumerated() {
        try await client.connect(to: "\(number == 1 ? "ws" : "tcp")://\(relay.endpoint)")
      }
      let before = await [team[0].acknowledged, team[1].acknowledged, team[2].acknowledged]
      // The kill falls somewhere among these, after some of them were acknowledged.
      let writing = Task {
        for number in 0..<300 where !Task.isCancelled {
          for client in team { try await client.write("round \(round) line \(number)") }
          try? await Task.sleep(for: .milliseconds(1))
        }
      }
      for (client, before) in zip(team, before) {
        #expect(await client.waits { $0.acknowledged != before })
      }
      try await Task.sleep(for: .microseconds(Int(random.next() % 60_000)))
      #expect(relay.end(by: SIGKILL) == -SIGKILL)
      writing.cancel()
      try await writing.value
      for client in team { await client.disconnect() }
      let check = try RelayProgramProcess.run(["check", "--data", folder.file("data")])
      #expect(check.status == 0, "\(check.output) \(check.error)")
    }

    let promised = await [
      team[0].acknowledged, team[1].acknowledged, team[2].acknowledged,
    ].reduce(VersionVector()) { $0.union($1) }
    #expect(promised.entries.count == 3)
    let relay = try RelayProgramProcess(data: folder.file("data"))
    let fresh = try #require(RemoteClient.team(of: 1, seed: 10).first)
    try await fresh.connect(to: "ws://\(relay.endpoint)/")
    #expect(await fresh.waits { $0.vector.covers(promised) })

    for client in team { try await client.connect(to: "tcp://\(relay.endpoint)") }
    for client in team {
      #expect(await client.waits { $0.isLevel && $0.acknowledged.covers($0.ownVector) })
    }
    var goal = VersionVector()
    for client in team { goal.formUnion(await client.ownVector) }
    for client in team {
      let isEqual = await client.waits { [goal] in $0.vector == goal }
      let story = await client.story
      #expect(isEqual, "\(story)")
    }
    #expect(relay.end(by: SIGTERM) == 0)
    let check = try RelayProgramProcess.run(["check", "--data", folder.file("data"), "--json"])
    #expect(check.status == 0)
    #expect(check.output.contains("\"ok\":true"))
  }

  @Test("random bytes at the port while a healthy client works")
  func randomBytes() async throws {
    let folder = TemporaryFolder()
    let relay = try RelayProgramProcess(data: folder.file("data"))
    let team = try RemoteClient.team(of: 2, seed: 20)
    for client in team { try await client.connect(to: "tcp://\(relay.endpoint)") }
    let noise = Task {
      await withDiscardingTaskGroup { group in
        for seed in UInt64(0)..<40 {
          group.addTask { await makeNoise(seed, relay.endpoint) }
        }
      }
    }
    for number in 0..<50 {
      try await team[number % 2].write("line \(number)")
      try await Task.sleep(for: .milliseconds(5))
    }
    for client in team {
      let all = await client.waits { $0.vector.changeCount(beyond: VersionVector()) == 50 }
      let story = await client.story
      #expect(all, "\(story)")
      #expect(await client.waits { $0.acknowledged.covers($0.ownVector) })
      #expect(await client.isConnected)
    }
    await noise.value
    #expect(relay.isRunning)
    for client in team { await client.disconnect() }
    #expect(relay.end(by: SIGTERM) == 0)
    #expect(try RelayProgramProcess.run(["check", "--data", folder.file("data")]).status == 0)
  }

  @Test("SIGTERM ends it with 0 while clients are connected, and what they sent is kept")
  func terminate() async throws {
    let folder = TemporaryFolder()
    let relay = try RelayProgramProcess(
      data: folder.file("data"), options: ["--metrics", "127.0.0.1:0"])
    let team = try RemoteClient.team(of: 2, seed: 30)
    for client in team { try await client.connect(to: "ws://\(relay.endpoint)/") }
    try await team[0].write("one")
    #expect(await team[1].waits { $0.vector.entries.count == 1 })

    let metrics = try #require(relay.metrics)
    #expect(try await get(metrics, "/health") == "200 ok\n")
    let figures = try await get(metrics, "/metrics")
    #expect(figures.contains("\nskerry_relay_segments_stored_total 1\n"))
    #expect(figures.contains("\nskerry_relay_links 2\n"))
    #expect(try await get(metrics, "/").contains("<h1>Skerry relay</h1>"))
    #expect(try await get(metrics, "/else").hasPrefix("404"))

    let started = Date()
    #expect(relay.end(by: SIGTERM) == 0)
    #expect(Date().timeIntervalSince(started) < 5)
    #expect(await team[0].waits { !$0.isConnected })
    let again = try RelayProgramProcess(data: folder.file("data"))
    let fresh = try #require(RemoteClient.team(of: 1, seed: 30).first)
    try await fresh.connect(to: "tcp://\(again.endpoint)")
    #expect(await fresh.waits { $0.vector.entries.count == 1 })
    #expect(again.end(by: SIGINT) == 0)
  }

  @Test("a folder that is in use, and an address that is, end with 1 and a sentence")
  func inUse() throws {
    let folder = TemporaryFolder()
    let relay = try RelayProgramProcess(data: folder.file("data"))
    let second = try RelayProgramProcess.run([
      "serve", "--listen", "127.0.0.1:0", "--data", folder.file("data"),
    ])
    #expect(second.status == 1)
    #expect(second.output.isEmpty)
    #expect(second.error.contains("in use by another relay"))
    let third = try RelayProgramProcess.run([
      "serve", "--listen", relay.endpoint, "--data", folder.file("other"),
    ])
    #expect(third.status == 1)
    #expect(third.error.split(separator: "\n").count == 1)
    #expect(relay.end(by: SIGTERM) == 0)
  }

  @Test(
    "a command line that cannot be meant ends with 2 and touches nothing",
    arguments: [
      [], ["serve"], ["serve", "--data", "D"], ["serve", "--listen", "nowhere", "--data", "D"],
      ["serve", "--listen", "127.0.0.1:0", "--data", "D", "--quota-bytes", "0"],
      ["serve", "--listen", "127.0.0.1:0", "--data", "D", "--max-workspaces", "many"],
      ["serve", "--listen", "127.0.0.1:0", "--data", "D", "--metrics", "x"],
      ["serve", "--listen", "127.0.0.1:0", "--data", "D", "--postgres", "x"], ["check"], ["else"],
    ])
  func usage(arguments: [String]) throws {
    let folder = TemporaryFolder()
    let result = try RelayProgramProcess.run(
      arguments.map { $0 == "D" ? folder.file("data") : $0 })
    if arguments.isEmpty {
      #expect(result.status == 0 || result.status == 2)
    } else {
      #expect(result.status == 2)
      #expect(result.output.isEmpty)
      #expect(!result.error.isEmpty)
    }
    #expect(folder.files.isEmpty)
  }

  @Test("check names what is damaged and ends with 3; a key that others can read ends with 4")
  func damage() async throws {
    let folder = TemporaryFolder()
    let data = folder.file("data")
    #expect(try RelayProgramProcess.run(["check", "--data", data]).status == 1)
    let relay = try RelayProgramProcess(data: data)
    let client = try #require(RemoteClient.team(of: 1, seed: 40).first)
    try await client.connect(to: "tcp://\(relay.endpoint)")
    try await client.write(String(repeating: "x", count: 5_000))
    #expect(await client.waits { $0.acknowledged == $0.vector })
    // A live relay may be checked.
    #expect(try RelayProgramProcess.run(["check", "--data", data]).status == 0)
    await client.disconnect()
    #expect(relay.end(by: SIGTERM) == 0)

    let file = try #require(folder.files.first { $0.hasSuffix(".sqlite") })
    var bytes = folder.read(file)
    // In the middle of the last page that is not empty: the sealed segment's overflow pages.
    let place = try #require(bytes.lastIndex { $0 != 0 })
    bytes[place - 100] ^= 0xFF
    folder.write(bytes, to: file)
    let check = try RelayProgramProcess.run(["check", "--data", data])
    #expect(check.status == 3, "\(check.output)")
    #expect(check.output.contains("damaged"))

    chmod(data + "/relay.key", 0o644)
    let serve = try RelayProgramProcess.run(["serve", "--listen", "127.0.0.1:0", "--data", data])
    #expect(serve.status == 4)
    #expect(serve.error.contains("chmod 600"))
  }

  @Test("a quota on the command line is kept to")
  func quota() async throws {
    let folder = TemporaryFolder()
    let relay = try RelayProgramProcess(
      data: folder.file("data"), options: ["--quota-bytes", "20000", "--max-workspaces", "1"])
    let client = try #require(RemoteClient.team(of: 1, seed: 50).first)
    try await client.connect(to: "tcp://\(relay.endpoint)")
    for _ in 0..<10 { try await client.write(String(repeating: "x", count: 4_000)) }
    #expect(await client.waits { $0.statuses.contains { $0.code == .full } })
    let other = try #require(RemoteClient.team(of: 1, seed: 60).first)
    try await other.connect(to: "tcp://\(relay.endpoint)")
    #expect(await other.waits { $0.statuses.contains { $0.code == .full } })
    #expect(relay.end(by: SIGTERM) == 0)
  }
}

extension RemoteClient {
  /// What it has written itself.
  var ownVector: VersionVector {
    VersionVector(vector.entries.filter { $0.origin == origin })
  }
}

/// Throws bytes at a port in one of several ways.
private func makeNoise(_ seed: UInt64, _ endpoint: String) async {
  var random = SeededGenerator(seed: seed)
  let scheme = seed % 3 == 0 ? "ws" : "tcp"
  guard let address = try? Address("\(scheme)://\(endpoint)"),
    let connection = try? await Dialer().connect(to: address)
  else { return }
  for _ in 0..<(random.next() % 4 + 1) {
    var bytes = (0..<Int(random.next() % 5_000 + 1)).map { _ in
      UInt8(truncatingIfNeeded: random.next())
    }
    switch random.next() % 4 {
    case 0: bytes = [0, 0, 1, 0] + bytes
    case 1: bytes = Array("GET /\(seed) HTTP/1.1\r\n\r\n".utf8) + bytes
    case 2: bytes = [0xFF, 0xFF, 0xFF, 0xFF] + bytes
    default: break
    }
    try? await connection.send(bytes)
  }
  await connection.close()
}

/// The status and the body of a page.
private func get(_ host: String, _ path: String) async throws -> String {
  let connection = try await Dialer().connect(to: Address("tcp://\(host)"))
  try await connection.send(Array("GET \(path) HTTP/1.1\r\nHost: relay\r\n\r\n".utf8))
  var answer: [UInt8] = []
  while let bytes = try? await connection.receive() { answer += bytes }
  let text = String(decoding: answer, as: UTF8.self)
  let status = text.split(separator: " ").dropFirst().first ?? ""
  let body = text.components(separatedBy: "\r\n\r\n").dropFirst().joined()
  return "\(status) \(body)"
}
