package import JSONCoding
import Sabotages

/// Runs a plan from its first event to its verdict.
///
/// The engine is the one that ships: store, segments, sealing, links, replication, relay. Only
/// time, the network, the disks and chance are made here, so the same plan gives the same run,
/// event by event, in every process.
package enum Simulation {
  /// - Parameters:
  ///   - bug: one that is planted into the engine for this run.
  ///   - until: stop at this virtual millisecond, without healing and without the final checks.
  ///   - promises: it is enough when one of these is broken; the run ends there.
  ///   - sink: gets every event of the run as it happens.
  /// - Throws: what keeps a world from beginning. A broken promise is not thrown; it is in the
  ///   report.
  package static func run(
    _ plan: Plan, with bug: PlantedBug? = nil, until: Int? = nil,
    breaking promises: [String] = [], sink: ((JSONValue) -> Void)? = nil
  ) throws -> RunReport {
    let goal = World.Goal(until: until, promises: promises)
    guard let bug else { return try runWithTwin(plan, goal, sink) }
    return try Sabotage.whilePlanted(bug.sabotage) { try runWithTwin(plan, goal, sink) }
  }

  private static func runWithTwin(
    _ plan: Plan, _ goal: World.Goal, _ sink: ((JSONValue) -> Void)?
  ) throws -> RunReport {
    var report = try run(plan, goal, sink)
    guard plan.hasSteadyTwin, goal.until == nil, !goal.isReached(by: report.violations) else {
      return report
    }
    let steady = try run(plan.withSteadyClocks, goal, nil)
    if let violation = WallTimeChecker.check(report, steady: steady) {
      report.violations.append(violation)
    }
    return report
  }

  private static func run(
    _ plan: Plan, _ goal: World.Goal, _ sink: ((JSONValue) -> Void)?
  ) throws -> RunReport {
    // SQLite draws salts of its own; what a power loss leaves of a file depends on them.
    SQLiteRandomness.seed(plan.seed)
    defer { SQLiteRandomness.restore() }
    switch plan.cipher {
    case .standIn:
      return try StandInCipher.whileInstalled { try World(plan, sink: sink).run(goal) }
    case .libsodium: return try World(plan, sink: sink).run(goal)
    }
  }
}
