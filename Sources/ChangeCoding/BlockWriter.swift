import ByteCoding
import Causality
import Documents
import Sabotages

/// Writes a change block, change by change. FORMAT.md says what goes where.
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

  private var origins: [Origin: Int] = [:]
  /// By origin: the sequence of the last change of it that was written or named.
  private var sequences: [UInt64] = []
  private var documents: [DocumentID: Int] = [:]
  private var trails: [DocumentTrail] = []
  private var keys: [Key: Int] = [:]
  private var containers: [ContainerID: Int] = [.root: 0]

  private var lastOrigin: Origin?
  private var lastLamport: UInt64 = 0
  private var lastTime: Int64 = 0
  private var lastDocument: Int?

  mutating func finish() -> [UInt8] {
    heads.flush()
    operationHeads.flush()
    var block = ByteWriter(
      reservingCapacity: details.count + times.count + operationDetails.count + text.count + 64)
    block.write(ChangeBlock.version)
    block.write(count: count)
    for column in [
      heads.column, details, times, operationHeads.column, operationDetails, text,
    ] {
      block.write(lengthPrefixed: column.storage)
    }
    block.write(fixed: CRC32C.checksum(block.storage))
    return block.bytes
  }

  mutating func append(_ change: Change) {
    count += 1
    var head: UInt8 = 0
    if lastOrigin == change.id.origin {
      head |= Head.sameOrigin
    } else {
      writeOrigin(change.id.origin, to: \.details)
    }
    lastOrigin = change.id.origin
    let origin = number(of: change.id.origin)
    if sequences[origin] &+ 1 == change.id.sequence {
      head |= Head.nextSequence
    } else {
      details.write(varint: change.id.sequence)
    }
    sequences[origin] = change.id.sequence
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
    if change.edits.count == 1, let document = documents[change.edits[0].document],
      document == lastDocument
    {
      head |= Head.sameDocument
    } else {
      details.write(count: change.edits.count)
      for edit in change.edits { writeDocument(edit.document) }
    }
    let numbers = change.edits.map { documents[$0.document] ?? 0 }
    if zip(numbers, change.edits).allSatisfy({ number, edit in
      edit.parents.count == 1 && edit.parents.first == trails[number].lastChange
    }) {
      head |= Head.parentsArePrevious
    } else {
      for edit in change.edits { write(edit.parents) }
    }
    if change.edits.allSatisfy({ $0.operations.count == 1 }) {
      head |= Head.oneOperationEach
    } else {
      for edit in change.edits { details.write(count: edit.operations.count) }
    }
    for (number, edit) in zip(numbers, change.edits) {
      // Taken out while it changes: two copies of its table would be made otherwise.
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

  private func number(of origin: Origin) -> Int { origins[origin] ?? 0 }

  private mutating func writeOrigin(
    _ origin: Origin, to column: WritableKeyPath<BlockWriter, ByteWriter>
  ) {
    if let number = origins[origin] {
      self[keyPath: column].write(count: number)
    } else {
      self[keyPath: column].write(count: origins.count)
      origin.write(to: &self[keyPath: column])
      origins[origin] = origins.count
      sequences.append(0)
    }
  }

  private mutating func write(
    _ change: ChangeID, to column: WritableKeyPath<BlockWriter, ByteWriter>
  ) {
    writeOrigin(change.origin, to: column)
    let origin = number(of: change.origin)
    self[keyPath: column].write(
      signed: Int64(bitPattern: change.sequence &- sequences[origin]))
    sequences[origin] = change.sequence
  }

  private mutating func write(_ changes: [ChangeID]) {
    details.write(count: changes.count)
    for change in changes { write(change, to: \.details) }
  }

  private mutating func writeDocument(_ document: DocumentID) {
    if let number = documents[document] {
      details.write(count: number)
    } else {
      details.write(count: documents.count)
      document.write(to: &details)
      documents[document] = documents.count
      trails.append(DocumentTrail())
    }
  }

  /// Writes an event in the operations' column.
  private mutating func write(_ event: EventID) {
    write(event.change, to: \.operationDetails)
    operationDetails.write(varint: UInt64(event.index))
  }

  private mutating func write(_ key: Key) -> Int {
    if let number = keys[key] {
      operationDetails.write(count: number)
      return number
    }
    let number = keys.count
    operationDetails.write(count: number)
    operationDetails.write(string: key.text)
    keys[key] = number
    return number
  }

  private mutating func write(_ container: ContainerID) {
    if let number = containers[container] {
      operationDetails.write(count: number)
      return
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
      write(parent)
      _ = write(key)
      operationDetails.write(kind.rawValue)
      if let generation { write(generation) }
    }
    containers[container] = containers.count
  }

  // MARK: Operations

  private mutating func write(
    _ operation: Operation, at event: EventID, _ trail: inout DocumentTrail
  ) {
    var head = operation.action.code.rawValue
    if case .unknown(let code, let eventCount, let bytes) = operation.action {
      operationHeads.append(head)
      operationDetails.write(varint: code)
      operationDetails.write(count: eventCount)
      operationDetails.write(lengthPrefixed: bytes)
      return
    }
    if case .deleteDocument = operation.action {
      operationHeads.append(head)
      return
    }
    if containers[operation.container] == trail.container {
      head |= OperationHead.sameContainer
    } else {
      write(operation.container)
    }
    trail.turn(to: containers[operation.container] ?? 0)
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
    case .deleteDocument, .unknown: break
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
    _ replaces: [EventID], to slot: DocumentTrail.Slot, at event: EventID,
    _ trail: inout DocumentTrail, _ head: inout UInt8
  ) {
    if replaces.isEmpty {
      head |= OperationHead.single
    } else if replaces.count == 1, replaces.first == trail.lastWrite[slot] {
      head |= OperationHead.predicted
    } else {
      operationDetails.write(count: replaces.count)
      for replaced in replaces { write(replaced) }
    }
    trail.lastWrite[slot] = event
  }
}

extension String {
  var isOneScalar: Bool {
    var scalars = unicodeScalars.makeIterator()
    return scalars.next() != nil && scalars.next() == nil
  }
}
