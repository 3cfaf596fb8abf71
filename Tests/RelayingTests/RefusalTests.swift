import Causality
import RelayTestSupport
import Relaying
import Sealing
import Segments
import SyncProtocol
import TestSupport
import Testing

@Suite("What the relay refuses")
struct RefusalTests {
  /// Ada and Bob are connected; Ada has stored two segments.
  private struct Scene {
    let harbour: Harbour
    let ada: FakeClient
    let bob: FakeClient

    init(limits: RelayLimits = RelayLimits()) throws {
      harbour = try Harbour(limits: limits)
      ada = try FakeClient.founder("Ada", seed: 1)
      bob = try FakeClient.member("Bob", of: ada, seed: 2)
      harbour.connect(ada)
      for number in 1...2 { try harbour.write("ada \(number)", at: ada) }
      harbour.settle()
      harbour.connect(bob)
      harbour.settle()
    }

    /// Mallory sends `segment` as a healthy member sends what it has stored.
    func refused(_ segment: Segment, from client: FakeClient) -> Status? {
      harbour.send(client.publish([segment], now: harbour.now.monotonic), from: client)
      harbour.settle()
      return client.statuses.last
    }

    /// The relay has what it had, and the healthy go on.
    func expectUnharmed(_ stored: UInt64 = 2) throws {
      #expect(harbour.core.status.segmentsStored == stored)
      #expect(ada.statuses.isEmpty)
      try harbour.write("ada goes on", at: ada)
      harbour.settle()
      #expect(ada.acknowledged == ada.vector)
    }
  }

  @Test("a segment that the origin's owner did not sign")
  func wrongSigner() throws {
    let scene = try Scene()
    // Bob continues Ada's chain with his own device's signature.
    let last = try #require(scene.ada.chains[scene.ada.origin]?.last)
    let sealer = SegmentSealer(
      workspace: scene.ada.workspace, keyEpoch: 1, key: scene.bob.workspaceKey,
      device: scene.bob.device, entropy: .seeded(3))
    let forged = try sealer.seal(
      [1, 2, 3], origin: scene.ada.origin, sequences: 3...3, after: last.hash)
    let status = scene.refused(forged, from: scene.bob)
    #expect(status?.code == .refused)
    #expect(status?.origin == scene.ada.origin)
    #expect(status?.sentence.contains("not signed") == true)
    try scene.expectUnharmed()
  }

  @Test("a segment with one byte changed, anywhere", arguments: [0, 5, 12, 60, 80, 130, 200])
  func tampered(offset: Int) throws {
    let scene = try Scene()
    var bytes = try scene.bob.seal(Array(repeating: 1, count: 100)).bytes
    bytes[min(offset, bytes.count - 1)] ^= 1
    scene.harbour.send(
      scene.bob.offer(bytes, sequences: 1...1, now: scene.harbour.now.monotonic), from: scene.bob)
    scene.harbour.settle()
    #expect(scene.bob.statuses.last?.code == .refused)
    try scene.expectUnharmed()
  }

