import Causality
import TestSupport
import Testing

@testable import SyncProtocol

@Suite struct TwoReplicaTests {
  private func backlog(seed: UInt64, segments: Int = 40) -> MiniNetwork {
    var network = MiniNetwork(count: 2, seed: seed)
    for _ in 0..<segments {
      let size = Int.random(in: 1...3_000, using: &network.random)
      network.write(Int.random(in: 0...1, using: &network.random), changes: 3, byteCount: size)
    }
    return network
  }

  @Test(arguments: UInt64(1)...20)
  func twoBacklogsMeetAndBothSidesAreLevel(seed: UInt64) {
    var network = backlog(seed: seed)
    network.addRecord(0, [1, 2, 3])
    network.addRecord(1, [4, 5])
    let link = network.connect(0, 1)
    let hasSettled1 = network.settle()
    #expect(hasSettled1, "seed \(seed)")
    #expect(network.nodes.allSatisfy { $0.level == [link] }, "seed \(seed)")
    #expect(network.crossings.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    #expect(network.nodes.allSatisfy { $0.records.count == 2 }, "seed \(seed)")
    #expect(network.nodes.allSatisfy { $0.sessions[link]?.lag(now: network.now).changes == 0 })
  }

  @Test func twoEmptyReplicasAreLevelAtOnce() {
    var network = MiniNetwork(count: 2, seed: 1)
    network.connect(0, 1)
    let hasSettled2 = network.settle()
    #expect(hasSettled2)
    #expect(network.nodes.allSatisfy { $0.level.count == 1 })
  }

  @Test func atRestThereAreOnlyHeartbeats() {
    var network = backlog(seed: 7)
    network.connect(0, 1)
    let hasSettled3 = network.settle()
    #expect(hasSettled3)
    let before = network.messagesAtWork
    let pings = network.nodes.map { $0.sessions[0]?.pingNumber ?? 0 }.reduce(0, +)
    for _ in 0..<6_000 { network.step(milliseconds: 10) }
    #expect(network.messagesAtWork == before)
    let morePings = network.nodes.map { $0.sessions[0]?.pingNumber ?? 0 }.reduce(0, +) - pings
    // A minute, a heartbeat at most every five seconds from each side.
    #expect((8...26).contains(morePings))
    #expect(network.nodes[0].sessions[0]?.lag(now: network.now).roundTripMilliseconds != nil)
  }

  @Test(arguments: UInt64(1)...20)
  func cutsAndReconnectsLoseNothingAndRepeatNothingWithinALink(seed: UInt64) {
    var network = backlog(seed: seed, segments: 60)
    network.maximumPiece = 2_000
    var link = network.connect(0, 1)
    for _ in 0..<300 {
      network.step()
      switch Int.random(in: 0..<20, using: &network.random) {
      case 0:
        network.cut(link)
        link = network.connect(0, 1)
      case 1...4:
        network.write(Int.random(in: 0...1, using: &network.random), byteCount: 500)
      default: break
      }
    }
    let hasSettled4 = network.settle()
    #expect(hasSettled4, "seed \(seed)")
    #expect(network.crossings.values.allSatisfy { $0 == 1 }, "seed \(seed)")
  }

  @Test func aSlowReceiverHoldsNoMoreThanItsWindow() {
    var network = MiniNetwork(count: 2, seed: 3)
    network.limits.windowBytes = 20_000
    network.limits.readBytes = 5_000
    network.nodes[1].isSlow = true
    for _ in 0..<200 { network.write(0, byteCount: 1_000) }
    network.write(0, byteCount: 100_000)
    for _ in 0..<20 { network.write(0, byteCount: 1_000) }
    network.connect(0, 1)
    let hasSettled5 = network.settle(steps: 20_000)
    #expect(hasSettled5)
    // The window, and one segment that began while some of it was left.
    #expect(network.nodes[1].inboxBytesMax <= 20_000 + 100_000)
    #expect(network.nodes[0].level.count == 1)
  }

  @Test func aSegmentOfEightMebibytesCrossesInPartsThroughASmallWindow() {
    var network = MiniNetwork(count: 2, seed: 4)
    network.maximumPiece = 4 << 20
    network.write(0, byteCount: MessageLimits.segmentBytesMax)
    network.write(0, byteCount: 10)
    network.connect(0, 1)
    let hasSettled6 = network.settle()
    #expect(hasSettled6)
    #expect(network.nodes[1].store.segments == network.nodes[0].store.segments)
  }

  @Test func aPeerThatLostSomethingIsBelievedAndSentItAgain() {
    var network = backlog(seed: 5)
    let link = network.connect(0, 1)
    let hasSettled7 = network.settle()
    #expect(hasSettled7)
    network.cut(link)
    let full = network.nodes[1].store.vector
    network.nodes[1].store.rollBack(to: 0)
    // It goes on under a new origin, as it has to.
    network.nodes[1].origin = makeOrigin(9)
    network.connect(0, 1)
    let hasSettled8 = network.settle()
    #expect(hasSettled8)
    #expect(network.nodes[1].store.vector == full)
  }

  @Test func aLinkThatOnlySendsSendsOneWay() {
    var network = backlog(seed: 6)
    network.connect(0, 1, flow: .sendOnly)
    _ = network.settle(steps: 300)
    let ours = makeOrigin(0)
    let theirs = makeOrigin(1)
    #expect(network.nodes[1].store.vector[ours] == network.nodes[0].store.vector[ours])
    #expect(network.nodes[0].store.vector[theirs] == 0)
    #expect(network.nodes[0].level == [0])
  }

  @Test func whatWaitsForItsAcknowledgementHasAnAge() {
    var network = MiniNetwork(count: 2, seed: 8)
    network.nodes[1].isSlow = true
    network.connect(0, 1)
    let hasSettled9 = network.settle()
    #expect(hasSettled9)
    network.write(0, byteCount: 700)
    network.now += 1_234
    let lag = network.nodes[0].sessions[0]?.lag(now: network.now)
    #expect(lag?.changes == 1)
    #expect(lag?.bytesInFlight == 700)
    #expect(lag?.oldestUnacknowledgedMilliseconds == 1_234)
    let hasSettled10 = network.settle()
    #expect(hasSettled10)
    let after = network.nodes[0].sessions[0]?.lag(now: network.now)
    #expect(after?.changes == 0)
    #expect(after?.bytesInFlight == 0)
    #expect(after?.oldestUnacknowledgedMilliseconds == nil)
  }

  @Test func whatThePeerRefusesIsNotUnderWayAnyMore() {
    var network = MiniNetwork(count: 2, seed: 8)
    network.nodes[1].isSlow = true
    network.connect(0, 1)
    let hasSettled = network.settle()
    #expect(hasSettled)
    network.write(0, byteCount: 700)
    let refusal = Status(.refused, origin: makeOrigin(0), "not wanted")
    let now = network.now
    _ = network.nodes[0].sessions[0]?.receive(.status(refusal), now: now)
    #expect(network.nodes[0].sessions[0]?.lag(now: now).bytesInFlight == 0)
  }
}
