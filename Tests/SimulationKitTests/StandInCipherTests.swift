import Causality
import Foundation
import Sealing
import Segments
import Testing

@testable import SimulationKit

@Suite("The stand-in cipher")
struct StandInCipherTests {
  let entropy = Entropy.seeded(3)

  @Test("what it seals has libsodium's sizes")
  func sizesAreLibsodiums() throws {
    struct Sizes: Equatable {
      var sealed: Int
      var box: Int
      var stream: Int
      var signature: Int
      var segment: Int
    }
    func sizes(_ count: Int) throws -> Sizes {
      let device = DeviceKeys(entropy: entropy)
      let plain = entropy.bytes(count)
      let (near, _) = try handshake()
      return Sizes(
        sealed: WorkspaceKey(entropy: entropy).nameKey
          .seal(plain, associatedData: [1], entropy: entropy).count,
        box: try device.box.publicKey.seal(plain, entropy: entropy).count,
        stream: try near.outgoing.seal(plain).count,
        signature: device.signing.sign(.zero, domain: "size").array.count,
        segment: try SealedSegment(plain, entropy).segment.bytes.count)
    }
    for count in [0, 1, 7, 8, 9, 31, 32, 33, 500] {
      let real = try sizes(count)
      let standIn = try StandInCipher.whileInstalled { try sizes(count) }
      #expect(real == standIn)
    }
  }

