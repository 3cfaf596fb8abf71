import JSONCoding
import SimulationKit
import Testing

@Suite("Plans")
struct PlanTests {
  @Test("a plan written as JSON and read again is the same plan", arguments: Scenario.shipped)
  func roundTrip(scenario: Scenario) throws {
    for seed in UInt64(1)...10 {
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

  @Test("every kind of chance has a stream of its own: the rest stays when one thing goes")
  func streamsAreSeparate() throws {
    let whole = try #require(Scenario.named("swarm"))
    var calmer = whole
    calmer.sometimes.removeAll { $0.kind == .crash || $0.kind == .partition }
    for seed in UInt64(1)...20 {
      let left = whole.plan(seed: seed)
      let right = calmer.plan(seed: seed)
      #expect(left.work == right.work)
      #expect(left.weather == right.weather)
      #expect(
        left.faults.filter { $0.kind != .crash && $0.kind != .partition } == right.faults)
    }
  }

  @Test("in a swarm each kind of fault is in some of the seeds and not in others")
  func swarmsSpread() throws {
    let swarm = try #require(Scenario.named("swarm"))
    let plans = (UInt64(1)...40).map { swarm.plan(seed: $0) }
    for share in swarm.sometimes {
      let count = plans.filter { plan in plan.faults.contains { $0.kind == share.kind } }.count
      #expect((5...35).contains(count), "\(share.kind) is in \(count) of 40 seeds")
    }
  }

  @Test(
    "a malformed plan is refused with a sentence that names the field",
    arguments: [
      ("format", "99", "format 99"), ("nodes", "[]", "'nodes'"), ("nodes", "5", "'nodes'"),
      ("nodes", "[\"castle\"]", "castle"), ("nodes", "[\"relay\"]", "founds"),
      ("seed", "7", "'seed'"), ("seed", "\"-1\"", "'seed'"),
      ("topology", "\"line\"", "'topology'"), ("durationMilliseconds", "0", "'durationMill"),
      ("core", "[99]", "core"), ("cipher", "\"rot13\"", "'cipher'"),
      ("work", "{}", "'work'"), ("work", "[{\"at\":1}]", "'node'"),
      ("work", "[{\"at\":1,\"node\":70,\"do\":\"create\",\"salt\":\"1\"}]", "'node'"),
      ("work", "[{\"at\":1,\"node\":0,\"do\":\"dance\",\"salt\":\"1\"}]", "dance"),
      ("faults", "[{\"at\":1,\"kind\":\"meteor\"}]", "meteor"),
      (
        "faults", "[{\"at\":1,\"kind\":\"partition\",\"forMilliseconds\":1,\"groups\":[[9]]}]",
        "group"
      ),
      ("weather", "[]", "'weather'"), ("weather", "{\"hail\":1}", "hail"),
      ("weather", "{\"loseMillionths\":1000001}", "loseMillionths"),
    ])
  func malformed(field: String, value: String, expected: String) throws {
    var object = try #require(Scenario.shipped[0].plan(seed: 1).json.objectValue)
    object[field] = try JSONValue(parsing: value)
    let error = #expect(throws: PlanError.self) { try Plan(json: .object(object)) }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
  }

  @Test("a scenario that a person wrote is read, and a misspelt word in it is not overlooked")
  func scenarioFromJSON() throws {
    let text = """
      {"name": "pair", "about": "Two islands.", "replicas": 2, "topology": "mesh",
       "durationMilliseconds": 5000, "work": 12, "always": {"cut": 3}}
      """
    let plan = try Scenario(json: try JSONValue(parsing: text)).plan(seed: 1)
    #expect(plan.nodeCount == 2)
    #expect(plan.work.count == 12)
    #expect(plan.faults.count == 3)
    let misspelt = text.replacing("cut", with: "cutt")
    let error = #expect(throws: PlanError.self) {
      try Scenario(json: try JSONValue(parsing: misspelt))
    }
    #expect(error?.description.contains("cutt") == true)
  }
}
