import Causality
import RelayService
import RelayTestSupport
import Relaying
import Sealing
import Segments
import SyncProtocol
import TestSupport
import Testing

@Suite("The relay's limits")
struct LimitTests {
  @Test("a quota that is used up is said once, stores nothing half, and leaves reading open")
  func quota() throws {
    var limits = RelayLimits()
    limits.workspaceBytesMax = 20_000
    let harbour = try Harbour(limits: limits)
    let ada = try FakeClient.founder("Ada", seed: 1)
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    harbour.connect(ada)
    harbour.settle()
    harbour.connect(bob)
    harbour.settle()
    for _ in 0..<20 { try harbour.write(String(repeating: "x", count: 1_500), at: ada) }
    harbour.settle()
    #expect(ada.statuses.map(\.code) == [.full])
    #expect(ada.statuses.first?.sentence.contains("20000 bytes") == true)
    #expect(harbour.isConnected(ada))
    let stored = try #require(bob.chains[ada.origin]).count
    #expect((5..<20).contains(stored))
    #expect(ada.acknowledged[ada.origin] == UInt64(stored))

    // A small segment of another member still fits, and reaches Ada.
    try harbour.write("small", at: bob)
    harbour.settle()
    #expect(try ada.texts()[bob.origin] == ["small"])

    // The operator gives more room: everything arrives.
    harbour.limits.workspaceBytesMax = 1 << 20
    try harbour.restart()
    harbour.connect(ada)
    harbour.settle()
    harbour.connect(bob)
    harbour.settle()
    #expect(bob.vector == ada.vector)
  }

  @Test("one workspace more than allowed is refused; those that are there go on")
  func workspaces() throws {
    var limits = RelayLimits()
    limits.workspacesMax = 2
    let harbour = try Harbour(limits: limits)
    let founders = try (1...3).map { try FakeClient.founder("\($0)", seed: $0) }
    for founder in founders {
      harbour.connect(founder)
      try harbour.write("hello", at: founder)
      harbour.settle()
    }
    #expect(founders[2].statuses.map(\.code) == [.full])
    #expect(!harbour.isConnected(founders[2]))
    #expect(harbour.core.status.workspaces == 2)
    for founder in founders[..<2] { #expect(founder.acknowledged == founder.vector) }
    try harbour.restart()
    harbour.connect(founders[0])
    harbour.settle()
    #expect(founders[0].isLevel)
    harbour.connect(founders[2])
    harbour.settle()
    #expect(founders[2].statuses.map(\.code) == [.full])
  }

  @Test("one link more than allowed is closed at once")
  func links() throws {
    var limits = RelayLimits()
    limits.linksMax = 2
    let harbour = try Harbour(limits: limits)
    let ada = try FakeClient.founder("Ada", seed: 1)
    let others = try (2...3).map { try FakeClient.member("\($0)", of: ada, seed: $0) }
    harbour.connect(ada)
    harbour.settle()
    harbour.connect(others[0])
    harbour.connect(others[1])
    #expect(!harbour.isConnected(others[1]))
    harbour.disconnect(others[0])
    harbour.connect(others[1])
    harbour.settle()
    #expect(others[1].isLevel)
  }

  @Test("the rate decides how long a link rests, and how fast it is served")
  func rate() throws {
    var limits = RelayLimits()
    limits.rateBytesPerSecond = 50_000
    let harbour = try Harbour(limits: limits)
    let ada = try FakeClient.founder("Ada", seed: 1)
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    let id = harbour.connect(ada)
    harbour.settle()
    #expect(harbour.core.readingPause(id, at: harbour.now) == 0)
    for _ in 0..<10 { try harbour.write(String(repeating: "x", count: 30_000), at: ada) }
    harbour.settle()
    let pause = harbour.core.readingPause(id, at: harbour.now)
    #expect((4_500...7_500).contains(pause))

    harbour.connect(bob)
    harbour.settle()
    #expect(bob.vector != ada.vector)
    let start = harbour.now.monotonic
    while bob.vector != ada.vector, harbour.now.monotonic < start + 20_000 {
      harbour.pass(milliseconds: 100)
    }
    // One reading may be larger than the burst; the debt is paid before the next.
    #expect(bob.vector == ada.vector)
    #expect(harbour.core.nextDeadline > harbour.now.monotonic)
  }

  @Test("a client that never reads is served no more than fits into its queue, then cut off")
  func slowReader() throws {
    var limits = RelayLimits()
    limits.queuedBytesPause = 100_000
    limits.queuedBytesMax = 400_000
    let folder = TemporaryFolder()
    let relay = try RelayFolder(path: folder.file("data"), entropy: .seeded(1))
    let core = try RelayCore(
      storage: relay.storage, key: relay.key, limits: limits, entropy: .seeded(1))
    let now = RelayInstant(monotonic: 1, wall: 1)
    let ada = try FakeClient.founder("Ada", seed: 1)
    let id = RelayLinkID(1)
    func carry(_ bytes: [UInt8], reportsSent: Bool) -> [UInt8] {
      var effects = core.received(id, bytes: bytes, at: now)
      effects += core.flush(at: now)
      var answer: [UInt8] = []
      for case .send(_, let bytes) in effects {
        if reportsSent { _ = core.sent(id, byteCount: bytes.count, at: now) }
        answer += bytes
      }
      return answer
    }
    _ = core.accepted(id, from: "test", at: now)
    var bytes = ada.connect(now: 1)
    while !bytes.isEmpty {
      bytes = ada.receive(carry(bytes, reportsSent: true), now: 1)
    }
    #expect(ada.isLevel)
    // Pings without end, and nobody takes the answers.
    var total = 0
    var rounds = 0
    while core.status.links == 1, rounds < 30_000 {
      rounds += 1
      let ping = ada.ping(UInt64(rounds))
      total += carry(ping, reportsSent: false).count
      if rounds % 1_000 == 0, total > limits.queuedBytesPause {
        #expect(core.readingPause(id, at: now) > 0)
      }
    }
    #expect(core.status.links == 0)
    #expect(total <= limits.queuedBytesMax)
  }

  @Test("a stranger that stays silent is sent away in time, in every state")
  func silence() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    harbour.connect(ada)
    harbour.settle()
    let id = RelayLinkID(900)
    _ = harbour.core.accepted(id, from: "silent", at: harbour.now)
    #expect(harbour.core.status.links == 2)
    harbour.pass(milliseconds: 11_000)
    #expect(harbour.core.status.links == 1)
    #expect(harbour.isConnected(ada), "a healthy link that is only idle stays")
  }

  @Test(
    "workspaces beyond the open ones are found again, at n-1, n and n+1", arguments: [1, 2, 3, 4])
  func openWorkspaces(openMax: Int) throws {
    var limits = RelayLimits()
    limits.openWorkspacesMax = openMax
    let harbour = try Harbour(limits: limits)
    let founders = try (1...3).map { try FakeClient.founder("\($0)", seed: $0) }
    for founder in founders { harbour.connect(founder) }
    for _ in 0..<3 {
      for founder in founders {
        try harbour.write("x", at: founder)
        harbour.settle()
      }
      for founder in founders { try harbour.write("y", at: founder) }
      harbour.settle()
    }
    for founder in founders { #expect(founder.acknowledged == founder.vector) }
    #expect(harbour.core.status.openWorkspaces == min(openMax, 3))
  }
}