  @Test("a segment that was sealed is opened; with any bit altered it is refused")
  func everyAlterationOfASegmentIsCaught() throws {
    try StandInCipher.whileInstalled { () throws in
      for count in [0, 5, 100] {
        let sealed = try SealedSegment(entropy.bytes(count), entropy)
        #expect(try sealed.accept(sealed.segment.bytes) == sealed.body)
        for index in sealed.segment.bytes.indices {
          for bit in 0..<8 {
            var changed = sealed.segment.bytes
            changed[index] ^= 1 << UInt8(bit)
            #expect(throws: SegmentError.self, "byte \(index), bit \(bit)") {
              try sealed.accept(changed)
            }
          }
        }
        let stranger = try SealedSegment([], entropy)
        #expect(throws: SegmentError.self) { try stranger.accept(sealed.segment.bytes) }
        #expect(throws: SegmentError.self) { try sealed.segment.open(with: stranger.key) }
      }
    }
  }

  @Test("sealed bytes open with their key, nonce and associated data, and not otherwise")
  func everyAlterationOfSealedBytesIsCaught() throws {
    try StandInCipher.whileInstalled { () throws in
      let key = WorkspaceKey(entropy: entropy).nameKey
      for count in [0, 1, 7, 8, 9, 40, 257] {
        let plain = entropy.bytes(count)
        let extra = entropy.bytes(count / 2)
        let sealed = key.seal(plain, associatedData: extra, entropy: entropy)
        #expect(try key.open(sealed, associatedData: extra) == plain)
        for index in sealed.indices {
          var changed = sealed
          changed[index] ^= 0x10
          #expect(throws: SealingError.self) { try key.open(changed, associatedData: extra) }
        }
        for index in extra.indices {
          var changed = extra
          changed[index] ^= 0x80
          #expect(throws: SealingError.self) { try key.open(sealed, associatedData: changed) }
        }
        #expect(throws: SealingError.self) { try key.open(sealed, associatedData: extra + [0]) }
        #expect(throws: SealingError.self) {
          try WorkspaceKey(entropy: entropy).nameKey.open(sealed, associatedData: extra)
        }
      }
    }
  }

  @Test("a box opens for the key that it was sealed to, unaltered, and not otherwise")
  func everyAlterationOfABoxIsCaught() throws {
    try StandInCipher.whileInstalled { () throws in
      let device = DeviceKeys(entropy: entropy)
      for count in [0, 1, 32, 100] {
        let plain = entropy.bytes(count)
        let sealed = try device.box.publicKey.seal(plain, entropy: entropy)
        #expect(try device.box.open(sealed) == plain)
        for index in sealed.indices {
          var changed = sealed
          changed[index] ^= 1
          #expect(throws: SealingError.self) { try device.box.open(changed) }
        }
        #expect(throws: SealingError.self) { try DeviceKeys(entropy: entropy).box.open(sealed) }
      }
      #expect(throws: SealingError.self) {
        try BoxKey.Public(.zero).seal([1], entropy: entropy)
      }
    }
  }

  @Test("a signature holds for one key, one hash and one domain; any altered byte breaks it")
  func everyAlterationOfASignatureIsCaught() throws {
    try StandInCipher.whileInstalled { () throws in
      let key = SigningKey(entropy: entropy)
      let digest = Digest(entropy.bytes32())
      let signature = key.sign(digest, domain: "a")
      #expect(key.publicKey.verifies(signature, of: digest, domain: "a"))
      #expect(!key.publicKey.verifies(signature, of: digest, domain: "b"))
      #expect(!SigningKey(entropy: entropy).publicKey.verifies(signature, of: digest, domain: "a"))
      for index in 0..<64 {
        var changed = signature.array
        changed[index] ^= 0x40
        let forged = try #require(Signature(changed[...]))
        #expect(!key.publicKey.verifies(forged, of: digest, domain: "a"))
      }
      for index in 0..<32 {
        var changed = digest.array
        changed[index] ^= 0x01
        let other = try #require(Digest(changed))
        #expect(!key.publicKey.verifies(signature, of: other, domain: "a"))
      }
    }
  }

  @Test("a link's two ends agree; altered, repeated or left-out messages end it")
  func theHandshakeAndItsStreamsWork() throws {
    try StandInCipher.whileInstalled { () throws in
      let (near, far) = try handshake()
      for count in [0, 1, 8, 300, 5000] {
        let there = entropy.bytes(count)
        let back = entropy.bytes(count)
        #expect(try far.incoming.open(near.outgoing.seal(there)) == (there, false))
        #expect(try near.incoming.open(far.outgoing.seal(back)) == (back, false))
      }
      #expect(try far.incoming.open(near.outgoing.seal([7], final: true)) == ([7], true))
      for index in 0..<57 {
        let (near, far) = try handshake()
        var sealed = try near.outgoing.seal(entropy.bytes(40))
        sealed[index] ^= 2
        #expect(throws: LinkError.notAuthentic) { try far.incoming.open(sealed) }
      }
      let (repeating, heard) = try handshake()
      let once = try repeating.outgoing.seal([1])
      _ = try heard.incoming.open(once)
      #expect(throws: LinkError.notAuthentic) { try heard.incoming.open(once) }
      let (skipping, left) = try handshake()
      _ = try skipping.outgoing.seal([1])
      let second = try skipping.outgoing.seal([2])
      #expect(throws: LinkError.notAuthentic) { try left.incoming.open(second) }
      for message in 1...3 {
        for index in 0..<30 {
          #expect(throws: LinkError.self) {
            _ = try handshake { number, bytes in
              if number == message { bytes[index] ^= 4 }
            }
          }
        }
      }
    }
  }

  @Test("a hash in pieces is the hash of the whole, and any altered byte changes it")
  func hashesAreWhole() {
    StandInCipher.whileInstalled {
      let bytes = entropy.bytes(300)
      let whole = Digest.of(bytes, domain: "hash")
      for first in [0, 1, 8, 31, 32, 33, 64, 299, 300] {
        for second in [first, min(first + 5, 300), min(first + 32, 300), 300] {
          let state = HashState(domain: "hash")
          state.update(Array(bytes[..<first]))
          state.update(Array(bytes[first..<second]))
          state.update(Array(bytes[second...]))
          #expect(state.finish() == whole)
        }
      }
      var seen: Set<Digest> = [whole]
      for index in bytes.indices {
        for bit in 0..<8 {
          var changed = bytes
          changed[index] ^= 1 << UInt8(bit)
          #expect(seen.insert(Digest.of(changed, domain: "hash")).inserted)
        }
      }
      for count in 0..<100 {
        let zeros = [UInt8](repeating: 0, count: count)
        #expect(seen.insert(Digest.of(zeros, domain: "hash")).inserted)
      }
      #expect(Digest.of(bytes, domain: "hasi") != whole)
      #expect(Digest.of(bytes, domain: "hash", key: entropy.secret(32)) != whole)
    }
  }

  @Test("plaintext is not to be found in what was sealed from it")
  func aCanaryIsNeverReadable() throws {
    let canary = Array("the canary sings at noon".utf8)
    try StandInCipher.whileInstalled { () throws in
      let plain = canary + canary + canary
      let (near, _) = try handshake()
      let outputs = [
        try SealedSegment(plain, entropy).segment.bytes,
        try DeviceKeys(entropy: entropy).box.publicKey.seal(plain, entropy: entropy),
        try near.outgoing.seal(plain),
      ]
      for output in outputs {
        let parts = (0...(output.count - 4)).map { Array(output[$0..<($0 + 4)]) }
        for start in 0...(canary.count - 4) {
          #expect(!parts.contains(Array(canary[start..<(start + 4)])))
        }
      }
    }
  }

  @Test("it gives the same bytes in every process")
  func itIsTheSameEverywhere() {
    StandInCipher.whileInstalled {
      let digest = Digest.of(Array(0..<100), domain: "golden")
      #expect(digest.hexadecimal == Golden.digest)
      let key = SigningKey(seed: SecretBytes([UInt8](repeating: 9, count: 32)))
      #expect(key.publicKey.hexadecimal == Golden.publicKey)
    }
  }

  @Test("taken away, it leaves libsodium; other threads never see it")
  func uninstallingBringsLibsodiumBack() {
    let real = Digest.of([1, 2, 3], domain: "suite")
    let real2 = SigningKey(seed: SecretBytes([UInt8](repeating: 9, count: 32))).publicKey
    StandInCipher.install()
    #expect(Digest.of([1, 2, 3], domain: "suite") != real)
    StandInCipher.install()
    #expect(Digest.of([1, 2, 3], domain: "suite") != real)
    let finished = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      #expect(Digest.of([1, 2, 3], domain: "suite") == real)
      finished.signal()
    }
    finished.wait()
    StandInCipher.uninstall()
    #expect(Digest.of([1, 2, 3], domain: "suite") == real)
    #expect(SigningKey(seed: SecretBytes([UInt8](repeating: 9, count: 32))).publicKey == real2)
    StandInCipher.uninstall()
    #expect(Digest.of([1, 2, 3], domain: "suite") == real)
  }

  /// Runs a whole handshake; `change` may alter message 1, 2 or 3 on its way.
  private func handshake(
    change: (Int, inout [UInt8]) -> Void = { _, _ in }
  ) throws -> (near: LinkSession, far: LinkSession) {
    let key = WorkspaceKey(entropy: entropy)
    let workspace = entropy.bytes32()
    var caller = LinkHandshake(
      connectingTo: .replica(workspace: workspace, secret: key.linkSecret),
      as: .member(SigningKey(entropy: entropy)), entropy: entropy)
    var callee = LinkHandshake(
      accepting: .replicas([.init(workspace: workspace, secret: key.linkSecret)]),
      as: SigningKey(entropy: entropy), entropy: entropy)
    var first = caller.start()
    change(1, &first)
    guard case .send(var second) = try callee.receive(first) else { throw Unexpected() }
    change(2, &second)
    guard case .sendAndFinish(var third, let near) = try caller.receive(second) else {
      throw Unexpected()
    }
    change(3, &third)
    guard case .finish(let far) = try callee.receive(third) else { throw Unexpected() }
    return (near, far)
  }
}

