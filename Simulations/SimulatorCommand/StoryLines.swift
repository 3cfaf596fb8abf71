import JSONCoding

/// Turns the events of a run into lines that a person reads: virtual time, node, what happened.
///
/// Deliveries, timers and the like are too many; they are counted instead.
struct StoryLines {
  private let hasColour: Bool
  private var kinds: [Int64: String] = [:]
  private var counts: [String: Int] = [:]

  private enum Tone: String {
    case plain = ""
    case quiet = "2"
    case fault = "33"
    case good = "32"
    case broken = "1;31"
  }

  private static let counted: Set = [
    "wake", "deliver", "lost", "state", "connect", "closed", "boot",
  ]
  private static let timeWidth = 11
  private static let nodeWidth = 12

  init(hasColour: Bool) {
    self.hasColour = hasColour
  }

  /// The line of an event; nil for those that are only counted.
  mutating func line(for event: JSONValue) -> String? {
    guard let object = event.objectValue, let what = object["what"]?.stringValue else { return nil }
    if what == "begin" { noteKinds(object) }
    if StoryLines.counted.contains(what) || isMurmur(object, what) {
      counts[what == "lost" ? object["fate"]?.stringValue ?? what : what, default: 0] += 1
      return nil
    }
    let (words, tone) = StoryLines.words(object, what)
    let time = StoryLines.time(object["at"]?.integerValue ?? 0)
    let node = object["node"]?.integerValue.map(name) ?? "world"
    return StoryLines.aligned(right: time, StoryLines.timeWidth, paint: { painted($0, .quiet) })
      + "  " + StoryLines.padded(node, StoryLines.nodeWidth)
      + painted(StoryLines.printable(words), tone)
  }

  /// What was counted instead of told.
  var counting: String? {
    let names = [
      "deliver": "deliveries", "wake": "timers", "state": "new states", "boot": "starts",
      "connect": "connections made", "closed": "connections closed", "says": "quiet log lines",
    ]
    guard !counts.isEmpty else { return nil }
    let parts = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\(StoryLines.printable(names[$0.key] ?? $0.key)) \($0.value)" }
    return "  not told: \(parts.joined(separator: ", "))"
  }

  private func isMurmur(_ event: JSONObject, _ what: String) -> Bool {
    what == "says" && ["trace", "debug"].contains(event["level"]?.stringValue)
  }

  private mutating func noteKinds(_ event: JSONObject) {
    for node in event["nodes"]?.arrayValue ?? [] {
      guard let object = node.objectValue, let number = object["node"]?.integerValue else {
        continue
      }
      kinds[number] = object["kind"]?.stringValue
    }
  }

  private func name(_ node: Int64) -> String {
    let kind = kinds[node] ?? "replica"
    return StoryLines.printable(kind == "replica" ? "node \(node)" : "\(kind) \(node)")
  }

  // MARK: Words

