import Causality
import ChangeCoding
import Documents
import SQLiteBridge
import SegmentStore
import Segments

// A document of which what is stored has changed is made again from what else there is: its state
// from its history, and its history from the changes in the segments. In memory at once, and in the
// file with the next transaction that writes it, or with `repair()`.
extension ReplicaStore {
  /// A document whose state or tail cannot be read.
  ///
  /// Complexity: O(history of the document), or O(all segments) when that is damaged too.
  ///
  /// - Throws: `cause` when nothing else holds it all.
  func rebuilt(
    _ id: DocumentID, _ row: DocumentCache.Row, because cause: StoreError,
    trustingHistory: Bool = true
  ) throws(StoreError) -> DocumentCache.Entry {
    let folded = DocumentCache.Entry(Document(id: id), row)
    var stored: DocumentHistory?
    if trustingHistory {
      do throws(StoreError) {
        stored = try storedHistory(folded, beforeTail: false)
      } catch {
        guard case .damaged = error else { throw error }
      }
    }
    let history: DocumentHistory
    if let stored {
      history = stored
    } else {
      history = try historyFromChanges(of: id, because: cause)
    }
    let document: Document
    do throws(MergeError) {
      document = try Document(history: history)
    } catch {
      throw cause
    }
    document.releaseHistory()
    let entry = DocumentCache.Entry(document, row)
    entry.position = max(row.position, try lastTailPosition(of: row.number))
    entry.hasUnknown = history.hasUnknownOperations
    entry.rebuilt = history
    rebuiltDocuments[id] = cause.reason
    return entry
  }

  func lastTailPosition(of row: Int64) throws(StoreError) -> Int64 {
    try sql { () throws(SQLiteError) in
      try connection.queryInteger(
        "SELECT max(position) FROM document_tail WHERE \(DocumentTail.ofFirst)", .integer(row)) ?? 0
    }
  }

  /// Every edit of a document, from the changes that are stored.
  ///
  /// Complexity: O(all changes).
  ///
  /// - Throws: `cause` when not every applied change is there and can be read.
  func historyFromChanges(
    of id: DocumentID, because cause: StoreError
  ) throws(StoreError) -> DocumentHistory {
    var edits = try storedEdits(of: id, behind: VersionVector(), because: cause)
    // Whatever a change builds on has a smaller Lamport time.
    edits.sort { ($0.lamport, $0.change) < ($1.lamport, $1.change) }
    var history = DocumentHistory(document: id)
    do throws(MergeError) {
      try history.append(contentsOf: edits)
    } catch {
      throw cause
    }
    return history
  }

  /// The edits of a document in the changes behind a version, in the order in which they are
  /// stored.
  ///
  /// Complexity: O(all changes that are stored).
  ///
  /// - Throws: `cause` when not every applied change behind the version is there and whole;
  ///   `.database` when reading failed, which says nothing of what is stored.
  func storedEdits(
    of id: DocumentID, behind floor: VersionVector, because cause: StoreError
  ) throws(StoreError) -> [IncomingEdit] {
    var edits: [IncomingEdit] = []
    var found: [Origin: UInt64] = [:]
    func take(_ changes: [Change]) {
      for change in changes
      where state.applied.contains(change.id) && !changesUnderWay.contains(change.id)
        && !floor.contains(change.id)
      {
        found[change.id.origin, default: 0] += 1
        if let edit = IncomingEdit(change, document: id) { edits.append(edit) }
      }
    }
    do {
      var position: Int64 = 0
      while true {
        let page = try segments.segments(
          afterPosition: position, limitBytes: 4 << 20, limitCount: .max)
        guard let last = page.last else { break }
        position = last.position
        for stored in page where state.applied[stored.origin] >= stored.firstSequence {
          take(try open(parsed(stored)))
        }
      }
      take(try privateTail())
    } catch let error as SegmentStoreError {
      throw Self.isPassing(noted(error)) ? StoreError(error) : cause
    } catch let error as StoreError {
      throw Self.isPassing(error) ? error : cause
    } catch {
      throw cause
    }
    let missing = state.applied.entries.contains { entry in
      let underWay = changesUnderWay.count { $0.origin == entry.origin }
      let known = min(floor[entry.origin], entry.sequence)
      return known + found[entry.origin, default: 0] + UInt64(underWay) != entry.sequence
    }
    guard !missing else { throw cause }
    return edits
  }

