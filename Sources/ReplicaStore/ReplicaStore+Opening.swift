import ByteCoding
import Causality
import ChangeCoding
import Documents
import SQLiteBridge
import Sabotages

// From what is stored of a document to the open one: its state as of the last fold, and the tail of
// what was edited since. Its history is not looked at, unless the tail was written at once with
// what was folded.
extension ReplicaStore {
  /// The open document, opened first if need be. Within a transaction.
  func entry(_ id: DocumentID) throws(StoreError) -> DocumentCache.Entry? {
    if let entry = cache.entry(id) { return entry }
    guard let entry = try load(id) else { return nil }
    cache.insert(entry)
    return entry
  }

  /// Opens a document. Within a transaction.
  ///
  /// Complexity: O(state and tail).
  func load(_ id: DocumentID) throws(StoreError) -> DocumentCache.Entry? {
    do throws(StoreError) {
      guard let parts = try parts(of: id) else { return nil }
      let entry = try open(id, parts) { [self] entry throws(StoreError) in
        try storedHistory(entry, beforeTail: true)
      }
      if entry.document.hasHistory { cache.noteHistory(of: id) }
      return entry
    } catch {
      guard case .damaged = error, let row = try row(of: id) else { throw error }
      return try notingLoss(of: id) { () throws(StoreError) in
        try rebuilt(id, row, because: error)
      }
    }
  }

  /// Opens a document outside of transactions with the one statement that this takes mostly: it
  /// sees one state of the file, and afterwards it is known whether that is the one in memory. Nil
  /// when it is not, or when more is needed.
  func loadAtOnce(_ id: DocumentID) throws(StoreError) -> DocumentCache.Entry? {
    guard !connection.isInTransaction, !isStale, cache.entry(id) == nil else { return nil }
    do throws(StoreError) {
      guard let parts = try parts(of: id), isUpToDate else { return nil }
      let entry = try open(id, parts) { _ throws(StoreError) in throw .damaged("not looked at") }
      cache.insert(entry)
      cache.trim()
      return entry
    } catch {
      guard case .damaged = error else { throw error }
      return nil
    }
  }

  // MARK: Parts

  /// What is stored of a document, but its history.
  private struct Parts {
    let row: DocumentCache.Row
    /// As of the last fold.
    var state: (checksum: Int64, bytes: [UInt8])?
    /// What was edited since.
    var tail: [(block: [UInt8], position: Int64)] = []
    /// The number of its last row.
    var lastTail: Int64?
  }

  private static let partsQuery = """
    SELECT d.id, d.position, d.state_bytes, d.is_deleted, d.is_branched, d.understood,
      s.checksum, s.state, t.block, t.position, t.id
    FROM document AS d
    LEFT JOIN document_state AS s ON s.document = d.id
    LEFT JOIN document_tail AS t ON \(DocumentTail.ofDocument)
    WHERE d.document = ? ORDER BY t.id
    """

  private func parts(of id: DocumentID) throws(StoreError) -> Parts? {
    try sql { () throws(SQLiteError) in
      var rows = try connection.query(
        Self.partsQuery, .blob(id.bytes))
      var parts: Parts?
      while try rows.next() {
        if parts == nil {
          parts = Parts(row: try Self.row(of: rows))
          if try !rows.isNull(6) { parts?.state = (try rows.integer(6), try rows.blob(7)) }
        }
        guard try !rows.isNull(9) else { continue }
        parts?.tail.append((try rows.blob(8), try rows.integer(9)))
        parts?.lastTail = try rows.integer(10)
      }
      return parts
    }
  }

