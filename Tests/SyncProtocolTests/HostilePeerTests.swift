import Causality
import TestSupport
import Testing

@testable import SyncProtocol

private let ours = makeOrigin(1)
private let theirs = makeOrigin(2)
private let digest = [UInt8](repeating: 0, count: 32)

private func makeHello(window: UInt64 = 4 << 20) -> Hello {
  Hello(
    role: .replica, flow: .both, wish: .everything, origin: theirs, windowBytes: window,
    recordDigest: digest)
}

/// A session that has met a peer with these tips.
private func running(
  tips: [ChainTip] = [], peerTips: [ChainTip] = [], window: UInt64 = 4 << 20,
  configure: (inout SessionConfiguration) -> Void = { _ in }
) -> (session: SyncSession, actions: [SessionAction]) {
  var configuration = SessionConfiguration(
    role: .replica, origin: ours, tips: tips, recordDigest: digest)
  configure(&configuration)
  var session = SyncSession(configuration)
  var actions = session.start(now: 0)
  actions += session.receive(.hello(makeHello(window: window)), now: 0)
  actions += session.receive(.tips(peerTips, isLast: true), now: 0)
  return (session, actions)
}

extension [SessionAction] {
  fileprivate var ending: SessionEnding? {
    guard case .close(let ending) = last else { return nil }
    return ending
  }

  fileprivate var sent: [Message] {
    compactMap { if case .send(let message) = $0 { message } else { nil } }
  }
}

@Suite struct HostilePeerTests {
  @Test func nothingButHelloComesFirst() {
    for message in [
      Message.ping(1), .tips([], isLast: true), .want([], isAgain: false), .credit(1),
    ] {
      var session = SyncSession(
        SessionConfiguration(role: .replica, origin: ours, tips: [], recordDigest: digest))
      _ = session.start(now: 0)
      let ending = session.receive(message, now: 0).ending
      #expect(ending == .violation(.unexpected("something before hello")))
    }
  }

  @Test func whoeverIsSentAwayIsToldWhy() {
    var session = SyncSession(
      SessionConfiguration(role: .replica, origin: ours, tips: [], recordDigest: digest))
    _ = session.start(now: 0)
    let status = Status(.notAMember, "no")
    #expect(session.receive(.status(status), now: 0) == [.reported(status)])
    #expect(session.receive(.bye, now: 0) == [.close(.peerLeft)])
  }

  @Test func aSecondHelloOrVectorEndsTheSession() {
    var (session, _) = running()
    #expect(session.receive(.hello(makeHello()), now: 1).ending != nil)
    (session, _) = running()
    #expect(session.receive(.tips([], isLast: true), now: 1).ending != nil)
    #expect(session.receive(.ping(1), now: 1).isEmpty)
  }

  @Test func aVersionFromTheFutureGetsAClearSentence() {
    var hello = makeHello()
    hello.versions = 2...9
    var session = SyncSession(
      SessionConfiguration(role: .replica, origin: ours, tips: [], recordDigest: digest))
    _ = session.start(now: 0)
    let actions = session.receive(.hello(hello), now: 0)
    #expect(actions.ending == .noCommonVersion(theirs: 2...9))
    guard case .status(let status) = actions.sent.first else {
      Issue.record("no sentence")
      return
    }
    #expect(status.code == .unsupported)
    #expect(status.sentence.contains("update the older one"))
  }

  @Test func tipsOutOfOrderOverTwoMessagesEndTheSession() {
    let tips = [theirs, ours].map { ChainTip(origin: $0, sequence: 1, chainPrefix: 0) }
    var session = SyncSession(
      SessionConfiguration(role: .replica, origin: ours, tips: [], recordDigest: digest))
    _ = session.start(now: 0)
    _ = session.receive(.hello(makeHello()), now: 0)
    _ = session.receive(.tips([tips[0]], isLast: false), now: 0)
    let actions = session.receive(.tips([tips[1]], isLast: true), now: 0)
    #expect(actions.ending == .violation(.tipsOutOfOrder))
  }

  @Test(arguments: [-1, 0, 1])
  func aVectorHasAtMostSoManyOrigins(difference: Int) {
    let tips = (0..<(10 + difference)).map {
      ChainTip(origin: Origin(high: 0, low: UInt64($0)), sequence: 1, chainPrefix: 0)
    }
    let (_, actions) = running(peerTips: tips) { $0.limits.originCountMax = 10 }
    #expect(actions.ending == (difference > 0 ? .violation(.vectorTooLong) : nil))
  }

