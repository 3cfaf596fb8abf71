import ByteCoding
import Causality
import SQLiteBridge

// The rows with which the store counts: what is applied of each origin, at which Lamport times, and
// in which order. SQLite has no checksums: a bit that flips in a number makes another number, with
// which the store would go on. So each of these rows has one.

/// A row of `applied_origin`.
struct AppliedOrigin: Equatable {
  let id: Int64
  let origin: Origin
  var applied: UInt64
  var lamport: UInt64
  var position: Int64
  var isHead: Bool
  /// For people; the checksum does not cover it.
  var stalled: String?

  init(_ row: StoreState.Row, _ origin: Origin, applied: UInt64, isHead: Bool) {
    (id, lamport, position, stalled) = (row.id, row.lamport, row.position, row.stalled)
    (self.origin, self.applied, self.isHead) = (origin, applied, isHead)
  }

  /// - Parameter rows: of ``columns``.
  /// - Throws: `.unexpectedValue` for a row that nobody has written like this.
  init(_ rows: borrowing SQLiteRows) throws(SQLiteError) {
    id = try rows.integer(0)
    origin = try ReplicaStore.origin(1, of: rows)
    applied = try rows.counter(2)
    lamport = try rows.counter(3)
    position = try rows.integer(4)
    isHead = try rows.integer(5) != 0
    stalled = try rows.optionalText(6)
    try rows.expect(checksum, in: 7)
  }

  static let columns = "id, origin, applied, lamport, position, is_head, stalled, checksum"

  var checksum: Int64 {
    var writer = ByteWriter(reservingCapacity: 49)
    writer.write(fixed: UInt64(bitPattern: id))
    origin.write(to: &writer)
    writer.write(fixed: applied)
    writer.write(fixed: lamport)
    writer.write(fixed: UInt64(bitPattern: position))
    writer.write(isHead ? 1 : 0)
    return Int64(CRC32C.checksum(writer.bytes))
  }
}

/// A row of `lamport_step`.
struct LamportStep: Equatable {
  /// The row of the origin.
  let origin: Int64
  let sequence: UInt64
  let lamport: UInt64

  init(origin: Int64, sequence: UInt64, lamport: UInt64) {
    (self.origin, self.sequence, self.lamport) = (origin, sequence, lamport)
  }

  init(_ rows: borrowing SQLiteRows) throws(SQLiteError) {
    (origin, sequence, lamport) = (try rows.integer(0), try rows.counter(1), try rows.counter(2))
    try rows.expect(checksum, in: 3)
  }

  static let columns = "origin, sequence, lamport, checksum"

  var checksum: Int64 {
    Self.checksum(UInt64(bitPattern: origin), sequence, lamport)
  }

  fileprivate static func checksum(_ numbers: UInt64...) -> Int64 {
    var writer = ByteWriter(reservingCapacity: 24)
    for number in numbers { writer.write(fixed: number) }
    return Int64(CRC32C.checksum(writer.bytes))
  }
}

/// A row of `feed_run`.
struct StoredRun: Equatable {
  let position: Int64
  /// The row of the origin.
  let origin: Int64
  let firstSequence: UInt64

  init(position: Int64, origin: Int64, firstSequence: UInt64) {
    (self.position, self.origin, self.firstSequence) = (position, origin, firstSequence)
  }

  init(_ rows: borrowing SQLiteRows) throws(SQLiteError) {
    position = try rows.integer(0)
    origin = try rows.integer(1)
    firstSequence = try rows.counter(2)
    try rows.expect(checksum, in: 3)
  }

  static let columns = "position, origin, first_sequence, checksum"

  /// Nil where there is none.
  static func last(in connection: SQLiteConnection) throws(SQLiteError) -> StoredRun? {
    try connection.first("SELECT \(columns) FROM feed_run ORDER BY position DESC LIMIT 1") {
      (row) throws(SQLiteError) in try StoredRun(row)
    }
  }

  var checksum: Int64 {
    LamportStep.checksum(
      UInt64(bitPattern: position), UInt64(bitPattern: origin), firstSequence)
  }
}

/// The numbers of a row of `unsealed`; its block has a checksum of its own.
struct UnsealedRange: Equatable {
  let first: UInt64
  let last: UInt64
  /// Whether the block is a packed one. So that blocks, which may be long, need not be read for it,
  /// a bit above the checksum says so.
  var isPacked = false

