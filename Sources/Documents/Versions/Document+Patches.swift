package import Causality

extension Document {
  /// What leads from the document as it was at one version to it at another, older or newer or
  /// neither, in the order in which an editor can apply it.
  ///
  /// - Parameters:
  ///   - from: what it covers of this document counts, with all that this builds on.
  ///   - to: likewise.
  ///   - history: that of the document as it is.
  /// - Complexity: that of ``Rewinding`` from now to the older of the versions. Then only what
  ///   operations have changed that one version has and the other has not is looked at: lists and
  ///   trees whole, texts at the cost of ``textPatches(at:from:to:in:)``.
  package func patches(
    from: VersionVector, to: VersionVector, in history: DocumentHistory
  ) throws -> [DocumentPatch] {
    let (from, to) = (try history.frontier(at: from), try history.frontier(at: to))
    // From what has both it is not far to either.
    let both = history.graph.dominators(of: (from + to).sorted())
    let document = try document(at: both, of: history)
    return try difference(
      from: try rewound(document, at: both, to: from, in: history).shape, at: from,
      to: try rewound(document, at: both, to: to, in: history), at: to, in: history)
  }

  /// A document of its own as this one was at a version of its history, which has seen all that is
  /// folded. Complexity: as in ``patches(from:to:in:)``.
  package func document(
    at version: VersionVector, of history: DocumentHistory
  ) throws -> Document {
    let past = try document(at: history.frontier(at: version), of: history)
    return past === self ? copy() : past
  }

  /// The document as it was at a version of its history, which `self` is if that is the last one.
  /// Complexity: that of ``Rewinding``.
  func document(at version: [Int], of history: DocumentHistory) throws -> Document {
    if history.isAt(parents) {
      if version == history.graph.frontier { return self }
      return try rewound(self, at: history.graph.frontier, to: version, in: history)
    }
    let covered = history.graph.difference([], version).onlyRight
    return try Document.replaying(history) { edit in
      guard let last = history.lastVersion(of: edit.change) else { return false }
      return covered.covers(last)
    }
  }

  /// What a document that has a version of the history of this one was at an earlier version.
  private func rewound(
    _ document: Document, at start: [Int], to version: [Int], in history: DocumentHistory
  ) throws -> Document {
    if version == start { return document }
    guard history.isAt(parents) else { return try self.document(at: version, of: history) }
    if version.allSatisfy({ $0 < history.start.eventCount }) {
      return try history.documentAtStart()
    }
    var rewinding = Rewinding(document, known: self, at: start, to: version, in: history)
    return try rewinding.run()
  }

  /// Brings a text to another version.
  func apply(
    _ steps: [SequencePatch], of sequence: SequenceHistory, to handle: ContainerHandle
  ) throws(MergeError) {
    do {
      try texts[slot(of: handle)].apply(steps, from: sequence.log)
    } catch {
      throw .damagedHistory("\(sequence.container) of document \(id): \(error)")
    }
  }

  func difference(
    from before: DocumentShape, at from: [Int], to after: Document, at to: [Int],
    in history: DocumentHistory
  ) throws -> [DocumentPatch] {
    let between = history.graph.difference(from, to)
    let ranges = between.onlyLeft + between.onlyRight
    var difference = DocumentDifference(
      from: before, to: after.shape, where: TouchedPlaces(ranges, of: history),
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
