import ByteCoding
package import Causality
import ChangeCoding
package import Documents
import SQLiteBridge

/// A compaction under way: what it folds, how far it is and what it has done so far.
package struct Compaction: Sendable {
  /// All that it covers is folded.
  package let cut: VersionVector
  /// Of how many documents there is something to look at.
  package let total: Int
  package fileprivate(set) var done = 0
  /// Documents whose history is folded now.
  package fileprivate(set) var folded = 0
  /// Documents whose history has to stay, by why.
  package fileprivate(set) var kept: [FoldObstacle: Int] = [:]
  /// Documents that are damaged and were left alone, with what is wrong.
  package fileprivate(set) var damaged: [Damaged] = []
  /// Segments that were dropped, as every member has what is in them.
  package internal(set) var droppedSegments = 0
  /// The follower of the feed for whom segments below the cut are kept; nil when for none.
  package internal(set) var heldForConsumer: String?
  /// Documents and segments that are damaged, as which segments below the cut are kept: they may be
  /// what makes those whole again.
  package internal(set) var heldForDamage = 0
  package internal(set) var isFinished = false
  /// All documents have been looked at.
  fileprivate var areDocumentsDone = false
  /// The row of the document that was looked at last.
  fileprivate var last: Int64 = 0

  package struct Damaged: Hashable, Sendable {
    package let document: DocumentID
    package let reason: String
  }

  fileprivate init(cut: VersionVector, total: Int) {
    self.cut = cut
    self.total = total
  }
}

extension ReplicaStore {
  /// How many documents one transaction folds, unless they are large.
  private static let documentsPerTransaction = 256
  /// Of the history that one transaction reads.
  private static let historyBytesPerTransaction = 8 << 20

  /// What is folded of some document: versions that do not cover it cannot be read of every
  /// document. Empty while nothing is.
  package func floor() throws(StoreError) -> VersionVector {
    try reading { () throws(StoreError) in
      var floor = VersionVector()
      for vector in try floors().values { floor.formUnion(vector) }
      return floor
    }
  }

  /// Begins to fold the history of documents up to a version that everybody has seen who will ever
  /// write. What they show, now and whatever comes, stays the same; what was before can no longer
  /// be read. ``step(_:)`` goes on.
  ///
  /// - Parameter cut: see ``stableCut()``.
  /// - Throws: `.notPermitted` for a cut with changes that are not here.
  /// - Complexity: O(documents).
  package func beginCompaction(below cut: VersionVector) throws(StoreError) -> Compaction {
    try reading { () throws(StoreError) in
      guard state.applied.covers(cut) else {
        throw .notPermitted("What is to be folded has changes that are not here.")
      }
      let total = try sql { () throws(SQLiteError) in
        try connection.queryInteger(
          "SELECT count(*) FROM document AS d WHERE \(Self.hasHistory)") ?? 0
      }
      return Compaction(cut: cut, total: Int(total))
    }
  }

  /// Folds some more documents, in one transaction of bounded size that leaves every document
  /// whole. A compaction that is dropped in between has done what it has done.
  ///
  /// - Complexity: O(history of the documents that it looks at).
  package func step(_ compaction: inout Compaction) throws(StoreError) {
    guard !compaction.isFinished else { return }
    var next = compaction
    try write { () throws(StoreError) in
      if next.areDocumentsDone {
        try dropSome(&next)
      } else {
        try foldSome(&next)
        if next.areDocumentsDone {
          try forgetUnusedFloors()
          if next.folded > 0 { try keepFolding() }
        }
      }
    }
    compaction = next
  }

  /// Gives pages that are free back to the file system. Rewrites the file.
  package func reclaimSpace() throws(StoreError) {
    try sql { () throws(SQLiteError) in
      try connection.execute("VACUUM")
      _ = try connection.checkpoint(.passive)
    }
  }

  private static let hasHistory = """
    EXISTS (SELECT 1 FROM document_history WHERE document = d.id)
      OR EXISTS (SELECT 1 FROM document_tail AS t WHERE \(DocumentTail.ofDocument))
    """

  private func foldSome(_ compaction: inout Compaction) throws(StoreError) {
    var count = 0
    var bytes = 0
    let drafted = Set(try drafts().map(\.document))
    while count < Self.documentsPerTransaction, bytes < Self.historyBytesPerTransaction {
      guard let next = try nextWithHistory(after: compaction.last) else {
        compaction.areDocumentsDone = true
        return
      }
      compaction.last = next.row
      compaction.done += 1
      count += 1
      bytes += next.historyBytes
      if drafted.contains(next.id) {
        compaction.kept[.drafted, default: 0] += 1
        continue
      }
      let decided: (entry: DocumentCache.Entry, folding: Folding)?
      do throws(StoreError) {
        decided = try folding(of: next.id, below: compaction.cut)
      } catch {
        guard case .damaged(let reason) = error else { throw error }
        compaction.damaged.append(.init(document: next.id, reason: reason))
        continue
      }
      // From here on whatever fails ends the transaction: no document is folded in part.
      switch decided?.folding {
      case nil, .nothing: break
      case .kept(let obstacle): compaction.kept[obstacle, default: 0] += 1
      case .folded(let base, let rest):
        guard let entry = decided?.entry else { break }
        try replaceHistory(of: entry, by: base, at: compaction.cut, rest)
        compaction.folded += 1
      }
    }
  }

