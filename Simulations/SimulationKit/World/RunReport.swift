package import JSONCoding

/// What came of a run.
package struct RunReport: Equatable, Sendable {
  package struct Count: Equatable, Sendable {
    package var name: String
    package var count: Int

    package init(name: String, count: Int) {
      self.name = name
      self.count = count
    }
  }

  package var scenario: String
  package var seed: UInt64
  package var violations: [Violation]
  /// Events of the virtual world: deliveries, timers, acts, faults.
  package var events: Int
  package var virtualMilliseconds: Int
  /// Everybody who can have ended with the same state.
  package var converged: Bool
  /// The hash over the story of the run; equal plans have equal ones, in every process.
  package var traceHash: String
  /// The hash over what was committed and shown, where and when.
  var orderHash = ""
  /// The hash of the canonical state that all nodes ended with; empty when they did not converge.
  package var stateDigest = ""
  /// How often each kind of fault took place, sorted by name.
  package var faults: [Count] = []
  /// How often each interesting thing happened, sorted by name.
  package var coverage: [Count] = []
  /// Operations that came to be shown by a replica that did not make them.
  package var deliveries = 0

  package var isOK: Bool { violations.isEmpty }

  package var json: JSONValue {
    [
      "scenario": .string(scenario),
      "seed": .count(seed),
      "ok": .bool(isOK),
      "violations": .array(
        violations.map {
          [
            "promise": .string($0.promise), "time": .count($0.atMilliseconds),
            "what": .string($0.what),
          ]
        }),
      "events": .count(events),
      "deliveries": .count(deliveries),
      "virtualSeconds": .double(Double(virtualMilliseconds) / 1000),
      "virtualMilliseconds": .count(virtualMilliseconds),
      "faults": Self.json(faults),
      "coverage": Self.json(coverage),
      "converged": .bool(converged),
      "traceHash": .string(traceHash),
      "orderHash": .string(orderHash),
      "stateDigest": .string(stateDigest),
    ]
  }

  private static func json(_ counts: [Count]) -> JSONValue {
    .object(
      JSONObject(
        uniqueMembers: counts.map { JSONObject.Member(key: $0.name, value: .count($0.count)) }))
  }
}

extension RunReport {
  /// Reads what ``json`` wrote, in another process.
  package init(json: JSONValue) throws(PlanError) {
    let fields = try Fields(json, of: "a report")
    func counts(_ name: String) throws(PlanError) -> [Count] {
      (try fields.value(name).objectValue?.members ?? []).map {
        Count(name: $0.key, count: Int($0.value.integerValue ?? 0))
      }
    }
    scenario = try fields.string("scenario")
    let number = try fields.value("seed")
    seed = number.stringValue.flatMap { UInt64($0) } ?? UInt64(max(0, number.integerValue ?? 0))
    violations = try fields.array("violations").map { item throws(PlanError) in
      let violation = try Fields(item, of: "a violation")
      return Violation(
        try violation.string("promise"), at: try violation.integer("time", in: 0...Int.max),
        try violation.string("what"))
    }
    events = try fields.integer("events", in: 0...Int.max)
    deliveries = try fields.integer("deliveries", in: 0...Int.max)
    virtualMilliseconds = try fields.integer("virtualMilliseconds", in: 0...Int.max)
    faults = try counts("faults")
    coverage = try counts("coverage")
    converged = try fields.value("converged").boolValue ?? false
    traceHash = try fields.string("traceHash")
    orderHash = try fields.string("orderHash")
    stateDigest = try fields.string("stateDigest")
  }

  /// The process in which a plan ran has died, which no input may bring about.
  package static func died(_ plan: Plan, _ how: String) -> RunReport {
    RunReport(
      scenario: plan.scenario, seed: plan.seed, violations: [Violation("P14", at: 0, how)],
      events: 0, virtualMilliseconds: 0, converged: false, traceHash: "")
  }

  /// The same plan has made another run than this one.
  ///
  /// - Parameter place: where the other one was made, such as "in another process".
  package mutating func markUnrepeatable(_ other: RunReport, _ place: String) {
    violations.append(
      Violation(
        "P6", at: 0,
        "the same plan runs differently \(place): \(other.events) events with hash "
          + "\(other.traceHash.prefix(16)) instead of \(events) with \(traceHash.prefix(16))"))
  }
}
