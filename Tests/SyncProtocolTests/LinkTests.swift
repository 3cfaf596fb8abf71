import Causality
import Sealing
import TestSupport
import Testing

@testable import SyncProtocol

/// Two links joined by their bytes.
private struct LinkPair {
  var first: Link
  var second: Link
  var toSecond: [UInt8] = []
  var toFirst: [UInt8] = []
  var firstActions: [LinkAction] = []
  var secondActions: [LinkAction] = []
  var random: SeededGenerator
  let firstKeys: DeviceKeys
  let secondKeys: DeviceKeys

  init(seed: UInt64, sameSecret: Bool = true) {
    let entropy = Entropy.seeded(seed)
    random = SeededGenerator(seed: seed)
    firstKeys = DeviceKeys(entropy: entropy)
    secondKeys = DeviceKeys(entropy: entropy)
    let key = WorkspaceKey(entropy: entropy)
    let other = sameSecret ? key : WorkspaceKey(entropy: entropy)
    let workspace = entropy.bytes32()
    first = Link(
      LinkHandshake(
        connectingTo: .replica(workspace: workspace, secret: key.linkSecret),
        as: .member(firstKeys.signing), entropy: entropy), isInitiator: true, now: 0)
    second = Link(
      LinkHandshake(
        accepting: .replicas([
          LinkHandshake.ServedWorkspace(workspace: workspace, secret: other.linkSecret)
        ]), as: secondKeys.signing, entropy: entropy), isInitiator: false, now: 0)
    perform(first.start(now: 0), isFirst: true)
  }

  private static func configuration(_ number: Int) -> SessionConfiguration {
    SessionConfiguration(
      role: .replica, origin: makeOrigin(number), tips: [],
      recordDigest: [UInt8](repeating: 0, count: 32))
  }

  mutating func perform(_ actions: [LinkAction], isFirst: Bool) {
    for action in actions {
      switch action {
      case .send(let bytes): if isFirst { toSecond += bytes } else { toFirst += bytes }
      case .authenticated:
        let more =
          isFirst
          ? first.begin(Self.configuration(1), now: 0)
          : second.begin(Self.configuration(2), now: 0)
        perform(more, isFirst: isFirst)
      default: if isFirst { firstActions.append(action) } else { secondActions.append(action) }
      }
    }
  }

  /// Delivers everything in pieces of random sizes.
  mutating func run(largestPiece: Int = 40) {
    while !toFirst.isEmpty || !toSecond.isEmpty {
      if !toSecond.isEmpty {
        let count = Int.random(in: 1...min(largestPiece, toSecond.count), using: &random)
        let piece = Array(toSecond.prefix(count))
        toSecond.removeFirst(count)
        perform(second.receive(piece, now: 0), isFirst: false)
      }
      if !toFirst.isEmpty {
        let count = Int.random(in: 1...min(largestPiece, toFirst.count), using: &random)
        let piece = Array(toFirst.prefix(count))
        toFirst.removeFirst(count)
        perform(first.receive(piece, now: 0), isFirst: true)
      }
    }
  }
}

extension [LinkAction] {
  fileprivate var ending: LinkEnding? {
    guard case .close(let ending)? = last else { return nil }
    return ending
  }

  fileprivate var isLevel: Bool {
    contains { if case .session(.level(true)) = $0 { true } else { false } }
  }

  fileprivate var sends: Bool {
    contains { if case .send = $0 { true } else { false } }
  }
}

@Suite struct LinkTests {
  @Test(arguments: UInt64(1)...10)
  func aLinkComesUpHoweverItsBytesAreCut(seed: UInt64) {
    var pair = LinkPair(seed: seed)
    pair.run()
    #expect(pair.firstActions.isLevel, "seed \(seed)")
    #expect(pair.secondActions.isLevel, "seed \(seed)")
    #expect(pair.first.peer == .member(pair.secondKeys.publicKey))
    #expect(pair.second.peer == .member(pair.firstKeys.publicKey))
    #expect(pair.first.bytesSent == pair.second.bytesReceived)
  }

  @Test func allBytesInOnePieceAreAsGood() {
    var pair = LinkPair(seed: 1)
    pair.run(largestPiece: .max)
    #expect(pair.firstActions.isLevel)
    #expect(pair.secondActions.isLevel)
  }

  @Test func whoeverHasAnotherWorkspaceKeyGetsNotAByte() {
    var pair = LinkPair(seed: 1, sameSecret: false)
    pair.run()
    #expect(pair.second.bytesSent == 0)
    #expect(pair.second.isClosed)
    #expect(pair.second.receive([1, 2, 3], now: 0).isEmpty)
  }

  @Test(arguments: UInt64(1)...20)
  func aStrangersBytesEndTheLinkWithoutAnAnswer(seed: UInt64) {
    let pair = LinkPair(seed: seed)
    var random = SeededGenerator(seed: seed)
    var link = pair.second
    var actions: [LinkAction] = []
    for _ in 0..<40 {
      let bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
      actions += link.receive(bytes, now: 0)
    }
    #expect(!actions.sends)
    #expect(link.isClosed)
    #expect(link.bytesSent == 0)
  }

  @Test(arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"])
  func whoSpeaksAnotherProtocolIsSaidToBeNoSkerry(greeting: String) {
    var link = LinkPair(seed: 1).first
    #expect(link.receive(Array(greeting.utf8), now: 0).ending == .notSkerry)
    #expect(link.isClosed)
  }

  @Test func anUnfinishedHandshakeEndsInTime() {
    var link = LinkPair(seed: 1).second
    #expect(link.gauges.nextDeadline == 10_000)
    #expect(link.tick(now: 9_999).isEmpty)
    #expect(link.tick(now: 10_000).ending == .handshakeTimedOut)
  }

  @Test func aChangedByteBreaksTheSealedStream() {
    var pair = LinkPair(seed: 1)
    pair.run()
    pair.perform(
      pair.first.perform(now: 0) { $0.report(Status(.busy, "x"), now: 0) }, isFirst: true)
    pair.toSecond[pair.toSecond.count - 1] ^= 1
    pair.run()
    guard case .streamBroken? = pair.secondActions.ending else {
      Issue.record("\(pair.secondActions)")
      return
    }
  }

  @Test func whoeverIsRefusedIsToldWhy() {
    var pair = LinkPair(seed: 1)
    pair.run()
    pair.perform(pair.second.refuse(Status(.notAMember, "go away"), now: 0), isFirst: false)
    pair.run()
    #expect(pair.secondActions.ending == .refused(Status(.notAMember, "go away")))
    #expect(pair.firstActions.ending == .session(.peerLeft))
    let isTold = pair.firstActions.contains {
      if case .session(.reported(let status)) = $0 { status.sentence == "go away" } else { false }
    }
    #expect(isTold)
  }

  @Test func leavingEndsBothSidesInGoodOrder() {
    var pair = LinkPair(seed: 1)
    pair.run()
    pair.perform(pair.first.perform(now: 0) { $0.leave(now: 0) }, isFirst: true)
    pair.run()
    #expect(pair.firstActions.ending == .session(.left))
    #expect(pair.secondActions.ending == .session(.peerLeft))
  }
}
