import CommandKit
import SimulationKit

/// The simulator itself, on one core: operations that reach another replica through the whole
/// engine, and virtual time against real time.
enum SimulatorBenchmarks {
  static func run(_ bench: Bench) throws {
    try bench.rate(
      "simulator.deliveries", "busy", unit: "perSecond", of: { Double($0.deliveries) },
      measure: { try runs(of: "busy", seeds: 1...1) })
    try bench.rate(
      "simulator.timeRatio", "mesh-partition x10", unit: "ratio", of: { $0.virtualSeconds },
      measure: { try runs(of: "mesh-partition", seeds: 1...10) })
  }

  struct Totals {
    var deliveries = 0
    var virtualSeconds = 0.0
  }

  /// Runs the seeds, each of which has to keep every promise.
  private static func runs(of name: String, seeds: ClosedRange<UInt64>) throws -> Totals {
    guard let scenario = Scenario.named(name) else {
      throw CommandFailure(sentence: "there is no scenario '\(name)'")
    }
    var totals = Totals()
    for seed in seeds {
      var plan = scenario.plan(seed: seed)
      plan.cipher = .standIn
      let report = try Simulation.run(plan)
      guard report.isOK else {
        throw CommandFailure(sentence: "seed \(seed) of \(name) breaks a promise")
      }
      totals.deliveries += report.deliveries
      totals.virtualSeconds += Double(report.virtualMilliseconds) / 1000
    }
    return totals
  }
}
