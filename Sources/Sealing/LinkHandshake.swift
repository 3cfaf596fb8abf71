/// How two ends of a byte stream find out who the other is and agree on keys that nobody else has.
///
/// A SIGMA handshake (Krawczyk, "SIGMA: the 'SIGn-and-MAc' Approach to Authenticated
/// Diffie-Hellman", 2003) in three messages: ephemeral X25519 keys both ways, then each side's
/// long-term key with a signature over all that was said, encrypted. Between replicas a secret
/// that only members know goes into the keys and into the first message; a stranger is not
/// answered. `FORMAT.md` beside this file gives the bytes.
///
/// ```
/// initiator                                            responder
///   start()  ── 1: version, mode, ephemeral, tag ──►   receive: .send(2)
///   receive: .sendAndFinish(3, session)  ◄── 2: ephemeral, {key, signature} ──
///            ── 3: {who, signatures} ──►               receive: .finish(session)
/// ```
///
/// The machine does no input or output; the caller carries messages, bounds them by
/// ``messageBytesMax``, and closes without a word when ``receive(_:)`` throws. Replaying a first
/// message gets an answer that only the holder of the ephemeral key can use.
package struct LinkHandshake: Sendable {
  package static let version: UInt8 = 1
  /// No handshake message is longer.
  package static let messageBytesMax = 512

  package enum Mode: UInt8, Sendable {
    /// Both ends are members of one workspace, or the initiator holds an invitation to it.
    case replica = 0
    /// The responder stores and forwards and knows no workspace's secrets.
    case relay = 1
  }

  /// Whom the initiator wants to reach.
  package enum Target: Sendable {
    case replica(workspace: Bytes32, secret: LinkSecret)
    /// `pinned` is the relay's key when it is known from before.
    case relay(workspace: Bytes32, pinned: SigningKey.Public?)
  }

  /// As whom the initiator speaks.
  package enum Credential: Sendable {
    case member(SigningKey)
    /// Not yet a member: holds an invitation.
    case joiner(invite: SigningKey, device: SigningKey)
  }

  /// A workspace that a responder answers for.
  package struct ServedWorkspace: Sendable {
    package var workspace: Bytes32
    package var secret: LinkSecret

    package init(workspace: Bytes32, secret: LinkSecret) {
      self.workspace = workspace
      self.secret = secret
    }
  }

  /// What the responder is.
  package enum Service: Sendable {
    case replicas([ServedWorkspace])
    case relay
  }

  /// Who the other side has proved to be. Whether it may do anything is the caller's decision.
  package enum Identity: Hashable, Sendable {
    case member(SigningKey.Public)
    case joiner(invite: SigningKey.Public, device: SigningKey.Public)

    /// The key of the device itself.
    package var device: SigningKey.Public {
      switch self {
      case .member(let key): key
      case .joiner(_, let key): key
      }
    }
  }

  /// What the caller does after a message was accepted.
  package enum Step {
    /// Send this and wait for the next message.
    case send([UInt8])
    /// Send this; the session may be used at once.
    case sendAndFinish([UInt8], LinkSession)
    /// The session may be used.
    case finish(LinkSession)
  }

  private enum State {
    case initiator(Target, Credential, ephemeral: BoxKey)
    case awaitingSecond(Target, Credential, ephemeral: BoxKey, first: [UInt8])
    case awaitingFirst(Service, SigningKey, Entropy)
    case awaitingThird(Mode, Bytes32?, SigningKey.Public, LinkKeys, middle: Digest)
    case ended
  }

  private var state: State

  package init(connectingTo target: Target, as credential: Credential, entropy: Entropy) {
    state = .initiator(target, credential, ephemeral: BoxKey(seed: entropy.secret(32)))
  }

  package init(accepting service: Service, as key: SigningKey, entropy: Entropy) {
    state = .awaitingFirst(service, key, entropy)
  }

  /// The first message, for the initiator to send.
  ///
  /// - Precondition: this is an initiator and was not started before.
  package mutating func start() -> [UInt8] {
    guard case .initiator(let target, let credential, let ephemeral) = state else {
      preconditionFailure("only an initiator starts a handshake, and once")
    }
    let first =
      switch target {
      case .replica(let workspace, let secret):
        FirstMessage.encoded(.replica, ephemeral.publicKey, secret, workspace)
      case .relay: FirstMessage.encoded(.relay, ephemeral.publicKey, .none, .zero)
      }
    state = .awaitingSecond(target, credential, ephemeral: ephemeral, first: first)
    return first
  }

  /// Takes the other side's next message.
  ///
  /// - Throws: why the link must be closed, silently. The handshake is dead afterwards.
  package mutating func receive(_ message: [UInt8]) throws(LinkError) -> Step {
    let current = state
    state = .ended
    switch current {
    case .initiator, .ended: throw .ended
    case .awaitingFirst(let service, let key, let entropy):
      return try answer(message, service, key, entropy)
    case .awaitingSecond(let target, let credential, let ephemeral, let first):
      return try conclude(message, target, credential, ephemeral, first)
    case .awaitingThird(let mode, let workspace, let own, let keys, let middle):
      return try admit(message, mode, workspace, own, keys, middle)
    }
  }

  /// The responder, at the first message.
  private mutating func answer(
    _ message: [UInt8], _ service: Service, _ key: SigningKey, _ entropy: Entropy
  ) throws(LinkError) -> Step {
    let first = try FirstMessage(parsing: message)
    let workspace: Bytes32?
    let secret: LinkSecret
    switch (service, first.mode) {
    case (.relay, .relay):
      workspace = nil
      secret = .none
    case (.replicas(let served), .replica):
      guard let meant = served.first(where: { first.isMeant(for: $0) }) else { throw .stranger }
      workspace = meant.workspace
      secret = meant.secret
    default: throw .wrongMode
    }
    let ephemeral = BoxKey(seed: entropy.secret(32))
    let keys = try LinkKeys(
      firstMessage: message, workspace: workspace ?? .zero,
      responderEphemeral: ephemeral.publicKey, own: ephemeral, other: first.ephemeral,
      secret: secret.secret)
    let second = SecondMessage.encoded(ephemeral.publicKey, key, keys)
    state = .awaitingThird(
      first.mode, workspace, key.publicKey, keys, middle: keys.middle(secondMessage: second))
    return .send(second)
  }

  /// The initiator, at the second message.
  private func conclude(
    _ message: [UInt8], _ target: Target, _ credential: Credential, _ ephemeral: BoxKey,
    _ first: [UInt8]
  ) throws(LinkError) -> Step {
    let second = try SecondMessage(parsing: message)
    let mode: Mode
    let workspace: Bytes32
    let secret: LinkSecret
    switch target {
    case .replica(let meant, let shared): (mode, workspace, secret) = (.replica, meant, shared)
    case .relay(let meant, _): (mode, workspace, secret) = (.relay, meant, .none)
    }
    let keys = try LinkKeys(
      firstMessage: first, workspace: mode == .replica ? workspace : .zero,
      responderEphemeral: second.ephemeral, own: ephemeral, other: second.ephemeral,
      secret: secret.secret)
    let responder = try second.openResponder(keys)
    if case .relay(_, let pinned?) = target, pinned != responder {
      throw .unexpectedPeer(responder)
    }
    let middle = keys.middle(secondMessage: message)
    let third = ThirdMessage.encoded(
      mode, workspace, credential, responder: responder, keys, middle: middle)
    let streams = keys.streams(middle: middle, thirdMessage: third)
    return .sendAndFinish(
      third,
      LinkSession(
        peer: .member(responder), workspace: workspace, mode: mode,
        outgoing: OutgoingStream(secret: streams.toResponder),
        incoming: IncomingStream(secret: streams.toInitiator)))
  }

  /// The responder, at the third message.
  private func admit(
    _ message: [UInt8], _ mode: Mode, _ workspace: Bytes32?, _ own: SigningKey.Public,
    _ keys: LinkKeys, _ middle: Digest
  ) throws(LinkError) -> Step {
    let third = try ThirdMessage(
      opening: message, mode, workspace, responder: own, keys, middle: middle)
    let streams = keys.streams(middle: middle, thirdMessage: message)
    return .finish(
      LinkSession(
        peer: third.identity, workspace: third.workspace, mode: mode,
        outgoing: OutgoingStream(secret: streams.toInitiator),
        incoming: IncomingStream(secret: streams.toResponder)))
  }
}

/// A link whose ends know each other.
package struct LinkSession {
  /// Who the other side has proved to be; for an initiator always `.member`, also of a relay.
  package let peer: LinkHandshake.Identity
  /// The workspace that the initiator asked for.
  package let workspace: Bytes32
  package let mode: LinkHandshake.Mode
  package let outgoing: OutgoingStream
  package let incoming: IncomingStream
}
