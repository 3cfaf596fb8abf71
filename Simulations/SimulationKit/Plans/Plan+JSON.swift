package import JSONCoding

extension Plan {
  package var json: JSONValue {
    var object: JSONObject = [
      "format": .integer(Int64(Plan.formatVersion)),
      "scenario": .string(scenario),
      // As text, since readers in other languages round large numbers.
      "seed": .string(String(seed)),
      "nodes": .array(residents.map { .string($0.rawValue) }),
      "topology": .string(shape.rawValue),
      "durationMilliseconds": .count(durationMilliseconds),
      "core": .array(core.map { .count($0) }),
      "cipher": .string(cipher.rawValue),
      "windowBytes": .count(windowBytes),
      "weather": weather.json,
      "work": .array(work.map(\.json)),
      "faults": .array(faults.map(\.json)),
    ]
    if hasSteadyTwin { object["steadyTwin"] = true }
    if !elders.isEmpty { object["elders"] = .array(elders.map { .count($0) }) }
    return .object(object)
  }

  package init(json: JSONValue) throws(PlanError) {
    let fields = try Fields(json, of: "a plan")
    let format = try fields.integer("format", in: 0...Int.max)
    guard format == Plan.formatVersion else {
      throw PlanError(
        "the plan has format \(format), and this simulator reads format \(Plan.formatVersion)")
    }
    scenario = try fields.string("scenario")
    seed = try fields.number("seed")
    let nodes = try fields.array("nodes")
    guard (1...Plan.nodeCountMax).contains(nodes.count) else {
      throw PlanError("'nodes' must name 1 to \(Plan.nodeCountMax) nodes")
    }
    residents = try nodes.map { node throws(PlanError) in try Fields.choice(node, "a node") }
    guard residents.first == .replica else {
      throw PlanError("the first of 'nodes' founds the workspace and must be a replica")
    }
    shape = try fields.choice("topology")
    durationMilliseconds = try fields.integer(
      "durationMilliseconds", in: 1...Plan.durationMillisecondsMax)
    let numbers = 0...(residents.count - 1)
    core = try Fields.numbers(try fields.value("core"), "core", in: numbers)
    cipher = try fields.choice("cipher")
    if fields.has("elders") {
      elders = try Fields.numbers(try fields.value("elders"), "elders", in: numbers)
    }
    if fields.has("windowBytes") {
      windowBytes = try fields.integer("windowBytes", in: 1...Plan.windowBytesDefault)
    }
    if fields.has("steadyTwin") { hasSteadyTwin = try fields.flag("steadyTwin") }
    weather = try Weather(json: try fields.value("weather"))
    let times = 0...durationMilliseconds
    work = try fields.array("work").map { item throws(PlanError) in
      try Work(json: item, nodes: numbers, times: times)
    }
    faults = try fields.array("faults").map { item throws(PlanError) in
      try Fault(json: item, nodes: numbers, times: times)
    }
  }
}

extension Weather {
  /// Only what differs from the default.
  var json: JSONValue {
    var object = JSONObject()
    let calm = Weather()
    for field in Weather.fields where self[keyPath: field.path] != calm[keyPath: field.path] {
      object[field.name] = .count(self[keyPath: field.path])
    }
    return .object(object)
  }

  init(json: JSONValue) throws(PlanError) {
    let fields = try Fields(json, of: "'weather'")
    try fields.refuseOthers(than: Weather.fields.map(\.name))
    self.init()
    for field in Weather.fields where fields.has(field.name) {
      self[keyPath: field.path] = try fields.integer(field.name, in: 0...field.max)
    }
    guard delayMillisecondsMin <= delayMillisecondsMax else {
      throw PlanError("'delayMillisecondsMin' is above 'delayMillisecondsMax'")
    }
  }
}

extension Plan.Work {
  fileprivate var json: JSONValue {
    [
      "at": .count(at), "node": .count(node), "do": .string(kind.rawValue),
      "salt": .string(String(salt)),
    ]
  }

  fileprivate init(
    json: JSONValue, nodes: ClosedRange<Int>, times: ClosedRange<Int>
  ) throws(PlanError) {
    let fields = try Fields(json, of: "an item of 'work'")
    at = try fields.integer("at", in: times)
    node = try fields.integer("node", in: nodes)
    kind = try fields.choice("do")
    salt = try fields.number("salt")
  }
}

extension Fault {
  fileprivate var json: JSONValue {
    var object: JSONObject = ["at": .count(at), "kind": .string(kind.rawValue)]
    let uses = kind.uses
    if uses.contains(.duration) { object["forMilliseconds"] = .count(forMilliseconds) }
    if uses.contains(.node) { object["node"] = .count(node) }
    if uses.contains(.other) { object["other"] = .count(other) }
    if uses.contains(.groups) {
      object["groups"] = .array(groups.map { .array($0.map { .count($0) }) })
    }
    if uses.contains(.amount) { object["amount"] = .count(amount) }
    return .object(object)
  }

  fileprivate init(
    json: JSONValue, nodes: ClosedRange<Int>, times: ClosedRange<Int>
  ) throws(PlanError) {
    let fields = try Fields(json, of: "an item of 'faults'")
    self.init(try fields.choice("kind"), at: try fields.integer("at", in: times))
    let uses = kind.uses
    if uses.contains(.duration) {
      forMilliseconds = try fields.integer(
        "forMilliseconds", in: 0...Plan.durationMillisecondsMax)
    }
    if uses.contains(.node) { node = try fields.integer("node", in: nodes) }
    if uses.contains(.other) { other = try fields.integer("other", in: nodes) }
    if uses.contains(.groups) {
      groups = try fields.array("groups").map { group throws(PlanError) in
        try Fields.numbers(group, "a group", in: nodes)
      }
    }
    if uses.contains(.amount) {
      let century = 100 * 365 * 24 * 60 * 60 * 1000
      amount = try fields.integer("amount", in: -century...century)
    }
  }
}
