import JSONCoding
import Testing

@testable import SimulationKit

@Suite("The timeline page")
struct TimelineTests {
  /// One event of every kind that a trace knows, and one that none knows.
  private static let everyKind: [JSONValue] = [
    [
      "at": 0, "what": "begin", "scenario": "every-kind", "seed": 7, "topology": "ring",
      "duration": 9000,
      "nodes": [
        ["node": 0, "kind": "replica"], ["node": 1, "kind": "replica"],
        ["node": 2, "kind": "relay"], ["node": 3, "kind": "adversary"],
      ],
    ],
    ["at": 1, "node": 0, "what": "boot"],
    ["at": 2, "node": 0, "what": "commit", "change": "0@1", "work": "create"],
    ["at": 9, "node": 1, "what": "deliver", "from": 0, "sent": 3, "bytes": 210],
    ["at": 9, "node": 1, "what": "connect", "to": 0],
    ["at": 9, "node": 1, "what": "closed", "from": 0],
    ["at": 10, "node": 1, "what": "wake"],
    ["at": 11, "node": 1, "what": "state", "digest": "0badcafe", "changes": 1],
    ["at": 12, "what": "partition", "groups": [[0], [1, 2, 3]], "for": 100],
    ["at": 13, "what": "blocked", "from": [0], "to": [1], "for": 10],
    ["at": 14, "what": "heal"],
    ["at": 15, "node": 1, "what": "crash", "loss": "power", "for": 50],
    ["at": 16, "node": 1, "what": "restart"],
    ["at": 17, "node": 1, "what": "pause", "for": 5],
    ["at": 18, "node": 1, "what": "resume"],
    ["at": 19, "node": 1, "what": "clock", "by": -1000],
    ["at": 20, "node": 1, "what": "disk", "fault": "sync fails"],
    ["at": 21, "node": 1, "what": "backup"],
    ["at": 22, "node": 1, "what": "restoreBackup"],
    ["at": 23, "node": 1, "what": "copyStore", "from": 0],
    ["at": 24, "node": 1, "what": "says", "level": "notice", "sentence": "a clone was found"],
    ["at": 25, "what": "core", "nodes": [0, 1]],
    ["at": 26, "what": "healed"],
    ["at": 27, "node": 1, "what": "glitter", "amount": 3],
    ["at": 28, "what": "BROKEN", "promise": "P2", "how": "an effect without its cause"],
    ["at": 29, "what": "converged", "digest": "0badcafe"],
    ["at": 30, "what": "end"],
  ]

  private static let fates = [
    "lost", "cut", "corrupted", "truncated", "duplicated", "reordered",
  ]

  private func timeline(_ events: [JSONValue]) -> Timeline {
    var timeline = Timeline()
    for event in events { timeline.add(event) }
    return timeline
  }

  private func lost(_ fate: String, at: Int = 40) -> JSONValue {
    [
      "at": .count(at), "node": 1, "what": "lost", "from": 0, "sent": .count(at - 5),
      "fate": .string(fate), "bytes": 64,
    ]
  }

  /// The JSON that the page carries, as a browser would read it.
  private func embedded(_ timeline: Timeline) throws -> JSONObject {
    let page = String(decoding: timeline.html(), as: UTF8.self)
    let parts = page.components(between: "id=\"trace\">", and: "</script>")
    let text = try #require(parts.first)
    let data = try JSONValue(parsing: text)
    return try #require(data.objectValue)
  }

  private func numbers(_ object: JSONObject, _ key: String) -> [Int64] {
    object["messages"]?.objectValue?[key]?.arrayValue?.compactMap(\.integerValue) ?? []
  }

  @Test("every kind of event is in the page")
  func everyKindIsEmbedded() throws {
    let data = try embedded(timeline(Self.everyKind + Self.fates.map { lost($0) }))
    let events = try #require(data["events"]?.arrayValue)
    let columnar = ["begin", "deliver", "wake"]
    let others = Self.everyKind.filter { event in
      !columnar.contains(event.objectValue?["what"]?.stringValue ?? "")
    }
    #expect(events == others)
    #expect(data["begin"] == Self.everyKind[0])
    #expect(data["wakes"] == 1)
    let names = data["messages"]?.objectValue?["fates"]
    #expect(names == .array((["delivered"] + Self.fates).map { .string($0) }))
    #expect(numbers(data, "fate") == [0, 1, 2, 3, 4, 5, 6])
    #expect(numbers(data, "at") == [9, 31, 0, 0, 0, 0, 0])
    #expect(numbers(data, "transit") == [6, 5, 5, 5, 5, 5, 5])
    #expect(numbers(data, "bytes") == [210, 64, 64, 64, 64, 64, 64])
  }

  @Test("text of a trace can neither end its element nor become markup")
  func textIsEscaped() throws {
    let nasty = "</script><script>alert('1')</script><!-- & \"quoted\" \u{2028} {{script}}"
    var timeline = timeline([
      ["at": 0, "what": "begin", "scenario": .string(nasty), "seed": 1],
      ["at": 1, "node": 0, "what": "says", "level": "info", "sentence": .string(nasty)],
      ["at": 2, "what": "BROKEN", "promise": .string(nasty), "how": .string(nasty)],
      ["at": 3, "node": 0, "what": .string(nasty), "key": .string(nasty)],
    ])
    timeline.command = nasty
    let page = String(decoding: timeline.html(), as: UTF8.self)
    #expect(!page.contains("<script>alert"))
    #expect(page.components(between: "<script", and: ">").count == 2)
    #expect(page.contains("&lt;/script&gt;&lt;script&gt;alert(&#39;1&#39;)"))
    let data = try embedded(timeline)
    #expect(data["scenario"] == .string(nasty))
    #expect(data["events"]?.arrayValue?.last?.objectValue?["key"] == .string(nasty))
  }

