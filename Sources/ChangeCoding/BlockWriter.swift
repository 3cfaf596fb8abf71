import ByteCoding
import Causality
import Documents
import Sabotages

/// Writes a change block, change by change, and then perhaps another. FORMAT.md says what goes
/// where.
struct BlockWriter {
  private typealias Head = BlockLayout.ChangeHead
  private typealias OperationHead = BlockLayout.OperationHead

  private var count = 0
  private var heads = ByteRunWriter()
  private var details = ByteWriter()
  private var times = ByteWriter()
  private var operationHeads = ByteRunWriter()
  private var operationDetails = ByteWriter()
  private var text = ByteWriter()

  private var origins = OriginTable()
  private var documents = NameTable<DocumentID>()
  private var trails: [DocumentTrail] = []
  private var keys = NameTable<Key>()
  private var containers = NameTable<ContainerID>(.root)

  /// By number, as `lastDocument`.
  private var lastOrigin: Int?
  private var lastLamport: UInt64 = 0
  private var lastTime: Int64 = 0
  private var lastDocument: Int?

  /// Ends the block. What is appended next begins another one, in the same memory.
  mutating func finish() -> [UInt8] {
    heads.flush()
    operationHeads.flush()
    var block = ByteWriter(
      reservingCapacity: heads.column.count + details.count + times.count
        + operationHeads.column.count + operationDetails.count + text.count + 48)
    block.write(ChangeBlock.version)
    block.write(count: count)
    block.write(lengthPrefixed: heads.column.storage)
    block.write(lengthPrefixed: details.storage)
    block.write(lengthPrefixed: times.storage)
    block.write(lengthPrefixed: operationHeads.column.storage)
    block.write(lengthPrefixed: operationDetails.storage)
    block.write(lengthPrefixed: text.storage)
    block.write(fixed: CRC32C.checksum(block.storage))
    beginAnew()
    return block.bytes
  }

  private mutating func beginAnew() {
    count = 0
    heads.removeAll()
    details.removeAll()
    times.removeAll()
    operationHeads.removeAll()
    operationDetails.removeAll()
    text.removeAll()
    origins = OriginTable()
    documents = NameTable()
    trails.removeAll(keepingCapacity: true)
    keys = NameTable()
    containers = NameTable(.root)
    lastOrigin = nil
    lastLamport = 0
    lastTime = 0
    lastDocument = nil
  }

  mutating func append(_ change: Change) {
    count += 1
    var head: UInt8 = 0
    let origin: Int
    if let lastOrigin, origins.origins[lastOrigin] == change.id.origin {
      head |= Head.sameOrigin
      origin = lastOrigin
    } else {
      origin = origins.write(change.id.origin, to: &details)
    }
    lastOrigin = origin
    if origins[origin] &+ 1 == change.id.sequence {
      head |= Head.nextSequence
    } else {
      details.write(varint: change.id.sequence)
    }
    origins[origin] = change.id.sequence
    if lastLamport &+ 1 == change.lamport {
      head |= Head.nextLamport
    } else {
      details.write(varint: change.lamport)
    }
    lastLamport = change.lamport
    if change.dependencies.isEmpty {
      head |= Head.noDependencies
    } else {
      write(change.dependencies)
    }
    times.write(signed: change.time.milliseconds &- lastTime)
    lastTime = change.time.milliseconds
    writeEdits(of: change, &head)
    heads.append(head)
  }

  private mutating func writeEdits(of change: Change, _ head: inout UInt8) {
    var numbers = ShortList<Int>()
    if change.edits.count == 1, let lastDocument,
      documents[lastDocument] == change.edits[0].document
    {
      head |= Head.sameDocument
      numbers.append(lastDocument)
    } else {
      details.write(count: change.edits.count)
      for edit in change.edits { numbers.append(writeDocument(edit.document)) }
    }
    var isForeseen = true
    for (place, edit) in change.edits.enumerated() where isForeseen {
      isForeseen =
        edit.parents.count == 1 && edit.parents.first == trails[numbers[place]].lastChange
    }
    if isForeseen {
      head |= Head.parentsArePrevious
    } else {
      for edit in change.edits { write(edit.parents) }
    }
    if change.edits.allSatisfy({ $0.operations.count == 1 }) {
      head |= Head.oneOperationEach
    } else {
      for edit in change.edits { details.write(count: edit.operations.count) }
    }
    for (place, edit) in change.edits.enumerated() {
      let number = numbers[place]
      // Taken out while it changes: two copies of its tables would be made otherwise.
      var trail = DocumentTrail()
      swap(&trail, &trails[number])
      var event = EventID(change: change.id, index: 0)
      for operation in edit.operations {
        write(operation, at: event, &trail)
        event.index &+= UInt32(clamping: operation.eventCount)
      }
      trail.lastChange = change.id
      swap(&trail, &trails[number])
      lastDocument = number
    }
  }

  // MARK: Names

  private mutating func write(_ changes: [ChangeID]) {
    details.write(count: changes.count)
    for change in changes { origins.write(change, to: &details) }
  }

  private mutating func writeDocument(_ document: DocumentID) -> Int {
    let known = documents.number(of: document)
    let number = known ?? documents.count
    details.write(count: number)
    if known == nil {
      document.write(to: &details)
      documents.append(document)
      trails.append(DocumentTrail())
    }
    return number
  }

