import Causality
import Documents
import ReplicaStore
import Replication
import Segments

// What the checkers are shown, and when.
extension World {
  /// A replica shows something new.
  ///
  /// - Parameter documents: those that changed; nil when not all are known.
  func observe(_ node: ReplicaNode, changed documents: [DocumentID]?) {
    guard let store = node.store else { return }
    // A machine that lost its power in the midst of what it did shows nothing of it.
    if node.disk.isDown, documents?.isEmpty != true { return lostPower(node) }
    do {
      try node.view.renew(documents, from: store, isRotten: node.isRotten)
      try endMould(of: node)
      checks.observe(node, version: store.appliedVector, at: now, &trace)
    } catch {
      failed(node, error)
    }
  }

  func observeRestart(_ node: ReplicaNode) {
    observe(node, changed: nil)
    checks.observeRestart(node, at: now, &trace)
  }

  func checkBuffers(_ node: ReplicaNode) {
    guard let engine = node.engine else { return }
    if !node.isRotten { checks.followRenaming(node, at: now, &trace) }
    checks.observeBuffers(of: engine, node: node.number, at: now, &trace)
  }

  /// What a restored machine has lost and no other holds is lost.
  func knownElsewhere(than lost: ReplicaNode) -> VersionVector {
    var known = VersionVector()
    for case let node as ReplicaNode in nodes where node !== lost {
      guard let store = node.store, let tips = try? store.storedTips() else { continue }
      known.formUnion(store.appliedVector)
      known.formUnion(
        VersionVector(
          tips.map { VersionVector.Entry(origin: $0.origin, sequence: $0.position.sequence) }))
    }
    return known
  }

  /// P15: whoever lacks something says so.
  func checkStatuses(_ due: Phase) {
    for case let node as ReplicaNode in nodes {
      guard let engine = node.engine, let store = node.store, !node.isPaused,
        !store.appliedVector.covers(checks.ledger.all),
        due != .coreHeals || plan.core.contains(node.number)
      else { continue }
      if let violation = StatusChecker.check(
        node: node.number, engine: engine, instant: node.instant(at: now), at: now)
      {
        checks.add(violation, &trace)
      }
    }
  }

  /// How often it is looked whether queues move.
  private static let queueStepMilliseconds = 1_000

  /// P15: no queue stands still in silence. Where stores were copied, or members cheat, a device or
  /// an origin does not tell which replica or history is meant.
  func checkQueues() {
    guard now >= queuesLookedAt + Self.queueStepMilliseconds, !plan.hasTwins,
      !plan.residents.contains(.adversary)
    else { return }
    queuesLookedAt = now
    checks.observe(directions, at: now, &trace)
  }

  /// Each direction in which a link that runs at both ends may carry segments.
  private var directions: [WedgeChecker.Direction] {
    var directions: [WedgeChecker.Direction] = []
    for case let holder as ReplicaNode in nodes where !holder.isPaused && !holder.isRotten {
      for (link, end) in holder.links.sorted(by: { $0.key < $1.key }) {
        guard let engine = holder.engine,
          let number = network.node(end.side.other, of: end.connection),
          let lacker = nodes[number] as? ReplicaNode, !lacker.isPaused, !lacker.isRotten,
          let other = lacker.engine, let far = lacker.link(of: end.connection, end.side.other),
          let here = engine.link(LinkID(link), at: holder.instant(at: now)),
          let there = other.link(LinkID(far), at: lacker.instant(at: now)), here.mayPush,
          there.lag != nil
        else { continue }
        directions.append(
          .init(
            holder: holder.number, lacker: lacker.number, link: link, held: engine.storedVector,
            stored: other.storedVector,
            isNamed: [here, there].contains { $0.wedge != nil || $0.complaint != nil }
              || here.isGivingSnapshot))
      }
    }
    return directions
  }

  /// P11: what a relay stores shows nothing of what people wrote.
  func checkRelays() {
    for case let node as RelayNode in nodes {
      if let violation = BlindnessChecker.check(node: node.number, disk: node.disk, at: now) {
        checks.add(violation, &trace)
      }
    }
  }
}
