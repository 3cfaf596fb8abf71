import JSONCoding
import Relaying
import Replication
import SyncProtocol

// The processes: started, driven, stopped, and what they ask for carried out.
extension World {
  // MARK: Starting and stopping

  func boot(_ node: Node) throws {
    let replicas = plan.residents.indices.filter {
      [.replica, .spare].contains(plan.residents[$0])
    }
    let relays = plan.residents.indices.filter { plan.residents[$0].isRelay }
    let kind: Topology.Kind =
      switch plan.shape {
      case .mesh: .mesh
      case .ring: .ring
      case .star: .star
      }
    let addresses = replicas.map { nodes[$0].address }
    let hubs = plan.shape == .star && relays.isEmpty ? [nodes[0].address] : []
    var configuration = EngineConfiguration()
    configuration.topology = Topology(
      kind: kind, members: addresses, hubs: hubs + relays.map { nodes[$0].address })
    configuration.selfAddress = node.address
    if plan.declaresTopologies, !node.resident.isRelay {
      configuration.topology = nil
      configuration.followsDeclaration = true
    }
    // Receipts are few, but they are messages: in other worlds everything is as it was.
    configuration.limits.receiptMilliseconds = plan.hasCompactions ? 5_000 : nil
    configuration.limits.snapshotChangesMin = plan.hasCompactions ? 50 : nil
    // Small, so that the world goes on while a snapshot is given.
    configuration.limits.snapshotBytes = 1_024
    configuration.limits.session.windowBytes = plan.windowBytes
    configuration.limits.session.readBytes = min(plan.windowBytes, 1 << 20)
    try node.start(configuration, at: now)
    trace.record(at: now, node: node.number, "boot")
    if let relay = node as? RelayNode {
      drive(relay) { $0.tick(at: relay.relayInstant(at: now)) }
    } else if let replica = node as? ReplicaNode {
      drive(replica) { $0.start(at: replica.instant(at: now)) }
    }
  }

  /// Starts the process again, unless something else still keeps it down.
  func restart(_ node: Node) {
    guard !node.isUp, node.downCount == 0, node.wreck == nil else { return }
    // A spare on which no copy was put has nothing to start.
    guard node.resident != .spare || node.machine > 0 else { return }
    trace.record(at: now, node: node.number, "restart")
    do {
      try boot(node)
      coverage.noteRecovery(of: node.disk)
      if let replica = node as? ReplicaNode { observeRestart(replica) }
    } catch {
      openingFailed(node, error)
    }
  }

  /// The process ends, and its peers learn of it as far as the loss lets them.
  func stop(_ node: Node, _ loss: VirtualDisk.Loss) {
    for (connection, side) in network.ends(of: node.number) {
      // A machine without power says nothing; a process that ends has its kernel close for it.
      if loss == .process {
        schedule(network.send(.closed, from: side, of: connection, now: now))
      }
      network.abandon(side, of: connection)
    }
    node.stop(loss)
  }

  /// An error that the process did not expect: it ends, as a supervised one would, and is started
  /// again.
  func failed(_ node: Node, _ error: any Error) {
    guard node.isUp else { return }
    guard !node.disk.isDown else { return lostPower(node) }
    coverage.note("processDied")
    if node.isRotten { coverage.note("damageFound") }
    trace.record(at: now, node: node.number, "died", ["why": .string("\(error)")])
    stop(node, .process)
    queue.schedule(.restart(node: node.number), at: now + 1_000)
  }

  /// The power went away in the midst of a write; it comes back soon.
  func lostPower(_ node: Node) {
    coverage.note("powerLostInWrite")
    trace.record(at: now, node: node.number, "crash", ["loss": .string("power"), "for": 1_000])
    stop(node, .power)
    queue.schedule(.restart(node: node.number), at: now + 1_000)
  }

  /// A store that does not open stays closed until its disk is better.
  private func openingFailed(_ node: Node, _ error: any Error) {
    trace.record(at: now, node: node.number, "died", ["why": .string("\(error)")])
    stop(node, .process)
    guard lasting.values.contains(where: { $0.node == node.number && $0.kind.isOfDisk }) else {
      if node.isRotten {
        coverage.note("damageFound")
        node.wreck = "\(error)"
      } else if node.openingFailureCount >= 3 {
        node.wreck = "\(error)"
        checks.add(
          Violation("P2", at: now, "node \(node.number) cannot open its store: \(error)"), &trace)
      } else {
        node.openingFailureCount += 1
        queue.schedule(.restart(node: node.number), at: now + 1_000)
      }
      return
    }
    queue.schedule(.restart(node: node.number), at: now + 1_000)
  }

