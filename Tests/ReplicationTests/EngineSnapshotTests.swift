import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import Segments
import SyncProtocol
import Testing

@testable import Replication

@Suite("Snapshots on links")
struct EngineSnapshotTests {
  /// Members that hold so many notes, each of about `bytes`, and another one that has been invited.
  private func world(
    seed: UInt64, members: Int = 2, notes: Int, bytes: Int = 20, changesMin: UInt64? = 10
  ) throws -> (World, joiner: Int) {
    let world = try World.members(members, seed: seed)
    for node in 0..<members {
      world.nodes[node].configuration.limits.snapshotChangesMin = changesMin
      try world.restart(node)
    }
    for number in 0..<notes {
      try world.set(0, "n\(number)", .string(String(repeating: "x", count: bytes)))
    }
    for node in 1..<members {
      let link = world.connect(node, 0)
      world.runUntil { world.nodes[node].levels.contains(link) }
      world.cut(link)
    }
    let joiner = try world.join(try world.invite(from: 0))
    world.nodes[joiner].configuration.limits.snapshotChangesMin = changesMin
    try world.restart(joiner)
    return (world, joiner)
  }

  private func admit(_ joiner: Int, by node: Int, _ world: World) {
    let link = world.connect(joiner, node)
    world.runUntil { world.nodes[joiner].isAdmitted }
    world.cut(link)
  }

  private func isEqual(_ world: World, _ node: Int, _ other: Int) throws -> Bool {
    let (one, two) = (world.nodes[node].store, world.nodes[other].store)
    return try one.appliedVector == two.appliedVector && one.stateDigest() == two.stateDigest()
  }

  @Test("a new device takes a snapshot, and then the changes of both flow")
  func joins() throws {
    let (world, joiner) = try world(seed: 91, notes: 40)
    let link = world.connect(joiner, 0)
    #expect(world.runUntil { world.nodes[joiner].levels.contains(link) })
    #expect(try isEqual(world, joiner, 0))
    let figures = try #require(world.nodes[joiner].engine.link(link, at: world.instant))
    #expect(figures.snapshotDocuments == 40)
    #expect(figures.traffic.receivedSegments == 0)
    try world.set(joiner, "of the new one", .bool(true))
    try world.set(0, "of the old one", .bool(true))
    #expect(try world.runUntil { try isEqual(world, joiner, 0) })
    let after = try #require(world.nodes[joiner].engine.link(link, at: world.instant))
    #expect(after.traffic.receivedChanges == 1)
  }

  @Test("one with few changes to get is sent segments")
  func fewChanges() throws {
    let (world, joiner) = try world(seed: 92, notes: 5)
    let link = world.connect(joiner, 0)
    #expect(world.runUntil { world.nodes[joiner].levels.contains(link) })
    let figures = try #require(world.nodes[joiner].engine.link(link, at: world.instant))
    #expect(figures.snapshotDocuments == 0)
    #expect(figures.traffic.receivedChanges == 5)
  }

  @Test("one that knows nothing of snapshots is sent segments")
  func olderRelease() throws {
    let (world, joiner) = try world(seed: 93, notes: 40)
    world.nodes[joiner].configuration.limits.snapshotChangesMin = nil
    try world.restart(joiner)
    let link = world.connect(joiner, 0)
    #expect(world.runUntil { world.nodes[joiner].levels.contains(link) })
    #expect(try isEqual(world, joiner, 0))
  }

  @Test("a cut at any point loses nothing that has come", arguments: [2, 3, 5, 8, 13])
  func cuts(every: Int) throws {
    // Several parts, so that there is something to go on with.
    let (world, joiner) = try world(seed: 94, notes: 60, bytes: 20_000)
    world.piecesMax = 200_000
    admit(joiner, by: 0, world)
    var most: UInt64 = 0
    var cuts = 0
    while try !isEqual(world, joiner, 0), cuts < 500 {
      let link = world.connect(joiner, 0)
      world.runUntil(steps: 30 * every) { (try? isEqual(world, joiner, 0)) ?? true }
      let progress = try world.nodes[joiner].store.snapshotProgress()
      if let progress {
        #expect(progress.documents >= most)
        most = progress.documents
        // Meanwhile life goes on.
        try world.set(0, "in cut \(cuts)", .integer(Int64(cuts)))
      }
      world.cut(link)
      cuts += 1
    }
    #expect(try isEqual(world, joiner, 0))
  }

  @Test("of several givers one is asked, and all go on afterwards")
  func severalGivers() throws {
    let (world, joiner) = try world(seed: 95, members: 3, notes: 40)
    admit(joiner, by: 0, world)
    let links = (0..<3).map { world.connect(joiner, $0) }
    #expect(world.runUntil { links.allSatisfy { world.nodes[joiner].levels.contains($0) } })
    #expect(try isEqual(world, joiner, 0))
    let documents = links.map {
      world.nodes[joiner].engine.link($0, at: world.instant)?.snapshotDocuments ?? 0
    }
    #expect(documents.sorted() == [0, 0, 40])
    try world.set(2, "later", .bool(true))
    #expect(try world.runUntil { try isEqual(world, joiner, 2) })
  }

