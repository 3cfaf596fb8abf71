package import Causality
package import Sealing
package import Segments
package import SyncProtocol

/// A replica without documents: it seals bytes into segments, keeps what it gets in memory, and
/// speaks the client's side of the protocol.
package final class FakeClient {
  package let name: String
  package let device: DeviceKeys
  package let entropy: Entropy
  package let workspaceKey: WorkspaceKey
  package let workspace: WorkspaceID
  package var origin: Origin
  package var membership: Membership
  /// Every origin's segments, in order.
  package private(set) var chains: [Origin: [Segment]] = [:]
  /// In order of arrival: what a replica would send on.
  package private(set) var arrivals: [Segment] = []
  package var invitation: Invitation?

  package private(set) var link: Link?
  /// What the relay has said to be durable, over all links.
  package private(set) var acknowledged = VersionVector()
  package private(set) var statuses: [Status] = []
  package private(set) var endings: [LinkEnding] = []
  package private(set) var isLevel = false
  package private(set) var hello: Hello?
  package private(set) var relayVectorAtHello: VersionVector?
  package private(set) var regressions = 0
  /// Records that came from the relay.
  package private(set) var recordsReceived = 0
  package private(set) var segmentsReceived = 0
  /// Presence notes that came.
  package private(set) var presence: [(note: [UInt8], hops: UInt8)] = []
  package var lastKnownRelayVector: VersionVector?
  /// Sent in place of the next segments that the session asks for.
  package var forged: OutgoingSegment?
  /// Admits whoever asks, as the inviter's engine does.
  package var admitsRequests = true

  private init(
    name: String, device: DeviceKeys, key: WorkspaceKey, workspace: WorkspaceID, origin: Origin,
    records: [MembershipRecord], entropy: Entropy
  ) throws {
    self.name = name
    self.device = device
    self.entropy = entropy
    workspaceKey = key
    self.workspace = workspace
    self.origin = origin
    membership = Membership(workspace: workspace)
    try membership.insert(records)
  }

  /// A new workspace.
  package static func founder(_ name: String, seed: UInt64) throws -> FakeClient {
    let entropy = Entropy.seeded(seed)
    let device = DeviceKeys(entropy: entropy)
    let key = WorkspaceKey(entropy: entropy)
    let founding = try Membership.found(device: device, name: name, key: key, entropy: entropy)
    return try FakeClient(
      name: name, device: device, key: key, workspace: founding.workspace,
      origin: founding.origin, records: [founding.record], entropy: entropy)
  }

  package func invite(role: Role = .writer, expiresMillis: UInt64 = .max) throws -> Invitation {
    let (record, invitation) = try membership.makeInvitation(
      by: device, role: role, expiresMillis: expiresMillis, key: workspaceKey, keyEpoch: 1,
      entropy: entropy)
    try membership.insert([record])
    return invitation
  }

  /// A device that holds an invitation and has asked for nothing yet but with its own request.
  package static func joiner(_ name: String, _ invitation: Invitation, seed: UInt64) throws
    -> FakeClient
  {
    let entropy = Entropy.seeded(seed)
    let device = DeviceKeys(entropy: entropy)
    let (record, origin) = try Membership.request(
      invitation, device: device, name: name, entropy: entropy)
    let client = try FakeClient(
      name: name, device: device, key: invitation.key, workspace: invitation.workspace,
      origin: origin, records: [record], entropy: entropy)
    client.invitation = invitation
    return client
  }

  /// A member that was admitted directly, without any relay.
  package static func member(
    _ name: String, of founder: FakeClient, role: Role = .writer, seed: UInt64
  ) throws -> FakeClient {
    let invitation = try founder.invite(role: role)
    let client = try joiner(name, invitation, seed: seed)
    try founder.membership.insert(client.membership.records)
    for request in founder.membership.requests(for: founder.device.publicKey) {
      try founder.membership.insert([
        founder.membership.admit(request.hash, by: founder.device, nowMillis: 0)
      ])
    }
    try client.membership.insert(founder.membership.records)
    client.invitation = nil
    return client
  }

  package var vector: VersionVector {
    VersionVector(
      chains.compactMap { origin, chain in
        chain.last.map {
          VersionVector.Entry(origin: origin, sequence: $0.position.sequence)
        }
      })
  }

  // MARK: Writing

  package func seal(_ body: [UInt8], changes: UInt64 = 1) throws -> Segment {
    let position = chains[origin]?.last?.position ?? .start
    let sealer = SegmentSealer(
      workspace: workspace, keyEpoch: 1, key: workspaceKey, device: device, entropy: entropy)
    return try sealer.seal(
      body, origin: origin, sequences: (position.sequence + 1)...(position.sequence + changes),
      after: position.hash)
  }

  /// Stores a new segment and gives it to the link.
  @discardableResult
  package func write(_ text: String, now: UInt64) throws -> [UInt8] {
    try publish([seal(Array(text.utf8))], now: now)
  }

  /// Stores segments, whatever they are, and offers them on the link.
  package func publish(_ segments: [Segment], now: UInt64) -> [UInt8] {
    for segment in segments { keep(segment) }
    let tips = segments.map { ChainTip($0) }
    return perform(link?.perform(now: now) { $0.stored(tips, firstHand: true, now: now) }, now)
  }

  package func keep(_ segment: Segment) {
    chains[segment.header.origin, default: []].append(segment)
    arrivals.append(segment)
  }

  /// Changes one of its own stored segments, as nobody honest does.
  package func replace(_ index: Int, of origin: Origin, with segment: Segment) {
    chains[origin]?[index] = segment
    arrivals = arrivals.map {
      $0.header.origin == origin && $0.header.firstSequence == segment.header.firstSequence
        ? segment : $0
    }
  }

  // MARK: The link

  /// The first bytes of a link.
  package func connect(now: UInt64, pinned: SigningKey.Public? = nil) -> [UInt8] {
    let credential: LinkHandshake.Credential =
      if let invitation, membership.device(device.publicKey) == nil {
        .joiner(invite: invitation.inviteKey, device: device.signing)
      } else {
        .member(device.signing)
      }
    let handshake = LinkHandshake(
      connectingTo: .relay(workspace: workspace.bytes, pinned: pinned), as: credential,
      entropy: entropy)
    link = Link(handshake, isInitiator: true, now: now)
    statuses = []
    endings = []
    isLevel = false
    hello = nil
    relayVectorAtHello = nil
    return perform(link?.start(now: now), now)
  }

  package func disconnect() { link = nil }

  package func receive(_ bytes: [UInt8], now: UInt64) -> [UInt8] {
    perform(link?.receive(bytes, now: now), now)
  }

  package func tick(now: UInt64) -> [UInt8] {
    perform(link?.tick(now: now), now)
  }

  /// Hands the session an input of a test's own.
  package func input(now: UInt64, _ body: (inout SyncSession) -> [SessionAction]) -> [UInt8] {
    perform(link?.perform(now: now, body), now)
  }

  /// A heartbeat out of turn.
  package func ping(_ number: UInt64) -> [UInt8] {
    input(now: 1) { _ in [.send(.ping(number))] }
  }

  private func perform(_ actions: [LinkAction]?, _ now: UInt64) -> [UInt8] {
    var agenda = actions ?? []
    var output: [UInt8] = []
    var next = 0
    while next < agenda.count {
      let action = agenda[next]
      next += 1
      switch action {
      case .send(let bytes): output += bytes
      case .authenticated: agenda += begin(now)
      case .session(let action): agenda += take(action, now)
      case .close(let ending):
        endings.append(ending)
        link = nil
      }
    }
    return output
  }

  private func begin(_ now: UInt64) -> [LinkAction] {
    let isMember = membership.device(device.publicKey) != nil
    var configuration = SessionConfiguration(
      role: isMember ? .replica : .joiner, origin: origin,
      tips: chains.keys.sorted().compactMap { chains[$0]?.last }.map { ChainTip($0) },
      recordDigest: membership.digest.array)
    configuration.lastKnownPeerVector = lastKnownRelayVector
    return link?.begin(configuration, now: now) ?? []
  }

  private func take(_ action: SessionAction, _ now: UInt64) -> [LinkAction] {
    switch action {
    case .needSegments(let request):
      if let sent = forged {
        forged = nil
        return input { $0.provide([sent], now: now) }
      }
      let found = arrivals.filter { segment in
        request.ranges.contains {
          $0.origin == segment.header.origin && segment.header.firstSequence > $0.after
            && segment.header.lastSequence <= $0.through
        }
      }
      var taken: [OutgoingSegment] = []
      var size = 0
      for segment in found where size < request.byteBudget {
        taken.append(OutgoingSegment(segment))
        size += segment.bytes.count
      }
      return input { $0.provide(taken, now: now) }
    case .needRecords:
      let records = membership.records.map(\.bytes)
      return input { $0.provideRecords(records, now: now) }
    case .compareChains(let tips):
      let forked = tips.filter { tip in
        let segment = chains[tip.origin]?.first { $0.position.sequence == tip.sequence }
        return segment.map { ChainTip($0) } != tip
      }
      return input { $0.chainsCompared(forked: forked.map(\.origin), now: now) }
    case .accept(let incoming): return accept(incoming, now)
    case .storeRecords(let records): return accept(records, now)
    case .peerKnown(let peer):
      hello = peer.hello
      relayVectorAtHello = peer.vector
    case .acknowledged(let vector): acknowledged.formUnion(vector)
    case .peerRegressed: regressions += 1
    case .level(let level): isLevel = level
    case .reported(let status): statuses.append(status)
    case .chains: break
    case .presence(let note, let hops): presence.append((note, hops))
    default: break
    }
    return []
  }

  private func accept(_ incoming: IncomingSegment, _ now: UInt64) -> [LinkAction] {
    segmentsReceived += 1
    guard let segment = try? Segment(parsing: incoming.bytes),
      let verifier = try? membership.verifier(for: segment.header.origin),
      (try? segment.verifySignature(by: verifier)) != nil,
      (try? segment.verifyFollows(chains[incoming.origin]?.last?.position ?? .start)) != nil
    else {
      statuses.append(Status(.refused, "the client refuses a segment of the relay"))
      return input { $0.settled(bytes: incoming.bytes.count, now: now) }
    }
    keep(segment)
    return input { $0.stored([ChainTip(segment)], firstHand: false, now: now) }
      + input { $0.settled(bytes: incoming.bytes.count, now: now) }
  }

  private func accept(_ bytes: [[UInt8]], _ now: UInt64) -> [LinkAction] {
    recordsReceived += bytes.count
    let records = bytes.compactMap { try? MembershipRecord(parsing: $0) }
    _ = try? membership.insert(records)
    guard admitsRequests else { return [] }
    var admissions: [[UInt8]] = []
    for request in membership.requests(for: device.publicKey) {
      guard let record = try? membership.admit(request.hash, by: device, nowMillis: 0) else {
        continue
      }
      _ = try? membership.insert([record])
      admissions.append(record.bytes)
    }
    guard !admissions.isEmpty else { return [] }
    let digest = membership.digest.array
    return input { $0.recordsAdded(admissions, digest: digest, now: now) }
  }

  private func input(_ body: (inout SyncSession) -> [SessionAction]) -> [LinkAction] {
    link?.perform(now: 0, body) ?? []
  }

  /// The opened bodies, by origin.
  package func texts() throws -> [Origin: [String]] {
    try chains.mapValues { chain in
      try chain.map { String(decoding: try $0.open(with: workspaceKey), as: UTF8.self) }
    }
  }
}

extension ChainTip {
  package init(_ segment: Segment) {
    self.init(
      origin: segment.header.origin, sequence: segment.position.sequence,
      chainPrefix: segment.hash.array.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
  }
}

extension OutgoingSegment {
  package init(_ segment: Segment) {
    self.init(
      origin: segment.header.origin, first: segment.header.firstSequence,
      last: segment.header.lastSequence, bytes: segment.bytes)
  }
}