  private static func words(_ event: JSONObject, _ what: String) -> (String, Tone) {
    func text(_ key: String) -> String? { event[key].map { $0.stringValue ?? $0.text() } }
    let lasting = event["for"]?.integerValue.map { " for \(duration($0))" } ?? ""
    switch what {
    case "begin":
      return ("begins: \(text("scenario") ?? "a run"), seed \(text("seed") ?? "unknown")", .quiet)
    case "commit":
      let work = text("work").map { ", \($0)" } ?? ""
      return ("commits \(text("change").map(short) ?? "a change")\(work)", .plain)
    case "partition": return ("partition \(groups(event["groups"]))\(lasting)", .fault)
    case "blocked":
      let (from, to) = (group(event["from"]), group(event["to"]))
      return ("one way blocked: nothing gets from \(from) to \(to)\(lasting)", .fault)
    case "heal": return ("the network heals", .good)
    case "weather":
      return ("\(text("kind") ?? "weather") \(text("amount") ?? "")\(lasting)", .fault)
    case "crash":
      let isPower = event["loss"]?.stringValue == "power"
      return ((isPower ? "loses power" : "crashes") + lasting, .fault)
    case "died": return ("dies: \(text("why") ?? "")", .fault)
    case "restart": return ("restarts", .good)
    case "upgrade": return ("becomes the newest release", .good)
    case "compact":
      let kept = event["kept"]?.integerValue ?? 0
      return (
        "folds the history of \(text("folded") ?? "no") documents"
          + (kept > 0 ? ", \(kept) keep theirs" : ""), .plain
      )
    case "pause": return ("is paused\(lasting)", .fault)
    case "resume": return ("goes on", .good)
    case "cut": return ("loses all its connections", .fault)
    case "halfOpen": return ("its connections are dead and nobody is told", .fault)
    case "replay": return ("is sent old bytes again", .fault)
    case "splice": return ("is sent bytes of another connection", .fault)
    case "clock", "clockJump":
      let jump = event["by"]?.integerValue.map { "its clock jumps by \(duration($0))" }
      return (jump ?? "its clock stands still\(lasting)", .fault)
    case "disk": return ("disk: \(text("fault") ?? "fault")\(lasting)", .fault)
    case "backup": return ("its store is backed up", .plain)
    case "restoreBackup": return ("an old backup is put back", .fault)
    case "copyStore":
      let way = text("from").map { "from node \($0)" } ?? text("to").map { "to node \($0)" }
      return ("its store is copied \(way ?? "")", .fault)
    case "relayWipe": return ("has lost everything it stored", .fault)
    case "relayRollback": return ("is as it was at its last backup", .fault)
    case "lies":
      return ("lies: \(text("kind") ?? "") \(text("amount") ?? "")\(lasting)", .fault)
    case "forges":
      let victim = text("to") ?? "nobody"
      return ("cheats: \(text("kind") ?? ""), and calls node \(victim)\(lasting)", .fault)
    case "forged": return ("has said what it forged", .fault)
    case "says": return ("says: \(text("sentence") ?? "")", .quiet)
    case "BROKEN":
      return ("BROKEN \(text("promise") ?? "a promise"): \(text("how") ?? "")", .broken)
    case "core": return ("faults end for the core \(group(event["nodes"]))", .good)
    case "healed": return ("all faults end", .good)
    case "converged": return ("all show the same state \(text("digest") ?? "")", .good)
    case "end": return ("ends", .quiet)
    default:
      let rest = event.members.filter { !["at", "node", "what"].contains($0.key) }
        .map { "\($0.key) \($0.value.stringValue ?? $0.value.text())" }
      return ([what + (rest.isEmpty ? "" : ":")].joined() + rest.map { " " + $0 }.joined(), .plain)
    }
  }

  /// An origin is told by its beginning.
  private static func short(_ change: String) -> String {
    guard let colon = change.firstIndex(of: ":") else { return change }
    return String(change[..<colon].prefix(8) + change[colon...])
  }

  private static func groups(_ value: JSONValue?) -> String {
    guard let groups = value?.arrayValue else { return value?.stringValue ?? "" }
    return groups.map { group($0) }.joined(separator: " | ")
  }

  private static func group(_ value: JSONValue?) -> String {
    guard let nodes = value?.arrayValue else { return value.map { $0.text() } ?? "nobody" }
    return nodes.map { $0.text() }.joined(separator: " ")
  }

  // MARK: Columns

  /// Virtual time as minutes, seconds and milliseconds.
  static func time(_ milliseconds: Int64) -> String {
    let time = max(0, milliseconds)
    return "\(time / 60_000):\(digits(time / 1000 % 60, 2)).\(digits(time % 1000, 3))"
  }

  private static func duration(_ milliseconds: Int64) -> String {
    let size = milliseconds.magnitude
    let sign = milliseconds < 0 ? "-" : ""
    let units: [(UInt64, String)] = [
      (86_400_000, "days"), (3_600_000, "h"), (60_000, "min"), (1000, "s"),
    ]
    for (unit, name) in units where size >= 2 * unit || unit == 1000 && size >= unit {
      let tenths = size % unit * 10 / unit
      return "\(sign)\(size / unit)\(tenths == 0 ? "" : ".\(tenths)") \(name)"
    }
    return "\(sign)\(size) ms"
  }

  private static func digits(_ number: Int64, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private static func aligned(
    right text: String, _ width: Int, paint: (String) -> String
  ) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + paint(text)
  }

  private func painted(_ text: String, _ tone: Tone) -> String {
    hasColour && tone != .plain ? "\u{1b}[\(tone.rawValue)m\(text)\u{1b}[0m" : text
  }

  /// Text from a trace cannot command the terminal.
  private static func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control
      result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
    }
    return result
  }
}