  private func forgetUnusedFloors() throws(StoreError) {
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "DELETE FROM floor WHERE id NOT IN (SELECT floor FROM document_base)")
    }
    knownFloors = nil
  }

  private func nextWithHistory(
    after row: Int64
  ) throws(StoreError) -> (row: Int64, id: DocumentID, historyBytes: Int)? {
    try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT d.id, d.document,
          (SELECT coalesce(sum(length(block)), 0) FROM document_history WHERE document = d.id)
        FROM document AS d WHERE d.id > ? AND (\(Self.hasHistory)) ORDER BY d.id LIMIT 1
        """, .integer(row)
      ) { (row) throws(SQLiteError) in
        (try row.integer(0), try Self.documentID(1, of: row), try row.count(2))
      }
    }
  }

  private func folding(
    of id: DocumentID, below cut: VersionVector
  ) throws(StoreError) -> (entry: DocumentCache.Entry, folding: Folding)? {
    // What is not open is not kept open.
    var entry = cache.entry(id)
    if entry == nil { entry = try load(id) }
    guard let entry else { return nil }
    if let reason = rebuiltDocuments[id] { throw .damaged(reason) }
    do {
      return (entry, try entry.document.folding(try knownHistory(entry), at: cut))
    } catch let error as StoreError {
      throw error
    } catch {
      throw .damaged("\(error)")
    }
  }

  private func replaceHistory(
    of entry: DocumentCache.Entry, by base: [UInt8], at cut: VersionVector, _ rest: [IncomingEdit]
  ) throws(StoreError) {
    let floor = try floorNumber(of: cut)
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "DELETE FROM document_history WHERE document = ?", .integer(entry.row))
      try connection.execute(
        "INSERT OR REPLACE INTO document_base VALUES (?, ?, ?, ?)", .integer(entry.row),
        .integer(floor), .integer(Int64(CRC32C.checksum(base))), .blob(base))
    }
    entry.document.releaseHistory()
    entry.hasUnknown = false
    try fold(entry, history: rest)
    guard rest.isEmpty else { return }
    // The state says the same.
    entry.isBranched = false
    entry.isNotedAsBranched = false
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "UPDATE document_base SET checksum = NULL, state = NULL WHERE document = ?",
        .integer(entry.row))
      try connection.execute(
        "UPDATE document SET is_branched = 0 WHERE id = ?", .integer(entry.row))
    }
  }

  // MARK: Floors

  /// The versions at which documents were folded, by number.
  func floors() throws(StoreError) -> [Int64: VersionVector] {
    if let knownFloors { return knownFloors }
    let rows = try sql { () throws(SQLiteError) in
      var found: [(Int64, [UInt8])] = []
      var rows = try connection.query("SELECT id, vector, checksum FROM floor")
      while try rows.next() {
        let vector = try rows.blob(1)
        // Documents that were folded at one that has rotted are found damaged.
        guard try rows.integer(2) == Int64(CRC32C.checksum(vector)) else { continue }
        found.append((try rows.integer(0), vector))
      }
      return found
    }
    var floors: [Int64: VersionVector] = [:]
    do throws(ByteDecodingError) {
      for (number, bytes) in rows {
        var reader = ByteReader(bytes)
        floors[number] = try VersionVector(from: &reader)
        try reader.finish("floor")
      }
    } catch {
      throw .damaged("floor is unreadable (\(error))")
    }
    knownFloors = floors
    return floors
  }

  func floorNumber(of cut: VersionVector) throws(StoreError) -> Int64 {
    if let known = try floors().first(where: { $0.value == cut })?.key { return known }
    var writer = ByteWriter()
    cut.write(to: &writer)
    let number = try sql { () throws(SQLiteError) in
      try insertFloor(writer.bytes)
    }
    knownFloors?[number] = cut
    return number
  }

  /// What the history of a document begins with.
  func emptyHistory(of entry: DocumentCache.Entry) throws(StoreError) -> DocumentHistory {
    let id = entry.document.id
    guard entry.row > 0, let base = try base(of: entry) else {
      return DocumentHistory(document: id)
    }
    guard let floor = try floors()[base.floor] else {
      throw .damaged("nothing is known of the version at which document \(id) was folded")
    }
    do throws(MergeError) {
      return try DocumentHistory(id, from: base.state, at: floor)
    } catch {
      throw .damaged("\(error)")
    }
  }

  private func base(
    of entry: DocumentCache.Entry
  ) throws(StoreError) -> (floor: Int64, state: [UInt8])? {
    let found = try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT b.floor, coalesce(b.checksum, s.checksum), coalesce(b.state, s.state)
        FROM document_base AS b LEFT JOIN document_state AS s ON s.document = b.document
        WHERE b.document = ?
        """, .integer(entry.row)
      ) { (row) throws(SQLiteError) in
        (try row.integer(0), try row.integer(1), try row.blob(2))
      }
    }
    guard let (floor, checksum, state) = found else { return nil }
    guard Int64(CRC32C.checksum(state)) == checksum else {
      throw .damaged(
        "the state at which document \(entry.document.id) was folded does not match its checksum")
    }
    return (floor, state)
  }

  /// Why a change must not be applied whose author had not seen all that is folded of a document
  /// that it edits; nil when it may. Nobody writes such a change whom the cut was waiting for.
  func ignoranceOfFloor(in change: Change) throws(StoreError) -> String? {
    let floors = try floors()
    guard !floors.isEmpty else { return nil }
    for edit in change.edits {
      let mayBuildOnFolded =
        edit.parents.isEmpty
        || edit.parents.contains { parent in floors.values.contains { $0.contains(parent) } }
      guard mayBuildOnFolded else { continue }
      do throws(StoreError) {
        guard let entry = try entry(edit.document), entry.document.parents != edit.parents,
          let base = try emptyHistory(of: entry).base, !base.isKnown(toAuthorWith: edit.parents)
        else { continue }
      } catch {
        if case .damaged(let reason) = error { damagedDocument = (edit.document, reason) }
        throw error
      }
      return
        "change \(change.id.sequence) edits document \(edit.document) as it was before history "
        + "that is folded here; its author has to rejoin"
    }
    return nil
  }
}
