import Causality
import Documents
import JSONCoding
import ReplicaStore
import Segments
import SyncProtocol
import Testing

@testable import Replication

/// The cost of a reconnect depends on the number of origins, not of documents.
@Suite("A reconnect when nothing has changed")
struct ReconnectCostTests {
  private static let origins = 20

  /// Two replicas that are level, of as many documents, written under 20 origins.
  private func pair(documents: Int, seed: UInt64) throws -> World {
    let world = try World.members(2, seed: seed)
    let store = world.nodes[0].store
    for round in 0..<Self.origins {
      if round > 0 { try store.claimOrigin(entropy: world.entropy) }
      for _ in 0..<(documents / Self.origins) { try world.set(0, "title", "a note") }
      let link = world.connect(1, 0)
      #expect(world.runUntil { (try? world.isConverged()) == true })
      world.cut(link)
    }
    let link = world.connect(1, 0)
    #expect(world.runUntil { world.nodes.allSatisfy { $0.levels.contains(link) } })
    // Receipts are of the time before.
    for _ in 0..<200 { world.step(milliseconds: 500) }
    world.cut(link)
    #expect(store.appliedVector.entries.count >= Self.origins)
    return world
  }

  /// Hands over all that one side has said, then all that the other has, until both are level.
  private func reconnect(_ world: World) -> (bytes: [Int], turns: Int) {
    let link = LinkID(90_000)
    world.streams[link] = [.init(ends: (1, 0)), .init(ends: (0, 1))]
    world.run(world.nodes[0].engine.accepted(link, from: "1", at: world.instant), 0)
    world.run(
      world.nodes[1].engine.connected(link, to: "0", isRelay: false, at: world.instant), 1)
    var bytes = [0, 0]
    var turns = 0
    while !world.nodes.allSatisfy({ $0.levels.contains(link) }), turns < 20 {
      turns += 1
      for (side, to) in [(0, 0), (1, 1)] {
        guard let piece = world.streams[link]?[side].bytes, !piece.isEmpty else { continue }
        world.streams[link]?[side].bytes = []
        bytes[side] += piece.count
        world.run(world.nodes[to].engine.received(link, piece, at: world.instant), to)
      }
    }
    world.cut(link)
    return (bytes, turns)
  }

  @Test("takes the handshake and one exchange, at most 2 KB each way, for few notes and for many")
  func cost() throws {
    var costs: [[Int]] = []
    for documents in [200, 2_000] {
      let world = try pair(documents: documents, seed: 131)
      let traffic = reconnect(world)
      #expect(traffic.bytes.allSatisfy { (1...2_048).contains($0) }, "\(traffic.bytes)")
      // The handshake is one message there, one back and one there; hello and vector go with its
      // last two, so that the second turn ends level.
      #expect(traffic.turns <= 3, "\(traffic.turns)")
      let figures = world.nodes.compactMap(\.ended.last)
      #expect(figures.allSatisfy { $0.traffic == Traffic() })
      costs.append(traffic.bytes)
    }
    #expect(zip(costs[0], costs[1]).allSatisfy { abs($0 - $1) <= 64 }, "\(costs)")
  }
}
