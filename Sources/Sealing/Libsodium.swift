import CSodium

/// The suite that ships: each requirement is one function of libsodium.
enum Libsodium: CipherSuite {
  static func hash(
    _ bytes: Octets, _ byteCount: Int, key: Octets?, keyCount: Int, personal: Octets,
    into target: Target, count: Int
  ) {
    let status = crypto_generichash_blake2b_salt_personal(
      target, count, bytes, UInt64(byteCount), key, keyCount, nil, personal)
    precondition(status == 0, "BLAKE2b takes keys of at most 64 bytes")
  }

  static func hashStart(
    _ state: UnsafeMutableRawPointer, key: Octets?, keyCount: Int, personal: Octets
  ) {
    let status = crypto_generichash_blake2b_init_salt_personal(
      OpaquePointer(state), key, keyCount, 32, nil, personal)
    precondition(status == 0, "BLAKE2b takes keys of at most 64 bytes")
  }

  static func hashUpdate(_ state: UnsafeMutableRawPointer, _ bytes: Octets, _ byteCount: Int) {
    crypto_generichash_blake2b_update(OpaquePointer(state), bytes, UInt64(byteCount))
  }

  static func hashFinish(_ state: UnsafeMutableRawPointer, into target: Target) {
    let status = crypto_generichash_blake2b_final(OpaquePointer(state), target, 32)
    precondition(status == 0, "a hash is ended once")
  }

  static func deriveKey(
    number: UInt64, context: UnsafePointer<CChar>, secret: Octets, into target: Target, count: Int
  ) {
    let status = crypto_kdf_derive_from_key(target, count, number, context, secret)
    precondition(status == 0, "derived keys have 16 to 64 bytes")
  }

  static func passphraseKey(
    _ text: UnsafePointer<CChar>, _ byteCount: Int, salt: Octets, into target: Target
  ) -> Bool {
    crypto_pwhash(
      target, 32, text, UInt64(byteCount), salt, UInt64(crypto_pwhash_opslimit_moderate()),
      crypto_pwhash_memlimit_moderate(), crypto_pwhash_alg_argon2id13()) == 0
  }

  static func encrypt(
    _ plain: Octets, _ byteCount: Int, associated: Octets, _ associatedCount: Int, nonce: Octets,
    key: Octets, into target: Target
  ) {
    _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
      target, nil, plain, UInt64(byteCount), associated, UInt64(associatedCount), nil, nonce, key)
  }

  static func decrypt(
    _ sealed: Octets, _ byteCount: Int, associated: Octets, _ associatedCount: Int, nonce: Octets,
    key: Octets, into target: Target
  ) -> Bool {
    crypto_aead_xchacha20poly1305_ietf_decrypt(
      target, nil, nil, sealed, UInt64(byteCount), associated, UInt64(associatedCount), nonce,
      key) == 0
  }

  static func signingPair(seed: Octets, publicKey: Target, secretKey: Target) {
    _ = crypto_sign_ed25519_seed_keypair(publicKey, secretKey, seed)
  }

  static func sign(_ message: Octets, _ byteCount: Int, secretKey: Octets, into target: Target) {
    _ = crypto_sign_ed25519_detached(target, nil, message, UInt64(byteCount), secretKey)
  }

  static func verify(
    _ signature: Octets, _ message: Octets, _ byteCount: Int, publicKey: Octets
  ) -> Bool {
    crypto_sign_ed25519_verify_detached(signature, message, UInt64(byteCount), publicKey) == 0
  }

  static func boxPair(seed: Octets, publicKey: Target, secretKey: Target) {
    _ = crypto_box_seed_keypair(publicKey, secretKey, seed)
  }

  static func agree(secretKey: Octets, publicKey: Octets, into target: Target) -> Bool {
    crypto_scalarmult(target, secretKey, publicKey) == 0
  }

  static func box(
    _ plain: Octets, _ byteCount: Int, nonce: Octets, to publicKey: Octets, from secretKey: Octets,
    into target: Target
  ) -> Bool {
    crypto_box_easy(target, plain, UInt64(byteCount), nonce, publicKey, secretKey) == 0
  }

  static func openSealedBox(
    _ sealed: Octets, _ byteCount: Int, publicKey: Octets, secretKey: Octets, into target: Target
  ) -> Bool {
    crypto_box_seal_open(target, sealed, UInt64(byteCount), publicKey, secretKey) == 0
  }

  private typealias StreamState = crypto_secretstream_xchacha20poly1305_state

  /// libsodium draws a header at random in `init_push`; `init_pull` sets up the very same state
  /// from a header that is given.
  static func streamStart(_ state: UnsafeMutableRawPointer, header: Octets, key: Octets) {
    _ = crypto_secretstream_xchacha20poly1305_init_pull(
      state.assumingMemoryBound(to: StreamState.self), header, key)
  }

  static func streamSeal(
    _ state: UnsafeMutableRawPointer, _ plain: Octets, _ byteCount: Int, tag: UInt8,
    into target: Target
  ) {
    _ = crypto_secretstream_xchacha20poly1305_push(
      state.assumingMemoryBound(to: StreamState.self), target, nil, plain, UInt64(byteCount), nil,
      0, tag)
  }

  static func streamOpen(
    _ state: UnsafeMutableRawPointer, _ sealed: Octets, _ byteCount: Int, into target: Target
  ) -> UInt8? {
    var tag: UInt8 = 0
    let status = crypto_secretstream_xchacha20poly1305_pull(
      state.assumingMemoryBound(to: StreamState.self), target, nil, &tag, sealed,
      UInt64(byteCount), nil, 0)
    return status == 0 ? tag : nil
  }

  /// What this module sets aside for states is what this libsodium needs.
  static var statesFit: Bool {
    crypto_generichash_blake2b_statebytes() <= CipherSuites.hashStateByteCount
      && MemoryLayout<StreamState>.size <= CipherSuites.streamStateByteCount
  }
}
