import Causality
import Documents
import JSONCoding
import SQLiteBridge
import TestSupport
import Testing

@testable import ReplicaStore
@testable import Replication

/// One turn of an engine does only so much, so that nobody waits long for theirs.
@Suite("Turns of an engine")
struct TurnTests {
  /// Replica 0 is linked to the others; its turns are small.
  private func world(_ count: Int, seed: UInt64, work: WorkLimit) throws -> World {
    let world = try World.members(count, seed: seed)
    let node = world.nodes[0]
    node.configuration.limits.work = work
    node.configuration.limits.workBesideOthers = work
    node.configuration.limits.turnBytes = 4_096
    node.engine = try Engine(
      store: node.store, configuration: node.configuration, entropy: world.entropy,
      at: world.instant)
    return world
  }

  /// Commits without telling the engine, so that all of it is sealed when a peer is met.
  private func write(_ count: Int, at node: Int, of world: World) throws {
    let store = world.nodes[node].store
    for number in 0..<count {
      let result = try store.group(now: world.instant.wall, entropy: world.entropy) { group in
        group.transaction { transaction in
          try transaction.edit(transaction.create()).set(
            DocumentPath([.key("n")]), to: .integer(Int64(number)))
        }
      }
      _ = try result.get()
    }
  }

  @Test("a long segment is stored in one turn, applied in several, and level when all is shown")
  func longSegments() throws {
    let world = try world(2, seed: 1, work: WorkLimit(changes: 10, bytes: 1 << 20))
    try write(95, at: 1, of: world)
    let link = world.connect(1, 0)
    let node = world.nodes[0]
    var counts: Set<UInt64> = []
    let before = node.store.appliedVector
    let isShown = world.runUntil {
      let applied = node.store.appliedVector.changeCount(beyond: before)
      counts.insert(applied)
      if node.levels.contains(link) { #expect(applied == 95) }
      if applied < 95, applied > 0 { #expect(node.engine.hasMore) }
      return node.levels.contains(link)
    }
    #expect(isShown)
    #expect(counts.allSatisfy { $0 % 10 == 0 || $0 == 95 } && counts.count > 5, "\(counts)")
    #expect(!node.engine.hasMore && node.engine.nextDeadline > world.now)
    #expect(try world.isConverged())
  }

  @Test("a small change overtakes a backlog that came before it")
  func smallOnes() throws {
    let world = try world(3, seed: 2, work: WorkLimit(changes: 1, bytes: 1 << 20))
    try write(200, at: 1, of: world)
    let node = world.nodes[0]
    let quick = world.connect(2, 0)
    _ = world.runUntil { node.levels.contains(quick) }
    _ = world.connect(1, 0)
    let backlog = world.nodes[1].store.identity.origin
    _ = world.runUntil { node.store.appliedVector[backlog] > 3 }
    let id = try world.set(2, "quick", 1)
    let isThere = try world.runUntil { try node.store.document(id) != nil }
    #expect(isThere)
    #expect(node.store.appliedVector[backlog] < 150)
    #expect(world.runUntil { (try? world.isConverged()) == true })
  }

  @Test("what is unsealed is sealed turn by turn, and only then is everybody told that it is all")
  func sealing() throws {
    let world = try world(2, seed: 3, work: .large)
    try write(400, at: 0, of: world)
    let link = world.connect(0, 1)
    var counts: Set<UInt64> = []
    let node = world.nodes[0]
    let isLevel = try world.runUntil {
      let rest = try node.store.unsealedCount()
      counts.insert(rest)
      if rest > 0 {
        #expect(!world.nodes[1].levels.contains(link) && !node.levels.contains(link))
      }
      return world.nodes[1].levels.contains(link) && node.levels.contains(link)
    }
    #expect(isLevel)
    #expect(counts.count > 3)
    #expect(try world.isConverged())
  }

  @Test("while somebody works here, less is sealed in a turn", arguments: [false, true])
  func sealingBesideOthers(isAttended: Bool) throws {
    let world = try world(2, seed: 6, work: WorkLimit(changes: 1_000, bytes: 4_096))
    let node = world.nodes[0]
    node.configuration.limits.turnBytes = 1 << 20
    // Rows that are put together are sealed in one go.
    node.configuration.limits.tidyMilliseconds = 1 << 40
    node.engine = try Engine(
      store: node.store, configuration: node.configuration, entropy: world.entropy,
      at: world.instant)
    try write(400, at: 0, of: world)
    if isAttended { world.run(node.engine.committed(at: world.instant), 0) }
    let link = world.connect(0, 1)
    var counts: Set<UInt64> = []
    let isLevel = try world.runUntil {
      counts.insert(try node.store.unsealedCount())
      return world.nodes[1].levels.contains(link) && node.levels.contains(link)
    }
    #expect(isLevel)
    #expect(isAttended ? counts.count > 3 : counts.count == 2, "\(counts)")
  }

  @Test("leaving in good order seals and takes over all that is left")
  func leaving() throws {
    let world = try world(2, seed: 4, work: WorkLimit(changes: 1, bytes: 1))
    try write(300, at: 0, of: world)
    try write(20, at: 1, of: world)
    _ = world.connect(0, 1)
    let node = world.nodes[0]
    _ = world.runUntil { node.engine.hasMore }
    world.run(node.engine.shutDown(at: world.instant), 0)
    #expect(try node.store.unsealedCount() == 0)
    #expect(!node.engine.hasMore)
    // Also what peers had asked for and one turn does not get to.
    for _ in 0..<200 { world.step() }
    let own = node.store.identity.origin
    #expect(world.nodes[1].store.appliedVector[own] == node.store.appliedVector[own])
  }

  /// Replica 0 is in a file, applies ten changes a turn, and has no link; replica 1 has written 95
  /// changes since, under an origin of which so many are applied.
  private func behind(
    seed: UInt64
  ) throws -> (world: World, file: StoreFile, origin: Origin, before: UInt64) {
    let file = try StoreFile()
    let world = World(seed: seed)
    _ = try world.add(
      try ReplicaStore.create(
        file.options, .workspace(name: "founder"), now: world.instant.wall, entropy: world.entropy)
    ) {
      $0.limits.work = WorkLimit(changes: 10, bytes: 1 << 20)
      $0.limits.workBesideOthers = $0.limits.work
    }
    _ = try world.join(try world.invite(from: 0))
    let link = world.connect(1, 0)
    _ = world.runUntil { world.nodes[0].levels.contains(link) }
    world.cut(link)
    try write(95, at: 1, of: world)
    let origin = world.nodes[1].store.identity.origin
    return (world, file, origin, world.nodes[0].store.appliedVector[origin])
  }

  @Test("what is ready is gone on with after another process has committed in between")
  func otherProcesses() throws {
    let (world, file, origin, before) = try behind(seed: 5)
    let node = world.nodes[0]
    // Whoever opens a store applies what is ready.
    let other = try ReplicaStore.open(file.options)
    let link = world.connect(1, 0)
    _ = world.runUntil { node.store.appliedVector[origin] > before }
    #expect(node.engine.hasMore && node.store.appliedVector[origin] < before + 95)
    let result = try other.group(now: world.instant.wall, entropy: world.entropy) { group in
      group.transaction { transaction in
        try transaction.edit(transaction.create()).set(DocumentPath([.key("n")]), to: 1)
      }
    }
    _ = try result.get()
    // All of it has come; only the turns are missing.
    world.run(node.engine.storeChanged(at: world.instant), 0)
    #expect(node.engine.hasMore && !node.levels.contains(link))
    while node.engine.hasMore { world.run(node.engine.goOn(at: world.instant), 0) }
    #expect(node.store.appliedVector[origin] == before + 95)
    other.close()
  }

  @Test("what another process has stored, and has ended before it was applied, is applied in time")
  func endedProcesses() throws {
    let (world, file, origin, before) = try behind(seed: 7)
    let node = world.nodes[0]
    let other = try ReplicaStore.open(file.options)
    let engine = try Engine(store: other, entropy: world.entropy, at: world.instant)
    _ = world.connect(1, 0)
    _ = world.runUntil { node.store.appliedVector[origin] > before }
    node.isDown = true
    _ = engine.storeChanged(at: world.instant)
    #expect(other.appliedVector[origin] < before + 95)
    #expect(engine.nextDeadline > world.now && engine.nextDeadline <= world.now + 1_000)
    world.now += 1_000
    while engine.nextDeadline <= world.now { _ = engine.tick(at: world.instant) }
    #expect(other.appliedVector[origin] == before + 95)
    other.close()
  }

  @Test("what cannot be applied is tried again in time, and nobody is told that it is shown")
  func failing() throws {
    let (world, file, origin, before) = try behind(seed: 6)
    let node = world.nodes[0]
    let link = world.connect(1, 0)
    _ = world.runUntil { node.store.appliedVector[origin] > before }
    // Somebody else writes and does not come to an end.
    var options = file.options
    options.busyTimeoutMilliseconds = 0
    let other = try SQLiteConnection(options)
    try other.execute("BEGIN IMMEDIATE")
    world.run(node.engine.goOn(at: world.instant), 0)
    #expect(!node.engine.hasMore && !node.levels.contains(link))
    let due = node.engine.nextDeadline
    #expect(due > world.now && due <= world.now + 1_000)
    try other.execute("COMMIT")
    #expect(world.runUntil { node.levels.contains(link) })
    #expect(node.store.appliedVector[origin] == before + 95)
    other.close()
  }

  /// Writes on the first node, and tells its engine.
  private func commit(in world: World) throws {
    try write(1, at: 0, of: world)
    _ = try world.nodes[0].store.unsealedCount()
    world.run(world.nodes[0].engine.committed(at: world.instant), 0)
  }

  @Test("what commits leave in small pieces is put together when nobody has committed for a while")
  func tidying() throws {
    let world = try World.members(1, seed: 8)
    let node = world.nodes[0]
    node.store.tidyLimits.looseRowsMax = 3
    node.store.tidyLimits.quietDivisor = 1
    func commit() throws { try self.commit(in: world) }
    for _ in 0..<8 {
      world.now += 99
      world.run(node.engine.tick(at: world.instant), 0)
      try commit()
    }
    #expect(node.store.wantsTidying && !node.store.needsTidying)
    #expect(node.engine.nextTimer == world.now + 100)
    world.now += 99
    world.run(node.engine.tick(at: world.instant), 0)
    #expect(node.store.wantsTidying)
    world.now += 1
    // Turn by turn.
    world.run(node.engine.tick(at: world.instant), 0)
    #expect(node.store.wantsTidying && node.engine.nextTimer == world.now)
    world.run(node.engine.tick(at: world.instant), 0)
    #expect(!node.store.wantsTidying && node.engine.tidyAt == nil)

    // Not for ever, and not when the store is closed.
    for _ in 0..<12 { try commit() }
    #expect(!node.store.needsTidying && node.store.wantsTidying)
    world.run(node.engine.finishTidying(at: world.instant), 0)
    #expect(!node.store.wantsTidying && node.engine.tidyAt == nil)
  }

  @Test("what could not be put together is not tried again with each commit")
  func failedTidying() throws {
    let world = try World.members(1, seed: 8)
    let node = world.nodes[0]
    node.store.tidyLimits.looseRowsMax = 3
    node.store.tidyLimits.quietDivisor = 1
    func commit() throws { try self.commit(in: world) }
    for _ in 0..<4 { try commit() }
    try node.store.connection.execute(
      """
      UPDATE unsealed SET block = zeroblob(length(block))
      WHERE first_sequence = (SELECT min(first_sequence) FROM unsealed)
      """)
    world.now += 100
    world.run(node.engine.tick(at: world.instant), 0)
    let again = world.now + 1_000
    #expect(node.engine.tidyAt == again)
    for _ in 0..<5 {
      world.now += 50
      try commit()
      #expect(node.store.wantsTidying && node.engine.tidyAt == again)
    }
  }
}
