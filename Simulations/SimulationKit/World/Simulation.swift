package import JSONCoding

/// Runs a plan from its first event to its verdict.
///
/// The engine is the one that ships: store, segments, sealing, links, replication, relay. Only
/// time, the network, the disks and chance are made here, so the same plan gives the same run,
/// event by event, in every process.
package enum Simulation {
  /// - Parameters:
  ///   - until: stop at this virtual millisecond, without healing and without the final checks.
  ///   - sink: gets every event of the run as it happens.
  /// - Throws: what keeps a world from beginning. A broken promise is not thrown; it is in the
  ///   report.
  package static func run(
    _ plan: Plan, until: Int? = nil, sink: ((JSONValue) -> Void)? = nil
  ) throws -> RunReport {
    switch plan.cipher {
    case .standIn:
      try StandInCipher.whileInstalled { try World(plan, sink: sink).run(until: until) }
    case .libsodium: try World(plan, sink: sink).run(until: until)
    }
  }
}
