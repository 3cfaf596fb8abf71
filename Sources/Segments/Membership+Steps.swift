package import Causality
package import Sealing

/// A new workspace: its id, the founder's first origin, and the record that says so.
package struct Founding: Sendable {
  package let workspace: WorkspaceID
  package let origin: Origin
  package let record: MembershipRecord
}

/// The steps of membership. Each makes records; the caller inserts, keeps and forwards them.
extension Membership {
  /// Founds a workspace.
  ///
  /// - Throws: `nameTooLong`.
  package static func found(
    device: DeviceKeys, name: String, key: WorkspaceKey, keyEpoch: UInt32 = 1, entropy: Entropy
  ) throws(MembershipError) -> Founding {
    let salt = OriginSalt(entropy: entropy)
    let sealed = try SealedName(
      name, device: device.publicKey, key: key, keyEpoch: keyEpoch, entropy: entropy)
    let record = MembershipRecord(
      .genesis(box: device.box.publicKey, salt: salt, name: sealed), workspace: nil,
      author: device.signing, index: 0, previous: .zero)
    return Founding(
      workspace: record.workspace, origin: salt.origin(of: device.publicKey), record: record)
  }

  /// Gives out an invitation that works once.
  ///
  /// - Throws: `notMember`, `readerMayNotInvite`.
  package func makeInvitation(
    by device: DeviceKeys, role: Role, expiresMillis: UInt64, key: WorkspaceKey,
    keyEpoch: UInt32, entropy: Entropy
  ) throws(MembershipError) -> (record: MembershipRecord, invitation: Invitation) {
    try requireWriter(device.publicKey)
    let invitation = Invitation(
      workspace: workspace, seed: entropy.secret(Invitation.seedByteCount), key: key,
      keyEpoch: keyEpoch, issuer: device.publicKey, role: role, expiresMillis: expiresMillis)
    let record = nextRecord(
      .invite(key: invitation.inviteKey.publicKey, role: role, expiresMillis: expiresMillis),
      by: device)
    return (record, invitation)
  }

  /// Asks to join. The request is to be kept and sent again, not made again: each one that is made
  /// has an origin of its own.
  ///
  /// - Throws: `nameTooLong`.
  package static func request(
    _ invitation: Invitation, device: DeviceKeys, name: String, entropy: Entropy
  ) throws(MembershipError) -> (record: MembershipRecord, origin: Origin) {
    let salt = OriginSalt(entropy: entropy)
    let sealed = try SealedName(
      name, device: device.publicKey, key: invitation.key, keyEpoch: invitation.keyEpoch,
      entropy: entropy)
    let record = MembershipRecord(
      .request(
        device: device.publicKey, box: device.box.publicKey, salt: salt, name: sealed),
      workspace: invitation.workspace, author: invitation.inviteKey, index: 0, previous: .zero,
      joiner: device.signing)
    return (record, salt.origin(of: device.publicKey))
  }

  /// Takes in a device that asks, on an invitation that this device gave out, with the
  /// invitation's role or a lower one.
  ///
  /// - Throws: `unknownRequest`, `notIssuer`, `inviteUsed`, `inviteExpired` when `nowMillis` has
  ///   reached the invitation's expiry, `roleExceedsInvite`, `notMember`, `readerMayNotInvite`.
  package func admit(
    _ request: Digest, by device: DeviceKeys, role: Role? = nil, nowMillis: UInt64
  ) throws(MembershipError) -> MembershipRecord {
    try requireWriter(device.publicKey)
    guard let asked = record(request), case .request = asked.content,
      outcome(of: request) != .unknown
    else { throw .unknownRequest(request) }
    guard
      let invite = invites.first(where: {
        $0.key == asked.author && $0.issuer == device.publicKey
      })
    else { throw .notIssuer(device.publicKey) }
    guard invite.admitted == nil else { throw .inviteUsed }
    guard nowMillis < invite.expiresMillis else {
      throw .inviteExpired(atMillis: invite.expiresMillis)
    }
    let given = role ?? invite.role
    guard given <= invite.role else { throw .roleExceedsInvite }
    return nextRecord(.admit(request: request, invite: invite.key, role: given), by: device)
  }

  /// Claims a further origin for a device that is a member: after a restore or a copy.
  ///
  /// - Parameter isWanted: an origin that it says yes to is looked for, among a few thousand.
  /// - Throws: `notMember`.
  package func claimOrigin(
    device: DeviceKeys, entropy: Entropy, where isWanted: (Origin) -> Bool = { _ in true }
  ) throws(MembershipError) -> (record: MembershipRecord, origin: Origin) {
    guard self.device(device.publicKey) != nil else { throw .notMember(device.publicKey) }
    var salt = OriginSalt(entropy: entropy)
    var attempts = 1
    while attempts < Membership.originAttemptsMax, !isWanted(salt.origin(of: device.publicKey)) {
      salt = OriginSalt(entropy: entropy)
      attempts += 1
    }
    return (nextRecord(.origin(salt: salt), by: device), salt.origin(of: device.publicKey))
  }

  /// Declares for all members which links they keep, in the place of what holds now.
  ///
  /// - Returns: the records of its parts, in order.
  /// - Throws: `notMember`, `readerMayNotInvite`, `topology` for one that nobody could follow,
  ///   `topologyTooLong`.
  package func declare(
    _ declaration: TopologyDeclaration, by device: DeviceKeys, key: WorkspaceKey,
    keyEpoch: UInt32, entropy: Entropy
  ) throws(MembershipError) -> [MembershipRecord] {
    try requireWriter(device.publicKey)
    if let flaw = declaration.flaw { throw .topology(flaw) }
    let replaced = topologies.first?.name ?? .zero
    let sealed = SealedTopology.seal(
      declaration, replacing: replaced, by: device.publicKey, key: key, keyEpoch: keyEpoch,
      entropy: entropy)
    guard let parts = TopologyPart.cut(sealed, replacing: replaced) else {
      throw .topologyTooLong(bytes: sealed.count)
    }
    return chained(parts.map { .topology($0) }, by: device)
  }

  /// Says what changes name that were applied before a fork was known.
  ///
  /// - Returns: the records, in order.
  /// - Throws: `notMember`.
  package func state(
    _ statements: [BranchStatement], by device: DeviceKeys
  ) throws(MembershipError) -> [MembershipRecord] {
    guard self.device(device.publicKey) != nil else { throw .notMember(device.publicKey) }
    return chained(statements.map { .branch($0) }, by: device)
  }

  private static let originAttemptsMax = 8_192

  private func requireWriter(_ key: SigningKey.Public) throws(MembershipError) {
    guard let member = device(key) else { throw .notMember(key) }
    guard member.role >= .writer else { throw .readerMayNotInvite(key) }
  }

  private func nextRecord(
    _ content: MembershipRecord.Content, by device: DeviceKeys
  ) -> MembershipRecord {
    let link = nextLink(of: device.publicKey)
    return MembershipRecord(
      content, workspace: workspace, author: device.signing, index: link.index,
      previous: link.previous)
  }

  /// The next records of a device, one behind the other.
  private func chained(
    _ contents: [MembershipRecord.Content], by device: DeviceKeys
  ) -> [MembershipRecord] {
    var link = nextLink(of: device.publicKey)
    return contents.map { content in
      let record = MembershipRecord(
        content, workspace: workspace, author: device.signing, index: link.index,
        previous: link.previous)
      link = (link.index + 1, record.hash)
      return record
    }
  }
}
