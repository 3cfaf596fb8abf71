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

  /// - Parameter sink: gets every event as it happens, for a file or a person.
  init(sink: ((JSONValue) -> Void)? = nil) {
    self.sink = sink
  }

  /// Adds an event: its time, its node, what it was, and more fields, which have other names.
  mutating func record(at time: Int, node: Int?, _ what: String, _ more: JSONObject = [:]) {
    var members: [JSONObject.Member] = []
    members.reserveCapacity(3 + more.members.count)
    members.append(JSONObject.Member(key: "at", value: .count(time)))
    if let node { members.append(JSONObject.Member(key: "node", value: .count(node))) }
    members.append(JSONObject.Member(key: "what", value: .string(what)))
    members += more.members
    let json = JSONValue.object(JSONObject(uniqueMembers: members))
    line.removeAll(keepingCapacity: true)
    json.write(to: &line)
    line.append(UInt8(ascii: "\n"))
    hash.update(line)
    if what == "commit" || what == "state" { order.update(line) }
    eventCount += 1
    sink?(json)
  }

  /// The hash of everything that was recorded. Call it once, at the end.
  func finish() -> Digest { hash.finish() }

  /// The hash of what was committed and shown. Call it once, at the end.
  func finishOrder() -> Digest { order.finish() }
}
