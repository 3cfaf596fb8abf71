import ByteCoding
import Causality

/// The layout is in FORMAT.md of this module.
enum StateFormat {
  static let version: UInt8 = 1

  static let elementTag: UInt8 = 0
  static let sharedChildTag: UInt8 = 1
  static let generationChildTag: UInt8 = 2

  static let containerTag: UInt8 = 8

  static let flawedText: UInt8 = 1
  static let markedText: UInt8 = 2

  static let endOfList: UInt8 = 0
  static let plainRun: UInt8 = 1
  static let registerRun: UInt8 = 2
  static let movedElement: UInt8 = 3
  static let otherPlace: UInt8 = 4
  static let orphan: UInt8 = 5
}

extension Document {
  /// The state in its one encoding: equal sets of changes give equal bytes. Complexity:
  /// O(document), and sorting containers and keys.
  package func encodeState() -> [UInt8] {
    var writer = StateWriter(self)
    let state = writer.state()
    // Edits only add to the estimate; here is the truth.
    approximateBytes = state.count + 64 * containers.count
    return state
  }
}

struct StateWriter {
  let document: Document
  let origins: OriginTable
  /// Handles in the order of their numbers.
  let order: [ContainerHandle]
  var out: ByteWriter

  init(_ document: Document) {
    self.document = document
    order = StateWriter.order(of: document)
    origins = OriginTable(StateWriter.origins(of: document))
    out = ByteWriter(reservingCapacity: document.approximateBytes)
  }

  mutating func state() -> [UInt8] {
    out.write(StateFormat.version)
    document.id.write(to: &out)
    origins.write(to: &out)
    out.write(count: document.frontier.count)
    for entry in document.frontier {
      write(entry.change)
      out.write(bool: entry.endsInDelete)
    }
    writeContainers()
    for handle in order { writeBody(of: handle) }
    out.write(fixed: CRC32C.checksum(out.storage))
    return out.bytes
  }

  private mutating func write(_ change: ChangeID) {
    out.write(count: origins.place(of: change.origin))
    out.write(varint: change.sequence)
  }

  mutating func write(_ event: EventID) {
    write(event.change)
    out.write(varint: UInt64(event.index))
  }

  private mutating func writeContainers() {
    out.write(count: order.count - 1)
    var numbers: [ContainerID: Int] = [:]
    for (number, handle) in order.enumerated() {
      let id = document.containers[handle.index].id
      numbers[id] = number
      switch id {
      case .root: break
      case .element(let event, let kind):
        out.write(StateFormat.elementTag)
        out.write(kind.rawValue)
        write(event)
      case .child(let parent, let key, let kind, let generation):
        out.write(
          generation == nil ? StateFormat.sharedChildTag : StateFormat.generationChildTag)
        out.write(count: numbers[parent] ?? 0)
        out.write(string: key.text)
        out.write(kind.rawValue)
        if let generation { write(generation) }
      }
    }
  }

  private mutating func writeBody(of handle: ContainerHandle) {
    let container = document.containers[handle.index]
    let slot = container.slot
    switch container.id.kind {
    case .map:
      let members = document.maps[slot].sorted { $0.key < $1.key }
      out.write(count: members.count)
      for (key, register) in members {
        out.write(string: key.text)
        write(register, isInMap: true)
      }
    case .list:
      out.write(bool: container.isFlawed)
      write(document.lists[slot])
    case .text:
      let marks = document.marks[slot]
      let flaw = container.isFlawed ? StateFormat.flawedText : 0
      out.write(flaw | (marks == nil ? 0 : StateFormat.markedText))
      out.write(string: document.texts[slot].string)
      marks?.write(to: &out) { [origins] change, out in
        out.write(count: origins.place(of: change.origin))
        out.write(varint: change.sequence)
      }
    case .counter: out.write(signed128: document.counters[slot])
    case .tree: write(document.trees[slot])
    }
  }

  private mutating func write(_ register: Register, isInMap: Bool) {
    out.write(count: register.entries.count)
    for entry in register.entries {
      write(entry.event)
      out.write(varint: entry.lamport)
      write(entry.content, isInMap: isInMap)
    }
  }

  private mutating func write(_ content: Register.Content, isInMap: Bool) {
    switch content {
    case .value(let value): value.write(to: &out)
    case .container(let handle):
      let id = document.containers[handle.index].id
      out.write(StateFormat.containerTag)
      out.write(id.kind.rawValue)
      if isInMap { out.write(bool: id.generation != nil) }
    }
  }

  private mutating func write(_ list: ListState) {
    let places = list.places.elements(in: 0..<list.places.count)
    var index = 0
    while index < places.count {
      let first = places[index]
      guard list.moves.isOwn(first), let register = list.register(of: first) else {
        write(movedTo: first, in: list)
        index += 1
        continue
      }
      guard let lamport = register.plainLamport(of: first) else {
        out.write(StateFormat.registerRun)
        out.write(count: 1)
        write(first)
        write(register, isInMap: false)
        index += 1
        continue
      }
      var contents = [register.winner?.content]
      while index + contents.count < places.count {
        let next = places[index + contents.count]
        guard places[index + contents.count - 1].isFollowed(by: next), list.moves.isOwn(next),
          let register = list.register(of: next), register.plainLamport(of: next) == lamport
        else { break }
        contents.append(register.winner?.content)
      }
      out.write(StateFormat.plainRun)
      out.write(count: contents.count)
      write(first)
      out.write(varint: lamport)
      for case let content? in contents { write(content, isInMap: false) }
      index += contents.count
    }
    out.write(StateFormat.endOfList)
  }