  func row(of id: DocumentID) throws(StoreError) -> DocumentCache.Row? {
    try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT id, position, state_bytes, is_deleted, is_branched, understood
        FROM document WHERE document = ?
        """,
        .blob(id.bytes)
      ) { (row) throws(SQLiteError) in try Self.row(of: row) }
    }
  }

  private static func row(
    of row: borrowing SQLiteRows
  ) throws(SQLiteError) -> DocumentCache.Row {
    DocumentCache.Row(
      number: try row.integer(0), position: try row.integer(1), stateBytes: try row.count(2),
      isDeleted: try row.integer(3) != 0, isBranched: try row.integer(4) != 0,
      understood: try row.isNull(5) ? nil : try row.integer(5))
  }

  // MARK: Opening

  /// - Parameter history: all that the state was folded from.
  private func open(
    _ id: DocumentID, _ parts: Parts,
    history: (DocumentCache.Entry) throws(StoreError) -> DocumentHistory
  ) throws(StoreError) -> DocumentCache.Entry {
    let entry = try openFolded(id, parts, history)
    entry.nextTail =
      parts.lastTail.map { $0 &+ 1 } ?? DocumentTail.numbers(of: entry.row).lowerBound
    guard let last = parts.tail.last else {
      entry.knownTail = []
      return entry
    }
    var edits: [IncomingEdit] = []
    do throws(ByteDecodingError) {
      for (block, _) in parts.tail {
        edits += try [IncomingEdit](decoding: block, document: id, in: language)
        entry.tailBytes += block.count
      }
    } catch {
      throw .damaged("what was last edited in document \(id) is unreadable (\(error))")
    }
    entry.tailCount = edits.count
    entry.position = max(entry.position, last.position)
    do {
      _ = try entry.document.merge(edits) { try history(entry) }
    } catch let error as StoreError {
      throw error
    } catch {
      throw .damaged("document \(id) cannot be opened (\(error))")
    }
    return entry
  }

  /// The document as of the last fold; derived anew where a release has folded it that did not
  /// understand all of it and less than this one does.
  private func openFolded(
    _ id: DocumentID, _ parts: Parts,
    _ history: (DocumentCache.Entry) throws(StoreError) -> DocumentHistory
  ) throws(StoreError) -> DocumentCache.Entry {
    guard let understood = parts.row.understood, understood < Int64(clamping: language.highestCode),
      !Sabotage.keepStaleState.isPlanted
    else {
      return DocumentCache.Entry(try openState(id, parts.state), parts.row)
    }
    let history = try history(DocumentCache.Entry(Document(id: id), parts.row))
    do throws(MergeError) {
      let document = try Document(history: history)
      document.releaseHistory()
      let entry = DocumentCache.Entry(document, parts.row)
      entry.hasUnknown = history.hasUnknownOperations
      entry.isDerivedAnew = true
      return entry
    } catch {
      throw .damaged("\(error)")
    }
  }

  private func openState(
    _ id: DocumentID, _ stored: (checksum: Int64, bytes: [UInt8])?
  ) throws(StoreError) -> Document {
    guard let (checksum, state) = stored else { return Document(id: id) }
    guard Int64(CRC32C.checksum(state)) == checksum else {
      throw .damaged("the state of document \(id) does not match its checksum")
    }
    do throws(ByteDecodingError) {
      return try Document(id: id, state: state)
    } catch {
      throw .damaged("the state of document \(id) is unreadable (\(error))")
    }
  }

  // MARK: The tail

  /// What was edited since the last fold.
  struct Tail {
    var edits: [IncomingEdit] = []
    var byteCount = 0
    /// Of the last change; nil when there is none.
    var position: Int64?
  }

  private static let tailQuery =
    "SELECT block, position FROM document_tail WHERE \(DocumentTail.ofFirst) ORDER BY id"

  func tail(of entry: DocumentCache.Entry) throws(StoreError) -> Tail {
    let id = entry.document.id
    var tail = Tail()
    do {
      var rows = try connection.query(
        Self.tailQuery, .integer(entry.row))
      while try rows.next() {
        let block = try rows.blob(0)
        tail.edits += try [IncomingEdit](decoding: block, document: id, in: language)
        tail.byteCount += block.count
        tail.position = try rows.integer(1)
      }
      return tail
    } catch let error as SQLiteError {
      throw StoreError(error)
    } catch {
      throw .damaged("the history of document \(id) is unreadable (\(error))")
    }
  }
}
