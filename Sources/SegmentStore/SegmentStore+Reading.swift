package import Causality
import SQLiteBridge
package import Sealing
import Segments

extension SegmentStore {
  /// The segments that a peer with `known` lacks, in store order.
  ///
  /// See ``segments(in:limitBytes:limitCount:)``.
  package func segments(
    beyond known: VersionVector, limitBytes: Int, limitCount: Int
  ) throws(SegmentStoreError) -> [StoredSegment] {
    try segments(
      in: try ranges(beyond: known), limitBytes: limitBytes, limitCount: limitCount)
  }

  /// What a peer with `known` lacks, sorted by origin. Complexity: O(origins).
  package func ranges(beyond known: VersionVector) throws(SegmentStoreError) -> [SegmentRange] {
    var ranges: [SegmentRange] = []
    for (origin, position) in try heads() {
      let after = known[origin]
      if after < position.sequence {
        ranges.append(SegmentRange(origin: origin, after: after, through: position.sequence))
      }
    }
    return ranges
  }

  /// The segments that hold a change of one of the ranges, in store order. It stops once there are
  /// `limitCount` of them or their bytes reach `limitBytes`; there is at least one if there is any.
  ///
  /// A damaged segment ends the answer before it; when it would come first, it is thrown.
  ///
  /// Complexity: O(log n) for each range and each segment of the answer. What lies outside the
  /// ranges is not looked at: within an origin the order of positions is that of sequences, so the
  /// ranges are merged like sorted lists, each known only by its next element.
  ///
  /// - Parameter ranges: at most one for each origin.
  /// - Throws: `.damaged`.
  package func segments(
    in ranges: [SegmentRange], limitBytes: Int, limitCount: Int
  ) throws(SegmentStoreError) -> [StoredSegment] {
    var heap = PositionHeap()
    for range in ranges {
      guard let chain = try chain(of: range.origin) else { continue }
      if let next = try next(chain: chain.row, after: range.after, through: range.through) {
        heap.push(next)
      }
    }
    var found: [StoredSegment] = []
    var byteCount = 0
    while found.count < max(1, limitCount), found.isEmpty || byteCount < limitBytes,
      let next = heap.pop()
    {
      guard let segment = try load(next.position, orStopAfter: found) else { break }
      byteCount += segment.bytes.count
      found.append(segment)
      if let following = try self.next(
        chain: next.chain, after: segment.lastSequence, through: next.through)
      {
        heap.push(following)
      }
    }
    return found
  }

  /// The segments that arrived after `position`, in store order, with the same limits.
  ///
  /// - Throws: `.damaged`.
  package func segments(
    afterPosition position: Int64, limitBytes: Int, limitCount: Int
  ) throws(SegmentStoreError) -> [StoredSegment] {
    var found: [StoredSegment] = []
    var byteCount = 0
    var position = max(0, position)
    while found.count < max(1, limitCount), found.isEmpty || byteCount < limitBytes,
      let next = try heldPosition(after: position),
      let segment = try load(next, orStopAfter: found)
    {
      byteCount += segment.bytes.count
      found.append(segment)
      position = next
    }
    return found
  }

