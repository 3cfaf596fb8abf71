package import Causality
import Sabotages

/// Why a merge could not be done: never because of what an edit contains.
package enum MergeError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The history handed in does not fit the document or itself.
  case damagedHistory(String)
  /// The author of a change had not seen all that is folded here.
  case belowBase(ChangeID)

  package var description: String {
    switch self {
    case .damagedHistory(let what): "the history of the document is damaged: \(what)"
    case .belowBase(let change):
      "\(change) was made without knowing of history that is folded here"
    }
  }
}

/// What a merge did.
package struct MergeOutcome: Equatable, Sendable {
  /// Edits that are now part of the document and were not before.
  package var applied = 0
  /// Edits of the batch that the document had.
  package var duplicates = 0
  /// Changes whose edit names parents that are no changes of this document: without an effect here
  /// and on every other replica.
  package var ignored: [ChangeID] = []
  /// Whether an edit was concurrent with another one, so that the history was needed.
  package var usedHistory = false
  /// Whether the document can have conflicts from now on.
  package var mayConflict = false
}

extension Document {
  /// Applies edits made elsewhere, parents before children, each at most once.
  ///
  /// An edit whose parents are the document's frontier is applied directly. From the first one on
  /// that is not, the rest of the batch is merged by replay: each text or list that it touches is
  /// replayed once (Gentle and Kleppmann, "Collaborative Text Editing with Eg-walker", EuroSys
  /// 2025); registers and counters need no replay.
  ///
  /// Nothing in an edit makes this throw. An operation that its author's version does not allow (a
  /// position beyond the end, a container of another kind, an element never seen) has no effect on
  /// any replica; its events count.
  ///
  /// - Parameters:
  ///   - batch: in causal order. Edits that the document has may be in it.
  ///   - history: exactly what the document has applied before the call; called at most once, and
  ///     never while the document keeps a history.
  /// - Throws: what `history` throws, or ``MergeError``; discard the document then.
  package func merge(
    _ batch: [IncomingEdit], history load: () throws -> DocumentHistory
  ) throws -> MergeOutcome {
    var outcome = MergeOutcome()
    var rest = batch[...]
    while let next = rest.first {
      if isHere(next.change) {
        outcome.duplicates += 1
        if Sabotage.applyTwice.isPlanted { performAgain(next) }
      } else if isAtFrontier(next.edit.parents), !needsHistory(next.edit) {
        try applyAtFrontier(next, &outcome)
      } else {
        break
      }
      rest.removeFirst()
    }
    outcome.mayConflict = hasRivals || !rest.isEmpty
    guard !rest.isEmpty else { return outcome }
    outcome.usedHistory = true
    if history == nil {
      var loaded = try load()
      try loaded.append(contentsOf: batch[..<rest.startIndex])
      guard loaded.isAt(parents) else {
        throw MergeError.damagedHistory("document \(id): it does not end where the state does")
      }
      keep(loaded)
    }
    try replay(rest, &outcome)
    return outcome
  }

  /// Whether a change is known to be applied. Without history only the last ones are known; then a
  /// change that was applied names parents that are not the frontier.
  private func isHere(_ change: ChangeID) -> Bool {
    for entry in frontier where entry.change == change { return true }
    // The frontier has settled what the history is to know.
    return storedHistory?.hasChange(change) ?? false
  }

  /// Whether the document keeps its history in memory.
  package var hasHistory: Bool { storedHistory != nil }

  /// About how many bytes the history takes while the document keeps it. Complexity: O(texts and
  /// lists).
  package var approximateHistoryBytes: Int { storedHistory?.approximateBytes ?? 0 }

  /// No less than that, and it grows with every edit by no less; 0 without a history. Complexity:
  /// O(1).
  package var historyBytesBound: Int { storedHistory?.bytesBound ?? 0 }

  /// The history, while the document keeps it in memory.
  package var keptHistory: DocumentHistory? { history }

  /// Every edit in the history that the document keeps; nil when it keeps none.
  package var editsOfHistory: [IncomingEdit]? { history?.edits() }

  /// Takes the history, which must be that of the document as it is, and keeps it up to date from
  /// now on.
  package func keep(_ history: DocumentHistory) {
    releaseHistory()
    self.history = history
  }

  /// Whether a transaction has done something that is not committed.
  package var isBeingEdited: Bool { hasOffer || openEditEndsInDelete != nil }

  /// Takes a history that was read from where it is stored, if that is the history of the document
  /// as it is and nobody edits it at the moment.
  ///
  /// - Returns: whether it is kept from now on.
  package func keepRead(_ history: DocumentHistory) -> Bool {
    guard !isBeingEdited, history.isAt(parents) else { return false }
    keep(history)
    return true
  }

  /// Frees the history; the next concurrent merge asks for it again.
  ///
  /// - Precondition: no transaction of an editor is open.
  package func releaseHistory() {
    precondition(!hasOffer, "a transaction is open")
    history = nil
    markCheckpoints = [:]
    deletionIndexes = [:]
    writeIndex = WriteIndex()
    namingIndex = NamingIndex()
    for index in containers.indices where containers[index].sequence >= 0 {
      containers[index].sequence = -1
    }
  }

  /// Whether an edit moves elements of lists of which only the history tells what they are: as one
  /// that its author had not seen, or had taken away.
  private func needsHistory(_ edit: DocumentEdit) -> Bool {
    var hasRemoved = false
    for operation in edit.operations {
      switch operation.action {
      case .remove: hasRemoved = true
      case .insertElements(_, let elements):
        for case .moved(let element) in elements {
          guard !hasRemoved, let handle = handles[operation.container],
            kind(of: handle) == .list, lists[slot(of: handle)].register(of: element) != nil
          else { return true }
        }
      default: break
      }
    }
    return false
  }

  private func applyAtFrontier(
    _ incoming: IncomingEdit, _ outcome: inout MergeOutcome
  ) throws(MergeError) {
    let edit = incoming.edit
    guard let last = edit.operations.last else {
      outcome.ignored.append(incoming.change)
      return
    }
    try history?.appendAtFrontier(incoming)
    var event = EventID(change: incoming.change, index: 0)
    for operation in edit.operations {
      let count = perform(operation, at: event, lamport: incoming.lamport)
      event.index &+= UInt32(clamping: count)
    }
    advanceFrontier(to: incoming.change, endsInDelete: last.isDeleteDocument)
    outcome.applied += 1
  }

  private func replay(
    _ batch: ArraySlice<IncomingEdit>, _ outcome: inout MergeOutcome
  ) throws(MergeError) {
    guard var history = self.history else { return }
    self.history = nil
    let start = history.mark
    // Where the events of each edit begin, and its Lamport time.
    var stamps: ContiguousArray<(version: Int, lamport: UInt64)> = []
    for index in batch.indices {
      switch try history.append(batch[index]) {
      case .duplicate:
        outcome.duplicates += 1
        if Sabotage.applyTwice.isPlanted { performAgain(batch[index]) }
      case .ignored: outcome.ignored.append(batch[index].change)
      case .events(let events): stamps.append((events.lowerBound, batch[index].lamport))
      }
    }
    self.history = history
    outcome.applied += stamps.count
    try absorb(history, since: start) { version in
      var low = 0
      var high = stamps.count
      while low < high {
        let middle = (low + high) / 2
        if stamps[middle].version <= version { low = middle + 1 } else { high = middle }
      }
      return low > 0 ? stamps[low - 1].lamport : 0
    }
  }
}
