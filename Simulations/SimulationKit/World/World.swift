import Causality
import ChangeCoding
import Documents
import JSONCoding
import ReplicaStore
import Replication
import Sealing
import Segments
import SyncProtocol

/// The virtual world of one run: time, the nodes, the sea between them, and what is known about
/// them.
final class World {
  enum Event {
    case wake(node: Int)
    case arrival(Parcel)
    indirect case dialled(node: Int, life: Int, dial: DialID, address: String)
    // Large and rare: in boxes, so that the queue moves little.
    indirect case work(Plan.Work)
    indirect case fault(Fault)
    case faultEnds(number: Int)
    case flap(number: Int)
    case restart(node: Int)
    /// The work is over: the core heals.
    case calm
    /// Everybody has had the time to find everybody.
    case rest
    /// The core must have converged, or all.
    case deadline(Phase)
  }

  /// What the world has come to.
  enum Phase: Int, Comparable {
    /// People work and things break.
    case working
    /// One connected core is whole; all else stays as broken as it is.
    case coreHeals
    /// Everything is whole again.
    case allHeal
    /// All have converged, and nothing more should happen.
    case resting

    static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
  }

  /// When a run may end before its end.
  struct Goal {
    /// A virtual millisecond.
    var until: Int?
    /// Promises of which it is enough to see one broken.
    var promises: [String] = []

    func isReached(by violations: [Violation]) -> Bool {
      violations.contains { promises.contains($0.promise) }
    }
  }

  let plan: Plan
  var now = 0
  var phase = Phase.working
  var queue = EventQueue<Event>()
  var nodes: [Node] = []
  var network: VirtualNetwork
  var trace: Trace
  var checks: Checks
  var coverage = Coverage()
  /// Faults that last, by the number under which their end was scheduled.
  var lasting: [Int: Fault] = [:]
  var nextFault = 0
  /// The links of members who cheat, by the number of the fault.
  var forgeries: [Int: [UInt64]] = [:]
  /// Of the replicas, in worlds in which they declare topologies.
  var deviceKeys: [Int: SigningKey.Public] = [:]
  /// When it was last looked whether queues move.
  var queuesLookedAt = 0
  /// Flapping partitions that are on at the moment.
  var flapsOn: Set<Int> = []

  /// How long a healed world may take to converge.
  static let convergenceMillisecondsMax = 180_000
  /// How long links that were given up and relays that lost something may take after that: longer
  /// than the longest pause before an address is tried again.
  static let settlingMilliseconds = 45_000
  /// How long a world that has converged is watched.
  static let restMilliseconds = 20_000
  /// Runs that go wrong stop at this many broken promises; the first says most.
  static let violationCountMax = 10

  init(_ plan: Plan, sink: ((JSONValue) -> Void)?) {
    self.plan = plan
    network = VirtualNetwork(
      plan.weather, nodeCount: plan.nodeCount, seed: plan.seed,
      isOverheard: plan.faults.contains { [.replay, .splice].contains($0.kind) })
    trace = Trace(sink: sink)
    checks = Checks(plan)
  }

  // MARK: The run

  func run(_ goal: Goal) throws -> RunReport {
    recordBeginning()
    try populate()
    for work in plan.work { queue.schedule(.work(work), at: work.at) }
    for fault in plan.faults { queue.schedule(.fault(fault), at: fault.at) }
    queue.schedule(.calm, at: plan.durationMilliseconds)
    while let (time, event) = queue.next() {
      if let end = goal.until, time > end { break }
      now = time
      handle(event)
      checkQueues()
      if phase == .coreHeals || phase == .allHeal { advancePhase() }
      if checks.violations.count >= World.violationCountMax { break }
      if goal.isReached(by: checks.violations) { break }
      if case .deadline(let due) = event, due == phase {
        conclude(due)
        break
      }
    }
    if goal.until == nil, !goal.isReached(by: checks.violations) { checkEnd() }
    trace.record(at: now, node: nil, "end")
    return report()
  }

  private func handle(_ event: Event) {
    switch event {
    case .wake(let number):
      let node = nodes[number]
      guard node.isUp, node.wakeTime == now else { return }
      node.wakeTime = nil
      // A process that stands still hears its alarm when it goes on.
      guard !node.isPaused else { return }
      wake(node)
    case .arrival(let parcel): arrive(parcel)
    case .dialled(let number, let life, let dial, let address):
      answer(dial, to: address, by: nodes[number], life: life)
    case .work(let work): perform(work)
    case .fault(let fault): begin(fault)
    case .faultEnds(let number): end(number)
    case .flap(let number): flap(number)
    case .restart(let number): restart(nodes[number])
    case .calm: healCore()
    case .rest: beginRest()
    case .deadline: break
    }
  }

  // MARK: The beginning

  private func recordBeginning() {
    let nodes = plan.residents.enumerated().map { number, resident -> JSONValue in
      ["node": .count(number), "kind": .string(resident.rawValue)]
    }
    trace.record(
      at: 0, node: nil, "begin",
      [
        "scenario": .string(plan.scenario), "seed": .string(String(plan.seed)),
        "nodes": .array(nodes), "topology": .string(plan.shape.rawValue),
        "duration": .count(plan.durationMilliseconds),
      ])
  }

  /// Founds the workspace at node 0 and lets the others join it, before the sea gets rough.
  private func populate() throws {
    nodes = plan.residents.enumerated().map { number, resident in
      switch resident {
      case .liar: LiarNode(number, resident, seed: plan.seed)
      case .relay: RelayNode(number, resident, seed: plan.seed)
      case .adversary: AdversaryNode(number, resident, seed: plan.seed)
      case .replica, .spare: ReplicaNode(number, resident, seed: plan.seed)
      }
    }
    for case let elder as ReplicaNode in plan.elders.map({ nodes[$0] }) { elder.language = .first }
    let founder = nodes[0] as? ReplicaNode
    let store = try founder?.found(.workspace(name: "node 0"))
    guard let founder, let store else { return }
    for node in nodes.dropFirst() where [.replica, .adversary].contains(node.resident) {
      let hour = UInt64(founder.wall(at: 0).milliseconds) + 3_600_000
      let invitation = try store.invite(
        role: .writer, expiresMillis: hour, entropy: founder.entropy)
      if let cheat = node as? AdversaryNode {
        let joined = try cheat.join(invitation)
        try admit(joined, by: store, nowMillis: UInt64(founder.wall(at: 0).milliseconds))
        cheat.begin(as: joined.identity, store.membership)
        joined.close()
      } else if let replica = node as? ReplicaNode {
        let joined = try replica.found(.joining(invitation, name: "node \(node.number)"))
        try admit(joined, by: store, nowMillis: UInt64(founder.wall(at: 0).milliseconds))
      }
    }
    if plan.declaresTopologies { try declareFirst(in: store, founder) }
    for case let node as ReplicaNode in nodes.dropFirst() where node.resident == .replica {
      _ = try node.store?.addRecords(store.membership.records)
    }
    for node in nodes where node.resident == .replica || node.resident.isRelay {
      try boot(node)
    }
  }

  /// Carries a request to join to the inviter, and everything that is known back.
  private func admit(
    _ joined: ReplicaStore, by founder: ReplicaStore, nowMillis: UInt64
  ) throws {
    _ = try founder.addRecords(joined.membership.records)
    for request in founder.membership.requests(for: founder.identity.device.publicKey) {
      _ = try founder.makeRecords { membership, identity throws(MembershipError) in
        [try membership.admit(request.hash, by: identity.device, nowMillis: nowMillis)]
      }
    }
  }
}
