package import JSONCoding

/// What came of a run.
package struct RunReport: Equatable, Sendable {
  package var scenario: String
  package var seed: UInt64
  package var violations: [Violation]
  /// Events of the virtual world: deliveries, timers, acts, faults.
  package var events: Int
  package var virtualMilliseconds: Int
  /// How often each kind of fault took place, sorted by name.
  package var faults: [(name: String, count: Int)]
  package var converged: Bool
  /// The hash over the story of the run; equal plans have equal ones, in every process.
  package var traceHash: String
  /// The hash of the canonical state that all nodes ended with; empty when they did not converge.
  package var stateDigest: String

  package var isOK: Bool { violations.isEmpty }

  package static func == (left: RunReport, right: RunReport) -> Bool {
    left.json == right.json
  }

  package var json: JSONValue {
    let faultCounts = JSONObject(
      uniqueMembers: faults.map { JSONObject.Member(key: $0.name, value: .count($0.count)) })
    return [
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
      "virtualSeconds": .double(Double(virtualMilliseconds) / 1000),
      "faults": .object(faultCounts),
      "converged": .bool(converged),
      "traceHash": .string(traceHash),
      "stateDigest": .string(stateDigest),
    ]
  }
}