  // MARK: Driving

  func wake(_ node: Node) {
    if let relay = node as? RelayNode {
      drive(relay) { $0.tick(at: relay.relayInstant(at: now)) }
    } else if let replica = node as? ReplicaNode {
      drive(replica) { $0.tick(at: replica.instant(at: now)) }
    }
  }

  /// Lets an engine do something and carries out what it asks for.
  func drive(_ node: ReplicaNode, _ input: (Engine) throws -> [Effect]) {
    guard let engine = node.engine else { return }
    let effects: [Effect]
    do { effects = try input(engine) } catch { return failed(node, error) }
    if node.disk.isDown { return lostPower(node) }
    for effect in effects {
      switch effect {
      case .send(let link, let bytes):
        send(bytes, on: link.rawValue, of: node)
        // The kernel takes it at once: back pressure is the network's business here.
        engine.sent(link, byteCount: bytes.count)
      case .close(let link, let failure):
        if let failure { coverage.note(failure) }
        close(link.rawValue, of: node)
      case .dial(let dial, let address):
        queue.schedule(
          .dialled(node: node.number, life: node.life, dial: dial, address: address), at: now + 5)
      case .changed(let documents, let isComplete):
        observe(node, changed: isComplete ? documents : nil)
      case .log(let level, let sentence):
        if level == .error, node.isRotten { coverage.note("damageFound") }
        trace.record(
          at: now, node: node.number, "says",
          ["level": .string("\(level)"), "sentence": .string(sentence)])
      case .ended(_, let figures): checks.traffic.add(figures)
      case .reported(_, let failure): coverage.note(failure)
      case .presenceChanged: observePresence(node)
      case .level, .membershipChanged, .admitted: break
      }
    }
    checkBuffers(node)
    setAlarm(of: node, at: engine.nextDeadline)
  }

  func drive(_ node: RelayNode, _ input: (RelayCore) -> [RelayEffect]) {
    guard let core = node.core else { return }
    let effects = input(core) + core.flush(at: node.relayInstant(at: now))
    if node.disk.isDown { return lostPower(node) }
    carryOut(effects, of: node)
    setAlarm(of: node, at: core.nextDeadline)
  }

  private func carryOut(_ effects: [RelayEffect], of node: RelayNode) {
    for effect in effects {
      switch effect {
      case .send(let link, let bytes):
        send(bytes, on: link.number, of: node)
      case .close(let link, _): close(link.number, of: node)
      case .log(let level, let sentence):
        trace.record(
          at: now, node: node.number, "says",
          ["level": .string("\(level)"), "sentence": .string(sentence)])
      }
    }
  }

  private func setAlarm(of node: Node, at time: UInt64) {
    let deadline = max(Int(clamping: time), now + 1)
    guard node.wakeTime.map({ deadline < $0 }) ?? true else { return }
    node.wakeTime = deadline
    queue.schedule(.wake(node: node.number), at: deadline)
  }

  // MARK: Links

  func send(_ bytes: [UInt8], on link: UInt64, of node: Node) {
    guard !bytes.isEmpty, let (connection, side) = node.links[link] else { return }
    schedule(network.send(.bytes(bytes), from: side, of: connection, now: now))
  }

  func close(_ link: UInt64, of node: Node) {
    guard let (connection, side) = node.removeLink(link) else { return }
    schedule(network.send(.closed, from: side, of: connection, now: now))
  }

  func schedule(_ parcels: [Parcel]) {
    for parcel in parcels { queue.schedule(.arrival(parcel), at: parcel.at) }
  }

  func arrive(_ parcel: Parcel) {
    guard let number = network.node(parcel.side, of: parcel.connection) else { return }
    if parcel.fate != .delivered { recordFate(of: parcel, at: number) }
    guard network.arrive(parcel) else { return }
    reportSent(parcel)
    let node = nodes[number]
    guard node.isUp else { return }
    if node.isPaused { node.held.append(parcel) } else { deliver(parcel, to: node) }
  }