  @Test("the same trace makes the same page")
  func pageIsDeterministic() {
    let events = Self.everyKind + Self.fates.map { lost($0) }
    #expect(timeline(events).html() == timeline(events).html())
  }

  @Test("a run without events has a page")
  func emptyRun() throws {
    let data = try embedded(Timeline())
    #expect(data["events"] == [])
    #expect(numbers(data, "at").isEmpty)
    #expect(data["verdict"] == "not converged")
  }

  @Test("the page asks nobody for anything")
  func pageIsSelfContained() {
    let page = String(decoding: timeline(Self.everyKind).html(), as: UTF8.self)
    for word in ["http:", "https:", "src=", "href=", "@import", "url(", "fetch(", "{{"] {
      #expect(!page.contains(word), "the page has \(word)")
    }
  }

  @Test("what is no event, and numbers that are none, do no harm")
  func uglyEvents() throws {
    let data = try embedded(
      timeline([
        "a text", [], nil, ["at": 3], ["what": 4], ["what": "deliver"],
        ["at": -9, "what": "deliver", "node": "x", "from": nil, "sent": 7],
        ["at": .integer(.max), "what": "deliver", "node": .integer(.min), "sent": .integer(.min)],
        ["at": .integer(.min), "what": "lost", "bytes": .integer(.max)],
        ["at": .double(.greatestFiniteMagnitude), "what": "crash"],
      ]))
    #expect(data["total"] == 5)
    #expect(numbers(data, "at") == [0, 0, 1 << 53, -(1 << 53)])
    #expect(numbers(data, "bytes") == [0, 0, 0, 1 << 53])
  }

  @Test("the verdict and the missing violation come from the report", arguments: [true, false])
  func reportIsAdded(isTold: Bool) throws {
    let told: JSONValue = ["at": 5, "what": "BROKEN", "promise": "P1", "how": "lost"]
    var timeline = timeline(isTold ? [told] : [])
    timeline.conclude([
      "scenario": "none", "seed": 3, "converged": false, "traceHash": "abcd",
      "violations": [["promise": "P1", "time": 5, "what": "lost"]],
    ])
    let data = try embedded(timeline)
    #expect(data["events"] == [told])
    #expect(data["isBroken"] == true)
    #expect(data["command"] == "skerry-sim run none --seed 3")
    #expect(data["report"]?.objectValue?["traceHash"] == "abcd")
  }

  // MARK: Limits

  @Test("messages beyond the limit are thinned evenly", arguments: [15, 16, 17, 32, 33, 1000])
  func messagesAreThinned(count: Int) throws {
    var columns = MessageColumns(countMax: 16)
    for at in 0..<count {
      columns.add(["at": .count(at), "node": 1, "from": 0], fate: "delivered")
      #expect(columns.count <= 16)
    }
    let json = try #require(columns.json.objectValue)
    let stride = try #require(json["stride"]?.integerValue)
    #expect(json["counts"] == [.count(count)])
    #expect(columns.count >= min(count, 8))
    let gaps = json["at"]?.arrayValue?.dropFirst().compactMap(\.integerValue) ?? []
    #expect(gaps.allSatisfy { $0 == stride })
    #expect(stride == 1 || count > 16)
  }

  @Test("a message that met a fate stays while plain ones go")
  func fatesStay() throws {
    var columns = MessageColumns(countMax: 16)
    for at in 0..<400 {
      let fate = at % 50 == 0 ? "lost" : "delivered"
      columns.add(["at": .count(at), "node": 1, "from": 0], fate: fate)
    }
    let json = try #require(columns.json.objectValue)
    #expect(json["fate"]?.arrayValue?.filter { $0 == 1 }.count == 8)
    for at in 0..<400 { columns.add(["at": .count(at)], fate: "lost") }
    #expect(columns.count <= 16)
    #expect(columns.json.objectValue?["counts"] == [392, 408])
  }

  @Test("endless names of fates are one name")
  func fatesAreFew() {
    var columns = MessageColumns(countMax: 100)
    for index in 0..<60 { columns.add(["at": .count(index)], fate: "fate \(index)") }
    let names = columns.json.objectValue?["fates"]?.arrayValue ?? []
    #expect(names.count == 16)
    #expect(names.last == "other")
  }

  @Test("events beyond the limit are counted, the verdict stays")
  func eventsAreLimited() throws {
    var timeline = Timeline()
    let commit: JSONValue = ["at": 1, "node": 0, "what": "commit"]
    for _ in 0...Timeline.eventCountMax { timeline.add(commit) }
    timeline.add(["at": 2, "what": "BROKEN", "promise": "P1", "how": "late"])
    let data = try #require(timeline.data.objectValue)
    #expect(data["events"]?.arrayValue?.count == Timeline.eventCountMax + 1)
    #expect(data["leftOut"] == 1)
    #expect(data["isBroken"] == true)
  }
}

extension String {
  /// What stands between each pair of marks.
  fileprivate func components(between start: String, and end: String) -> [String] {
    var found: [String] = []
    var rest = self[...]
    while let open = rest.firstRange(of: start) {
      rest = rest[open.upperBound...]
      guard let close = rest.firstRange(of: end) else { break }
      found.append(String(rest[..<close.lowerBound]))
      rest = rest[close.upperBound...]
    }
    return found
  }
}
