import Causality
import Sealing

/// An invitation is one issuer's: another member that repeats the key gives out another one.
struct InviteID: Hashable {
  var key: SigningKey.Public
  var issuer: SigningKey.Public
}

/// The meaning of a set of records, computed from the set alone.
///
/// The fold starts at the founder and follows what members say. A member's whole chain is known
/// before any of it is weighed, and which of several admissions counts is decided among records of
/// one chain, so nothing that is found later can undo what was found before: the result is the
/// least fixpoint and does not depend on the order in which records arrived.
struct MembershipFold: Sendable {
  private(set) var devices: [SigningKey.Public: Device] = [:]
  private(set) var owners: [Origin: SigningKey.Public] = [:]
  private(set) var invites: [InviteID: Invite] = [:]
  private(set) var sortedInvites: [Invite] = []
  /// Requests on known invitations, by hash.
  private(set) var requests: [JoinRequest] = []
  /// Records that count, each after all that it builds on.
  private(set) var accepted: [MembershipRecord] = []
  /// Records that do not count yet, by hash.
  private(set) var waiting: [MembershipRecord] = []

  /// Declarations of links that count, the one that holds first.
  private(set) var topologies = TopologyFold()
  /// What members say about branches, by hash.
  private(set) var branches: [SignedBranchStatement] = []

  private var chains: [SigningKey.Public: [MembershipRecord]] = [:]
  private var acceptedHashes: Set<Digest> = []
  private var agenda: [SigningKey.Public] = []

  /// - Precondition: `records` are of this workspace, sorted by hash, without repetition.
  init(workspace: WorkspaceID, records: [MembershipRecord]) {
    for record in records { chains[record.author, default: []].append(record) }
    for author in Array(chains.keys) {
      // By index and, within one, still by hash.
      chains[author]?.sort { ($0.index, $0.hash) < ($1.index, $1.hash) }
    }
    let founding = records.first { $0.hash.bytes == workspace.bytes }
    if let founding, case .genesis(let box, let salt, let name) = founding.content {
      enrol(founding.author, box, salt, name, .writer)
    }
    while !agenda.isEmpty { follow(agenda.removeFirst()) }
    requests.sort { $0.hash < $1.hash }
    topologies.rank()
    branches.sort { $0.hash < $1.hash }
    for item in branches {
      let branch = item.statement.branch
      guard let owner = owners[branch.root] else { continue }
      claim(branch.origin, owner)
    }
    sortedInvites = invites.values.sorted { ($0.key, $0.issuer) < ($1.key, $1.issuer) }
    waiting = records.filter { !acceptedHashes.contains($0.hash) }
    chains = [:]
  }

  private mutating func accept(_ record: MembershipRecord) {
    if acceptedHashes.insert(record.hash).inserted { accepted.append(record) }
  }

  /// Makes a device a member, or a reader a writer.
  private mutating func enrol(
    _ key: SigningKey.Public, _ box: BoxKey.Public, _ salt: OriginSalt, _ name: SealedName,
    _ role: Role
  ) {
    if devices[key] == nil {
      devices[key] = Device(key: key, box: box, role: role, origins: [], sealedName: name)
      agenda.append(key)
    } else if let held = devices[key], held.role < role {
      devices[key]?.role = role
      agenda.append(key)
    }
    claim(salt.origin(of: key), key)
  }

  private mutating func claim(_ origin: Origin, _ key: SigningKey.Public) {
    guard owners[origin] == nil else { return }
    owners[origin] = key
    devices[key]?.origins.append(origin)
    devices[key]?.origins.sort()
  }

  /// Weighs all that a member has said.
  private mutating func follow(_ author: SigningKey.Public) {
    let chain = linked(chains[author] ?? [])
    let isWriter = devices[author].map { $0.role >= .writer } ?? false
    for record in chain {
      accept(record)
      switch record.content {
      case .origin(let salt): claim(salt.origin(of: author), author)
      case .topology(let part) where isWriter: topologies.add(part, record)
      case .branch(let statement):
        branches.append(
          SignedBranchStatement(
            statement: statement, author: author, index: record.index, hash: record.hash))
      case .invite(let key, let role, let expiresMillis) where isWriter:
        let id = InviteID(key: key, issuer: author)
        guard invites[id] == nil else { continue }
        invites[id] = Invite(
          key: key, issuer: author, role: role, expiresMillis: expiresMillis)
        acceptRequests(on: key)
      case .admit(let request, let key, let role) where isWriter:
        // The chain is in order, so the first admission on an invitation is the one that counts,
        // even while the request that it answers is not here.
        let id = InviteID(key: key, issuer: author)
        guard let invite = invites[id], invite.admitted == nil, role <= invite.role else {
          continue
        }
        invites[id]?.admitted = request
        guard let asked = (chains[key] ?? []).first(where: { $0.hash == request }),
          case .request(let device, let box, let salt, let name) = asked.content
        else { continue }
        invites[id]?.usedBy = device
        enrol(device, box, salt, name, role)
      default: break
      }
    }
  }

  /// The records of an author's chains that reach back to a first one without a gap, in order.
  private func linked(_ chain: [MembershipRecord]) -> [MembershipRecord] {
    var reached: [Digest: UInt32] = [:]
    return chain.filter { record in
      if case .request = record.content { return false }
      if record.index > 0 {
        guard let before = reached[record.previous], before == record.index - 1 else {
          return false
        }
      }
      reached[record.hash] = record.index
      return true
    }
  }

  private mutating func acceptRequests(on invite: SigningKey.Public) {
    for record in chains[invite] ?? [] {
      guard case .request(let device, let box, let salt, _) = record.content,
        !acceptedHashes.contains(record.hash)
      else { continue }
      accept(record)
      requests.append(
        JoinRequest(
          hash: record.hash, invite: invite, device: device, box: box,
          origin: salt.origin(of: device)))
    }
  }
}
