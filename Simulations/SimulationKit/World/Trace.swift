import JSONCoding
import Sealing

/// The story of a run, event by event, and the hash that two runs of one plan must share.
struct Trace: ~Copyable {
  private var hash = HashState(domain: Trace.domain)
  /// Of what was committed and shown, and when: nothing that wall time may have a part in.
  private var order = HashState(domain: Trace.domain)
  private var line = TraceLine()
  private let sink: ((JSONValue) -> Void)?
  private(set) var eventCount = 0

  private static let domain = Domain("skerry trace")

  /// What an event says besides, in order; written as a dictionary.
  struct Fields: ExpressibleByDictionaryLiteral {
    // Without labels: an array with others would be made element by element.
    private(set) var members: [(String, JSONValue)]

    init(dictionaryLiteral members: (String, JSONValue)...) {
      self.members = members
    }

    mutating func append(_ key: String, _ value: JSONValue) {
      members.append((key, value))
    }
  }

  /// - Parameter sink: gets every event as it happens, for a file or a person.
  init(sink: ((JSONValue) -> Void)? = nil) {
    self.sink = sink
  }

  /// Adds an event: its time, its node, what it was, and more fields, which have other names.
  ///
  /// What is hashed is the line of JSON that a file would hold. The value of it is made only for
  /// somebody who reads it. Names of events and fields are words of this program that need no
  /// escaping.
  mutating func record(
    at time: Int, node: Int?, _ what: String, _ more: Fields = [:]
  ) {
    line.begin()
    line.append("{\"at\":")
    line.append(time)
    if let node {
      line.append(",\"node\":")
      line.append(node)
    }
    line.append(",\"what\":\"")
    line.append(what)
    line.append("\"")
    for (key, value) in more.members {
      line.append(",\"")
      line.append(key)
      line.append("\":")
      line.append(value)
    }
    line.append("}\n")
    hash.update(line.bytes)
    if what == "commit" || what == "state" { order.update(line.bytes) }
    eventCount += 1
    sink?(Self.json(at: time, node: node, what, more))
  }

  private static func json(
    at time: Int, node: Int?, _ what: String, _ more: Fields
  ) -> JSONValue {
    var members = [JSONObject.Member(key: "at", value: .count(time))]
    if let node { members.append(JSONObject.Member(key: "node", value: .count(node))) }
    members.append(JSONObject.Member(key: "what", value: .string(what)))
    members += more.members.map { JSONObject.Member(key: $0, value: $1) }
    return .object(JSONObject(uniqueMembers: members))
  }

  /// The hash of everything that was recorded. Call it once, at the end.
  func finish() -> Digest { hash.finish() }

  /// The hash of what was committed and shown. Call it once, at the end.
  func finishOrder() -> Digest { order.finish() }
}
