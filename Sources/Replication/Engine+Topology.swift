package import ReplicaStore
import Sabotages
import Sealing
package import Segments
import SyncProtocol

// Which links are kept: what the configuration says, or what the members have declared.
extension Engine {
  /// Declares for all members which links they keep, tells the peers, and follows it.
  ///
  /// - Throws: `.membership` for a device that may not, and for a declaration that nobody could
  ///   follow.
  package func declare(
    _ declaration: TopologyDeclaration, at instant: EngineInstant
  ) throws(StoreError) -> [Effect] {
    let records = try store.declareTopology(declaration, entropy: entropy)
    return input(at: instant) {
      forward(records, except: nil)
      react()
    }
  }

  /// The addresses that the topology wants dialled and that are linked, sorted.
  package func linkedAddresses(at instant: EngineInstant) -> [String] {
    (dialler?.statuses(now: instant.monotonic) ?? []).filter(\.isConnected).map(\.address).sorted()
  }

  /// What this replica asks its peers to push.
  var wish: PushWish { place?.wish ?? .everything }

  /// The same of one of them. A relay writes nothing itself: where it is all that there is, only
  /// asking would bring what others do, and late.
  func wish(of connection: Connection) -> PushWish {
    connection.isRelay && place?.knowsRelayAlone == true ? .everything : wish
  }

  /// Where the configuration, or else the declaration that holds, puts this replica.
  func findPlace() -> Place? {
    if let topology = configuration.topology {
      return configuration.selfAddress.map { Place(topology: topology, selfAddress: $0) }
    }
    guard configuration.followsDeclaration else { return nil }
    if Sabotage.followFirstDeclaration.isPlanted, let place { return place }
    return (store.topology?.declaration).map {
      Place($0, device: store.identity.device.publicKey)
    }
  }

  /// Brings the links in line with what is declared now.
  func followDeclaration() {
    guard let next = findPlace(), next != place, !hasShutDown else { return }
    place = next
    log(
      .info,
      "follows the declared topology from now on: a \(next.topology.kind.rawValue) of "
        + "\(next.topology.members.count) members")
    if dialler == nil {
      dialler = Dialler(next, limits: limits, entropy: entropy)
    } else {
      for link in dialler?.follow(next) ?? [] { part(with: link) }
    }
    dialler?.visit(errands(isNew: true), now: now)
    renewSessions()
    replan()
  }

  /// Who is to be told of the declaration that holds, beside those with whom it makes links: who
  /// keeps the links of another one may have none that leads here. In a ring and a mesh everybody
  /// comes across somebody who knows; around a hub they do not, so it calls them, as does who has
  /// declared it. And where others may still meet, the last hubs, it is left when it is new.
  func errands(isNew: Bool) -> [String] {
    guard let place else { return [] }
    let held = store.topologies(limit: 8)
    var addresses: [String] = []
    let isAuthor = held.first?.author == store.identity.device.publicKey
    if isAuthor || place.topology.isHub(place.selfAddress) { addresses += place.topology.members }
    if isNew {
      for other in held.dropFirst() {
        addresses += Place(other.declaration, device: other.author).topology.hubs
      }
    }
    return addresses.filter { $0 != place.selfAddress }
  }

  /// Ends a call that has told and heard everything.
  func finishErrand() {
    guard let link = dialler?.errandLink, links[link]?.link.session?.hasExchangedRecords == true
    else { return }
    dialler?.finishErrand()
    part(with: link)
    drain()
    replan()
  }

  /// What peers push was agreed on when the links began, so those of members begin anew. Who has
  /// come by, for one exchange, is not sent away.
  private func renewSessions() {
    planner.wishes(wish)
    let members = Set(store.topology?.declaration.members.map(\.device) ?? [])
    for id in sortedLinks {
      guard let connection = links[id], let said = connection.wish, said != wish(of: connection)
      else { continue }
      let isMember = connection.peerKey.map { members.contains($0) } ?? false
      if connection.isInitiator || isMember { part(with: id) }
    }
  }
}

/// A topology, and under which address it names a replica.
struct Place: Equatable {
  var topology: Topology
  var selfAddress: String

  var wish: PushWish { topology.wish(of: selfAddress) }

  /// Whether nobody but a relay is to be called, and nobody calls.
  var knowsRelayAlone: Bool {
    let called = (topology.members + topology.hubs).filter { $0 != selfAddress }
    return selfAddress.isEmpty && called.count == 1 && EngineConfiguration.isRelay(called[0])
  }

  init(topology: Topology, selfAddress: String) {
    self.topology = topology
    self.selfAddress = selfAddress
  }

  /// The place of a device, which has none among the members when it is not declared to be one.
  /// What is no address on a network is passed over: a path would open a file of this machine.
  init(_ declaration: TopologyDeclaration, device: SigningKey.Public) {
    let kind: Topology.Kind =
      switch declaration.shape {
      case .mesh: .mesh
      case .ring: .ring
      case .star: .star
      }
    let members = declaration.members.filter { Self.isOnNetwork($0.address) }
    topology = Topology(
      kind: kind, members: members.map(\.address),
      hubs: declaration.hubs.filter(Self.isOnNetwork))
    selfAddress = members.first { $0.device == device }?.address ?? ""
    topology.fallbacks = topology.members.filter { !topology.isHub($0) }
  }

  private static func isOnNetwork(_ address: String) -> Bool {
    ["tcp://", "ws://", "wss://"].contains { address.hasPrefix($0) }
  }
}
