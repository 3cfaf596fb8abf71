import Causality
import ChangeCoding
import JSONCoding
import ReplicaStore

// What goes wrong, when it begins and when it ends.
extension World {
  func begin(_ fault: Fault) {
    coverage.note(fault.kind)
    let node = nodes[fault.node]
    switch fault.kind {
    case .partition:
      record(fault, "partition", ["groups": groups(fault)])
      last(fault)
    case .flap:
      record(fault, "partition", ["groups": groups(fault)])
      let number = last(fault)
      flapsOn.insert(number)
      renewSea()
      queue.schedule(.flap(number: number), at: now + max(1, fault.amount))
    case .oneWay:
      record(
        fault, "blocked", ["from": groups(fault, 0), "to": groups(fault, 1)])
      last(fault)
    case .slow, .lose, .duplicate, .reorder, .corrupt, .truncate:
      record(
        fault, "weather", ["kind": .string(fault.kind.rawValue), "amount": .count(fault.amount)])
      last(fault)
    case .cut:
      record(fault, "cut")
      cutLinks(of: node)
    case .halfOpen:
      record(fault, "halfOpen")
      network.deaden(connectionsOf: fault.node)
    case .replay, .splice:
      record(fault, fault.kind.rawValue)
      let source =
        fault.kind == .replay ? fault.node : (fault.node + 1) % max(nodes.count, 1)
      schedule(network.inject(at: fault.node, from: source, now: now))
    case .powerLoss where fault.amount > 0 && node.isUp:
      // In the midst of what it writes next.
      node.disk.planCrash(.power, afterSteps: fault.amount)
    case .crash, .powerLoss: takeDown(node, fault)
    case .upgrade: upgrade(node, fault)
    case .compact: compact(node, fault)
    case .pause:
      record(fault, "pause")
      last(fault)
      node.isPaused = true
    case .clockJump:
      record(fault, "clock", ["by": .count(fault.amount)])
      node.wallOffsetMilliseconds += fault.amount
    case .clockStop:
      record(fault, "clock", ["frozen": .bool(true)])
      last(fault)
      node.clockStoppedAt = node.clockStoppedAt ?? now
    case .readError, .writeError, .syncError, .diskFull, .rot: breakDisk(of: node, fault)
    case .mould: mould(node, fault)
    case .backup:
      record(fault, "backup")
      node.layBackupAside()
    case .restoreBackup: restoreBackup(on: node, fault)
    case .copyStore: copyStore(of: node, to: nodes[fault.other], fault)
    case .relayWipe, .relayRollback: damageRelay(node, fault)
    case .relayWithhold, .relayShuffle, .relayOldVector:
      record(fault, "lies", ["kind": .string(fault.kind.rawValue), "amount": .count(fault.amount)])
      last(fault)
      beginLie(fault)
    case .forgeFork, .forgeChain, .forgeSignature, .forgeSplice, .forgeReplay, .forgeLamport,
      .forgeDependency, .forgeBody, .forgeContent:
      record(fault, "forges", ["kind": .string(fault.kind.rawValue), "to": .count(fault.other)])
      let number = last(fault)
      if beginForgery(fault, number: number) { coverage.note("forgeryMade") }
    case .canary:
      record(fault, "canary")
      checks.ledger.promiseNothing(node: fault.node, at: now)
    }
  }

  /// A fault that lasts is over.
  func end(_ number: Int) {
    guard let fault = lasting.removeValue(forKey: number) else { return }
    flapsOn.remove(number)
    let node = nodes[fault.node]
    switch fault.kind {
    case .partition, .flap, .oneWay:
      trace.record(at: now, node: nil, "heal", ["kind": .string(fault.kind.rawValue)])
      renewSea()
    case .slow, .lose, .duplicate, .reorder, .corrupt, .truncate:
      renewSea()
    case .crash, .powerLoss, .restoreBackup:
      node.downCount -= 1
      restart(node)
    case .pause: resume(node)
    case .clockStop:
      // It goes on from where it stood, late by as long as it stood still.
      if let since = node.clockStoppedAt { node.wallOffsetMilliseconds -= now - since }
      node.clockStoppedAt = nil
    case .readError, .writeError, .syncError, .diskFull:
      trace.record(at: now, node: fault.node, "disk", ["fault": .string("well again")])
      if !lasting.values.contains(where: { $0.node == fault.node && $0.kind.isOfDisk }) {
        node.disk.healFaults()
      }
    default:
      if fault.kind.isForgery { endForgery(fault, number: number) }
      if fault.kind.isLie { endLie(fault) }
    }
  }

  func flap(_ number: Int) {
    guard let fault = lasting[number] else { return }
    if flapsOn.remove(number) == nil { flapsOn.insert(number) }
    renewSea()
    queue.schedule(.flap(number: number), at: now + max(1, fault.amount))
  }

  // MARK: The sea

  /// Works out anew who hears whom and what the weather is.
  func renewSea() {
    var reach = Reach(nodeCount: plan.nodeCount)
    let faults = lasting.sorted { $0.key < $1.key }
    for (number, fault) in faults where fault.kind != .flap || flapsOn.contains(number) {
      reach.add(fault)
    }
    if phase == .coreHeals { reach.isolate(plan.core) }
    network.setWeather(
      faults.map(\.value).filter { phase != .coreHeals || !plan.core.contains($0.node) })
    guard reach != network.reach else { return }
    network.reach = reach
    for parcel in network.released(now: now) { queue.schedule(.arrival(parcel), at: now) }
  }

  func cutLinks(of node: Node) {
    for (connection, side) in network.ends(of: node.number) {
      schedule(network.send(.closed, from: side, of: connection, now: now))
      if let link = node.link(of: connection, side) { ended(link, of: node, "cut") }
    }
  }

