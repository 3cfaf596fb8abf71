import Foundation
import JSONCoding
import Testing

/// Processes that stand still for as long as a laptop that was closed. It takes as long, so it is
/// run when asked for: `SKERRY_PAUSE=60 swift test --filter LongPauseTests`.
@Suite("Processes that stand still for long", .serialized)
struct LongPauseTests: StoreFleet {
  let scratch: Scratch
  private static let seconds =
    Int(ProcessInfo.processInfo.environment["SKERRY_PAUSE"] ?? "") ?? 0

  init() throws {
    scratch = try Scratch()
  }

  @Test(
    "a replica, its hub and a relay stand still; the others go on, and all is level soon after",
    .enabled(if: seconds >= 20, "SKERRY_PAUSE says for how many seconds, 60 for instance"))
  func pause() async throws {
    let id = try await makeStore("a")
    for name in ["b", "c", "d", "e"] { try await join(name, from: "a") }
    let relay = try Tool(name: "skerry-relay").start([
      "serve", "--listen", "127.0.0.1:0", "--data", scratch.path("relay"),
    ])
    let sea = "ws://\(try await relay.line(after: "listening on "))/"
    // a and c call each other as well; b hangs on a, d and e meet the others at the relay.
    let (hub, place) = try await serve("a", "--peer", sea)
    let (leaf, _) = try await serve("b", "--peer", "tcp://\(place)")
    let (other, otherPlace) = try await serve("c", "--peer", "tcp://\(place)")
    let (far, _) = try await serve("d", "--peer", sea, "--peer", "tcp://\(otherPlace)")
    let (farther, _) = try await serve("e", "--peer", sea)
    let all = ["a", "b", "c", "d", "e"]
    try await insert("before ", into: id, of: "b")
    try await untilEqual(all)

    let stopped = [hub, leaf, relay]
    for process in stopped { process.signal(SIGSTOP) }
    let began = ContinuousClock.now
    // Writing goes on everywhere, in the stores of those that stand still, too.
    for name in all {
      let start = ContinuousClock.now
      try await insert("paused-\(name) ", into: id, of: name)
      print("pause: a write to \(name) took \(ContinuousClock.now - start)")
    }
    try await untilEqual(["c", "d"])
    #expect(try await state("c").contains("paused-d "))
    let isNoticed = try await until(seconds: 60) {
      let peers = try await status("c")["peers"]?.arrayValue ?? []
      let paused = peers.first { $0["name"] == "a" }
      return paused?["connected"] == false
        && paused?["lastError"]?.stringValue?.contains("nothing was heard") == true
    }
    #expect(isNoticed)
    print("pause: noticed after \(ContinuousClock.now - began)")
    try await Task.sleep(until: began + .seconds(Self.seconds), clock: .continuous)

    for process in stopped { process.signal(SIGCONT) }
    let resumed = ContinuousClock.now
    try await untilEqual(all)
    print("pause of \(Self.seconds) s: all level \(ContinuousClock.now - resumed) after it")
    let text = try await state("e")
    for name in all { #expect(text.contains("paused-\(name) ")) }
    #expect(
      try await until {
        for name in all {
          let status = try await status(name)
          guard status["addresses"]?.arrayValue?.allSatisfy({ $0["connected"] == true }) == true,
            status["peers"]?.arrayValue?.allSatisfy({ $0["stalled"] == .null }) == true
          else { return false }
        }
        return true
      })
    try await stop([leaf, hub, other, far, farther, relay])
    try await expectHealthy(all)
  }
}