  @Test func acknowledgementsOfOriginsWithoutEndEndTheSession() {
    var (session, _) = running { $0.limits.originCountMax = 100 }
    var ending: SessionEnding?
    for block in 0..<20 where ending == nil {
      let entries = (0..<10).map {
        VersionVector.Entry(origin: Origin(high: UInt64(block), low: UInt64($0)), sequence: 1)
      }
      ending = session.receive(.have(VersionVector(entries)), now: 1).ending
    }
    #expect(ending == .violation(.vectorTooLong))
  }

  @Test func sendingBeyondTheCreditEndsTheSession() {
    var (session, _) = running { $0.limits.windowBytes = 100 }
    var accepted = 0
    var ending: SessionEnding?
    for sequence in UInt64(1)...10 where ending == nil {
      let head = SegmentHead(origin: theirs, first: sequence, last: sequence, byteCount: 40)
      let actions = session.receive(
        .segment(head, part: [UInt8](repeating: 0, count: 40)), now: 1)
      accepted += actions.count { if case .accept = $0 { true } else { false } }
      ending = actions.ending
    }
    // 40, 80, and the one that began while twenty bytes were left.
    #expect(accepted == 3)
    #expect(ending == .violation(.creditExceeded))
  }

  @Test func settledBytesComeBackAsCredit() {
    var (session, _) = running { $0.limits.windowBytes = 100 }
    for sequence in UInt64(1)...50 {
      let head = SegmentHead(origin: theirs, first: sequence, last: sequence, byteCount: 40)
      let actions = session.receive(
        .segment(head, part: [UInt8](repeating: 0, count: 40)), now: 1)
      #expect(actions.ending == nil)
      let returned = session.settled(bytes: 40, now: 1)
      #expect(returned.sent == [.credit(40)])
    }
  }

  @Test func partsMustFitTheirSegment() {
    let head = SegmentHead(origin: theirs, first: 1, last: 1, byteCount: 10)
    var (session, _) = running()
    #expect(session.receive(.segmentPart([1]), now: 1).ending != nil)
    (session, _) = running()
    _ = session.receive(.segment(head, part: [1, 2]), now: 1)
    #expect(session.receive(.segment(head, part: [1]), now: 1).ending != nil)
    (session, _) = running()
    _ = session.receive(.segment(head, part: [1, 2]), now: 1)
    let actions = session.receive(.segmentPart([UInt8](repeating: 0, count: 9)), now: 1)
    #expect(actions.ending == .violation(.segmentTooLong))
  }

  @Test func theSenderStaysWithinTheCreditItWasGiven() {
    let tips = [ChainTip(origin: ours, sequence: 100, chainPrefix: 1)]
    var (session, actions) = running(tips: tips, window: 250)
    var sent: UInt64 = 0
    var isAsked = actions.contains { if case .needSegments = $0 { true } else { false } }
    while isAsked {
      let segments = ((sent + 1)...100).map {
        OutgoingSegment(
          origin: ours, first: $0, last: $0, bytes: [UInt8](repeating: 0, count: 100))
      }
      actions = session.provide(segments, now: 1)
      sent += UInt64(actions.sent.count)
      isAsked = actions.contains { if case .needSegments = $0 { true } else { false } }
    }
    #expect(sent == 3)
    #expect(session.receive(.credit(60), now: 2).count == 1)
    #expect(session.receive(.credit(UInt64.max), now: 2).ending == nil)
  }

  @Test func anotherHashUnderTheSameNumberIsAForkOfThatOriginAlone() {
    let other = makeOrigin(3)
    let tips = [ours, other].sorted().map {
      ChainTip(origin: $0, sequence: 5, chainPrefix: 1)
    }
    var peerTips = tips
    let place = tips.firstIndex { $0.origin == other } ?? 0
    peerTips[place].chainPrefix = 2
    peerTips[1 - place].sequence = 4
    var (session, actions) = running(tips: tips, peerTips: peerTips)
    #expect(actions.contains(.forked(origin: other, sequence: 5)))
    #expect(actions.contains(.compareChains([peerTips[1 - place]])))
    actions = session.chainsCompared(forked: [], now: 1)
    let request = SegmentRequest(
      ranges: [SegmentRange(origin: ours, after: 4, through: 5)],
      byteBudget: session.limits.readBytes)
    #expect(actions == [.needSegments(request)])
    _ = session.provide([], now: 1)
    let newTip = ChainTip(origin: other, sequence: 9, chainPrefix: 1)
    #expect(session.stored([newTip], firstHand: true, now: 2).isEmpty)
  }