  // MARK: Machines

  private func takeDown(_ node: Node, _ fault: Fault) {
    let loss: VirtualDisk.Loss = fault.kind == .powerLoss ? .power : .process
    record(fault, "crash", ["loss": .string(loss == .power ? "power" : "process")])
    last(fault)
    node.downCount += 1
    if node.isUp {
      stop(node, loss)
    } else {
      node.disk.crash(loss)
    }
  }

  private func upgrade(_ node: Node, _ fault: Fault) {
    guard let replica = node as? ReplicaNode else { return }
    record(fault, "upgrade")
    replica.language = .current
    guard node.isUp else { return }
    stop(node, .process)
    restart(node)
  }

  func resume(_ node: Node) {
    let isPaused = lasting.values.contains { $0.node == node.number && $0.kind == .pause }
    guard node.isPaused, !isPaused else { return }
    trace.record(at: now, node: node.number, "resume")
    node.isPaused = false
    let held = node.held
    node.held = []
    for parcel in held where node.isUp { deliver(parcel, to: node) }
    if node.isUp { wake(node) }
  }

  private func breakDisk(of node: Node, _ fault: Fault) {
    record(fault, "disk", ["fault": .string(fault.kind.rawValue)])
    switch fault.kind {
    case .readError: node.disk.fail(.read, after: max(fault.amount, 1), forever: true)
    case .writeError: node.disk.fail(.write, after: max(fault.amount, 1), forever: true)
    case .syncError: node.disk.fail(.sync, after: max(fault.amount, 1), forever: true)
    case .diskFull: node.disk.capacityBytes = node.disk.state.byteCount
    default:
      // What a process has in its cache it does not read again: a rotten byte shows after a start.
      if node.isUp { stop(node, .process) }
      for _ in 0..<max(1, min(fault.amount, 10_000)) { node.disk.rot() }
      node.isRotten = true
      if let replica = node as? ReplicaNode {
        // What only it held may be gone: a log that is damaged ends where the damage begins.
        checks.forgetLost(
          of: replica, keeping: VersionVector(), known: knownElsewhere(than: replica))
      }
      queue.schedule(.restart(node: node.number), at: now + 1_000)
      return
    }
    last(fault)
  }

  /// One document at a time in the whole world: what two have lost nobody may have.
  private func mould(_ node: Node, _ fault: Fault) {
    guard let node = node as? ReplicaNode, node.isUp, !node.isPaused, !node.isRotten,
      !nodes.contains(where: { ($0 as? ReplicaNode)?.isMouldy ?? false }),
      !node.view.documents.isEmpty
    else { return }
    let id = node.view.documents[fault.amount % node.view.documents.count]
    record(fault, "mould", ["document": .string("\(id)")])
    stop(node, .process)
    do { try node.mould(id) } catch { return failed(node, error) }
    queue.schedule(.restart(node: node.number), at: now + 1_000)
  }

  /// What a mouldy node shows counts again when nothing of it is damaged any more.
  func endMould(of node: ReplicaNode) throws {
    guard node.isMouldy, let store = node.store, store.damagedCount == 0 else { return }
    try node.view.renew(nil, from: store)
    node.isMouldy = false
    node.isRotten = false
    coverage.note("documentWholeAgain")
  }

  // MARK: Copies

  private func restoreBackup(on node: Node, _ fault: Fault) {
    guard let replica = node as? ReplicaNode, node.hasBackup else { return }
    record(fault, "restoreBackup")
    if node.isUp { stop(node, .power) }
    guard let version = node.replaceMachineByBackup(isAware: fault.amount == 0) else { return }
    checks.forgetLost(of: replica, keeping: version, known: knownElsewhere(than: replica))
    node.downCount += 1
    last(fault)
  }

  private func copyStore(of node: Node, to spare: Node, _ fault: Fault) {
    guard spare.resident == .spare, spare.machine == 0, !spare.isUp else { return }
    record(fault, "copyStore", ["to": .count(spare.number)])
    spare.replaceMachine(by: node.disk.image, of: fault.amount == 0 ? nil : node)
    restart(spare)
  }

  private func damageRelay(_ node: Node, _ fault: Fault) {
    guard node.resident == .relay else { return }
    if fault.kind == .relayRollback, !node.hasBackup { return }
    record(fault, fault.kind.rawValue)
    if node.isUp { stop(node, .process) }
    if fault.kind == .relayWipe {
      node.wipeDisk()
    } else {
      _ = node.replaceMachineByBackup(isAware: true)
    }
    restart(node)
  }

  // MARK: Bookkeeping

  /// Notes that a fault goes on, and when it ends.
  @discardableResult
  private func last(_ fault: Fault) -> Int {
    let number = nextFault
    nextFault += 1
    lasting[number] = fault
    queue.schedule(.faultEnds(number: number), at: now + max(1, fault.forMilliseconds))
    switch fault.kind {
    case .partition, .oneWay, .slow, .lose, .duplicate, .reorder, .corrupt, .truncate: renewSea()
    default: break
    }
    return number
  }

  func record(_ fault: Fault, _ what: String, _ more: Trace.Fields = [:]) {
    var fields = more
    let uses = fault.kind.uses
    if uses.contains(.duration) { fields.append("for", .count(fault.forMilliseconds)) }
    trace.record(at: now, node: uses.contains(.node) ? fault.node : nil, what, fields)
  }

  private func groups(_ fault: Fault) -> JSONValue {
    .array(fault.groups.map { .array($0.map { .count($0) }) })
  }

  private func groups(_ fault: Fault, _ index: Int) -> JSONValue {
    guard fault.groups.indices.contains(index) else { return .array([]) }
    return .array(fault.groups[index].map { .count($0) })
  }
}
