import Causality

// The characters of texts have the marks that they would have without what is taken back.

extension Reversal {
  /// Whether the edit has put marks on a text or taken some away.
  func hasMarked(_ text: ContainerID) -> Bool {
    history.marks(of: text).contains { effects.edit.covers($0.version) }
  }

  /// What each character of a text that was ever marked stands for, and whether it comes back now;
  /// nil for a text without marks.
  struct MarkedRow {
    /// Versions, by position.
    var roots: [Int] = []
    var isBack: [Bool] = []

    mutating func replace(_ range: Range<Int>, by new: [Int], isBack: Bool) {
      guard range.upperBound <= roots.count else { return }
      roots.replaceSubrange(range, with: new)
      self.isBack.replaceSubrange(range, with: new.map { _ in isBack })
    }
  }

  func row(of text: ContainerID) throws(MergeError) -> MarkedRow? {
    guard !history.marks(of: text).isEmpty, let handle = document.handles[text],
      let sequence = history.sequences.first(where: { $0.container == text })
    else { return nil }
    var row = MarkedRow()
    for step in try document.difference(
      handle, history, sequence, from: [], to: history.graph.frontier)
    {
      let versions = step.version..<step.version + step.count
      row.replace(
        step.position..<step.position, by: versions.map { effects.root(of: $0) }, isBack: false)
    }
    return row
  }

  /// What is to be done about the marks of a text whose characters are those of the row, `current`
  /// what they have.
  func markChanges(
    of text: ContainerID, _ row: MarkedRow, current: TextMarks
  ) throws(MergeError) -> [MarkChange] {
    let after = try marks(of: text, effects)
    let before =
      hasMarked(text)
      ? try marks(of: text, Effects(step, isDone: false, in: history)) : nil
    guard before != nil || row.isBack.contains(true), row.roots.count == current.count else {
      return []
    }
    var changes = MarkChanges()
    var start = 0
    for run in current.runs {
      let end = start + run.count
      let now = current.sets[run.set].map { current.table[$0] }
      while start < end {
        let (root, isBack) = (row.roots[start], row.isBack[start])
        var next = start + 1
        while next < end, row.isBack[next] == isBack,
          after.set(of: row.roots[next]) == after.set(of: root),
          before?.set(of: row.roots[next]) == before?.set(of: root)
        {
          next += 1
        }
        if isBack {
          changes.add(start..<next, from: now, to: after.entries(of: root))
        } else if let before {
          changes.add(
            start..<next, from: now, to: after.entries(of: root),
            differingFrom: before.entries(of: root))
        }
        start = next
      }
    }
    return changes.sorted
  }

  private func marks(of text: ContainerID, _ effects: Effects) throws(MergeError) -> RootMarks {
    guard let sequence = history.sequences.first(where: { $0.container == text }) else {
      return RootMarks()
    }
    do {
      return try RootMarks(
        graph: history.graph, log: sequence.log, ranks: history.ranks,
        operations: history.marks(of: text).filter { !effects.ignored.covers($0.version) },
        standings: effects.standings)
    } catch {
      throw .damagedHistory("\(text) of document \(document.id): \(error)")
    }
  }
}
