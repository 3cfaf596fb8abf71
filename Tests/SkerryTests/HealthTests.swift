import CoreMetrics
import MetricsTestKit
import ReplicaStore
import Testing

@testable import Skerry

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite("Health")
struct HealthTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test("tells how it is, then when a peer comes and goes, and nothing while somebody types")
  func stream() async throws {
    let (ada, bob) = try await folder.levelPair()
    // All that is told, read as it comes: of what is not read only the newest stays.
    let (counts, counting) = AsyncStream<Int>.makeStream()
    let stream = ada.health()
    let reader = Task {
      var told: [Health] = []
      for await health in stream {
        told.append(health)
        counting.yield(told.count)
      }
      return told
    }
    _ = await counts.first { $0 == 1 }
    let link = try await bob.connect(to: ada)
    _ = await counts.first { $0 == 2 }
    for number in 0..<5 {
      try await ada.transaction { transaction in
        try transaction.set(.integer(Int64(number)), at: ["n"], of: transaction.createDocument())
      }
      await ada.core.lookAtHealth()
      try await Task.sleep(for: .milliseconds(5))
    }
    await link.cut()
    await ada.core.lookAtHealth()
    _ = await counts.first { $0 == 3 }
    await ada.close()
    let all = await reader.value
    #expect(all.map { $0.peers.map(\.state) } == [[.away], [.connected], [.away]])
    #expect(all.first?.peers.map(\.name) == ["Bob"])
    #expect(all.first?.isWell == true)
    #expect(all[1].peers.first?.address != nil)
    await bob.close()
  }

  @Test("links that another process holds are told when they come and when it is gone")
  func linksOfOthers() async throws {
    let (ada, bob) = try await folder.levelPair()
    let device = try #require(try await ada.status().peers.first?.device)
    let placement = try #require(Placement.token(of: ada.path))
    let other = try await Replica.open(at: ada.path)
    // The test's parent is alive, and is no process of this store.
    let parent = getppid()
    let report = LiveReport(
      process: LiveProcess(
        number: parent, life: ProcessLife.token(of: parent), placement: placement),
      health: Health(
        peers: [
          .init(device: device, name: "Bob", address: "tcp://b", state: .lagging, reason: nil)
        ], addresses: [], stalls: [], history: []), presence: nil)
    var health = ada.health().makeAsyncIterator()
    #expect(await health.next()?.peers.map(\.state) == [.away])
    try await other.core.store(report)
    #expect(await health.next()?.peers.map(\.state) == [.lagging])
    try await other.core.store(
      LiveReport(
        process: LiveProcess(number: parent, life: "an earlier one", placement: placement),
        health: report.health, presence: nil))
    #expect(await health.next()?.peers.map(\.state) == [.away])
    await other.close()
    await ada.close()
    await bob.close()
  }

  @Test("judges a peer by what waits and what does not move")
  func states() async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    let identity = try await ada.identity()
    func state(
      connected: Bool, waiting: Duration? = nil, stalled: String? = nil
    ) -> Health.Peer.State? {
      let peer = PeerStatus(
        device: "d", name: nil, address: "x", isConnected: connected, lastContact: nil,
        changesBehind: 1, bytesBehind: 1, oldestUnacknowledged: waiting, lastError: nil,
        stalledBecause: stalled)
      let status = Status(
        identity: identity, version: VersionVector(), peers: [peer], addresses: [],
        waitingChangeCount: 0, unsealedChangeCount: 0, stalled: [], arrival: nil, identityNotes: [])
      return Health(status).peers.first?.state
    }
    #expect(state(connected: false, waiting: .seconds(600)) == .away)
    #expect(state(connected: true) == .connected)
    #expect(state(connected: true, waiting: Health.laggingAfter - .milliseconds(1)) == .connected)
    #expect(state(connected: true, waiting: Health.laggingAfter) == .lagging)
    #expect(state(connected: true, waiting: .seconds(20), stalled: "why") == .stalled)
    await ada.close()
  }

  @Test("another process that uses the store is told of the links, and not of those of the dead")
  func reports() async throws {
    let (ada, bob) = try await folder.levelPair()
    let link = try await bob.connect(to: ada)
    let device = try #require(try await ada.status().peers.first?.device)
    let placement = try #require(Placement.token(of: ada.path))
    func report(_ process: Int32, _ placement: [UInt8]) -> LiveReport {
      LiveReport(
        process: LiveProcess(number: process, life: nil, placement: placement),
        health: Health(
          peers: [
            .init(device: device, name: "Bob", address: "tcp://b", state: .stalled, reason: "why")
          ], addresses: [.init(address: "tcp://b", isConnected: true, reason: nil)], stalls: [],
          history: []), presence: [Presence(device: device, name: nil, run: .max, value: [1])])
    }
    let read = try #require(LiveReport(report(7, placement).bytes))
    #expect(read.process == report(7, placement).process)
    #expect(read.health == report(7, placement).health)
    #expect(read.presence == report(7, placement).presence)
    #expect(LiveReport([1, 2, 3]) == nil)
    await link.cut()
    var status = try await ada.status()
    #expect(status.peers.map(\.isConnected) == [false])
    // Process 1 is always there; no process has the largest number.
    for (process, place) in [(Int32.max, placement), (1, [UInt8]("elsewhere".utf8))] {
      #expect(!report(process, place).process.counts(at: placement))
    }
    #expect(report(1, placement).process.counts(at: placement))
    status.add(report(1, placement))
    #expect(status.servers == [1])
    #expect(status.peers.map(\.isConnected) == [true])
    #expect(status.peers.first?.stalledBecause == "why")
    #expect(status.addresses.map(\.address) == ["tcp://b"])
    #expect(status.lines.contains { $0.contains("STALLED: why") })
    await ada.close()
    await bob.close()
  }

  @Test("records what metrics ask for, by workspace and peer")
  func metrics() async throws {
    let (ada, bob) = try await folder.levelPair()
    let metrics = TestMetrics()
    try await ada.transaction { transaction in
      try transaction.set(1, at: ["n"], of: transaction.createDocument())
    }
    let status = try await ada.status()
    ReplicaMetrics.record(status, in: metrics)
    let workspace = ("workspace", String(status.identity.workspace.prefix(16)))
    let peer = ("peer", String(try #require(status.peers.first?.device).prefix(16)))
    func last(_ name: String, _ dimensions: [(String, String)]) throws -> Double? {
      try metrics.expectRecorder(name, dimensions).lastValue
    }
    #expect(try last("skerry_peer_connected", [workspace, peer]) == 0)
    #expect(try last("skerry_peer_stalled", [workspace, peer]) == 0)
    #expect(try last("skerry_changes_unsealed", [workspace]) == 1)
    #expect(try last("skerry_peer_changes_behind", [workspace, peer]) != nil)
    #expect(try last("skerry_peer_bytes_behind", [workspace, peer]) != nil)
    #expect(try last("skerry_peer_oldest_unacknowledged_seconds", [workspace, peer]) ?? -1 >= 0)
    #expect(try last("skerry_changes_waiting", [workspace]) == 0)
    #expect(try last("skerry_origins_stalled", [workspace]) == 0)
    await ada.close()
    await bob.close()
  }
}

extension ReplicaCore {
  /// Tells what another process would tell.
  fileprivate func store(_ report: LiveReport) throws {
    try opened().store.setLiveReport(report.bytes, of: report.process.name)
  }
}