  @Test func aForkFoundInTheStoredChainIsLeftOutToo() {
    let tips = [ChainTip(origin: ours, sequence: 5, chainPrefix: 1)]
    let peerTips = [ChainTip(origin: ours, sequence: 3, chainPrefix: 9)]
    var (session, actions) = running(tips: tips, peerTips: peerTips)
    #expect(actions.last == .compareChains(peerTips))
    actions = session.chainsCompared(forked: [ours], now: 1)
    #expect(actions.contains(.forked(origin: ours, sequence: 3)))
    #expect(!actions.contains { if case .needSegments = $0 { true } else { false } })
  }

  @Test func whatComesInOnePieceWithTheTipsIsTaken() {
    let tips = [ChainTip(origin: theirs, sequence: 5, chainPrefix: 1)]
    let peerTips = [ChainTip(origin: theirs, sequence: 3, chainPrefix: 9)]
    var (session, _) = running(tips: tips, peerTips: peerTips)
    let known = SegmentHead(origin: theirs, first: 4, last: 4, byteCount: 1)
    let news = SegmentHead(origin: makeOrigin(3), first: 1, last: 1, byteCount: 1)
    #expect(
      session.receive(.segment(known, part: [1]), now: 1).sent
        == [.acknowledge(VersionVector(one: theirs, 5))])
    #expect(session.receive(.segment(news, part: [1]), now: 1).count == 1)
    _ = session.chainsCompared(forked: [], now: 1)
    #expect(session.isRunning)
  }

  @Test func moreOfOurOwnOriginThanWeHaveIsReported() {
    let tips = [ChainTip(origin: ours, sequence: 5, chainPrefix: 1)]
    let peerTips = [ChainTip(origin: ours, sequence: 8, chainPrefix: 9)]
    let (_, actions) = running(tips: tips, peerTips: peerTips)
    #expect(actions.contains(.identityReused(sequence: 8)))
  }

  @Test func aPeerWhoseVectorWentDownIsReported() {
    let before = VersionVector(one: theirs, 9)
    let tips = [ChainTip(origin: theirs, sequence: 4, chainPrefix: 9)]
    let (_, actions) = running(peerTips: tips) { $0.lastKnownPeerVector = before }
    #expect(
      actions.contains(.peerRegressed(from: before, to: VersionVector(one: theirs, 4))))
  }

  @Test func threeMissedHeartbeatsAreDeath() {
    var (session, _) = running()
    #expect(session.nextDeadline == 5_000)
    #expect(session.tick(now: 4_999).isEmpty)
    #expect(session.tick(now: 5_000).sent == [.ping(1)])
    #expect(session.tick(now: 14_999).ending == nil)
    #expect(session.tick(now: 15_000).ending == .silent(milliseconds: 15_000))
    #expect(session.nextDeadline == .max)
  }

  @Test func aStoreThatHasNotWhatItSaysIsReportedAndNotAskedForEver() {
    let tips = [ChainTip(origin: ours, sequence: 5, chainPrefix: 1)]
    var (session, _) = running(tips: tips)
    let actions = session.provide([], now: 1)
    #expect(actions == [.missingHere([SegmentRange(origin: ours, after: 0, through: 5)])])
  }

  @Test func aWantIsHonouredEvenForWhatWasSent() {
    let tips = [ChainTip(origin: ours, sequence: 5, chainPrefix: 1)]
    var (session, actions) = running(tips: tips, peerTips: tips)
    #expect(actions.last == .level(true))
    actions = session.receive(.want([Want(origin: ours, from: 3)], isAgain: false), now: 1)
    let request = SegmentRequest(
      ranges: [SegmentRange(origin: ours, after: 2, through: 5)],
      byteBudget: session.limits.readBytes)
    #expect(actions == [.needSegments(request), .level(false)])
    #expect(session.receive(.want([Want(origin: theirs, from: 3)], isAgain: false), now: 1).isEmpty)
  }

  @Test func whatIsUnderWayIsSentAgainOnlyWhenAskedForTwice() {
    let tips = [ChainTip(origin: ours, sequence: 1, chainPrefix: 1)]
    var (session, _) = running(tips: tips)
    let segment = OutgoingSegment(origin: ours, first: 1, last: 1, bytes: [1])
    #expect(session.provide([segment], now: 1).sent.count == 1)
    let want = Message.want([Want(origin: ours, from: 1)], isAgain: false)
    #expect(session.receive(want, now: 2).isEmpty)
    let again = session.receive(want, now: 3)
    #expect(again.contains { if case .needSegments = $0 { true } else { false } })
    _ = session.provide([segment], now: 3)
    let lost = session.receive(.want([Want(origin: ours, from: 1)], isAgain: true), now: 4)
    #expect(lost.contains { if case .needSegments = $0 { true } else { false } })
  }

  @Test func aGatedPeerIsToldNothingButHello() {
    var configuration = SessionConfiguration(
      role: .relay, origin: ours, tips: [], recordDigest: digest)
    configuration.isGated = true
    configuration.gateMilliseconds = 1_000
    var session = SyncSession(configuration)
    #expect(session.start(now: 0).sent.count == 1)
    var hello = makeHello()
    hello.recordDigest[0] = 1
    #expect(session.receive(.hello(hello), now: 0).isEmpty)
    #expect(session.receive(.tips([], isLast: true), now: 0).isEmpty)
    #expect(session.receive(.records([[1]], isLast: true), now: 0) == [.storeRecords([[1]])])
    let head = SegmentHead(origin: theirs, first: 1, last: 1, byteCount: 1)
    var stranger = session
    #expect(stranger.receive(.segment(head, part: [1]), now: 1).ending != nil)
    stranger = session
    #expect(stranger.tick(now: 1_000).ending == .notAdmitted)
    let tips = [ChainTip(origin: theirs, sequence: 2, chainPrefix: 3)]
    let opened = session.open(tips: tips, recordDigest: digest, now: 5)
    #expect(opened.sent == [.tips(tips, isLast: true)])
    #expect(opened.contains(.needRecords))
    #expect(session.provideRecords([[1]], now: 5).sent == [.records([[1]], isLast: true)])
    #expect(session.isRunning)
  }

  @Test func aJoinerMayHaveTheRecordsBeforeItIsAdmitted() {
    var configuration = SessionConfiguration(
      role: .replica, origin: ours, tips: [], recordDigest: digest)
    configuration.isGated = true
    configuration.sendsRecordsWhileGated = true
    var session = SyncSession(configuration)
    _ = session.start(now: 0)
    var hello = makeHello()
    hello.recordDigest[0] = 1
    #expect(session.receive(.hello(hello), now: 0) == [.needRecords])
    #expect(session.provideRecords([], now: 0).sent == [.records([], isLast: true)])
    #expect(
      session.recordsAdded([[5]], digest: digest, now: 0).sent
        == [.records([[5]], isLast: false)])
  }

  @Test(arguments: UInt64(1)...20)
  func randomMessagesNeverTrapAndNeverHoldMoreThanTheWindow(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let origins = [ours, theirs, makeOrigin(3)].sorted()
    for _ in 0..<30 {
      var (session, _) = running(
        tips: [ChainTip(origin: ours, sequence: 5, chainPrefix: 1)]
      ) { $0.limits.windowBytes = 1_000 }
      var held = 0
      for _ in 0..<60 {
        let origin = origins.randomElement(using: &random) ?? ours
        let sequence = UInt64.random(in: 1...9, using: &random)
        let vector = VersionVector(one: origin, Bool.random(using: &random) ? .max : sequence)
        let size = Int.random(in: 1...600, using: &random)
        let part = [UInt8](repeating: 1, count: Int.random(in: 1...size, using: &random))
        let head = SegmentHead(
          origin: origin, first: sequence, last: sequence + 1, byteCount: size)
        let choices: [Message] = [
          .acknowledge(vector), .have(vector), .credit(UInt64(size)), .ping(sequence),
          .want([Want(origin: origin, from: sequence)], isAgain: false), .segment(head, part: part),
          .segmentPart(part), .records([part], isLast: true), .pong(1),
          .status(Status(.refused, origin: origin, "x")), .ignorable(kind: 0x99),
        ]
        let message = choices.randomElement(using: &random) ?? .bye
        for action in session.receive(message, now: 1) {
          switch action {
          case .accept(let segment): held += segment.bytes.count
          case .needSegments: _ = session.provide([], now: 1)
          default: break
          }
        }
        #expect(held <= 1_600, "seed \(seed)")
        if session.isClosed { break }
      }
    }
  }
}
