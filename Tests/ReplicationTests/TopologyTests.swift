import Causality
import Documents
import JSONCoding
import ReplicaStore
import Segments
import SyncProtocol
import TestSupport
import Testing

@testable import Replication

/// Engines that derive their links from one declaration.
@Suite struct EngineTopologyTests {
  private static let kinds: [Topology] = [
    Topology(kind: .ring, members: addresses), Topology(kind: .mesh, members: addresses),
    Topology(kind: .star, members: addresses, hubs: ["tcp://x:0", "tcp://x:1"]),
  ]
  private static let addresses = (0..<4).map { "tcp://x:\($0)" }

  @Test func aRelayIsAskedToPushWhereItIsAllThatThereIs() {
    func knowsRelayAlone(_ kind: Topology.Kind, _ own: String, _ others: [String]) -> Bool {
      let topology = Topology(kind: kind, selfAddress: own, peers: others)
      return Place(topology: topology, selfAddress: own).knowsRelayAlone
    }
    #expect(knowsRelayAlone(.mesh, "", ["ws://relay:1/"]))
    #expect(knowsRelayAlone(.mesh, "", ["wss://relay:1/"]))
    #expect(!knowsRelayAlone(.mesh, "", ["ws://relay:1/", "ws://relay:2/"]))
    #expect(!knowsRelayAlone(.mesh, "", ["ws://relay:1/", "tcp://x:1"]))
    #expect(!knowsRelayAlone(.mesh, "", ["tcp://x:1"]))
    // Others may call, and push what they write.
    #expect(!knowsRelayAlone(.mesh, "tcp://x:0", ["ws://relay:1/"]))
  }

  private func wire(_ kind: Int, seed: UInt64) throws -> World {
    let world = try World.members(4, seed: seed)
    for (index, node) in world.nodes.enumerated() {
      node.configuration = EngineConfiguration(
        topology: Self.kinds[kind], selfAddress: Self.addresses[index])
      node.engine = try Engine(
        store: node.store, configuration: node.configuration, entropy: world.entropy,
        at: world.instant)
    }
    for index in world.nodes.indices {
      world.run(world.nodes[index].engine.start(at: world.instant), index)
    }
    return world
  }

  @Test(arguments: 0..<3, UInt64(1)...2)
  func everybodyGetsEverything(kind: Int, seed: UInt64) throws {
    let world = try wire(kind, seed: seed)
    for number in 0..<40 {
      _ = try world.set(number % 4, "n", .integer(Int64(number)))
      world.step()
    }
    #expect(world.runUntil { (try? world.isConverged()) == true }, "seed \(seed)")
  }

  @Test(arguments: 0..<3)
  func aMeshKeepsOneLinkForEachPairAndARingOneForEachMember(kind: Int) throws {
    let world = try wire(kind, seed: 5)
    for _ in 0..<600 { world.step() }
    let expected = [4, 6, 3][kind]
    #expect(world.streams.count == expected)
  }

  /// The others have not noticed that their links with it are dead.
  @Test(arguments: UInt64(1)...4)
  func aMeshMemberThatStartsAgainIsNotTurnedAwayForItsOldLinks(seed: UInt64) throws {
    let world = try wire(1, seed: seed)
    for _ in 0..<800 { world.step() }
    let again = Int(seed % 4)
    // What they send into those links goes nowhere, and nothing says so.
    for link in world.streams.keys.sorted() {
      guard let ends = world.streams[link]?[0].ends, ends.from == again || ends.to == again else {
        continue
      }
      world.streams[link] = nil
    }
    let node = world.nodes[again]
    node.engine = try Engine(
      store: node.store, configuration: node.configuration, entropy: world.entropy,
      at: world.instant)
    world.run(node.engine.start(at: world.instant), again)
    _ = try world.set((again + 1) % 4, "n", 1)
    _ = try world.set(again, "m", 2)
    // Less than the 15 seconds after which silence is noticed.
    #expect(world.runUntil(steps: 1_200) { (try? world.isConverged()) == true }, "seed \(seed)")
  }

  @Test(arguments: 0..<3, UInt64(1)...2)
  func aMemberThatDiesIsBridgedAndCatchesUpWhenItReturns(kind: Int, seed: UInt64) throws {
    let world = try wire(kind, seed: seed)
    for _ in 0..<200 { world.step() }
    let dead = 1
    world.nodes[dead].isDown = true
    for link in world.streams.keys.sorted() {
      guard let ends = world.streams[link]?[0].ends, ends.from == dead || ends.to == dead else {
        continue
      }
      world.cut(link, sparing: dead)
    }
    for number in 0..<20 {
      _ = try world.set([0, 2, 3][number % 3], "n", .integer(Int64(number)))
      world.step()
    }
    #expect(world.runUntil { (try? world.isConverged()) == true }, "seed \(seed): without it")
    world.nodes[dead].isDown = false
    try world.restart(dead)
    #expect(
      world.runUntil(steps: 20_000) { (try? world.isConverged()) == true }, "seed \(seed): with it")
    for _ in 0..<8_000 { world.step() }
    #expect(world.streams.count == [4, 6, 3][kind], "seed \(seed): the bridge is dropped")
  }
}
