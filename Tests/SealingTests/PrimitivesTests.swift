import ByteCoding
import CSodium
import Sealing
import Testing

@Suite struct PrimitivesTests {
  let entropy = Entropy.seeded(1)

  @Test func seededEntropyRepeatsAndNeverGivesTheSameBytesTwice() {
    let first = Entropy.seeded(7)
    let second = Entropy.seeded(7)
    var seen: Set<[UInt8]> = []
    for _ in 0..<100 {
      let bytes = first.bytes(32)
      #expect(bytes == second.bytes(32))
      #expect(seen.insert(bytes).inserted)
    }
    #expect(Entropy.seeded(8).bytes(32) != Entropy.seeded(7).bytes(32))
    let original = Entropy.seeded(9)
    let copy = original
    #expect(original.uint64() != copy.uint64())
    #expect(Entropy.system.bytes(32) != Entropy.system.bytes(32))
    #expect(Entropy.system.bytes(0) == [])
  }

  @Test func whatIsDrawnAheadIsHandedOutOnce() {
    let drawn = Entropy.system.drawnAhead()
    var seen: Set<[UInt8]> = []
    // Some that fit into what is left, some that do not, and some that are not drawn ahead.
    for count in [8, 16, 63, 64, 65, 5_000] + Array(repeating: 16, count: 1_000) {
      let bytes = drawn.bytes(count)
      #expect(bytes.count == count)
      #expect(seen.insert(bytes).inserted)
    }
    #expect(drawn.bytes(0) == [])
    // A seeded source is the same however it is drawn from.
    let (plain, ahead) = (Entropy.seeded(4), Entropy.seeded(4).drawnAhead())
    for count in [8, 3, 64] { #expect(plain.bytes(count) == ahead.bytes(count)) }
  }

  @Test func bytes32KeepItsBytesTheirOrderAndTheirText() throws {
    var values: [Bytes32] = []
    for _ in 0..<200 {
      let bytes = entropy.bytes(32)
      let value = try #require(Bytes32(bytes))
      #expect(value.array == bytes)
      #expect(Bytes32(hexadecimal: value.hexadecimal) == value)
      values.append(value)
    }
    let byArray = values.sorted { $0.array.lexicographicallyPrecedes($1.array) }
    #expect(values.sorted() == byArray)
    #expect(Bytes32([UInt8](repeating: 0, count: 31)) == nil)
    #expect(Bytes32([UInt8](repeating: 0, count: 33)) == nil)
    #expect(Digest(hexadecimal: String(repeating: "g", count: 64)) == nil)
  }

  @Test func hashInPiecesIsTheHashOfTheWhole() {
    let domain = Domain("test")
    let bytes = entropy.bytes(1000)
    for cut in [0, 1, 127, 128, 129, 500, 999, 1000] {
      let state = HashState(domain: domain)
      state.update(Array(bytes[..<cut]))
      state.update(Array(bytes[cut...]))
      #expect(state.finish() == Digest.of(bytes, domain: domain))
    }
    #expect(Digest.of(bytes, domain: domain) != Digest.of(bytes, domain: Domain("tesu")))
    let key = entropy.secret(32)
    #expect(Digest.of(bytes, domain: domain) != Digest.of(bytes, domain: domain, key: key))
  }

  @Test func signaturesHoldForOneHashOneDomainAndOneKey() throws {
    let key = SigningKey(entropy: entropy)
    let digest = Digest(entropy.bytes32())
    let signature = key.sign(digest, domain: Domain("a"))
    #expect(key.publicKey.verifies(signature, of: digest, domain: Domain("a")))
    #expect(!key.publicKey.verifies(signature, of: digest, domain: Domain("b")))
    #expect(!key.publicKey.verifies(signature, of: .zero, domain: Domain("a")))
    let other = SigningKey(entropy: entropy).publicKey
    #expect(!other.verifies(signature, of: digest, domain: Domain("a")))
    for index in 0..<64 {
      var bytes = signature.array
      bytes[index] ^= 1
      let changed = try #require(Signature(bytes[...]))
      #expect(!key.publicKey.verifies(changed, of: digest, domain: Domain("a")))
    }
    // A key of low order verifies nothing.
    #expect(!SigningKey.Public(.zero).verifies(signature, of: digest, domain: Domain("a")))
  }

  @Test func deviceKeysComeBackFromTheirBytes() throws {
    let keys = DeviceKeys(entropy: entropy)
    let encoded = keys.encoded().array
    #expect(encoded.count == DeviceKeys.encodedByteCount)
    let again = try DeviceKeys(decoding: encoded)
    #expect(again.publicKey == keys.publicKey)
    #expect(again.box.publicKey == keys.box.publicKey)
    for length in 0..<encoded.count where length != 0 {
      #expect(throws: SealingError(.wrongLength, "")) {
        try DeviceKeys(decoding: Array(encoded.prefix(length)))
      }
    }
    #expect(throws: SealingError(.wrongLength, "")) { try DeviceKeys(decoding: []) }
    #expect(throws: SealingError(.wrongLength, "")) { try DeviceKeys(decoding: encoded + [0]) }
    #expect(throws: SealingError(.unsupportedVersion, "")) {
      try DeviceKeys(decoding: [2] + encoded.dropFirst())
    }
  }

  @Test func workspaceKeyDerivesTheSameKeysFromTheSameBytes() throws {
    let key = WorkspaceKey(entropy: entropy)
    let again = try WorkspaceKey(decoding: key.encoded().array)
    let sealed = key.segmentKey.seal([1, 2, 3], associatedData: [4], entropy: entropy)
    #expect(try again.segmentKey.open(sealed, associatedData: [4]) == [1, 2, 3])
    #expect(throws: SealingError(.notAuthentic, "")) {
      try key.nameKey.open(sealed, associatedData: [4])
    }
    for count in [0, 31, 33] {
      #expect(throws: SealingError(.wrongLength, "")) {
        try WorkspaceKey(decoding: [UInt8](repeating: 1, count: count))
      }
    }
  }

  @Test func sealedBytesOpenOnlyUnchanged() throws {
    let key = WorkspaceKey(entropy: entropy).nameKey
    for count in [0, 1, 63, 64, 65] {
      let plain = entropy.bytes(count)
      let sealed = key.seal(plain, associatedData: [9], entropy: entropy)
      #expect(sealed.count == count + 40)
      #expect(try key.open(sealed, associatedData: [9]) == plain)
      #expect(throws: SealingError(.notAuthentic, "")) {
        try key.open(sealed, associatedData: [])
      }
      for index in sealed.indices {
        var changed = sealed
        changed[index] ^= 0x40
        #expect(throws: SealingError(.notAuthentic, "")) {
          try key.open(changed, associatedData: [9])
        }
      }
      for length in sealed.indices {
        #expect(throws: SealingError.self) {
          try key.open(Array(sealed.prefix(length)), associatedData: [9])
        }
      }
    }
  }

  @Test func boxesAreThoseOfLibsodiumAndOpenOnlyUnchanged() throws {
    let device = DeviceKeys(entropy: entropy)
    for count in [0, 1, 100] {
      let plain = entropy.bytes(count)
      let sealed = try device.box.publicKey.seal(plain, entropy: entropy)
      #expect(sealed.count == count + BoxKey.overhead)
      #expect(try device.box.open(sealed) == plain)
      for index in sealed.indices {
        var changed = sealed
        changed[index] ^= 1
        #expect(throws: SealingError(.notAuthentic, "")) { try device.box.open(changed) }
      }
      for length in sealed.indices {
        #expect(throws: SealingError.self) { try device.box.open(Array(sealed.prefix(length))) }
      }
      // What libsodium seals by itself opens too.
      var theirs = [UInt8](repeating: 0, count: count + BoxKey.overhead)
      #expect(crypto_box_seal(&theirs, plain, UInt64(count), device.box.publicKey.array) == 0)
      #expect(try device.box.open(theirs) == plain)
    }
    #expect(throws: SealingError(.weakKey, "")) {
      try BoxKey.Public(.zero).seal([1], entropy: entropy)
    }
    // The same entropy makes the same box.
    let first = try device.box.publicKey.seal([1, 2], entropy: .seeded(3))
    #expect(try device.box.publicKey.seal([1, 2], entropy: .seeded(3)) == first)
  }

  @Test func passphraseGivesOneKeyForOneSalt() throws {
    let salt = entropy.bytes(16)
    let key = try Passphrase.key(from: "skerries in the sea", salt: salt)
    #expect(key.count == 32)
    #expect(try Passphrase.key(from: "skerries in the sea", salt: salt) == key)
    #expect(throws: SealingError(.wrongLength, "")) {
      try Passphrase.key(from: "", salt: [])
    }
  }

  @Test func secretsCompareByValueAndDoNotPrint() {
    let secret = SecretBytes([1, 2, 3])
    #expect(secret == SecretBytes([1, 2, 3]))
    #expect(secret != SecretBytes([1, 2, 4]))
    #expect(secret != SecretBytes([1, 2]))
    #expect(SecretBytes([]) == SecretBytes([]))
    #expect("\(secret)" == "(3 secret bytes)")
    #expect(!String(reflecting: secret).contains("1, 2"))
    #expect(equalInConstantTime([], []))
    #expect(!equalInConstantTime([1], [2]))
    #expect(!equalInConstantTime([1], [1, 1]))
  }
}

