import ByteCoding
import Causality
import Documents
import RunStructures

/// Reads the operations of a block from their three columns.
struct OperationReader: ~Copyable {
  private typealias Head = BlockLayout.OperationHead

  private var heads: ByteRunReader
  private var details: ByteReader
  private var text: ByteReader
  var names = OriginTable()

  private var elementsLeft = ChangeBlock.elementCountMax
  private var keys = NameTable<Key>()
  private var containers = NameTable<ContainerID>(.root)

  private let language: OperationLanguage

  init(
    heads: ByteRunReader, details: ByteReader, text: ByteReader, in language: OperationLanguage
  ) {
    self.language = language
    self.heads = heads
    self.details = details
    self.text = text
  }

  func finish() throws(ByteDecodingError) {
    try heads.finish("operation heads")
    try details.finish("operation details")
    try text.finish("text")
  }

  private func failure(_ code: ByteDecodingError.Code, _ field: String) -> ByteDecodingError {
    ByteDecodingError(code, field, at: details.offset)
  }

  mutating func operations(
    _ count: Int, of change: ChangeID, _ trail: inout DocumentTrail
  ) throws(ByteDecodingError) -> [Operation] {
    var operations: [Operation] = []
    // Not for what is only claimed to come.
    operations.reserveCapacity(min(count, 16))
    var eventCount = 0
    for _ in 0..<count {
      let event = EventID(change: change, index: UInt32(clamping: eventCount))
      let (operation, events) = try operation(at: event, &trail)
      guard events > 0, events <= Operation.eventCountMax - eventCount else {
        throw failure(.limitExceeded, "events of an edit")
      }
      eventCount += events
      operations.append(operation)
    }
    return operations
  }

  private mutating func operation(
    at event: EventID, _ trail: inout DocumentTrail
  ) throws(ByteDecodingError) -> (Operation, eventCount: Int) {
    let head = try heads.next("operation head")
    guard head & 0x80 == 0, let code = BlockLayout.Code(rawValue: head & Head.codeMask) else {
      throw failure(.invalidValue, "operation head")
    }
    var bits = head & ~Head.codeMask
    if code == .other || code == .deleteDocument {
      guard bits == 0 else { throw failure(.invalidValue, "operation head") }
      return code == .other
        ? try other() : (Operation(.root, .deleteDocument), 1)
    }
    let container: Int
    if take(Head.sameContainer, from: &bits) {
      container = trail.container
    } else {
      container = try self.container()
      guard container != trail.container else { throw failure(.notCanonical, "container") }
    }
    trail.turn(to: container)
    let (action, count) = try action(code, at: event, &trail, &bits)
    guard bits == 0 else { throw failure(.invalidValue, "operation head") }
    return (Operation(containers[container], action), count)
  }

  private func take(_ bit: UInt8, from bits: inout UInt8) -> Bool {
    defer { bits &= ~bit }
    return bits & bit != 0
  }

  private mutating func other() throws(ByteDecodingError) -> (Operation, eventCount: Int) {
    let code = try details.readVarint("operation code")
    guard code >= BlockLayout.otherCodeMin else {
      throw failure(.invalidValue, "operation code")
    }
    let count = try details.readInt("event count", in: 1...Operation.eventCountMax)
    let bytes = try details.readLengthPrefixed("operation of a later release")
    let other = OtherAction(code: code, eventCount: count, bytes: bytes)
    return (other.operation(in: language), count)
  }

  private mutating func action(
    _ code: BlockLayout.Code, at event: EventID, _ trail: inout DocumentTrail,
    _ bits: inout UInt8
  ) throws(ByteDecodingError) -> (Operation.Action, eventCount: Int) {
    switch code {
    case .set:
      let (key, replaces) = try register(at: event, &trail, &bits)
      return (.set(key, try Value(from: &details), replaces: replaces), 1)
    case .make, .makeAnew:
      let (key, replaces) = try register(at: event, &trail, &bits)
      let kind = try ContainerKind(from: &details)
      return (.make(key, kind, isAnew: code == .makeAnew, replaces: replaces), 1)
    case .delete:
      let (key, replaces) = try register(at: event, &trail, &bits)
      return (.delete(key, replaces: replaces), 1)
    case .increment: return (.increment(by: try details.readSigned("amount")), 1)
    case .insertText:
      let position = try position(predicted: trail.cursor, &bits)
      let (string, count) = try insertedText(isSingle: take(Head.single, from: &bits))
      trail.cursor = position + count
      return (.insertText(at: position, string), count)
    case .insertElements:
      let position = try position(predicted: trail.cursor, &bits)
      let count = try details.readCount("element count")
      try spend(count)
      var elements: [Operation.Element] = []
      elements.reserveCapacity(count)
      for _ in 0..<count { elements.append(try Operation.Element(from: &details)) }
      trail.cursor = position + count
      return (.insertElements(at: position, elements), count)
    case .remove:
      var count = 1
      if !take(Head.single, from: &bits) {
        count = try details.readInt("removal", in: 1...Operation.eventCountMax)
        guard count != 1 else { throw failure(.notCanonical, "removal") }
      }
      let position = try position(predicted: trail.cursor - count, &bits)
      trail.cursor = position
      return (.remove(at: position, count: count), count)
    case .setElement:
      let element = try self.event()
      let replaces = try replaced(.element(element), at: event, &trail, &bits)
      let content = try Operation.Element(from: &details)
      if case .moved = content { throw failure(.invalidValue, "element") }
      return (.setElement(element, content, replaces: replaces), 1)
    case .deleteDocument, .other: throw failure(.invalidValue, "operation head")
    }
  }

