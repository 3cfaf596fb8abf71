internal import RunStructures

/// The operations of one text or list, as they were made: each at an index of the version that its
/// author saw, by ascending local version.
///
/// One event inserts one scalar (or item) or deletes one. Runs of events that continue each other
/// are one entry: typing forward, deleting forward (each event at the same position), deleting
/// backward (each event one position lower). Numbers of the event graph that are missing here
/// belong to other containers.
///
/// What was inserted is numbered by **ordinal**: the first scalar ever appended is 0, and so on. A
/// text keeps its content here as UTF-8; the items of a list live with the caller, by ordinal.
package struct SequenceLog: Sendable {
  package enum Content: Sendable { case text, items }

  /// The most units that can ever be inserted, and so the greatest length.
  package static let unitCountMax = 1 << 30
  /// The greatest position and count that an operation can name; above what it can mean.
  package static let positionMax = 1 << 30
  /// The greatest version of an event.
  package static let versionMax = 1 << 48

  /// One run as it is stored.
  struct Row {
    var version: Int
    /// Where the content of the run begins in `bytes`; for deletions, that of the next insertion.
    var byteStart: Int
    var count: UInt32
    var position: UInt32
    /// Ordinal of the first unit inserted by the run; for deletions, of the next insertion.
    var content: UInt32
    var kind: SequenceRun.Kind
  }

  package let content: Content
  private(set) var rows: ContiguousArray<Row> = []
  private(set) var bytes: ContiguousArray<UInt8> = []

  /// How many units have ever been inserted: the next ordinal.
  package private(set) var contentCount = 0
  /// What was inserted at once and is to be there once, of what is in the log.
  private(set) var twins: [SequenceTwins] = []
  /// One more than the last version in the log.
  package private(set) var versionEnd = 0

  package init(_ content: Content) {
    self.content = content
  }

  package var isEmpty: Bool { rows.isEmpty }
  package var runCount: Int { rows.count }
  /// How many bytes of text have ever been inserted.
  package var utf8Count: Int { bytes.count }

  package subscript(run: Int) -> SequenceRun {
    let row = rows[run]
    return SequenceRun(
      version: row.version, count: Int(row.count), position: Int(row.position), kind: row.kind,
      content: Int(row.content))
  }

  /// The first run that has an event numbered `version` or above. Complexity: O(log runs).
  package func firstRun(from version: Int) -> Int {
    var low = 0
    var high = rows.count
    while low < high {
      let middle = (low + high) / 2
      if rows[middle].version + Int(rows[middle].count) <= version {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  /// The runs that have events in `versions`. Complexity: O(log runs) and their number.
  package func runs(in versions: Range<Int>) -> Range<Int> {
    let first = firstRun(from: versions.lowerBound)
    var end = first
    while end < rows.count, rows[end].version < versions.upperBound { end += 1 }
    return first..<end
  }

  mutating func note(_ twins: [SequenceTwins]) { self.twins += twins }

  /// Whether one is a copy of the other, and nothing was appended to either since. Complexity:
  /// O(1).
  func sharesStorage(with other: SequenceLog) -> Bool {
    rows.count == other.rows.count
      && rows.withUnsafeBufferPointer { rows in
        other.rows.withUnsafeBufferPointer { $0.baseAddress == rows.baseAddress }
      }
  }

  // MARK: Appending

  /// Appends the insertion of UTF-8 text, one event for each scalar, and returns their number.
  ///
  /// - Parameter version: the local version of the first event, above all in the log.
  /// - Complexity: O(bytes).
  @discardableResult
  package mutating func appendInsert(
    version: Int, position: Int, utf8: UnsafeBufferPointer<UInt8>
  ) throws(SequenceError) -> Int {
    guard let count = UTF8Scalars.validatedCount(utf8) else {
      throw .invalidUTF8(version: version)
    }
    try appendInsert(version: version, position: position, valid: utf8, count: count)
    return count
  }

  /// Appends the insertion of UTF-8 that is known to be `count` valid scalars.
  package mutating func appendInsert(
    version: Int, position: Int, valid utf8: UnsafeBufferPointer<UInt8>, count: Int
  ) throws(SequenceError) {
    guard content == .text else { throw .wrongContent(version: version) }
    try append(version, count, position, .insert, byteStart: bytes.count)
    bytes.append(contentsOf: utf8)
  }

  @discardableResult
  package mutating func appendInsert(
    version: Int, position: Int, text: String
  ) throws(SequenceError) -> Int {
    var text = text
    let result = text.withUTF8 { utf8 in
      Result { () throws(SequenceError) in
        let count = UTF8Scalars.count(utf8)
        try appendInsert(version: version, position: position, valid: utf8, count: count)
        return count
      }
    }
    return try result.get()
  }

  /// Appends the insertion of `itemCount` items of a list.
  package mutating func appendInsert(
    version: Int, position: Int, itemCount: Int
  ) throws(SequenceError) {
    guard content == .items else { throw .wrongContent(version: version) }
    try append(version, itemCount, position, .insert, byteStart: 0)
  }

  /// Appends the deletion of `count` units, one event each.
  ///
  /// Forward, every event deletes at `position`; together they delete `position ..< position +
  /// count`. Backward, event `i` deletes at `position - i`; together `position - count + 1 ...
  /// position`.
  package mutating func appendDelete(
    version: Int, position: Int, count: Int, backward: Bool = false
  ) throws(SequenceError) {
    try appendDelete(
      version: version, position: position, count: count, backward: backward,
      byteStart: bytes.count)
  }

  private mutating func appendDelete(
    version: Int, position: Int, count: Int, backward: Bool, byteStart: Int
  ) throws(SequenceError) {
    if backward, count > 0, position < count - 1 {
      throw .positionOutOfRange(version: version, position: position, count: count)
    }
    let isBackward = backward && count > 1
    try append(
      version, count, position, isBackward ? .deleteBackward : .deleteForward,
      byteStart: byteStart)
  }

  /// Appends runs of a text; their content is numbered anew.
  ///
  /// - Parameter utf8: valid, as many scalars as the runs insert, one after the other.
  /// - Complexity: O(runs + bytes).
  mutating func append(
    _ runs: ContiguousArray<SequenceRun>, utf8: UnsafeBufferPointer<UInt8>, isASCII: Bool
  ) throws(SequenceError) {
    guard content == .text else { throw .wrongContent(version: versionEnd) }
    if rows.isEmpty { rows.reserveCapacity(runs.count) }
    let start = bytes.count
    bytes.append(contentsOf: utf8)
    var offset = 0
    // Where the ASCII from `offset` on ends.
    var asciiEnd = isASCII ? utf8.count : 0
    for run in runs {
      try append(run, byteStart: start + offset)
      guard run.kind == .insert else { continue }
      if !isASCII, offset + run.count > asciiEnd {
        let rest = UnsafeBufferPointer(rebasing: utf8[offset...])
        offset += UTF8Scalars.byteOffset(of: run.count, in: rest)
        asciiEnd = utf8[offset...].firstIndex { $0 >= 0x80 } ?? utf8.count
      } else {
        offset += run.count
      }
    }
  }

  /// Appends runs of a list; their content is numbered anew. Complexity: O(runs).
  mutating func append(itemRuns runs: ContiguousArray<SequenceRun>) throws(SequenceError) {
    guard content == .items else { throw .wrongContent(version: versionEnd) }
    for run in runs { try append(run, byteStart: 0) }
  }

  private mutating func append(_ run: SequenceRun, byteStart: Int) throws(SequenceError) {
    switch run.kind {
    case .insert:
      try append(run.version, run.count, run.position, .insert, byteStart: byteStart)
    case .deleteForward, .deleteBackward:
      try appendDelete(
        version: run.version, position: run.position, count: run.count,
        backward: run.kind == .deleteBackward, byteStart: byteStart)
    }
  }

  private mutating func append(
    _ version: Int, _ count: Int, _ position: Int, _ kind: SequenceRun.Kind, byteStart: Int
  ) throws(SequenceError) {
    guard count > 0, count <= Self.unitCountMax, version >= versionEnd,
      version <= Self.versionMax, position >= 0, position <= Self.positionMax,
      kind != .insert || count <= Self.unitCountMax - contentCount
    else { throw refusal(version, count, position) }
    if version > versionEnd || !extendLast(version, count, position, kind) {
      // Every number was held against its limit above.
      rows.append(
        Row(
          version: version, byteStart: byteStart, count: UInt32(truncatingIfNeeded: count),
          position: UInt32(truncatingIfNeeded: position),
          content: UInt32(truncatingIfNeeded: contentCount), kind: kind))
    }
    versionEnd = version + count
    if kind == .insert { contentCount += count }
  }

  @inline(never)
  private func refusal(_ version: Int, _ count: Int, _ position: Int) -> SequenceError {
    if count <= 0 { return .emptyOperation(version: version) }
    if version < versionEnd {
      return .versionNotAscending(version: version, last: versionEnd - 1)
    }
    if position < 0 || position > Self.positionMax {
      return .positionOutOfRange(version: version, position: position, count: count)
    }
    return .tooLong(version: version, limit: Self.unitCountMax)
  }

  /// Tries to make the operation, which comes right after, part of the last run. A single deletion
  /// has no direction yet; it counts as forward until another one continues it.
  private mutating func extendLast(
    _ version: Int, _ count: Int, _ position: Int, _ kind: SequenceRun.Kind
  ) -> Bool {
    let last = rows.count - 1
    guard last >= 0 else { return false }
    let row = rows[last]
    // A run is as long as one operation can be, at the most.
    guard Int(row.count) + count <= Self.unitCountMax else { return false }
    var lastKind = row.kind
    switch kind {
    case .insert:
      guard lastKind == .insert, position == Int(row.position) + Int(row.count) else {
        return false
      }
    case .deleteForward where count == 1:
      if lastKind == .deleteForward, position == Int(row.position) { break }
      let isBackward =
        lastKind == .deleteBackward || lastKind == .deleteForward && row.count == 1
      guard isBackward, position == Int(row.position) - Int(row.count) else { return false }
      lastKind = .deleteBackward
    case .deleteForward:
      guard lastKind == .deleteForward, position == Int(row.position) else { return false }
    case .deleteBackward:
      let isBackward =
        lastKind == .deleteBackward || lastKind == .deleteForward && row.count == 1
      guard isBackward, position == Int(row.position) - Int(row.count) else { return false }
      lastKind = .deleteBackward
    }
    rows[last].kind = lastKind
    rows[last].count = row.count + UInt32(count)
    return true
  }

  /// Forgets the events numbered `version` and above. Complexity: O(what is forgotten).
  package mutating func truncate(toVersion version: Int) {
    while let row = rows.last, versionEnd > version {
      let last = rows.count - 1
      let kept = max(0, version - row.version)
      let dropped = Int(row.count) - kept
      if row.kind == .insert {
        contentCount -= dropped
        bytes.removeLast(bytes.count - byteOffset(ofContent: Int(row.content) + kept, run: last))
      }
      if kept > 0 {
        rows[last].count = UInt32(kept)
        if kept == 1, row.kind == .deleteBackward { rows[last].kind = .deleteForward }
        versionEnd = version
      } else {
        rows.removeLast()
        versionEnd = rows.last.map { $0.version + Int($0.count) } ?? 0
      }
    }
  }
}

/// One run of operations of a `SequenceLog`.
package struct SequenceRun: Hashable, Sendable {
  package enum Kind: UInt8, BitwiseCopyable, Sendable { case insert, deleteForward, deleteBackward }

  package var version: Int
  package var count: Int
  package var position: Int
  package var kind: Kind
  /// Insertions: the ordinal of the first unit.
  package var content: Int

  package init(version: Int, count: Int, position: Int, kind: Kind, content: Int) {
    self.version = version
    self.count = count
    self.position = position
    self.kind = kind
    self.content = content
  }

  /// The events of this run that are in `range`, which must meet it.
  package func slice(_ range: Range<Int>) -> SequenceRun {
    let skipped = max(0, range.lowerBound - version)
    let end = min(version + count, range.upperBound)
    var part = self
    part.version += skipped
    part.count = end - part.version
    switch kind {
    case .insert:
      part.position += skipped
      part.content += skipped
    case .deleteForward: break
    case .deleteBackward: part.position -= skipped
    }
    return part
  }

  /// Deletions: the first position of the range that they delete together.
  package var lowestPosition: Int {
    kind == .deleteBackward ? position - (count - 1) : position
  }
}
