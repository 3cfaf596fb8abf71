package import Causality
import SQLiteBridge
import Sealing
package import Segments

/// A stored segment whose bytes are not those that were stored.
package struct DamagedSegment: Hashable, Sendable {
  package let origin: Origin
  package let sequences: ClosedRange<UInt64>
  /// Its row.
  package let position: Int64

  package init(origin: Origin, sequences: ClosedRange<UInt64>, position: Int64) {
    self.origin = origin
    self.sequences = sequences
    self.position = position
  }
}

extension SegmentStore {
  /// Whether a segment still cannot be read; false also when it is there no more.
  package func isDamaged(_ segment: DamagedSegment) throws(SegmentStoreError) -> Bool {
    do throws(SegmentStoreError) {
      _ = try load(segment.position)
      return false
    } catch {
      guard case .damaged = error else { throw error }
      return true
    }
  }

  /// Puts a segment that was fetched again in the place of a damaged one. The caller has verified
  /// it. When the hash that is stored of it is damaged too, it must fit between its neighbours.
  ///
  /// - Returns: false when it is not the one that was there.
  package func mend(
    _ damaged: DamagedSegment, with segment: Segment
  ) throws(SegmentStoreError) -> Bool {
    guard segment.origin == damaged.origin else { return false }
    if try repair(with: segment) { return true }
    guard try fits(segment, at: damaged) else { return false }
    try sql { () throws(SQLiteError) in
      try connection.execute(
        """
        UPDATE segment SET first_sequence = ?, last_sequence = ?, hash = ?, bytes = ?, checksum = ?
        WHERE position = ?
        """,
        try SQLiteValue(counter: segment.firstSequence),
        try SQLiteValue(counter: segment.lastSequence), .blob(segment.hash.array),
        .blob(segment.bytes),
        .integer(
          Int64(
            Self.checksum(
              of: segment.bytes, origin: segment.origin, first: segment.firstSequence,
              last: segment.lastSequence, hash: segment.hash))), .integer(damaged.position))
    }
    return true
  }

  /// Whether a segment continues the one before a row and is continued by the one behind it.
  private func fits(
    _ segment: Segment, at damaged: DamagedSegment
  ) throws(SegmentStoreError) -> Bool {
    guard try isDamaged(damaged), let chain = try chain(of: segment.origin) else { return false }
    let (before, behind) = try sql { () throws(SQLiteError) in
      (
        try connection.queryInteger(
          """
          SELECT position FROM segment WHERE origin = ? AND position < ?
          ORDER BY position DESC LIMIT 1
          """, .integer(chain.row), .integer(damaged.position)),
        try connection.queryInteger(
          """
          SELECT position FROM segment WHERE origin = ? AND position > ?
          ORDER BY position LIMIT 1
          """, .integer(chain.row), .integer(damaged.position))
      )
    }
    var position = ChainPosition.start
    if let before {
      guard let found = try load(before) else { return false }
      position = ChainPosition(sequence: found.lastSequence, hash: found.hash)
    }
    do throws(SegmentError) {
      try segment.verifyFollows(position)
      guard let behind else { return true }
      guard let found = try? load(behind) else { return false }
      try found.parsed().verifyFollows(segment.position)
      return true
    } catch {
      return false
    }
  }
}
