import Causality
import ChangeCoding
import Documents
import SQLiteBridge

/// Own changes that no segment holds are found by the numbers of their rows, which have a checksum.
/// Where those have rotted, the block says which changes it holds, under a checksum of its own;
/// where that has rotted as well, what stands on both sides does.
struct UnsealedMending {
  private struct Row {
    var range: UnsealedRange?
    let block: [UInt8]
  }

  private var rows: [Row] = []
  /// Whether any row says something else than it should.
  private(set) var isNeeded = false

  /// - Complexity: O(own changes that are not sealed), for each row that has rotted its bytes.
  /// - Throws: `.damaged` where what a row held cannot be told.
  init(
    _ connection: SQLiteConnection, of own: Origin, in language: OperationLanguage = .current
  ) throws(SQLiteError) {
    var found = try connection.query("SELECT \(UnsealedRange.columns), block FROM unsealed")
    while try found.next() {
      let block = try found.blob(3)
      do throws(SQLiteError) {
        rows.append(Row(range: try UnsealedRange(found), block: block))
      } catch {
        guard error.code == .unexpectedValue else { throw error }
        isNeeded = true
        rows.append(Row(range: Self.range(of: block, by: own, language), block: block))
      }
    }
    guard isNeeded else { return }
    // Under a wrong key a row is anywhere, and others may be where it should be.
    let lost = rows.firstIndex { $0.range == nil }.map { rows.remove(at: $0) }
    rows.sort { ($0.range?.first ?? 0) < ($1.range?.first ?? 0) }
    if let lost { try fillGap(with: lost) }
    var next: UInt64?
    for row in rows {
      guard let range = row.range, range.first <= range.last,
        range.first == next ?? range.first
      else {
        throw Self.damaged("the numbers of own changes that nobody else has")
      }
      next = range.last &+ 1
    }
  }

  /// The last own change; 0 when there is none.
  var last: UInt64 { rows.last?.range?.last ?? 0 }

  private static func range(
    of block: [UInt8], by own: Origin, _ language: OperationLanguage
  ) -> UnsealedRange? {
    guard let changes = try? KeptBlock.open(block, in: language).changes,
      let first = changes.first?.id, let last = changes.last?.id,
      first.origin == own, last.origin == own,
      UInt64(changes.count) == last.sequence &- first.sequence &+ 1
    else { return nil }
    return UnsealedRange(first: first.sequence, last: last.sequence)
  }

  /// The rows whose blocks hold other changes than their numbers say, by these.
  static func contradictions(
    in connection: SQLiteConnection, of own: Origin, _ language: OperationLanguage = .current
  ) throws(SQLiteError) -> [UnsealedRange] {
    var contradictions: [UnsealedRange] = []
    var found = try connection.query("SELECT \(UnsealedRange.columns), block FROM unsealed")
    while try found.next() {
      let stated = try UnsealedRange(found)
      if let held = range(of: try found.blob(3), by: own, language),
        held.first != stated.first || held.last != stated.last
      {
        contradictions.append(stated)
      }
    }
    return contradictions
  }

  /// What stands between two others is what they leave.
  private mutating func fillGap(with lost: Row) throws(SQLiteError) {
    for (place, row) in rows.enumerated().dropFirst() {
      guard let before = rows[place - 1].range, let behind = row.range,
        behind.first > before.last &+ 1
      else { continue }
      let range = UnsealedRange(first: before.last &+ 1, last: behind.first - 1)
      return rows.insert(Row(range: range, block: lost.block), at: place)
    }
    throw Self.damaged("own changes that nobody else has, with their numbers,")
  }

  private static func damaged(_ what: String) -> SQLiteError {
    SQLiteError(code: .damaged, message: "\(what) have rotted in the file")
  }

  static let sentence =
    "The numbers of own changes that nobody else has had rotted in the file and were taken from "
    + "the changes."

  /// Writes the rows anew. Within a transaction for writing.
  func write(to connection: SQLiteConnection) throws(SQLiteError) {
    // All at once: a row under a wrong number is not found by it.
    try connection.execute("DELETE FROM unsealed")
    for row in rows {
      guard let range = row.range else { continue }
      try connection.insertUnsealed(range, row.block)
    }
  }
}

extension ReplicaStore {
  /// Puts the numbers of own changes right, where they have rotted. Within a transaction for
  /// writing.
  ///
  /// - Returns: whether they had.
  /// - Throws: `.damaged` where they cannot be told.
  @discardableResult
  func mendUnsealed() throws(StoreError) -> Bool {
    let own = identity.origin
    let mending = try sql { () throws(SQLiteError) in
      try UnsealedMending(connection, of: own, in: language)
    }
    guard mending.isNeeded else { return false }
    try sql { () throws(SQLiteError) in try mending.write(to: connection) }
    forgetPrivateChanges()
    try noteMended([UnsealedMending.sentence])
    return true
  }
}
