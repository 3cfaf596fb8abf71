package import ByteCoding
import Causality

extension Document {
  /// Opens a document from the bytes of ``encodeState()``; no history is needed.
  ///
  /// - Throws: `checksumMismatch` for damaged bytes, `unsupportedVersion` for those of a later
  ///   release, `invalidValue` for the state of another document. Never traps, and the work is
  /// bounded
  ///   by the number of bytes. Complexity: O(bytes).
  package convenience init(id: DocumentID, state: [UInt8]) throws(ByteDecodingError) {
    self.init(id: id)
    var reader = try StateReader(self, state)
    try reader.state()
    approximateBytes = state.count + 64 * containers.count
  }
}

struct StateReader {
  let document: Document
  var reader: ByteReader
  private var origins = OriginTable([])
  private var isUsed: [Bool] = []
  private let checksum: UInt32

  init(_ document: Document, _ bytes: [UInt8]) throws(ByteDecodingError) {
    self.document = document
    var whole = ByteReader(bytes)
    guard try whole.readByte("state version") == StateFormat.version else {
      throw ByteDecodingError(.unsupportedVersion, "document state")
    }
    guard bytes.count >= 5 else {
      throw ByteDecodingError(.truncated, "document state", at: bytes.count)
    }
    reader = try whole.readSlice(bytes.count - 5, "document state")
    checksum = try whole.readFixed32("checksum")
    guard CRC32C.checksum(bytes[..<(bytes.count - 4)]) == checksum else {
      throw ByteDecodingError(.checksumMismatch, "document state")
    }
  }

  func failure(_ code: ByteDecodingError.Code, _ field: String) -> ByteDecodingError {
    ByteDecodingError(code, field, at: reader.offset)
  }

  mutating func state() throws(ByteDecodingError) {
    guard try DocumentID(from: &reader) == document.id else {
      throw failure(.invalidValue, "document id")
    }
    origins = try OriginTable(from: &reader)
    isUsed = Array(repeating: false, count: origins.origins.count)
    try readFrontier()
    try readContainers()
    for index in document.containers.indices {
      try readBody(of: ContainerHandle(index: index))
    }
    guard isUsed.allSatisfy(\.self) else { throw failure(.notCanonical, "origin table") }
    try reader.finish("document state")
  }

  private mutating func change() throws(ByteDecodingError) -> ChangeID {
    let place = try reader.readCount("origin", minimumBytesEach: 0)
    guard place < isUsed.count else { throw failure(.invalidValue, "origin") }
    isUsed[place] = true
    let sequence = try reader.readVarint("sequence")
    guard sequence > 0 else { throw failure(.invalidValue, "sequence") }
    return ChangeID(origin: origins.origins[place], sequence: sequence)
  }

  mutating func event() throws(ByteDecodingError) -> EventID {
    let change = try change()
    guard let index = UInt32(exactly: try reader.readVarint("event")) else {
      throw failure(.invalidValue, "event")
    }
    return EventID(change: change, index: index)
  }

  private mutating func readFrontier() throws(ByteDecodingError) {
    for _ in 0..<(try reader.readCount("frontier", minimumBytesEach: 3)) {
      let entry = Document.FrontierEntry(
        change: try change(), endsInDelete: try reader.readBool("end in delete"))
      guard document.frontier.last.map({ $0.change < entry.change }) ?? true else {
        throw failure(.notCanonical, "frontier")
      }
      document.frontier.append(entry)
    }
  }

  private mutating func readContainers() throws(ByteDecodingError) {
    let count = try reader.readCount("container count", minimumBytesEach: 4)
    var depths = [0]
    var lastElement: (EventID, UInt8)?
    var lastChild: (depth: Int, order: ChildOrder)?
    for _ in 0..<count {
      let tag = try reader.readByte("container")
      let id: ContainerID
      if tag == StateFormat.elementTag {
        let kind = try ContainerKind(from: &reader)
        let event = try event()
        guard lastChild == nil, lastElement.map({ $0 < (event, kind.rawValue) }) ?? true else {
          throw failure(.notCanonical, "container order")
        }
        lastElement = (event, kind.rawValue)
        depths.append(0)
        id = .element(event, kind)
      } else {
        guard tag == StateFormat.sharedChildTag || tag == StateFormat.generationChildTag else {
          throw failure(.invalidValue, "container")
        }
        let parent = try reader.readCount("parent", minimumBytesEach: 0)
        guard parent < document.containers.count else { throw failure(.invalidValue, "parent") }
        let key = try Key(from: &reader)
        let kind = try ContainerKind(from: &reader)
        let generation = tag == StateFormat.generationChildTag ? try event() : nil
        let order = ChildOrder(parent: parent, key: key, kind: kind, generation: generation)
        let depth = depths[parent] + 1
        guard depth <= ContainerID.depthMax else { throw failure(.limitExceeded, "nesting") }
        if let last = lastChild {
          guard last.depth < depth || (last.depth == depth && last.order < order) else {
            throw failure(.notCanonical, "container order")
          }
        }
        lastChild = (depth, order)
        depths.append(depth)
        id = .child(
          parent: document.containers[parent].id, key: key, kind: kind, generation: generation)
      }
      _ = document.materialise(id)
    }
  }

