import Causality
import ReplicaStore
import Replication
import Sealing

// Presence, and who is known to have what: what a replica tells of others.
extension World {
  /// Somebody shows something of the moment, or takes it back.
  func show(_ work: Plan.Work, at node: ReplicaNode) {
    guard let device = node.store?.identity.device.publicKey else { return }
    var random = RandomStream(seed: work.salt, work.kind.rawValue)
    let isTakenBack = random.integer(in: 0...4) == 0
    let showing = checks.presence.show(
      node: node.number, life: node.life, device: device, isTakenBack: isTakenBack)
    coverage.note("presenceShown")
    drive(node) { $0.setPresence(showing?.bytes, at: node.instant(at: now)) ?? [] }
  }

  func observePresence(_ node: ReplicaNode) {
    guard let engine = node.engine else { return }
    let present = engine.presentDevices(at: node.instant(at: now))
    if !present.isEmpty { coverage.note("presenceSeen") }
    let violation = checks.presence.observe(
      node: node.number, life: node.life, present: present, at: now)
    checks.add(violation, &trace)
  }

  /// When all has been well for a while, everybody sees everybody.
  func checkPresence(among replicas: [ReplicaNode]) {
    guard plan.work.contains(where: { $0.kind == .show }) else { return }
    let lives = replicas.map { (node: $0.number, life: $0.life) }
    for node in replicas {
      guard let engine = node.engine else { continue }
      let present = engine.presentDevices(at: node.instant(at: now))
      checks.add(
        checks.presence.checkEnd(node: node.number, present: present, lives: lives, at: now),
        &trace)
    }
  }

  /// Looks whether whom a node counts among those that have its last change has it. Where stores
  /// were copied or machines replaced, a device does not tell which replica is meant.
  func checkHolders(_ node: ReplicaNode) {
    guard !plan.hasTwins, let engine = node.engine, let store = node.store else { return }
    let origin = store.identity.origin
    let change = ChangeID(origin: origin, sequence: store.appliedVector[origin])
    let violation = HoldersChecker.check(
      node: node.number, engine: engine, change: change, at: now
    ) { device in
      let other = nodes.first {
        ($0 as? ReplicaNode)?.store?.identity.device.publicKey == device
      }
      guard let other = other as? ReplicaNode, other.machine == 0, !other.isRotten else {
        return nil
      }
      return other.engine?.hasDurably(change)
    }
    checks.add(violation, &trace)
  }
}
