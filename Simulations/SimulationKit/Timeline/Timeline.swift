package import JSONCoding

/// The picture of a run: takes the trace event by event and makes one self-contained HTML page.
///
/// The page needs no network and no other file. Its size and the work of adding are bounded: plain
/// deliveries beyond a limit are thinned evenly over the run, other events beyond theirs are
/// counted and left out. The page says so where it happened. The same trace makes the same page.
package struct Timeline {
  /// Messages that are drawn one by one; beyond it every second one goes, again and again.
  package static let messageCountMax = 200_000
  /// Other events that are kept; those that decide the verdict are kept beyond it.
  package static let eventCountMax = 50_000

  /// The command line that makes the same run again; nil says what scenario and seed say.
  package var command: String?

  private var begin: JSONObject = [:]
  private var messages = MessageColumns(countMax: Timeline.messageCountMax)
  private var events: [JSONValue] = []
  private var wakeCount = 0
  private var leftOutCount = 0
  private var total = 0
  private var report: JSONObject?
  private var violations: Set<Violation> = []
  private var isConverged = false

  private struct Violation: Hashable {
    var promise: String
    var at: Int64
  }

  package init() {}

  /// Adds an event in the order of the trace. What is no event is left out.
  ///
  /// - Complexity: amortised O(1) in the number of events.
  package mutating func add(_ event: JSONValue) {
    guard let object = event.objectValue, let what = object["what"]?.stringValue else { return }
    total += 1
    switch what {
    case "begin": begin = object
    case "wake": wakeCount += 1
    case "deliver": messages.add(object, fate: "delivered")
    case "lost": messages.add(object, fate: object["fate"]?.stringValue ?? "lost")
    case "BROKEN":
      let promise = object["promise"]?.stringValue ?? ""
      violations.insert(Violation(promise: promise, at: object["at"]?.integerValue ?? 0))
      events.append(event)
    case "converged":
      isConverged = true
      events.append(event)
    case "core", "healed", "end": events.append(event)
    default:
      if events.count < Timeline.eventCountMax {
        events.append(event)
      } else {
        leftOutCount += 1
      }
    }
  }

  /// Adds what came of the run. A broken promise that the trace did not tell is marked too.
  package mutating func conclude(_ report: RunReport) {
    conclude(report.json)
  }

  /// The same from the report as the command lines print it.
  mutating func conclude(_ report: JSONValue) {
    guard var members = report.objectValue else { return }
    for violation in members["violations"]?.arrayValue ?? [] {
      guard let violation = violation.objectValue else { continue }
      let time = violation["time"] ?? 0
      let promise = violation["promise"]?.stringValue ?? ""
      let key = Violation(promise: promise, at: time.integerValue ?? 0)
      guard violations.insert(key).inserted else { continue }
      events.append([
        "at": time, "what": "BROKEN", "promise": .string(promise),
        "how": violation["what"] ?? "",
      ])
    }
    members["violations"] = nil
    isConverged = isConverged || members["converged"]?.boolValue == true
    self.report = members
  }

  /// The page, in UTF-8.
  package func html() -> [UInt8] {
    TimelinePage(
      title: "\(scenario), seed \(seed): \(verdict)", command: commandLine, data: data
    ).bytes
  }

  private var scenario: String {
    begin["scenario"]?.stringValue ?? report?["scenario"]?.stringValue ?? "a run"
  }

  private var seed: String {
    guard let seed = begin["seed"] ?? report?["seed"] else { return "unknown" }
    return seed.stringValue ?? seed.text()
  }

  private var verdict: String {
    if !violations.isEmpty { return "a promise was broken" }
    return isConverged ? "converged" : "not converged"
  }

  private var commandLine: String {
    command ?? "skerry-sim run \(scenario) --seed \(seed)"
  }

  /// Everything that the page draws.
  var data: JSONValue {
    var members: JSONObject = [
      "scenario": .string(scenario), "seed": .string(seed), "verdict": .string(verdict),
      "isBroken": .bool(!violations.isEmpty), "isConverged": .bool(isConverged),
      "command": .string(commandLine), "begin": .object(begin),
    ]
    if let report { members["report"] = .object(report) }
    members["total"] = .count(total)
    members["wakes"] = .count(wakeCount)
    members["leftOut"] = .count(leftOutCount)
    members["messages"] = messages.json
    members["events"] = .array(events)
    return .object(members)
  }
}
