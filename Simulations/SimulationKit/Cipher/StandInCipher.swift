import Sealing

/// A cipher for simulations that protects nothing: it has the sizes of libsodium's functions, fails
/// wherever they fail on altered bytes and wrong keys, hides plaintext from a search for it, and
/// costs a hundredth.
///
/// Never use it for anything real. A signature needs only the *public* key, and so does the secret
/// that two key pairs share: whoever has read this file signs for everybody and reads everything.
/// In a simulation nobody has; the adversary there splices, replays and alters bytes.
///
/// Everything is a function of its inputs: the same on every machine, in debug and in release.
package enum StandInCipher {
  /// Makes the calling thread's cryptography the stand-in, until ``uninstall()``.
  ///
  /// Keys, hashes and streams made before do not fit those made after: install it before the first
  /// key of a run is drawn, and take it away after the last.
  package static func install() {
    CipherSuites.replaceOnThisThread(with: StandInSuite.self)
  }

  /// Gives the calling thread libsodium back.
  package static func uninstall() {
    CipherSuites.replaceOnThisThread(with: nil)
  }

  /// Runs `body` with the stand-in, and with libsodium afterwards.
  package static func whileInstalled<Result>(_ body: () throws -> Result) rethrows -> Result {
    install()
    defer { uninstall() }
    return try body()
  }
}

/// The functions; see ``StandInCipher`` for what they are worth.
enum StandInSuite: CipherSuite {
  /// What a hash is for, so that no two uses give the same bytes.
  private enum Use {
    static let hash: UInt64 = 0x68_6173_68
    static let key: UInt64 = 0x6B_6579
    static let passphrase: UInt64 = 0x7061_7373
    static let aead: UInt64 = 0x61_6561_64
    static let signingPublic: UInt64 = 0x73_7075_62
    static let signature: UInt64 = 0x7369_676E
    static let boxPublic: UInt64 = 0x62_7075_62
    static let agreement: UInt64 = 0x6167_7265
    static let box: UInt64 = 0x62_6F78
    static let stream: UInt64 = 0x7374_726D
  }

  private static let tagCount = 16

  // MARK: Hashes

  private static func begun(key: Octets?, _ keyCount: Int, _ personal: Octets) -> MixingHash {
    let name = UnsafeRawPointer(personal)
    var hash = MixingHash(Use.hash ^ name.word(at: 0), name.word(at: 8) ^ UInt64(keyCount))
    if let key, keyCount > 0 { hash.absorb(key, keyCount) }
    return hash
  }

  static func hash(
    _ bytes: Octets, _ byteCount: Int, key: Octets?, keyCount: Int, personal: Octets,
    into target: Target, count: Int
  ) {
    var hash = begun(key: key, keyCount, personal)
    hash.absorb(bytes, byteCount)
    hash.finish(into: target, count: count)
  }

  static func hashStart(
    _ state: UnsafeMutableRawPointer, key: Octets?, keyCount: Int, personal: Octets
  ) {
    state.initializeMemory(as: MixingHash.self, to: begun(key: key, keyCount, personal))
  }

  static func hashUpdate(_ state: UnsafeMutableRawPointer, _ bytes: Octets, _ byteCount: Int) {
    state.assumingMemoryBound(to: MixingHash.self).pointee.absorb(bytes, byteCount)
  }

  static func hashFinish(_ state: UnsafeMutableRawPointer, into target: Target) {
    state.assumingMemoryBound(to: MixingHash.self).pointee.finish(into: target, count: 32)
  }

  // MARK: Keys

  static func deriveKey(
    number: UInt64, context: UnsafePointer<CChar>, secret: Octets, into target: Target, count: Int
  ) {
    var hash = MixingHash(Use.key ^ UnsafeRawPointer(context).word(at: 0), number)
    hash.absorb(secret, 32)
    hash.finish(into: target, count: count)
  }

  static func passphraseKey(
    _ text: UnsafePointer<CChar>, _ byteCount: Int, salt: Octets, into target: Target
  ) -> Bool {
    var hash = MixingHash(Use.passphrase)
    hash.absorb(salt, 16)
    hash.absorb(UnsafeRawBufferPointer(start: text, count: byteCount))
    hash.finish(into: target, count: 32)
    return true
  }

  // MARK: Encryption

  /// The bytes of `source` with a stream of words from `start` added; the same again takes them
  /// off.
  private static func cover(
    _ source: Octets, _ byteCount: Int, _ start: UInt64, into target: Target
  ) {
    let from = UnsafeRawPointer(source)
    let to = UnsafeMutableRawPointer(target)
    var counter = start
    var offset = 0
    while offset + 8 <= byteCount {
      counter &+= 0x9E37_79B9_7F4A_7C15
      let word = from.word(at: offset) ^ MixingHash.scatter(counter)
      to.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
      offset += 8
    }
    guard offset < byteCount else { return }
    var last = MixingHash.scatter(counter &+ 0x9E37_79B9_7F4A_7C15)
    while offset < byteCount {
      target[offset] = source[offset] ^ UInt8(truncatingIfNeeded: last)
      last >>= 8
      offset += 1
    }
  }

