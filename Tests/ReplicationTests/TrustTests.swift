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

/// What members may do to each other, and what a copied or shared file leads to.
@Suite struct TrustTests {
  /// A member of the workspace that speaks the protocol with bytes of its own making.
  private final class HostileMember {
    let world: World
    let id = LinkID(5_000)
    var link: Link
    var reports: [Status] = []
    var accepted: [IncomingSegment] = []
    var ending: LinkEnding?
    let store: ReplicaStore

    init(_ world: World, as node: Int, to target: Int) {
      self.world = world
      store = world.nodes[node].store
      let identity = store.identity
      link = Link(
        LinkHandshake(
          connectingTo: .replica(
            workspace: identity.workspace.bytes, secret: identity.key.linkSecret),
          as: .member(identity.device.signing), entropy: world.entropy), isInitiator: true,
        now: world.now)
      talk(link.start(now: world.now), target, isFirst: true)
    }

    /// Exchanges bytes with the target until nothing moves.
    func talk(_ actions: [LinkAction], _ target: Int, isFirst: Bool = false) {
      let engine = world.nodes[target].engine
      var outgoing: [UInt8] = []
      var queue = actions
      if isFirst { _ = engine.accepted(id, from: "hostile", at: world.instant) }
      while !queue.isEmpty || !outgoing.isEmpty {
        while !queue.isEmpty {
          switch queue.removeFirst() {
          case .send(let bytes): outgoing += bytes
          case .authenticated:
            let configuration = SessionConfiguration(
              role: .replica, origin: store.identity.origin, tips: [],
              recordDigest: store.membership.digest.array)
            queue += link.begin(configuration, now: world.now)
          case .session(.reported(let status)): reports.append(status)
          case .session(.compareChains):
            queue += link.perform(now: world.now) {
              $0.chainsCompared(forked: [], now: world.now)
            }
          case .session(.accept(let segment)): accepted.append(segment)
          case .session: break
          case .close(let ending): self.ending = ending
          }
        }
        let bytes = outgoing
        outgoing = []
        guard !bytes.isEmpty else { continue }
        let effects = engine.received(id, bytes, at: world.instant)
        world.run(effects, target)
        for effect in effects {
          if case .send(id, let answer) = effect {
            queue += link.receive(answer, now: world.now)
          }
        }
      }
    }

    /// Sends any segment as if the store had it.
    func push(_ segment: OutgoingSegment, to target: Int) {
      let tip = ChainTip(origin: segment.origin, sequence: segment.last, chainPrefix: 0)
      var actions = link.perform(now: world.now) {
        $0.stored([tip], firstHand: true, now: world.now)
      }
      actions += link.perform(now: world.now) { $0.provide([segment], now: world.now) }
      talk(actions, target)
    }
  }

  private func segment(of store: ReplicaStore, _ world: World) throws -> Segment? {
    try store.seal(entropy: world.entropy).first
  }

  private func outgoing(_ segment: Segment, _ bytes: [UInt8]? = nil) -> OutgoingSegment {
    OutgoingSegment(
      origin: segment.header.origin, first: segment.header.firstSequence,
      last: segment.header.lastSequence, bytes: bytes ?? segment.bytes)
  }

  @Test func aChangedSegmentIsRefusedLoudlyAndStoredNowhere() throws {
    let world = try World.members(2, seed: 1)
    _ = try world.set(1, "n", 1)
    let segment = try #require(try segment(of: world.nodes[1].store, world))
    for place in [0, 40, segment.bytes.count / 2, segment.bytes.count - 1] {
      let hostile = HostileMember(world, as: 1, to: 0)
      var bytes = segment.bytes
      bytes[place] ^= 1
      hostile.push(outgoing(segment, bytes), to: 0)
      #expect(hostile.reports.map(\.code) == [.refused], "byte \(place)")
      #expect(world.nodes[0].store.appliedVector.isEmpty)
      world.run(world.nodes[0].engine.closed(hostile.id, "done", at: world.instant), 0)
    }
    #expect(world.nodes[0].logs.contains { $0.contains("was refused") })
    let hostile = HostileMember(world, as: 1, to: 0)
    hostile.push(outgoing(segment), to: 0)
    #expect(hostile.reports.isEmpty)
    #expect(world.nodes[0].store.appliedVector == world.nodes[1].store.appliedVector)
  }

  @Test func aSegmentUnderAnotherNameIsRefused() throws {
    let world = try World.members(3, seed: 2)
    _ = try world.set(1, "n", 1)
    let segment = try #require(try segment(of: world.nodes[1].store, world))
    var renamed = outgoing(segment)
    renamed.origin = world.nodes[2].store.identity.origin
    let hostile = HostileMember(world, as: 1, to: 0)
    hostile.push(renamed, to: 0)
    #expect(hostile.reports.map(\.code) == [.refused])
    #expect(world.nodes[0].store.appliedVector.isEmpty)
  }