  private mutating func readBody(of handle: ContainerHandle) throws(ByteDecodingError) {
    let container = document.containers[handle.index]
    switch container.id.kind {
    case .map:
      var last: Key?
      for _ in 0..<(try reader.readCount("map", minimumBytesEach: 6)) {
        let key = try Key(from: &reader)
        guard last.map({ $0 < key }) ?? true else { throw failure(.notCanonical, "key order") }
        last = key
        document.maps[container.slot][key] = try register(in: container.id, key)
      }
    case .list:
      document.containers[handle.index].isFlawed = try reader.readBool("flawed list")
      try readList(in: container)
    case .text:
      let flags = try reader.readByte("text")
      guard flags <= StateFormat.flawedText | StateFormat.markedText else {
        throw failure(.invalidValue, "text")
      }
      document.containers[handle.index].isFlawed = flags & StateFormat.flawedText != 0
      let start = reader.offset
      let text = try reader.readLengthPrefixed("text") { TextRope(validatingUTF8: $0) }
      guard let text else {
        throw ByteDecodingError(.invalidUTF8, "text", at: start)
      }
      document.texts[container.slot] = text
      if flags & StateFormat.markedText != 0 {
        document.marks[container.slot] = try marks(length: text.count)
      }
    case .counter: document.counters[container.slot] = try reader.readSigned128("counter")
    case .tree: document.trees[container.slot] = try tree()
    }
  }

  private mutating func marks(length: Int) throws(ByteDecodingError) -> TextMarks {
    var marks = TextMarks(count: 0)
    let count = try reader.readCount("marks", minimumBytesEach: 7)
    guard count > 0 else { throw failure(.notCanonical, "marks") }
    for _ in 0..<count {
      let event = try event()
      let lamport = try reader.readVarint("lamport")
      let name = try Key(from: &reader)
      guard let expansion = MarkExpansion(rawValue: try reader.readByte("expansion")) else {
        throw failure(.invalidValue, "expansion")
      }
      let mark = MarkEntry(
        name: name, value: try Value(from: &reader), expansion: expansion, event: event,
        lamport: lamport)
      guard marks.table.last.map({ MarkEntry.precedes($0, mark) }) ?? true else {
        throw failure(.notCanonical, "mark order")
      }
      _ = marks.add(mark)
    }
    var isUsed = [Bool](repeating: false, count: count)
    while marks.count < length {
      let run = try reader.readInt("marked characters", in: 1...length - marks.count)
      var set: [Int] = []
      for _ in 0..<(try reader.readCount("marks of characters")) {
        let number = try reader.readInt("mark", in: 0...count - 1)
        guard set.last.map({ marks.table[$0].name < marks.table[number].name }) ?? true else {
          throw failure(.notCanonical, "mark order")
        }
        isUsed[number] = true
        set.append(number)
      }
      let number = marks.number(of: set)
      guard marks.runs.last?.set != number else { throw failure(.notCanonical, "marks") }
      marks.append(run, number)
    }
    guard isUsed.allSatisfy(\.self) else { throw failure(.notCanonical, "marks") }
    return marks
  }

  private mutating func register(
    in map: ContainerID?, _ key: Key
  ) throws(ByteDecodingError) -> Register {
    var entries: [Register.Entry] = []
    let count = try reader.readCount("entries", minimumBytesEach: 5)
    guard count > 0 else { throw failure(.invalidValue, "entries") }
    for _ in 0..<count {
      let event = try event()
      let lamport = try reader.readVarint("lamport")
      let entry = Register.Entry(
        event: event, lamport: lamport, content: try content(in: map, key, event))
      guard entries.last.map({ Register.Entry.precedes($0, entry) }) ?? true else {
        throw failure(.notCanonical, "entry order")
      }
      entries.append(entry)
    }
    return Register(ascending: entries)
  }

