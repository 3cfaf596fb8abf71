import ByteCoding
import Causality
import Sealing
import Segments

/// A workspace with a founder, and the steps that tests take in it.
struct MembershipFixture {
  let entropy: Entropy
  let key: WorkspaceKey
  let founder: DeviceKeys
  let founding: Founding
  var membership: Membership

  init(seed: UInt64 = 31) throws {
    entropy = .seeded(seed)
    key = WorkspaceKey(entropy: entropy)
    founder = DeviceKeys(entropy: entropy)
    founding = try Membership.found(
      device: founder, name: "founder", key: key, entropy: entropy)
    membership = Membership(workspace: founding.workspace)
    try membership.insert([founding.record])
  }

  mutating func invite(
    by device: DeviceKeys? = nil, _ role: Role = .writer, expiresMillis: UInt64 = 1000
  ) throws -> Invitation {
    let made = try membership.makeInvitation(
      by: device ?? founder, role: role, expiresMillis: expiresMillis, key: key, keyEpoch: 1,
      entropy: entropy)
    try membership.insert([made.record])
    return made.invitation
  }

  mutating func request(
    _ invitation: Invitation, _ device: DeviceKeys, name: String = "device"
  ) throws -> (record: MembershipRecord, origin: Origin) {
    let made = try Membership.request(
      invitation, device: device, name: name, entropy: entropy)
    try membership.insert([made.record])
    return made
  }

  /// Invites, asks and admits.
  mutating func join(
    _ role: Role = .writer, by issuer: DeviceKeys? = nil
  ) throws -> (device: DeviceKeys, origin: Origin) {
    let device = DeviceKeys(entropy: entropy)
    let invitation = try invite(by: issuer, role)
    let asked = try request(invitation, device)
    try membership.insert([
      try membership.admit(asked.record.hash, by: issuer ?? founder, nowMillis: 0)
    ])
    return (device, asked.origin)
  }
}

/// Bytes signed as the format says, written without the code under test.
func signedRecord(
  by author: SigningKey, kind: UInt8, workspace: WorkspaceID, index: UInt32, previous: Digest,
  payload: [UInt8]
) -> [UInt8] {
  var writer = ByteWriter()
  writer.write(1 as UInt8)
  writer.write(kind)
  workspace.write(to: &writer)
  author.publicKey.write(to: &writer)
  writer.write(fixed: index)
  previous.write(to: &writer)
  writer.write(fixed: UInt16(payload.count))
  writer.write(raw: payload)
  let digest = Digest.of(writer.bytes, domain: Domain("skerry member"))
  author.sign(digest, domain: Domain("skerry member")).write(to: &writer)
  return writer.bytes
}
