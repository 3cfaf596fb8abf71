import ByteCoding
import Causality
import Documents
import RunStructures

/// Reads the columns of a history chunk into a history.
struct HistoryUnpacker {
  private var reader: ByteReader
  private let language: OperationLanguage
  private var origins: [Origin] = []
  /// How many events and changes the runs are.
  private var eventCount = 0
  private var changeCount = 0

  /// How many bytes the columns to come may have when they are unpacked.
  private var bytesLeft = HistoryChunk.byteCountMax

  /// - Parameter reader: of what follows the document's name.
  init(_ reader: ByteReader, in language: OperationLanguage) {
    self.reader = reader
    self.language = language
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
    let number = try column.readVarint("origin")
    guard number < UInt64(origins.count) else { throw failure(.invalidValue, "origin") }
    return Int(number)
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
    var parentColumn = try column("run parents")
    var nextSequences = [UInt64](repeating: 1, count: origins.count)
    // Where each origin is in the history, once a run of it has come.
    var places = [Int](repeating: -1, count: origins.count)
    var parents = Arena<Int>(capacity: 4)
    // Where the next run begins. Asking the history would copy it each time.
    var end = base
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
      if places[origin] < 0 { places[origin] = history.originIndex(of: origins[origin]) }
      try readParents(&parents, from: &parentColumn, in: &history, base, end)
      do throws(MergeError) {
        end = try history.append(
          origin: places[origin], sequence: sequence, eventCount: size >> 1,
          isOneChange: isOneChange, parents: &parents
        ).upperBound
      } catch {
        throw failure(.invalidValue, "run of a history (\(error))")
      }
      changeCount += changes
    }
    eventCount = end - base
    try runOrigins.finish("run origins")
    try sequences.finish("run sequences")
    try sizes.finish("run sizes")
    try parentColumn.finish("run parents")
  }

  /// Makes `parents` those of the run that comes next, which begins at `end`.
  ///
  /// - Parameter history: is not changed; passed otherwise it would be copied for each run.
  private func readParents(
    _ parents: inout Arena<Int>, from column: inout ByteReader,
    in history: inout DocumentHistory, _ base: Int, _ end: Int
  ) throws(ByteDecodingError) {
    let count = try column.readInt("parent count", in: 0...Int.max)
    parents.removeAll()
    if count == 0 {
      // The change before stands in this chunk.
      guard end > base else { throw failure(.invalidValue, "parents") }
      return parents.append(end - 1)
    }
    guard count - 1 <= column.remaining else { throw failure(.truncated, "parents") }
    for _ in 1..<count {
      let distance = try column.readInt("parent", in: 0...(end - base))
      if distance > 0 {
        parents.append(end - distance)
      } else {
        let origin = try origin(from: &column)
        let change = ChangeID(
          origin: origins[origin], sequence: try column.readVarint("parent"))
        guard let version = history.lastVersion(of: change) else {
          throw failure(.invalidValue, "parent")
        }
        parents.append(version)
      }
    }
  }

  private mutating func readTimes(
    into history: inout DocumentHistory
  ) throws(ByteDecodingError) {
    let lamports = try column("lamports")
    let times = try column("times")
    try history.append(lamports: lamports, times: times, count: changeCount)
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
    var runs: ContiguousArray<SequenceRun> = []
    // Each takes a byte of two columns.
    runs.reserveCapacity(min(runCount, heads.remaining))
    var version = 0
    var cursor = 0
    var insertedCount = 0
    for _ in 0..<runCount {
      let gap = try gaps.next("gap")
      let head = try heads.readInt("head", in: 3...(3 * SequenceLog.unitCountMax + 2))
      let step = try positions.readSigned("position")
      let count = head / 3
      guard gap >= 0, gap <= Int64(eventCount - version),
        let kind = SequenceRun.Kind(rawValue: UInt8(head % 3)),
        let position = Int(exactly: step).flatMap({ cursor.adding($0) }),
        0...SequenceLog.positionMax ~= position, count <= eventCount - version - Int(gap)
      else { throw failure(.invalidValue, "run of a sequence") }
      version += Int(gap)
      let run = SequenceRun(
        version: base + version, count: count, position: position, kind: kind, content: 0)
      runs.append(run)
      version += count
      cursor = run.cursor
      // All counts together are at most the events.
      if head % 3 == SequenceRun.Kind.insert.rawValue { insertedCount += count }
    }
    try gaps.finish("gaps")
    try heads.finish("heads")
    try positions.finish("positions")
    if container.kind == .text {
      try readText(of: runs, scalarCount: insertedCount, into: &history, at: index)
    } else {
      try readElements(of: runs, count: insertedCount, into: &history, at: index)
    }
  }

  private mutating func readText(
    of runs: ContiguousArray<SequenceRun>, scalarCount: Int,
    into history: inout DocumentHistory, at index: Int
  ) throws(ByteDecodingError) {
    var content = try column("content")
    let text = try content.readRaw(content.remaining, "text")
    let result: Result<Void, ByteDecodingError> = text.withUnsafeBufferPointer { utf8 in
      guard let count = UTF8Scalars.validatedCount(utf8) else {
        return .failure(failure(.invalidUTF8, "text"))
      }
      guard count == scalarCount else {
        return .failure(failure(count < scalarCount ? .truncated : .trailingBytes, "text"))
      }
      do throws(SequenceError) {
        try history.append(runs, utf8: utf8, isASCII: count == utf8.count, to: index)
        return .success(())
      } catch {
        return .failure(failure(.invalidValue, "run of a sequence (\(error))"))
      }
    }
    try result.get()
  }

  private mutating func readElements(
    of runs: ContiguousArray<SequenceRun>, count: Int, into history: inout DocumentHistory,
    at index: Int
  ) throws(ByteDecodingError) {
    var content = try column("content")
    guard count <= content.remaining else { throw failure(.truncated, "elements") }
    var elements: [Operation.Element] = []
    elements.reserveCapacity(count)
    for _ in 0..<count { elements.append(try Operation.Element(from: &content)) }
    try content.finish("elements")
    do throws(SequenceError) {
      try history.append(runs, elements, to: index)
    } catch {
      throw failure(.invalidValue, "run of a sequence (\(error))")
    }
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
      let bytes = try column.readRaw(column.remaining, "block")
      for change in try ChangeBlock.decode(bytes, in: language) {
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

extension Int {
  fileprivate func adding(_ other: Int) -> Int? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }
}