  /// The tag of a ciphertext and of what goes with it in the clear.
  private static func tag(
    _ key: MixingHash.Words, _ sealed: Octets, _ byteCount: Int, _ associated: Octets,
    _ associatedCount: Int
  ) -> (UInt64, UInt64) {
    var hash = MixingHash(key.2, key.3)
    hash.absorb(UInt64(associatedCount))
    hash.absorb(associated, associatedCount)
    hash.absorb(sealed, byteCount)
    let words = hash.finished()
    return (words.0, words.1)
  }

  private static func isTag(_ tag: (UInt64, UInt64), at place: Octets) -> Bool {
    let place = UnsafeRawPointer(place)
    return place.word(at: 0) == tag.0 && place.word(at: 8) == tag.1
  }

  private static func put(_ tag: (UInt64, UInt64), at place: Target) {
    let place = UnsafeMutableRawPointer(place)
    place.storeBytes(of: tag.0.littleEndian, as: UInt64.self)
    place.storeBytes(of: tag.1.littleEndian, toByteOffset: 8, as: UInt64.self)
  }

  private static func messageKey(_ use: UInt64, _ key: Octets, nonce: Octets) -> MixingHash.Words {
    var hash = MixingHash(use)
    hash.absorb(key, 32)
    hash.absorb(nonce, 24)
    return hash.finished()
  }

  static func encrypt(
    _ plain: Octets, _ byteCount: Int, associated: Octets, _ associatedCount: Int, nonce: Octets,
    key: Octets, into target: Target
  ) {
    let words = messageKey(Use.aead, key, nonce: nonce)
    cover(plain, byteCount, words.0, into: target)
    put(tag(words, target, byteCount, associated, associatedCount), at: target + byteCount)
  }

  static func decrypt(
    _ sealed: Octets, _ byteCount: Int, associated: Octets, _ associatedCount: Int, nonce: Octets,
    key: Octets, into target: Target
  ) -> Bool {
    let count = byteCount - tagCount
    let words = messageKey(Use.aead, key, nonce: nonce)
    guard isTag(tag(words, sealed, count, associated, associatedCount), at: sealed + count) else {
      return false
    }
    cover(sealed, count, words.0, into: target)
    return true
  }

  // MARK: Signatures

  /// The secret key is the seed and the public key, as Ed25519's is.
  static func signingPair(seed: Octets, publicKey: Target, secretKey: Target) {
    var hash = MixingHash(Use.signingPublic)
    hash.absorb(seed, 32)
    hash.finish(into: publicKey, count: 32)
    secretKey.update(from: seed, count: 32)
    (secretKey + 32).update(from: publicKey, count: 32)
  }

  private static func signature(
    _ message: Octets, _ byteCount: Int, by publicKey: Octets
  ) -> MixingHash {
    var hash = MixingHash(Use.signature)
    hash.absorb(publicKey, 32)
    hash.absorb(message, byteCount)
    return hash
  }

  static func sign(_ message: Octets, _ byteCount: Int, secretKey: Octets, into target: Target) {
    signature(message, byteCount, by: secretKey + 32).finish(into: target, count: 64)
  }

