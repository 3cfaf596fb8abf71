import Causality
import Documents
import JSONCoding
import SQLiteBridge
import SegmentStore
import Segments
import SyncProtocol
import TestSupport
import Testing

@testable import ReplicaStore
@testable import Replication

@Suite("Damaged segments")
struct DamageTests {
  /// Lets a segment of a node's store rot.
  private func rot(_ world: World, _ node: Int, of author: Int, from sequence: UInt64) throws {
    let store = world.nodes[node].store
    let origin = world.nodes[author].store.identity.origin
    try store.connection.execute(
      """
      UPDATE segment SET bytes = zeroblob(length(bytes)) WHERE first_sequence = ? AND origin =
        (SELECT id FROM segment_origin WHERE origin = ?)
      """, .integer(Int64(sequence)), .blob(origin.bytes))
    #expect(store.connection.changedRowCount == 1)
    // Nothing of what was sent just now is served from memory.
    try world.restart(node)
  }

  /// So many changes of one of the first two, each in a segment of its own that both have.
  private func write(_ count: Int, on node: Int, in world: World) throws {
    let link = world.connect(1, 0)
    for number in 1...count {
      try world.set(node, "n", .integer(Int64(number)))
      #expect(
        world.runUntil {
          world.nodes[0].store.appliedVector == world.nodes[1].store.appliedVector
        })
    }
    world.cut(link)
  }

  @Test("others get everything else, and it is fetched from whoever has it, and sent on")
  func fetched() throws {
    let world = try World.members(3, seed: 5)
    try write(4, on: 1, in: world)
    try rot(world, 0, of: 1, from: 2)
    try world.set(0, "own", "of the first")

    // The third gets what can be read.
    let link = world.connect(2, 0)
    let (first, second) = (
      world.nodes[0].store.identity.origin, world.nodes[1].store.identity.origin
    )
    func stored(of origin: Origin) throws -> UInt64? {
      try world.nodes[2].store.storedTips().first { $0.origin == origin }?.position.sequence
    }
    #expect(try world.runUntil { try stored(of: first) == 1 })
    #expect(try stored(of: second) == 1)
    #expect(world.nodes[0].logs.contains { $0.contains("is damaged") })
    #expect(world.nodes[0].failures.isEmpty && world.nodes[2].failures.isEmpty)
    #expect(world.nodes[0].store.damagedSegments.map(\.sequences) == [2...2])

    // The author comes: it is fetched, and the third gets it over the link that it has.
    _ = world.connect(1, 0)
    #expect(world.runUntil { world.nodes[2].store.appliedVector[second] == 4 })
    #expect(world.nodes[0].store.damagedSegments.isEmpty)
    #expect(try world.nodes[0].store.check() == [])
    #expect(world.runUntil { world.nodes[2].levels.contains(link) })
    #expect(try world.isConverged())
  }

  @Test("a replica's own segment comes back from a peer")
  func own() throws {
    let world = try World.members(3, seed: 6)
    try write(3, on: 0, in: world)
    try rot(world, 0, of: 0, from: 3)
    _ = world.connect(2, 0)
    let again = world.connect(1, 0)
    let origin = world.nodes[0].store.identity.origin
    #expect(world.runUntil { world.nodes[2].store.appliedVector[origin] == 3 })
    #expect(world.runUntil { world.nodes[0].levels.contains(again) })
    #expect(world.nodes[0].store.identity.origin == origin)
    #expect(try world.nodes[0].store.check() == [])
    #expect(try world.isConverged())
  }

  @Test("who is linked only until both are level has it by then")
  func oneShot() throws {
    let world = try World.members(2, seed: 9)
    try write(3, on: 1, in: world)
    try rot(world, 0, of: 1, from: 2)
    _ = try world.nodes[0].store.check()
    #expect(world.nodes[0].store.damagedSegments.count == 1)
    let link = world.connect(1, 0)
    #expect(world.runUntil { world.nodes[0].levels.contains(link) })
    #expect(world.nodes[0].store.damagedSegments.isEmpty)
    #expect(try world.nodes[0].store.check() == [])
  }

  @Test("a peer that has only a part of it, or nothing to give, is not asked for ever")
  func nobody() throws {
    let world = try World.members(2, seed: 7)
    try world.set(0, "n", 1)
    let link = world.connect(1, 0)
    #expect(world.runUntil { world.nodes[1].levels.contains(link) })
    world.cut(link)
    for node in 0...1 { try rot(world, node, of: 0, from: 1) }
    for node in 0...1 {
      _ = try world.nodes[node].store.check()
      #expect(world.nodes[node].store.damagedSegments.count == 1)
    }
    let again = world.connect(1, 0)
    let before = world.bytesCrossed
    for _ in 0..<300 { world.step() }
    #expect(world.streams[again] != nil)
    #expect(world.bytesCrossed - before < 200_000)
    try world.set(1, "other", 2)
    let second = world.nodes[1].store.identity.origin
    #expect(world.runUntil { world.nodes[0].store.appliedVector[second] == 1 })
  }
}
