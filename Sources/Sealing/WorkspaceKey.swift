/// The secret that the members of a workspace share for one key epoch. It is never used itself:
/// each use has a key derived from it.
package struct WorkspaceKey: Sendable {
  package static let byteCount = 32

  private let secret: SecretBytes
  /// Encrypts segment bodies.
  package let segmentKey: AEADKey
  /// Encrypts the names of devices.
  package let nameKey: AEADKey
  /// Encrypts what devices show of the moment.
  package let presenceKey: AEADKey
  /// Encrypts which links the members have declared.
  package let topologyKey: AEADKey
  /// Lets members recognise each other on a link before either says who it is.
  package let linkSecret: LinkSecret

  package init(entropy: Entropy) {
    self.init(secret: entropy.secret(WorkspaceKey.byteCount))
  }

  package init(decoding bytes: [UInt8]) throws(SealingError) {
    guard bytes.count == WorkspaceKey.byteCount else {
      throw SealingError(.wrongLength, "workspace key")
    }
    self.init(secret: SecretBytes(bytes))
  }

  private init(secret: SecretBytes) {
    self.secret = secret
    segmentKey = AEADKey(DerivedKey(number: 1, context: "skworksp").derive(from: secret))
    linkSecret = LinkSecret(DerivedKey(number: 2, context: "skworksp").derive(from: secret))
    nameKey = AEADKey(DerivedKey(number: 3, context: "skworksp").derive(from: secret))
    presenceKey = AEADKey(DerivedKey(number: 4, context: "skworksp").derive(from: secret))
    topologyKey = AEADKey(DerivedKey(number: 5, context: "skworksp").derive(from: secret))
  }

  /// The 32 secret bytes from which ``init(decoding:)`` makes the same key.
  package func encoded() -> SecretBytes { secret }
}

/// What two members of a workspace both know when a link opens.
package struct LinkSecret: Sendable {
  let secret: SecretBytes

  init(_ secret: SecretBytes) {
    self.secret = secret
  }
}
