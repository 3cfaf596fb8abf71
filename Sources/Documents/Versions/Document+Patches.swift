package import Causality

extension Document {
  /// What leads from the document as it was at one version to it at another, older or newer or
  /// neither, in the order in which an editor can apply it.
  ///
  /// - Parameters:
  ///   - from: what it covers of this document counts, with all that this builds on.
  ///   - to: likewise.
  ///   - history: that of the document as it is.
  /// - Complexity: a version since which nothing was done but writing in texts without marks costs
  ///   what was written since, any other one that is not that of now is made from the history,
  ///   O(history). Then O(keys and elements of both); of the texts only those are looked at that
  ///   one version has other operations of than the other, each at the cost of
  ///   ``textPatches(at:from:to:in:)``.
  package func patches(
    from: VersionVector, to: VersionVector, in history: DocumentHistory
  ) throws -> [DocumentPatch] {
    let (from, to) = (try history.frontier(at: from), try history.frontier(at: to))
    let after = try document(at: to, of: history)
    return try difference(
      from: try document(at: from, of: history).shape, at: from, to: after, at: to, in: history)
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
  /// Complexity: as in ``patches(from:to:in:)``.
  func document(at version: [Int], of history: DocumentHistory) throws -> Document {
    if history.isAt(parents) {
      if version == history.graph.frontier { return self }
      if let past = try documentBeforeWriting(at: version, of: history) { return past }
    }
    let covered = history.graph.difference([], version).onlyRight
    return try Document.replaying(history) { edit in
      guard let last = history.lastVersion(of: edit.change) else { return false }
      return covered.covers(last)
    }
  }

  /// The document, which is at the end of its history, as it was at a version since which nothing
  /// was done but writing in texts without marks; else nil.
  func documentBeforeWriting(
    at version: [Int], of history: DocumentHistory
  ) throws -> Document? {
    let foldedCount = history.base?.count ?? 0
    guard !version.isEmpty, version.allSatisfy({ $0 >= foldedCount }) else { return nil }
    let since = history.graph.difference(version, history.graph.frontier).onlyRight
    guard
      since.allSatisfy({
        history.firstOther(from: $0.lowerBound) == history.firstOther(from: $0.upperBound)
      })
    else { return nil }
    let written = history.sequences.filter { sequence in
      since.contains { !sequence.log.runs(in: $0).isEmpty }
    }
    guard
      written.allSatisfy({
        $0.container.kind == .text && history.marks(of: $0.container).isEmpty
      })
    else { return nil }
    let past = copy()
    past.releaseHistory()
    for sequence in written {
      guard let handle = handles[sequence.container] else { return nil }
      let steps = try difference(
        handle, history, sequence, from: history.graph.frontier, to: version)
      try past.apply(steps, of: sequence, to: handle)
    }
    past.frontier = version.map {
      FrontierEntry(change: history.event(at: $0).change, endsInDelete: history.isDelete(at: $0))
    }.sorted { $0.change < $1.change }
    return past
  }

  /// Brings a text to another version.
  private func apply(
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
