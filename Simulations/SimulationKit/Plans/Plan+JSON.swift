package import JSONCoding

/// Why a file is not a plan or a scenario: a sentence.
package struct PlanError: Error, Equatable, CustomStringConvertible {
  package var description: String

  package init(_ description: String) {
    self.description = description
  }
}

extension Plan {
  package var json: JSONValue {
    [
      "format": .integer(Int64(Plan.formatVersion)),
      "scenario": .string(scenario),
      // As text, since readers in other languages round large numbers.
      "seed": .string(String(seed)),
      "nodes": .count(nodeCount),
      "topology": .string(shape.rawValue),
      "durationMilliseconds": .count(durationMilliseconds),
      "network": [
        "delayMillisecondsMin": .count(network.delayMillisecondsMin),
        "delayMillisecondsMax": .count(network.delayMillisecondsMax),
        "splitPermille": .count(network.splitPermille),
      ],
      "work": .array(work.map(\.json)),
      "faults": .array(faults.map(\.json)),
    ]
  }

  package init(json: JSONValue) throws(PlanError) {
    let fields = try Fields(json, of: "a plan")
    let format = try fields.integer("format", in: 0...Int.max)
    guard format == Plan.formatVersion else {
      throw PlanError(
        "the plan has format \(format), and this simulator reads format \(Plan.formatVersion)")
    }
    scenario = try fields.string("scenario")
    guard let seed = UInt64(try fields.string("seed")) else {
      throw PlanError("'seed' must be a whole number written as a text")
    }
    self.seed = seed
    nodeCount = try fields.integer("nodes", in: 2...Plan.nodeCountMax)
    guard let shape = Shape(rawValue: try fields.string("topology")) else {
      throw PlanError("'topology' must be mesh, ring or star")
    }
    self.shape = shape
    durationMilliseconds = try fields.integer(
      "durationMilliseconds", in: 1...Plan.durationMillisecondsMax)
    let network = try Fields(fields.value("network"), of: "'network'")
    self.network = Network(
      delayMillisecondsMin: try network.integer("delayMillisecondsMin", in: 0...60_000),
      delayMillisecondsMax: try network.integer("delayMillisecondsMax", in: 0...60_000),
      splitPermille: try network.integer("splitPermille", in: 0...1000))
    guard self.network.delayMillisecondsMin <= self.network.delayMillisecondsMax else {
      throw PlanError("'delayMillisecondsMin' is above 'delayMillisecondsMax'")
    }
    let nodes = 0...(nodeCount - 1)
    let times = 0...durationMilliseconds
    work = try fields.array("work").map { item throws(PlanError) in
      try Work(json: item, nodes: nodes, times: times)
    }
    faults = try fields.array("faults").map { item throws(PlanError) in
      try Fault(json: item, nodes: nodes, times: times)
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
    let name = try fields.string("do")
    guard let kind = Kind(rawValue: name) else {
      let known = Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw PlanError("there is no work called '\(name)'; there is \(known)")
    }
    self.kind = kind
    guard let salt = UInt64(try fields.string("salt")) else {
      throw PlanError("'salt' must be a whole number written as a text")
    }
    self.salt = salt
  }
}

extension Plan.Fault {
  fileprivate var json: JSONValue {
    var object: JSONObject = ["at": .count(at), "kind": .string(kind.name)]
    switch kind {
    case .partition(let groups):
      object["groups"] = .array(groups.map { .array($0.map { .count($0) }) })
    case .heal: break
    case .crash(let node, let downMilliseconds):
      object["node"] = .count(node)
      object["downMilliseconds"] = .count(downMilliseconds)
    case .cut(let node): object["node"] = .count(node)
    case .clockJump(let node, let milliseconds):
      object["node"] = .count(node)
      object["byMilliseconds"] = .count(milliseconds)
    }
    return .object(object)
  }

  fileprivate init(
    json: JSONValue, nodes: ClosedRange<Int>, times: ClosedRange<Int>
  ) throws(PlanError) {
    let fields = try Fields(json, of: "an item of 'faults'")
    at = try fields.integer("at", in: times)
    let name = try fields.string("kind")
    switch name {
    case "partition":
      kind = .partition(
        groups: try fields.array("groups").map { group throws(PlanError) in
          guard let members = group.arrayValue else {
            throw PlanError("a group of a partition must be an array of nodes")
          }
          return try members.map { member throws(PlanError) in
            guard let number = member.integerValue.flatMap({ Int(exactly: $0) }),
              nodes.contains(number)
            else { throw PlanError("a group of a partition names a node that does not exist") }
            return number
          }
        })
    case "heal": kind = .heal
    case "crash":
      kind = .crash(
        node: try fields.integer("node", in: nodes),
        downMilliseconds: try fields.integer("downMilliseconds", in: times))
    case "cut": kind = .cut(node: try fields.integer("node", in: nodes))
    case "clockJump":
      let decades = 100 * 365 * 24 * 60 * 60 * 1000
      kind = .clockJump(
        node: try fields.integer("node", in: nodes),
        byMilliseconds: try fields.integer("byMilliseconds", in: -decades...decades))
    default: throw PlanError("there is no fault called '\(name)'")
    }
  }
}

/// The members of a JSON object, asked for by name, with a sentence when one is missing or wrong.
struct Fields {
  private let object: JSONObject
  private let owner: String

  init(_ json: JSONValue, of owner: String) throws(PlanError) {
    guard let object = json.objectValue else {
      throw PlanError("\(owner) must be a JSON object")
    }
    self.object = object
    self.owner = owner
  }

  func value(_ name: String) throws(PlanError) -> JSONValue {
    guard let value = object[name] else { throw PlanError("\(owner) needs '\(name)'") }
    return value
  }

  func has(_ name: String) -> Bool {
    object[name] != nil
  }

  func string(_ name: String) throws(PlanError) -> String {
    guard let text = try value(name).stringValue else {
      throw PlanError("'\(name)' of \(owner) must be a text")
    }
    return text
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(PlanError) -> Int {
    guard let number = try value(name).integerValue.flatMap({ Int(exactly: $0) }),
      range.contains(number)
    else {
      throw PlanError(
        "'\(name)' of \(owner) must be a whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return number
  }

  func array(_ name: String) throws(PlanError) -> [JSONValue] {
    guard let elements = try value(name).arrayValue, elements.count <= Plan.itemCountMax else {
      throw PlanError(
        "'\(name)' of \(owner) must be an array of at most \(Plan.itemCountMax) items")
    }
    return elements
  }
}