  /// The segment that holds a change; nil when it is not stored.
  ///
  /// - Throws: `.damaged`.
  package func segment(containing change: ChangeID) throws(SegmentStoreError) -> StoredSegment? {
    guard change.sequence > 0 else { return nil }
    let found = try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT o.origin, s.first_sequence, s.last_sequence, s.hash, s.bytes, s.checksum, s.position
        FROM segment_origin AS o JOIN segment AS s ON s.origin = o.id
        WHERE o.origin = ? AND s.last_sequence >= ? AND s.first_sequence > 0
        ORDER BY s.last_sequence LIMIT 1
        """, .blob(change.origin.bytes), SQLiteValue(clampedCounter: change.sequence)
      ) { (row) throws(SQLiteError) in try Self.segment(of: row, at: try row.integer(6)) }
    }
    guard let found, found.segment.firstSequence <= change.sequence else { return nil }
    return try verified(found)
  }

  /// The segments of an origin that lie wholly before a change, the last one first: for reading a
  /// chain backwards. It stops once there are `limitCount` of them or their bytes reach
  /// `limitBytes`.
  ///
  /// - Throws: `.damaged`.
  package func segments(
    before change: ChangeID, limitBytes: Int, limitCount: Int
  ) throws(SegmentStoreError) -> [StoredSegment] {
    guard limitCount > 0 else { return [] }
    let found = try sql { () throws(SQLiteError) in
      var found: [(segment: StoredSegment, checksum: Int64)] = []
      var byteCount = 0
      var rows = try connection.query(
        """
        SELECT o.origin, s.first_sequence, s.last_sequence, s.hash, s.bytes, s.checksum, s.position
        FROM segment_origin AS o JOIN segment AS s ON s.origin = o.id
        WHERE o.origin = ? AND s.last_sequence < ? AND s.first_sequence > 0
        ORDER BY s.last_sequence DESC
        """, .blob(change.origin.bytes), SQLiteValue(clampedCounter: change.sequence))
      while found.count < limitCount, byteCount < limitBytes, try rows.next() {
        let row = try Self.segment(of: rows, at: try rows.integer(6))
        byteCount += row.segment.bytes.count
        found.append(row)
      }
      return found
    }
    var segments: [StoredSegment] = []
    for row in found { segments.append(try verified(row)) }
    return segments
  }

  /// The hash of the segment that ends with this change; nil when none does. It tells whether a
  /// peer's chain is the same as ours up to there.
  package func chainHash(endingAt change: ChangeID) throws(SegmentStoreError) -> Digest? {
    guard let chain = try chain(of: change.origin) else { return nil }
    return try sql { () throws(SQLiteError) in
      try connection.first(
        "SELECT hash FROM segment WHERE origin = ? AND last_sequence = ?", .integer(chain.row),
        SQLiteValue(clampedCounter: change.sequence)
      ) { (row) throws(SQLiteError) in try Self.digest(0, of: row) }
    }
  }

  /// The place of the segment that arrived last; 0 when there is none.
  package func lastPosition() throws(SegmentStoreError) -> Int64 {
    try sql { () throws(SQLiteError) in
      try connection.queryInteger("SELECT max(position) FROM segment") ?? 0
    }
  }

  /// How much there is. Complexity: O(origins).
  package func totals() throws(SegmentStoreError) -> SegmentTotals {
    try totals(beyond: VersionVector())
  }

  /// How much a peer with `known` lacks. A segment that it has in part counts whole; one that is
  /// dropped counts with its changes alone.
  ///
  /// Complexity: O(origins · log n).
  package func totals(beyond known: VersionVector) throws(SegmentStoreError) -> SegmentTotals {
    var totals = SegmentTotals()
    try sql { () throws(SQLiteError) in
      var rows = try connection.query(
        """
        SELECT o.id, o.origin, s.last_sequence, s.ordinal, s.bytes_through
        \(Self.fromLastSegments) ORDER BY o.origin
        """)
      while try rows.next() {
        let known = known[try Self.origin(1, of: rows)]
        let last = try rows.counter(2)
        guard known < last else { continue }
        let below = try counts(chain: try rows.integer(0), through: known)
        totals.origins += 1
        totals.changes += last - known
        totals.segments += max(0, try rows.count(3) - below.segments)
        totals.bytes += max(0, try rows.count(4) - below.bytes)
      }
    }
    return totals
  }

  // MARK: Rows

  /// The counts of an origin up to the last segment that lies wholly at or below a sequence.
  func counts(
    chain: Int64, through sequence: UInt64
  ) throws(SQLiteError) -> (segments: Int, bytes: Int) {
    let found = try connection.first(
      """
      SELECT ordinal, bytes_through FROM segment
      WHERE origin = ? AND last_sequence <= ? ORDER BY last_sequence DESC LIMIT 1
      """, .integer(chain), SQLiteValue(clampedCounter: sequence)
    ) { (row) throws(SQLiteError) in (try row.count(0), try row.count(1)) }
    if let found { return found }
    // What is dropped is held no more.
    let dropped = try connection.first(
      """
      SELECT ordinal, bytes_through, first_sequence FROM segment
      WHERE origin = ? ORDER BY last_sequence LIMIT 1
      """, .integer(chain)
    ) { (row) throws(SQLiteError) in
      try row.integer(2) == 0 ? (try row.count(0), try row.count(1)) : nil
    }
    return (dropped ?? nil) ?? (0, 0)
  }

  private func heldPosition(after position: Int64) throws(SegmentStoreError) -> Int64? {
    try sql { () throws(SQLiteError) in
      try connection.queryInteger(
        """
        SELECT position FROM segment WHERE position > ? AND first_sequence > 0
        ORDER BY position LIMIT 1
        """, .integer(position))
    }
  }

  /// The first segment of an origin with a change after `after`, if it starts at or before
  /// `through`.
  private func next(
    chain: Int64, after: UInt64, through: UInt64
  ) throws(SegmentStoreError) -> PositionHeap.Element? {
    try sql { () throws(SQLiteError) in
      let found = try connection.first(
        """
        SELECT position, first_sequence FROM segment
        WHERE origin = ? AND last_sequence > ? AND first_sequence > 0
        ORDER BY last_sequence LIMIT 1
        """, .integer(chain), SQLiteValue(clampedCounter: after)
      ) { (row) throws(SQLiteError) in (try row.integer(0), try row.counter(1)) }
      guard let (position, first) = found, first <= through else { return nil }
      return PositionHeap.Element(position: position, chain: chain, through: through)
    }
  }

  /// Loads a segment; nil when it is damaged and others can be answered before it.
  private func load(
    _ position: Int64, orStopAfter found: [StoredSegment]
  ) throws(SegmentStoreError) -> StoredSegment? {
    do throws(SegmentStoreError) {
      return try load(position)
    } catch {
      guard case .damaged = error, !found.isEmpty else { throw error }
      return nil
    }
  }

  /// Loads and verifies a segment.
  func load(_ position: Int64) throws(SegmentStoreError) -> StoredSegment? {
    let found = try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT o.origin, s.first_sequence, s.last_sequence, s.hash, s.bytes, s.checksum
        FROM segment AS s JOIN segment_origin AS o ON o.id = s.origin WHERE s.position = ?
        """, .integer(position)
      ) { (row) throws(SQLiteError) in try Self.segment(of: row, at: position) }
    }
    return try found.map { found throws(SegmentStoreError) in try verified(found) }
  }

  private static func segment(
    of row: borrowing SQLiteRows, at position: Int64
  ) throws(SQLiteError) -> (segment: StoredSegment, checksum: Int64) {
    let segment = StoredSegment(
      position: position, origin: try origin(0, of: row), firstSequence: try row.counter(1),
      lastSequence: try row.counter(2), hash: try digest(3, of: row), bytes: try row.blob(4))
    return (segment, try row.integer(5))
  }

  private func verified(
    _ found: (segment: StoredSegment, checksum: Int64)
  ) throws(SegmentStoreError) -> StoredSegment {
    let segment = found.segment
    let actual = Self.checksum(
      of: segment.bytes, origin: segment.origin, first: segment.firstSequence,
      last: segment.lastSequence, hash: segment.hash)
    guard Int64(actual) == found.checksum else {
      let first = min(segment.firstSequence, segment.lastSequence)
      throw .damaged(
        origin: segment.origin, sequences: first...max(first, segment.lastSequence),
        position: segment.position)
    }
    return segment
  }
}

/// The next segment of each of several origins; the one that arrived first comes out first.
private struct PositionHeap {
  struct Element {
    let position: Int64
    let chain: Int64
    let through: UInt64
  }

  private var elements: [Element] = []

  mutating func push(_ element: Element) {
    elements.append(element)
    var child = elements.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard elements[child].position < elements[parent].position else { return }
      elements.swapAt(child, parent)
      child = parent
    }
  }

  mutating func pop() -> Element? {
    guard let first = elements.first, let last = elements.popLast() else { return nil }
    guard !elements.isEmpty else { return first }
    elements[0] = last
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < elements.count else { return first }
      if child + 1 < elements.count, elements[child + 1].position < elements[child].position {
        child += 1
      }
      guard elements[child].position < elements[parent].position else { return first }
      elements.swapAt(child, parent)
      parent = child
    }
  }
}
