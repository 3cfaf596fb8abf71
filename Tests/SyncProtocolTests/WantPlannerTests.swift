import Causality
import Testing

@testable import SyncProtocol

@Suite struct WantPlannerTests {
  private let author = makeOrigin(1)
  private let other = makeOrigin(2)

  private func upTo(_ sequence: UInt64) -> VersionVector { VersionVector(one: author, sequence) }

  @Test func whatIsAdvertisedIsAskedForAfterAMoment() {
    var planner = WantPlanner(local: VersionVector(), wish: .firstHand)
    planner.advertised(upTo(5), by: 7, now: 100)
    #expect(planner.nextDeadline == 300)
    #expect(planner.plan(now: 299).isEmpty)
    let plan = planner.plan(now: 300)
    #expect(plan.map(\.link) == [7])
    #expect(plan.first?.wants == [Want(origin: author, from: 1)])
    #expect(planner.plan(now: 301).isEmpty)
  }

  @Test func whatArrivesByItselfIsNotAskedFor() {
    var planner = WantPlanner(local: VersionVector(), wish: .firstHand)
    planner.advertised(upTo(5), by: 7, now: 100)
    planner.stored(upTo(5), now: 150)
    #expect(planner.nextDeadline == nil)
    #expect(planner.plan(now: 1_000_000).isEmpty)
  }

  @Test func aPeerThatDoesNotAnswerIsFollowedByTheNext() {
    var planner = WantPlanner(local: VersionVector(), wish: .firstHand)
    planner.advertised(upTo(5), by: 7, now: 0)
    planner.advertised(upTo(5), by: 3, now: 0)
    #expect(planner.plan(now: 200).map(\.link) == [3])
    #expect(planner.plan(now: 5_199).isEmpty)
    #expect(planner.plan(now: 5_200).map(\.link) == [7])
    #expect(planner.plan(now: 10_200).map(\.link) == [3])
    planner.closed(3, now: 10_300)
    #expect(planner.plan(now: 10_500).map(\.link) == [7])
    planner.closed(7, now: 10_600)
    #expect(planner.nextDeadline == nil)
  }

  @Test func theAuthorItselfGetsTimeToPush() {
    var planner = WantPlanner(local: VersionVector(), wish: .firstHand)
    planner.linked(7, author: author, now: 0)
    planner.advertised(upTo(5), by: 7, now: 0)
    planner.advertised(upTo(5), by: 8, now: 1)
    #expect(planner.plan(now: 4_999).isEmpty)
    #expect(planner.plan(now: 5_000).map(\.link) == [8])
  }

  @Test func whereOneLinkHasBeenAloneForLongNoOtherOneIsWaitedFor() {
    var planner = WantPlanner(local: VersionVector(), wish: .firstHand)
    planner.linked(7, author: other, now: 0)
    planner.advertised(upTo(5), by: 7, now: 1_999)
    #expect(planner.nextDeadline == 2_199)
    planner.stored(upTo(5), now: 1_999)
    planner.advertised(upTo(6), by: 7, now: 2_000)
    #expect(planner.nextDeadline == 2_020)
    planner.stored(upTo(6), now: 2_001)
    planner.linked(8, author: other, now: 3_000)
    planner.advertised(upTo(7), by: 7, now: 9_000)
    #expect(planner.nextDeadline == 9_200)
    planner.stored(upTo(7), now: 9_001)
    planner.closed(8, now: 9_002)
    planner.advertised(upTo(8), by: 7, now: 9_003)
    #expect(planner.nextDeadline == 9_203)
    planner.stored(upTo(8), now: 9_004)
    planner.advertised(upTo(9), by: 7, now: 11_002)
    #expect(planner.nextDeadline == 11_022)
    // Who is pushed everything goes on asking late.
    planner = WantPlanner(local: VersionVector(), wish: .everything)
    planner.linked(7, author: other, now: 0)
    planner.advertised(upTo(5), by: 7, now: 5_000)
    #expect(planner.nextDeadline == 15_000)
  }

  @Test func aPeerThatIsStillSendingIsNotGivenUp() {
    var planner = WantPlanner(local: VersionVector(), wish: .firstHand)
    planner.advertised(upTo(5), by: 7, now: 0)
    #expect(planner.plan(now: 200).count == 1)
    planner.received(over: 7, now: 4_000)
    #expect(planner.plan(now: 5_300).isEmpty)
    #expect(planner.plan(now: 8_999).isEmpty)
    #expect(planner.plan(now: 9_000).count == 1)
  }

  @Test func whoeverIsPushedEverythingAsksLate() {
    var planner = WantPlanner(local: VersionVector(), wish: .everything)
    planner.advertised(upTo(5), by: 7, now: 0)
    #expect(planner.plan(now: 9_999).isEmpty)
    #expect(planner.plan(now: 10_000).count == 1)
  }

  @Test func onlyWhatIsStillMissingIsAskedFor() {
    var planner = WantPlanner(local: upTo(2), wish: .firstHand)
    planner.advertised(upTo(2), by: 7, now: 0)
    #expect(planner.lackingCount == 0)
    planner.advertised(upTo(9), by: 7, now: 0)
    planner.stored(upTo(4), now: 10)
    #expect(planner.plan(now: 6_000).first?.wants == [Want(origin: author, from: 5)])
    planner.hurry(author, now: 6_000)
    #expect(planner.plan(now: 6_200).count == 1)
  }
}
