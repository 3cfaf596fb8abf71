import Causality
import Documents
import SQLiteBridge

/// Where the tails of documents lie: what was edited since the last fold, in the order in which it
/// came. The rows of one document stand side by side, under numbers that begin with that of the
/// document, so that a commit writes one page for them and needs no index.
enum DocumentTail {
  /// So many rows one tail can have; it is folded long before.
  static let rowBits: Int64 = 24

  /// The numbers that documents can have.
  static let documents: ClosedRange<Int64> = 0...(.max >> rowBits)

  /// The numbers that the rows of a document can have, from the number of its own row.
  static func numbers(of document: Int64) -> ClosedRange<Int64> {
    // A number that is too large belongs to no document.
    let first = documents.contains(document) ? document << rowBits : .max
    return first...(first | ((1 << rowBits) - 1))
  }

  /// - Throws: `.damaged` for numbers that no document can have.
  static func checkNumbers(_ range: (Int64, Int64)?) throws(SQLiteError) {
    guard let (first, last) = range else { return }
    for number in [first, last] where !documents.contains(number) {
      throw SQLiteError(
        code: .damaged,
        message: "a document has the number \(number), which none can have: the table of documents "
          + "has rotted")
    }
  }

  /// In SQL: the rows `t` of the document `d`.
  static let ofDocument =
    "t.id BETWEEN d.id << \(rowBits) AND (d.id << \(rowBits)) + \(1 << rowBits) - 1"
  /// In SQL: the rows of the document whose number is the first parameter.
  static let ofFirst =
    "id BETWEEN ?1 << \(rowBits) AND (?1 << \(rowBits)) + \(1 << rowBits) - 1"
}

extension ReplicaStore {
  /// Puts a block behind the tail of a document.
  func insertTail(
    of entry: DocumentCache.Entry, at position: Int64, _ block: [UInt8]
  ) throws(SQLiteError) {
    try DocumentTail.checkNumbers((entry.row, entry.row))
    let numbers = DocumentTail.numbers(of: entry.row)
    var next = entry.nextTail
    if next == nil {
      next = try connection.queryInteger(
        "SELECT max(id) FROM document_tail WHERE \(DocumentTail.ofFirst)", .integer(entry.row)
      ).map { $0 &+ 1 }
    }
    let number = next ?? numbers.lowerBound
    guard numbers.contains(number) else {
      throw SQLiteError(code: .tooBig, message: "a document has too many edits that are not folded")
    }
    try connection.execute(
      "INSERT INTO document_tail (id, position, block) VALUES (?, ?, ?)", .integer(number),
      .integer(position), .blob(block))
    entry.nextTail = number + 1
  }

  func deleteTail(of entry: DocumentCache.Entry) throws(SQLiteError) {
    try connection.execute(
      "DELETE FROM document_tail WHERE \(DocumentTail.ofFirst)", .integer(entry.row))
    entry.nextTail = DocumentTail.numbers(of: entry.row).lowerBound
  }

  /// The documents in whose tails something came after a position, by the numbers of their rows,
  /// and when that was. Within a transaction.
  ///
  /// Complexity: O(changes since), or O(tails of all documents) when those are many or cannot be
  /// read.
  func tails(changedAfter position: Int64) throws(StoreError) -> [Int64: Int64] {
    if let found = try? tailsByChanges(after: position) { return found }
    return try sql { () throws(SQLiteError) in
      var found: [Int64: Int64] = [:]
      var rows = try connection.query(
        """
        SELECT id >> \(DocumentTail.rowBits), max(position) FROM document_tail WHERE position > ?
        GROUP BY id >> \(DocumentTail.rowBits)
        """, .integer(position))
      while try rows.next() { found[try rows.integer(0)] = try rows.integer(1) }
      return found
    }
  }

  /// Nil when there are so many that looking at all tails is as quick.
  private func tailsByChanges(after position: Int64) throws -> [Int64: Int64]? {
    guard state.position >= position, state.position - position <= Self.changesLookedAtMax else {
      return nil
    }
    var last: [DocumentID: Int64] = [:]
    var blocks = FeedBlocks(self)
    for run in try feedRuns(from: position + 1) {
      var next = max(run.position, position + 1)
      while next <= run.end {
        for edit in try blocks.change(run.change(at: next)).edits { last[edit.document] = next }
        next += 1
      }
    }
    var found: [Int64: Int64] = [:]
    for (id, position) in last {
      // What was folded since says so in its row.
      if let row = try row(of: id)?.number { found[row] = position }
    }
    return found
  }

  private static let changesLookedAtMax: Int64 = 4_096
}
