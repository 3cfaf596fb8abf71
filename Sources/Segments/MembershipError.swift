package import ByteCoding
package import Causality
package import Sealing

/// Why a membership record, or a step of membership, was refused.
package enum MembershipError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The bytes are not a membership record.
  case malformed(ByteDecodingError)
  /// A record that its author did not sign, or that was changed since.
  case badSignature
  /// A record of another workspace.
  case wrongWorkspace
  /// More records than a workspace may have.
  case tooManyRecords
  /// An origin that no member has claimed, as far as is known here.
  case unknownOrigin(Origin)
  /// The origin belongs to a device that may read but not write.
  case readerMayNotWrite(Origin)
  /// The device is not a member, as far as is known here.
  case notMember(SigningKey.Public)
  /// A device that may only read tried to invite, to admit or to declare links.
  case readerMayNotInvite(SigningKey.Public)
  /// A request, or its invitation, that is not known here.
  case unknownRequest(Digest)
  /// Only the device that gave out an invitation admits on it.
  case notIssuer(SigningKey.Public)
  /// Another request was admitted on the same invitation.
  case inviteUsed
  case inviteExpired(atMillis: UInt64)
  /// An invitation for a reader does not make a writer.
  case roleExceedsInvite
  /// A device's name of more than ``SealedName/nameBytesMax`` bytes.
  case nameTooLong(bytes: Int)
  /// A declaration of links that nobody could follow.
  case topology(TopologyFlaw)
  /// A declaration of links that does not fit into ``TopologyPart/countMax`` records.
  case topologyTooLong(bytes: Int)
  /// A declaration of links that was not sealed with this workspace key, or by a later release.
  case sealedTopology
  /// A name that was not sealed with this workspace key.
  case sealedName

  package var description: String {
    switch self {
    case .malformed(let error): "not a membership record: \(error)"
    case .badSignature: "a membership record is not signed by the one who is said to have made it"
    case .wrongWorkspace: "a membership record belongs to another workspace"
    case .tooManyRecords: "the workspace has too many membership records"
    case .unknownOrigin(let origin): "no member of the workspace writes as \(origin)"
    case .readerMayNotWrite(let origin):
      "\(origin) belongs to a device that may read this workspace but not write to it"
    case .notMember(let device): "the device \(device) is not a member of the workspace"
    case .readerMayNotInvite(let device):
      "the device \(device) may only read this workspace, not invite others to it or declare its "
        + "links"
    case .unknownRequest(let request): "nobody asks to join with the request \(request)"
    case .notIssuer: "only the device that gave out an invitation can admit on it"
    case .inviteUsed: "the invitation was used already; ask for a new one"
    case .inviteExpired: "the invitation has expired; ask for a new one"
    case .roleExceedsInvite: "the invitation is for a reader"
    case .nameTooLong(let bytes):
      "the name has \(bytes) bytes; at most \(SealedName.nameBytesMax) are allowed"
    case .topology(let flaw): "the topology cannot be declared: \(flaw)"
    case .topologyTooLong(let bytes):
      "the topology takes \(bytes) bytes, which is more than \(TopologyPart.countMax) records hold"
    case .sealedTopology: "the topology cannot be opened with the workspace key"
    case .sealedName: "the name of a device cannot be opened with the workspace key"
    }
  }
}
