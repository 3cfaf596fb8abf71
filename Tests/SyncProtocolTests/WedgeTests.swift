import Causality
import TestSupport
import Testing

@testable import SyncProtocol

@Suite("A queue that does not move")
struct WedgeTests {
  private let limits = SessionLimits()
  private var patience: UInt64 { limits.heartbeatMilliseconds * limits.wedgedHeartbeats }

  private let ada = Origin(high: 0, low: 1)
  private let ben = Origin(high: 0, low: 2)

  private func outgoing(
    _ still: UInt64, inFlight: Int = 100, credit: Int64 = 1_000
  ) -> QueueStates {
    var states = QueueStates()
    states.outgoing = queue(3, still)
    states.bytesInFlight = inFlight
    states.credit = credit
    return states
  }

  private func queue(_ changes: UInt64, _ still: UInt64) -> QueueState {
    var queue = QueueState()
    queue.changes = changes
    queue.stillMilliseconds = still
    queue.allStillMilliseconds = still
    queue.origin = ada
    queue.changesOfOrigin = 2
    return queue
  }

  @Test("is told from three heartbeats on, not before", arguments: [-1, 0, 1])
  func threshold(difference: Int) {
    let still = UInt64(Int(patience) + difference)
    #expect((Wedge(outgoing(still), limits) != nil) == (difference >= 0))
    var incoming = QueueStates()
    incoming.incoming = queue(1, still)
    #expect((Wedge(incoming, limits) != nil) == (difference >= 0))
    // All of it stands still as well as that which has waited longest, or others move.
    var besideOthers = outgoing(patience)
    besideOthers.outgoing.allStillMilliseconds = still
    #expect(Wedge(besideOthers, limits)?.origin == (difference >= 0 ? nil : ada))
  }

  @Test("is none when there is nothing to send and nothing to come, however long that is")
  func emptiness() {
    var states = outgoing(.max)
    states.outgoing.changes = 0
    states.incoming.stillMilliseconds = .max
    #expect(Wedge(states, limits) == nil)
  }