  static func verify(
    _ signature: Octets, _ message: Octets, _ byteCount: Int, publicKey: Octets
  ) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { expected in
      let start = expected.octets
      Self.signature(message, byteCount, by: publicKey).finish(into: start, count: 64)
      let (wanted, found) = (UnsafeRawPointer(start), UnsafeRawPointer(signature))
      var difference: UInt64 = 0
      for offset in stride(from: 0, to: 64, by: 8) {
        difference |= wanted.word(at: offset) ^ found.word(at: offset)
      }
      return difference == 0
    }
  }

  // MARK: Key agreement

  static func boxPair(seed: Octets, publicKey: Target, secretKey: Target) {
    secretKey.update(from: seed, count: 32)
    boxPublic(secretKey, into: publicKey)
  }

  private static func boxPublic(_ secretKey: Octets, into target: Target) {
    var hash = MixingHash(Use.boxPublic)
    hash.absorb(secretKey, 32)
    hash.finish(into: target, count: 32)
  }

  /// The hash of both public keys, whichever side asks: the smaller first.
  static func agree(secretKey: Octets, publicKey: Octets, into target: Target) -> Bool {
    let other = UnsafeRawBufferPointer(start: publicKey, count: 32)
    guard other.contains(where: { $0 != 0 }) else { return false }
    withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { buffer in
      boxPublic(secretKey, into: buffer.octets)
      let own = UnsafeRawBufferPointer(buffer)
      let isOwnFirst = own.lexicographicallyPrecedes(other)
      var hash = MixingHash(Use.agreement)
      hash.absorb(isOwnFirst ? own : other)
      hash.absorb(isOwnFirst ? other : own)
      hash.finish(into: target, count: 32)
    }
    return true
  }

  private static func boxKey(
    _ secretKey: Octets, _ publicKey: Octets, nonce: Octets
  ) -> MixingHash.Words? {
    withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { shared in
      let start = shared.octets
      guard agree(secretKey: secretKey, publicKey: publicKey, into: start) else { return nil }
      return messageKey(Use.box, start, nonce: nonce)
    }
  }

  /// A tag of 16 bytes, then the ciphertext.
  static func box(
    _ plain: Octets, _ byteCount: Int, nonce: Octets, to publicKey: Octets, from secretKey: Octets,
    into target: Target
  ) -> Bool {
    guard let words = boxKey(secretKey, publicKey, nonce: nonce) else { return false }
    cover(plain, byteCount, words.0, into: target + tagCount)
    put(tag(words, target + tagCount, byteCount, target, 0), at: target)
    return true
  }

  /// The nonce of a sealed box is the hash of both public keys, as `BoxKey.Public.seal` makes it.
  static func openSealedBox(
    _ sealed: Octets, _ byteCount: Int, publicKey: Octets, secretKey: Octets, into target: Target
  ) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 40, alignment: 8) { scratch in
      let nonce = scratch.octets
      scratch.initializeMemory(as: UInt8.self, repeating: 0)
      var hash = begun(key: nil, 0, nonce + 24)
      hash.absorb(sealed, 32)
      hash.absorb(publicKey, 32)
      hash.finish(into: nonce, count: 24)
      guard let words = boxKey(secretKey, sealed, nonce: nonce) else { return false }
      let body = sealed + 32 + tagCount
      let count = byteCount - 32 - tagCount
      guard isTag(tag(words, body, count, sealed, 0), at: sealed + 32) else { return false }
      cover(body, count, words.0, into: target)
      return true
    }
  }

  // MARK: Streams

  /// Four words: what the next message is sealed with, which follows from all messages before.
  private static func streamWords(_ state: UnsafeRawPointer) -> MixingHash.Words {
    (state.word(at: 0), state.word(at: 8), state.word(at: 16), state.word(at: 24))
  }

  private static func setStream(_ state: UnsafeMutableRawPointer, _ words: MixingHash.Words) {
    state.storeBytes(of: words.0.littleEndian, as: UInt64.self)
    state.storeBytes(of: words.1.littleEndian, toByteOffset: 8, as: UInt64.self)
    state.storeBytes(of: words.2.littleEndian, toByteOffset: 16, as: UInt64.self)
    state.storeBytes(of: words.3.littleEndian, toByteOffset: 24, as: UInt64.self)
  }

  /// What comes after a message: another key, which knows the message's tag.
  private static func advance(
    _ state: UnsafeMutableRawPointer, _ words: MixingHash.Words, _ tag: (UInt64, UInt64)
  ) {
    setStream(
      state,
      (
        MixingHash.scatter(words.0 &+ 1), MixingHash.scatter(words.1 ^ tag.0),
        MixingHash.scatter(words.2 ^ tag.1), MixingHash.scatter(words.3 &+ 1)
      ))
  }

  static func streamStart(_ state: UnsafeMutableRawPointer, header: Octets, key: Octets) {
    setStream(state, messageKey(Use.stream, key, nonce: header))
  }

  static func streamSeal(
    _ state: UnsafeMutableRawPointer, _ plain: Octets, _ byteCount: Int, tag: UInt8,
    into target: Target
  ) {
    let words = streamWords(state)
    target[0] = tag ^ UInt8(truncatingIfNeeded: words.1)
    cover(plain, byteCount, words.0, into: target + 1)
    let mark = self.tag(words, target, byteCount + 1, target, 0)
    put(mark, at: target + 1 + byteCount)
    advance(state, words, mark)
  }

  static func streamOpen(
    _ state: UnsafeMutableRawPointer, _ sealed: Octets, _ byteCount: Int, into target: Target
  ) -> UInt8? {
    let count = byteCount - 1 - tagCount
    let words = streamWords(state)
    let mark = tag(words, sealed, count + 1, sealed, 0)
    guard isTag(mark, at: sealed + 1 + count) else { return nil }
    cover(sealed + 1, count, words.0, into: target)
    advance(state, words, mark)
    return sealed[0] ^ UInt8(truncatingIfNeeded: words.1)
  }
}

extension UnsafeMutableRawBufferPointer {
  /// The first byte of a buffer that has some.
  fileprivate var octets: UnsafeMutablePointer<UInt8> {
    guard let baseAddress else { preconditionFailure("an empty buffer has no first byte") }
    return baseAddress.assumingMemoryBound(to: UInt8.self)
  }
}
