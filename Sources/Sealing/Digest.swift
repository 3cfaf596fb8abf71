import CSodium

/// What a hash or a signature is about: BLAKE2b's personalisation, so that bytes hashed for one
/// purpose are never mistaken for bytes hashed for another.
package struct Domain: Sendable, ExpressibleByStringLiteral {
  /// The name's ASCII bytes, filled up with zeros.
  let bytes: (UInt64, UInt64)

  /// - Precondition: `name` is at most 16 bytes of ASCII.
  package init(stringLiteral name: StaticString) {
    self.init(name)
  }

  /// - Precondition: `name` is at most 16 bytes of ASCII.
  package init(_ name: StaticString) {
    precondition(name.hasPointerRepresentation && name.utf8CodeUnitCount <= 16)
    var bytes: (UInt64, UInt64) = (0, 0)
    withUnsafeMutableBytes(of: &bytes) {
      $0.copyMemory(
        from: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }
    self.bytes = bytes
  }

  @inline(__always)
  func withPointer<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    withUnsafeBytes(of: bytes) { body($0.octets) }
  }
}

/// A BLAKE2b-256 hash (RFC 7693).
package struct Digest: Identifier32 {
  package let bytes: Bytes32

  package init(_ bytes: Bytes32) {
    self.bytes = bytes
  }

  package static let zero = Digest(.zero)

  /// Complexity: O(n); no allocation.
  package static func of(
    _ bytes: UnsafeRawBufferPointer, domain: Domain, key: SecretBytes? = nil
  ) -> Digest {
    Digest(
      Bytes32 { target in
        domain.withPointer { personal in
          CipherSuites.current.hash(
            bytes.octets, bytes.count, key: key?.pointer, keyCount: key?.count ?? 0,
            personal: personal, into: target.octets, count: 32)
        }
      })
  }

  package static func of(
    _ bytes: [UInt8], domain: Domain, key: SecretBytes? = nil
  ) -> Digest {
    bytes.withUnsafeBytes { of($0, domain: domain, key: key) }
  }
}

/// A hash over bytes that come in pieces; the same as ``Digest/of(_:domain:key:)`` over them all.
package final class HashState {
  private let state: UnsafeMutableRawPointer

  package init(domain: Domain, key: SecretBytes? = nil) {
    state = .allocate(byteCount: CipherSuites.hashStateByteCount, alignment: 64)
    domain.withPointer { personal in
      CipherSuites.current.hashStart(
        state, key: key?.pointer, keyCount: key?.count ?? 0, personal: personal)
    }
  }

  deinit {
    sodium_memzero(state, CipherSuites.hashStateByteCount)
    state.deallocate()
  }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    CipherSuites.current.hashUpdate(state, bytes.octets, bytes.count)
  }

  package func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  package func update(_ identifier: some Identifier32) {
    identifier.bytes.withUnsafeBytes { update($0) }
  }

  /// Ends the hash; call it once.
  package func finish() -> Digest {
    Digest(Bytes32 { finish(into: $0) })
  }

  func finish(into target: UnsafeMutableRawBufferPointer) {
    CipherSuites.current.hashFinish(state, into: target.octets)
  }
}