  @Test("is named by what holds it back, and what leaves before what comes")
  func kinds() {
    let still = patience
    #expect(
      Wedge(outgoing(still, credit: 0), limits)
        == Wedge(.noCredit, changes: 3, milliseconds: still))
    let notAcknowledged = Wedge(
      .notAcknowledged(bytesInFlight: 100), changes: 3, milliseconds: still)
    #expect(Wedge(outgoing(still), limits) == notAcknowledged)
    #expect(
      Wedge(outgoing(still, inFlight: 0), limits)
        == Wedge(.notSent, changes: 3, milliseconds: still))
    var both = outgoing(still)
    both.incoming = queue(5, still)
    #expect(Wedge(both, limits) == notAcknowledged)
    both.outgoing.stillMilliseconds = 0
    #expect(Wedge(both, limits) == Wedge(.notArriving, changes: 5, milliseconds: still))
    var dropped = both
    dropped.isIncomingDropped = true
    #expect(Wedge(dropped, limits) == Wedge(.dropped, changes: 5, milliseconds: still))
    var beside = outgoing(still)
    beside.outgoing.allStillMilliseconds = 0
    #expect(
      Wedge(beside, limits)
        == Wedge(.notAcknowledged(bytesInFlight: 100), changes: 2, milliseconds: still, origin: ada)
    )
    let wedges = [
      outgoing(still, credit: 0), outgoing(still), outgoing(still, inFlight: 0), both, dropped,
      beside,
    ].compactMap { Wedge($0, limits) }
    #expect(wedges.count == 6)
    #expect(wedges.allSatisfy { $0.description.contains("for 15 s") })
    #expect(Set(wedges.map(\.reason)).count == 6)
    #expect(wedges.allSatisfy { $0.description.hasSuffix($0.reason) })
    #expect(wedges.last?.reason.contains("of origin \(ada), while others move") == true)
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
    let wedge = network.wedge(0, link)
    guard case .notAcknowledged(let bytes)? = wedge?.kind else {
      Issue.record("\(String(describing: wedge))")
      return
    }
    #expect(bytes > 0)
    #expect(wedge?.changes == 2 && wedge?.origin == nil)
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
    let wedge = network.wedge(0, link)
    #expect(wedge?.kind == .noCredit && wedge?.changes == 20, "\(String(describing: wedge))")
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
    marks.add(vector([(ada, 3)]), at: 100)
    marks.add(vector([(ada, 4), (ben, 1)]), at: 300)
    marks.forget(ada)
    #expect(marks.oldest == 300)
    marks.settle(vector([(ben, 1)]))
    #expect(marks.oldest == nil)
  }

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
    let (there, here) = (network.wedge(0, link), network.wedge(1, link))
    #expect(there?.kind == .notSent && there?.changes == 1, "\(String(describing: there))")
    #expect(here?.kind == .notArriving && here?.changes == 1, "\(String(describing: here))")
  }

  @Test("an origin that is stuck beside others that move is named on both sides")
  func stuckOrigin() {
    var network = MiniNetwork(count: 3, seed: 6)
    network.write(2, changes: 3)
    network.cut(network.connect(2, 0, reaching: 3))
    let stuck = network.nodes[2].origin
    #expect(network.nodes[0].store.vector[stuck] == 3)
    network.nodes[0].unreadable = [stuck]
    let link = network.connect(0, 1)
    // Something is acknowledged in each second, and all but the one origin is level.
    for second in 0..<40 {
      network.write(0)
      run(&network, milliseconds: 1_000)
      let (there, here) = (network.wedge(0, link), network.wedge(1, link))
      if second < 13 { #expect(there == nil && here == nil, "after \(second) s") }
      guard second > 17 else { continue }
      #expect(there != nil && there?.kind != .noCredit)
      #expect(there?.origin == stuck && there?.changes == 3, "\(String(describing: there))")
      #expect(here?.kind == .notArriving, "\(String(describing: here))")
      #expect(here?.origin == stuck && here?.changes == 3)
    }
    network.nodes[0].unreadable = []
    network.cut(link)
    let again = network.connect(0, 1)
    run(&network, milliseconds: 20_000)
    #expect(network.nodes[1].store.vector == network.nodes[0].store.vector)
    #expect(network.wedge(0, again) == nil && network.wedge(1, again) == nil)
  }

  @Test("a backlog of many origins that comes one after the other is no wedge of the last one")
  func longBacklog() {
    var network = MiniNetwork(count: 12, seed: 8)
    for node in 2..<12 {
      for _ in 0..<30 { network.write(node, byteCount: 900) }
      network.cut(network.connect(node, 0, reaching: 30))
    }
    network.limits.windowBytes = 1_000
    network.maximumPiece = 300
    let link = network.connect(0, 1)
    network.nodes[1].isSlow = true
    for step in 0..<900 {
      network.step(milliseconds: 200)
      // What is written meanwhile goes first, or last.
      if step % 20 == 0 { network.write(0) }
      #expect(network.wedge(0, link) == nil)
      #expect(network.wedge(1, link) == nil)
    }
    // It takes longer than anybody's patience, and goes on.
    let come = network.nodes[1].store.vector.changeCount(beyond: VersionVector())
    #expect((50..<345).contains(come))
  }

  @Test("what a peer has dropped is not waited for in silence")
  func dropped() {
    var network = MiniNetwork(count: 2, seed: 9)
    network.write(0, changes: 4)
    network.nodes[0].floor = VersionVector([.init(origin: network.nodes[0].origin, sequence: 4)])
    let link = network.connect(0, 1)
    run(&network, milliseconds: 20_000)
    let wedge = network.wedge(1, link)
    #expect(wedge?.kind == .dropped && wedge?.changes == 4, "\(String(describing: wedge))")
    #expect(wedge?.reason.contains("gives a snapshot") == true)
  }

  @Test("marks are bounded, however often somebody has something newer")
  func bounds() {
    var marks = WaitingMarks()
    let many = (0..<1_500).map { Origin(high: 1, low: UInt64($0)) }
    for round in 1..<UInt64(200) {
      marks.add(vector(many.map { ($0, round) }), at: round * 1_000)
      #expect(marks.entryCount <= WaitingMarks.entryCountMax + 1_500)
    }
    #expect(marks.oldest == 1_000)
    marks.settle(vector(many.map { ($0, 1) }))
    #expect(marks.oldest == 2_000)
    for origin in many { marks.forget(origin) }
    #expect(marks.entryCount == 0 && marks.oldest == nil)
  }
}

extension MiniNetwork {
  /// Links two, until the second has so many changes of the first.
  fileprivate mutating func connect(_ first: Int, _ second: Int, reaching count: UInt64) -> Int {
    let link = connect(first, second)
    let origin = nodes[first].origin
    while nodes[second].store.vector[origin] < count { step() }
    return link
  }

  fileprivate func wedge(_ node: Int, _ link: Int) -> Wedge? {
    nodes[node].sessions[link]?.wedge(now: now)
  }
}