  @Test func whatAReaderWritesIsRefused() throws {
    let world = World(seed: 3)
    _ = try world.found()
    let reader = try world.join(try world.invite(from: 0, role: .reader))
    let link = world.connect(reader, 0)
    world.runUntil { world.nodes[reader].isAdmitted }
    world.cut(link)
    #expect(throws: (any Error).self) { try world.set(reader, "n", 1) }
    let identity = world.nodes[reader].store.identity
    let sealer = SegmentSealer(
      workspace: identity.workspace, keyEpoch: identity.keyEpoch, key: identity.key,
      device: identity.device, entropy: world.entropy)
    let forged = try sealer.seal(
      [1, 2, 3], origin: identity.origin, sequences: 1...1, after: .zero)
    let hostile = HostileMember(world, as: reader, to: 0)
    hostile.push(outgoing(forged), to: 0)
    #expect(hostile.reports.map(\.code) == [.refused])
    #expect(hostile.reports.first?.sentence.contains("may read") == true)
  }

  @Test func aMembersNonsenseStallsItsOriginAndNothingElse() throws {
    let world = try World.members(2, seed: 4)
    let identity = world.nodes[1].store.identity
    let sealer = SegmentSealer(
      workspace: identity.workspace, keyEpoch: identity.keyEpoch, key: identity.key,
      device: identity.device, entropy: world.entropy)
    let nonsense = try sealer.seal(
      [9, 9, 9, 9], origin: identity.origin, sequences: 1...1, after: .zero)
    let hostile = HostileMember(world, as: 1, to: 0)
    hostile.push(outgoing(nonsense), to: 0)
    let status = try world.nodes[0].engine.status(at: world.instant)
    #expect(status.stalled.map(\.origin) == [identity.origin])
    #expect(status.waitingChanges == 1)
    _ = try world.set(0, "n", 1)
    #expect(world.nodes[0].store.appliedVector.entries.count == 1)
  }

  @Test func aRestoredBackupGoesOnUnderANewOriginAndGetsBackWhatItLost() throws {
    let world = World(seed: 5)
    _ = try world.found()
    let file = try StoreFile()
    let code = try world.invite(from: 0)
    let store = try ReplicaStore.create(
      file.options, .joining(try Invitation(code: code), name: "laptop"),
      now: world.instant.wall, entropy: world.entropy)
    let laptop = try world.add(store)
    var link = world.connect(laptop, 0)
    world.runUntil { world.nodes[laptop].levels.contains(link) }
    let document = try world.set(laptop, "n", 1)
    world.runUntil { (try? world.isConverged()) == true }
    world.cut(link)
    store.close()
    let backup = try StoreFile(copying: file)
    // Two more changes after the backup, which only the other one keeps.
    let again = try world.add(try ReplicaStore.open(file.options))
    world.nodes[laptop].isDown = true
    link = world.connect(again, 0)
    for value in [2, 3] { _ = try world.set(again, in: document, "n", .integer(Int64(value))) }
    for _ in 0..<400 { world.step() }
    world.cut(link)
    let lost = world.nodes[again].store.identity.origin
    #expect(world.nodes[0].store.appliedVector[lost] == 3)
    world.nodes[again].isDown = true
    world.nodes[again].store.close()
    let restored = try world.add(try ReplicaStore.open(backup.options))
    _ = world.connect(restored, 0)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    #expect(world.nodes[restored].store.identity.origin != lost)
    #expect(world.nodes[restored].store.appliedVector[lost] == 3)
    #expect(world.nodes[restored].logs.contains { $0.contains("copied or restored") })
    _ = try world.set(restored, in: document, "n", 4)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    let value = try world.nodes[0].store.document(document)?.json(at: DocumentPath([]))
    #expect(value == ["n": 4])
  }

  @Test func whatAnotherProcessCommitsIsSentOn() throws {
    let world = World(seed: 6)
    _ = try world.found()
    let file = try StoreFile()
    let code = try world.invite(from: 0)
    let store = try ReplicaStore.create(
      file.options, .joining(try Invitation(code: code), name: "daemon"),
      now: world.instant.wall, entropy: world.entropy)
    let daemon = try world.add(store)
    let link = world.connect(daemon, 0)
    world.runUntil { world.nodes.allSatisfy { $0.levels.contains(link) } }
    let other = try ReplicaStore.open(file.options)
    let document = try other.group(now: world.instant.wall, entropy: world.entropy) { group in
      group.transaction { transaction in
        let id = transaction.create()
        try transaction.edit(id).set(DocumentPath([.key("n")]), to: 7)
        return id
      }
    }.get().value
    world.run(world.nodes[daemon].engine.storeChanged(at: world.instant), daemon)
    #expect(world.nodes[daemon].changed == [document])
    #expect(world.runUntil { (try? world.isConverged()) == true })
    let value = try world.nodes[0].store.document(document)?.json(at: DocumentPath([]))
    #expect(value == ["n": 7])
    other.close()
    store.close()
  }

  @Test func aMemberThatIsNotKnownYetShowsThatItIsOne() throws {
    // The third joins at the first; the second hears of it only through what the third sends.
    let world = try World.members(2, seed: 7)
    let third = try world.join(try world.invite(from: 0))
    let link = world.connect(third, 0)
    world.runUntil { world.nodes[third].levels.contains(link) }
    world.cut(link)
    _ = try world.set(third, "n", 1)
    _ = world.connect(third, 1)
    #expect(
      world.runUntil {
        world.nodes[1].store.appliedVector == world.nodes[third].store.appliedVector
      })
    #expect(world.nodes[1].store.membership.devices.count == 3)
  }
}
