/// One of several keys that are derived from one secret (`crypto_kdf`, BLAKE2b inside).
struct DerivedKey {
  /// Which of the secret's keys, from 1.
  let number: UInt64
  /// Eight ASCII bytes that name the secret's use.
  let context: StaticString

  /// - Precondition: `secret` has 32 bytes; `count` is 16 to 64.
  func derive(from secret: SecretBytes, count: Int = 32) -> SecretBytes {
    precondition(secret.count == 32 && (16...64).contains(count))
    precondition(context.utf8CodeUnitCount == 8)
    return SecretBytes(count: count) { target in
      context.utf8Start.withMemoryRebound(to: CChar.self, capacity: 8) { name in
        CipherSuites.current.deriveKey(
          number: number, context: name, secret: secret.pointer, into: target.octets, count: count)
      }
    }
  }
}

/// Keys from words that a person can remember (Argon2id).
package enum Passphrase {
  package static let saltByteCount = 16

  /// The 32-byte key that belongs to a passphrase and a salt, at libsodium's `MODERATE` cost:
  /// 256 MiB of memory and the better part of a second.
  package static func key(
    from text: String, salt: [UInt8]
  ) throws(SealingError) -> SecretBytes {
    guard salt.count == saltByteCount else {
      throw SealingError(.wrongLength, "passphrase salt")
    }
    let characters = text.utf8.map { CChar(bitPattern: $0) }
    return try SecretBytes(count: 32) { target throws(SealingError) in
      let isDerived = CipherSuites.current.passphraseKey(
        characters, characters.count, salt: salt, into: target.octets)
      guard isDerived else { throw SealingError(.outOfMemory, "passphrase") }
    }
  }
}

extension SecretBytes {
  /// The 32-byte secret that belongs to these, which may be shorter, for one purpose.
  package func expanded(for domain: Domain) -> SecretBytes {
    let state = HashState(domain: domain)
    withUnsafeBytes { state.update($0) }
    return state.finishSecret()
  }
}
