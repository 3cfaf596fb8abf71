import ByteCoding
package import Causality
package import Sealing

/// A member of a workspace.
package struct Device: Hashable, Sendable {
  package let key: SigningKey.Public
  /// What keys for the device are sealed to.
  package let box: BoxKey.Public
  package internal(set) var role: Role
  /// In the order of the bytes.
  package internal(set) var origins: [Origin]
  package let sealedName: SealedName

  package func name(using workspaceKey: WorkspaceKey) throws(MembershipError) -> String {
    try sealedName.open(device: key, key: workspaceKey)
  }
}

/// An invitation as the workspace knows it.
package struct Invite: Hashable, Sendable {
  /// The public half of the key that the invitation carries.
  package let key: SigningKey.Public
  package let issuer: SigningKey.Public
  package let role: Role
  /// Wall time, milliseconds since 1970. Only the issuer looks at it, when it admits.
  package let expiresMillis: UInt64
  /// The request that was admitted.
  package internal(set) var admitted: Digest?
  /// The device that was admitted, once its request is known here.
  package internal(set) var usedBy: SigningKey.Public?
}

/// A device that asks to become a member.
package struct JoinRequest: Hashable, Sendable {
  /// The hash of the request record.
  package let hash: Digest
  package let invite: SigningKey.Public
  package let device: SigningKey.Public
  package let box: BoxKey.Public
  package let origin: Origin
}

/// What became of a request to join.
package enum JoinOutcome: Hashable, Sendable {
  /// The request, or the invitation that it uses, has not arrived here.
  case unknown
  case pending
  case admitted(Role)
  /// Another request was admitted on the same invitation.
  case refused
}

/// Who belongs to a workspace: what a set of membership records says, whatever order they came in.
///
/// The set only grows. A record whose author is not (yet) a member, or whose chain has a gap, waits
/// and counts from the moment that what it builds on is here. Records of readers that only writers
/// may make have no effect. An author whose chain forks (a restored backup) keeps both branches;
/// where they contradict each other, the lower index and then the lower hash wins.
package struct Membership: Sendable {
  /// Records in one workspace, waiting ones included.
  package static let recordsMax = 1 << 16

  package let workspace: WorkspaceID
  private var known: [Digest: MembershipRecord] = [:]
  private var fold: MembershipFold

  package init(workspace: WorkspaceID) {
    self.workspace = workspace
    fold = MembershipFold(workspace: workspace, records: [])
  }

  /// Takes in records and gives back those that were new, for the caller to keep and to forward;
  /// waiting ones too.
  ///
  /// Complexity: O(n log n) over all records, so take in many at once.
  ///
  /// - Throws: `wrongWorkspace`, `tooManyRecords`; nothing was taken in then.
  @discardableResult
  package mutating func insert(
    _ records: [MembershipRecord]
  ) throws(MembershipError) -> [MembershipRecord] {
    var fresh: [MembershipRecord] = []
    var seen: Set<Digest> = []
    for record in records {
      guard record.workspace == workspace else { throw .wrongWorkspace }
      if known[record.hash] == nil, seen.insert(record.hash).inserted { fresh.append(record) }
    }
    guard known.count + fresh.count <= Membership.recordsMax else { throw .tooManyRecords }
    guard !fresh.isEmpty else { return [] }
    for record in fresh { known[record.hash] = record }
    let ordered = known.values.sorted { $0.hash < $1.hash }
    fold = MembershipFold(workspace: workspace, records: ordered)
    return fresh
  }

  /// All records in an order in which a receiver needs to wait for none; those that wait here come
  /// last.
  package var records: [MembershipRecord] { fold.accepted + fold.waiting }

  /// The records that do not count yet, by hash.
  package var waiting: [MembershipRecord] { fold.waiting }

  package func contains(_ hash: Digest) -> Bool { known[hash] != nil }
  package func record(_ hash: Digest) -> MembershipRecord? { known[hash] }

  /// A hash of the set: equal where the same records are held.
  package var digest: Digest {
    let state = HashState(domain: Domain("skerry members"))
    for hash in known.keys.sorted() { state.update(hash) }
    return state.finish()
  }

  /// The members, in the order of their keys.
  package var devices: [Device] { fold.devices.values.sorted { $0.key < $1.key } }

  package func device(_ key: SigningKey.Public) -> Device? { fold.devices[key] }

  package func device(owning origin: Origin) -> Device? {
    fold.owners[origin].flatMap { fold.devices[$0] }
  }

  /// The key that must have signed the segments of `origin`.
  ///
  /// - Throws: `unknownOrigin`, `readerMayNotWrite`.
  package func verifier(for origin: Origin) throws(MembershipError) -> SigningKey.Public {
    guard let device = device(owning: origin) else { throw .unknownOrigin(origin) }
    guard device.role >= .writer else { throw .readerMayNotWrite(origin) }
    return device.key
  }

  /// The declarations of links that count, the one that holds first. All who have the same records
  /// have the same.
  package var topologies: some RandomAccessCollection<SealedTopology> { fold.topologies.ranked }

  /// What members say about branches, by the hashes of their records.
  package var branchStatements: [SignedBranchStatement] { fold.branches }

  /// In the order of their keys, then of their issuers.
  package var invites: [Invite] { fold.sortedInvites }

  package func invite(_ key: SigningKey.Public) -> Invite? {
    fold.sortedInvites.first { $0.key == key }
  }

  /// The requests that nobody has answered yet, by hash.
  package var requests: [JoinRequest] {
    fold.requests.filter { request in
      fold.sortedInvites.contains { $0.key == request.invite && $0.admitted == nil }
    }
  }

  /// The requests that `issuer` can answer, by hash.
  package func requests(for issuer: SigningKey.Public) -> [JoinRequest] {
    fold.requests.filter { request in
      fold.invites[InviteID(key: request.invite, issuer: issuer)].map { $0.admitted == nil }
        ?? false
    }
  }

  package func outcome(of request: Digest) -> JoinOutcome {
    guard let asked = fold.requests.first(where: { $0.hash == request }) else { return .unknown }
    let invites = fold.sortedInvites.filter { $0.key == asked.invite }
    if invites.contains(where: { $0.admitted == request }) {
      return .admitted(fold.devices[asked.device]?.role ?? .reader)
    }
    return invites.contains { $0.admitted == nil } ? .pending : .refused
  }

  /// Whether a link to this peer makes sense: it is a member, or it holds an invitation that is
  /// known here. A joiner whose device is no member yet may exchange membership records only.
  package func mayConnect(_ identity: LinkHandshake.Identity) -> Bool {
    switch identity {
    case .member(let key): device(key) != nil
    case .joiner(let invite, let device): self.device(device) != nil || self.invite(invite) != nil
    }
  }

  /// Where `author`'s next record goes: behind the longest of its chains.
  func nextLink(of author: SigningKey.Public) -> (index: UInt32, previous: Digest) {
    var last: MembershipRecord?
    for record in fold.accepted where record.author == author {
      if let held = last, (held.index, record.hash) >= (record.index, held.hash) { continue }
      last = record
    }
    guard let last else { return (0, .zero) }
    return (last.index + 1, last.hash)
  }
}
