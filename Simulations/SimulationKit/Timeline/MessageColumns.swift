import JSONCoding

/// The messages of a run as columns of small numbers, the form in which the page carries them.
///
/// At most `countMax` are kept. When they are full, every second plain delivery goes and from then
/// on only every second is taken; so those that stay are spread evenly over the run. A message with
/// another fate is rare and interesting and stays, until there is room for nothing else.
struct MessageColumns {
  private struct Message {
    var at: Int
    var node: Int
    var from: Int
    /// Milliseconds under way.
    var transit: Int
    var bytes: Int
    var fate: Int
  }

  private let countMax: Int
  private var messages: [Message] = []
  private var fates = ["delivered"]
  /// How many messages met each fate, drawn or not.
  private var counts = [0]
  /// One plain delivery in so many is kept.
  private var stride = 1
  private var plainCount = 0

  /// Fates that are told apart; what comes later is all called "other".
  private static let fateCountMax = 16
  /// JavaScript counts exactly up to here.
  private static let numberMax: Int64 = 1 << 53

  init(countMax: Int) {
    self.countMax = max(2, countMax)
  }

  var count: Int { messages.count }

  mutating func add(_ event: JSONObject, fate name: String) {
    let fate = number(ofFate: name)
    counts[fate] += 1
    if fate == 0, (counts[0] - 1) % stride != 0 { return }
    if messages.count >= countMax {
      thin()
      guard messages.count < countMax, fate != 0 || (counts[0] - 1) % stride == 0 else { return }
    }
    let at = MessageColumns.number(event["at"]) ?? 0
    let sent = MessageColumns.number(event["sent"]) ?? at
    if fate == 0 { plainCount += 1 }
    messages.append(
      Message(
        at: at, node: MessageColumns.number(event["node"]) ?? -1,
        from: MessageColumns.number(event["from"]) ?? -1, transit: max(0, at - sent),
        bytes: MessageColumns.number(event["bytes"]) ?? 0, fate: fate))
  }

  private mutating func thin() {
    guard plainCount > 0, stride < 1 << 32 else { return }
    stride *= 2
    plainCount = 0
    var isKept = false
    messages.removeAll { message in
      guard message.fate == 0 else { return false }
      isKept.toggle()
      if isKept { plainCount += 1 }
      return !isKept
    }
  }

  private mutating func number(ofFate name: String) -> Int {
    if let known = fates.firstIndex(of: name) { return known }
    let isFull = fates.count >= MessageColumns.fateCountMax - 1
    if isFull, let other = fates.firstIndex(of: "other") { return other }
    fates.append(isFull ? "other" : name)
    counts.append(0)
    return fates.count - 1
  }

  /// A number that is not negative and that JavaScript can hold.
  private static func number(_ value: JSONValue?) -> Int? {
    value?.integerValue.map { Int(min(max($0, 0), numberMax)) }
  }

  /// Times are differences from the message before.
  var json: JSONValue {
    var last = 0
    var times: [JSONValue] = []
    times.reserveCapacity(messages.count)
    for message in messages {
      times.append(.integer(Int64(message.at - last)))
      last = message.at
    }
    func column(_ path: KeyPath<Message, Int>) -> JSONValue {
      .array(messages.map { .integer(Int64($0[keyPath: path])) })
    }
    return [
      "fates": .array(fates.map { .string($0) }),
      "counts": .array(counts.map { .count($0) }),
      "stride": .count(stride),
      "at": .array(times), "node": column(\.node), "from": column(\.from),
      "transit": column(\.transit), "bytes": column(\.bytes), "fate": column(\.fate),
    ]
  }
}
