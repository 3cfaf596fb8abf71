import Causality
import Documents
import ReplicaStore
import Sealing
import Segments
import SyncProtocol
import Testing

@testable import Replication

@Suite("Presence among engines")
struct PresenceTests {
  private func show(_ text: String?, _ world: World, _ node: Int) throws {
    let effects = world.nodes[node].engine.setPresence(
      text.map { Array($0.utf8) }, at: world.instant)
    world.run(try #require(effects), node)
  }

  /// What a node sees of others.
  private func seen(_ world: World, _ node: Int) -> [String] {
    world.nodes[node].engine.presentDevices(at: world.instant).map {
      String(decoding: $0.state, as: UTF8.self)
    }.sorted()
  }

  /// Replicas whose links a declaration makes.
  private func wired(_ kind: Topology.Kind, _ count: Int, seed: UInt64) throws -> World {
    let world = try World.members(count, seed: seed)
    let addresses = (0..<count).map { "tcp://x:\($0)" }
    let topology = Topology(
      kind: kind, members: addresses, hubs: kind == .star ? [addresses[0]] : [])
    for index in world.nodes.indices {
      world.nodes[index].configuration = EngineConfiguration(
        topology: topology, selfAddress: addresses[index])
      world.nodes[index].engine = try Engine(
        store: world.nodes[index].store, configuration: world.nodes[index].configuration,
        entropy: world.entropy, at: world.instant)
      world.run(world.nodes[index].engine.start(at: world.instant), index)
    }
    #expect(world.runUntil { (try? world.isConverged()) == true })
    for _ in 0..<100 { world.step() }
    return world
  }

  @Test("reaches everybody once over a ring, a star and a mesh, and nothing goes round for ever")
  func everybody() throws {
    for kind in Topology.Kind.allCases {
      let world = try wired(kind, 5, seed: 121)
      // Heartbeats and receipts, for comparison.
      let before = world.bytesCrossed
      for _ in 0..<400 { world.step() }
      let quiet = world.bytesCrossed - before
      try show("two", world, 2)
      let others = [0, 1, 3, 4]
      #expect(world.runUntil { others.allSatisfy { self.seen(world, $0) == ["two"] } }, "\(kind)")
      #expect(seen(world, 2).isEmpty)
      let after = world.bytesCrossed
      for _ in 0..<400 { world.step() }
      // Less than 2 s: at most one repetition, which crosses each link once in each direction.
      #expect(world.bytesCrossed - after <= quiet + 2 * 2 * 10 * 400, "\(kind)")
    }
  }

  @Test("expires by the receiver's clock when its device is gone, and not before")
  func expiry() throws {
    let world = try World.members(2, seed: 122)
    let link = world.connect(1, 0)
    #expect(world.runUntil { world.nodes[0].levels.contains(link) })
    try show("here", world, 1)
    #expect(world.runUntil { self.seen(world, 0) == ["here"] })
    // Repeated, it stays.
    for _ in 0..<240 { world.step(milliseconds: 500) }
    #expect(seen(world, 0) == ["here"])
    world.cut(link)
    let cutAt = world.now
    world.now = cutAt + PresenceBoard.lifetimeMilliseconds - PresenceBoard.repeatMilliseconds - 1
    #expect(seen(world, 0) == ["here"])
    world.now = cutAt + PresenceBoard.lifetimeMilliseconds
    #expect(seen(world, 0).isEmpty)
  }

  @Test("taken back it is gone at once; a process that starts again shows its own")
  func takenBack() throws {
    let world = try World.members(3, seed: 123)
    _ = world.connect(1, 0)
    _ = world.connect(2, 0)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    try show("a", world, 1)
    try show("b", world, 2)
    #expect(world.runUntil { self.seen(world, 0) == ["a", "b"] && self.seen(world, 1) == ["b"] })
    try show(nil, world, 1)
    #expect(world.runUntil { self.seen(world, 0) == ["b"] && self.seen(world, 2).isEmpty })
    try world.restart(2)
    _ = world.connect(2, 0)
    try show("c", world, 2)
    #expect(world.runUntil { self.seen(world, 1).contains("c") })
  }

  @Test("whoever comes later sees who is there already")
  func latecomers() throws {
    let world = try World.members(3, seed: 124)
    let link = world.connect(1, 0)
    #expect(world.runUntil { world.nodes[0].levels.contains(link) })
    try show("first", world, 1)
    #expect(world.runUntil { self.seen(world, 0) == ["first"] })
    _ = world.connect(2, 0)
    #expect(world.runUntil(steps: 200) { self.seen(world, 2) == ["first"] })
  }

  @Test("what changes many times in a moment is sent once, the newest of it")
  func coalesced() throws {
    let world = try World.members(2, seed: 125)
    let link = world.connect(1, 0)
    #expect(world.runUntil { world.nodes[0].levels.contains(link) })
    for number in 0..<200 { try show("\(number)", world, 1) }
    #expect(world.runUntil { self.seen(world, 0) == ["199"] })
    #expect(
      world.nodes[1].engine.setPresence(
        [UInt8](repeating: 0, count: PresenceNote.stateBytesMax + 1), at: world.instant) == nil)
    #expect(seen(world, 0) == ["199"])
  }

  @Test("notes of strangers, of other workspaces and bytes without meaning change nothing")
  func forgeries() throws {
    let world = try World.members(2, seed: 126)
    let link = world.connect(1, 0)
    #expect(world.runUntil { world.nodes[0].levels.contains(link) })
    let engine = world.nodes[0].engine
    let identity = world.nodes[1].store.identity
    func note(_ device: SigningKey, _ workspace: WorkspaceID) throws -> [UInt8] {
      try #require(
        PresenceNote(
          [1], run: 1, number: 1, lifetimeMilliseconds: 30_000, workspace: workspace,
          key: identity.key, keyEpoch: identity.keyEpoch, by: device, entropy: world.entropy)
      ).bytes
    }
    let stranger = DeviceKeys(entropy: world.entropy).signing
    let forged = [
      try note(stranger, identity.workspace),
      try note(identity.device.signing, WorkspaceID(world.entropy.bytes32())), [1, 2, 3],
    ]
    let connection = try #require(engine.links[link])
    for bytes in forged { engine.take(presence: bytes, hops: 5, connection) }
    #expect(seen(world, 0).isEmpty)
    engine.take(
      presence: try note(identity.device.signing, identity.workspace), hops: 5, connection)
    #expect(seen(world, 0).count == 1)
  }
}
