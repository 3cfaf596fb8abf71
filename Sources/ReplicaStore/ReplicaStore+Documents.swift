import ByteCoding
import ByteCompression
package import Causality
import ChangeCoding
package import Documents
import SQLiteBridge
import Sabotages

/// A document as the list of documents shows it.
package struct StoredDocument: Hashable, Sendable {
  package let id: DocumentID
  /// The local position of its last change.
  package let position: Int64
  package let isDeleted: Bool
}

extension ReplicaStore {
  /// The document as it is; nil when there is none. It is the store's own, which goes on changing:
  /// read from it at once and do not keep it.
  ///
  /// Complexity: O(1) when it is open, else O(state and tail).
  package func document(_ id: DocumentID) throws(StoreError) -> Document? {
    if let entry = cache.entry(id), try isCurrent() { return entry.document }
    if let entry = try loadAtOnce(id) { return entry.document }
    return try reading { () throws(StoreError) in try entry(id)?.document }
  }

  /// The document as of the last transaction or refresh, as ``appliedVector`` tells of it: without
  /// a look whether another process has committed since. The store's own, as with ``document(_:)``.
  ///
  /// Complexity: as that of ``document(_:)``, and no statement when it is open.
  package func documentLastSeen(_ id: DocumentID) throws(StoreError) -> Document? {
    if !isStale, let entry = cache.entry(id) { return entry.document }
    return try document(id)
  }

  /// The document as it was at a version; nil when it did not exist there.
  ///
  /// Complexity: O(history of the document) to read it, unless the open document keeps it, as it
  /// does from then on. Then what was done since the version.
  package func document(
    _ id: DocumentID, at version: VersionVector
  ) throws(StoreError) -> Document? {
    try reading { () throws(StoreError) in
      guard let entry = try entry(id) else { return nil }
      let history = try lookedAtHistory(entry)
      guard history.reaches(version) else { throw .folded(id) }
      do {
        let document = try entry.document.document(at: version, of: history)
        return document.isEmpty ? nil : document
      } catch {
        throw .damaged("the history of document \(id) cannot be replayed (\(error))")
      }
    }
  }

  /// Calls `body` with a document and its whole history; nil when there is none.
  ///
  /// Complexity: O(runs of the history) to read it, unless the open document keeps it, as it does
  /// from then on.
  package func withHistory<Result>(
    of id: DocumentID, _ body: (Document, DocumentHistory) throws -> Result
  ) throws -> Result? {
    try read {
      guard let entry = try entry(id) else { return nil }
      do {
        return try body(entry.document, lookedAtHistory(entry))
      } catch let error as MergeError {
        throw StoreError.damaged("\(error)")
      }
    }
  }

  /// Every edit of a document that is not folded, in the order in which they were applied here.
  package func history(of id: DocumentID) throws(StoreError) -> [IncomingEdit] {
    try reading { () throws(StoreError) in
      guard let entry = try entry(id) else { return [] }
      return try history(entry).edits()
    }
  }

  /// Documents by ascending id, from the one behind `after` on.
  package func documents(
    after: DocumentID? = nil, limit: Int = .max, includingDeleted: Bool = false
  ) throws(StoreError) -> [StoredDocument] {
    try reading { () throws(StoreError) in
      try sql { () throws(SQLiteError) in
        var documents: [StoredDocument] = []
        var rows = try connection.query(
          """
          SELECT d.document, max(d.position, coalesce(
            (SELECT t.position FROM document_tail AS t WHERE \(DocumentTail.ofDocument)
             ORDER BY t.id DESC LIMIT 1),
            0)), d.is_deleted
          FROM document AS d
          WHERE d.document > ? AND d.is_deleted <= ? ORDER BY d.document LIMIT ?
          """, .blob(after?.bytes ?? []), includingDeleted ? 1 : 0,
          SQLiteValue(max(0, limit)))
        while try rows.next() {
          documents.append(
            StoredDocument(
              id: try Self.documentID(0, of: rows), position: try rows.integer(1),
              isDeleted: try rows.integer(2) != 0))
        }
        return documents
      }
    }
  }

  /// How many documents there are that are not deleted.
  package func documentCount() throws(StoreError) -> Int {
    try reading { () throws(StoreError) in
      try sql { () throws(SQLiteError) in
        Int(try connection.queryInteger("SELECT count(*) FROM document WHERE NOT is_deleted") ?? 0)
      }
    }
  }

  /// What a document has applied, as merging needs it.
  func history(_ entry: DocumentCache.Entry) throws(StoreError) -> DocumentHistory {
    if let rebuilt = entry.rebuilt { return rebuilt }
    do throws(StoreError) {
      return try storedHistory(entry, beforeTail: false)
    } catch {
      guard case .damaged = error else { throw error }
      let id = entry.document.id
      let history = try notingLoss(of: id) { () throws(StoreError) in
        try historyFromChanges(of: id, because: error)
      }
      entry.rebuilt = history
      rebuiltDocuments[id] = error.reason
      return history
    }
  }

  /// The history that the open document keeps, or else that which is written.
  func knownHistory(_ entry: DocumentCache.Entry) throws(StoreError) -> DocumentHistory {
    if let kept = entry.document.keptHistory { return kept }
    return try history(entry)
  }

