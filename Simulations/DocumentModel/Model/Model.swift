package import Causality
package import Documents
package import JSONCoding

/// What a workspace is, as a function of the set of its changes: the second, slow, small statement
/// of what the engine computes, written apart from it so that one can be held against the other.
///
/// It shares with the engine the values that an author writes (``Change`` and what is in one) and
/// nothing that works on them: no event graph, no replay, no state. Everything any change wrote is
/// kept and every question is answered from all of it, so that one model that has all changes tells
/// what a replica shows that has seen any part of them. The order in which changes are added makes
/// no difference.
///
/// Complexity: adding a change, and reading, is O(everything in the documents that it touches).
package struct Model: Sendable {
  private var models: [DocumentID: ModelDocument] = [:]

  package init() {}

  package init(_ changes: some Sequence<Change>) {
    for change in changes { add(change) }
  }

  /// Takes a change; one that is here already changes nothing. An edit takes part as soon as all
  /// edits that it was built on are here.
  package mutating func add(_ change: Change) {
    for edit in change.edits {
      models[edit.document, default: ModelDocument(id: edit.document)].add(change)
    }
  }

  /// The documents that are there and not deleted, sorted.
  ///
  /// - Parameter seen: what the reader has seen; nil for everything.
  package func documents(seeing seen: VersionVector? = nil) -> [DocumentID] {
    models.keys.sorted().filter { read($0, seen) { !$0.isDeleted(in: $1) } ?? false }
  }

  package var documents: [DocumentID] { documents(seeing: nil) }

  /// What a reader of the document gets; nil when it is not there or deleted.
  package func json(of document: DocumentID, seeing seen: VersionVector? = nil) -> JSONValue? {
    read(document, seen) { $0.isDeleted(in: $1) ? .none : .some($0.json(in: $1)) } ?? .none
  }

  /// Every value of every register, in the form of `Document.canonicalJSON()`, of a deleted
  /// document too; nil when no change of the document was seen.
  package func canonicalJSON(
    of document: DocumentID, seeing seen: VersionVector? = nil
  ) -> JSONValue? {
    read(document, seen) { $0.canonicalJSON(in: $1) }
  }

  /// The canonical form of all documents, deleted ones too, a line each, sorted by document.
  package func canonicalText(seeing seen: VersionVector? = nil) -> String {
    models.keys.sorted().compactMap { canonicalJSON(of: $0, seeing: seen)?.text() }
      .joined(separator: "\n")
  }

  /// Nil when nothing of the document is in what was seen.
  func read<Result>(
    _ document: DocumentID, _ seen: VersionVector?, _ body: (ModelDocument, ModelVersion) -> Result
  ) -> Result? {
    guard let model = models[document] else { return nil }
    let version = model.version { seen?.contains($0) ?? true }
    return model.frontier(of: version).isEmpty ? nil : body(model, version)
  }
}
