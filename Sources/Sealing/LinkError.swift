/// Why a link was not opened, or was ended.
///
/// Each case means: close, and send nothing. What the other side did wrong is for our own log; told
/// to a stranger it would answer his questions.
package enum LinkError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A handshake message without the length or the form that its place demands.
  case malformed
  /// A protocol version that this build does not speak.
  case unsupportedVersion(UInt8)
  /// The caller wants a relay and this is a replica, or the other way round.
  case wrongMode
  /// The caller does not know the secret of any workspace that is served here.
  case stranger
  /// An ephemeral public key of low order.
  case weakKey
  /// A message that was not sealed with the keys of this link, or was changed, repeated,
  /// reordered or left out.
  case notAuthentic
  /// A signature that does not belong to the key that it comes with.
  case badSignature
  /// The relay has another key than the one that was pinned.
  case unexpectedPeer(SigningKey.Public)
  /// A message longer than a frame may be.
  case tooLong
  /// The link has ended: by its last message, or by an earlier error.
  case ended

  package var description: String {
    switch self {
    case .malformed: "the other side does not speak this protocol"
    case .unsupportedVersion(let version):
      "the other side speaks version \(version) of the link protocol, which this program does not"
    case .wrongMode: "one side expects a relay where the other is a replica"
    case .stranger: "the other side is not a member of a workspace that is served here"
    case .weakKey: "the other side offered a key that must not be used"
    case .notAuthentic: "a message was changed on its way or made with another key"
    case .badSignature: "the other side could not prove who it is"
    case .unexpectedPeer(let key): "the relay has another key than expected: \(key)"
    case .tooLong: "a message is longer than a frame may be"
    case .ended: "the link has ended"
    }
  }
}
