import ByteCoding
import Causality
import Documents
import RunStructures

/// Reads the columns of a history chunk into a history.
struct HistoryUnpacker {
  private var reader: ByteReader
  private var origins: [Origin] = []
  /// How many events and changes the runs are.
  private var eventCount = 0
  private var changeCount = 0

  /// How many bytes the columns to come may have when they are unpacked.
  private var bytesLeft = HistoryChunk.byteCountMax

  /// - Parameter reader: of what follows the document's name.
  init(_ reader: ByteReader) {
    self.reader = reader
  }

  private func failure(_ code: ByteDecodingError.Code, _ field: String) -> ByteDecodingError {
    ByteDecodingError(code, field, at: reader.offset)
  }

  private mutating func column(_ field: String) throws(ByteDecodingError) -> ByteReader {
    try reader.readColumn(field, bytesLeft: &bytesLeft)
  }

  mutating func unpack(into history: inout DocumentHistory) throws(ByteDecodingError) {
    let base = history.eventCount
    try readOrigins()
    try readRuns(into: &history)
    try readTimes(into: &history)
    try readSequences(into: &history, from: base)
    try readOthers(into: &history, from: base)
    try reader.finish("history chunk")
  }

  private mutating func readOrigins() throws(ByteDecodingError) {
    let count = try reader.readCount("origins", minimumBytesEach: Origin.byteCount)
    origins.reserveCapacity(count)
    for _ in 0..<count { origins.append(try Origin(from: &reader)) }
  }

  private func origin(from column: inout ByteReader) throws(ByteDecodingError) -> Int {
    let number = try column.readCount("origin", minimumBytesEach: 0)
    guard number < origins.count else { throw failure(.invalidValue, "origin") }
    return number
  }

  // MARK: Runs

  private mutating func readRuns(
    into history: inout DocumentHistory
  ) throws(ByteDecodingError) {
    let base = history.eventCount
    // Columns are compressed: how many runs there are says nothing about their bytes.
    let runCount = try reader.readCount(
      "run count", minimumBytesEach: 0, limit: HistoryChunk.changeCountMax)
    var runOrigins = try column("run origins")
    var sequences = try column("run sequences")
    var sizes = try column("run sizes")
    var parents = try column("run parents")
    var nextSequences = [UInt64](repeating: 1, count: origins.count)
    for _ in 0..<runCount {
      let origin = try origin(from: &runOrigins)
      let step = UInt64(bitPattern: try sequences.readSigned("run sequence"))
      let sequence = nextSequences[origin] &+ step
      let size = try sizes.readInt("run size", in: 2...EventGraph.eventCountMax)
      let isOneChange = size & 1 == 1
      let changes = isOneChange ? 1 : size >> 1
      guard sequence > 0, size >> 1 > 1 || !isOneChange,
        UInt64(changes) - 1 <= UInt64.max - sequence
      else { throw failure(.invalidValue, "run") }
      guard changes <= HistoryChunk.changeCountMax - changeCount else {
        throw failure(.limitExceeded, "changes of a history chunk")
      }
      nextSequences[origin] = sequence &+ UInt64(changes)
      var run = HistoryRun(
        origin: origins[origin], sequence: sequence, eventCount: size >> 1,
        isOneChange: isOneChange)
      try readParents(of: &run, &parents, standingAt: history.eventCount - base, base)
      do throws(MergeError) {
        _ = try history.append(run)
      } catch {
        throw failure(.invalidValue, "run of a history (\(error))")
      }
      changeCount += changes
    }
    eventCount = history.eventCount - base
    try runOrigins.finish("run origins")
    try sequences.finish("run sequences")
    try sizes.finish("run sizes")
    try parents.finish("run parents")
  }

  private func readParents(
    of run: inout HistoryRun, _ column: inout ByteReader, standingAt here: Int, _ base: Int
  ) throws(ByteDecodingError) {
    let count = try column.readCount("parent count", minimumBytesEach: 0)
    if count == 0 {
      // The change before stands in this chunk.
      guard here > 0 else { throw failure(.invalidValue, "parents") }
      run.continuesLast = true
      return
    }
    guard count - 1 <= column.remaining else { throw failure(.truncated, "parents") }
    for _ in 1..<count {
      let distance = try column.readInt("parent", in: 0...here)
      if distance > 0 {
        run.parents.append(base + here - distance)
      } else {
        let origin = try origin(from: &column)
        run.outerParents.append(
          ChangeID(origin: origins[origin], sequence: try column.readVarint("parent")))
      }
    }
  }

  private mutating func readTimes(
    into history: inout DocumentHistory
  ) throws(ByteDecodingError) {
    let lamports = try column("lamports")
    let times = try column("times")
    try readSteps(lamports, "lamports", after: history.lastLamport) { step, count in
      history.append(lamportStep: step, count: count)
    }
    try readSteps(times, "times", after: history.lastTime) { step, count in
      history.append(timeStep: step, count: count)
    }
  }

  /// - Parameter last: what the first number is told from; the column tells it from 0.
  private func readSteps(
    _ column: ByteReader, _ field: String, after last: Int64,
    _ append: (_ step: Int64, _ count: Int) -> Void
  ) throws(ByteDecodingError) {
    var steps = StepColumnReader(column)
    var left = changeCount
    while left > 0 {
      let isFirst = left == changeCount
      let run = try steps.nextRun(field, atMost: isFirst ? 1 : left)
      append(isFirst ? run.step &- last : run.step, run.count)
      left -= run.count
    }
    try steps.finish(field)
  }

  // MARK: Texts and lists

