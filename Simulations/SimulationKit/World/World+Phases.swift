import Causality
import JSONCoding
import ReplicaStore
import Replication
import Sealing

// The end: the core heals and must converge, then all, and then there is silence.
extension World {
  // MARK: Healing

  /// Mends the machines and links of the core; all else stays as broken as it is.
  func healCore() {
    phase = .coreHeals
    trace.record(
      at: now, node: nil, "core", ["nodes": .array(plan.core.map { .count($0) })])
    for (number, fault) in lasting.sorted(by: { $0.key < $1.key }) {
      guard fault.kind.uses.contains(.node), plan.core.contains(fault.node) else { continue }
      end(number)
    }
    renewSea()
    for number in plan.core { mend(nodes[number]) }
    queue.schedule(.deadline(.coreHeals), at: now + World.convergenceMillisecondsMax)
  }

  private func healAll() {
    phase = .allHeal
    trace.record(at: now, node: nil, "healed")
    for (number, _) in lasting.sorted(by: { $0.key < $1.key }) { end(number) }
    renewSea()
    for node in nodes { mend(node) }
    queue.schedule(.deadline(.allHeal), at: now + World.convergenceMillisecondsMax)
  }

  private func mend(_ node: Node) {
    node.disk.healFaults()
    node.downCount = 0
    resume(node)
    restart(node)
  }

  // MARK: Converging

  /// After an event: whether the world is whole enough for the next phase.
  func advancePhase() {
    let concerned = phase == .coreHeals ? plan.core.map { nodes[$0] } : nodes
    guard isLevel(concerned) else { return }
    if phase == .coreHeals {
      coverage.note("coreConverged")
      healAll()
    } else {
      let digest = converged.first?.view.digestText ?? ""
      trace.record(at: now, node: nil, "converged", ["digest": .string(digest)])
      phase = .resting
      queue.schedule(.rest, at: now + World.settlingMilliseconds)
      queue.schedule(
        .deadline(.resting), at: now + World.settlingMilliseconds + World.restMilliseconds)
    }
  }

  /// The replicas that have to be like the others: every one but wrecks.
  private var converged: [ReplicaNode] {
    nodes.compactMap { $0 as? ReplicaNode }.filter { $0.isUp && !$0.isRotten }
  }

  private func isLevel(_ concerned: [Node]) -> Bool {
    let replicas = concerned.compactMap { $0 as? ReplicaNode }
      .filter { $0.wreck == nil && !$0.isRotten && ($0.resident == .replica || $0.machine > 0) }
    if phase != .coreHeals, nodes.contains(where: { ($0 as? ReplicaNode)?.isMouldy ?? false }) {
      return false
    }
    guard let first = replicas.first?.store.map(trusted) else { return replicas.isEmpty }
    let promised =
      phase == .coreHeals
      ? checks.ledger.acknowledged(by: replicas.map(\.number)) : checks.ledger.all
    guard checks.ledger.isContested || first.covers(promised) else { return false }
    return replicas.allSatisfy { $0.isUp && $0.store.map(trusted) == first }
      && (!checks.ledger.isContested && checks.forked.isEmpty || areAlike(replicas))
  }

  /// What a replica shows, but for origins of which there are two histories: who knows one of them
  /// calls it by that name.
  private func trusted(_ store: ReplicaStore) -> VersionVector {
    checks.forked.reduce(into: store.appliedVector) { $0.set($1, to: 0) }
  }

  /// Twins may call different things by one name; then only what they show tells.
  private func areAlike(_ replicas: [ReplicaNode]) -> Bool {
    replicas.allSatisfy { $0.view == replicas[0].view }
  }

  /// The time that a phase had is over.
  func conclude(_ due: Phase) {
    switch due {
    case .resting:
      for violation in checks.traffic.conclude(plan, live: liveTraffic, ledger: checks.ledger) {
        checks.add(violation.at(now), &trace)
      }
      checkRing()
      checkTopologies(among: converged)
      checkPresence(among: converged)
    case .coreHeals, .allHeal:
      checkStatuses(due)
      let who = due == .coreHeals ? "the healed core" : "the healed world"
      checks.add(
        Violation(
          "P6", at: now,
          "\(who) did not converge within \(World.convergenceMillisecondsMax / 1000) virtual "
            + "seconds (\(whatIsMissing(due)))"), &trace)
    case .working: break
    }
  }

  private func whatIsMissing(_ due: Phase) -> String {
    let concerned = due == .coreHeals ? plan.core.map { nodes[$0] } : nodes
    let sentences = concerned.compactMap { node -> String? in
      if let wreck = node.wreck { return "node \(node.number) is a wreck: \(wreck)" }
      guard let replica = node as? ReplicaNode else { return nil }
      guard let version = replica.store?.appliedVector else {
        return "node \(node.number) is down"
      }
      if replica.isMouldy { return "a document of node \(node.number) is damaged" }
      let lacking = checks.ledger.all.changeCount(beyond: version)
      let stalled = (try? replica.store?.stalled())?.first
      let reason = stalled.map { " (origin \($0.origin) waits: \($0.reason))" } ?? ""
      return "node \(node.number) lacks \(lacking)\(reason)"
    }
    return sentences.joined(separator: ", ")
  }

  // MARK: Traffic

  /// P5: in a ring at rest a member that reaches the next one keeps no bridge beyond it.
  private func checkRing() {
    guard plan.shape == .ring, !plan.hasTwins, !plan.declaresTopologies else { return }
    for node in converged {
      guard let engine = node.engine else { continue }
      let instant = node.instant(at: now)
      let dialled = node.links.keys.sorted().compactMap { engine.link(LinkID($0), at: instant) }
        .filter(\.isDialled)
      let next = nodes[(node.number + 1) % nodes.count].address
      guard dialled.contains(where: { $0.place == next && $0.isLevel }), dialled.count > 1
      else { continue }
      checks.add(
        Violation(
          "P5", at: now, "node \(node.number) keeps \(dialled.count) links in a healed ring"),
        &trace)
    }
  }

  /// What crosses links from now on is counted apart.
  func beginRest() { checks.traffic.beginRest(liveTraffic) }

  /// What crossed the links that live, over all nodes.
  private var liveTraffic: TrafficTotals {
    var totals = TrafficTotals()
    for case let node as ReplicaNode in nodes {
      guard let engine = node.engine else { continue }
      for link in node.links.keys.sorted() {
        if let figures = engine.link(LinkID(link), at: node.instant(at: now)) {
          totals.add(figures)
        }
      }
    }
    return totals
  }

  // MARK: The report

  /// The state of every node in the end, against what was promised.
  func checkEnd() {
    if plan.hasCompactions { for node in converged { checks.keepChanges(of: node) } }
    for node in converged { checks.observeEnd(node, at: now, &trace) }
    checkRelays()
    checkForgeries()
  }

  func report() -> RunReport {
    let isConverged = phase == .resting
    var report = RunReport(
      scenario: plan.scenario, seed: plan.seed, violations: checks.violations,
      events: trace.eventCount, virtualMilliseconds: now, converged: isConverged,
      traceHash: trace.finish().description)
    report.orderHash = trace.finishOrder().description
    for node in nodes { coverage.noteEnd(of: node.disk) }
    coverage.note(checks.traffic.ended)
    report.faults = coverage.faultCounts
    report.coverage = coverage.counts
    report.deliveries = checks.deliveries
    if isConverged, let store = converged.first?.store {
      report.stateDigest = (try? store.stateDigest())?.description ?? ""
    }
    return report
  }
}