  /// What has arrived has left: the sender may forget it. What a partition holds back has not.
  private func reportSent(_ parcel: Parcel) {
    let sender = nodes[parcel.from]
    guard parcel.byteCount > 0, let link = sender.link(of: parcel.connection, parcel.side.other)
    else { return }
    if let replica = sender as? ReplicaNode {
      replica.engine?.sent(LinkID(link), byteCount: parcel.byteCount)
    } else if let relay = sender as? RelayNode {
      drive(relay) {
        $0.sent(RelayLinkID(link), byteCount: parcel.byteCount, at: relay.relayInstant(at: now))
      }
    }
  }

  func deliver(_ parcel: Parcel, to node: Node) {
    guard let link = node.link(of: parcel.connection, parcel.side) else { return }
    switch parcel.cargo {
    case .bytes(let bytes):
      if parcel.fate == .delivered {
        trace.record(
          at: now, node: node.number, "deliver",
          [
            "from": .count(parcel.from), "sent": .count(parcel.sentAt),
            "bytes": .count(bytes.count),
          ])
      }
      if let replica = node as? ReplicaNode {
        drive(replica) { $0.received(LinkID(link), bytes, at: replica.instant(at: now)) }
      } else if let relay = node as? RelayNode {
        drive(relay) {
          $0.received(RelayLinkID(link), bytes: bytes, at: relay.relayInstant(at: now))
        }
      } else if let liar = node as? LiarNode {
        deliver(bytes, on: link, to: liar)
      } else if let cheat = node as? AdversaryNode {
        deliver(bytes, on: link, to: cheat)
      }
    case .closed: ended(link, of: node, "closed by the peer")
    }
  }

  private func recordFate(of parcel: Parcel, at node: Int) {
    coverage.note(parcel.fate)
    trace.record(
      at: now, node: node, "lost",
      [
        "from": .count(parcel.from), "sent": .count(parcel.sentAt),
        "fate": .string(parcel.fate.rawValue), "bytes": .count(parcel.byteCount),
      ])
  }

  /// The stream of a link is gone.
  func ended(_ link: UInt64, of node: Node, _ reason: String) {
    trace.record(at: now, node: node.number, "closed")
    _ = node.removeLink(link)
    if let replica = node as? ReplicaNode {
      drive(replica) { $0.closed(LinkID(link), reason, at: replica.instant(at: now)) }
    } else if let liar = node as? LiarNode {
      liar.forget(link)
    } else if let cheat = node as? AdversaryNode {
      _ = cheat.hangUp(link)
    } else if let relay = node as? RelayNode {
      relay.core?.closed(RelayLinkID(link), at: relay.relayInstant(at: now))
    }
  }

  func answer(_ dial: DialID, to address: String, by node: Node, life: Int) {
    guard let dialler = node as? ReplicaNode, node.isUp, node.life == life else { return }
    guard let number = Node.number(of: address), nodes.indices.contains(number),
      network.reach.canReach(node.number, number), nodes[number].isUp, !nodes[number].isPaused,
      !dialler.isPaused
    else {
      drive(dialler) { $0.dialFailed(dial, "unreachable", at: dialler.instant(at: now)) }
      return
    }
    let opened = connect(dialler, to: nodes[number])
    drive(dialler) { $0.dialled(dial, LinkID(opened), at: dialler.instant(at: now)) }
  }

  /// Makes a connection, and lets the one who is called take it.
  ///
  /// - Returns: the number of the caller's end.
  func connect(_ caller: Node, to other: Node) -> UInt64 {
    trace.record(at: now, node: caller.number, "connect", ["to": .count(other.number)])
    let connection = network.connect(from: caller.number, to: other.number)
    let accepted = other.newLink(connection, .listener)
    if let listener = other as? ReplicaNode {
      drive(listener) {
        $0.accepted(LinkID(accepted), from: caller.address, at: listener.instant(at: now))
      }
    } else if let relay = other as? RelayNode {
      drive(relay) {
        $0.accepted(RelayLinkID(accepted), from: caller.address, at: relay.relayInstant(at: now))
      }
    }
    if let liar = other as? LiarNode { liar.accept(accepted) }
    return caller.newLink(connection, .dialler)
  }
}