  /// Writes an event in the operations' column.
  private mutating func write(_ event: EventID) {
    origins.write(event.change, to: &operationDetails)
    operationDetails.write(varint: UInt64(event.index))
  }

  private mutating func write(_ key: Key) -> Int {
    let known = keys.number(of: key)
    let number = known ?? keys.count
    operationDetails.write(count: number)
    if known == nil {
      operationDetails.write(string: key.text)
      keys.append(key)
    }
    return number
  }

  private mutating func write(_ container: ContainerID) -> Int {
    if let number = containers.number(of: container) {
      operationDetails.write(count: number)
      return number
    }
    operationDetails.write(count: containers.count)
    switch container {
    case .root: break
    case .element(let event, let kind):
      operationDetails.write(0 as UInt8)
      operationDetails.write(kind.rawValue)
      write(event)
    case .child(let parent, let key, let kind, let generation):
      operationDetails.write((generation == nil ? 1 : 2) as UInt8)
      _ = write(parent)
      _ = write(key)
      operationDetails.write(kind.rawValue)
      if let generation { write(generation) }
    }
    containers.append(container)
    return containers.count - 1
  }

  // MARK: Operations

  private mutating func write(
    _ operation: Operation, at event: EventID, _ trail: inout DocumentTrail
  ) {
    var head = operation.action.code.rawValue
    if let other = OtherAction(operation) {
      operationHeads.append(head)
      operationDetails.write(varint: other.code)
      operationDetails.write(count: other.eventCount)
      operationDetails.write(lengthPrefixed: other.bytes)
      return
    }
    if case .deleteDocument = operation.action {
      operationHeads.append(head)
      return
    }
    if containers[trail.container] == operation.container {
      head |= OperationHead.sameContainer
    } else {
      trail.turn(to: write(operation.container))
    }
    switch operation.action {
    case .set(let key, let value, let replaces):
      writeRegister(key, replaces, at: event, &trail, &head)
      value.write(to: &operationDetails)
    case .make(let key, let kind, _, let replaces):
      writeRegister(key, replaces, at: event, &trail, &head)
      operationDetails.write(kind.rawValue)
    case .delete(let key, let replaces):
      writeRegister(key, replaces, at: event, &trail, &head)
    case .increment(let amount):
      let isBare = Sabotage.loseSign.isPlanted
      operationDetails.write(signed: isBare ? Int64(clamping: amount.magnitude) : amount)
    case .insertText(let position, let string):
      write(position, predicted: trail.cursor, &head)
      if string.isOneScalar {
        head |= OperationHead.single
      } else {
        operationDetails.write(count: string.utf8.count)
      }
      text.write(raw: string.utf8)
      trail.cursor = position + operation.eventCount
    case .insertElements(let position, let elements):
      write(position, predicted: trail.cursor, &head)
      operationDetails.write(count: elements.count)
      for element in elements { element.write(to: &operationDetails) }
      trail.cursor = position + elements.count
    case .remove(let position, let count):
      if count == 1 {
        head |= OperationHead.single
      } else {
        operationDetails.write(count: count)
      }
      write(position, predicted: trail.cursor - count, &head)
      trail.cursor = position
    case .setElement(let element, let content, let replaces):
      write(element)
      write(replaces, to: .element(element), at: event, &trail, &head)
      content.write(to: &operationDetails)
    case .deleteDocument, .resolve, .createNode, .moveNode, .deleteNode, .mark, .unknown: break
    }
    operationHeads.append(head)
  }

  private mutating func write(_ position: Int, predicted: Int, _ head: inout UInt8) {
    if position == predicted {
      head |= OperationHead.predicted
    } else {
      operationDetails.write(count: position)
    }
  }

  private mutating func writeRegister(
    _ key: Key, _ replaces: [EventID], at event: EventID, _ trail: inout DocumentTrail,
    _ head: inout UInt8
  ) {
    let number = write(key)
    write(
      replaces, to: .key(container: trail.container, key: number), at: event, &trail, &head)
  }

  private mutating func write(
    _ replaces: [EventID], to slot: LastWrites.Slot, at event: EventID,
    _ trail: inout DocumentTrail, _ head: inout UInt8
  ) {
    let last = trail.lastWrites.replace(slot, with: event)
    if replaces.isEmpty {
      head |= OperationHead.single
    } else if replaces.count == 1, replaces.first == last {
      head |= OperationHead.predicted
    } else {
      operationDetails.write(count: replaces.count)
      for replaced in replaces { write(replaced) }
    }
  }
}

extension OriginTable {
  /// - Returns: The origin's number.
  mutating func write(_ origin: Origin, to writer: inout ByteWriter) -> Int {
    let known = origins.number(of: origin)
    let number = known ?? origins.count
    writer.write(count: number)
    if known == nil {
      origin.write(to: &writer)
      append(origin)
    }
    return number
  }

  mutating func write(_ change: ChangeID, to writer: inout ByteWriter) {
    let origin = write(change.origin, to: &writer)
    writer.write(signed: Int64(bitPattern: change.sequence &- self[origin]))
    self[origin] = change.sequence
  }
}

extension String {
  var isOneScalar: Bool {
    var scalars = unicodeScalars.makeIterator()
    return scalars.next() != nil && scalars.next() == nil
  }
}
