import Causality
import Documents
import JSONCoding
import ReplicaStore
import Segments
import SyncProtocol
import TestSupport
import Testing

@testable import Replication

@Suite struct PairTests {
  @Test func aJoinerIsAdmittedAndGetsEverything() throws {
    let world = World(seed: 1)
    let founder = try world.found()
    let document = try world.set(founder, "title", "Home")
    let joiner = try world.join(try world.invite(from: founder))
    #expect(world.nodes[joiner].store.isAdmitted == false)
    let link = world.connect(joiner, founder)
    world.runUntil { world.nodes.allSatisfy { $0.levels.contains(link) } }
    #expect(world.nodes[joiner].isAdmitted)
    #expect(world.nodes[joiner].levels == [link])
    #expect(world.nodes[founder].levels == [link])
    let text = try world.nodes[joiner].store.document(document)?.json(at: DocumentPath([]))
    #expect(text == ["title": "Home"])
    #expect(world.nodes[joiner].changed == [document])
    #expect(try world.isConverged())
    let figures = world.nodes[founder].engine.link(link, at: world.instant)
    #expect(figures?.name == "joiner")
    #expect(figures?.traffic.sentChanges == 1)
  }

  @Test func anInvitationWorksOnce() throws {
    let world = World(seed: 2)
    let founder = try world.found()
    let code = try world.invite(from: founder)
    let first = try world.join(code)
    let second = try world.join(code)
    let link = world.connect(first, founder)
    world.runUntil { world.nodes[first].levels.contains(link) }
    _ = world.connect(second, founder)
    world.runUntil { !world.nodes[second].failures.isEmpty }
    #expect(world.nodes[second].failures.map(\.code) == [.notPermitted])
    #expect(world.nodes[second].failures.first?.sentence.contains("used already") == true)
    #expect(!world.nodes[second].store.isAdmitted)
    #expect(world.nodes[founder].store.membership.devices.count == 2)
  }

  @Test func anInvitationExpires() throws {
    let world = World(seed: 3)
    let founder = try world.found()
    let joiner = try world.join(try world.invite(from: founder, expiresMillis: 1_000))
    _ = world.connect(joiner, founder)
    world.runUntil { !world.nodes[joiner].failures.isEmpty }
    #expect(world.nodes[joiner].failures.first?.code == .notPermitted)
    #expect(world.nodes[joiner].failures.first?.sentence.contains("expired") == true)
  }

  @Test func aRequestWaitsForTheOneWhoInvited() throws {
    let world = try World.members(2, seed: 4)
    let code = try world.invite(from: 0)
    let link = world.connect(1, 0)
    world.runUntil { world.nodes[1].levels.contains(link) }
    world.cut(link)
    let joiner = try world.join(code)
    let early = world.connect(joiner, 1)
    world.runUntil { !world.nodes[joiner].reports.isEmpty }
    #expect(world.nodes[joiner].reports.map(\.code) == [.pending])
    #expect(!world.nodes[joiner].isAdmitted)
    // The request travels on, the answer comes back, and the link that waits is opened.
    _ = world.connect(1, 0)
    world.runUntil { world.nodes[joiner].levels.contains(early) }
    #expect(world.nodes[joiner].isAdmitted)
    #expect(world.runUntil { (try? world.isConverged()) == true })
  }

  @Test func aStrangerLearnsNothingAndChangesNothing() throws {
    let world = World(seed: 5)
    let founder = try world.found()
    let stranger = try world.found()
    let before = world.bytesCrossed
    _ = world.connect(stranger, founder)
    world.runUntil(steps: 200) { !world.nodes[founder].failures.isEmpty }
    #expect(world.nodes[founder].failures.map(\.code) == [.notPermitted])
    // The stranger's first message, and not a byte in answer.
    #expect(world.bytesCrossed - before < 600)
    #expect(world.nodes[founder].ended.first?.bytesSent == 0)
    world.runUntil { !world.nodes[stranger].ended.isEmpty }
    #expect(world.nodes[stranger].engine.links.isEmpty)
    #expect(world.nodes[founder].store.membership.devices.count == 1)
  }

  @Test(arguments: UInt64(1)...8)
  func randomBytesEndALinkAndNothingElse(seed: UInt64) throws {
    let world = World(seed: seed)
    let founder = try world.found()
    for number in UInt64(900)...920 {
      let link = LinkID(number)
      let engine = world.nodes[founder].engine
      world.run(engine.accepted(link, from: "nobody", at: world.instant), founder)
      var count = Int.random(in: 1...3_000, using: &world.random)
      while count > 0 {
        let piece = (0..<min(count, 100)).map { _ in
          UInt8.random(in: 0...255, using: &world.random)
        }
        world.run(engine.received(link, piece, at: world.instant), founder)
        count -= 100
      }
    }
    world.now += 60_000
    world.run(world.nodes[founder].engine.tick(at: world.instant), founder)
    #expect(world.nodes[founder].engine.links.isEmpty)
    #expect(world.nodes[founder].ended.allSatisfy { $0.bytesSent == 0 })
  }

