import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Segments
import SyncProtocol
import Testing

@testable import Replication

@Suite("Copies and backups meet their peers")
struct IdentityTests {
  /// A founder and a laptop whose store is a file, level with each other and not linked.
  private func scene(seed: UInt64) throws -> (World, StoreFile, laptop: Int, DocumentID) {
    let world = World(seed: seed)
    _ = try world.found()
    let file = try StoreFile()
    let store = try ReplicaStore.create(
      file.options, .joining(try Invitation(code: world.invite(from: 0)), name: "laptop"),
      now: world.instant.wall, entropy: world.entropy)
    let laptop = try world.add(store)
    let link = world.connect(laptop, 0)
    world.runUntil { world.nodes[laptop].levels.contains(link) }
    let document = try world.set(laptop, "n", 1)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    world.cut(link)
    return (world, file, laptop, document)
  }

  private func keys(_ world: World, _ node: Int, _ id: DocumentID) throws -> [String] {
    guard case .object(let root)? = try world.nodes[node].store.document(id)?.json(at: .init([]))
    else { return [] }
    return root.members.map(\.key).sorted()
  }

  @Test(arguments: UInt64(1)...6)
  func aBackupThatWroteBeforeItMetAnybodyKeepsItsEditsAndTheLostOnes(seed: UInt64) throws {
    let (world, file, laptop, document) = try scene(seed: seed)
    let lost = world.nodes[laptop].store.identity.origin
    world.nodes[laptop].isDown = true
    world.nodes[laptop].store.close()
    let backup = try StoreFile(copying: file)
    let again = try world.add(try ReplicaStore.open(file.options))
    // Some of what it loses the backup does not have, as it was made before.
    var link = world.connect(again, 0)
    for name in ["a", "b", "c"] { _ = try world.set(again, in: document, name, 1) }
    for _ in 0..<400 { world.step() }
    world.cut(link)
    world.nodes[again].isDown = true
    world.nodes[again].store.close()
    let restored = try world.add(try ReplicaStore.open(backup.options))
    for name in ["x", "y"] { _ = try world.set(restored, in: document, name, 2) }
    #expect(world.nodes[restored].store.appliedVector[lost] == 3)
    link = world.connect(restored, 0)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    let all = ["a", "b", "c", "n", "x", "y"]
    #expect(try keys(world, 0, document) == all)
    #expect(try keys(world, restored, document) == all)
    #expect(world.nodes[0].store.appliedVector[lost] == 4)
    let status = try world.nodes[restored].engine.status(at: world.instant)
    #expect(status.identityNotes.count == 2)
    #expect(status.stalled.isEmpty)
    #expect(world.nodes[restored].logs.contains { $0.contains("copied or restored") })
    _ = try world.set(restored, in: document, "z", 3)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    #expect(world.nodes[0].failures.isEmpty && world.nodes[restored].failures.isEmpty)
  }

  @Test func aTwinThatIsLinkedLearnsOfItsOtherHalfAtOnce() throws {
    let (world, file, laptop, document) = try scene(seed: 20)
    world.nodes[laptop].store.close()
    world.nodes[laptop].isDown = true
    let copy = try StoreFile(copying: file)
    let one = try world.add(try ReplicaStore.open(file.options))
    let two = try world.add(try ReplicaStore.open(copy.options))
    _ = world.connect(one, 0)
    _ = world.connect(two, 0)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    #expect(world.nodes[one].store.identity.origin == world.nodes[two].store.identity.origin)
    _ = try world.set(one, in: document, "a", 1)
    #expect(world.runUntil(steps: 600) { (try? world.isConverged()) == true })
    #expect(world.nodes[one].store.identity.origin != world.nodes[two].store.identity.origin)
    _ = try world.set(two, in: document, "b", 1)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    #expect(try keys(world, one, document) == ["a", "b", "n"])
  }

