import Causality
import Documents
import JSONCoding
import ReplicaStore
import Sealing
import Segments
import SyncProtocol
import TestSupport
import Testing

@testable import Replication

/// Engines that keep the links that one of them has declared for all.
@Suite("Engines and declared topologies")
struct DeclaredTopologyTests {
  /// Members that have declared nothing yet.
  private func members(_ count: Int, seed: UInt64) throws -> World {
    let world = try World.members(count, seed: seed)
    for node in world.nodes.indices { try start(node, of: world) }
    return world
  }

  private func start(_ number: Int, of world: World) throws {
    let node = world.nodes[number]
    node.configuration = EngineConfiguration()
    node.configuration.followsDeclaration = true
    node.engine = try Engine(
      store: node.store, configuration: node.configuration, entropy: world.entropy,
      at: world.instant)
    world.run(node.engine.start(at: world.instant), number)
  }

  private func declaration(
    _ shape: TopologyDeclaration.Shape, _ members: [Int], hubs: [Int] = [], of world: World
  ) -> TopologyDeclaration {
    TopologyDeclaration(
      shape: shape,
      members: members.map {
        .init(device: world.nodes[$0].store.identity.device.publicKey, address: "tcp://x:\($0)")
      }, hubs: hubs.map { "tcp://x:\($0)" })
  }

  private func declare(_ declaration: TopologyDeclaration, by node: Int, in world: World) throws {
    world.run(try world.nodes[node].engine.declare(declaration, at: world.instant), node)
  }

  /// Who has dialled whom, of the links that are there.
  private func links(_ world: World) -> Set<[Int]> {
    Set(world.streams.values.map { [$0[0].ends.from, $0[0].ends.to] })
  }

  private func follow(_ world: World, _ node: Int, seed: UInt64) throws {
    let held = try #require(world.nodes[node].store.topology?.name)
    let hasArrived = world.runUntil(steps: 20_000) {
      world.nodes.allSatisfy { $0.isDown || $0.store.topology?.name == held }
    }
    #expect(hasArrived, "seed \(seed)")
    for _ in 0..<8_000 { world.step() }
  }

  @Test("a mesh becomes a ring becomes a star, while all work on", arguments: UInt64(1)...3)
  func changes(seed: UInt64) throws {
    let world = try members(4, seed: seed)
    #expect(world.streams.isEmpty)
    var number = 0
    func work() throws {
      for _ in 0..<10 {
        number += 1
        _ = try world.set(number % 4, "n", .integer(Int64(number)))
        world.step()
      }
    }
    try work()
    try declare(declaration(.star, [0, 1, 2, 3], hubs: [0], of: world), by: 0, in: world)
    try follow(world, 0, seed: seed)
    #expect(links(world) == [[1, 0], [2, 0], [3, 0]], "seed \(seed)")
    try work()
    try declare(declaration(.ring, [2, 0, 3, 1], of: world), by: 3, in: world)
    try work()
    try follow(world, 3, seed: seed)
    #expect(links(world) == [[2, 0], [0, 3], [3, 1], [1, 2]], "seed \(seed)")
    try work()
    try declare(declaration(.mesh, [0, 1, 2, 3], of: world), by: 1, in: world)
    try follow(world, 1, seed: seed)
    #expect(world.streams.count == 6, "seed \(seed)")
    #expect(Set(links(world).map { $0.sorted() }).count == 6, "seed \(seed)")
    try work()
    #expect(world.runUntil { (try? world.isConverged()) == true }, "seed \(seed)")
    let pushes = world.nodes.map(\.engine.wish)
    #expect(pushes.allSatisfy { $0 == .firstHand })
  }

  @Test("of two declarations made at once and apart, all follow one", arguments: UInt64(1)...4)
  func apart(seed: UInt64) throws {
    let world = try members(4, seed: seed)
    // Two halves, each around a hub of its own: no link leads from one to the other.
    try declare(declaration(.star, [0, 1, 2, 3], hubs: [0], of: world), by: 0, in: world)
    try declare(declaration(.star, [0, 1, 2, 3], hubs: [2], of: world), by: 3, in: world)
    let areOne = world.runUntil(steps: 20_000) {
      let held = world.nodes.map { $0.store.topology?.name }
      return held[0] != nil && Set(held).count == 1
    }
    #expect(areOne, "seed \(seed)")
    for _ in 0..<8_000 { world.step() }
    let hub = try #require(world.nodes[0].store.topology?.declaration.hubs.first)
    let number = try #require(Int(hub.split(separator: ":").last ?? ""))
    let expected = Set((0..<4).filter { $0 != number }.map { [$0, number] })
    #expect(links(world) == expected, "seed \(seed)")
  }

  @Test("who was away and knows only a hub that is gone is called by the new one")
  func comesBack() throws {
    let world = try members(4, seed: 9)
    try declare(declaration(.star, [0, 1, 2, 3], hubs: [0], of: world), by: 0, in: world)
    try follow(world, 0, seed: 9)
    world.nodes[3].isDown = true
    for link in world.streams.keys.sorted() where world.streams[link]?[0].ends.from == 3 {
      world.cut(link, sparing: 3)
    }
    try declare(declaration(.star, [1, 2, 3], hubs: [1], of: world), by: 2, in: world)
    try follow(world, 2, seed: 9)
    world.nodes[0].isDown = true
    for link in world.streams.keys.sorted() where world.streams[link]?[0].ends.to == 0 {
      world.cut(link, sparing: 0)
    }
    world.nodes[3].isDown = false
    try world.restart(3)
    try follow(world, 2, seed: 9)
    #expect(links(world).contains([3, 1]) && links(world).contains([2, 1]))
  }

  @Test("who has no place in the ring calls a member, and gets and gives everything")
  func outsiders() throws {
    let world = try members(4, seed: 5)
    try declare(declaration(.ring, [0, 1, 2], of: world), by: 0, in: world)
    let link = world.connect(3, 0)
    _ = world.runUntil { world.nodes[3].levels.contains(link) }
    world.cut(link)
    try follow(world, 0, seed: 5)
    #expect(links(world) == [[0, 1], [1, 2], [2, 0], [3, 0]])
    _ = try world.set(3, "from", "outside")
    _ = try world.set(2, "from", "inside")
    #expect(world.runUntil { (try? world.isConverged()) == true })
  }

  @Test("what is no address on a network is never called")
  func paths() throws {
    let world = try members(2, seed: 6)
    var crooked = declaration(.mesh, [0, 1], of: world)
    crooked.hubs = ["/etc/passwd", "file:///etc/passwd"]
    crooked.members[1].address = "store.skerry"
    try declare(crooked, by: 0, in: world)
    for _ in 0..<200 { world.step() }
    #expect(world.nodes[0].engine.place?.topology.members == ["tcp://x:0"])
    #expect(world.nodes[0].engine.place?.topology.hubs == [])
    #expect(world.streams.isEmpty)
  }

  @Test("an engine that was given a topology keeps it")
  func override() throws {
    let world = try World.members(2, seed: 7)
    let node = world.nodes[0]
    node.engine = try Engine(
      store: node.store,
      configuration: EngineConfiguration(
        topology: Topology(kind: .mesh, members: ["tcp://x:0"]), selfAddress: "tcp://x:0"),
      entropy: world.entropy, at: world.instant)
    world.run(node.engine.start(at: world.instant), 0)
    try declare(declaration(.mesh, [0, 1], of: world), by: 0, in: world)
    for _ in 0..<400 { world.step() }
    #expect(world.streams.isEmpty)
  }
}
