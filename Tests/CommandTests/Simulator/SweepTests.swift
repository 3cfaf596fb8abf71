import Foundation
import JSONCoding
import SimulationKit
import Testing

/// Some hundreds of simulated worlds, on all cores, each run in a process of its own.
@Suite("Sweeps of simulated worlds")
struct SweepTests {
  /// How many seeds of each scenario: those with most work have one here and their nights in
  /// sweeps.
  private static func seedCount(_ scenario: Scenario) -> Int {
    scenario.work > 200 ? 1 : 10
  }

  @Test(
    "every promise holds, whatever breaks",
    arguments: Scenario.shipped.filter { $0.name != "canary" }.map(\.name))
  func promisesHold(name: String) async throws {
    let scenario = try #require(Scenario.named(name))
    let count = Self.seedCount(scenario)
    let jobs = min(count, max(1, ProcessInfo.processInfo.activeProcessorCount))
    let outcome = try await Tool(name: "skerry-sim").run(
      "sweep", name, "--seeds", "1..\(count)", "--jobs", "\(jobs)", "--json", seconds: 900)
    let reports = try outcome.jsonLines().map { try RunReport(json: $0) }
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(reports.count == count)
    for report in reports {
      #expect(report.isOK, "\(name) seed \(report.seed): \(report.violations)")
      // Who heard one of two stories of a cheat never shows what was built on the other.
      let isForked = report.faults.contains { $0.name == "forgeFork" }
      #expect(report.converged || isForked, "\(name) seed \(report.seed)")
      #expect(!report.stateDigest.isEmpty || isForked)
    }
  }
}
