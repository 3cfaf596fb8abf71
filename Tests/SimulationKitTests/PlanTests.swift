import JSONCoding
import SimulationKit
import Testing

@Suite("Plans")
struct PlanTests {
  @Test("a plan written as JSON and read again is the same plan", arguments: Scenario.shipped)
  func roundTrip(scenario: Scenario) throws {
    for seed in UInt64(1)...20 {
      let plan = scenario.plan(seed: seed)
      let text = plan.json.text()
      #expect(try Plan(json: JSONValue(parsing: text)) == plan)
    }
  }

  @Test("equal seeds make equal plans, and other seeds others")
  func seedsMakePlans() {
    let scenario = Scenario.shipped[0]
    #expect(scenario.plan(seed: 3) == scenario.plan(seed: 3))
    #expect(scenario.plan(seed: 3) != scenario.plan(seed: 4))
  }

  @Test("work and faults come from separate streams: one stays when the other goes")
  func streamsAreSeparate() {
    var without = Scenario.shipped[0]
    without.crashes = 0
    without.partitions = 0
    #expect(without.plan(seed: 9).work == Scenario.shipped[0].plan(seed: 9).work)
  }

  @Test(
    "a malformed plan is refused with a sentence that names the field",
    arguments: [
      ("format", "99", "format 99"), ("nodes", "1", "'nodes'"), ("nodes", "65", "'nodes'"),
      ("nodes", "\"five\"", "'nodes'"), ("seed", "7", "'seed'"), ("seed", "\"-1\"", "'seed'"),
      ("topology", "\"line\"", "'topology'"), ("durationMilliseconds", "0", "'durationMill"),
      ("work", "{}", "'work'"), ("work", "[{\"at\":1}]", "'node'"),
      ("work", "[{\"at\":1,\"node\":7,\"do\":\"create\",\"salt\":\"1\"}]", "'node'"),
      ("work", "[{\"at\":1,\"node\":0,\"do\":\"dance\",\"salt\":\"1\"}]", "dance"),
      ("faults", "[{\"at\":1,\"kind\":\"meteor\"}]", "meteor"),
      ("faults", "[{\"at\":1,\"kind\":\"partition\",\"groups\":[[9]]}]", "group"),
      ("network", "[]", "'network'"),
    ])
  func malformed(field: String, value: String, expected: String) throws {
    var object = try #require(Scenario.shipped[0].plan(seed: 1).json.objectValue)
    object[field] = try JSONValue(parsing: value)
    let error = #expect(throws: PlanError.self) { try Plan(json: .object(object)) }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
  }

  @Test("a scenario that a person wrote is read")
  func scenarioFromJSON() throws {
    let json = try JSONValue(
      parsing: """
        {"name": "pair", "about": "Two islands.", "nodes": 2, "topology": "mesh",
         "durationMilliseconds": 5000, "work": 12, "cuts": 3}
        """)
    let scenario = try Scenario(json: json)
    let plan = scenario.plan(seed: 1)
    #expect(plan.nodeCount == 2)
    #expect(plan.work.count == 12)
    #expect(plan.faults.count == 3)
  }
}
