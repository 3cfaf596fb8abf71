/// A key for authenticated encryption: XChaCha20-Poly1305, whose 24-byte nonces are long enough to
/// be drawn at random for the life of a key.
package struct AEADKey: Sendable {
  package static let byteCount = 32
  package static let nonceByteCount = 24
  package static let tagByteCount = 16

  private let secret: SecretBytes

  /// - Precondition: `secret` has 32 bytes.
  init(_ secret: SecretBytes) {
    precondition(secret.count == AEADKey.byteCount)
    self.secret = secret
  }

  /// Encrypts the first `count` bytes of `buffer` where they are and puts the tag behind them.
  ///
  /// - Precondition: `buffer` has `count + tagByteCount` bytes, `nonce` has 24.
  package func encrypt(
    inPlace buffer: UnsafeMutableRawBufferPointer, count: Int,
    associatedData: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer
  ) {
    precondition(count >= 0 && buffer.count == count + AEADKey.tagByteCount)
    precondition(nonce.count == AEADKey.nonceByteCount)
    let bytes = buffer.octets
    CipherSuites.current.encrypt(
      bytes, count, associated: associatedData.octets, associatedData.count, nonce: nonce.octets,
      key: secret.pointer, into: bytes)
  }

  /// Decrypts `sealed`, a ciphertext and its tag; nil when the bytes are not authentic.
  package func decrypt(
    _ sealed: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
    nonce: UnsafeRawBufferPointer
  ) -> [UInt8]? {
    guard sealed.count >= AEADKey.tagByteCount, nonce.count == AEADKey.nonceByteCount else {
      return nil
    }
    let count = sealed.count - AEADKey.tagByteCount
    var opened = [UInt8](repeating: 0, count: count)
    let isAuthentic = opened.withUnsafeMutableBytes { target in
      CipherSuites.current.decrypt(
        sealed.octets, sealed.count, associated: associatedData.octets, associatedData.count,
        nonce: nonce.octets, key: secret.pointer, into: target.octets)
    }
    return isAuthentic ? opened : nil
  }

  /// Seals `plaintext` under a random nonce: nonce, ciphertext, tag.
  package func seal(
    _ plaintext: [UInt8], associatedData: [UInt8], entropy: Entropy
  ) -> [UInt8] {
    let header = AEADKey.nonceByteCount
    let total = header + plaintext.count + AEADKey.tagByteCount
    return [UInt8](unsafeUninitializedCapacity: total) { buffer, initialized in
      let whole = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<total])
      let nonce = UnsafeMutableRawBufferPointer(rebasing: whole[..<header])
      let body = UnsafeMutableRawBufferPointer(rebasing: whole[header...])
      entropy.fill(nonce)
      body.copyBytes(from: plaintext)
      associatedData.withUnsafeBytes {
        encrypt(
          inPlace: body, count: plaintext.count, associatedData: $0,
          nonce: UnsafeRawBufferPointer(nonce))
      }
      initialized = total
    }
  }

  /// Opens what ``seal(_:associatedData:entropy:)`` made.
  package func open(
    _ sealed: [UInt8], associatedData: [UInt8], _ subject: StaticString = "sealed bytes"
  ) throws(SealingError) -> [UInt8] {
    let header = AEADKey.nonceByteCount
    guard sealed.count >= header + AEADKey.tagByteCount else {
      throw SealingError(.wrongLength, subject)
    }
    let opened = sealed.withUnsafeBytes { whole in
      associatedData.withUnsafeBytes { extra in
        decrypt(
          UnsafeRawBufferPointer(rebasing: whole[header...]), associatedData: extra,
          nonce: UnsafeRawBufferPointer(rebasing: whole[..<header]))
      }
    }
    guard let opened else { throw SealingError(.notAuthentic, subject) }
    return opened
  }
}