@Suite struct PadmeTests {
  /// Bits of a length that stay, by the paper's own formula in floating point free form.
  private func expectedLength(_ length: Int) -> Int {
    guard length > 1 else { return length }
    var exponent = 0
    while length >> (exponent + 1) > 0 { exponent += 1 }
    var bits = 0
    while exponent >> (bits + 1) > 0 { bits += 1 }
    let unit = 1 << max(0, exponent - bits - 1)
    return (length + unit - 1) / unit * unit
  }

  @Test func paddedLengthsAreThoseOfThePaperAndCostAtMostTwelvePercent() {
    for length in Array(0...5000) + [1 << 20, (1 << 20) + 1, (8 << 20) - 1, 8 << 20] {
      let padded = Padme.length(of: length)
      #expect(padded == expectedLength(length))
      #expect(padded >= length && (padded - length) * 100 <= length * 12)
      #expect(Padme.length(of: padded) == padded)
    }
    #expect(Padme.length(of: 9) == 10)
    #expect(Padme.length(of: 100) == 104)
    #expect(Padme.length(of: 1025) == 1088)
  }

  @Test func paddingComesOffAgainAndNothingElseDoes() throws {
    for count in 0..<300 {
      var bytes = [UInt8](repeating: 0, count: count)
      bytes.append(contentsOf: repeatElement(0xAA, count: Padme.paddedCount(ofBody: count) - count))
      bytes.withUnsafeMutableBytes { Padme.pad($0, body: count) }
      var opened = bytes
      try Padme.removePadding(from: &opened, "test")
      #expect(opened == [UInt8](repeating: 0, count: count))
      // Any byte of the padding changed, or one zero more, is refused.
      for index in count..<bytes.count {
        var changed = bytes
        changed[index] ^= 0x81
        #expect(throws: SealingError(.wrongPadding, "")) {
          try Padme.removePadding(from: &changed, "test")
        }
      }
      var longer = bytes + [0]
      if Padme.paddedCount(ofBody: count) != longer.count {
        #expect(throws: SealingError(.wrongPadding, "")) {
          try Padme.removePadding(from: &longer, "test")
        }
      }
    }
    var empty: [UInt8] = []
    #expect(throws: SealingError(.wrongPadding, "")) {
      try Padme.removePadding(from: &empty, "test")
    }
  }
}
