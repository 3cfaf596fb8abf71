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
  /// The greatest position, count and version that an operation can name; far above what it can
  /// mean.
  package static let numberMax = 1 << 48

  package let content: Content

  // Runs, in columns.
  private var versions: ContiguousArray<Int> = []
  private var counts: ContiguousArray<Int> = []
  private var positions: ContiguousArray<Int> = []
  private var kinds: ContiguousArray<SequenceRun.Kind> = []
  /// Ordinal of the first unit inserted by the run; for deletions, of the next insertion.
  private var contents: ContiguousArray<Int> = []
  /// Where the content of the run begins in `bytes`; for deletions, that of the next insertion.
  private var byteStarts: ContiguousArray<Int> = []
  private var bytes: ContiguousArray<UInt8> = []

  /// How many units have ever been inserted: the next ordinal.
  package private(set) var contentCount = 0

  package init(_ content: Content) {
    self.content = content
  }

  package var isEmpty: Bool { versions.isEmpty }
  package var runCount: Int { versions.count }

  package subscript(run: Int) -> SequenceRun {
    SequenceRun(
      version: versions[run], count: counts[run], position: positions[run], kind: kinds[run],
      content: contents[run])
  }

  /// The first run that has an event numbered `version` or above. Complexity: O(log runs).
  package func firstRun(from version: Int) -> Int {
    var low = 0
    var high = versions.count
    while low < high {
      let middle = (low + high) / 2
      if versions[middle] + counts[middle] <= version {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
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
    guard content == .text else { throw .wrongContent(version: version) }
    guard let count = UTF8Scalars.validatedCount(utf8) else {
      throw .invalidUTF8(version: version)
    }
    let byteStart = bytes.count
    try append(version, count, position, .insert, byteStart)
    bytes.append(contentsOf: utf8)
    return count
  }

  @discardableResult
  package mutating func appendInsert(
    version: Int, position: Int, text: String
  ) throws(SequenceError) -> Int {
    var text = text
    let result = text.withUTF8 { utf8 in
      Result { () throws(SequenceError) in
        try appendInsert(version: version, position: position, utf8: utf8)
      }
    }
    return try result.get()
  }

  /// Appends the insertion of `itemCount` items of a list.
  package mutating func appendInsert(
    version: Int, position: Int, itemCount: Int
  ) throws(SequenceError) {
    guard content == .items else { throw .wrongContent(version: version) }
    try append(version, itemCount, position, .insert, 0)
  }

  /// Appends the deletion of `count` units, one event each.
  ///
  /// Forward, every event deletes at `position`; together they delete `position ..< position +
  /// count`. Backward, event `i` deletes at `position - i`; together `position - count + 1 ...
  /// position`.
  package mutating func appendDelete(
    version: Int, position: Int, count: Int, backward: Bool = false
  ) throws(SequenceError) {
    if backward, count > 0, position < count - 1 {
      throw .positionOutOfRange(version: version, position: position, count: count)
    }
    let isBackward = backward && count > 1
    try append(version, count, position, isBackward ? .deleteBackward : .deleteForward, bytes.count)
  }

  private mutating func append(
    _ version: Int, _ count: Int, _ position: Int, _ kind: SequenceRun.Kind, _ byteStart: Int
  ) throws(SequenceError) {
    guard count > 0 else { throw .emptyOperation(version: version) }
    let end = versionEnd
    guard version >= end else { throw .versionNotAscending(version: version, last: end - 1) }
    guard version <= Self.numberMax, count <= Self.numberMax else {
      throw .tooLong(version: version, limit: Self.numberMax)
    }
    guard kind != .insert || count <= Self.unitCountMax - contentCount else {
      throw .tooLong(version: version, limit: Self.unitCountMax)
    }
    guard position >= 0, position <= Self.numberMax else {
      throw .positionOutOfRange(version: version, position: position, count: count)
    }
    if !extendLast(version, count, position, kind) {
      versions.append(version)
      counts.append(count)
      positions.append(position)
      kinds.append(kind)
      contents.append(contentCount)
      byteStarts.append(byteStart)
    }
    if kind == .insert { contentCount += count }
  }

  private var versionEnd: Int {
    guard let last = versions.indices.last else { return 0 }
    return versions[last] + counts[last]
  }

  /// Tries to make the operation part of the last run. A single deletion has no direction yet; it
  /// counts as forward until another one continues it.
  private mutating func extendLast(
    _ version: Int, _ count: Int, _ position: Int, _ kind: SequenceRun.Kind
  ) -> Bool {
    guard let last = versions.indices.last, version == versionEnd else { return false }
    let lastCount = counts[last]
    let lastPosition = positions[last]
    var lastKind = kinds[last]
    switch kind {
    case .insert:
      guard lastKind == .insert, position == lastPosition + lastCount else { return false }
    case .deleteForward where count == 1:
      if lastKind == .deleteForward, position == lastPosition { break }
      let isBackward = lastKind == .deleteBackward || lastKind == .deleteForward && lastCount == 1
      guard isBackward, position == lastPosition - lastCount else { return false }
      lastKind = .deleteBackward
    case .deleteForward:
      guard lastKind == .deleteForward, position == lastPosition else { return false }
    case .deleteBackward:
      let isBackward = lastKind == .deleteBackward || lastKind == .deleteForward && lastCount == 1
      guard isBackward, position == lastPosition - lastCount else { return false }
      lastKind = .deleteBackward
    }
    kinds[last] = lastKind
    counts[last] += count
    return true
  }

  /// Forgets the events numbered `version` and above. Complexity: O(what is forgotten).
  package mutating func truncate(toVersion version: Int) {
    while let last = versions.indices.last, versionEnd > version {
      let kept = max(0, version - versions[last])
      let dropped = counts[last] - kept
      if kinds[last] == .insert {
        contentCount -= dropped
        bytes.removeLast(bytes.count - byteOffset(ofContent: contents[last] + kept, run: last))
      }
      if kept > 0 {
        counts[last] = kept
        if kept == 1, kinds[last] == .deleteBackward { kinds[last] = .deleteForward }
      } else {
        versions.removeLast()
        counts.removeLast()
        positions.removeLast()
        kinds.removeLast()
        contents.removeLast()
        byteStarts.removeLast()
      }
    }
  }

  // MARK: Content

  /// Calls `body` with the UTF-8 of the scalars that have these ordinals, which must have been
  /// inserted into a text. Complexity: O(log runs), and O(run) where the run is not ASCII.
  package func withUTF8<Result>(
    ofContent range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    precondition(content == .text && range.upperBound <= contentCount, "content never inserted")
    guard !range.isEmpty else { return body(UnsafeBufferPointer(start: nil, count: 0)) }
    let start = byteOffset(ofContent: range.lowerBound, run: run(ofContent: range.lowerBound))
    let end = byteOffset(ofContentEnd: range.upperBound)
    return bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[start..<end])) }
  }

  /// The scalars that have these ordinals.
  package func text(ofContent range: Range<Int>) -> String {
    withUTF8(ofContent: range) { String(decoding: $0, as: UTF8.self) }
  }

  private func byteOffset(ofContentEnd ordinal: Int) -> Int {
    if ordinal == contentCount { return bytes.count }
    return byteOffset(ofContent: ordinal, run: run(ofContent: ordinal))
  }

  /// The insertion that holds the ordinal: the last run that begins at or before it. Deletions
  /// carry the ordinal of the insertion after them, so that they never come last among equals.
  private func run(ofContent ordinal: Int) -> Int {
    var low = 0
    var high = contents.count
    while low < high {
      let middle = (low + high) / 2
      if contents[middle] <= ordinal { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }

  private func byteOffset(ofContent ordinal: Int, run: Int) -> Int {
    let start = byteStarts[run]
    let end = run + 1 < byteStarts.count ? byteStarts[run + 1] : bytes.count
    let offset = ordinal - contents[run]
    if end - start == counts[run] { return start + offset }
    return bytes.withUnsafeBufferPointer {
      start
        + UTF8Scalars.byteOffset(
          of: offset, in: UnsafeBufferPointer(rebasing: $0[start..<end]))
    }
  }
}

/// One run of operations of a `SequenceLog`.
package struct SequenceRun: Hashable, Sendable {
  package enum Kind: UInt8, Sendable { case insert, deleteForward, deleteBackward }

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
