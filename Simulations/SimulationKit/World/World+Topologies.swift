import JSONCoding
import ReplicaStore
import Replication
import Sealing
import Segments
import SyncProtocol

// Worlds in which the replicas keep the links that one of them has declared for all.
extension World {
  /// The first declaration, which everybody knows: the shape of the plan.
  func declareFirst(in store: ReplicaStore, _ founder: ReplicaNode) throws {
    for case let node as ReplicaNode in nodes {
      deviceKeys[node.number] = node.store?.identity.device.publicKey
    }
    let shape: TopologyDeclaration.Shape =
      switch plan.shape {
      case .mesh: .mesh
      case .ring: .ring
      case .star: .star
      }
    _ = try store.declareTopology(
      declaration(shape, deviceKeys.keys.sorted(), hubs: [0]), entropy: founder.entropy)
  }

  /// Somebody declares another shape, another order, other hubs.
  func declare(_ work: Plan.Work, at node: ReplicaNode) {
    var random = RandomStream(seed: work.salt, work.kind.rawValue)
    let shape = random.element(of: TopologyDeclaration.Shape.allCases) ?? .mesh
    var rest = deviceKeys.keys.sorted()
    var members: [Int] = []
    while !rest.isEmpty {
      members.append(rest.remove(at: random.integer(in: 0...(rest.count - 1))))
    }
    // One of the hubs can be reached when the core is whole and nobody else is.
    let core = random.element(of: plan.core.filter { deviceKeys[$0] != nil }) ?? 0
    let hubs = random.chance(millionths: 500_000) ? [core] : [members[0], core]
    coverage.note("topologyDeclared")
    trace.record(
      at: now, node: node.number, "declare",
      [
        "shape": .string("\(shape)"), "members": .array(members.map { .count($0) }),
        "hubs": .array(hubs.map { .count($0) }),
      ])
    drive(node) {
      try $0.declare(declaration(shape, members, hubs: hubs), at: node.instant(at: now))
    }
  }

  private func declaration(
    _ shape: TopologyDeclaration.Shape, _ members: [Int], hubs: [Int]
  ) -> TopologyDeclaration {
    var places: [TopologyDeclaration.Member] = []
    for number in members {
      guard let device = deviceKeys[number] else { continue }
      places.append(.init(device: device, address: nodes[number].address))
    }
    var addresses: [String] = []
    for number in hubs where !addresses.contains(nodes[number].address) {
      addresses.append(nodes[number].address)
    }
    return TopologyDeclaration(
      shape: shape, members: places, hubs: shape == .star ? addresses : [])
  }

  /// P6: who knows the same declarations follows the same one, and has the links that it asks for.
  func checkTopologies(among replicas: [ReplicaNode]) {
    guard plan.declaresTopologies, let held = replicas.first?.store?.topology else { return }
    let declaration = held.declaration
    let kind: Topology.Kind =
      switch declaration.shape {
      case .mesh: .mesh
      case .ring: .ring
      case .star: .star
      }
    let topology = Topology(
      kind: kind, members: declaration.members.map(\.address), hubs: declaration.hubs)
    for node in replicas {
      guard let engine = node.engine, let store = node.store else { continue }
      guard store.topology?.name == held.name else {
        checks.add(
          Violation("P6", at: now, "node \(node.number) follows another topology than others"),
          &trace)
        continue
      }
      let wanted = topology.links(from: node.address) { _ in .answers }.map(\.address).sorted()
      let kept = engine.linkedAddresses(at: node.instant(at: now))
      guard kept != wanted else { continue }
      checks.add(
        Violation(
          "P6", at: now,
          "node \(node.number) keeps links to \(kept) where \(wanted) are declared"), &trace)
    }
  }
}
