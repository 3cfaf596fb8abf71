import Foundation
import JSONCoding
import Testing

/// Many processes of one machine in a declared ring. It takes minutes, so it is run when asked for:
/// `SKERRY_RING=64 swift test --filter LongRingTests`.
@Suite("A long ring of processes", .serialized)
struct LongRingTests: StoreFleet {
  let scratch: Scratch
  private static let count = Int(ProcessInfo.processInfo.environment["SKERRY_RING"] ?? "") ?? 0

  init() throws {
    scratch = try Scratch()
  }

  @Test(
    "goes on within three heartbeats when two die that are no neighbours",
    .enabled(if: count >= 8, "SKERRY_RING says how many, 64 for instance"))
  func twoDie() async throws {
    let names = (0..<Self.count).map { "r\($0)" }
    let id = try await makeStore(names[0])
    for name in names.dropFirst() { try await join(name, from: names[0]) }
    var ports: Set<Int> = []
    while ports.count < names.count { ports.insert(try Ports.free()) }
    let places = ports.sorted()
    let members = zip(names, places).flatMap { ["--member", "\($0)=tcp://127.0.0.1:\($1)"] }
    try await skerry.succeed(["topology", scratch.path(names[0]), "--ring"] + members)
    var servers: [RunningTool] = []
    for (name, port) in zip(names, places) {
      servers.append(try await serve(name, listen: "127.0.0.1:\(port)", arguments: []).0)
    }
    let start = ContinuousClock.now
    try await insert("whole ", into: id, of: names[5])
    try await untilAll(names, show: "whole ", in: id)
    let whole = ContinuousClock.now - start
    print("ring of \(names.count): a change went round in \(whole)")

    // One ends and its kernel says so; the other stands still, and only its silence tells.
    let (killed, silent) = (names.count / 4, names.count * 3 / 4)
    servers[killed].signal(SIGKILL)
    servers[silent].signal(SIGSTOP)
    let died = ContinuousClock.now
    try await insert("broken ", into: id, of: names[killed + 1])
    let living = names.indices.filter { ![killed, silent].contains($0) }.map { names[$0] }
    try await untilAll(living, show: "broken ", in: id)
    let took = ContinuousClock.now - died
    print("ring of \(names.count): without two of them a change went round in \(took)")
    // Three heartbeats of five seconds; most of the rest is what looking at all of them takes.
    #expect(took < whole + .seconds(15))

    servers[silent].signal(SIGCONT)
    servers[killed] =
      try await serve(
        names[killed], listen: "127.0.0.1:\(places[killed])", arguments: []
      ).0
    let returned = ContinuousClock.now
    try await insert("again ", into: id, of: names[silent + 1])
    try await untilAll(names, show: "again ", in: id)
    print("ring of \(names.count): with them again in \(ContinuousClock.now - returned)")
    let isWhole = try await until(seconds: 120) {
      for index in [killed - 1, killed, silent - 1, silent] {
        let next = "tcp://127.0.0.1:\(places[(index + 1) % places.count])"
        let kept = try await status(names[index])["addresses"]?.arrayValue ?? []
        if kept.compactMap({ $0["address"]?.stringValue }) != [next] { return false }
      }
      return true
    }
    #expect(isWhole)
    try await stop(servers)
    try await expectHealthy([names[0], names[killed], names[silent]])
  }

  private func untilAll(_ names: [String], show text: String, in id: String) async throws {
    var rest = names
    let areThere = try await until(seconds: 180) {
      for name in rest {
        let shown = try await skerry.run("get", scratch.path(name), id, "t")
        guard shown.output.contains(text) else { return false }
        rest.removeFirst()
      }
      return true
    }
    if !areThere { Issue.record("'\(text)' has not come to \(rest)") }
  }
}