  /// What an entry holds: of a key of `map`, or of a list element when that is nil.
  private mutating func content(
    in map: ContainerID?, _ key: Key, _ event: EventID
  ) throws(ByteDecodingError) -> Register.Content {
    var ahead = reader
    guard try ahead.readByte("value") == StateFormat.containerTag else {
      return .value(try Value(from: &reader))
    }
    reader = ahead
    let kind = try ContainerKind(from: &reader)
    let id: ContainerID
    if let map {
      let isAnew = try reader.readBool("made anew")
      id = .child(parent: map, key: key, kind: kind, generation: isAnew ? event : nil)
    } else {
      id = .element(event, kind)
    }
    guard let handle = document.handles[id] else { throw failure(.invalidValue, "container") }
    return .container(handle)
  }

  private mutating func readList(in container: Document.Container) throws(ByteDecodingError) {
    var entries: [(EventID, ListState.Entry)] = []
    var carried: [(element: EventID, register: Register, place: EventID)] = []
    var seen: Set<EventID> = []
    // What a plain run that has just ended could have been continued with.
    var continuation: (last: EventID, lamport: UInt64)?
    while true {
      let tag = try reader.readByte("list run")
      if tag == StateFormat.endOfList { break }
      if tag == StateFormat.orphan || tag == StateFormat.otherPlace
        || tag == StateFormat.movedElement
      {
        let place = try event()
        guard seen.insert(place).inserted else { throw failure(.invalidValue, "list element") }
        continuation = nil
        if tag == StateFormat.orphan {
          entries.append((place, .orphan))
          continue
        }
        let lamport = try reader.readVarint("lamport")
        let element = try event()
        entries.append((place, .moved(element, lamport: lamport)))
        if tag == StateFormat.movedElement {
          carried.append((element, try register(in: nil, ""), place))
        }
        continue
      }
      guard tag == StateFormat.plainRun || tag == StateFormat.registerRun else {
        throw failure(.invalidValue, "list run")
      }
      let count = try reader.readCount("list run")
      let first = try event()
      guard count > 0, UInt64(first.index) + UInt64(count) - 1 <= UInt64(UInt32.max) else {
        throw failure(.invalidValue, "list run")
      }
      if tag == StateFormat.registerRun {
        let register = try register(in: nil, "")
        guard count == 1, register.plainLamport(of: first) == nil,
          seen.insert(first).inserted
        else { throw failure(.notCanonical, "list run") }
        entries.append((first, .element(register)))
        continuation = nil
        continue
      }
      let lamport = try reader.readVarint("lamport")
      if let last = continuation, last.last.isFollowed(by: first), last.lamport == lamport {
        throw failure(.notCanonical, "list run")
      }
      var event = first
      for offset in 0..<count {
        event.index = first.index + UInt32(clamping: offset)
        guard seen.insert(event).inserted else { throw failure(.invalidValue, "list element") }
        let content = try content(in: nil, "", event)
        let entry = Register.Entry(event: event, lamport: lamport, content: content)
        entries.append((event, .element(Register(entry))))
      }
      continuation = (event, lamport)
    }
    try fill(container.slot, with: entries, carried)
  }

  private func fill(
    _ slot: Int, with entries: [(EventID, ListState.Entry)],
    _ carried: [(element: EventID, register: Register, place: EventID)]
  ) throws(ByteDecodingError) {
    var list = ListState()
    list.beginMerge()
    for (element, register, _) in carried { list.bring(element, register) }
    list.insert(entries, at: 0)
    list.endMerge()
    // Each element that was moved is there, and what it holds is where it has to be.
    var carriers: Set<EventID> = []
    for (_, _, place) in carried { carriers.insert(place) }
    for case (let place, .moved(let element, _)) in entries {
      guard list.register(of: element) != nil,
        list.moves.isCarrier(place) == carriers.contains(place)
      else { throw failure(.notCanonical, "moved element") }
    }
    document.lists[slot] = list
  }
}

extension ByteReader {
  mutating func readSigned128(_ field: String) throws(ByteDecodingError) -> Int128 {
    var value: UInt128 = 0
    var shift: UInt128 = 0
    while true {
      let start = offset
      let byte = try readByte(field)
      // 18 bytes carry 126 bits; the nineteenth has room for two more.
      if shift == 126, byte > 3 { throw ByteDecodingError(.invalidValue, field, at: start) }
      value |= UInt128(byte & 0x7F) << shift
      if byte < 0x80 {
        if byte == 0, shift > 0 { throw ByteDecodingError(.notCanonical, field, at: start) }
        break
      }
      shift += 7
      if shift > 126 { throw ByteDecodingError(.invalidValue, field, at: start) }
    }
    return Int128(bitPattern: value >> 1) ^ -Int128(bitPattern: value & 1)
  }
}
