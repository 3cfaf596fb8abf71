package import Causality

extension Document {
  /// What leads from the document as it was at one version to it at another, older or newer or
  /// neither, in the order in which an editor can apply it.
  ///
  /// - Parameters:
  ///   - from: what it covers of this document counts, with all that this builds on.
  ///   - to: likewise.
  ///   - history: that of the document as it is.
  /// - Complexity: a version that is not that of now is made from the history, O(history). Then
  ///   O(keys and elements of both); of the texts only those are looked at that one version has
  ///   other operations of than the other, each at the cost of ``textPatches(at:from:to:in:)``.
  package func patches(
    from: VersionVector, to: VersionVector, in history: DocumentHistory
  ) throws -> [DocumentPatch] {
    let (from, to) = (try history.frontier(at: from), try history.frontier(at: to))
    let after = try document(at: to, of: history)
    return try difference(
      from: try document(at: from, of: history).shape, at: from, to: after, at: to, in: history)
  }

  /// The document as it was at a version of its history, which `self` is if that is the last one.
  /// Complexity: O(history), else O(1).
  func document(at version: [Int], of history: DocumentHistory) throws -> Document {
    if version == history.graph.frontier, history.isAt(parents) { return self }
    let covered = history.graph.difference([], version).onlyRight
    return try Document.replaying(history) { edit in
      guard let last = history.lastVersion(of: edit.change) else { return false }
      return covered.covers(last)
    }
  }

  func difference(
    from before: DocumentShape, at from: [Int], to after: Document, at to: [Int],
    in history: DocumentHistory
  ) throws -> [DocumentPatch] {
    let between = history.graph.difference(from, to)
    let ranges = between.onlyLeft + between.onlyRight
    var difference = DocumentDifference(
      from: before, to: after.shape,
      changes: { container in
        guard let sequence = history.sequences.first(where: { $0.container == container }),
          ranges.contains(where: { !sequence.log.runs(in: $0).isEmpty }),
          let handle = self.handles[container]
        else { return [] }
        return history.textPatches(
          try self.difference(handle, history, sequence, from: from, to: to), of: sequence)
      }, text: { after.texts[$0].string })
    return try difference.run()
  }
}
