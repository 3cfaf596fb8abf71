package import Causality
import Sabotages

/// What becomes of the history of a document when what a version covers is to be folded.
package enum Folding {
  /// There is nothing to fold.
  case nothing
  /// The history has to stay.
  case kept(FoldObstacle)
  /// The document as it was at the version, encoded, and the edits that it does not cover.
  case folded(state: [UInt8], rest: [IncomingEdit])
}

/// Why the history of a document has to stay, though everybody has it.
package enum FoldObstacle: Hashable, Sendable, CaseIterable, CustomStringConvertible {
  /// Something was done at once and nobody has decided: its base and its sides are in the history.
  case undecided
  /// Somebody has named a version.
  case named
  /// There is a draft of it here, which begins with a version of it.
  case drafted
  /// It has operations of a later release, which come to life after an upgrade.
  case unknown
  /// It has edits that were made without knowing of all that is to be folded.
  case unstable

  package var description: String {
    switch self {
    case .undecided: "conflicts that nobody has decided, or places of which there may be some"
    case .named: "versions that have names"
    case .drafted: "drafts that are not merged"
    case .unknown: "operations of a later release"
    case .unstable: "edits made without knowing of what is to be folded"
    }
  }
}

extension Document {
  /// What is left of the history when all that a version covers is folded: nobody can read the
  /// document at an earlier version then, take back what was done before, or be told who wrote it.
  /// What the document shows, now and whatever comes, is the same.
  ///
  /// - Parameters:
  ///   - history: that of the document as it is.
  ///   - floor: everybody who will ever write has seen what it covers.
  /// - Complexity: O(history).
  package func folding(_ history: DocumentHistory, at floor: VersionVector) throws -> Folding {
    var below: [IncomingEdit] = []
    var rest: [IncomingEdit] = []
    for edit in history.edits() {
      if floor.contains(edit.change) { below.append(edit) } else { rest.append(edit) }
    }
    guard !below.isEmpty else { return .nothing }
    // Also names that were given since, to a version below.
    if !history.namedVersions.isEmpty { return .kept(.named) }
    var past = self
    var pastHistory = history
    if !rest.isEmpty {
      pastHistory = try history.onlyBase()
      try pastHistory.append(contentsOf: below)
      past = try Document(history: pastHistory)
    }
    if let obstacle = try past.obstacle(pastHistory), !Sabotage.foldConflicts.isPlanted {
      return .kept(obstacle)
    }
    let state = past.encodeState()
    if !rest.isEmpty {
      var folded = try DocumentHistory(id, from: state, at: floor)
      do throws(MergeError) {
        try folded.append(contentsOf: rest)
      } catch .belowBase {
        return .kept(.unstable)
      }
    }
    return .folded(state: state, rest: rest)
  }

  private func obstacle(_ history: DocumentHistory) throws(MergeError) -> FoldObstacle? {
    if history.others.contains(where: \.operation.isOfLaterRelease) { return .unknown }
    let registers = maps.lazy.flatMap(\.values)
    if registers.contains(where: \.isConflict)
      || lists.contains(where: { $0.elements.contains { $0.register.isConflict } })
    {
      return .undecided
    }
    // Where one wrote after the other there is nothing to decide.
    guard history.graph.runCount > 1 else { return nil }
    return try ConflictFinder(self, history).mayFind ? .undecided : nil
  }
}

extension ConflictFinder {
  /// Whether there is a conflict, anywhere in what is there or ever was, or something from which
  /// one can come whose sides are of now.
  fileprivate var mayFind: Bool {
    get throws(MergeError) {
      if !documentConflicts().isEmpty { return true }
      // An element at one of several places is in conflict once something is put between them.
      if document.lists.contains(where: { !$0.moves.hidden.isEmpty }) { return true }
      // A conflict over a container is named by who made it first.
      for group in writes.values {
        var made: Set<ContainerID> = []
        for case .container(let container)? in group.map(\.content) {
          guard made.insert(container).inserted else { return true }
        }
      }
      for index in document.containers.indices {
        let handle = ContainerHandle(index: index)
        if document.kind(of: handle) == .tree,
          TreeConflictFinder(self, handle, at: DocumentPath()).hasRivals
        {
          return true
        }
        if try !conflicts(in: handle, at: DocumentPath()).isEmpty { return true }
      }
      return false
    }
  }
}

extension Operation {
  fileprivate var isOfLaterRelease: Bool {
    isUnknown && UndoMark(action) == nil && VersionName(action) == nil
  }
}
