import Causality
import Documents
import FoundationEssentials
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
    case arrival(VirtualNetwork.ConnectionID, VirtualNetwork.Side)
    case dialled(node: Int, life: Int, dial: DialID, address: String)
    case work(Plan.Work)
    case fault(Plan.Fault.Kind)
    case restart(node: Int)
    case verdict
  }

  let plan: Plan
  var now = 0
  var queue = EventQueue<Event>()
  var nodes: [Node] = []
  var network: VirtualNetwork
  var trace: Trace
  var checks: Checks
  private var faultCounts: [String: Int] = [:]
  private let folder: URL

  /// How long after the last fault a healed world may take to converge.
  static let convergenceMillisecondsMax = 120_000
  /// Runs that go wrong stop at this many broken promises; the first says most.
  static let violationCountMax = 10

  init(_ plan: Plan, sink: ((JSONValue) -> Void)?) throws {
    self.plan = plan
    network = VirtualNetwork(plan.network, nodeCount: plan.nodeCount, seed: plan.seed)
    trace = Trace(sink: sink)
    checks = Checks(nodeCount: plan.nodeCount)
    folder = World.temporaryFolder()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit {
    nodes = []
    try? FileManager.default.removeItem(at: folder)
  }

  /// Memory where there is a file system of it: the real disk adds nothing to a run but time.
  private static func temporaryFolder() -> URL {
    let memory = "/dev/shm"
    let isWritable = FileManager.default.isWritableFile(atPath: memory)
    let parent = isWritable ? URL(filePath: memory) : FileManager.default.temporaryDirectory
    return parent.appending(path: "skerry-sim-\(UUID().uuidString)")
  }

  // MARK: - The run

  func run(until end: Int?) throws -> RunReport {
    try populate()
    for work in plan.work { queue.schedule(.work(work), at: work.at) }
    for fault in plan.faults { queue.schedule(.fault(fault.kind), at: fault.at) }
    queue.schedule(.fault(.heal), at: plan.durationMilliseconds)
    queue.schedule(.verdict, at: plan.durationMilliseconds + World.convergenceMillisecondsMax)
    var isConverged = false
    while let (time, event) = queue.next() {
      if let end, time > end { break }
      now = time
      try handle(event)
      if case .verdict = event { break }
      if checks.violations.count >= World.violationCountMax { break }
      if now > plan.durationMilliseconds, isLevel {
        isConverged = true
        break
      }
    }
    if end == nil { checkEnd(isConverged: isConverged) }
    return report(isConverged: isConverged)
  }

  /// Founds the workspace at node 0 and lets the others join it, before the sea gets rough.
  private func populate() throws {
    nodes.append(
      try Node(0, folder: folder.path, seed: plan.seed, founding: .workspace(name: "node 0")))
    for number in 1..<plan.nodeCount {
      let founder = nodes[0]
      let hour = UInt64(founder.wall(at: 0).milliseconds) + 3_600_000
      let invitation = try founder.store.invite(
        role: .writer, expiresMillis: hour, entropy: founder.entropy)
      let node = try Node(
        number, folder: folder.path, seed: plan.seed,
        founding: .joining(invitation, name: "node \(number)"))
      nodes.append(node)
      try admit(node, by: founder)
    }
    try spreadMembership()
    for node in nodes { try boot(node) }
  }

  /// Carries a request to join to the inviter, and everything that is known back.
  private func admit(_ node: Node, by founder: Node) throws {
    _ = try founder.store.addRecords(node.store.membership.records)
    for request in founder.store.membership.requests(for: founder.store.identity.device.publicKey) {
      _ = try founder.store.makeRecords { membership, identity throws(MembershipError) in
        [
          try membership.admit(
            request.hash, by: identity.device,
            nowMillis: UInt64(founder.wall(at: 0).milliseconds))
        ]
      }
    }
  }

  private func spreadMembership() throws {
    let records = nodes[0].store.membership.records
    for node in nodes.dropFirst() { _ = try node.store.addRecords(records) }
  }

  // MARK: - Events

  private func handle(_ event: Event) throws {
    switch event {
    case .wake(let number):
      let node = nodes[number]
      guard node.isUp, node.wakeTime == now else { return }
      node.wakeTime = nil
      trace.record(at: now, node: number, "wake")
      try drive(node) { $0.tick(at: node.instant(at: now)) }
    case .arrival(let connection, let side): try arrive(at: side, of: connection)
    case .dialled(let number, let life, let dial, let address):
      try answer(dial, to: address, by: nodes[number], life: life)
    case .work(let work): try perform(work)
    case .fault(let kind): try perform(kind)
    case .restart(let number):
      trace.record(at: now, node: number, "restart")
      try boot(nodes[number])
      observe(nodes[number], isRestart: true)
    case .verdict: break
    }
  }

  private func arrive(
    at side: VirtualNetwork.Side, of connection: VirtualNetwork.ConnectionID
  ) throws {
    guard let number = network.node(side, of: connection),
      let delivery = network.arrive(at: side, of: connection)
    else { return }
    let node = nodes[number]
    guard node.isUp, let link = node.link(of: connection, side) else { return }
    switch delivery {
    case .bytes(let bytes):
      trace.record(at: now, node: number, "deliver", ["bytes": .count(bytes.count)])
      try drive(node) { $0.received(link, bytes, at: node.instant(at: now)) }
    case .closed:
      trace.record(at: now, node: number, "closed")
      node.links[link] = nil
      try drive(node) { $0.closed(link, "closed by the peer", at: node.instant(at: now)) }
    }
  }

  private func answer(_ dial: DialID, to address: String, by node: Node, life: Int) throws {
    guard node.isUp, node.life == life else { return }
    guard let target = Node.number(of: address), nodes.indices.contains(target),
      network.canReach(node.number, target), nodes[target].isUp
    else {
      try drive(node) { $0.dialFailed(dial, "unreachable", at: node.instant(at: now)) }
      return
    }
    trace.record(at: now, node: node.number, "connect", ["to": .count(target)])
    let connection = network.connect(from: node.number, to: target)
    let accepted = nodes[target].newLink(connection, .listener)
    try drive(nodes[target]) {
      $0.accepted(accepted, from: Node.address(of: node.number), at: nodes[target].instant(at: now))
    }
    let opened = node.newLink(connection, .dialler)
    try drive(node) { $0.dialled(dial, opened, at: node.instant(at: now)) }
  }

  private func perform(_ work: Plan.Work) throws {
    let node = nodes[work.node]
    guard node.isUp else { return }
    var workload = Workload(work)
    let documents = try node.store.documents().map(\.id)
    let result = try node.store.group(now: node.wall(at: now), entropy: node.entropy) { group in
      group.transaction { transaction in
        try workload.perform(work.kind, in: transaction, documents: documents)
      }
    }
    let commit = try result.get()
    guard let change = commit.change else { return }
    trace.record(
      at: now, node: work.node, "commit",
      ["change": .string(change.description), "work": .string(work.kind.rawValue)])
    checks.ledger.commit(change, node: work.node, seen: commit.version, at: now)
    observe(node)
    try drive(node) { $0.committed(at: node.instant(at: now)) }
  }

  private func perform(_ fault: Plan.Fault.Kind) throws {
    faultCounts[fault.name, default: 0] += 1
    switch fault {
    case .partition(let groups):
      trace.record(at: now, node: nil, "partition", ["groups": .string("\(groups)")])
      network.partition(into: groups)
    case .heal:
      trace.record(at: now, node: nil, "heal")
      for (connection, side) in network.heal() {
        for _ in 0..<network.waitingCount(at: side, of: connection) {
          queue.schedule(.arrival(connection, side), at: now)
        }
      }
    case .crash(let number, let downMilliseconds):
      let node = nodes[number]
      guard node.isUp else { return }
      trace.record(at: now, node: number, "crash")
      for (connection, side) in network.ends(of: number) {
        schedule(network.send(.closed, from: side, of: connection, now: now), of: connection)
        network.abandon(side, of: connection)
      }
      node.crash()
      queue.schedule(.restart(node: number), at: now + max(1, downMilliseconds))
    case .cut(let number):
      trace.record(at: now, node: number, "cut")
      for (connection, side) in network.ends(of: number) {
        schedule(network.send(.closed, from: side, of: connection, now: now), of: connection)
        guard let link = nodes[number].link(of: connection, side) else { continue }
        nodes[number].links[link] = nil
        try drive(nodes[number]) { $0.closed(link, "cut", at: nodes[number].instant(at: now)) }
      }
    case .clockJump(let number, let milliseconds):
      trace.record(at: now, node: number, "clockJump", ["by": .count(milliseconds)])
      nodes[number].wallOffsetMilliseconds += milliseconds
    }
  }

  // MARK: - Nodes

  private func boot(_ node: Node) throws {
    let addresses = (0..<plan.nodeCount).map(Node.address(of:))
    let own = node.number
    // In the order of the ring: those behind this node come first.
    let peers = Array(addresses[(own + 1)...] + addresses[..<own])
    let kind: Topology.Kind =
      switch plan.shape {
      case .mesh: .mesh
      case .ring: .ring
      case .star: .star
      }
    let topology = Topology(
      kind: kind, selfAddress: addresses[own], peers: peers,
      hubs: plan.shape == .star ? [addresses[0]] : [])
    var configuration = EngineConfiguration()
    configuration.topology = topology
    configuration.selfAddress = addresses[own]
    try node.boot(configuration, at: now)
    try drive(node) { $0.start(at: node.instant(at: now)) }
  }

  /// Lets an engine do something and carries out what it asks for.
  private func drive(_ node: Node, _ input: (Engine) throws -> [Effect]) throws {
    guard let engine = node.engine else { return }
    for effect in try input(engine) {
      switch effect {
      case .send(let link, let bytes):
        guard let (connection, side) = node.links[link] else { continue }
        schedule(network.send(.bytes(bytes), from: side, of: connection, now: now), of: connection)
      case .close(let link, _):
        guard let (connection, side) = node.links.removeValue(forKey: link) else { continue }
        schedule(network.send(.closed, from: side, of: connection, now: now), of: connection)
      case .dial(let dial, let address):
        queue.schedule(
          .dialled(node: node.number, life: node.life, dial: dial, address: address), at: now + 5)
      case .changed: observe(node)
      case .log(let level, let sentence):
        trace.record(
          at: now, node: node.number, "says",
          ["level": .string("\(level)"), "sentence": .string(sentence)])
      case .level, .membershipChanged, .admitted, .reported, .ended: break
      }
    }
    let deadline = max(Int(clamping: engine.nextDeadline), now + 1)
    if node.wakeTime.map({ deadline < $0 }) ?? true {
      node.wakeTime = deadline
      queue.schedule(.wake(node: node.number), at: deadline)
    }
  }

  private func schedule(
    _ arrivals: [(at: Int, side: VirtualNetwork.Side)], of connection: VirtualNetwork.ConnectionID
  ) {
    for (time, side) in arrivals { queue.schedule(.arrival(connection, side), at: time) }
  }

  // MARK: - Judging

  private func observe(_ node: Node, isRestart: Bool = false) {
    checks.observe(
      node: node.number, store: node.store, at: now, isRestart: isRestart, trace: &trace)
  }

  /// Every node is up and shows everything that was acknowledged.
  private var isLevel: Bool {
    nodes.allSatisfy { $0.isUp && $0.store.appliedVector == checks.ledger.all }
  }

  private func checkEnd(isConverged: Bool) {
    for node in nodes where node.isUp {
      checks.observeEnd(node: node.number, store: node.store, at: now)
    }
    if !isConverged {
      checks.violations.append(
        Violation(
          promise: "P6", atMilliseconds: now,
          what: "the healed world did not converge within "
            + "\(World.convergenceMillisecondsMax / 1000) virtual seconds"))
    }
  }

  private func report(isConverged: Bool) -> RunReport {
    let digest = isConverged ? (try? nodes[0].store.stateDigest())?.description ?? "" : ""
    return RunReport(
      scenario: plan.scenario, seed: plan.seed, violations: checks.violations,
      events: trace.eventCount, virtualMilliseconds: now,
      faults: faultCounts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
      converged: isConverged, traceHash: trace.finish().description, stateDigest: digest)
  }
}