private struct Unexpected: Error {}

/// The stand-in's own vectors: whoever changes them changes every recorded trace.
private enum Golden {
  static let digest = "b4cbe8728568c6d5e44d0e281db151a627adc7d590984ef17af6721e97f5717c"
  static let publicKey = "d3841c32937a14fb820f92a1a9973aa993270820ae4faeec7f0392ee63590d1b"
}

/// A segment and what its receiver holds.
private struct SealedSegment {
  let body: [UInt8]
  let key: WorkspaceKey
  let device: DeviceKeys
  let segment: Segment

  init(_ body: [UInt8], _ entropy: Entropy) throws {
    self.body = body
    key = WorkspaceKey(entropy: entropy)
    device = DeviceKeys(entropy: entropy)
    let sealer = SegmentSealer(
      workspace: WorkspaceID(entropy.bytes32()), keyEpoch: 1, key: key, device: device,
      entropy: entropy)
    segment = try sealer.seal(
      body, origin: Origin(high: entropy.uint64(), low: entropy.uint64()), sequences: 1...1,
      after: .zero)
  }

  /// Everything that a receiver checks.
  func accept(_ bytes: [UInt8]) throws -> [UInt8] {
    let segment = try Segment(parsing: bytes)
    try segment.verifySignature(by: device.publicKey)
    try segment.verifyFollows(.start)
    return try segment.open(with: key)
  }
}
