package import ByteCoding

/// An Ed25519 signature (RFC 8032), 64 bytes.
package struct Signature: Hashable, Sendable {
  package static let byteCount = 64

  private let point: Bytes32
  private let scalar: Bytes32

  init(filledBy fill: (UnsafeMutablePointer<UInt8>) -> Void) {
    self = withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
      fill(buffer.octets)
      return Signature(loadingFrom: UnsafeRawBufferPointer(buffer))
    }
  }

  private init(loadingFrom bytes: UnsafeRawBufferPointer) {
    point = Bytes32 { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<32])) }
    scalar = Bytes32 { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[32..<64])) }
  }

  /// Takes exactly 64 bytes; nil for any other number.
  package init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count == Signature.byteCount,
      let point = Bytes32(bytes.prefix(32)), let scalar = Bytes32(bytes.dropFirst(32))
    else { return nil }
    self.point = point
    self.scalar = scalar
  }

  package init(from reader: inout ByteReader, _ field: String) throws(ByteDecodingError) {
    point = try Bytes32(from: &reader, field)
    scalar = try Bytes32(from: &reader, field)
  }

  package func write(to writer: inout ByteWriter) {
    point.write(to: &writer)
    scalar.write(to: &writer)
  }

  package var array: [UInt8] { point.array + scalar.array }

  package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    Swift.withUnsafeBytes(of: (point, scalar), body)
  }

  func withPointer<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    withUnsafeBytes { body($0.octets) }
  }
}

/// An Ed25519 key pair: it signs hashes, each for one domain.
///
/// What is signed is the 16 bytes of the domain and the 32 of the hash. The hash is personalised
/// with the same domain already; saying it twice means that a hash from elsewhere, handed in by
/// mistake, still yields a signature for this purpose only.
package struct SigningKey: Sendable {
  package struct Public: Identifier32 {
    package let bytes: Bytes32

    package init(_ bytes: Bytes32) {
      self.bytes = bytes
    }
  }

  package static let seedByteCount = 32

  package let publicKey: Public
  private let secret: SecretBytes

  /// The pair that belongs to a seed of 32 bytes.
  package init(seed: SecretBytes) {
    precondition(seed.count == SigningKey.seedByteCount)
    var publicBytes = Bytes32.zero
    secret = SecretBytes(count: 64) { target in
      publicBytes = Bytes32 { publicTarget in
        CipherSuites.current.signingPair(
          seed: seed.pointer, publicKey: publicTarget.octets, secretKey: target.octets)
      }
    }
    publicKey = Public(publicBytes)
  }

  package init(entropy: Entropy) {
    self.init(seed: entropy.secret(SigningKey.seedByteCount))
  }

  package func sign(_ digest: Digest, domain: Domain) -> Signature {
    Signature { target in
      withUnsafeBytes(of: (domain.bytes, digest.bytes)) { message in
        CipherSuites.current.sign(message.octets, 48, secretKey: secret.pointer, into: target)
      }
    }
  }
}

extension SigningKey.Public {
  /// Whether the holder of this key signed `digest` for `domain`.
  ///
  /// libsodium refuses keys of low order and second encodings of a signature, so that nobody but
  /// the signer can make another valid signature from a valid one.
  package func verifies(_ signature: Signature, of digest: Digest, domain: Domain) -> Bool {
    withUnsafeBytes(of: (domain.bytes, digest.bytes)) { message in
      bytes.withUnsafeBytes { key in
        signature.withPointer { signed in
          CipherSuites.current.verify(signed, message.octets, 48, publicKey: key.octets)
        }
      }
    }
  }
}
