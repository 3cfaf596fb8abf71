import Causality

/// Which events of a history stand for earlier ones, by the marks of all who took something back.
/// A mark decides nothing but what its readers take back themselves.
struct Standings {
  /// Ascending by version, none meets another.
  private var runs: [(versions: Range<Int>, root: Int)] = []
  /// The edits, by whomever, that are taken back and were not done again.
  private(set) var undone = ChangeSet()
  /// The events of the changes that took something back or did it again, ascending.
  private(set) var marked: [Range<Int>] = []
  /// Where something was taken back, with what.
  private var undoings: [(version: Int, edit: ChangeSet)] = []

  /// Complexity: O(operations other than those of texts and lists).
  init(_ history: DocumentHistory) {
    for other in history.others {
      guard let mark = UndoMark(other.operation.action) else { continue }
      // An edit is taken back by its author only, whose changes have seen each other.
      if mark.edit.runs.allSatisfy({ $0.origin == history.event(at: other.version).change.origin })
      {
        switch mark.direction {
        case .undo:
          undone.formUnion(mark.edit)
          undoings.append((other.version, mark.edit))
        case .redo: undone.subtract(mark.edit)
        }
      }
      marked.append(history.change(at: other.version))
      let first = other.version - Int(history.event(at: other.version).index)
      for standing in mark.standings {
        let start = first + Int(standing.index)
        let count = Int(standing.count)
        // An event stands for one before it, and both are of one change each.
        guard start >= runs.last?.versions.upperBound ?? 0,
          start + count <= other.version, let root = history.version(of: standing.root),
          root + count <= history.graph.changeEnd(at: root), root + count <= first
        else { continue }
        runs.append((start..<start + count, root))
      }
    }
    marked = marked.joined()
  }

  /// Where a change was taken back. Complexity: O(changes that took something back).
  func undoings(of change: ChangeID) -> [Int] {
    undoings.filter { $0.edit.contains(change) }.map(\.version)
  }

  /// What the changes that took something back or did it again have put into containers that they
  /// made; ascending. Complexity: O(operations other than those of texts and lists, and texts and
  /// lists).
  func copied(_ history: DocumentHistory) -> [Range<Int>] {
    guard !marked.isEmpty else { return [] }
    var copied: [Range<Int>] = []
    for other in history.others where marked.covers(other.version) {
      let change = history.event(at: other.version).change
      if other.operation.container.makers.contains(change) {
        copied.append(other.version..<other.version + 1)
      }
    }
    for sequence in history.sequences {
      for maker in sequence.container.makers {
        guard let last = history.lastVersion(of: maker), marked.covers(last) else { continue }
        let change = history.change(at: last)
        for index in sequence.log.runs(in: change) {
          let run = sequence.log[index].slice(change)
          copied.append(run.version..<run.version + run.count)
        }
      }
    }
    return copied.joined()
  }

  /// The event that an event stands for, mostly itself, and before which version that is told in
  /// another way. Complexity: O(log runs).
  func root(of version: Int) -> (root: Int, end: Int) {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].versions.upperBound <= version { low = middle + 1 } else { high = middle }
    }
    guard low < runs.count else { return (version, .max) }
    let run = runs[low]
    guard run.versions.contains(version) else { return (version, run.versions.lowerBound) }
    return (run.root + version - run.versions.lowerBound, run.versions.upperBound)
  }
}

/// What an edit did, and what of a history has an effect once the edit is taken back or done again.
struct Effects {
  /// The events of the edit, ascending.
  let edit: [Range<Int>]
  /// The events of all edits, by whomever, that will be taken back then, ascending.
  let undone: [Range<Int>]
  /// The events that have no effect of their own: those, and all that took something back or did it
  /// again, but for what such a change has put into containers that it made: that is a copy of what
  /// was in another one, and all that is in this one. Ascending.
  let ignored: [Range<Int>]
  let standings: Standings

  /// - Parameter isDone: false for what has an effect before the step is done.
  init(_ step: UndoStack.Step, isDone: Bool = true, in history: DocumentHistory) {
    standings = Standings(history)
    var undone = standings.undone
    if isDone {
      switch step.direction {
      case .undo: undone.formUnion(step.edit)
      case .redo: undone.subtract(step.edit)
      }
    }
    edit = history.events(of: step.edit)
    self.undone = history.events(of: undone)
    let copied = standings.copied(history)
    ignored = (self.undone + standings.marked.subtracting(copied)).joined()
  }

  /// The event that an event stands for, mostly itself.
  func root(of version: Int) -> Int { standings.root(of: version).root }
}

extension ContainerID {
  /// The changes that made the container, or one that it is in, under a name of its own.
  fileprivate var makers: [ChangeID] {
    switch self {
    case .root: []
    case .child(let parent, _, _, let generation):
      parent.makers + (generation.map { [$0.change] } ?? [])
    case .element(let event, _): [event.change]
    }
  }
}
