package import Causality

extension Document {
  /// The document as it was at a version: the edits that the version covers, applied to nothing.
  ///
  /// - Parameters:
  ///   - edits: the whole history in causal order; what the version does not cover is left out.
  ///   - version: nil for everything.
  /// - Complexity: O(history) where nothing was concurrent, else one replay of each text and list.
  package static func replaying(
    _ id: DocumentID, _ edits: some Sequence<IncomingEdit>, at version: VersionVector? = nil
  ) throws -> Document {
    let document = Document(id: id)
    let covered = edits.filter { version?.contains($0.change) ?? true }
    _ = try document.merge(covered) { DocumentHistory(document: id) }
    document.releaseHistory()
    return document
  }
}
