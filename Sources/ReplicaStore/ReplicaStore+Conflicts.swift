package import Documents
import SQLiteBridge

extension ReplicaStore {
  /// What people did to a document at once and nobody has decided yet; none where there is no such
  /// document or it is deleted.
  ///
  /// Complexity: O(1) where nothing was ever done at once or nothing has changed since the last
  /// time; else that of ``Document/conflicts(in:)``.
  package func conflicts(of id: DocumentID) throws(StoreError) -> [Conflict] {
    try reading { () throws(StoreError) in
      guard let entry = try entry(id), entry.isBranched else { return [] }
      if let known = entry.conflicts, known.position == entry.position { return known.found }
      let history = try knownHistory(entry)
      do throws(MergeError) {
        let found = try entry.document.conflicts(in: history)
        entry.conflicts = (entry.position, found)
        return found
      } catch {
        throw .damaged("\(error)")
      }
    }
  }

  /// The documents in which something was done at once, by ascending id: all others have no
  /// conflicts.
  package func branchedDocuments(
    after: DocumentID? = nil, limit: Int = .max
  ) throws(StoreError) -> [DocumentID] {
    try reading { () throws(StoreError) in
      try sql { () throws(SQLiteError) in
        var found: [DocumentID] = []
        var rows = try connection.query(
          """
          SELECT document FROM document
          WHERE is_branched AND document > ? AND NOT is_deleted ORDER BY document LIMIT ?
          """, .blob(after?.bytes ?? []), SQLiteValue(max(0, limit)))
        while try rows.next() { found.append(try Self.documentID(0, of: rows)) }
        return found
      }
    }
  }
}
