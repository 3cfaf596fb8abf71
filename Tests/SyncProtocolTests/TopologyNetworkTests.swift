import Causality
import TestSupport
import Testing

@testable import SyncProtocol

/// Five replicas that derive their links from one declaration, with random partitions.
@Suite struct TopologyNetworkTests {
  /// A network whose links follow the topology and who can reach whom.
  private struct Wired {
    var network: MiniNetwork
    var topology: Topology
    var links: [String: Int] = [:]
    /// Pairs that cannot reach each other.
    var broken: Set<[Int]> = []

    init(_ topology: Topology, count: Int, seed: UInt64) {
      network = MiniNetwork(count: count, seed: seed)
      self.topology = topology
      for node in 0..<count { network.nodes[node].wish = topology.wish(of: "\(node)") }
    }

    /// Makes the links that the topology wants and drops the others.
    mutating func rewire() {
      var wanted: Set<String> = []
      for node in network.nodes.indices {
        let broken = self.broken
        let planned = topology.links(from: "\(node)") { address in
          broken.contains([node, Int(address) ?? -1].sorted()) ? .silent : .answers
        }
        for link in planned {
          guard let other = Int(link.address), !broken.contains([node, other].sorted()) else {
            continue
          }
          if link.flow == .both, planned.count > 0, node > other,
            topology.links(from: "\(other)", answer: { _ in .answers })
              .contains(where: { $0.address == "\(node)" })
          {
            continue  // the other end dials
          }
          let name = "\(node)>\(other)"
          wanted.insert(name)
          if links[name] == nil { links[name] = network.connect(node, other, flow: link.flow) }
        }
      }
      for (name, link) in links where !wanted.contains(name) {
        network.cut(link)
        links[name] = nil
      }
    }
  }

  private static let addresses = (0..<5).map(String.init)
  private static let topologies = [
    Topology(kind: .ring, members: addresses),
    Topology(kind: .star, members: addresses, hubs: ["0"]),
    Topology(kind: .star, members: addresses, hubs: ["0", "1"]),
    Topology(kind: .mesh, members: addresses),
  ]

  @Test(arguments: 0..<4, UInt64(1)...3)
  func onAHealthyNetworkEachPayloadReachesEverybodyOnce(kind: Int, seed: UInt64) {
    var wired = Wired(Self.topologies[kind], count: 5, seed: seed)
    wired.rewire()
    let hasSettled1 = wired.network.settle()
    #expect(hasSettled1)
    for _ in 0..<60 {
      wired.network.write(Int.random(in: 0..<5, using: &wired.network.random))
      for _ in 0..<2 { wired.network.step() }
    }
    let hasSettled2 = wired.network.settle()
    #expect(hasSettled2, "\(wired.topology.kind) seed \(seed)")
    let crossings = wired.network.crossingsBetween
    #expect(crossings.values.allSatisfy { $0 == 1 }, "\(wired.topology.kind) seed \(seed)")
    // Sixty payloads, each to four others: no needless crossing anywhere.
    #expect(crossings.count == 240, "\(wired.topology.kind) seed \(seed)")
    let before = wired.network.messagesAtWork
    for _ in 0..<500 { wired.network.step() }
    #expect(wired.network.messagesAtWork == before, "\(wired.topology.kind) seed \(seed)")
  }

  @Test(arguments: 0..<4, UInt64(1)...8)
  func randomPartitionsHealAndAllConverge(kind: Int, seed: UInt64) {
    var wired = Wired(Self.topologies[kind], count: 5, seed: seed)
    wired.rewire()
    for _ in 0..<40 {
      for _ in 0..<4 {
        wired.network.write(Int.random(in: 0..<5, using: &wired.network.random))
      }
      for _ in 0..<10 { wired.network.step() }
      let first = Int.random(in: 0..<5, using: &wired.network.random)
      let second = Int.random(in: 0..<5, using: &wired.network.random)
      guard first != second else { continue }
      wired.broken.formSymmetricDifference([[first, second].sorted()])
      wired.rewire()
    }
    wired.broken = []
    wired.rewire()
    let hasSettled3 = wired.network.settle()
    #expect(hasSettled3, "\(wired.topology.kind) seed \(seed)")
    #expect(
      wired.network.crossings.values.allSatisfy { $0 == 1 }, "\(wired.topology.kind) seed \(seed)")
  }
}

@Suite struct TopologyTests {
  private func plan(
    _ topology: Topology, _ address: String, silent: Set<String> = [], unknown: Set<String> = []
  ) -> [String] {
    topology.links(from: address) {
      silent.contains($0) ? .silent : unknown.contains($0) ? .unknown : .answers
    }.map(\.address)
  }

  @Test func aRingSendsToTheNextAndBridgesTheSilent() {
    let ring = Topology(kind: .ring, members: ["a", "b", "c", "d"])
    #expect(plan(ring, "a") == ["b"])
    #expect(plan(ring, "d") == ["a"])
    #expect(plan(ring, "a", silent: ["b"]) == ["b", "c"])
    #expect(plan(ring, "a", silent: ["b", "c"]) == ["b", "c", "d"])
    #expect(plan(ring, "a", silent: ["b", "c", "d"]) == ["b", "c", "d"])
    #expect(plan(ring, "a", unknown: ["b", "c", "d"]) == ["b"])
    let links = ring.links(from: "a") { $0 == "b" ? .silent : .answers }
    #expect(links.map(\.isBridge) == [false, true])
    #expect(links.allSatisfy { $0.flow == .sendOnly })
  }

  @Test func aLeafKeepsToTheFirstHubThatAnswersAndHubsToEachOther() {
    let star = Topology(kind: .star, members: ["a", "b", "c"], hubs: ["h", "i", "a"])
    #expect(plan(star, "b") == ["h"])
    #expect(plan(star, "b", silent: ["h"]) == ["h", "i"])
    #expect(plan(star, "a") == ["h", "i"])
    #expect(star.wish(of: "a") == .firstHand)
    #expect(star.wish(of: "b") == .everything)
  }

  @Test func aMeshLinksEverybodyWhoeverAnswers() {
    let mesh = Topology(kind: .mesh, selfAddress: "a", peers: ["b", "c", "b"])
    #expect(plan(mesh, "a") == ["b", "c"])
    #expect(plan(mesh, "a", silent: ["b"]) == ["b", "c"])
  }

  @Test func aCommandLinesPeersAreTheRingFromItselfOn() {
    let ring = Topology(kind: .ring, selfAddress: "x", peers: ["y", "z"])
    #expect(plan(ring, "x") == ["y"])
    #expect(plan(ring, "x", silent: ["y"]) == ["y", "z"])
  }

  @Test func bothEndsOfADoubleLinkKeepTheSameOne() {
    for (ours, theirs) in [(1, 2), (2, 1)] {
      // The link that we dialled is to the other end the one that was accepted.
      let weKeep = Topology.keeps(dialledByUs: true, ours: ours, theirs: theirs)
      let theyKeep = Topology.keeps(dialledByUs: false, ours: theirs, theirs: ours)
      #expect(weKeep == theyKeep)
      #expect(weKeep != Topology.keeps(dialledByUs: false, ours: ours, theirs: theirs))
    }
  }
}
