import ByteCoding
import ByteCompression
import Causality
import Documents
import RunStructures

/// Gathers edits of one document in the columns of a history chunk.
struct HistoryPacker {
  /// A text or list, with versions that count events of the chunk.
  private struct SequenceColumns {
    var container: ContainerID
    var log: SequenceLog
    var elements = ByteWriter()
  }

  private var origins = Interner<Origin>()
  /// Who made the events; its parents mean nothing.
  private var events = EventGraph()
  private var last: ChangeID?

  private var runCount = 0
  private var run: (origin: Int, next: UInt64, size: Int, isOneChange: Bool)?
  /// For each origin the sequence that would follow its last run.
  private var nextSequences: [UInt64] = []
  private var runOrigins = ByteWriter()
  private var runSequences = ByteWriter()
  private var runSizes = ByteWriter()
  private var runParents = ByteWriter()
  private var lamports = StepColumn()
  private var times = StepColumn()

  private var sequences: [SequenceColumns] = []
  private var sequenceNumbers: [ContainerID: Int] = [:]
  private var others: [Change] = []
  private var otherVersions = StepColumn()

  // MARK: Edits

  mutating func append(_ incoming: IncomingEdit) {
    let eventCount = incoming.edit.eventCount
    precondition(eventCount > 0, "an edit has operations")
    let first = events.count
    appendEvents(of: incoming, eventCount)
    lamports.append(Int64(bitPattern: incoming.lamport))
    times.append(incoming.time.milliseconds)
    var version = first
    for operation in incoming.edit.operations {
      append(operation, version, incoming)
      version += operation.eventCount
    }
    last = incoming.change
  }

  private mutating func appendEvents(of incoming: IncomingEdit, _ eventCount: Int) {
    let change = incoming.change
    let origin = number(of: change.origin)
    let parents = incoming.edit.parents
    let continuesLast = parents.count == 1 && parents.first == last
    if let run, !run.isOneChange, run.origin == origin, run.next == change.sequence,
      eventCount == 1, continuesLast
    {
      self.run?.size += 1
      self.run?.next += 1
    } else {
      flushRun()
      runOrigins.write(count: origin)
      runSequences.write(
        signed: Int64(bitPattern: change.sequence &- nextSequences[origin]))
      writeParents(continuesLast ? nil : parents)
      run = (origin, change.sequence &+ 1, eventCount, eventCount > 1)
    }
    // Edits are in causal order, so that the numbers of one origin ascend.
    _ = try? events.append(
      origin: origin, sequence: change.sequence, eventCount: eventCount,
      parents: events.count > 0 ? [events.count - 1] : [])
  }

  private mutating func flushRun() {
    guard let run else { return }
    runCount += 1
    runSizes.write(count: run.size << 1 | (run.isOneChange ? 1 : 0))
    nextSequences[run.origin] = run.next
  }

  /// nil: the change before.
  private mutating func writeParents(_ parents: [ChangeID]?) {
    guard let parents else { return runParents.write(0 as UInt8) }
    runParents.write(count: parents.count + 1)
    for parent in parents {
      if let origin = origins.index(of: parent.origin),
        let versions = events.versions(origin: origin, sequence: parent.sequence)
      {
        runParents.write(count: events.count - (versions.upperBound - 1))
      } else {
        runParents.write(0 as UInt8)
        runParents.write(count: number(of: parent.origin))
        runParents.write(varint: parent.sequence)
      }
    }
  }

  private mutating func number(of origin: Origin) -> Int {
    let number = origins.intern(origin)
    if number == nextSequences.count { nextSequences.append(1) }
    return number
  }

  private mutating func append(
    _ operation: Operation, _ version: Int, _ incoming: IncomingEdit
  ) {
    guard operation.isOfSequence else {
      otherVersions.append(Int64(version))
      others.append(
        Change(
          id: incoming.change, lamport: incoming.lamport, time: .epoch,
          edits: [
            DocumentEdit(
              document: incoming.edit.document, parents: [], operations: [operation])
          ]))
      return
    }
    let index = sequenceNumber(of: operation.container)
    do throws(SequenceError) {
      switch operation.action {
      case .insertText(let position, let text):
        try sequences[index].log.appendInsert(version: version, position: position, text: text)
      case .insertElements(let position, let elements):
        try sequences[index].log.appendInsert(
          version: version, position: position, itemCount: elements.count)
        for element in elements { element.write(to: &sequences[index].elements) }
      case .remove(let position, let count):
        try sequences[index].log.appendDelete(version: version, position: position, count: count)
      default: break
      }
    } catch {
      preconditionFailure("\(incoming.change) was applied and cannot be packed: \(error)")
    }
  }

  private mutating func sequenceNumber(of container: ContainerID) -> Int {
    if let number = sequenceNumbers[container] { return number }
    sequences.append(
      SequenceColumns(
        container: container, log: SequenceLog(container.kind == .text ? .text : .items)))
    sequenceNumbers[container] = sequences.count - 1
    return sequences.count - 1
  }

  // MARK: Bytes

  mutating func finish(_ effort: Zstandard.Effort?, into writer: inout ByteWriter) {
    flushRun()
    // Naming the containers may name more origins, which stand before them.
    var containers = ByteWriter()
    for sequence in sequences {
      sequence.container.write(to: &containers) { number(of: $0) }
    }
    writer.write(count: origins.count)
    for index in 0..<origins.count { origins[index].write(to: &writer) }
    writer.write(count: runCount)
    for column in [runOrigins, runSequences, runSizes, runParents] {
      writer.write(column: column.storage, effort)
    }
    writer.write(column: lamports.bytes, effort)
    writer.write(column: times.bytes, effort)
    writer.write(count: sequences.count)
    writer.write(raw: containers.storage)
    for sequence in sequences { write(sequence, effort, to: &writer) }
    writer.write(column: otherVersions.bytes, effort)
    var encoder = ChangeBlock.Encoder()
    let blocks = encoder.blocks(of: others)
    writer.write(count: blocks.count)
    for block in blocks { writer.write(column: block, effort) }
  }

  private func write(
    _ sequence: SequenceColumns, _ effort: Zstandard.Effort?, to writer: inout ByteWriter
  ) {
    var gaps = StepColumn()
    var heads = ByteWriter()
    var positions = ByteWriter()
    var expected = 0
    var cursor = 0
    for index in 0..<sequence.log.runCount {
      let run = sequence.log[index]
      gaps.append(Int64(run.version - expected))
      expected = run.version + run.count
      heads.write(count: run.count * 3 + Int(run.kind.rawValue))
      positions.write(signed: Int64(run.position - cursor))
      cursor = run.cursor
    }
    writer.write(count: sequence.log.runCount)
    writer.write(column: gaps.bytes, effort)
    writer.write(column: heads.storage, effort)
    writer.write(column: positions.storage, effort)
    switch sequence.log.content {
    case .text:
      sequence.log.withUTF8(ofContent: 0..<sequence.log.contentCount) {
        writer.write(column: Array($0), effort)
      }
    case .items: writer.write(column: sequence.elements.storage, effort)
    }
  }
}

extension SequenceRun {
  /// Where whoever made the run stands afterwards: what the next run's position is told from.
  var cursor: Int {
    switch kind {
    case .insert: position + count
    case .deleteForward: position
    case .deleteBackward: position - (count - 1)
    }
  }
}
