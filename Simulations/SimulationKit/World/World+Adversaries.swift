import Causality
import JSONCoding
import ReplicaStore
import Segments

// Members who cheat: whom they call, what they say, and whether anybody took it.
extension World {
  /// Forges, and calls the victim. Who says two things calls two.
  ///
  /// - Returns: whether it came to that.
  func beginForgery(_ fault: Fault, number: Int) -> Bool {
    guard let cheat = nodes[fault.node] as? AdversaryNode, let store = storeToRead(fault) else {
      return false
    }
    do {
      guard let forgery = try cheat.forge(fault, knowing: store) else { return false }
      checks.expect(forgery, by: fault.node, at: now)
      var victims = [fault.other]
      if forgery.branches.count > 1 {
        let others = nodes.indices.filter {
          $0 != fault.other && (plan.residents[$0] == .replica || plan.residents[$0].isRelay)
        }
        victims += others.dropFirst(fault.at % max(others.count, 1)).prefix(1)
      }
      for (items, victim) in zip(forgery.branches, victims) {
        call(nodes[victim], by: cheat, saying: items, number: number)
      }
      return true
    } catch {
      // The store that it reads from may be on a broken disk.
      trace.record(at: now, node: fault.node, "forgesNothing", ["why": .string("\(error)")])
      return false
    }
  }

  /// What the victim holds, or another when that is a relay or down: members read everything.
  private func storeToRead(_ fault: Fault) -> ReplicaStore? {
    let first = (nodes[fault.other] as? ReplicaNode)?.store
    return first
      ?? nodes.lazy.compactMap { ($0 as? ReplicaNode)?.store }.first
  }

  private func call(
    _ victim: Node, by cheat: AdversaryNode, saying items: [Forgery.Item], number: Int
  ) {
    guard victim.isUp, !victim.isPaused, network.reach.canReach(cheat.number, victim.number)
    else { return }
    let link = connect(cheat, to: victim)
    forgeries[number, default: []].append(link)
    let first = cheat.call(on: link, isRelay: victim.resident.isRelay, saying: items)
    send(first, on: link, of: cheat)
  }

  func deliver(_ bytes: [UInt8], on link: UInt64, to cheat: AdversaryNode) {
    let answer = cheat.receive(bytes, on: link)
    if answer.isSaid {
      coverage.note("forgerySent")
      trace.record(at: now, node: cheat.number, "forged", ["link": .count(Int(link))])
    }
    for _ in 0..<answer.refusals { coverage.note("forgeryRefused") }
    send(answer.bytes, on: link, of: cheat)
    if answer.isOver { close(link, of: cheat) }
  }

  /// It has said what it wanted to; has anybody taken what nobody may take?
  func endForgery(_ fault: Fault, number: Int) {
    for link in forgeries.removeValue(forKey: number) ?? [] {
      guard let cheat = nodes[fault.node] as? AdversaryNode else { continue }
      send(cheat.hangUp(link), on: link, of: cheat)
      close(link, of: cheat)
    }
    checkForgeries()
  }

  func checkForgeries() {
    for node in nodes {
      guard let held = node.heldSegments else { continue }
      guard
        let violation = ForgeryChecker.check(
          node: node.number, forbidden: checks.forbidden, holding: held, at: now)
      else { continue }
      // Whoever took it has passed it on.
      return checks.add(violation, &trace)
    }
  }
}
