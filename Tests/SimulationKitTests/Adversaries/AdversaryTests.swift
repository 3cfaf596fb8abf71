import Causality
import Sealing
import Testing

@testable import SimulationKit

@Suite("Members who cheat")
struct AdversaryTests {
  private static let forgeries = Fault.Kind.allCases.filter(\.isForgery)

  /// Two honest replicas, who write before and after, and one that cheats each in turn.
  private func plan(_ kind: Fault.Kind, seed: UInt64, amount: Int = 0) -> Plan {
    var plan = Plan(
      scenario: "test", seed: seed, residents: [.replica, .replica, .adversary], shape: .mesh,
      durationMilliseconds: 12_000, core: [0, 1])
    plan.work = (0..<8).map { index in
      Plan.Work(
        at: 200 + 1_000 * index, node: index % 2,
        kind: index < 2 ? .create : [.setField, .insertText, .insertItem][index % 3],
        salt: seed &* 100 &+ UInt64(index))
    }
    plan.faults = [
      Fault(kind, at: 4_500, for: 3_000, node: 2, other: 0, amount: amount),
      Fault(kind, at: 6_500, for: 3_000, node: 2, other: 1, amount: amount),
    ]
    return plan
  }

  private func count(_ name: String, _ report: RunReport) -> Int {
    report.coverage.first { $0.name == name }?.count ?? 0
  }

  @Test("honest replicas keep every promise, whatever is forged", arguments: forgeries)
  func promisesHold(kind: Fault.Kind) throws {
    for seed in UInt64(1)...6 {
      let report = try Simulation.run(plan(kind, seed: seed))
      #expect(report.isOK, "seed \(seed): \(report.violations)")
      #expect(report.converged, "seed \(seed)")
      #expect(count("forgeryMade", report) == 2)
      #expect(count("forgerySent", report) >= 2)
    }
  }

  @Test(
    "what can be seen to be wrong is refused, and the forger is told",
    arguments: [Fault.Kind.forgeSignature, .forgeChain])
  func forgeriesAreRefused(kind: Fault.Kind) throws {
    let refusals = try (UInt64(1)...6).map { seed in
      count("forgeryRefused", try Simulation.run(plan(kind, seed: seed)))
    }
    #expect(refusals.contains { $0 > 0 })
  }

  @Test("two long stories, and what was built on each, come to be known by all")
  func longForks() throws {
    for seed in UInt64(1)...4 {
      let report = try Simulation.run(plan(.forgeFork, seed: seed, amount: 2))
      #expect(report.isOK, "seed \(seed): \(report.violations)")
      #expect(report.converged, "seed \(seed)")
    }
  }

  @Test("two stories under one name are two versions, and one story is one")
  func stories() {
    var checker = ConvergenceChecker()
    let version = VersionVector([.init(origin: Origin(high: 1, low: 1), sequence: 1)])
    let one = StateDigest(of: [1])
    let other = StateDigest(of: [2])
    #expect(
      checker.observe(node: 0, version: version, stories: [nil], digest: one, at: 1) == nil)
    #expect(
      checker.observe(node: 1, version: version, stories: [.zero], digest: other, at: 2) == nil)
    let torn = checker.observe(node: 2, version: version, stories: [.zero], digest: one, at: 3)
    #expect(torn?.promise == "P6")
  }
}

@Suite("Relays that lie")
struct LiarTests {
  /// Three replicas that know nobody but a relay that lies.
  private func plan(_ kind: Fault.Kind, amount: Int, seed: UInt64) -> Plan {
    var plan = Plan(
      scenario: "test", seed: seed,
      residents: [.replica, .replica, .replica, .liar], shape: .star,
      durationMilliseconds: 20_000, core: [0, 1, 2, 3])
    plan.work = (0..<16).map { index in
      Plan.Work(
        at: 200 + 1_000 * index, node: index % 3,
        kind: index < 3 ? .create : [.setField, .insertText, .increment][index % 3],
        salt: seed &* 100 &+ UInt64(index))
    }
    plan.faults = [Fault(kind, at: 5_000, for: 9_000, node: 3, amount: amount)]
    return plan
  }

  private func count(_ name: String, _ report: RunReport) -> Int {
    report.coverage.first { $0.name == name }?.count ?? 0
  }

  @Test("a relay that withholds, mixes or rolls back is noticed, and all is well when it stops")
  func liesAreNoticed() throws {
    var seen: [String: Int] = [:]
    for seed in UInt64(1)...3 {
      for (kind, amount) in [
        (Fault.Kind.relayWithhold, 500_000), (.relayShuffle, 500_000), (.relayOldVector, 0),
      ] {
        let report = try Simulation.run(plan(kind, amount: amount, seed: seed))
        #expect(report.isOK, "\(kind) seed \(seed): \(report.violations)")
        #expect(report.converged, "\(kind) seed \(seed)")
        for item in report.coverage { seen[item.name, default: 0] += item.count }
      }
    }
    for name in ["segmentWithheld", "segmentShuffled", "withholdingSeen", "rollbackSeen"] {
      #expect(seen[name, default: 0] > 0, "\(name)")
    }
  }

  @Test("a relay that never lies is a relay")
  func honesty() throws {
    var plan = plan(.relayOldVector, amount: 0, seed: 1)
    plan.faults = []
    let report = try Simulation.run(plan)
    #expect(report.isOK, "\(report.violations)")
    #expect(report.converged)
  }
}
