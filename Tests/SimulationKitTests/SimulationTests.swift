import JSONCoding
import Testing

@testable import SimulationKit

@Suite("Simulated worlds")
struct SimulationTests {
  @Test(
    "the same plan is the same run, event by event, with both ciphers",
    arguments: [Plan.Cipher.standIn, .libsodium])
  func runsRepeat(cipher: Plan.Cipher) throws {
    var plan = try #require(Scenario.named("swarm")).plan(seed: 5)
    plan.cipher = cipher
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
    let scenario = try #require(Scenario.named("mesh-partition"))
    let left = try Simulation.run(scenario.plan(seed: 1))
    let right = try Simulation.run(scenario.plan(seed: 2))
    #expect(left.traceHash != right.traceHash)
  }

  @Test("a promise that nobody made is found missing")
  func theCanaryDies() throws {
    let report = try Simulation.run(try #require(Scenario.named("canary")).plan(seed: 1))
    #expect(report.violations.contains { $0.promise == "P2" })
    #expect(!report.converged)
  }

  @Test("a report written as JSON and read again is the same report")
  func reportsRoundTrip() throws {
    for name in ["canary", "bad-disks"] {
      let report = try Simulation.run(try #require(Scenario.named(name)).plan(seed: 1))
      #expect(try RunReport(json: JSONValue(parsing: report.json.text())) == report)
    }
  }
}

@Suite("Shrinking")
struct ShrinkerTests {
  @Test("what does not matter goes, and what does stays")
  func shrinks() throws {
    let plan = try #require(Scenario.named("swarm")).plan(seed: 3)
    let cut = try #require(plan.faults.first { $0.kind == .cut || $0.kind == .crash })
    var shrinker = Shrinker(plan) { candidate in
      candidate.faults.contains { $0.kind == cut.kind } && candidate.work.count >= 2
    }
    let small = try shrinker.shrink()
    #expect(small.itemCount == 3)
    #expect(small.faults.map(\.kind) == [cut.kind])
    #expect(small.nodeCount <= 2)
  }

  @Test("a real failure stays a failure of the same promise")
  func shrinksARun() throws {
    let plan = try #require(Scenario.named("canary")).plan(seed: 1)
    var shrinker = Shrinker(plan, triesMax: 60) { candidate in
      try Simulation.run(candidate).violations.contains { $0.promise == "P2" }
    }
    let small = try shrinker.shrink()
    #expect(small.faults.map(\.kind) == [.canary])
    #expect(small.work.isEmpty)
    #expect(try !Simulation.run(small).isOK)
  }

  @Test("a budget of tries is kept")
  func budget() throws {
    let plan = try #require(Scenario.named("swarm")).plan(seed: 3)
    var tries = 0
    var shrinker = Shrinker(plan, triesMax: 10) { _ in
      tries += 1
      return false
    }
    _ = try shrinker.shrink()
    #expect(tries <= 10)
  }
}
