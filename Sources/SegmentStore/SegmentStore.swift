import ByteCoding
package import Causality
package import SQLiteBridge
import Sabotages
import Sealing
package import Segments

/// Segments by origin and sequence, membership records, what peers have, and settings, on a
/// connection that is handed in.
///
/// It keeps nothing in memory, so several connections may use one file, and a rollback needs no
/// care. Everything runs in the caller's transaction; what writes insists on one. Nothing here can
/// open a segment or checks a signature: that is the caller's business, before.
package struct SegmentStore {
  let connection: SQLiteConnection

  /// The connection's schema must contain ``SegmentSchema``.
  package init(_ connection: SQLiteConnection) {
    self.connection = connection
  }

  /// Puts a segment behind the last one of its origin.
  ///
  /// Complexity: O(log n), and the bytes are written once.
  ///
  /// - Throws: `.gap` when it does not come next, `.fork` when it contradicts what is stored.
  ///   Neither
  ///   ends the transaction.
  package func append(_ segment: Segment) throws(SegmentStoreError) -> AppendedSegment {
    var chain = try chain(of: segment.origin)
    return try append(segment, to: &chain)
  }

  /// The same for a caller who knows where the chain of the origin stands, see ``chain(of:)``.
  ///
  /// - Parameter chain: as it was last read or left here in this transaction, or before when nobody
  ///   has written since; nil when nothing of the origin is stored.
  package func append(
    _ segment: Segment, to chain: inout Chain?
  ) throws(SegmentStoreError) -> AppendedSegment {
    try requireTransaction()
    let last = chain?.position ?? .start
    if segment.firstSequence <= last.sequence {
      return try compare(segment, in: chain)
    }
    let takesAll = Sabotage.skipChainCheck.isPlanted
    guard segment.firstSequence - 1 == last.sequence || takesAll else {
      throw .gap(
        origin: segment.origin, expected: last.sequence + 1, found: segment.firstSequence)
    }
    guard segment.previous.hash == last.hash || takesAll else {
      throw .fork(origin: segment.origin, sequence: segment.firstSequence)
    }
    let before = chain
    let (row, position) = try sql { () throws(SQLiteError) in
      let row = if let before { before.row } else { try insertOrigin(segment.origin) }
      try connection.execute(
        """
        INSERT INTO segment
          (origin, first_sequence, last_sequence, ordinal, bytes_through, hash, checksum, bytes)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        .integer(row), try SQLiteValue(counter: segment.firstSequence),
        try SQLiteValue(counter: segment.lastSequence),
        SQLiteValue((before?.segmentCount ?? 0) + 1),
        SQLiteValue((before?.byteCount ?? 0) + segment.bytes.count), .blob(segment.hash.array),
        .integer(
          Int64(
            Self.checksum(
              of: segment.bytes, origin: segment.origin, first: segment.firstSequence,
              last: segment.lastSequence, hash: segment.hash))),
        .blob(segment.bytes))
      return (row, connection.lastInsertedRow)
    }
    chain = Chain(
      row: row, position: segment.position, segmentCount: (before?.segmentCount ?? 0) + 1,
      byteCount: (before?.byteCount ?? 0) + segment.bytes.count)
    return .stored(position: position)
  }

  /// Where the chain of `origin` stands: its last stored sequence and that segment's hash. The
  /// start when nothing of it is stored.
  package func position(of origin: Origin) throws(SegmentStoreError) -> ChainPosition {
    try chain(of: origin)?.position ?? .start
  }

  /// What is stored: for each origin its last sequence. Complexity: O(origins).
  package func storedVector() throws(SegmentStoreError) -> VersionVector {
    VersionVector(
      try heads().lazy.map {
        VersionVector.Entry(origin: $0.origin, sequence: $0.position.sequence)
      })
  }

  /// Every origin and where its chain stands, sorted by origin.
  package func heads() throws(SegmentStoreError) -> [(origin: Origin, position: ChainPosition)] {
    try sql { () throws(SQLiteError) in
      var heads: [(origin: Origin, position: ChainPosition)] = []
      var rows = try connection.query(
        """
        SELECT o.origin, s.last_sequence, s.hash \(Self.fromLastSegments) ORDER BY o.origin
        """)
      while try rows.next() {
        let position = ChainPosition(
          sequence: try rows.counter(1), hash: try Self.digest(2, of: rows))
        heads.append((try Self.origin(0, of: rows), position))
      }
      return heads
    }
  }

  /// Puts back the bytes of a stored segment, such as those of one that was damaged and fetched
  /// again.
  ///
  /// - Returns: false when no segment with this hash and these sequences is stored.
  package func repair(with segment: Segment) throws(SegmentStoreError) -> Bool {
    try requireTransaction()
    guard let chain = try chain(of: segment.origin) else { return false }
    return try sql { () throws(SQLiteError) in
      try connection.execute(
        """
        UPDATE segment SET bytes = ?, checksum = ?
        WHERE origin = ? AND last_sequence = ? AND first_sequence = ? AND hash = ?
        """,
        .blob(segment.bytes),
        .integer(
          Int64(
            Self.checksum(
              of: segment.bytes, origin: segment.origin, first: segment.firstSequence,
              last: segment.lastSequence, hash: segment.hash))),
        .integer(chain.row), try SQLiteValue(counter: segment.lastSequence),
        try SQLiteValue(counter: segment.firstSequence), .blob(segment.hash.array))
      return connection.changedRowCount > 0
    }
  }

  // MARK: Chains

  /// What is stored of an origin: its row in `segment_origin`, and what the last segment says.
  package struct Chain {
    let row: Int64
    /// Where it ends.
    package let position: ChainPosition
    let segmentCount: Int
    let byteCount: Int
  }

  /// Nil when nothing of the origin is stored.
  package func chain(of origin: Origin) throws(SegmentStoreError) -> Chain? {
    try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT o.id, s.last_sequence, s.hash, s.ordinal, s.bytes_through
        FROM segment_origin AS o JOIN segment AS s ON s.origin = o.id
        WHERE o.origin = ? ORDER BY s.last_sequence DESC LIMIT 1
        """, .blob(origin.bytes)
      ) { (row) throws(SQLiteError) in
        Chain(
          row: try row.integer(0),
          position: ChainPosition(
            sequence: try row.counter(1), hash: try Self.digest(2, of: row)),
          segmentCount: try row.count(3), byteCount: try row.count(4))
      }
    }
  }

  /// Each origin `o` with its last segment `s`. Complexity: O(log n) for each.
  static let fromLastSegments = """
    FROM segment_origin AS o JOIN segment AS s ON s.position = (
      SELECT position FROM segment WHERE origin = o.id ORDER BY last_sequence DESC LIMIT 1)
    """

  /// - Returns: the number of its row, which a branch has before its first segment.
  func insertOrigin(_ origin: Origin) throws(SQLiteError) -> Int64 {
    try connection.execute(
      "INSERT INTO segment_origin (origin) VALUES (?) ON CONFLICT DO NOTHING",
      .blob(origin.bytes))
    if connection.changedRowCount > 0 { return connection.lastInsertedRow }
    return try connection.queryInteger(
      "SELECT id FROM segment_origin WHERE origin = ?", .blob(origin.bytes)) ?? 0
  }

  /// Decides whether a segment that starts among the stored ones is one of them.
  private func compare(
    _ segment: Segment, in chain: Chain?
  ) throws(SegmentStoreError) -> AppendedSegment {
    let found = try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT position, hash, last_sequence, first_sequence FROM segment
        WHERE origin = ? AND last_sequence >= ? ORDER BY last_sequence LIMIT 1
        """, .integer(chain?.row ?? 0), try SQLiteValue(counter: segment.firstSequence)
      ) { (row) throws(SQLiteError) in
        (
          position: try row.integer(0), hash: try Self.digest(1, of: row),
          last: try row.counter(2), isDropped: try row.integer(3) == 0
        )
      }
    }
    guard let found else {
      throw .inconsistent(
        origin: segment.origin,
        message: "change \(segment.firstSequence) is counted as stored and is not there")
    }
    // Of what lies before the last segment that was dropped nothing is known any more.
    let isGone = found.isDropped && segment.lastSequence < found.last
    guard isGone || found.hash == segment.hash else {
      throw .fork(origin: segment.origin, sequence: segment.firstSequence)
    }
    return .duplicate(position: found.position)
  }

  // MARK: Values

  /// Covers what a row says about a segment as well as its bytes.
  static func checksum(
    of bytes: [UInt8], origin: Origin, first: UInt64, last: UInt64, hash: Digest
  ) -> UInt32 {
    var writer = ByteWriter(reservingCapacity: 68)
    origin.write(to: &writer)
    writer.write(fixed: first)
    writer.write(fixed: last)
    hash.write(to: &writer)
    writer.write(fixed: CRC32C.checksum(bytes))
    return CRC32C.checksum(writer.bytes)
  }

  static func origin(_ column: Int, of row: borrowing SQLiteRows) throws(SQLiteError) -> Origin {
    guard let origin = Origin(bytes: try row.blob(column, count: Origin.byteCount)) else {
      throw SQLiteError(code: .unexpectedValue, message: "column \(column) holds no origin")
    }
    return origin
  }

  static func digest(_ column: Int, of row: borrowing SQLiteRows) throws(SQLiteError) -> Digest {
    guard let digest = Digest(try row.blob(column, count: Bytes32.byteCount)) else {
      throw SQLiteError(code: .unexpectedValue, message: "column \(column) holds no hash")
    }
    return digest
  }

  // MARK: Errors

  func requireTransaction() throws(SegmentStoreError) {
    guard connection.isInTransaction else {
      throw .database(
        SQLiteError(code: .misuse, message: "writing to a segment store needs a transaction"))
    }
  }

  func sql<Result>(
    _ body: () throws(SQLiteError) -> Result
  ) throws(SegmentStoreError) -> Result {
    do throws(SQLiteError) { return try body() } catch { throw .database(error) }
  }
}
