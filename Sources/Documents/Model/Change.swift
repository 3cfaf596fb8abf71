package import Causality
import Sabotages

/// One committed transaction of one origin: everything it did, to however many documents.
package struct Change: Hashable, Sendable {
  package var id: ChangeID
  package var lamport: UInt64
  /// The author's wall clock: shown to people, decides nothing.
  package var time: Timestamp
  /// The heads that the author had seen, its own predecessor left out; sorted.
  package var dependencies: [ChangeID]
  /// At most one for each document, sorted by document.
  package var edits: [DocumentEdit]

  package init(
    id: ChangeID, lamport: UInt64, time: Timestamp, dependencies: [ChangeID] = [],
    edits: [DocumentEdit]
  ) {
    self.id = id
    self.lamport = lamport
    self.time = time
    self.dependencies = dependencies
    self.edits = edits
  }

  /// The change with nothing but one of its edits, as tails and history chunks of that document
  /// keep it.
  package func reduced(to edit: DocumentEdit) -> Change {
    Change(id: id, lamport: lamport, time: time, edits: [edit])
  }
}

/// The part of a change that belongs to one document.
package struct DocumentEdit: Hashable, Sendable {
  package var document: DocumentID
  /// The document's frontier as the author saw it, in changes; sorted. Empty: the author made it.
  package var parents: [ChangeID]
  /// Never empty.
  package var operations: [Operation]

  package init(document: DocumentID, parents: [ChangeID], operations: [Operation]) {
    self.document = document
    self.parents = parents
    self.operations = operations
  }

  /// How many events the operations are together. Complexity: O(operations and text).
  package var eventCount: Int { operations.reduce(0) { $0 + $1.eventCount } }

  /// Whether it has an operation that is kept without an effect. Complexity: O(operations).
  package var hasUnknownOperations: Bool { operations.contains(where: \.isUnknown) }
}

/// What a document is given of a change.
package struct IncomingEdit: Hashable, Sendable {
  package var change: ChangeID
  package var lamport: UInt64
  package var time: Timestamp
  package var edit: DocumentEdit

  package init(change: ChangeID, lamport: UInt64, time: Timestamp, edit: DocumentEdit) {
    self.change = change
    self.lamport = lamport
    self.time = time
    self.edit = edit
    if Sabotage.trustWallClock.isPlanted { self.lamport = UInt64(clamping: time.milliseconds) }
  }

  /// Nil when the change did not touch the document.
  package init?(_ change: Change, document: DocumentID) {
    guard let edit = change.edits.first(where: { $0.document == document }) else { return nil }
    self.init(change: change.id, lamport: change.lamport, time: change.time, edit: edit)
  }
}
