import Causality
import RelayService
import RelayTestSupport
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import SyncProtocol
import TestSupport
import Testing

@testable import Relaying

@Suite("A workspace as the relay holds it")
struct WorkspaceTests {
  private let folder = TemporaryFolder()
  private let ada: FakeClient
  private let workspace: RelayWorkspace

  init() throws {
    ada = try FakeClient.founder("Ada", seed: 1)
    workspace = try WorkspaceTests.open(folder, ada)
    _ = try workspace.stage(ada.membership.records, recordsMax: 10, bytesMax: nil)
  }

  private static func open(
    _ folder: TemporaryFolder, _ client: FakeClient
  ) throws -> RelayWorkspace {
    let relay = try RelayFolder(path: folder.file("data"), entropy: .seeded(1))
    return try RelayWorkspace(
      client.workspace, try relay.storage.open(client.workspace, .create))
  }

  private func incoming(_ segment: Segment) -> IncomingSegment {
    IncomingSegment(
      origin: segment.header.origin, first: segment.header.firstSequence,
      last: segment.header.lastSequence, bytes: segment.bytes)
  }

  private func refusal(_ segment: Segment, bytesMax: Int? = nil) -> Status.Code? {
    do {
      _ = try workspace.stage(incoming(segment), bytesMax: bytesMax)
      return nil
    } catch {
      return error.status.code
    }
  }

  @Test("segments are taken in order, with gaps and forks refused, staged or stored")
  func order() throws {
    var segments: [Segment] = []
    for number in UInt8(0)..<4 {
      segments.append(try ada.seal([number]))
      ada.keep(segments[Int(number)])
    }
    let fork = try FakeClient.founder("Ada", seed: 1)
    _ = fork.entropy.bytes(10)
    fork.keep(segments[0])
    let other = try fork.seal([99])

    #expect(refusal(segments[1]) == .refused)
    #expect(try workspace.stage(incoming(segments[0]), bytesMax: nil) == .staged)
    #expect(refusal(segments[2]) == .refused)
    #expect(try workspace.stage(incoming(segments[1]), bytesMax: nil) == .staged)
    #expect(try workspace.stage(incoming(segments[1]), bytesMax: nil) == .duplicate)
    #expect(refusal(other) == .forked)
    #expect(try workspace.tips().isEmpty, "nothing staged is told")

    let committed = try workspace.commit()
    #expect(committed.segmentCount == 2)
    #expect(committed.tips == [ChainTip(segments[1])])
    #expect(refusal(other) == .forked)
    #expect(refusal(segments[3]) == .refused)
    #expect(try workspace.stage(incoming(segments[0]), bytesMax: nil) == .duplicate)
    #expect(try workspace.forked([ChainTip(segments[0])]).isEmpty)
    #expect(try workspace.forked([ChainTip(other)]) == [ada.origin])
  }

  @Test("a branch is a chain like others, under the name that follows from its first segment")
  func branches() throws {
    let first = try ada.seal([0])
    ada.keep(first)
    let second = try ada.seal([1])
    ada.keep(second)
    let third = try ada.seal([2])
    let name = Branch(root: ada.origin, start: 1, first: second.hash).origin
    func stage(_ segment: Segment, _ origin: Origin, _ sequence: UInt64) -> Status.Code? {
      do {
        let incoming = IncomingSegment(
          origin: origin, first: sequence, last: sequence, bytes: segment.bytes)
        _ = try workspace.stage(incoming, bytesMax: nil)
        return nil
      } catch {
        return error.status.code
      }
    }
    #expect(stage(third, name, 2) == .refused, "what comes before is missing")
    #expect(stage(second, Origin(high: 1, low: 2), 1) == .refused, "another name")
    #expect(stage(second, name, 1) == nil)
    #expect(stage(third, name, 2) == nil)
    #expect(try workspace.commit().tips.map(\.origin) == [name])
    #expect(stage(third, name, 2) == nil, "a duplicate")
    let held = try [1, 2].map { (sequence) throws(RelayError) in
      try workspace.read { () throws(SegmentStoreError) in
        try workspace.store.segment(
          containing: ChangeID(origin: name, sequence: UInt64(sequence)))?.bytes
      }
    }
    #expect(held == [second.bytes, third.bytes])
    // The chain of the origin itself goes its own way.
    #expect(stage(first, ada.origin, 1) == nil)
    #expect(stage(second, ada.origin, 2) == nil)
    _ = try workspace.commit()
    // As soon as members say what the branch is, it stands for what is behind the fork.
    let statement = BranchStatement(
      root: ada.origin, start: 1, first: second.hash, readers: VersionVector())
    let said = try ada.membership.state([statement], by: ada.device)
    _ = try workspace.stage(said, recordsMax: 10, bytesMax: nil)
    _ = try workspace.commit()
    let tips = try workspace.tips()
    #expect(Set(tips.map(\.origin)) == [ada.origin, name])
    #expect(tips.contains(ChainTip(first)))
  }

