/// An X25519 key pair that opens what was sealed to its public half (`crypto_box_seal`).
package struct BoxKey: Sendable {
  package struct Public: Identifier32 {
    package let bytes: Bytes32

    package init(_ bytes: Bytes32) {
      self.bytes = bytes
    }
  }

  /// What sealing adds: an ephemeral public key and a tag.
  package static let overhead = 48

  package let publicKey: Public
  private let secret: SecretBytes

  /// The pair that belongs to a seed of 32 bytes.
  init(seed: SecretBytes) {
    precondition(seed.count == 32)
    var publicBytes = Bytes32.zero
    secret = SecretBytes(count: 32) { target in
      publicBytes = Bytes32 { publicTarget in
        CipherSuites.current.boxPair(
          seed: seed.pointer, publicKey: publicTarget.octets, secretKey: target.octets)
      }
    }
    publicKey = Public(publicBytes)
  }

  package func open(_ sealed: [UInt8]) throws(SealingError) -> [UInt8] {
    guard sealed.count >= BoxKey.overhead else {
      throw SealingError(.wrongLength, "sealed box")
    }
    let count = sealed.count - BoxKey.overhead
    var isAuthentic = false
    let opened = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      isAuthentic = publicKey.bytes.withUnsafeBytes { key in
        CipherSuites.current.openSealedBox(
          sealed, sealed.count, publicKey: key.octets, secretKey: secret.pointer,
          into: UnsafeMutableRawBufferPointer(buffer).octets)
      }
      initialized = isAuthentic ? count : 0
    }
    guard isAuthentic else { throw SealingError(.notAuthentic, "sealed box") }
    return opened
  }

  /// The secret shared with the holder of `other`; refuses keys that would make it known to all.
  func agree(with other: Public) throws(SealingError) -> SecretBytes {
    try SecretBytes(count: 32) { target throws(SealingError) in
      let isAgreed = other.bytes.withUnsafeBytes { key in
        CipherSuites.current.agree(
          secretKey: secret.pointer, publicKey: key.octets, into: target.octets)
      }
      guard isAgreed else { throw SealingError(.weakKey, "key agreement") }
    }
  }

  fileprivate func box(
    _ message: [UInt8], nonce: [UInt8], to other: Public, into target: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    other.bytes.withUnsafeBytes { key in
      CipherSuites.current.box(
        message, message.count, nonce: nonce, to: key.octets, from: secret.pointer, into: target)
    }
  }
}

extension BoxKey.Public {
  /// Seals `message` so that only the holder of this key can read it; who sealed it is not said.
  ///
  /// The bytes are those of `crypto_box_seal`. Its three steps are written out because that
  /// function draws the ephemeral key by itself, and randomness is handed in here.
  ///
  /// - Throws: `weakKey` when this key is of low order.
  package func seal(_ message: [UInt8], entropy: Entropy) throws(SealingError) -> [UInt8] {
    let ephemeral = BoxKey(seed: entropy.secret(32))
    let both = ephemeral.publicKey.array + array
    let nonce = [UInt8](unsafeUninitializedCapacity: 24) { buffer, initialized in
      Domain("").withPointer { personal in
        CipherSuites.current.hash(
          both, both.count, key: nil, keyCount: 0, personal: personal,
          into: UnsafeMutableRawBufferPointer(buffer).octets, count: 24)
      }
      initialized = 24
    }
    var isSealed = false
    let total = message.count + BoxKey.overhead
    let sealed = [UInt8](unsafeUninitializedCapacity: total) { buffer, initialized in
      let whole = UnsafeMutableRawBufferPointer(buffer)
      ephemeral.publicKey.bytes.withUnsafeBytes { whole.copyMemory(from: $0) }
      isSealed = ephemeral.box(message, nonce: nonce, to: self, into: whole.octets + 32)
      initialized = isSealed ? total : 0
    }
    guard isSealed else { throw SealingError(.weakKey, "sealed box") }
    return sealed
  }
}
