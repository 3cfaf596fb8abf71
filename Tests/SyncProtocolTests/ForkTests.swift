import Causality
import TestSupport
import Testing

@testable import SyncProtocol

/// Sessions of replicas that keep both histories of an origin.
@Suite("Two histories of one origin on a link")
struct SessionForkTests {
  private let ours = makeOrigin(1)
  private let theirs = makeOrigin(2)
  private let forked = makeOrigin(3)
  private let digest = [UInt8](repeating: 0, count: 32)

  private func running(
    tip: ChainTip, peerTip: ChainTip, _ configure: (inout SessionConfiguration) -> Void = { _ in }
  ) -> (session: SyncSession, actions: [SessionAction]) {
    var configuration = SessionConfiguration(
      role: .replica, origin: ours, tips: [tip], recordDigest: digest)
    configuration.mergesForks = true
    configure(&configuration)
    var session = SyncSession(configuration)
    var actions = session.start(now: 0)
    let hello = Hello(
      role: .replica, flow: .both, wish: .everything, origin: theirs, windowBytes: 4 << 20,
      recordDigest: digest)
    actions += session.receive(.hello(hello), now: 0)
    actions += session.receive(.tips([peerTip], isLast: true), now: 0)
    return (session, actions)
  }

  private func contested() -> SyncSession {
    let (session, actions) = running(
      tip: ChainTip(origin: forked, sequence: 5, chainPrefix: 1),
      peerTip: ChainTip(origin: forked, sequence: 5, chainPrefix: 2))
    #expect(actions.contains(.forked(origin: forked, sequence: 5)))
    #expect(!sent(actions).contains { if case .status = $0 { true } else { false } })
    #expect(session.isRunning && !session.isLevel)
    return session
  }

  private func sent(_ actions: [SessionAction]) -> [Message] {
    actions.compactMap { if case .send(let message) = $0 { message } else { nil } }
  }

  @Test("a contested origin is asked for from further back, and taken though it is stored")
  func asks() {
    var session = contested()
    let asked = session.askForFork(of: forked, from: 4, now: 1)
    #expect(sent(asked) == [.want([Want(origin: forked, from: 4)], isAgain: true)])
    let head = SegmentHead(origin: forked, first: 4, last: 5, byteCount: 1)
    let taken = session.receive(.segment(head, part: [1]), now: 2)
    let segment = IncomingSegment(origin: forked, first: 4, last: 5, bytes: [1])
    #expect(taken.contains(.accept(segment)))
  }

  @Test("it is pushed to nobody, and given to whoever asks, from the middle of a segment too")
  func gives() throws {
    var session = contested()
    let tip = ChainTip(origin: forked, sequence: 6, chainPrefix: 3)
    #expect(session.stored([tip], firstHand: true, now: 1).isEmpty)
    let wanted = session.receive(.want([Want(origin: forked, from: 4)], isAgain: true), now: 2)
    let request = try #require(
      wanted.compactMap { if case .needSegments(let request) = $0 { request } else { nil } }.first)
    #expect(request.ranges == [SegmentRange(origin: forked, after: 3, through: 6)])
    let segment = OutgoingSegment(origin: forked, first: 3, last: 6, bytes: [7])
    let head = SegmentHead(origin: forked, first: 3, last: 6, byteCount: 1)
    #expect(sent(session.provide([segment], now: 3)) == [.segment(head, part: [7])])
  }

  @Test("what was asked for again meanwhile is asked of the store again, and not given up")
  func asksTwice() throws {
    var session = contested()
    _ = session.receive(.want([Want(origin: forked, from: 5)], isAgain: true), now: 1)
    _ = session.receive(.want([Want(origin: forked, from: 2)], isAgain: true), now: 1)
    let late = OutgoingSegment(origin: forked, first: 5, last: 5, bytes: [7])
    let actions = session.provide([late], now: 2)
    #expect(!actions.contains { if case .missingHere = $0 { true } else { false } })
    #expect(
      actions.contains {
        if case .needSegments(let request) = $0 { request.ranges[0].after == 1 } else { false }
      })
  }

  @Test("when both are here, the link goes on under the new names and is level again")
  func parts() {
    var session = contested()
    let branch = makeOrigin(4)
    _ = session.parted([.init(origin: forked, sequence: 3)], now: 1)
    #expect(session.isLevel)
    let tip = ChainTip(origin: branch, sequence: 2, chainPrefix: 9)
    let news = session.stored([tip], firstHand: true, now: 2)
    #expect(
      news.contains {
        if case .needSegments(let request) = $0 {
          request.ranges == [SegmentRange(origin: branch, after: 0, through: 2)]
        } else {
          false
        }
      })
    // What the peer writes on under the old name is not missed here.
    let more = session.receive(.have(VersionVector(one: forked, 9)), now: 3)
    #expect(!more.contains { if case .advertised = $0 { true } else { false } })
    let acknowledged = session.storedOtherwise(forked, through: 9, now: 4)
    #expect(sent(acknowledged) == [.acknowledge(VersionVector(one: forked, 9))])
  }

  @Test("an origin that is known to be forked is not missed when a peer has more of it")
  func knownFork() {
    let (session, actions) = running(
      tip: ChainTip(origin: forked, sequence: 3, chainPrefix: 1),
      peerTip: ChainTip(origin: forked, sequence: 9, chainPrefix: 2)
    ) { $0.forked = [forked] }
    #expect(!actions.contains { if case .advertised = $0 { true } else { false } })
    #expect(session.isLevel)
  }

  @Test("where the two part cannot be found, the origin is left out on the link")
  func givesUp() {
    var session = contested()
    let told = session.report(Status(.forked, origin: forked, "no"), now: 1)
    #expect(sent(told).count == 1)
    #expect(session.isLevel)
    #expect(session.askForFork(of: forked, from: 1, now: 2).isEmpty)
    let wanted = session.receive(.want([Want(origin: forked, from: 1)], isAgain: true), now: 3)
    #expect(wanted.isEmpty)
  }

  @Test("what a peer has in short is handed on while the link is up")
  func digests() {
    var session = contested()
    let chains = ChainDigest(vector: 1, hashes: 2)
    #expect(sent(session.tell(chains: chains, now: 1)) == [.chains(chains)])
    #expect(session.receive(.chains(chains), now: 2) == [.chains(chains)])
  }
}