  init(first: UInt64, last: UInt64) { (self.first, self.last) = (first, last) }

  init(_ rows: borrowing SQLiteRows) throws(SQLiteError) {
    (first, last) = (try rows.counter(0), try rows.counter(1))
    isPacked = try rows.integer(2) & Self.packedBit != 0
    try rows.expect(checksum, in: 2)
  }

  static let columns = "first_sequence, last_sequence, checksum"
  private static let packedBit: Int64 = 1 << 32
  /// In SQL: whether a row is not packed.
  static let isLoose = "checksum & \(packedBit) = 0"

  /// Marks the rows that are packed in a file that has no marks.
  static let markPacked = """
    UPDATE unsealed SET checksum = checksum | \(packedBit)
    WHERE hex(substr(block, 1, 1)) = '03';
    """

  var checksum: Int64 { LamportStep.checksum(first, last) | (isPacked ? Self.packedBit : 0) }
}

extension SQLiteRows {
  fileprivate func expect(_ checksum: Int64, in column: Int) throws(SQLiteError) {
    guard try integer(column) == checksum else {
      throw SQLiteError(
        code: .unexpectedValue, message: "a row of the counters does not match its checksum")
    }
  }
}

extension AppliedOrigin {
  func insert(into connection: SQLiteConnection) throws(SQLiteError) {
    try connection.execute(
      """
      INSERT INTO applied_origin (\(AppliedOrigin.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      """, .integer(id), .blob(origin.bytes), try SQLiteValue(counter: applied),
      try SQLiteValue(counter: lamport), .integer(position), isHead ? 1 : 0,
      SQLiteValue(stalled), .integer(checksum))
  }

  func update(in connection: SQLiteConnection) throws(SQLiteError) {
    try connection.execute(
      """
      UPDATE applied_origin
      SET applied = ?, lamport = ?, stalled = ?, position = ?, is_head = ?, checksum = ?
      WHERE id = ?
      """, try SQLiteValue(counter: applied), try SQLiteValue(counter: lamport),
      SQLiteValue(stalled), .integer(position), isHead ? 1 : 0, .integer(checksum),
      .integer(id))
  }
}

extension SQLiteConnection {
  func insertUnsealed(_ range: UnsealedRange, _ block: [UInt8]) throws(SQLiteError) {
    var range = range
    range.isPacked = KeptBlock.isPacked(block)
    try execute(
      "INSERT INTO unsealed (first_sequence, last_sequence, checksum, block) VALUES (?, ?, ?, ?)",
      try SQLiteValue(counter: range.first), try SQLiteValue(counter: range.last),
      .integer(range.checksum), .blob(block))
  }
}

extension ReplicaStore {
  func insertLamportStep(
    of origin: Int64, _ sequence: UInt64, _ lamport: UInt64
  ) throws(SQLiteError) {
    let step = LamportStep(origin: origin, sequence: sequence, lamport: lamport)
    try connection.execute(
      "INSERT INTO lamport_step (origin, sequence, lamport, checksum) VALUES (?, ?, ?, ?)",
      .integer(origin), try SQLiteValue(counter: sequence), try SQLiteValue(counter: lamport),
      .integer(step.checksum))
  }

  /// - Parameter isRenaming: puts it in the place of one that begins there already.
  func insertRun(
    at position: Int64, _ origin: Int64, _ firstSequence: UInt64, isRenaming: Bool = false
  ) throws(SQLiteError) {
    let run = StoredRun(position: position, origin: origin, firstSequence: firstSequence)
    let insert = isRenaming ? "INSERT OR REPLACE" : "INSERT"
    try connection.execute(
      "\(insert) INTO feed_run (\(StoredRun.columns)) VALUES (?, ?, ?, ?)", .integer(position),
      .integer(origin), try SQLiteValue(counter: firstSequence), .integer(run.checksum))
  }

  func insertUnsealed(
    _ first: UInt64, _ last: UInt64, _ block: [UInt8]
  ) throws(SQLiteError) {
    try connection.insertUnsealed(UnsealedRange(first: first, last: last), block)
  }

  /// - Returns: the number of its row.
  func insertFloor(_ vector: [UInt8]) throws(SQLiteError) -> Int64 {
    try connection.execute(
      "INSERT INTO floor (vector, checksum) VALUES (?, ?)", .blob(vector),
      .integer(Int64(CRC32C.checksum(vector))))
    return connection.lastInsertedRow
  }
}
