import Causality
import Documents
import JSONCoding
import SQLiteBridge
import Sealing
import SyncProtocol
import Testing

@testable import ReplicaStore
@testable import Replication

@Suite("A link that does not move")
struct WedgedLinkTests {
  @Test("is named with its reason in the status, logged once, and remembered for other processes")
  func named() throws {
    let world = try World.members(3, seed: 111)
    let first = world.connect(1, 0)
    for number in 1...3 {
      try world.set(0, "n", .integer(Int64(number)))
      #expect(
        world.runUntil {
          world.nodes[0].store.appliedVector == world.nodes[1].store.appliedVector
        })
    }
    world.cut(first)
    // Its own second segment rots: the third replica cannot get it from here.
    let store = world.nodes[0].store
    try store.connection.execute(
      "UPDATE segment SET bytes = zeroblob(length(bytes)) WHERE first_sequence = 2")
    #expect(store.connection.changedRowCount == 1)
    try world.restart(0)
    let link = world.connect(2, 0)
    #expect(world.runUntil { world.nodes[0].engine.links[link]?.link.session?.isRunning == true })
    for _ in 0..<28 { world.step(milliseconds: 500) }
    #expect(try peer(of: 0, like: 2, world).wedge == nil)
    for _ in 0..<60 { world.step(milliseconds: 500) }

    let sender = try peer(of: 0, like: 2, world)
    #expect(sender.isConnected && sender.changesBehind == 2)
    #expect(try #require(sender.oldestUnacknowledgedMilliseconds) > 15_000)
    guard sender.wedge?.kind == .notSent, sender.wedge?.changes == 2 else {
      Issue.record("\(sender)")
      return
    }
    #expect(sender.lastError?.contains("does not move") == true)
    let receiver = try peer(of: 2, like: 0, world)
    guard receiver.wedge?.kind == .notArriving, receiver.wedge?.changes == 2 else {
      Issue.record("\(receiver)")
      return
    }
    for node in [0, 2] {
      #expect(world.nodes[node].logs.count { $0.contains("does not move") } == 1)
    }

    // Somebody who has it comes: it is fetched again, and everything moves.
    _ = world.connect(1, 0)
    #expect(world.runUntil { world.nodes[2].levels.contains(link) })
    for _ in 0..<20 { world.step(milliseconds: 500) }
    let well = try peer(of: 0, like: 2, world)
    #expect(well.wedge == nil && well.changesBehind == 0)
    #expect(well.oldestUnacknowledgedMilliseconds == nil)
    #expect(world.nodes[0].logs.contains { $0.contains("moves again") })
    #expect(world.nodes[0].engine.links[link] != nil)
  }

  /// What the status of one node says of another.
  private func peer(of node: Int, like other: Int, _ world: World) throws -> KnownPeer {
    let device = Engine.hexadecimal(world.nodes[other].store.identity.device.publicKey.array)
    let status = try world.nodes[node].engine.status(at: world.instant)
    return try #require(status.peers.first { $0.device == device })
  }

  @Test("the oldest change that an absent peer lacks has an age by this device's clock")
  func absentPeer() throws {
    let world = try World.members(2, seed: 112)
    try world.set(0, "n", 1)
    world.now += 90_000
    try world.set(0, "m", 1)
    let peer = try #require(try world.nodes[0].engine.status(at: world.instant).peers.first)
    #expect(!peer.isConnected && peer.wedge == nil)
    #expect(peer.changesBehind == 0, "nothing is sealed for nobody")
    #expect(peer.oldestUnacknowledgedMilliseconds == 90_000)
  }
}
