import Causality
import JSONCoding
import ReplicaStore
import Replication
import Sealing
import SegmentStore
import Segments

// Relays that lie: when they begin, when they stop, and whether anybody has noticed.
extension World {
  func beginLie(_ fault: Fault) {
    guard let liar = nodes[fault.node] as? LiarNode else { return }
    renewLies(of: liar)
    cutLinks(of: liar)
  }

  /// It is honest again, to whoever calls it anew.
  func endLie(_ fault: Fault) {
    guard let liar = nodes[fault.node] as? LiarNode else { return }
    checkNoticed(liar)
    renewLies(of: liar)
    cutLinks(of: liar)
  }

  private func renewLies(of liar: LiarNode) {
    var lies = LiarNode.Lies()
    for fault in lasting.values where fault.node == liar.number {
      let amount = min(max(fault.amount, 0), 1_000_000)
      switch fault.kind {
      case .relayWithhold: lies.withholdMillionths = max(lies.withholdMillionths, amount)
      case .relayShuffle: lies.shuffleMillionths = max(lies.shuffleMillionths, amount)
      case .relayOldVector: lies.isOld = true
      default: break
      }
    }
    liar.lies = lies
  }

  func deliver(_ bytes: [UInt8], on link: UInt64, to liar: LiarNode) {
    let before = liar.clients[link]
    for (link, bytes) in liar.receive(bytes, on: link) {
      if let bytes { send(bytes, on: link, of: liar) } else { close(link, of: liar) }
    }
    if before?.isGreeted == false, liar.clients[link]?.isGreeted == true {
      liar.noteKnown(knownToClient(on: link, of: liar), on: link)
    }
    for (name, count) in liar.takeCounts() { coverage.note(name, count) }
  }

  /// What the client at the other end has written down that this relay has.
  private func knownToClient(on link: UInt64, of liar: LiarNode) -> VersionVector {
    let peer = try? client(on: link, of: liar)?.store?.read {
      try client(on: link, of: liar)?.store?.segments.peer(liar.publicKey.array)
    }
    return peer?.acknowledged ?? VersionVector()
  }

  private func client(on link: UInt64, of liar: LiarNode) -> ReplicaNode? {
    guard let end = liar.links[link],
      let number = network.node(end.side.other, of: end.connection)
    else { return nil }
    return nodes[number] as? ReplicaNode
  }

  /// P11: who was told enough to notice that something is missing shows it. What is still on its
  /// way nobody can have noticed.
  private func checkNoticed(_ liar: LiarNode) {
    for link in liar.links.keys.sorted() {
      guard let told = liar.clients[link], told.hasMet, let end = liar.links[link],
        let node = client(on: link, of: liar), let engine = node.engine, !node.isPaused,
        let theirs = node.link(of: end.connection, end.side.other),
        network.isSilent(towards: end.side.other, of: end.connection),
        let figures = engine.link(LinkID(theirs), at: node.instant(at: now)),
        let tips = try? node.store?.storedTips()
      else { continue }
      let stored = VersionVector(
        tips.map { .init(origin: $0.origin, sequence: $0.position.sequence) })
      let all = told.sent.union(told.claimed)
      if !stored.covers(all) { coverage.note("withholdingSeen") }
      if !told.claimed.covers(told.known) { coverage.note("rollbackSeen") }
      checks.add(
        LyingRelayChecker.checkWithheld(
          node: node.number, told: all, stored: stored, lacking: figures.lacking, at: now),
        &trace)
      checks.add(
        LyingRelayChecker.checkRollback(
          node: node.number, known: told.known, claimed: told.claimed,
          lost: figures.lostByPeer, at: now), &trace)
    }
  }
}