  @Test("a giver that goes away is followed by the next")
  func nextGiver() throws {
    let (world, joiner) = try world(seed: 96, members: 3, notes: 60, bytes: 20_000)
    admit(joiner, by: 0, world)
    let first = world.connect(joiner, 1)
    world.runUntil { (try? world.nodes[joiner].store.snapshotProgress()) != nil }
    let second = world.connect(joiner, 2)
    for _ in 0..<40 { world.step() }
    world.cut(first)
    #expect(world.runUntil { world.nodes[joiner].levels.contains(second) })
    #expect(try isEqual(world, joiner, 2))
  }

  @Test("whoever lacks what was dropped gets a snapshot, also while it is linked")
  func belowTheFloor() throws {
    let (world, joiner) = try world(seed: 97, notes: 30, changesMin: 1_000_000)
    // All members have all, and say so; the joiner is none yet.
    let link = world.connect(1, 0)
    world.runUntil { (try? world.nodes[0].store.stableCut().holders.isEmpty) == true }
    world.cut(link)
    let store = world.nodes[0].store
    var compaction = try store.beginCompaction(below: try store.stableCut().version)
    while !compaction.isFinished { try store.step(&compaction) }
    #expect(compaction.droppedSegments > 0)
    world.run(world.nodes[0].engine.compacted(at: world.instant), 0)
    let joining = world.connect(joiner, 0)
    #expect(world.runUntil { world.nodes[joiner].levels.contains(joining) })
    #expect(try isEqual(world, joiner, 0))
    #expect(try !world.nodes[joiner].store.segmentFloor().isEmpty)
    #expect(world.nodes[joiner].failures.isEmpty && world.nodes[0].failures.isEmpty)
  }

  @Test("one that cannot take a snapshot is told what is gone")
  func cannotTake() throws {
    let (world, joiner) = try world(seed: 98, notes: 30, changesMin: 1_000_000)
    world.nodes[joiner].configuration.limits.snapshotChangesMin = nil
    try world.restart(joiner)
    let link = world.connect(1, 0)
    world.runUntil { (try? world.nodes[0].store.stableCut().holders.isEmpty) == true }
    world.cut(link)
    let store = world.nodes[0].store
    var compaction = try store.beginCompaction(below: try store.stableCut().version)
    while !compaction.isFinished { try store.step(&compaction) }
    _ = world.connect(joiner, 0)
    #expect(
      world.runUntil {
        world.nodes[joiner].reports.contains { $0.sentence.contains("not held here any more") }
      })
  }

  @Test("two who have dropped different things do not take each other's snapshots")
  func differentFloors() throws {
    // Each of the new ones has all that its giver had, and nothing as segments.
    let (world, first) = try world(seed: 99, notes: 30)
    let second = try world.join(try world.invite(from: 0))
    world.nodes[second].configuration.limits.snapshotChangesMin = 10
    try world.restart(second)
    admit(first, by: 0, world)
    admit(second, by: 0, world)
    try world.set(0, "only with the first", .bool(true))
    try world.set(1, "only with the second", .bool(true))
    for (joiner, giver) in [(first, 0), (second, 1)] {
      let link = world.connect(joiner, giver)
      world.runUntil { world.nodes[joiner].levels.contains(link) }
      world.cut(link)
    }
    for joiner in [first, second] {
      #expect(try !world.nodes[joiner].store.segmentFloor().isEmpty)
    }
    let between = world.connect(first, second)
    for _ in 0..<2_000 { world.step() }
    world.cut(between)
    for joiner in [first, second] { #expect(try world.nodes[joiner].store.check() == []) }
    // Whoever has the segments makes all of them whole.
    for node in [1, first, second] { _ = world.connect(node, 0) }
    #expect(try world.runUntil(steps: 8_000) { try world.isConverged() })
  }

  @Test("parts that nobody has asked for are left")
  func unasked() throws {
    var configuration = SessionConfiguration(
      role: .replica, origin: Origin(high: 1, low: 1), tips: [],
      recordDigest: [UInt8](repeating: 0, count: 32))
    configuration.takesSnapshots = true
    var session = SyncSession(configuration)
    _ = session.start(now: 0)
    var hello = Hello(
      role: .replica, flow: .both, wish: .everything, origin: Origin(high: 2, low: 2),
      windowBytes: 1_000, recordDigest: [UInt8](repeating: 0, count: 32))
    hello.features = Hello.takesSnapshots
    _ = session.receive(.hello(hello), now: 0)
    _ = session.receive(.tips([], isLast: true), now: 0)
    #expect(session.isRunning)
    #expect(session.receive(.snapshotPart([1], isLast: true), now: 0).isEmpty)
  }
}
