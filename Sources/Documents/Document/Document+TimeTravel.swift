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

  /// The document that some edits of a history lead to, and all that is folded in it.
  ///
  /// - Parameter isIncluded: whether an edit counts. All that it builds on has to count too.
  /// - Complexity: as that of ``replaying(_:_:at:)``.
  package static func replaying(
    _ history: DocumentHistory, where isIncluded: (IncomingEdit) -> Bool
  ) throws -> Document {
    let document = try history.documentAtStart()
    _ = try document.merge(history.edits().filter(isIncluded)) { try history.onlyBase() }
    document.releaseHistory()
    return document
  }
}

extension Document {
  /// What leads from the text at `path` as it was at one version to that at another, older or newer
  /// or neither: exactly what is different, in document order.
  ///
  /// - Parameters:
  ///   - path: of a text that is there now.
  ///   - from: what it covers of this document counts, with all that this builds on. (Versions of
  ///     replicas cover that anyway.)
  ///   - to: likewise.
  ///   - history: that of the document as it is.
  /// - Complexity: O(n log n) for the n operations that only one version covers or that were made
  ///   at the same time as those, and, where text comes back, for those since it was written.
  package func textPatches(
    at path: DocumentPath, from: VersionVector, to: VersionVector, in history: DocumentHistory
  ) throws -> [TextPatch] {
    let handle = try handle(at: path, kind: .text)
    let (from, to) = (try history.frontier(at: from), try history.frontier(at: to))
    return try withSequence(handle, of: history) { sequence in
      let steps = try difference(handle, history, sequence, from: from, to: to)
      return history.textPatches(steps, of: sequence)
    } ?? []
  }

  /// The text at `path` as it was at a version. Complexity: that of
  /// ``textPatches(at:from:to:in:)`` from now, and of copying the text.
  package func text(
    at path: DocumentPath, version: VersionVector, in history: DocumentHistory
  ) throws -> String {
    let handle = try handle(at: path, kind: .text)
    var text = texts[slot(of: handle)]
    let version = try history.frontier(at: version)
    return try withSequence(handle, of: history) { sequence in
      let steps = try difference(
        handle, history, sequence, from: history.graph.frontier, to: version)
      do {
        try text.apply(steps, from: sequence.log)
      } catch {
        throw MergeError.damagedHistory("\(sequence.container) of document \(id): \(error)")
      }
      return text.string
    } ?? ""
  }

  /// Who wrote which part of the text at `path`, from its start to its end; of what came back by an
  /// undo, whoever wrote it first. Complexity: O(n log n)
  /// for its n operations.
  package func attribution(
    at path: DocumentPath, in history: DocumentHistory
  ) throws -> [TextAttribution] {
    let handle = try handle(at: path, kind: .text)
    return try withSequence(handle, of: history) { sequence in
      let steps = try difference(handle, history, sequence, from: [], to: history.graph.frontier)
      let standings = Standings(history)
      var parts: [TextAttribution] = []
      for step in steps {
        history.forEachAuthor(of: step, standings) { author, count in
          if parts.last?.author == author {
            parts[parts.count - 1].count += count
          } else {
            parts.append(TextAttribution(count: count, author: author))
          }
        }
      }
      return parts
    } ?? []
  }

  /// Nil when nothing was ever written there.
  func withSequence<Result>(
    _ handle: ContainerHandle, of history: DocumentHistory,
    _ body: (SequenceHistory) throws -> Result
  ) throws -> Result? {
    let container = containers[handle.index].id
    guard let sequence = history.sequence(of: container) else { return nil }
    return try body(sequence)
  }

  /// Whether a text or list is that of the history that the document keeps: what is known of one
  /// history is nothing to another one.
  func isKept(_ sequence: SequenceHistory) -> Bool {
    history?.sequence(of: sequence.container)?.log.sharesStorage(with: sequence.log) ?? false
  }

  func difference(
    _ handle: ContainerHandle, _ history: DocumentHistory, _ sequence: SequenceHistory,
    from: [Int], to: [Int]
  ) throws(MergeError) -> [SequencePatch] {
    let isSound = !containers[handle.index].isFlawed
    do {
      if isKept(sequence) {
        return try SequenceWalker.difference(
          graph: history.graph, log: sequence.log, ranks: history.ranks, from: from, to: to,
          isSound: isSound, index: &deletionIndexes[sequence.container, default: DeletionIndex()])
      }
      return try SequenceWalker.difference(
        graph: history.graph, log: sequence.log, ranks: history.ranks, from: from, to: to,
        isSound: isSound)
    } catch {
      throw .damagedHistory("\(sequence.container) of document \(id): \(error)")
    }
  }
}

extension DocumentHistory {
  /// The greatest events of what a version covers. Complexity: O(origins) and the distance between
  /// what they wrote last.
  ///
  /// - Throws: ``EditError`` for a version that has not seen all that is folded.
  func frontier(at version: VersionVector) throws(EditError) -> [Int] {
    guard reaches(version) else {
      throw EditError(
        .nothingThere,
        "the document cannot be read at that version: its history was folded by a compaction")
    }
    var heads: [Int] = []
    for index in 0..<originCount {
      if let head = graph.lastEvent(
        origin: index, notAfter: version[origin(at: index)])
      {
        heads.append(head)
      }
    }
    return graph.dominators(of: heads.sorted())
  }

  /// What goes and comes at one place is one patch for each author of what comes.
  func textPatches(
    _ steps: [SequencePatch], of sequence: SequenceHistory
  ) -> [TextPatch] {
    var patches: [TextPatch] = []
    // Where the last patch ends.
    var end = -1
    for step in steps {
      guard step.kind == .insert else {
        if step.position == end {
          patches[patches.count - 1].removed += step.count
        } else {
          patches.append(TextPatch(position: step.position, removed: step.count, inserted: ""))
          end = step.position
        }
        continue
      }
      var position = step.position
      forEachAuthor(of: step) { author, count in
        let content = step.content + position - step.position
        let text = sequence.log.text(ofContent: content..<content + count)
        let author = author.sequence > 0 ? author : nil
        if end == position, let last = patches.indices.last, patches[last].inserted.isEmpty {
          patches[last].inserted = text
          patches[last].author = author
        } else {
          patches.append(
            TextPatch(position: position, removed: 0, inserted: text, author: author))
        }
        position += count
        end = position
      }
    }
    return patches
  }

  /// The changes whose events an insertion consists of, and how many each has.
  ///
  /// - Parameter standings: to name those for which they stand.
  fileprivate func forEachAuthor(
    of step: SequencePatch, _ standings: Standings? = nil, _ body: (ChangeID, Int) -> Void
  ) {
    var version = step.version
    let end = step.version + step.count
    while version < end {
      let (root, rootEnd) = standings?.root(of: version) ?? (version, .max)
      let next = min(end, graph.changeEnd(at: version), rootEnd)
      body(event(at: root).change, next - version)
      version = next
    }
  }
}