  @Test(arguments: UInt64(1)...6)
  func whatBothWroteApartMeets(seed: UInt64) throws {
    let world = try World.members(2, seed: seed)
    let shared = try world.set(0, "title", "a")
    for number in 0..<30 {
      let node = Int.random(in: 0...1, using: &world.random)
      if Bool.random(using: &world.random) {
        _ = try world.set(node, "n", .integer(Int64(number)))
      } else if try world.nodes[node].store.document(shared) != nil {
        _ = try world.set(node, in: shared, "k\(number % 5)", .integer(Int64(number)))
      }
      world.now += 3
    }
    let link = world.connect(0, 1)
    #expect(
      world.runUntil {
        world.nodes[0].levels == [link] && world.nodes[1].levels == [link]
      }, "seed \(seed)")
    #expect(try world.isConverged(), "seed \(seed)")
  }

  @Test(arguments: UInt64(1)...6)
  func cutsAndRestartsLoseNothing(seed: UInt64) throws {
    let world = try World.members(2, seed: seed)
    world.piecesMax = 900
    var link = world.connect(0, 1)
    for number in 0..<150 {
      let node = Int.random(in: 0...1, using: &world.random)
      switch Int.random(in: 0..<12, using: &world.random) {
      case 0:
        world.cut(link)
        link = world.connect(0, 1)
      case 1:
        try world.restart(node)
        link = world.connect(0, 1)
      case 2...7: _ = try world.set(node, "n", .integer(Int64(number)))
      default: for _ in 0..<4 { world.step() }
      }
    }
    #expect(world.runUntil { (try? world.isConverged()) == true }, "seed \(seed)")
  }

  @Test func aCommitLeavesAtOnceAndTypingIsGathered() throws {
    let world = try World.members(2, seed: 9)
    let link = world.connect(0, 1)
    world.runUntil { world.nodes[0].levels == [link] && world.nodes[1].levels == [link] }
    for _ in 0..<20 { world.step() }
    let before = world.nodes[0].engine.link(link, at: world.instant)?.traffic.sentSegments ?? 0
    let document = try world.set(0, "n", 0)
    #expect(try world.nodes[0].store.unsealedCount() == 0)
    for number in Int64(1)...10 {
      _ = try world.set(0, in: document, "n", .integer(number))
      world.now += 1
    }
    #expect(try world.nodes[0].store.unsealedCount() == 10)
    world.runUntil { world.nodes[0].levels == [link] && (try? world.isConverged()) == true }
    let after = world.nodes[0].engine.link(link, at: world.instant)?.traffic.sentSegments ?? 0
    #expect(after - before == 2)
  }

  /// What nobody has yet is sealed when the peer has told what it has; no side is level before.
  @Test(arguments: UInt64(1)...8)
  func whoeverIsLevelHasWhatWasNotSealedBefore(seed: UInt64) throws {
    let world = try World.members(2, seed: seed)
    world.piecesMax = 200
    let id = try world.set(0, "a", 1)
    let other = try world.set(1, "b", 1)
    #expect(try world.nodes[0].store.unsealedCount() == 1)
    let link = world.connect(1, 0)
    for node in [0, 1] {
      #expect(world.runUntil { world.nodes[node].levels.contains(link) })
      #expect(try world.nodes[node].store.document(node == 0 ? other : id) != nil, "seed \(seed)")
    }
  }

  @Test func aSilentPeerIsNoticed() throws {
    let world = try World.members(2, seed: 10)
    let link = world.connect(0, 1)
    world.runUntil { world.nodes[0].levels == [link] }
    world.nodes[1].isDown = true
    world.runUntil { !world.nodes[0].failures.isEmpty }
    #expect(world.nodes[0].failures.map(\.code) == [.silent])
    #expect(world.nodes[0].engine.links.isEmpty)
  }

  @Test func statusSaysWhoIsBehind() throws {
    let world = try World.members(2, seed: 11)
    for number in 0..<3 { _ = try world.set(0, "n", .integer(Int64(number))) }
    var status = try world.nodes[0].engine.status(at: world.instant)
    #expect(status.unsealedChanges == 3)
    #expect(status.peers.map(\.name) == ["joiner"])
    #expect(status.peers.allSatisfy { !$0.isConnected })
    let link = world.connect(0, 1)
    world.runUntil { world.nodes[0].levels == [link] }
    status = try world.nodes[0].engine.status(at: world.instant)
    #expect(status.unsealedChanges == 0)
    #expect(status.peers.first?.changesBehind == 0)
    #expect(status.peers.first?.isConnected == true)
    #expect(status.links.first?.figures.isLevel == true)
  }

  @Test func shuttingDownTakesLeave() throws {
    let world = try World.members(2, seed: 12)
    let link = world.connect(0, 1)
    world.runUntil { world.nodes[0].levels == [link] }
    world.run(world.nodes[0].engine.shutDown(at: world.instant), 0)
    world.runUntil { world.streams.isEmpty }
    #expect(world.nodes.allSatisfy { $0.failures.isEmpty && $0.engine.links.isEmpty })
  }

  @Test(arguments: UInt64(1)...3)
  func theSameInputsGiveTheSameBytes(seed: UInt64) throws {
    func run() throws -> (Int, [String]) {
      let world = try World.members(3, seed: seed)
      _ = world.connect(0, 1)
      _ = world.connect(1, 2)
      for number in 0..<20 {
        _ = try world.set(number % 3, "n", .integer(Int64(number)))
        world.step()
      }
      world.runUntil { (try? world.isConverged()) == true }
      return (world.bytesCrossed, world.nodes.flatMap(\.logs))
    }
    let first = try run()
    let second = try run()
    #expect(first.0 == second.0)
    #expect(first.1 == second.1)
  }
}
