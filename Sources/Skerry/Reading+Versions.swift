import ReplicaStore

// Versions of documents, and places in them that stay.
extension Reading {
  /// What leads from a document at one version to it at another, older or newer or neither, as the
  /// steps that whoever shows it can take in order.
  ///
  /// - Throws: `refused` when there is no such document, `damaged` when its history is.
  /// - Complexity: O(history of the document).
  public func patches(
    _ id: DocumentID, from: VersionVector, to: VersionVector
  ) throws(ReplicaError) -> [DocumentPatch] {
    try withHistory(id) { document, history in
      try document.patches(from: from, to: to, in: history)
    }
  }

  /// What was done to a document on this device and can be taken back or done again, transaction by
  /// transaction; under the origin in use, since no edit is taken back under another one.
  public func undoStack(_ id: DocumentID) throws(ReplicaError) -> UndoStack {
    let own = store.identity.origin
    return try withHistory(id) { _, history in UndoStack(of: { $0 == own }, in: history) }
  }

  /// The versions of a document that were given names, by name.
  public func namedVersions(_ id: DocumentID) throws(ReplicaError) -> [NamedVersion] {
    try withHistory(id) { _, history in history.namedVersions }
  }

  /// A cursor at a position of a text or list, which stays beside what is on its side.
  ///
  /// - Throws: `refused` when no text or list is there or the position is beyond its end.
  /// - Complexity: O(n log n) for the n operations of its history.
  public func cursor(
    _ id: DocumentID, path: [PathStep], at position: Int, side: Cursor.Side
  ) throws(ReplicaError) -> Cursor {
    try withHistory(id) { document, history in
      try document.cursor(at: position, of: DocumentPath(path), side: side, in: history)
    }
  }

  /// Where cursors in a text or list are now; nil for one that names nothing that was ever there.
  ///
  /// - Throws: `refused` when no text or list is there.
  /// - Complexity: O(n log n) for the n operations of its history, however many cursors.
  public func positions(
    _ id: DocumentID, path: [PathStep], of cursors: [Cursor]
  ) throws(ReplicaError) -> [Int?] {
    try withHistory(id) { document, history in
      try document.positions(of: cursors, at: DocumentPath(path), in: history)
    }
  }
}
