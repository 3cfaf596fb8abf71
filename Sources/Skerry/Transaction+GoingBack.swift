internal import ReplicaStore

extension Transaction {
  /// Makes a document show what it showed at a version, by new edits: as few as can be, so that
  /// what others do meanwhile merges with them. A transaction does that before it edits the
  /// document.
  ///
  /// - Throws: `refused` when there is no such document or the transaction has edited it before.
  /// - Complexity: O(history of the document).
  public mutating func restore(
    _ document: DocumentID, to version: VersionVector
  ) throws(ReplicaError) {
    try ReplicaError.translating { try store.restore(document, to: version) }
  }

  /// Takes back what was done last to a document on this device and is still in effect: that and
  /// nothing else, whatever others have done since. Each transaction counts for itself; whoever
  /// groups them keeps an ``UndoStack``. It is as if the edit had not been made:
  ///
  /// - characters that it inserted are gone, those that it alone deleted are back at their place;
  /// - a key or an element holds what it held, if nobody has set it since;
  /// - elements of lists are gone, back, or where they were, counters count the other way;
  /// - a document that it deleted is back.
  ///
  /// What it made stays where others have put something into it, without what was its own.
  ///
  /// - Throws: `refused` when there is nothing to take back, or as ``restore(_:to:)``.
  public mutating func undo(_ document: DocumentID) throws(ReplicaError) {
    try ReplicaError.translating { try store.take(.undo, of: document) }
  }

  /// Does again what ``undo(_:)`` took back last, if nothing was done on this device since.
  ///
  /// - Throws: as ``undo(_:)``.
  public mutating func redo(_ document: DocumentID) throws(ReplicaError) {
    try ReplicaError.translating { try store.take(.redo, of: document) }
  }

  /// Takes a step of a stack that the caller keeps, and tells of once the transaction is committed
  /// (``UndoStack/did(_:)``).
  ///
  /// - Throws: as ``restore(_:to:)``.
  public mutating func take(
    _ step: UndoStack.Step, of document: DocumentID
  ) throws(ReplicaError) {
    try ReplicaError.translating { try store.take(step, of: document) }
  }

  /// Gives a version of a document a name that everybody sees; nil gives the name up. Of several
  /// who give one name at once one has given it.
  public mutating func name(
    _ version: VersionVector?, as name: String, of document: DocumentID
  ) throws(ReplicaError) {
    try ReplicaError.translating { try store.edit(document).name(version, name) }
  }
}
