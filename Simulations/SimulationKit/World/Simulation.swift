package import JSONCoding

/// Runs a plan from its first event to its verdict.
///
/// The engine is the one that ships: store, segments, sealing, links, replication. Only time, the
/// network and chance are made here, so the same plan gives the same run, event by event, in every
/// process.
package enum Simulation {
  /// - Parameters:
  ///   - until: stop at this virtual millisecond, without healing and without the final checks.
  ///   - sink: gets every event of the run as it happens.
  /// - Throws: what keeps a run from starting, such as a disk that cannot be written. A broken
  ///   promise
  ///   is not thrown; it is in the report.
  package static func run(
    _ plan: Plan, until: Int? = nil, sink: ((JSONValue) -> Void)? = nil
  ) throws -> RunReport {
    let world = try World(plan, sink: sink)
    return try world.run(until: until)
  }
}
