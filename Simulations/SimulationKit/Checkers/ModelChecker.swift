import Causality
import DocumentModel
import Documents
import ReplicaStore

/// P6, from the outside, with P7: what a replica shows is what a second, tiny model of the
/// documents makes of the changes that the replica says it shows. P5: each of these is there, and
/// once.
struct ModelChecker {
  /// The model of the changes that were looked at last: in the end all replicas have the same.
  private var last: (changes: [Change], model: Model)?
  /// What the first replica of each version listed as conflicts. Only looked up in.
  private var listed: [VersionVector: (node: Int, conflicts: [Conflict])] = [:]
  /// What it says of documents that were asked for.
  private var expectations: [DocumentID: Expectation] = [:]

  private struct Expectation {
    var content: Model.Expectation
    var conflicts: ConflictChecker.Expectation
  }

  /// - Parameters:
  ///   - changes: all that the store has, newest first.
  ///   - isContested: whether others with the same version vector may have other changes, or
  ///     understand other operations.
  mutating func check(
    node: Int, store: ReplicaStore, changes: [Change], isContested: Bool, at time: Int
  ) throws -> Violation? {
    var counted = VersionVector()
    for change in changes { counted.advance(to: change.id) }
    let shown = store.appliedVector
    guard counted == shown, UInt64(changes.count) == shown.changeCount(beyond: VersionVector())
    else {
      return Violation(
        "P5", at: time,
        "node \(node) says that it shows \(shown.changeCount(beyond: VersionVector())) changes, "
          + "and has \(changes.count)")
    }
    renewModel(of: changes)
    var conflicts: [Conflict] = []
    for item in try store.documents(includingDeleted: true) {
      guard let document = try store.document(item.id) else { continue }
      let expectation = expectation(of: item.id)
      let found = try store.conflicts(of: item.id)
      conflicts += found
      if let lost = ConflictChecker.check(
        node: node, expectation: expectation.conflicts, document: document, listed: found,
        at: time)
      {
        return lost
      }
      guard let difference = expectation.content.difference(from: document) else { continue }
      return Violation(
        "P6", at: time, "node \(node) shows what the model of its changes does not: \(difference)")
    }
    return isContested ? nil : compare(conflicts, of: node, showing: shown, at: time)
  }

  /// Equal version vectors, equal conflicts.
  private mutating func compare(
    _ conflicts: [Conflict], of node: Int, showing version: VersionVector, at time: Int
  ) -> Violation? {
    guard let other = listed[version] else {
      listed[version] = (node, conflicts)
      return nil
    }
    guard other.conflicts != conflicts else { return nil }
    return Violation(
      "P6", at: time,
      "node \(node) lists other conflicts than node \(other.node) with the same version vector")
  }

  private mutating func renewModel(of changes: [Change]) {
    if let last, last.changes == changes { return }
    // Oldest first, so that none has to wait for another.
    last = (changes, Model(changes.reversed()))
    expectations = [:]
  }

  private mutating func expectation(of document: DocumentID) -> Expectation {
    if let known = expectations[document] { return known }
    let model = last?.model ?? Model()
    let expectation = Expectation(
      content: model.expectation(of: document),
      conflicts: ConflictChecker.Expectation(model, of: document))
    expectations[document] = expectation
    return expectation
  }
}
