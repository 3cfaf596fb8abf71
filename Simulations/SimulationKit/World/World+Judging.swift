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

  /// P11: what a relay stores shows nothing of what people wrote.
  func checkRelays() {
    for case let node as RelayNode in nodes {
      if let violation = BlindnessChecker.check(node: node.number, disk: node.disk, at: now) {
        checks.add(violation, &trace)
      }
    }
  }
}