  @Test("another history under numbers that are stored, or right behind them")
  func forks() throws {
    let scene = try Scene()
    let ada = scene.ada
    // A second device with Ada's keys, restored from a backup before its second segment.
    let clone = try FakeClient.founder("Ada", seed: 1)
    try clone.membership.insert(ada.membership.records)
    clone.keep(try #require(ada.chains[ada.origin]?.first))
    _ = clone.entropy.bytes(64)
    clone.keep(try clone.seal(Array("another second".utf8)))
    clone.keep(try clone.seal(Array("another third".utf8)))
    scene.harbour.connect(clone)
    scene.harbour.settle()
    #expect(scene.harbour.core.status.segmentsStored == 2)
    #expect(try scene.bob.texts()[ada.origin] == ["ada 1", "ada 2"])
    try scene.expectUnharmed()
  }

  @Test("a segment of another workspace")
  func otherWorkspace() throws {
    let scene = try Scene()
    let other = try FakeClient.founder("other", seed: 8)
    let foreign = try other.seal([1, 2, 3])
    let status = scene.refused(foreign, from: scene.bob)
    #expect(status?.code == .refused)
    try scene.expectUnharmed()
  }

  @Test("bytes that are no segment, and a segment that is not the one announced")
  func nonsense() throws {
    let scene = try Scene()
    let now = scene.harbour.now.monotonic
    scene.harbour.send(scene.bob.offer([1, 2, 3], sequences: 1...1, now: now), from: scene.bob)
    scene.harbour.settle()
    #expect(scene.bob.statuses.last?.code == .refused)
    let real = try scene.bob.seal([1])
    scene.harbour.disconnect(scene.bob)
    scene.harbour.connect(scene.bob)
    scene.harbour.settle()
    scene.harbour.send(scene.bob.offer(real.bytes, sequences: 1...4, now: now), from: scene.bob)
    scene.harbour.settle()
    #expect(scene.bob.statuses.last?.code == .refused)
    try scene.expectUnharmed()
  }

  @Test("a member that sends many forged origins is sent away")
  func manyForgedOrigins() throws {
    let scene = try Scene()
    for number in UInt64(1)...20 {
      let origin = Origin(high: number, low: 7)
      scene.harbour.send(
        scene.bob.offer(
          [1, 2, 3], origin: origin, sequences: 1...1, now: scene.harbour.now.monotonic),
        from: scene.bob)
      scene.harbour.settle()
    }
    #expect(!scene.harbour.isConnected(scene.bob))
    try scene.expectUnharmed()
  }

  @Test("membership records that are damaged, foreign, or build on nothing")
  func records() throws {
    let scene = try Scene()
    let now = scene.harbour.now.monotonic
    func send(_ records: [[UInt8]]) {
      scene.harbour.send(
        scene.bob.input(now: now) {
          $0.recordsAdded(records, digest: [UInt8](repeating: 1, count: 32), now: now)
        }, from: scene.bob)
      scene.harbour.settle()
    }
    // A record whose predecessor nobody has sent is not kept.
    let other = try FakeClient.founder("other", seed: 9)
    let orphan = try Membership.request(
      try scene.bob.invite(), device: other.device, name: "x", entropy: .seeded(4)
    ).record
    send([orphan.bytes])
    #expect(scene.harbour.isConnected(scene.bob))
    #expect(!scene.ada.membership.contains(orphan.hash))

    send(other.membership.records.map(\.bytes))
    #expect(!scene.harbour.isConnected(scene.bob))
    scene.harbour.connect(scene.bob)
    scene.harbour.settle()
    send([[1, 2, 3]])
    #expect(!scene.harbour.isConnected(scene.bob))
    try scene.expectUnharmed()
  }

  @Test("random bytes, and random changes to a real link's first bytes, harm nobody")
  func randomBytes() throws {
    let scene = try Scene()
    var random = SeededGenerator(seed: 77)
    for round in 0..<300 {
      var bytes: [UInt8]
      if round % 2 == 0 {
        bytes = (0..<Int(random.next() % 2_000)).map { _ in UInt8(truncatingIfNeeded: random.next())
        }
      } else {
        let stranger = try FakeClient.founder("s", seed: UInt64(round))
        bytes = stranger.connect(now: scene.harbour.now.monotonic)
        bytes[Int(random.next() % UInt64(bytes.count))] ^= UInt8(1 << (random.next() % 8))
      }
      _ = scene.harbour.throwBytes(bytes)
    }
    try scene.expectUnharmed()
    #expect(scene.harbour.core.status.workspaces == 1)
  }

  @Test("a client that changes any byte of the sealed stream is cut off")
  func brokenStream() throws {
    let scene = try Scene()
    var bytes = try scene.bob.write("altered on its way", now: scene.harbour.now.monotonic)
    bytes[bytes.count / 2] ^= 0x10
    scene.harbour.send(bytes, from: scene.bob)
    scene.harbour.settle()
    #expect(!scene.harbour.isConnected(scene.bob))
    try scene.expectUnharmed()
  }

  @Test("nothing that was written is anywhere in the data folder in clear")
  func canary() throws {
    let canary = "the-canary-sings-at-midnight"
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada-\(canary)", seed: 1)
    let bob = try FakeClient.member("Bob-\(canary)", of: ada, seed: 2)
    harbour.connect(ada)
    harbour.connect(bob)
    for number in 1...20 { try harbour.write("\(number) \(canary) \(number)", at: ada) }
    harbour.settle()
    #expect(try bob.texts()[ada.origin]?.count == 20)
    #expect(harbour.folder.files.count >= 3)
    #expect(!harbour.folder.contains(canary))
    harbour.shutDown()
    #expect(!harbour.folder.contains(canary))
    #expect(
      !harbour.logs.contains { $0.contains(canary) && !$0.hasPrefix("Ada") && !$0.hasPrefix("Bob") }
    )
  }
}

extension FakeClient {
  /// Sends bytes as if they were a stored segment, whatever they are.
  func offer(
    _ bytes: [UInt8], origin: Origin? = nil, sequences: ClosedRange<UInt64>, now: UInt64
  ) -> [UInt8] {
    let origin = origin ?? self.origin
    forged = OutgoingSegment(
      origin: origin, first: sequences.lowerBound, last: sequences.upperBound, bytes: bytes)
    return input(now: now) {
      $0.stored(
        [ChainTip(origin: origin, sequence: sequences.upperBound, chainPrefix: 0)],
        firstHand: true, now: now)
    }
  }
}
