import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Segments
import SyncProtocol
import Testing

@testable import Replication

@Suite("Who has a change")
struct DurabilityTests {
  private func last(_ world: World, _ node: Int) throws -> ChangeID {
    let store = world.nodes[node].store
    return ChangeID(
      origin: store.identity.origin, sequence: store.appliedVector[store.identity.origin])
  }

  private func holders(_ world: World, _ change: ChangeID) throws -> Int {
    try world.nodes[0].engine.holderCount(of: change)
  }

  @Test("nobody before it is sent, then each that has acknowledged it, also after it has left")
  func counts() throws {
    let world = try World.members(3, seed: 101)
    try world.set(0, "n", 1)
    let change = try last(world, 0)
    #expect(try holders(world, change) == 0)
    let first = world.connect(1, 0)
    #expect(world.runUntil { (try? self.holders(world, change)) == 1 })
    #expect(world.nodes[1].store.appliedVector.contains(change))
    let engine = world.nodes[0].engine
    #expect(engine.isHeldByLinks(change, by: 1) && !engine.isHeldByLinks(change, by: 2))
    world.cut(first)
    #expect(try holders(world, change) == 1)
    _ = world.connect(2, 0)
    #expect(world.runUntil { (try? self.holders(world, change)) == 2 })
    // By now it is saved.
    for _ in 0..<12 { world.step(milliseconds: 500) }
    try world.restart(0)
    #expect(try holders(world, change) == 2)
    #expect(!world.nodes[0].engine.isHeldByLinks(change, by: 1))
  }

  @Test("members behind a hub count when their receipts have come")
  func receipts() throws {
    let world = try World.members(3, seed: 102)
    _ = world.connect(0, 1)
    _ = world.connect(2, 1)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    try world.set(0, "n", 1)
    let change = try last(world, 0)
    #expect(world.runUntil { (try? self.holders(world, change)) == 1 })
    for _ in 0..<400 { world.step(milliseconds: 500) }
    #expect(try holders(world, change) == 2)
  }

  @Test("a peer that has no receipts is not waited for: it can show nothing of an earlier store")
  func noReceipts() throws {
    let world = try World.members(3, seed: 104)
    try world.set(0, "n", 0)
    let first = world.connect(1, 0)
    #expect(
      world.runUntil {
        world.nodes[1].store.appliedVector == world.nodes[0].store.appliedVector
      })
    world.cut(first)
    _ = try world.nodes[0].store.makeReceipt()
    #expect(try !world.nodes[0].store.receipts().isEmpty)
    #expect(try world.nodes[2].store.receipts().isEmpty)
    try world.set(0, "n", 1)
    let change = try last(world, 0)
    let start = world.now
    _ = world.connect(2, 0)
    #expect(world.runUntil { world.nodes[2].store.appliedVector.contains(change) })
    #expect(world.now - start < world.nodes[0].engine.limits.publishHoldMilliseconds / 2)
  }

  @Test("a peer that was put back to before the change does not count until it has it again")
  func regressions() throws {
    let world = World(seed: 103)
    _ = try world.found()
    let file = try StoreFile()
    let code = try world.invite(from: 0)
    let joining = ReplicaStore.Founding.joining(try Invitation(code: code), name: "joiner")
    _ = try world.add(
      try ReplicaStore.create(
        file.options, joining, now: world.instant.wall, entropy: world.entropy))
    let link = world.connect(1, 0)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    world.cut(link)
    world.nodes[1].store.close()
    let backup = try StoreFile(copying: file)
    let current = try world.add(try ReplicaStore.open(file.options))
    let second = world.connect(current, 0)
    try world.set(0, "n", 1)
    let change = try last(world, 0)
    #expect(world.runUntil { (try? self.holders(world, change)) == 1 })
    for _ in 0..<400 { world.step(milliseconds: 500) }
    world.cut(second)
    #expect(try holders(world, change) == 1)

    let restored = try world.add(try ReplicaStore.open(backup.options))
    let third = world.connect(restored, 0)
    #expect(world.runUntil { world.nodes[0].engine.links[third]?.link.session?.isRunning == true })
    #expect(try holders(world, change) == 0)
    #expect(world.runUntil { (try? self.holders(world, change)) == 1 })
  }

  @Test("a change that got a new name is asked for under that")
  func renamed() throws {
    // Two processes on one file and its copy, each with a change of its own under one name.
    let original = try StoreFile()
    let world = World(seed: 104)
    let founder = try ReplicaStore.create(
      original.options, .workspace(name: "founder"), now: world.instant.wall,
      entropy: world.entropy)
    founder.close()
    let copy = try StoreFile(copying: original)
    let kept = try world.add(try ReplicaStore.open(original.options))
    let twin = try world.add(try ReplicaStore.open(copy.options))
    try world.set(kept, "n", 1)
    try world.set(twin, "n", 2)
    let ours = try last(world, kept)
    #expect(try last(world, twin) == ours)
    _ = world.connect(twin, kept)
    #expect(world.runUntil(steps: 8_000) { (try? world.isConverged()) == true })
    let names = try [kept, twin].map { try world.nodes[$0].engine.currentName(of: ours) }
    #expect(Set(names).count == 2, "the two changes of one name have two names now: \(names)")
    for (node, name) in zip([kept, twin], names) {
      #expect(world.nodes[node].store.appliedVector.contains(name))
      // The twin is the same device: it is no other replica that could be counted.
      #expect(try world.nodes[node].engine.holderCount(of: ours) == 0)
    }
  }

  @Test("what another process waits for is saved soon, and only then")
  func betweenProcesses() throws {
    let file = try StoreFile()
    let world = World(seed: 105)
    let serving = try world.add(
      try ReplicaStore.create(
        file.options, .workspace(name: "founder"), now: world.instant.wall, entropy: world.entropy))
    let joiner = try world.join(try world.invite(from: serving))
    _ = world.connect(joiner, serving)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    for _ in 0..<1_200 { world.step() }

    // A process without links on the same file.
    let other = try ReplicaStore.open(file.options)
    let engine = try Engine(store: other, entropy: world.entropy, at: world.instant)
    func commit() throws -> ChangeID {
      let result = try other.group(now: world.instant.wall, entropy: world.entropy) { group in
        group.transaction { transaction in
          try transaction.edit(transaction.create()).set(DocumentPath([.key("n")]), to: 1)
        }
      }
      _ = try result.get()
      _ = engine.committed(at: world.instant)
      return ChangeID(
        origin: other.identity.origin, sequence: other.appliedVector[other.identity.origin])
    }
    func steps(_ change: ChangeID) throws -> Int {
      for step in 0..<2_000 {
        world.run(world.nodes[serving].engine.storeChanged(at: world.instant), serving)
        world.step()
        _ = engine.storeChanged(at: world.instant)
        if try engine.holderCount(of: change) == 1 { return step }
      }
      return .max
    }
    let unasked = try commit()
    #expect(try steps(unasked) > 500)
    let change = try commit()
    try engine.awaitHolders(of: change)
    #expect(try steps(change) < 200)
    try engine.endAwaiting(change)
    #expect(try steps(try commit()) > 500)
    other.close()
  }
}
