import ByteCoding
import ChangeCoding
package import Documents
import SQLiteBridge

// What has come of a snapshot that is not taken over yet. Each document is as whoever gives it had
// it at some moment; together they are no version of the workspace, and none is the store's own.
extension ReplicaStore {
  /// Documents that have come, mostly those that are newest in the giving store first, without
  /// deleted ones and those of which something is still to come.
  ///
  /// Complexity: O(limit · document), and O(limit · history) where a state is not told apart.
  package func arrivingDocuments(limit: Int) throws(StoreError) -> [Document] {
    try reading { () throws(StoreError) in
      // Whoever gives a snapshot begins with the newest, and ends with what was changed meanwhile.
      var documents: [Document] = []
      var last: Int64 = 0
      while documents.count < limit {
        let rows = try arrivals(after: last, limit: min(limit - documents.count, 1_000))
        for (row, id) in rows {
          last = row
          if let document = try arrivingDocument(id) { documents.append(document) }
        }
        if rows.isEmpty { break }
      }
      return documents
    }
  }

  private func arrivals(
    after row: Int64, limit: Int
  ) throws(StoreError) -> [(row: Int64, id: DocumentID)] {
    try sql { () throws(SQLiteError) in
      var found: [(row: Int64, id: DocumentID)] = []
      var rows = try connection.query(
        """
        SELECT rowid, key FROM snapshot_piece NOT INDEXED
        WHERE rowid > ? AND kind = ? AND number = 0 ORDER BY rowid LIMIT ?
        """, .integer(row), .integer(Int64(SnapshotPart.Kind.document.rawValue)),
        SQLiteValue(max(0, limit)))
      while try rows.next() {
        if let id = DocumentID(bytes: try rows.blob(1)) {
          found.append((try rows.integer(0), id))
        }
      }
      return found
    }
  }

  /// A document that has come; nil when it has not, is deleted, or something of it is still to
  /// come.
  package func arrivingDocument(_ id: DocumentID) throws(StoreError) -> Document? {
    try reading { () throws(StoreError) in
      let bytes = try stagedBytes(of: id)
      guard !bytes.isEmpty else { return nil }
      do {
        let staged = try SnapshotDocument(decoding: bytes)
        guard !staged.isDeleted else { return nil }
        if let state = staged.state, let document = try continued(id, state, staged.tail) {
          return document
        }
        guard let history = try stagedHistory(of: id) else { return nil }
        return try Document.replaying(history) { _ in true }
      } catch let error as StoreError {
        // What it was folded at has not come yet.
        guard case .refused = error else { throw error }
        return nil
      } catch {
        // It is not whole yet.
        return nil
      }
    }
  }

  /// A state with what was edited after it; nil when that needs the history.
  private func continued(
    _ id: DocumentID, _ state: [UInt8], _ tail: [SnapshotDocument.TailBlock]
  ) throws -> Document? {
    struct NeedsHistory: Error {}
    let document = try Document(id: id, state: state)
    do {
      for item in tail {
        let edits = try [IncomingEdit](decoding: item.block, document: id, in: language)
        _ = try document.merge(edits) { throw NeedsHistory() }
      }
      return document
    } catch is NeedsHistory {
      return nil
    }
  }
}
