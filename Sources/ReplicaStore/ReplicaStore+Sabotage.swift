import Causality
package import Documents
package import SQLiteBridge
import Segments

// What planted bugs do; unreachable in builds without them.
extension ReplicaStore {
  /// The Lamport time of the last own change.
  var lamportOfOwn: UInt64 { state.row(of: identity.origin)?.lamport ?? 0 }

  /// Ends the transaction in the middle and begins another for the rest.
  func commitHere() throws(StoreError) {
    try sql { () throws(SQLiteError) in try connection.splitTransaction() }
  }

  /// Commits that the changes are applied, and nothing of what they did.
  func saveVector() throws(StoreError) {
    try writeOrigins()
    try commitHere()
  }

  /// Lets commits return before the disk has them, or no longer.
  func syncLater(_ isLater: Bool) {
    try? connection.execute("PRAGMA synchronous = \(isLater ? "NORMAL" : "FULL")")
  }

  /// Merges the changes of a segment that are applied already.
  func applyAgain(_ segment: Segment) {
    guard let changes = try? open(segment) else { return }
    let again = changes.filter { state.applied.contains($0.id) }
    var documents: Set<DocumentID> = []
    try? merge(again.map { AppliedChange(change: $0, position: state.position) }, &documents)
  }
}

extension ReplicaStore {
  /// Lets all that a file holds of a document rot, as disks do. For simulations and tests, while
  /// nobody has the file open.
  package static func mould(
    _ id: DocumentID, in options: SQLiteOptions
  ) throws(SQLiteError) {
    let file = try SQLiteConnection(options)
    defer { file.close() }
    let row = try file.queryInteger("SELECT id FROM document WHERE document = ?", .blob(id.bytes))
    for (table, column, rows) in [
      ("document_state", "state", "document = ?1"), ("document_base", "state", "document = ?1"),
      ("document_history", "block", "document = ?1"),
      ("document_tail", "block", DocumentTail.ofFirst),
    ] {
      try file.execute(
        "UPDATE \(table) SET \(column) = zeroblob(length(\(column))) WHERE \(rows)",
        .integer(row ?? 0))
    }
  }
}
