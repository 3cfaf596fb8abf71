import Causality
import TestSupport
import Testing

@testable import SyncProtocol

@Suite("A queue that does not move")
struct WedgeTests {
  private let limits = SessionLimits()
  private var patience: UInt64 { limits.heartbeatMilliseconds * limits.wedgedHeartbeats }

  private func outgoing(_ still: UInt64, inFlight: Int = 100, credit: Int64 = 1_000) -> QueueState {
    var state = QueueState()
    state.outgoing = 3
    state.bytesInFlight = inFlight
    state.credit = credit
    state.outgoingStillMilliseconds = still
    return state
  }

  @Test("is told from three heartbeats on, not before", arguments: [-1, 0, 1])
  func threshold(difference: Int) {
    let still = UInt64(Int(patience) + difference)
    #expect((Wedge(outgoing(still), limits) != nil) == (difference >= 0))
    var incoming = QueueState()
    incoming.incoming = 1
    incoming.incomingStillMilliseconds = still
    #expect((Wedge(incoming, limits) != nil) == (difference >= 0))
  }

  @Test("is none when there is nothing to send and nothing to come, however long that is")
  func emptiness() {
    var state = outgoing(.max)
    state.outgoing = 0
    state.incomingStillMilliseconds = .max
    #expect(Wedge(state, limits) == nil)
  }

  @Test("is named by what holds it back, and what leaves before what comes")
  func kinds() {
    let still = patience
    #expect(
      Wedge(outgoing(still, credit: 0), limits) == .noCredit(changes: 3, milliseconds: still))
    #expect(
      Wedge(outgoing(still), limits)
        == .notAcknowledged(changes: 3, bytesInFlight: 100, milliseconds: still))
    #expect(
      Wedge(outgoing(still, inFlight: 0), limits) == .notSent(changes: 3, milliseconds: still))
    var both = outgoing(still)
    both.incoming = 5
    both.incomingStillMilliseconds = still
    #expect(
      Wedge(both, limits)
        == .notAcknowledged(changes: 3, bytesInFlight: 100, milliseconds: still))
    both.outgoingStillMilliseconds = 0
    #expect(Wedge(both, limits) == .notArriving(changes: 5, milliseconds: still))
    let wedges = [
      outgoing(still, credit: 0), outgoing(still), outgoing(still, inFlight: 0), both,
    ].compactMap { Wedge($0, limits) }
    #expect(wedges.allSatisfy { $0.description.contains("for 15 s") })
    #expect(Set(wedges.map(\.reason)).count == 4)
    #expect(wedges.allSatisfy { $0.description.hasSuffix($0.reason) })
  }

  // MARK: In sessions

  private func run(_ network: inout MiniNetwork, milliseconds: UInt64) {
    let end = network.now + milliseconds
    while network.now < end { network.step(milliseconds: 100) }
  }

  @Test("a peer that stores nothing is noticed after 15 s, and all is well again when it does")
  func stuckPeer() {
    var network = MiniNetwork(count: 2, seed: 1)
    let link = network.connect(0, 1)
    let isLevel = network.settle()
    #expect(isLevel)
    network.nodes[1].isStuck = true
    run(&network, milliseconds: 60_000)
    #expect(network.wedge(0, link) == nil)
    network.write(0, changes: 2)
    run(&network, milliseconds: 14_000)
    #expect(network.wedge(0, link) == nil)
    run(&network, milliseconds: 2_000)
    guard case .notAcknowledged(changes: 2, let bytes, _)? = network.wedge(0, link) else {
      Issue.record("\(String(describing: network.wedge(0, link)))")
      return
    }
    #expect(bytes > 0)
    network.nodes[1].isStuck = false
    let hasSettled = network.settle()
    #expect(hasSettled)
    #expect(network.wedge(0, link) == nil)
  }

  @Test("a peer whose window is used up and that gives no credit is told apart")
  func noCredit() {
    var network = MiniNetwork(count: 2, seed: 2)
    network.limits.windowBytes = 1_000
    let link = network.connect(0, 1)
    network.nodes[1].isStuck = true
    for _ in 0..<20 { network.write(0, byteCount: 400) }
    run(&network, milliseconds: 20_000)
    guard case .noCredit(let changes, _)? = network.wedge(0, link) else {
      Issue.record("\(String(describing: network.wedge(0, link)))")
      return
    }
    #expect(changes == 20)
  }

  @Test("a backlog that takes minutes is no wedge as long as it moves", arguments: UInt64(1)...3)
  func slowPeer(seed: UInt64) {
    var network = MiniNetwork(count: 2, seed: seed)
    network.limits.windowBytes = 1_000
    let link = network.connect(0, 1)
    network.nodes[1].isSlow = true
    network.maximumPiece = 300
    for _ in 0..<300 { network.write(0, byteCount: 900) }
    for _ in 0..<600 {
      network.step(milliseconds: 200)
      #expect(network.wedge(0, link) == nil, "seed \(seed)")
      #expect(network.wedge(1, link) == nil, "seed \(seed)")
    }
    #expect(network.nodes[1].store.vector[network.nodes[0].origin] > 20)
  }

  @Test("a peer is not blamed for what somebody else sends meanwhile", arguments: UInt64(1)...3)
  func sentByAnother(seed: UInt64) {
    var network = MiniNetwork(count: 3, seed: seed)
    for _ in 0..<300 { network.write(0, byteCount: 900) }
    let first = network.connect(0, 2)
    _ = network.settle()
    #expect(network.nodes[2].store.vector[network.nodes[0].origin] == 300)
    network.cut(first)
    network.nodes[0].isUnreadable = true
    network.nodes[1].isSlow = true
    network.limits.windowBytes = 1_000
    network.maximumPiece = 300
    let idle = network.connect(0, 1)
    _ = network.connect(2, 1)
    for _ in 0..<400 {
      network.step(milliseconds: 200)
      #expect(network.wedge(1, idle) == nil, "seed \(seed)")
    }
    let count = network.nodes[1].store.vector[network.nodes[0].origin]
    #expect((10..<300).contains(count))
  }

  @Test("what a peer refuses for good waits for nobody")
  func excluded() {
    var marks = WaitingMarks()
    let (ada, ben) = (origin(1), origin(2))
    marks.add(vector([(ada, 3)]), at: 100)
    marks.add(vector([(ada, 4), (ben, 1)]), at: 300)
    marks.forget(ada)
    #expect(marks.oldest == 300)
    marks.settle(vector([(ben, 1)]))
    #expect(marks.oldest == nil)
  }

  private func origin(_ number: UInt64) -> Origin { Origin(high: 0, low: number) }

  private func vector(_ entries: [(Origin, UInt64)]) -> VersionVector {
    entries.reduce(into: VersionVector()) { $0.advance($1.0, to: $1.1) }
  }

  @Test("what a store cannot give is missed on both sides")
  func unreadable() {
    var network = MiniNetwork(count: 2, seed: 4)
    network.write(0)
    network.nodes[0].isUnreadable = true
    let link = network.connect(0, 1)
    run(&network, milliseconds: 20_000)
    guard case .notSent(changes: 1, _)? = network.wedge(0, link),
      case .notArriving(changes: 1, _)? = network.wedge(1, link)
    else {
      Issue.record("\(network.wedge(0, link) as Any) \(network.wedge(1, link) as Any)")
      return
    }
  }
}

extension MiniNetwork {
  fileprivate func wedge(_ node: Int, _ link: Int) -> Wedge? {
    nodes[node].sessions[link]?.wedge(now: now)
  }
}
