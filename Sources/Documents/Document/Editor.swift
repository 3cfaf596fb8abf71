package import Causality

/// Edits one document within one transaction; what it does shows in the document at once.
///
/// Every operation is checked whole before it changes anything and throws an ``EditError``. When
/// one fails, the ones before it have been done: to undo the transaction, discard the document and
/// open it again. Neighbouring insertions and removals become one operation.
///
/// A transaction ends with ``finish()``, which hands out what it did, or with ``commit()``, which
/// only records it in the history that the document keeps; ``begin(_:lamport:time:)`` starts the
/// next one.
package final class Editor {
  package let document: Document
  @exclusivity(unchecked) package private(set) var change: ChangeID
  @exclusivity(unchecked) package private(set) var lamport: UInt64
  /// The wall clock, which is shown to people.
  @exclusivity(unchecked) private var time: Timestamp
  /// What was done so far, operation by operation.
  @exclusivity(unchecked) var draft = EditDraft()

  init(document: Document, change: ChangeID, lamport: UInt64, time: Timestamp) {
    self.document = document
    self.change = change
    self.lamport = lamport
    self.time = time
  }

  /// Starts the next transaction, after the one before was finished or committed.
  package func begin(_ change: ChangeID, lamport: UInt64, time: Timestamp) {
    precondition(isEmpty, "the transaction before has not ended")
    self.change = change
    self.lamport = lamport
    self.time = time
  }

  /// Ends the edit and hands out what it did; nil when it did nothing.
  package func finish() throws(MergeError) -> DocumentEdit? {
    breakTypingOff()
    document.openEditEndsInDelete = nil
    guard !draft.isEmpty else { return nil }
    let edit = DocumentEdit(
      document: document.id, parents: document.parents, operations: document.operations(of: draft))
    if document.hasHistory {
      try document.record(draft, of: change, lamport: lamport, time: time)
    }
    document.advanceFrontier(to: change, endsInDelete: draft.endsInDelete)
    draft.removeAll()
    return edit
  }

  /// Ends the edit and records it in the history that the document keeps, for whoever has a
  /// document in memory with its history and no store: stores take what ``finish()`` hands out.
  /// Complexity: O(1) amortised for edits of texts by one author, one after the other.
  ///
  /// - Returns: whether something was done.
  package func commit() throws(MergeError) -> Bool {
    if document.typing.isOffered, document.pending.accept(change, lamport: lamport, time: time) {
      document.typing.accept()
      return true
    }
    return try commitElsewhere()
  }

  @inline(never)
  private func commitElsewhere() throws(MergeError) -> Bool {
    if document.pending.hasOffer,
      document.pending.accept(change, lamport: lamport, time: time)
    {
      document.pending.endOffer()
      document.beginTyping()
      return true
    }
    breakTypingOff()
    document.openEditEndsInDelete = nil
    guard !draft.isEmpty else { return false }
    if !document.pending.take(draft, change, lamport: lamport, time: time) {
      precondition(document.hasHistory, "a document without history cannot record an edit")
      try document.record(draft, of: change, lamport: lamport, time: time)
      document.advanceFrontier(to: change, endsInDelete: draft.endsInDelete)
      document.pending.follow(change, lamport: lamport)
    }
    draft.removeAll()
    return true
  }

  /// Whether nothing was done.
  package var isEmpty: Bool { draft.isEmpty && !document.hasOffer }

  /// Before the draft takes anything: the transaction is more than a keystroke that goes on, and
  /// takes one back that was thought to be all of it.
  @inline(__always)
  func breakTypingOff() {
    document.endTyping()
    guard document.pending.hasOffer else { return }
    document.pending.giveBack(to: &draft)
    document.openEditEndsInDelete = false
  }

  /// Marks the document as deleted. An edit after it, or one made elsewhere at the same time,
  /// brings the document back.
  package func deleteDocument() throws(EditError) {
    guard !document.isDeleted else { return }
    try checkRoom(for: 1)
    record(.root, .deleteDocument)
  }

  /// Adds an operation as a later release would write it. This one keeps it, hands it on and counts
  /// its events; it has no effect here.
  ///
  /// - Precondition: `eventCount` is at least 1.
  package func write(
    unknown code: UInt64, eventCount: Int, bytes: [UInt8]
  ) throws(EditError) {
    try checkRoom(for: eventCount)
    record(.root, .unknown(code: code, eventCount: eventCount, bytes: bytes))
  }

  // MARK: Recording

  /// The event that is recorded next, when it is no keystroke.
  var nextEvent: EventID {
    breakTypingOff()
    return EventID(change: change, index: UInt32(clamping: draft.eventCount))
  }

  func record(_ handle: ContainerHandle, _ action: Operation.Action) {
    let operation = Operation(document.containers[handle.index].id, action)
    let count = document.perform(operation, at: nextEvent, lamport: lamport)
    draft.append(operation, eventCount: count)
    document.openEditEndsInDelete = action == .deleteDocument
  }

  func checkRoom(for count: Int) throws(EditError) {
    breakTypingOff()
    guard count <= Operation.eventCountMax - draft.eventCount else {
      throw EditError(
        .limitExceeded,
        "a transaction edits at most \(Operation.eventCountMax) places; commit more often"
      )
    }
  }
}

extension Document {
  /// Begins the edit of one transaction. One editor at a time.
  ///
  /// - Parameters:
  ///   - change: the change that the transaction will become.
  ///   - lamport: above that of every change applied.
  ///   - time: the wall clock, which decides nothing.
  package func beginEdit(
    _ change: ChangeID, lamport: UInt64, time: Timestamp = .epoch
  ) -> Editor {
    Editor(document: self, change: change, lamport: lamport, time: time)
  }
}
