import Causality
import DocumentModel
import Documents
import JSONCoding
import ReplicaStore

/// P6, from the outside: what a replica shows is what a second, tiny model of the documents makes of
/// the changes that the replica says it shows.
/// P5: each of these is there, and once.
enum ModelChecker {
  static func check(node: Int, store: ReplicaStore, at time: Int) throws -> Violation? {
    var changes: [Change] = []
    var counted = VersionVector()
    try store.changes { change, _ in
      changes.append(change)
      counted.advance(to: change.id)
      return true
    }
    let shown = store.appliedVector
    guard counted == shown, UInt64(changes.count) == shown.changeCount(beyond: VersionVector())
    else {
      return Violation(
        "P5", at: time,
        "node \(node) says that it shows \(shown.changeCount(beyond: VersionVector())) changes, "
          + "and has \(changes.count)")
    }
    let model = Model(changes)
    for item in try store.documents(includingDeleted: true) {
      guard let document = try store.document(item.id) else { continue }
      let found = document.canonicalJSON().text(sortingKeys: true)
      let expected = model.canonicalJSON(of: item.id)?.text(sortingKeys: true)
      guard found != expected else { continue }
      return Violation(
        "P6", at: time,
        "node \(node) shows document \(item.id) as \(found), and the model of its changes is "
          + "\(expected ?? "nothing")")
    }
    return nil
  }
}
