import JSONCoding
import Testing

@testable import SimulationKit

@Suite("Simulated worlds")
struct SimulationTests {
  /// The shipped scenarios with less work, so that many seeds fit into a test run.
  private static let small = Scenario.shipped.map { scenario in
    var small = scenario
    small.nodeCount = 4
    small.workCount = 40
    small.durationMilliseconds = 20_000
    return small
  }

  @Test("every promise holds through partition, crash, cut and heal", arguments: small)
  func promisesHold(scenario: Scenario) throws {
    for seed in UInt64(1)...12 {
      let report = try Simulation.run(scenario.plan(seed: seed))
      #expect(report.isOK, "\(scenario.name) seed \(seed): \(report.violations)")
      #expect(report.converged)
      #expect(!report.stateDigest.isEmpty)
      let fired = Set(report.faults.map(\.name))
      #expect(fired.isSuperset(of: ["partition", "heal", "crash", "cut", "clockJump"]))
    }
  }

  @Test("the same plan is the same run, event by event", arguments: small)
  func runsRepeat(scenario: Scenario) throws {
    let plan = scenario.plan(seed: 5)
    var first: [JSONValue] = []
    var second: [JSONValue] = []
    let left = try Simulation.run(plan) { first.append($0) }
    let right = try Simulation.run(plan) { second.append($0) }
    #expect(left == right)
    #expect(first == second)
    #expect(first.count == left.events)
  }

  @Test("another seed is another run")
  func seedsDiffer() throws {
    let scenario = Self.small[0]
    let left = try Simulation.run(scenario.plan(seed: 1))
    let right = try Simulation.run(scenario.plan(seed: 2))
    #expect(left.traceHash != right.traceHash)
  }

  @Test("a world that stays broken does not count as converged")
  func aBrokenWorldIsNoticed() throws {
    var plan = Self.small[2].plan(seed: 1)
    // The last crash never ends within the time that a healed world has.
    plan.faults = [
      Plan.Fault(
        at: 10_000,
        kind: .crash(node: 1, downMilliseconds: 10 * 60 * 1000))
    ]
    let report = try Simulation.run(plan)
    #expect(!report.converged)
    #expect(!report.isOK)
  }
}
