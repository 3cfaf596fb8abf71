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

  /// Adds an event: its time, its node, what it was, and more fields.
  mutating func record(at time: Int, node: Int?, _ what: String, _ more: JSONObject = [:]) {
    var event: JSONObject = ["at": .count(time)]
    if let node { event["node"] = .count(node) }
    event["what"] = .string(what)
    for member in more.members { event[member.key] = member.value }
    let json = JSONValue.object(event)
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