  @Test func whenBothHistoriesWereSentBothAreKeptByEverybody() throws {
    let (world, file, laptop, document) = try scene(seed: 30)
    let other = try world.join(try world.invite(from: 0))
    let joining = world.connect(other, 0)
    #expect(world.runUntil { world.nodes[other].levels.contains(joining) })
    world.cut(joining)
    let origin = world.nodes[laptop].store.identity.origin
    world.nodes[laptop].store.close()
    world.nodes[laptop].isDown = true
    let copy = try StoreFile(copying: file)
    let one = try world.add(try ReplicaStore.open(file.options))
    let two = try world.add(try ReplicaStore.open(copy.options))
    let first = world.connect(one, 0)
    let second = world.connect(two, other)
    for _ in 0..<200 { world.step() }
    _ = try world.set(one, in: document, "a", 1)
    _ = try world.set(two, in: document, "b", 1)
    for _ in 0..<400 { world.step() }
    world.cut(first)
    world.cut(second)
    _ = world.connect(two, 0)
    for _ in 0..<400 { world.step() }
    #expect(world.nodes[two].store.identity.origin != origin)
    let status = try world.nodes[two].engine.status(at: world.instant)
    #expect(status.stalled.isEmpty)
    #expect(status.identityNotes.contains { $0.contains("Several histories") })
    #expect(try keys(world, 0, document) == ["a", "b", "n"])
    #expect(try keys(world, two, document) == ["a", "b", "n"])
    #expect(!world.nodes[0].reports.contains { $0.code == .forked })
    _ = world.connect(one, 0)
    _ = world.connect(other, 0)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    #expect(try keys(world, one, document) == ["a", "b", "n"])
    #expect(try keys(world, other, document) == ["a", "b", "n"])
  }
}

@Suite("What a link may hold is bounded")
struct BoundsTests {
  @Test func aPeerThatDoesNotReadLosesItsLink() throws {
    let world = World(seed: 40)
    let node = try world.found()
    world.nodes[node].configuration.limits.queuedBytesMax = 10_000
    try world.restart(node)
    let other = try world.join(try world.invite(from: node))
    let link = world.connect(other, node)
    #expect(world.runUntil { world.nodes[other].levels.contains(link) })
    let engine = world.nodes[node].engine
    // It answers nothing and takes nothing, and the other end goes on asking.
    var isClosed = false
    for number in 0..<2_000 where !isClosed {
      guard let connection = world.nodes[other].engine.links[link] else { break }
      let pings = connection.take {
        $0.perform(now: world.now) { _ in [.send(.ping(UInt64(number)))] }
      }
      for case .send(let bytes) in pings {
        for effect in engine.received(link, bytes, at: world.instant) {
          if case .close(link, let failure) = effect {
            isClosed = true
            #expect(failure?.sentence.contains("does not read") == true)
          }
        }
        #expect(engine.heldBytes(of: link) <= engine.heldBytesMaxOfLink)
        #expect(engine.heldBytesOfLargestLink <= 10_000 + 1_000)
      }
    }
    #expect(isClosed)
    #expect(engine.heldBytes == 0)
  }

  @Test func whatLinksHoldIsCountedAndStaysWithinItsBound() throws {
    let world = try World.members(3, seed: 41)
    var links: [LinkID] = []
    for node in 1...2 { links.append(world.connect(node, 0)) }
    let text = String(repeating: "x", count: 200_000)
    for round in 0..<10 { _ = try world.set(round % 3, "n", .string(text)) }
    var most = 0
    let done = world.runUntil {
      for node in world.nodes {
        most = max(most, node.engine.heldBytesOfLargestLink)
        if node.engine.heldBytesOfLargestLink > node.engine.heldBytesMaxOfLink { return true }
      }
      return (try? world.isConverged()) == true
    }
    #expect(done)
    #expect(try world.isConverged())
    #expect(most > 100_000)
    for _ in 0..<200 { world.step() }
    for node in world.nodes { #expect(node.engine.heldBytes < 10_000) }
  }
}