  @Test("nobody goes on with the chain of somebody else, by whatever name")
  func foreignChains() throws {
    let first = try ada.seal([0])
    #expect(try workspace.stage(incoming(first), bytesMax: nil) == .staged)
    // Bob is a member, too, and knows the hash that the chain of Ada ends with.
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    _ = try workspace.stage(ada.membership.records, recordsMax: 10, bytesMax: nil)
    let forged = try SegmentSealer(
      workspace: bob.workspace, keyEpoch: 1, key: bob.workspaceKey, device: bob.device,
      entropy: bob.entropy
    ).seal([9], origin: bob.origin, sequences: 2...2, after: first.hash)
    for isDurable in [false, true] {
      if isDurable { _ = try workspace.commit() }
      let incoming = IncomingSegment(
        origin: ada.origin, first: 2, last: 2, bytes: forged.bytes)
      #expect(throws: RelayRefusal.self) { try workspace.stage(incoming, bytesMax: nil) }
    }
    #expect(try workspace.tips() == [ChainTip(first)])
  }

  @Test("the quota is exact: one byte short is refused, and nothing of it is kept")
  func quota() throws {
    let segment = try ada.seal([1])
    let needed = workspace.byteCount + segment.bytes.count
    #expect(refusal(segment, bytesMax: needed - 1) == .full)
    #expect(workspace.byteCount == needed - segment.bytes.count)
    #expect(refusal(segment, bytesMax: needed) == nil)
    #expect(try workspace.commit().segmentCount == 1)
    ada.keep(segment)
    #expect(refusal(try ada.seal([2]), bytesMax: needed) == .full)
    #expect(workspace.byteCount == needed)
  }

  @Test("membership records are bounded in number")
  func recordsMax() throws {
    for _ in 0..<9 { _ = try ada.invite() }
    let records = ada.membership.records
    #expect(records.count == 10)
    #expect(throws: RelayRefusal.self) {
      try workspace.stage(records, recordsMax: 9, bytesMax: nil)
    }
    #expect(workspace.membership.records.count == 1)
    #expect(try workspace.stage(records, recordsMax: 10, bytesMax: nil).count == 9)
    #expect(try workspace.stage(records, recordsMax: 10, bytesMax: nil).isEmpty)
  }

  @Test("what is counted survives closing and opening")
  func reopening() throws {
    let segment = try ada.seal(Array(repeating: 1, count: 1_000))
    _ = try workspace.stage(incoming(segment), bytesMax: nil)
    _ = try workspace.commit()
    let (bytes, digest) = (workspace.byteCount, workspace.recordDigest)
    workspace.close()
    let again = try WorkspaceTests.open(folder, ada)
    #expect(again.byteCount == bytes)
    #expect(again.recordDigest == digest)
    #expect(try again.tips() == [ChainTip(segment)])
  }
}

@Suite("Token bucket")
struct TokenBucketTests {
  @Test("a burst of one second passes, then the rate holds")
  func rate() {
    var bucket = TokenBucket(bytesPerSecond: 1_000, now: 0)
    bucket.take(1_000, now: 0)
    #expect(bucket.delay(now: 0) == 0)
    bucket.take(1, now: 0)
    #expect(bucket.delay(now: 0) == 1)
    bucket.take(499, now: 0)
    #expect(bucket.delay(now: 0) == 500)
    #expect(bucket.readyAt == 500)
    #expect(bucket.delay(now: 499) == 1)
    #expect(bucket.delay(now: 500) == 0)
    #expect(bucket.delay(now: 400) == 0, "time never goes back")
  }

  @Test("the long run is the rate, whatever the pieces", arguments: [1, 7, 1_000, 65_536])
  func longRun(piece: Int) {
    var bucket = TokenBucket(bytesPerSecond: 10_000, now: 0)
    var now: UInt64 = 0
    var moved = 0
    while now < 60_000 {
      bucket.take(piece, now: now)
      moved += piece
      now += max(bucket.delay(now: now), piece < 10 ? 1 : 0)
      if piece == 1_000 || piece == 65_536 { continue }
    }
    #expect(moved <= 61 * 10_000 + piece)
  }

  @Test("extremes do not overflow")
  func extremes() {
    var bucket = TokenBucket(bytesPerSecond: .max, now: 0)
    bucket.take(.max, now: 0)
    bucket.take(.max, now: .max)
    #expect(bucket.delay(now: .max) < .max)
    var slow = TokenBucket(bytesPerSecond: 0, now: .max)
    for _ in 0..<100 { slow.take(.max, now: .max) }
    #expect(slow.delay(now: .max) == 3_600_000)
    #expect(slow.readyAt > 0)
  }
}
