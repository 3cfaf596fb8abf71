import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Segments
import SyncProtocol
import Testing

@testable import Replication

/// Machines that were cloned, so that nothing on them can know that they are copies, and both sent
/// what they wrote under the one origin that they have.
@Suite("Two histories of one origin meet")
struct EngineForkTests {
  private let world: World
  private let file: StoreFile
  private let document: DocumentID
  /// Members that hear one history each.
  private let ada = 0
  private let bob: Int
  private let carol: Int

  init() throws {
    let world = World(seed: 70)
    _ = try world.found()
    file = try StoreFile()
    let laptop = try world.add(
      try ReplicaStore.create(
        file.options, .joining(try Invitation(code: world.invite(from: 0)), name: "laptop"),
        now: world.instant.wall, entropy: world.entropy))
    bob = try world.join(try world.invite(from: 0))
    carol = try world.join(try world.invite(from: 0))
    for node in [laptop, bob, carol] {
      let link = world.connect(node, 0)
      #expect(world.runUntil { world.nodes[node].levels.contains(link) })
    }
    document = try world.set(laptop, "n", 1)
    #expect(world.runUntil { (try? world.isConverged()) == true })
    world.cutAll()
    world.nodes[laptop].store.close()
    world.nodes[laptop].isDown = true
    self.world = world
  }

  /// The machine as it is in a file, running.
  private func clone(_ file: StoreFile) throws -> (node: Int, file: StoreFile) {
    let copy = try StoreFile(copying: file)
    return (try world.add(try ReplicaStore.open(copy.options)), copy)
  }

  /// Lets one machine write, and one member hear it.
  private func write(_ key: String, on node: Int, heardBy member: Int) throws {
    let link = world.connect(node, member)
    #expect(world.runUntil { world.nodes[node].levels.contains(link) })
    _ = try world.set(node, in: document, key, 1)
    #expect(
      world.runUntil {
        world.nodes[member].store.appliedVector.covers(world.nodes[node].store.appliedVector)
      })
    world.cut(link)
  }

  private func keys(_ node: Int) throws -> [String] {
    guard
      case .object(let root)? = try world.nodes[node].store.document(document)?
        .json(at: .init([]))
    else { return [] }
    return root.members.map(\.key).sorted()
  }

  private func meet(_ left: Int, _ right: Int) throws {
    let link = world.connect(left, right)
    #expect(
      world.runUntil {
        world.nodes[left].levels.contains(link) && world.nodes[right].levels.contains(link)
          && world.nodes[left].store.appliedVector == world.nodes[right].store.appliedVector
      })
    world.cut(link)
  }

  @Test("a newcomer is given both in one go, and the link is level")
  func newcomer() throws {
    let (one, two) = (try clone(file).node, try clone(file).node)
    try write("a", on: one, heardBy: ada)
    try write("b", on: two, heardBy: bob)
    try meet(ada, bob)
    let newcomer = try world.join(try world.invite(from: ada))
    try meet(newcomer, ada)
    #expect(try keys(newcomer) == ["a", "b", "n"])
    try meet(newcomer, bob)
    for node in world.nodes { #expect(!node.logs.contains { $0.contains("cannot be read here") }) }
    #expect(try world.nodes[newcomer].store.stalled().isEmpty)
    try meet(one, newcomer)
    try meet(two, newcomer)
    try meet(one, newcomer)
    #expect(try keys(one) == ["a", "b", "n"])
    #expect(world.nodes[one].store.identity.origin != world.nodes[two].store.identity.origin)
  }

  @Test("a third history that parts further ahead is merged, too")
  func furtherAhead() throws {
    let early = try clone(file)
    let late = try clone(file)
    try write("a", on: late.node, heardBy: ada)
    let twin = try clone(late.file)
    try write("b", on: late.node, heardBy: ada)
    try write("c", on: twin.node, heardBy: bob)
    try meet(ada, bob)
    #expect(try keys(bob) == ["a", "b", "c", "n"])
    try write("d", on: early.node, heardBy: carol)
    try meet(carol, ada)
    try meet(bob, carol)
    for node in [ada, bob, carol] {
      #expect(try keys(node) == ["a", "b", "c", "d", "n"])
      #expect(try world.nodes[node].store.stalled().isEmpty)
      #expect(try world.nodes[node].store.check() == [])
    }
  }

  @Test("while a link is up and nobody writes on, it is noticed all the same")
  func atRest() throws {
    let (one, two) = (try clone(file).node, try clone(file).node)
    let link = world.connect(ada, bob)
    #expect(world.runUntil { world.nodes[ada].levels.contains(link) })
    // Nothing crosses until both have heard of the same number.
    world.held.insert(link)
    try write("a", on: one, heardBy: ada)
    try write("b", on: two, heardBy: bob)
    world.held.remove(link)
    #expect(
      world.runUntil {
        world.streams[link] == nil
          || (try? keys(ada)) == ["a", "b", "n"] && (try? keys(bob)) == ["a", "b", "n"]
      })
    if world.streams[link] == nil {
      let logs = world.nodes[ada].logs + world.nodes[bob].logs
      #expect(logs.contains { $0.contains("met anew") })
      try meet(ada, bob)
    }
    #expect(try keys(ada) == ["a", "b", "n"])
    #expect(try keys(bob) == ["a", "b", "n"])
  }
}