  /// A place that is not the one at which what it stands for was inserted.
  private mutating func write(movedTo place: EventID, in list: ListState) {
    guard let move = list.moves.moves[place] else {
      out.write(StateFormat.orphan)
      return write(place)
    }
    let isCarrier = list.moves.isCarrier(place)
    out.write(isCarrier ? StateFormat.movedElement : StateFormat.otherPlace)
    write(place)
    out.write(varint: move.lamport)
    write(move.element)
    if isCarrier { write(list.register(of: move.element) ?? Register(), isInMap: false) }
  }

  // MARK: What is written

  private static func origins(of document: Document) -> Set<Origin> {
    var origins: Set<Origin> = []
    for entry in document.frontier { origins.insert(entry.change.origin) }
    for (index, container) in document.containers.enumerated()
    where document.isNamed(ContainerHandle(index: index)) {
      switch container.id {
      case .root: break
      case .element(let event, _): origins.insert(event.change.origin)
      case .child(_, _, _, let generation):
        if let generation { origins.insert(generation.change.origin) }
      }
    }
    for map in document.maps {
      for register in map.values {
        for entry in register.entries { origins.insert(entry.event.change.origin) }
      }
    }
    for marks in document.marks.values { origins.formUnion(marks.origins) }
    for list in document.lists {
      for (element, register) in list.elements {
        origins.insert(element.change.origin)
        for entry in register.entries { origins.insert(entry.event.change.origin) }
      }
      guard !list.moves.isEmpty else { continue }
      for place in list.places.elements(in: 0..<list.places.count) {
        origins.insert(place.change.origin)
        if let move = list.moves.moves[place] { origins.insert(move.element.change.origin) }
      }
    }
    for tree in document.trees { origins.formUnion(Self.origins(of: tree)) }
    return origins
  }

  /// The containers in the order of their numbers: level by level, so that the number of a parent
  /// is known when its children are compared.
  private static func order(of document: Document) -> [ContainerHandle] {
    var elements: [(ContainerHandle, EventID, ContainerKind)] = []
    var levels: [[(ContainerHandle, ChildOrder)]] = []
    var depths = [Int](repeating: 0, count: document.containers.count)
    for (index, container) in document.containers.enumerated() {
      let handle = ContainerHandle(index: index)
      guard document.isNamed(handle) else { continue }
      switch container.id {
      case .root: break
      case .element(let event, let kind): elements.append((handle, event, kind))
      case .child(let parent, let key, let kind, let generation):
        // A parent is always made before its children.
        let above = document.handles[parent] ?? .root
        let depth = depths[above.index] + 1
        depths[index] = depth
        while levels.count < depth { levels.append([]) }
        levels[depth - 1].append(
          (handle, ChildOrder(parent: above.index, key: key, kind: kind, generation: generation)))
      }
    }
    elements.sort { ($0.1, $0.2.rawValue) < ($1.1, $1.2.rawValue) }
    var order = [ContainerHandle.root] + elements.map(\.0)
    var numbers = [Int](repeating: 0, count: document.containers.count)
    for (number, handle) in order.enumerated() { numbers[handle.index] = number }
    for level in levels {
      let numbered = level.map { handle, place in
        (handle, place.withParent(numbers[place.parent]))
      }
      for (handle, _) in numbered.sorted(by: { $0.1 < $1.1 }) {
        numbers[handle.index] = order.count
        order.append(handle)
      }
    }
    return order
  }
}

/// Where a child stands among those of its level.
struct ChildOrder: Comparable {
  var parent: Int
  var key: Key
  var kind: ContainerKind
  var generation: EventID?

  func withParent(_ parent: Int) -> ChildOrder {
    ChildOrder(parent: parent, key: key, kind: kind, generation: generation)
  }

  static func < (left: ChildOrder, right: ChildOrder) -> Bool {
    if left.parent != right.parent { return left.parent < right.parent }
    if left.key != right.key { return left.key < right.key }
    if left.kind != right.kind { return left.kind.rawValue < right.kind.rawValue }
    switch (left.generation, right.generation) {
    case (nil, let right): return right != nil
    case (_, nil): return false
    case (let left?, let right?): return left < right
    }
  }
}

extension ContainerID {
  /// The event in the name of a child made again.
  var generation: EventID? {
    if case .child(_, _, _, let generation) = self { generation } else { nil }
  }
}

extension EventID {
  /// Whether `next` is the event after this one, in the same change.
  func isFollowed(by next: EventID) -> Bool {
    change == next.change && index < UInt32.max && index + 1 == next.index
  }
}

extension Register {
  /// The Lamport time when all that it holds is what its element was inserted with.
  func plainLamport(of element: EventID) -> UInt64? {
    guard entries.count == 1, let only = entries.first, only.event == element else { return nil }
    return only.lamport
  }
}

extension ByteWriter {
  /// A 128-bit integer, zigzag, in 1 to 19 bytes.
  mutating func write(signed128 value: Int128) {
    var rest = UInt128(bitPattern: (value << 1) ^ (value >> 127))
    while rest >= 0x80 {
      write(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    write(UInt8(truncatingIfNeeded: rest))
  }
}
