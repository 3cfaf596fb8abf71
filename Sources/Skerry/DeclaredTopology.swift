private import ReplicaStore
private import Replication
private import Sealing
private import Segments

/// Which links the members of a workspace keep, as one of them has declared it for all. Every
/// replica that is served without addresses of its own derives its links from it, and from who
/// answers.
public struct DeclaredTopology: Hashable, Sendable {
  public struct Member: Hashable, Sendable {
    /// The device's public key in hexadecimal.
    public let device: String
    /// What the device calls itself; nil when that is not known here.
    public let name: String?
    /// Where the others reach it.
    public let address: Address
  }

  public let topology: Topology
  /// In the order of the ring.
  public let members: [Member]
  /// The hubs of a star, by rank.
  public let hubs: [Address]
  /// The public key of the device that has declared it, in hexadecimal.
  public let declaredBy: String
}

/// A member by what it calls itself, or by the beginning of its device's key in hexadecimal, and
/// where the others reach it.
public struct MemberAddress: Hashable, Sendable {
  public let member: String
  public let address: Address

  public init(member: String, address: Address) {
    self.member = member
    self.address = address
  }
}

extension Replica {
  /// The topology that the members have declared; nil when they have declared none, or none that
  /// this release can read.
  public func topology() async throws(ReplicaError) -> DeclaredTopology? {
    try await core.declaredTopology()
  }

  /// Declares for all members which links they keep, in the place of what was declared before. It
  /// is signed by this device and sealed for the members, reaches them like everything else, and
  /// each follows it from the moment that it arrives. Of two declarations made at once all choose
  /// the same one.
  ///
  /// - Parameters:
  ///   - members: in the order of the ring; nil for those that are declared now.
  ///   - hubs: of a star, by rank, which need not be members: a relay is not. Nil for those that
  ///     are declared now.
  /// - Throws: `refused` for a member that is not known, and for a topology that nobody could
  ///   follow; `notPermitted` for a device that may only read.
  @discardableResult
  public func declareTopology(
    _ topology: Topology, members: [MemberAddress]? = nil, hubs: [Address]? = nil
  ) async throws(ReplicaError) -> DeclaredTopology {
    try await core.declare(topology, members, hubs)
  }
}

extension ReplicaCore {
  func declaredTopology() throws(ReplicaError) -> DeclaredTopology? {
    lookAround()
    let store = try opened().store
    guard let held = store.topology else { return nil }
    let declaration = held.declaration
    var members: [DeclaredTopology.Member] = []
    for member in declaration.members {
      members.append(
        .init(
          device: member.device.hexadecimal, name: name(of: member.device, in: store),
          address: try Address(member.address)))
    }
    var hubs: [Address] = []
    for hub in declaration.hubs { hubs.append(try Address(hub)) }
    return DeclaredTopology(
      topology: Topology(declaration.shape), members: members, hubs: hubs,
      declaredBy: held.author.hexadecimal)
  }

  func declare(
    _ topology: Topology, _ members: [MemberAddress]?, _ hubs: [Address]?
  ) throws(ReplicaError) -> DeclaredTopology {
    lookAround()
    let open = try opened()
    let before = open.store.topology?.declaration
    var declaration = TopologyDeclaration(
      shape: topology.shape, members: before?.members ?? [], hubs: before?.hubs ?? [])
    if let members {
      declaration.members = []
      for member in members {
        declaration.members.append(
          .init(
            device: try device(called: member.member, in: open.store),
            address: try Self.networkAddress(member.address)))
      }
    }
    if let hubs {
      declaration.hubs = []
      for hub in hubs { declaration.hubs.append(try Self.networkAddress(hub)) }
    }
    if let flaw = declaration.flaw {
      throw ReplicaError(.refused, Sentence.of("the topology cannot be declared: \(flaw)"))
    }
    perform(try ReplicaError.translating { try open.engine.declare(declaration, at: .now) })
    guard let declared = try declaredTopology() else {
      throw ReplicaError(.damaged, "The topology was declared and cannot be read.")
    }
    return declared
  }

  private static func networkAddress(_ address: Address) throws(ReplicaError) -> String {
    guard !address.isPath else {
      throw ReplicaError(
        .invalid, "'\(address)' is a path, which means something on one machine only.")
    }
    return address.text
  }

  private func name(of device: SigningKey.Public, in store: ReplicaStore) -> String? {
    store.membership.device(device).flatMap { try? $0.name(using: store.identity.key) }
  }

  private func device(
    called text: String, in store: ReplicaStore
  ) throws(ReplicaError) -> SigningKey.Public {
    let devices = store.membership.devices.map(\.key)
    let named = devices.filter { name(of: $0, in: store) == text }
    let found =
      named.isEmpty && text.utf8.count >= 8
      ? devices.filter { $0.hexadecimal.hasPrefix(text.lowercased()) } : named
    guard let device = found.first else {
      throw ReplicaError(.refused, "There is no member '\(text)' in this workspace.")
    }
    guard found.count == 1 else {
      let keys = found.map { String($0.hexadecimal.prefix(16)) }.joined(separator: ", ")
      throw ReplicaError(
        .refused, "There are \(found.count) members '\(text)'; say which by its key: \(keys).")
    }
    return device
  }
}

extension Topology {
  fileprivate init(_ shape: TopologyDeclaration.Shape) {
    self =
      switch shape {
      case .mesh: .mesh
      case .ring: .ring
      case .star: .star
      }
  }

  fileprivate var shape: TopologyDeclaration.Shape {
    switch self {
    case .mesh: .mesh
    case .ring: .ring
    case .star: .star
    }
  }
}
