/// The two key pairs of a device, from one seed: Ed25519 to sign with, X25519 to be sealed to.
package struct DeviceKeys: Sendable {
  private static let formatVersion: UInt8 = 1
  /// A version byte and the seed.
  package static let encodedByteCount = 33

  package let signing: SigningKey
  package let box: BoxKey
  private let seed: SecretBytes

  /// What others know the device by.
  package var publicKey: SigningKey.Public { signing.publicKey }

  package init(entropy: Entropy) {
    self.init(seed: entropy.secret(32))
  }

  private init(seed: SecretBytes) {
    self.seed = seed
    signing = SigningKey(seed: DerivedKey(number: 1, context: "skdevice").derive(from: seed))
    box = BoxKey(seed: DerivedKey(number: 2, context: "skdevice").derive(from: seed))
  }

  /// The 33 secret bytes from which ``init(decoding:)`` makes the same keys.
  package func encoded() -> SecretBytes {
    SecretBytes(count: DeviceKeys.encodedByteCount) { target in
      target[0] = DeviceKeys.formatVersion
      seed.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: target[1...]).copyMemory(from: $0)
      }
    }
  }

  package init(decoding bytes: [UInt8]) throws(SealingError) {
    guard let version = bytes.first else { throw SealingError(.wrongLength, "device keys") }
    guard version == DeviceKeys.formatVersion else {
      throw SealingError(.unsupportedVersion, "device keys")
    }
    guard bytes.count == DeviceKeys.encodedByteCount else {
      throw SealingError(.wrongLength, "device keys")
    }
    self.init(seed: SecretBytes(bytes.dropFirst()))
  }
}
