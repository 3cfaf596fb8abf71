import Sabotages

/// Which links a replica keeps: one declaration from which each member derives its own, by pure
/// functions of which peers answer.
///
/// Topology decides only cost and delay. Any of them, and any mixture, is safe at any moment.
package struct Topology: Equatable, Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    /// Everybody to everybody. Authors push to all, the rest is advertised and asked for.
    case mesh
    /// Each pushes to the next. A change stops where it is known.
    case ring
    /// Leaves to the first hub that answers; hubs to each other.
    case star
  }

  /// Whether a member answers, as far as is known.
  package enum Answer: Sendable {
    case unknown, answers, silent
  }

  package var kind: Kind
  /// The addresses of all members, in the order of the ring.
  package var members: [String]
  /// The addresses of a star's hubs, the first choice first.
  package var hubs: [String]
  /// Whom the leaves of a star call when no hub answers.
  package var fallbacks: [String] = []

  /// - Parameters:
  ///   - members: repeated addresses count once.
  ///   - hubs: need not be among the members: a relay is not.
  package init(kind: Kind, members: [String], hubs: [String] = []) {
    self.kind = kind
    self.members = Topology.distinct(members)
    self.hubs = Topology.distinct(hubs)
  }

  /// The declaration that one member's command line makes: itself, then its peers in order, so
  /// that the first peer is its successor in a ring.
  package init(kind: Kind, selfAddress: String, peers: [String], hubs: [String] = []) {
    self.init(kind: kind, members: [selfAddress] + peers, hubs: hubs)
  }

  private static func distinct(_ addresses: [String]) -> [String] {
    var seen: Set<String> = []
    return addresses.filter { seen.insert($0).inserted }
  }

  package func isHub(_ address: String) -> Bool { hubs.contains(address) }

  /// What a member asks to be pushed, on all its links.
  package func wish(of address: String) -> PushWish {
    switch kind {
    case .mesh: .firstHand
    case .ring: .everything
    case .star: isHub(address) && hubs.count > 1 ? .firstHand : .everything
    }
  }

  /// The links that the member at `address` dials and keeps, given who answers.
  ///
  /// To be computed again whenever an answer changes; a link that is in the list no more is to be
  /// left. Members that are silent stay in the list when a later one stands in for them, so that
  /// their return is noticed. Complexity: O(members).
  package func links(
    from address: String, answer: (String) -> Answer
  ) -> [PlannedLink] {
    switch kind {
    case .mesh:
      return (members + hubs.filter { !members.contains($0) })
        .filter { $0 != address }
        .map { PlannedLink(address: $0, flow: .both, isBridge: false) }
    case .ring:
      // Nobody sends to one who has no place in the ring but whom it has called.
      let flow: Flow = members.contains(address) ? .sendOnly : .both
      return untilFirstAnswer(of: successors(of: address), flow: flow, answer: answer)
    case .star:
      if isHub(address) {
        return hubs.filter { $0 != address }
          .map { PlannedLink(address: $0, flow: .both, isBridge: false) }
      }
      // A star without hubs: every peer that was named is one.
      let choices =
        hubs.isEmpty ? members.filter { $0 != address } : hubs + fallbacks.filter { $0 != address }
      return untilFirstAnswer(of: choices, flow: .both, answer: answer)
    }
  }

  /// The other members in the order of the ring, from the next one on.
  package func successors(of address: String) -> [String] {
    guard let place = members.firstIndex(of: address) else { return members }
    return Array(members[(place + 1)...] + members[..<place])
  }

  /// Everybody up to the first who answers or of whom nothing is known yet.
  private func untilFirstAnswer(
    of choices: [String], flow: Flow, answer: (String) -> Answer
  ) -> [PlannedLink] {
    var links: [PlannedLink] = []
    for choice in choices {
      links.append(PlannedLink(address: choice, flow: flow, isBridge: !links.isEmpty))
      if answer(choice) != .silent || knowsOneOnly { break }
    }
    return links
  }

  /// A leaf that has no second choice.
  private var knowsOneOnly: Bool { Sabotage.knowOneHub.isPlanted && kind == .star }

  /// Of two links with flow both ways between the same two devices, the one that is kept: that
  /// which the lower device dialled. Both ends decide alike without a word.
  package static func keeps<Key: Comparable>(dialledByUs: Bool, ours: Key, theirs: Key) -> Bool {
    dialledByUs == (ours < theirs)
  }
}

/// A link that a topology wants kept.
package struct PlannedLink: Equatable, Sendable {
  package var address: String
  /// What we say of it in our hello.
  package var flow: Flow
  /// It stands in for a member that is silent.
  package var isBridge: Bool

  package init(address: String, flow: Flow, isBridge: Bool) {
    self.address = address
    self.flow = flow
    self.isBridge = isBridge
  }
}