  /// Whether it is of the moment: the disk did not answer, or somebody held a lock.
  private static func isPassing(_ error: StoreError) -> Bool {
    if case .database(let error) = error { !error.isAboutTheFile } else { false }
  }

  /// Notes a document that `body` finds damaged as one that nothing here can make again.
  func notingLoss<Result>(
    of id: DocumentID, _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    do throws(StoreError) {
      return try body()
    } catch {
      if case .damaged = error { noteLost(id) }
      throw error
    }
  }

  /// Writes a document that was rebuilt, with edits that came since. Within a transaction for
  /// writing.
  func write(
    _ entry: DocumentCache.Entry, rebuiltFrom history: DocumentHistory, and edits: [IncomingEdit]
  ) throws(StoreError) {
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "DELETE FROM document_history WHERE document = ?", .integer(entry.row))
      if history.base == nil {
        // What it was folded to was damaged too; its changes are all there.
        try connection.execute(
          "DELETE FROM document_base WHERE document = ?", .integer(entry.row))
      }
    }
    try fold(entry, history: history.edits() + edits)
    entry.rebuilt = nil
    rebuiltDocuments[entry.document.id] = nil
    try noteWhole(entry.document.id)
  }

  // MARK: For people

  /// Writes anew what can be made again of what is damaged: the states of documents from their
  /// histories, their histories from the segments. Damaged segments themselves are fetched from a
  /// peer; see ``damagedSegments``.
  ///
  /// Complexity: O(everything).
  ///
  /// - Returns: what was done, in sentences.
  package func repair() throws(StoreError) -> [String] {
    var done: [String] = []
    if try remakeDerived() { done.append("The indexes of the file were made again.") }
    try repairCounters()
    done += try mendedNotes()
    try forgetMended()
    for item in try documents(includingDeleted: true) {
      cache.remove(item.id)
      guard try checkDocument(item.id) != nil else { continue }
      let isWhole = try write { () throws(StoreError) in
        guard let row = try row(of: item.id) else { return false }
        let cause = StoreError.damaged("document \(item.id)")
        do throws(StoreError) {
          let entry: DocumentCache.Entry
          if let found = try load(item.id), found.rebuilt != nil {
            entry = found
          } else {
            entry = try rebuilt(item.id, row, because: cause, trustingHistory: false)
          }
          guard let history = entry.rebuilt else { return false }
          try write(entry, rebuiltFrom: history, and: [])
          return true
        } catch {
          guard case .damaged = error else { throw error }
          return false
        }
      }
      if isWhole { done.append("Document \(item.id) was made again from its changes.") }
      cache.remove(item.id)
    }
    brokenDocuments = [:]
    try saveDamage()
    return done
  }

  /// Makes of a damaged file again what follows from the rest: drops what queries read, and makes
  /// the indexes from their tables, if that is all that is damaged.
  ///
  /// - Returns: whether it was needed, and has helped.
  private func remakeDerived() throws(StoreError) -> Bool {
    let (pages, references) = try sql { () throws(SQLiteError) in
      let pages = try connection.integrityCheck(limit: 1, ofReferences: false)
      return (pages, pages.isEmpty ? try connection.integrityCheck(limit: 1) : [])
    }
    // Rows that name others are no page that could be made again.
    if let first = references.first { throw .damaged(first) }
    guard let first = pages.first else { return false }
    let isWhole = try sql { () throws(SQLiteError) in
      try connection.clearingDamage { () throws(SQLiteError) in
        try connection.forgetTables(named: "\(Projection.prefix)*")
        return try connection.remakeIndexes()
      }
    }
    invalidate()
    guard isWhole else { throw .damaged(first) }
    return true
  }
}

extension StoreError {
  /// What is damaged.
  var reason: String {
    if case .damaged(let what) = self { what } else { description }
  }
}
