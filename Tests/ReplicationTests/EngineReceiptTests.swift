import Causality
import Documents
import JSONCoding
import ReplicaStore
import Segments
import SyncProtocol
import Testing

@testable import Replication

@Suite("Receipts on links")
struct EngineReceiptTests {
  private func cut(_ world: World, _ node: Int) throws -> StableCut {
    try world.nodes[node].store.stableCut()
  }

  @Test("who is level tells what it has, and the cut moves up to it")
  func levelMembersExchangeReceipts() throws {
    let world = try World.members(2, seed: 81)
    try world.edit(0) { try $0.set(DocumentPath([.key("a")]), to: .string("x")) }
    let link = world.connect(1, 0)
    world.runUntil { (try? self.cut(world, 0).holders.isEmpty) == true }
    let cut = try cut(world, 0)
    #expect(cut.version == world.nodes[0].store.appliedVector)
    world.cut(link)

    // Nothing changed: nothing is said.
    let before = try world.nodes[0].store.receipts().map(\.bytes)
    _ = world.connect(1, 0)
    for _ in 0..<400 { world.step(milliseconds: 500) }
    #expect(try world.nodes[0].store.receipts().map(\.bytes) == before)
  }

  @Test("a hub tells leaves of each other's receipts")
  func hubsForward() throws {
    let world = try World.members(3, seed: 82)
    _ = world.connect(1, 0)
    _ = world.connect(2, 0)
    try world.edit(1) { try $0.set(DocumentPath([.key("a")]), to: .string("x")) }
    world.runUntil { (try? self.cut(world, 2).holders.isEmpty) == true }
    #expect(try cut(world, 2).version == world.nodes[1].store.appliedVector)
  }

  @Test("a replica that wants none of it gets no receipts and gives none")
  func optingOut() throws {
    let world = try World.members(2, seed: 83)
    world.nodes[1].configuration.limits.receiptMilliseconds = nil
    try world.restart(1)
    try world.edit(0) { try $0.set(DocumentPath([.key("a")]), to: .string("x")) }
    _ = world.connect(1, 0)
    world.runUntil { (try? world.isConverged()) == true }
    for _ in 0..<400 { world.step(milliseconds: 500) }
    #expect(world.nodes[1].store.appliedVector == world.nodes[0].store.appliedVector)
    #expect(try world.nodes[1].store.receipts().isEmpty)
    #expect(try cut(world, 1).holders.map(\.reason) == [.noReceipt])
  }
}
