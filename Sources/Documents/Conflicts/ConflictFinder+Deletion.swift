import Causality

// The document as a whole, deleted while somebody edited it.

extension ConflictFinder {
  func documentConflicts() -> [Draft] {
    var newest: [Int] = []
    for deletion in deletions.reversed() where !newest.contains(where: { isBefore(deletion, $0) }) {
      newest.append(deletion)
    }
    var open: [Int] = []
    var edits: [Int] = []
    for deletion in newest {
      let rest = unresolved(
        changes(concurrentWith: deletion), by: [history.event(at: deletion)])
      if !rest.isEmpty { open.append(deletion) }
      edits += rest
    }
    guard let latestEdit = latest(of: edits), let last = latest(of: open) else { return [] }
    let events = open.map { history.event(at: $0) }.sorted()
    return [
      Draft(
        kind: .document, path: DocumentPath(),
        sides: [
          Draft.Side(version: last, events: events, content: nil),
          Draft.Side(version: latestEdit, events: latestOfEach(edits), content: .document),
        ])
    ]
  }

  /// The last events of changes that edit the document, made without knowing of an event and
  /// unknown to whoever made that.
  private func changes(concurrentWith version: Int) -> [Int] {
    let graph = history.graph
    let decided = history.event(at: version)
    var found: [Int] = []
    for range in graph.difference([version], graph.frontier).onlyRight {
      var next = range.lowerBound
      while next < range.upperBound {
        let last = min(graph.changeEnd(at: next), range.upperBound) - 1
        next = last + 1
        let isDecision =
          deletions.contains(last)
          || resolutions.contains { $0.version == last && $0.events.contains(decided) }
        if !isDecision, !graph.contains(version, in: [last]) { found.append(last) }
      }
    }
    return found
  }
}
