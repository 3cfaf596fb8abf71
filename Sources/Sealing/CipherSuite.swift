import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The cryptographic functions that this module is built on, one requirement each: the seam at
/// which the simulator puts its fast stand-in. There is one suite that protects anything,
/// ``Libsodium``, and it is what every thread uses that did not ask for another.
///
/// Pointers are never nil; where a count goes with one, it may be zero and the pointer is not read
/// then. Fixed sizes are libsodium's and part of the requirement. A suite keeps no state of its
/// own: what must be remembered lies in the caller's memory, so that states made by one suite and
/// continued by another give wrong results, never wrong accesses.
package protocol CipherSuite {
  typealias Octets = UnsafePointer<UInt8>
  typealias Target = UnsafeMutablePointer<UInt8>

  /// A hash of `count` bytes, 16 to 64; `key` has up to 64 bytes, `personal` 16.
  static func hash(
    _ bytes: Octets, _ byteCount: Int, key: Octets?, keyCount: Int, personal: Octets,
    into target: Target, count: Int)
  /// Begins a hash of 32 bytes in pieces; `state` has ``CipherSuites/hashStateByteCount`` bytes,
  /// aligned at 64.
  static func hashStart(
    _ state: UnsafeMutableRawPointer, key: Octets?, keyCount: Int, personal: Octets)
  static func hashUpdate(_ state: UnsafeMutableRawPointer, _ bytes: Octets, _ byteCount: Int)
  static func hashFinish(_ state: UnsafeMutableRawPointer, into target: Target)

  /// One of the keys, `count` bytes (16 to 64), that belong to a secret of 32 and a context of 8.
  static func deriveKey(
    number: UInt64, context: UnsafePointer<CChar>, secret: Octets, into target: Target, count: Int)
  /// A key of 32 bytes from words and a salt of 16; false when memory does not suffice.
  static func passphraseKey(
    _ text: UnsafePointer<CChar>, _ byteCount: Int, salt: Octets, into target: Target
  ) -> Bool

  /// Encrypts into `target`, which may be `plain` and has 16 bytes more; key 32, nonce 24.
  static func encrypt(
    _ plain: Octets, _ byteCount: Int, associated: Octets, _ associatedCount: Int, nonce: Octets,
    key: Octets, into target: Target)
  /// Decrypts `byteCount` bytes, at least 16; false when they are not authentic.
  static func decrypt(
    _ sealed: Octets, _ byteCount: Int, associated: Octets, _ associatedCount: Int, nonce: Octets,
    key: Octets, into target: Target
  ) -> Bool

  /// A signing pair from a seed of 32 bytes: public 32, secret 64.
  static func signingPair(seed: Octets, publicKey: Target, secretKey: Target)
  /// A signature of 64 bytes.
  static func sign(_ message: Octets, _ byteCount: Int, secretKey: Octets, into target: Target)
  static func verify(
    _ signature: Octets, _ message: Octets, _ byteCount: Int, publicKey: Octets
  ) -> Bool

  /// A key-agreement pair from a seed of 32 bytes: public 32, secret 32.
  static func boxPair(seed: Octets, publicKey: Target, secretKey: Target)
  /// The 32 bytes that two pairs share; false for a public key that must not be used.
  static func agree(secretKey: Octets, publicKey: Octets, into target: Target) -> Bool
  /// Encrypts to a public key into 16 bytes more, nonce 24; false for a key not to be used.
  static func box(
    _ plain: Octets, _ byteCount: Int, nonce: Octets, to publicKey: Octets, from secretKey: Octets,
    into target: Target
  ) -> Bool
  /// Opens an ephemeral public key and a box to `publicKey`, at least 48 bytes in all.
  static func openSealedBox(
    _ sealed: Octets, _ byteCount: Int, publicKey: Octets, secretKey: Octets, into target: Target
  ) -> Bool

  /// Begins one direction of a stream; `state` has ``CipherSuites/streamStateByteCount`` bytes,
  /// header 24, key 32. Both ends begin alike.
  static func streamStart(_ state: UnsafeMutableRawPointer, header: Octets, key: Octets)
  /// Seals the next message into 17 bytes more.
  static func streamSeal(
    _ state: UnsafeMutableRawPointer, _ plain: Octets, _ byteCount: Int, tag: UInt8,
    into target: Target)
  /// Opens the next message of `byteCount` bytes, at least 17; its tag, nil when not authentic.
  static func streamOpen(
    _ state: UnsafeMutableRawPointer, _ sealed: Octets, _ byteCount: Int, into target: Target
  ) -> UInt8?
}

/// Which suite the calling thread uses: libsodium's, unless ``replaceOnThisThread(with:)`` was
/// called on it. A replacement reaches one thread only, so tests that run side by side and the
/// threads of a program that hosts a simulation never meet a cipher that they did not choose.
package enum CipherSuites {
  package static let hashStateByteCount = 384
  package static let streamStateByteCount = 52

  /// How many replacements were ever made in this process; zero in every shipped program.
  private static let replacements = Atomic<Int>(0)

  /// Complexity: a load and a branch while nothing was replaced in this process.
  @inline(__always)
  static var current: any CipherSuite.Type {
    guard replacements.load(ordering: .relaxed) == 0 else { return chosenHere }
    Sodium.ready()
    return Libsodium.self
  }

  @inline(never)
  private static var chosenHere: any CipherSuite.Type {
    if let found = pthread_getspecific(slot) {
      return Unmanaged<Replacement>.fromOpaque(found).takeUnretainedValue().suite
    }
    Sodium.ready()
    return Libsodium.self
  }

  /// Makes this thread use `suite`, or libsodium again when nil. For the simulator and its tests
  /// only; the tests of the source tree hold everybody else to that.
  package static func replaceOnThisThread(with suite: (any CipherSuite.Type)?) {
    if let found = pthread_getspecific(slot) {
      pthread_setspecific(slot, nil)
      Unmanaged<Replacement>.fromOpaque(found).release()
    }
    guard let suite else { return }
    replacements.add(1, ordering: .relaxed)
    pthread_setspecific(slot, Unmanaged.passRetained(Replacement(suite)).toOpaque())
  }

  private final class Replacement {
    let suite: any CipherSuite.Type

    init(_ suite: any CipherSuite.Type) {
      self.suite = suite
    }
  }

  /// Where a thread keeps its replacement.
  private static let slot: pthread_key_t = {
    var slot = pthread_key_t()
    let status = pthread_key_create(&slot) { found in
      #if canImport(Darwin)
        Unmanaged<Replacement>.fromOpaque(found).release()
      #else
        if let found { Unmanaged<Replacement>.fromOpaque(found).release() }
      #endif
    }
    precondition(status == 0, "no slot is left for what belongs to a thread")
    return slot
  }()
}
