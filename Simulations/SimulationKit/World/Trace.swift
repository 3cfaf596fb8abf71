import JSONCoding
import Sealing

/// The story of a run, event by event, and the hash that two runs of one plan must share.
struct Trace {
  private var hash = HashState(domain: Trace.domain)
  /// Of what was committed and shown, and when: nothing that wall time may have a part in.
  private var order = HashState(domain: Trace.domain)
  private var line: [UInt8] = []
  private let sink: ((JSONValue) -> Void)?
  private(set) var eventCount = 0

  private static let domain = Domain("skerry trace")

  /// What an event says besides, in order; written as a dictionary.
  struct Fields: ExpressibleByDictionaryLiteral {
    private(set) var members: [(key: String, value: JSONValue)]

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
  /// somebody who reads it.
  mutating func record(
    at time: Int, node: Int?, _ what: String, _ more: Fields = [:]
  ) {
    line.removeAll(keepingCapacity: true)
    append("{\"at\":")
    append(time)
    if let node {
      append(",\"node\":")
      append(node)
    }
    append(",\"what\":")
    JSONValue.string(what).write(to: &line)
    for (key, value) in more.members {
      // Keys are words of this program that need no escaping.
      append(",\"")
      append(key)
      append("\":")
      append(value)
    }
    append("}\n")
    hash.update(line)
    if what == "commit" || what == "state" { order.update(line) }
    eventCount += 1
    sink?(Self.json(at: time, node: node, what, more))
  }

  private static func json(
    at time: Int, node: Int?, _ what: String, _ more: Fields
  ) -> JSONValue {
    var members = [JSONObject.Member(key: "at", value: .count(time))]
    if let node { members.append(JSONObject.Member(key: "node", value: .count(node))) }
    members.append(JSONObject.Member(key: "what", value: .string(what)))
    members += more.members.map { JSONObject.Member(key: $0.key, value: $0.value) }
    return .object(JSONObject(uniqueMembers: members))
  }

  private mutating func append(_ text: StaticString) {
    line.append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func append(_ text: String) { line.append(contentsOf: text.utf8) }

  private mutating func append(_ value: JSONValue) {
    if case .integer(let number) = value, number.magnitude <= 1 << 53 {
      append(Int(number))
    } else {
      value.write(to: &line)
    }
  }

  /// Its decimal digits.
  private mutating func append(_ number: Int) {
    if number < 0 { line.append(UInt8(ascii: "-")) }
    let start = line.count
    var rest = number.magnitude
    repeat {
      line.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    line[start...].reverse()
  }

  /// The hash of everything that was recorded. Call it once, at the end.
  func finish() -> Digest { hash.finish() }

  /// The hash of what was committed and shown. Call it once, at the end.
  func finishOrder() -> Digest { order.finish() }
}