  private mutating func readSequences(
    into history: inout DocumentHistory, from base: Int
  ) throws(ByteDecodingError) {
    let count = try reader.readCount("sequences", minimumBytesEach: 5)
    var containers: [ContainerID] = []
    for _ in 0..<count {
      let container = try ContainerID(from: &reader, origins: origins)
      guard container.kind == .text || container.kind == .list else {
        throw failure(.invalidValue, "sequence")
      }
      containers.append(container)
    }
    for container in containers {
      try readSequence(history.sequenceIndex(of: container), container, &history, base)
    }
  }

  private mutating func readSequence(
    _ index: Int, _ container: ContainerID, _ history: inout DocumentHistory, _ base: Int
  ) throws(ByteDecodingError) {
    let runCount = try reader.readCount("sequence runs", minimumBytesEach: 0, limit: eventCount)
    var gaps = StepColumnReader(try column("gaps"))
    var heads = try column("heads")
    var positions = try column("positions")
    var content = try ContentReader(try column("content"), isText: container.kind == .text)
    var version = 0
    var cursor = 0
    for _ in 0..<runCount {
      let gap = try gaps.next("gap")
      let head = try heads.readInt("head", in: 3...(3 * SequenceLog.unitCountMax + 2))
      let step = try positions.readSigned("position")
      guard gap >= 0, gap <= Int64(eventCount - version),
        let kind = SequenceRun.Kind(rawValue: UInt8(head % 3)),
        let position = Int(exactly: step).flatMap({ cursor.adding($0) }),
        0...SequenceLog.positionMax ~= position, head / 3 <= eventCount - version - Int(gap)
      else { throw failure(.invalidValue, "run of a sequence") }
      version += Int(gap)
      let run = SequenceRun(
        version: base + version, count: head / 3, position: position, kind: kind, content: 0)
      do {
        try content.append(run, to: index, of: &history)
      } catch let error as ByteDecodingError {
        throw error
      } catch {
        throw failure(.invalidValue, "run of a sequence (\(error))")
      }
      version += run.count
      cursor = run.cursor
    }
    try gaps.finish("gaps")
    try heads.finish("heads")
    try positions.finish("positions")
    try content.finish()
  }

  // MARK: Others

  private mutating func readOthers(
    into history: inout DocumentHistory, from base: Int
  ) throws(ByteDecodingError) {
    var versions = StepColumnReader(try column("versions of operations"))
    let blockCount = try reader.readCount("blocks")
    var last = -1
    for _ in 0..<blockCount {
      var column = try column("block")
      for change in try ChangeBlock.decode(try column.readRaw(column.remaining, "block")) {
        let version = try versions.next("version of an operation")
        guard version > Int64(last), version < Int64(eventCount),
          let operation = change.edits.first?.operations.first, !operation.isOfSequence
        else { throw failure(.invalidValue, "operation") }
        last = Int(version)
        history.append(
          OtherOperation(version: base + last, lamport: change.lamport, operation: operation))
      }
    }
    try versions.finish("versions of operations")
  }
}

/// What the insertions of one text or list inserted, one after the other.
private struct ContentReader {
  private var reader: ByteReader
  private let isText: Bool
  private let text: [UInt8]
  private let isASCII: Bool
  private var offset = 0

  init(_ column: ByteReader, isText: Bool) throws(ByteDecodingError) {
    self.isText = isText
    reader = column
    text = isText ? try reader.readRaw(reader.remaining, "text") : []
    guard let count = text.withUnsafeBufferPointer({ UTF8Scalars.validatedCount($0) }) else {
      throw ByteDecodingError(.invalidUTF8, "text", at: column.offset)
    }
    isASCII = count == text.count
  }

  mutating func append(
    _ run: SequenceRun, to sequence: Int, of history: inout DocumentHistory
  ) throws {
    guard run.kind == .insert, !isText else {
      let end = run.kind == .insert ? try self.end(of: run.count) : offset
      defer { offset = end }
      return try text.withUnsafeBufferPointer { utf8 in
        Result { () throws(SequenceError) in
          try history.append(
            run, utf8: UnsafeBufferPointer(rebasing: utf8[offset..<end]), to: sequence)
        }
      }.get()
    }
    guard run.count <= reader.remaining else {
      throw ByteDecodingError(.truncated, "elements", at: reader.offset)
    }
    var elements: [Operation.Element] = []
    elements.reserveCapacity(run.count)
    for _ in 0..<run.count { elements.append(try Operation.Element(from: &reader)) }
    try history.append(elements, position: run.position, version: run.version, to: sequence)
  }

  /// Where the next `count` scalars of the text end.
  private func end(of count: Int) throws(ByteDecodingError) -> Int {
    guard count <= text.count - offset else {
      throw ByteDecodingError(.truncated, "text", at: offset)
    }
    if isASCII { return offset + count }
    return try text.withUnsafeBufferPointer { utf8 in
      let rest = UnsafeBufferPointer(rebasing: utf8[offset...])
      return Result { () throws(ByteDecodingError) in
        // When there are fewer scalars, the last of them is counted too early.
        let length = UTF8Scalars.byteOffset(of: count, in: rest)
        guard length < rest.count || UTF8Scalars.count(rest) == count else {
          throw ByteDecodingError(.truncated, "text", at: offset)
        }
        return offset + length
      }
    }.get()
  }

  func finish() throws(ByteDecodingError) {
    guard offset == text.count else {
      throw ByteDecodingError(.trailingBytes, "text", at: offset)
    }
    try reader.finish("elements")
  }
}

extension Int {
  fileprivate func adding(_ other: Int) -> Int? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }
}
