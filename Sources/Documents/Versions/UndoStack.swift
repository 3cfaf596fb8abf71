public import Causality

/// What one person did to one document and can take back, or do again.
///
/// A person takes back only what they did, whatever others have done since. The stack knows in
/// which order the person's edits came and which of them are in effect; how to take one back, the
/// document's history tells.
///
/// It is a value that whoever edits keeps, one for each document. It can be made again from the
/// history, as every change that takes something back says so; only which edits
/// were grouped, of those that were never taken back, is known to nobody then.
public struct UndoStack: Hashable, Sendable {
  /// The most edits that are kept to be taken back.
  public static let levelsMax = 1_000

  public enum Direction: UInt8, Hashable, Sendable {
    case undo = 0
    case redo = 1
  }

  /// What is to be done to the document.
  public struct Step: Hashable, Sendable {
    public let direction: Direction
    /// The edit that is taken back or done again, as it was made first.
    public let edit: ChangeSet
  }

  /// Edits in effect, the last one at the end.
  private var done: [ChangeSet] = []
  /// Edits that can be done again, the next one at the end.
  private var undone: [ChangeSet] = []
  /// Whether the last thing done was an edit, which can go on.
  private var isOpen = false

  public init() {}

  /// Takes a change that the person made. What was taken back before cannot be done again after it.
  ///
  /// - Parameter continuing: whether it belongs to the edit before it, as a letter does to the word
  ///   that is being typed, and is taken back with it. After an undo or redo it never does.
  public mutating func didEdit(_ change: ChangeID, continuing: Bool = false) {
    undone = []
    if continuing, isOpen, !done.isEmpty {
      done[done.count - 1].insert(change)
    } else {
      done.append(ChangeSet([change]))
    }
    if done.count > Self.levelsMax { done.removeFirst() }
    isOpen = true
  }

  /// The next edit is one of its own, even if it says that it continues the last.
  public mutating func pause() { isOpen = false }

  /// What takes the last edit back that is in effect; nil when there is none.
  public var undo: Step? { done.last.map { Step(direction: .undo, edit: $0) } }

  /// What does the edit again that was taken back last; nil when there is none.
  public var redo: Step? { undone.last.map { Step(direction: .redo, edit: $0) } }

  /// Takes note that a step was done.
  ///
  /// - Precondition: it is the step that the stack gave and nothing was done since.
  public mutating func did(_ step: Step) {
    precondition(
      step == (step.direction == .undo ? undo : redo), "the stack gave another step last")
    isOpen = false
    switch step.direction {
    case .undo: undone.append(done.removeLast())
    case .redo: done.append(undone.removeLast())
    }
  }
}

extension UndoStack {
  /// The stack of somebody who has made all changes of a document for which `isOwn` says yes. Each
  /// of them is an edit of its own but for those that were taken back together.
  ///
  /// Complexity: O(own changes and operations other than those of texts and lists).
  package init(of isOwn: (Origin) -> Bool, in history: DocumentHistory) {
    var marks: [ChangeID: UndoMark] = [:]
    for other in history.others {
      guard let mark = UndoMark(other.operation.action) else { continue }
      marks[history.event(at: other.version).change] = mark
    }
    for index in 0..<history.graph.identityRunCount {
      let run = history.graph.identityRun(at: index)
      let origin = history.origin(at: run.origin)
      guard isOwn(origin) else { continue }
      let count = run.stepsSequence ? run.versions.count : 1
      for offset in 0..<UInt64(count) {
        let change = ChangeID(origin: origin, sequence: run.sequence &+ offset)
        if let mark = marks[change] { take(mark) } else { didEdit(change) }
      }
    }
    isOpen = false
  }

  /// Takes what a mark says as far as it fits: it is by whoever wrote the change.
  private mutating func take(_ mark: UndoMark) {
    isOpen = false
    switch mark.direction {
    case .undo:
      var edit = ChangeSet()
      while let last = done.last, !last.isDisjoint(with: mark.edit) {
        edit.formUnion(done.removeLast())
      }
      if !edit.isEmpty { undone.append(edit) }
    case .redo:
      if let last = undone.last, !last.isDisjoint(with: mark.edit) {
        done.append(undone.removeLast())
      }
    }
  }
}
