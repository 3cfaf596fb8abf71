import Causality
import RelayTestSupport
import Relaying
import Sealing
import Segments
import SyncProtocol
import TestSupport
import Testing

@Suite("The relay stores and forwards")
struct ForwardingTests {
  @Test("two members who are never online together exchange through the relay")
  func neverTogether() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    harbour.connect(ada)
    for number in 1...5 { try harbour.write("ada \(number)", at: ada) }
    harbour.settle()
    #expect(ada.acknowledged == ada.vector)
    harbour.disconnect(ada)

    harbour.connect(bob)
    try harbour.write("bob 1", at: bob)
    harbour.settle()
    #expect(try bob.texts()[ada.origin] == (1...5).map { "ada \($0)" })
    harbour.disconnect(bob)

    harbour.connect(ada)
    harbour.settle()
    #expect(ada.vector == bob.vector)
    #expect(ada.isLevel)
    #expect(try ada.texts() == bob.texts())
  }

  @Test("what one member writes reaches the others at once, and its author not again")
  func pushes() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let others = try (2...4).map { try FakeClient.member("\($0)", of: ada, seed: $0) }
    harbour.connect(ada)
    harbour.settle()
    for other in others { harbour.connect(other) }
    harbour.settle()
    try harbour.write("hello", at: ada)
    harbour.settle()
    for other in others {
      #expect(try other.texts()[ada.origin] == ["hello"])
      #expect(other.segmentsReceived == 1)
    }
    #expect(ada.segmentsReceived == 0)
    #expect(ada.acknowledged == ada.vector)
  }

  @Test("nothing is acknowledged or passed on before it is durable")
  func durableFirst() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    harbour.connect(ada)
    harbour.settle()
    harbour.connect(bob)
    harbour.settle()
    try harbour.write("not yet", at: ada)
    harbour.settle(flushes: false)
    #expect(harbour.core.hasStaged)
    #expect(ada.acknowledged.isEmpty)
    #expect(bob.segmentsReceived == 0)

    // The relay crashes with the segment in memory: it was promised to nobody.
    try harbour.restart()
    harbour.connect(bob)
    harbour.settle()
    #expect(bob.segmentsReceived == 0)
    harbour.connect(ada)
    harbour.settle()
    #expect(ada.acknowledged == ada.vector)
    #expect(bob.vector == ada.vector)
  }

  @Test("a restarted relay has all that it acknowledged, and the same key")
  func restart() throws {
    let harbour = try Harbour()
    let key = harbour.core.publicKey
    let ada = try FakeClient.founder("Ada", seed: 1)
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    harbour.connect(ada)
    for number in 1...20 { try harbour.write("line \(number)", at: ada) }
    harbour.settle()
    let promised = ada.acknowledged
    try harbour.restart()
    #expect(harbour.core.publicKey == key)
    harbour.connect(bob)
    harbour.settle()
    #expect(bob.vector.covers(promised))
    #expect(bob.relayVectorAtHello?.covers(promised) == true)
  }

  @Test("random writing, cuts and restarts: all members end equal, acknowledged means kept")
  func randomLife() throws {
    for seed in UInt64(1)...4 {
      var random = SeededGenerator(seed: seed)
      let harbour = try Harbour(seed: seed)
      let ada = try FakeClient.founder("Ada", seed: seed * 100)
      var clients = [ada]
      for number in 1...3 {
        clients.append(
          try FakeClient.member("\(number)", of: ada, seed: seed * 100 + UInt64(number)))
      }
      for _ in 0..<120 {
        let client = clients[Int(random.next() % UInt64(clients.count))]
        switch random.next() % 10 {
        case 0 where harbour.isConnected(client): harbour.disconnect(client)
        case 1, 2: if !harbour.isConnected(client) { harbour.connect(client) }
        case 3:
          if random.next() % 4 == 0 { try harbour.restart() }
        case 4: harbour.settle(flushes: false)
        case 5: harbour.settle()
        default:
          try harbour.write(
            String(repeating: "x", count: Int(random.next() % 3_000)), at: client)
        }
      }
      try harbour.restart()
      for client in clients { harbour.connect(client) }
      harbour.pass(milliseconds: 300)
      for client in clients {
        #expect(client.vector == ada.vector, "seed \(seed)")
        #expect(client.vector.covers(client.acknowledged), "seed \(seed)")
        #expect(client.isLevel, "seed \(seed)")
      }
      #expect(harbour.core.status.segmentsRefused == 0, "seed \(seed)")
    }
  }

  @Test("a backlog larger than the window crosses, and a segment larger than the window too")
  func largeBacklog() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    for size in [4_200_000, 300 << 10, 7] {
      ada.keep(try ada.seal(Array(repeating: 7, count: size)))
    }
    harbour.connect(ada)
    harbour.settle()
    #expect(ada.acknowledged == ada.vector)
    harbour.connect(bob)
    harbour.settle()
    #expect(bob.vector == ada.vector)
  }

  @Test("one relay serves many workspaces, with few files open, and mixes nothing")
  func manyWorkspaces() throws {
    var limits = RelayLimits()
    limits.openWorkspacesMax = 3
    let harbour = try Harbour(limits: limits)
    let founders = try (1...8).map { try FakeClient.founder("\($0)", seed: $0) }
    for founder in founders { harbour.connect(founder) }
    for number in 1...3 {
      for founder in founders { try harbour.write("\(founder.name) \(number)", at: founder) }
      harbour.settle()
    }
    for founder in founders { #expect(founder.acknowledged == founder.vector) }
    #expect(harbour.core.status.workspaces == 8)
    #expect(harbour.core.status.openWorkspaces <= 3)
    for (number, founder) in founders.enumerated() {
      let member = try FakeClient.member("member", of: founder, seed: 100 + UInt64(number))
      harbour.connect(member)
      harbour.settle()
      #expect(try member.texts() == founder.texts())
    }
  }

  @Test("many clients' segments share one commit")
  func groupCommit() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let clients = try [ada] + (2...9).map { try FakeClient.member("\($0)", of: ada, seed: $0) }
    for client in clients {
      harbour.connect(client)
      harbour.settle()
    }
    let before = harbour.core.status.commits
    for client in clients { try harbour.write("from \(client.name)", at: client) }
    harbour.settle()
    #expect(harbour.core.status.commits == before + 1)
    for client in clients { #expect(client.vector.entries.count == 9) }
  }

  @Test("the same calls give the same bytes")
  func deterministic() throws {
    let traces = try (0..<2).map { _ in
      let harbour = try Harbour(seed: 5)
      let ada = try FakeClient.founder("Ada", seed: 1)
      let others = try (2...4).map { try FakeClient.member("\($0)", of: ada, seed: $0) }
      for client in [ada] + others {
        harbour.connect(client)
        try harbour.write("by \(client.name)", at: client)
      }
      harbour.pass(milliseconds: 12_000)
      harbour.shutDown()
      return harbour.trace
    }
    #expect(traces[0] == traces[1])
    #expect(traces[0].count > 20)
  }

  @Test("a client that knew more than a wiped relay has is told, and uploads again")
  func wipedRelay() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    harbour.connect(ada)
    for number in 1...4 { try harbour.write("line \(number)", at: ada) }
    harbour.settle()
    ada.lastKnownRelayVector = ada.acknowledged

    let fresh = try Harbour(seed: 9)
    fresh.connect(ada)
    fresh.settle()
    #expect(ada.regressions == 1)
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    fresh.disconnect(ada)
    fresh.connect(ada)
    fresh.settle()
    fresh.connect(bob)
    fresh.settle()
    #expect(bob.vector == ada.vector)
  }

  @Test("shutting down stores what has arrived and says goodbye")
  func shutDown() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    harbour.connect(ada)
    harbour.settle()
    try harbour.write("the last word", at: ada)
    harbour.settle(flushes: false)
    harbour.shutDown()
    #expect(ada.acknowledged == ada.vector)
    #expect(!harbour.isConnected(ada))
    #expect(harbour.core.status.complaint == "shutting down")
    try harbour.restart()
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    harbour.connect(bob)
    harbour.settle()
    #expect(try bob.texts()[ada.origin] == ["the last word"])
  }
}
