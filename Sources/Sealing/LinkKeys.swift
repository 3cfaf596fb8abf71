import CSodium

/// The keys of one link and the running hash of all that was said on it.
///
/// Everything that either side signs or encrypts is bound to everything that came before it, so a
/// message from one handshake is worth nothing in another.
struct LinkKeys {
  /// The hash of both ephemeral keys, the mode, and the workspace where it is not said aloud.
  let opening: Digest
  /// From the ephemeral keys' shared secret, the link secret and ``opening``.
  private let root: SecretBytes

  /// - Throws: `weakKey` when `other` is of low order.
  init(
    firstMessage: [UInt8], workspace: Bytes32, responderEphemeral: BoxKey.Public,
    own: BoxKey, other: BoxKey.Public, secret: SecretBytes
  ) throws(LinkError) {
    let opening = HashState(domain: Domain("skerry link open"))
    opening.update(firstMessage)
    workspace.withUnsafeBytes { opening.update($0) }
    opening.update(responderEphemeral)
    self.opening = opening.finish()

    let shared: SecretBytes
    do { shared = try own.agree(with: other) } catch { throw .weakKey }
    root = LinkKeys.keyedHash(
      Domain("skerry link root"), key: secret, shared, self.opening)
  }

  private static func keyedHash(
    _ domain: Domain, key: SecretBytes, _ secret: SecretBytes?, _ digest: Digest
  ) -> SecretBytes {
    let state = HashState(domain: domain, key: key)
    secret?.withUnsafeBytes { state.update($0) }
    state.update(digest)
    return state.finishSecret()
  }

  /// Encrypts the second message's second part; used once.
  var secondMessageKey: AEADKey {
    AEADKey(DerivedKey(number: 1, context: "sklinkhs").derive(from: root))
  }

  /// Encrypts the third message; used once.
  var thirdMessageKey: AEADKey {
    AEADKey(DerivedKey(number: 2, context: "sklinkhs").derive(from: root))
  }

  /// What the responder signs.
  func responderStatement(_ responder: SigningKey.Public) -> Digest {
    let state = HashState(domain: LinkKeys.responderDomain)
    state.update(opening)
    state.update(responder)
    return state.finish()
  }

  /// The hash of the first two messages.
  func middle(secondMessage: [UInt8]) -> Digest {
    let state = HashState(domain: Domain("skerry link mid"))
    state.update(opening)
    state.update(secondMessage)
    return state.finish()
  }

  /// The streams' secrets, once all three messages are known.
  func streams(
    middle: Digest, thirdMessage: [UInt8]
  ) -> (toResponder: SecretBytes, toInitiator: SecretBytes) {
    let state = HashState(domain: Domain("skerry link end"))
    state.update(middle)
    state.update(thirdMessage)
    let session = LinkKeys.keyedHash(
      Domain("skerry link sess"), key: root, nil, state.finish())
    let count = SecureStream.secretByteCount
    return (
      DerivedKey(number: 1, context: "sklinkst").derive(from: session, count: count),
      DerivedKey(number: 2, context: "sklinkst").derive(from: session, count: count)
    )
  }

  static let responderDomain = Domain("skerry link resp")
  static let initiatorDomain = Domain("skerry link init")
  static let inviteDomain = Domain("skerry link invt")
}

extension LinkSecret {
  /// What takes its place towards a relay, which shares no secret with anybody.
  static let none = LinkSecret(SecretBytes(count: 32) { _ in })

  /// What the first message carries to say which workspace is meant, to those only who know it.
  func tag(first part: [UInt8], workspace: Bytes32) -> Digest {
    let state = HashState(domain: Domain("skerry link tag"), key: secret)
    state.update(part)
    workspace.withUnsafeBytes { state.update($0) }
    return state.finish()
  }
}

extension HashState {
  /// Ends the hash where the result is itself a secret.
  func finishSecret() -> SecretBytes {
    SecretBytes(count: 32) { finish(into: $0) }
  }
}
