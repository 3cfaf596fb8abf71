package import Causality
import SQLiteBridge
import Sealing
package import Segments

// Segments that everybody has are dropped from the beginning of each chain. What stays of the last
// one that is gone is a row whose first sequence is 0 and that has no bytes: it tells where the
// rest of the chain begins, and what those before it add up to.
extension SegmentStore {
  /// Up to where the chain of each origin is dropped, or was never here: what lies below cannot be
  /// sent. Empty while everything is held.
  ///
  /// Complexity: O(origins).
  package func floor() throws(SegmentStoreError) -> VersionVector {
    try sql { () throws(SQLiteError) in
      var entries: [VersionVector.Entry] = []
      var rows = try connection.query(
        """
        SELECT o.origin, s.last_sequence
        FROM segment_origin AS o JOIN segment AS s ON s.position = (
          SELECT position FROM segment WHERE origin = o.id ORDER BY last_sequence LIMIT 1)
        WHERE s.first_sequence = 0
        """)
      while try rows.next() {
        entries.append(.init(origin: try Self.origin(0, of: rows), sequence: try rows.counter(1)))
      }
      return VersionVector(entries)
    }
  }

  /// Drops segments that lie wholly at or below a version, the first ones of each origin.
  ///
  /// Complexity: O(origins + limits): what is dropped is given back page by page.
  ///
  /// - Parameters:
  ///   - limitCount: how many it drops at most; call again until it drops none.
  ///   - limitBytes: when they have so many bytes, no more are dropped.
  /// - Returns: how many were dropped.
  package func drop(
    through version: VersionVector, limitCount: Int, limitBytes: Int = .max
  ) throws(SegmentStoreError) -> Int {
    try requireTransaction()
    var (dropped, bytes) = (0, 0)
    for entry in version.entries where dropped < limitCount && bytes < limitBytes {
      guard let chain = try chain(of: entry.origin) else { continue }
      let held = try first(
        of: chain.row, through: entry.sequence, limitCount: limitCount - dropped,
        limitBytes: limitBytes - bytes)
      guard let last = held.last else { continue }
      try makeStub(of: last, chain: chain.row)
      dropped += held.count
      bytes += held.bytes
    }
    return dropped
  }

  /// Makes the chain of an origin begin behind a segment that was never here, as whoever takes over
  /// a snapshot does. What is stored of the origin up to there is dropped.
  ///
  /// - Returns: false when the chain goes further already.
  package func begin(
    _ origin: Origin, after position: ChainPosition
  ) throws(SegmentStoreError) -> Bool {
    try requireTransaction()
    let known = try chain(of: origin)
    if let known, known.position.sequence >= position.sequence { return false }
    try sql { () throws(SQLiteError) in
      if let known {
        try connection.execute("DELETE FROM segment WHERE origin = ?", .integer(known.row))
      }
      let row = if let known { known.row } else { try insertOrigin(origin) }
      let sequence = try SQLiteValue(counter: position.sequence)
      try connection.execute(
        """
        INSERT INTO segment
          (origin, first_sequence, last_sequence, ordinal, bytes_through, hash, checksum, bytes)
        VALUES (?, 0, ?, 0, 0, ?, ?, x'')
        """, .integer(row), sequence, .blob(position.hash.array),
        .integer(Self.stubChecksum(origin, position)))
    }
    return true
  }

  /// Forgets what is stored of an origin behind a change.
  ///
  /// - Returns: how many segments were there.
  package func dropSegments(behind change: ChangeID) throws(SegmentStoreError) -> Int {
    try requireTransaction()
    guard let chain = try chain(of: change.origin) else { return 0 }
    return try sql { () throws(SQLiteError) in
      try connection.execute(
        "DELETE FROM segment WHERE origin = ? AND last_sequence > ?", .integer(chain.row),
        SQLiteValue(clampedCounter: change.sequence))
      let dropped = Int(clamping: connection.changedRowCount)
      // An origin of which nothing is stored has no row. A branch keeps its own: what names mean,
      // and how often changes were applied, depends on it.
      try connection.execute(
        """
        DELETE FROM segment_origin
        WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM segment WHERE origin = ?1)
          AND NOT EXISTS (SELECT 1 FROM segment_branch WHERE origin = ?1)
        """, .integer(chain.row))
      return dropped
    }
  }

  /// Where the last segment of an origin ends that lies wholly at or below a sequence; the start
  /// when there is none.
  package func position(
    of origin: Origin, atMost sequence: UInt64
  ) throws(SegmentStoreError) -> ChainPosition {
    guard let chain = try chain(of: origin) else { return .start }
    let found = try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT last_sequence, hash FROM segment
        WHERE origin = ? AND last_sequence <= ? ORDER BY last_sequence DESC LIMIT 1
        """, .integer(chain.row), SQLiteValue(clampedCounter: sequence)
      ) { (row) throws(SQLiteError) in
        ChainPosition(sequence: try row.counter(0), hash: try Self.digest(1, of: row))
      }
    }
    return found ?? .start
  }

  /// What is held of an origin. Complexity: O(log n).
  func held(of origin: Origin) throws(SegmentStoreError) -> (segments: Int, bytes: Int) {
    guard let chain = try chain(of: origin) else { return (0, 0) }
    let dropped = try sql { () throws(SQLiteError) in try counts(chain: chain.row, through: 0) }
    return (chain.segmentCount - dropped.segments, chain.byteCount - dropped.bytes)
  }

  // MARK: Rows

  /// The first segments of a chain that are held, with the position of the last of them.
  private func first(
    of chain: Int64, through sequence: UInt64, limitCount: Int, limitBytes: Int
  ) throws(SegmentStoreError) -> (count: Int, bytes: Int, last: Int64?) {
    try sql { () throws(SQLiteError) in
      var found: (count: Int, bytes: Int, last: Int64?) = (0, 0, nil)
      var rows = try connection.query(
        """
        SELECT position, length(bytes) FROM segment WHERE origin = ? AND last_sequence <= ?
          AND first_sequence > 0 ORDER BY last_sequence LIMIT ?
        """, .integer(chain), SQLiteValue(clampedCounter: sequence), SQLiteValue(limitCount))
      while found.bytes < limitBytes, try rows.next() {
        found = (found.count + 1, found.bytes + (try rows.count(1)), try rows.integer(0))
      }
      return found
    }
  }

  /// Leaves of a segment where it ended, and nothing of those before it.
  private func makeStub(of position: Int64, chain: Int64) throws(SegmentStoreError) {
    try sql { () throws(SQLiteError) in
      let end = try connection.first(
        """
        SELECT o.origin, s.last_sequence, s.hash
        FROM segment AS s JOIN segment_origin AS o ON o.id = s.origin WHERE s.position = ?
        """, .integer(position)
      ) { (row) throws(SQLiteError) in
        (
          try Self.origin(0, of: row),
          ChainPosition(sequence: try row.counter(1), hash: try Self.digest(2, of: row))
        )
      }
      guard let (origin, end) = end else { return }
      let sequence = try SQLiteValue(counter: end.sequence)
      try connection.execute(
        "DELETE FROM segment WHERE origin = ? AND last_sequence < ?", .integer(chain), sequence)
      try connection.execute(
        """
        UPDATE segment SET first_sequence = 0, bytes = x'', checksum = ?
        WHERE position = ?
        """, .integer(Self.stubChecksum(origin, end)), .integer(position))
    }
  }

  private static func stubChecksum(_ origin: Origin, _ end: ChainPosition) -> Int64 {
    Int64(
      checksum(of: [], origin: origin, first: 0, last: end.sequence, hash: end.hash))
  }
}