  private mutating func position(
    predicted: Int, _ bits: inout UInt8
  ) throws(ByteDecodingError) -> Int {
    if take(Head.predicted, from: &bits) {
      guard 0...Operation.positionMax ~= predicted else {
        throw failure(.invalidValue, "position")
      }
      return predicted
    }
    let position = try details.readInt("position", in: 0...Operation.positionMax)
    guard position != predicted else { throw failure(.notCanonical, "position") }
    return position
  }

  private mutating func insertedText(
    isSingle: Bool
  ) throws(ByteDecodingError) -> (String, count: Int) {
    let length: Int
    if isSingle {
      var ahead = text
      switch try ahead.readByte("text") {
      case ..<0x80: length = 1
      case ..<0xE0: length = 2
      case ..<0xF0: length = 3
      default: length = 4
      }
    } else {
      length = try details.readInt("text length", in: 1...max(1, text.remaining))
    }
    let start = text.offset
    let string = try text.readText(length, "text")
    guard string.isOneScalar == isSingle else {
      throw ByteDecodingError(isSingle ? .invalidUTF8 : .notCanonical, "text", at: start)
    }
    return (string, isSingle ? 1 : UTF8Scalars.count(string))
  }

  private mutating func register(
    at event: EventID, _ trail: inout DocumentTrail, _ bits: inout UInt8
  ) throws(ByteDecodingError) -> (Key, [EventID]) {
    let number = try key()
    let replaces = try replaced(
      .key(container: trail.container, key: number), at: event, &trail, &bits)
    return (keys[number], replaces)
  }

  private mutating func replaced(
    _ slot: LastWrites.Slot, at event: EventID, _ trail: inout DocumentTrail,
    _ bits: inout UInt8
  ) throws(ByteDecodingError) -> [EventID] {
    let last = trail.lastWrites.replace(slot, with: event)
    if take(Head.single, from: &bits) { return [] }
    if take(Head.predicted, from: &bits) {
      guard let last else { throw failure(.invalidValue, "entry replaced") }
      return [last]
    }
    let count = try details.readCount("entries replaced", minimumBytesEach: 3)
    try spend(count)
    var events: [EventID] = []
    events.reserveCapacity(count)
    for _ in 0..<count { events.append(try self.event()) }
    guard !events.isEmpty, events.count > 1 || events.first != last else {
      throw failure(.notCanonical, "entries replaced")
    }
    return events
  }

  /// Refuses what would take far more memory than bytes.
  private mutating func spend(_ elements: Int) throws(ByteDecodingError) {
    guard elements <= elementsLeft else { throw failure(.limitExceeded, "elements of a block") }
    elementsLeft -= elements
  }

  private mutating func event() throws(ByteDecodingError) -> EventID {
    let change = try names.change(from: &details)
    guard let index = UInt32(exactly: try details.readVarint("event")) else {
      throw failure(.invalidValue, "event")
    }
    return EventID(change: change, index: index)
  }

  private mutating func key() throws(ByteDecodingError) -> Int {
    let number = try details.readInt("key", in: 0...keys.count)
    if number == keys.count {
      let key = try Key(from: &details)
      guard keys.insert(key) else { throw failure(.notCanonical, "key") }
    }
    return number
  }

  /// - Parameter below: how many containers below this one are being read.
  private mutating func container(below: Int = 0) throws(ByteDecodingError) -> Int {
    let number = try details.readInt("container", in: 0...containers.count)
    guard number == containers.count else { return number }
    let tag = try details.readByte("container")
    let id: ContainerID
    switch tag {
    case 0:
      let kind = try ContainerKind(from: &details)
      id = .element(try event(), kind)
    case 1, 2:
      guard below < ContainerID.depthMax else { throw failure(.limitExceeded, "nesting") }
      let parent = try container(below: below + 1)
      guard containers[parent].depth < ContainerID.depthMax else {
        throw failure(.limitExceeded, "nesting")
      }
      let number = try self.key()
      let key = keys[number]
      let kind = try ContainerKind(from: &details)
      let generation = tag == 2 ? try event() : nil
      id = .child(parent: containers[parent], key: key, kind: kind, generation: generation)
    default: throw failure(.invalidValue, "container")
    }
    guard containers.insert(id) else { throw failure(.notCanonical, "container") }
    return containers.count - 1
  }
}
