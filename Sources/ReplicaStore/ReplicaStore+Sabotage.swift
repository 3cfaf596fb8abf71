import Causality
import Documents
import SQLiteBridge
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