  /// The same for those who look back, which they mostly do more than once: the document keeps what
  /// is read.
  private func lookedAtHistory(_ entry: DocumentCache.Entry) throws(StoreError) -> DocumentHistory {
    let history = try knownHistory(entry)
    if !entry.document.hasHistory, entry.rebuilt == nil, entry.document.keepRead(history) {
      cache.noteHistory(of: entry.document.id)
    }
    return history
  }

  /// All that is written of a document, or all that its state was folded from.
  func storedHistory(
    _ entry: DocumentCache.Entry, beforeTail: Bool
  ) throws(StoreError) -> DocumentHistory {
    let id = entry.document.id
    var history = try emptyHistory(of: entry)
    guard entry.row > 0 else { return history }
    do {
      for chunk in try historyBlobs(of: entry) { try append(chunk, to: &history) }
    } catch let error as StoreError {
      throw error
    } catch {
      throw .damaged("the history of document \(id) is unreadable (\(error))")
    }
    if beforeTail { return history }
    let tail = try tail(of: entry)
    do throws(MergeError) {
      try history.append(contentsOf: tail.edits)
    } catch {
      throw .damaged("the history of document \(id) is unreadable (\(error))")
    }
    return history
  }

  /// Adds a stored chunk to the history of its document.
  func append(_ chunk: [UInt8], to history: inout DocumentHistory) throws {
    if chunk.first == ChangeBlock.version {
      // What was folded before there were chunks.
      try history.append(
        contentsOf: [IncomingEdit](decoding: chunk, document: history.document, in: language))
    } else {
      try HistoryChunk.append(chunk, to: &history, in: language)
    }
  }

  private func historyBlobs(of entry: DocumentCache.Entry) throws(StoreError) -> [[UInt8]] {
    try sql { () throws(SQLiteError) in
      var blobs: [[UInt8]] = []
      var rows = try connection.query(
        "SELECT block FROM document_history WHERE document = ? ORDER BY id", .integer(entry.row))
      while try rows.next() { blobs.append(try rows.blob(0)) }
      return blobs
    }
  }

  // MARK: Folding

  /// Whether so much has been edited since the last fold that writing the state again is paid for.
  func isFoldDue(_ entry: DocumentCache.Entry) -> Bool {
    if Sabotage.foldTooEarly.isPlanted { return true }
    return entry.isDerivedAnew || entry.tailBytes > max(Self.foldBytesMin, entry.stateBytes / 2)
      || entry.tailCount > max(Self.foldCountMin, entry.stateBytes / 64)
  }

  static var foldBytesMin: Int { 4_096 }
  /// Whoever opens the document does so many edits again, in about a millisecond.
  private static var foldCountMin: Int { 4_096 }

  /// Writes the state anew and moves the tail to the history, as one chunk, with edits that the
  /// document has and the tail has not.
  func fold(
    _ entry: DocumentCache.Entry, with more: [IncomingEdit] = []
  ) throws(StoreError) {
    var tail: [IncomingEdit]
    if let known = entry.knownTail, known.count + more.count == entry.tailCount {
      tail = known + more
    } else {
      tail = try self.tail(of: entry).edits + more
    }
    if Sabotage.foldTooEarly.isPlanted { tail = tail.dropLast() }
    try fold(entry, history: tail)
  }

  /// Writes the state anew and adds `tail` to the history in place of the tail.
  func fold(_ entry: DocumentCache.Entry, history tail: [IncomingEdit]) throws(StoreError) {
    let state = entry.document.encodeState()
    entry.hasUnknown = entry.hasUnknown || tail.contains { $0.edit.hasUnknownOperations }
    try sql { () throws(SQLiteError) in
      // What a folded history begins with is the state, until that changes.
      try connection.execute(
        """
        UPDATE document_base
        SET (checksum, state) = (SELECT checksum, state FROM document_state WHERE document = ?1)
        WHERE document = ?1 AND state IS NULL
        """, .integer(entry.row))
      try connection.execute(
        "INSERT OR REPLACE INTO document_state VALUES (?, ?, ?)", .integer(entry.row),
        .integer(Int64(CRC32C.checksum(state))), .blob(state))
      try insertHistory(tail, of: entry, .quick)
      try deleteTail(of: entry)
      try connection.execute(
        "UPDATE document SET state_bytes = ?, position = ?, understood = ? WHERE id = ?",
        SQLiteValue(state.count), .integer(entry.position),
        entry.hasUnknown ? try SQLiteValue(counter: language.highestCode) : .null,
        .integer(entry.row))
    }
    entry.tailBytes = 0
    entry.tailCount = 0
    entry.knownTail = []
    entry.stateBytes = state.count
    entry.isDerivedAnew = false
    try noteChunks(of: entry)
  }

  func insertHistory(
    _ edits: [IncomingEdit], of entry: DocumentCache.Entry, _ effort: Zstandard.Effort
  ) throws(SQLiteError) {
    var rest = edits[...]
    while !rest.isEmpty {
      let part = rest.prefix(HistoryChunk.changeCountMax)
      rest = rest.dropFirst(part.count)
      try connection.execute(
        "INSERT INTO document_history (document, block) VALUES (?, ?)", .integer(entry.row),
        .blob(HistoryChunk.encode(part, of: entry.document.id, effort)))
    }
  }
}
