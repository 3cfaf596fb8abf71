package import Causality
import Sabotages

/// Why a merge could not be done: never because of what an edit contains.
package enum MergeError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The history handed in does not fit the document or itself.
  case damagedHistory(String)

  package var description: String {
    switch self {
    case .damagedHistory(let what): "the history of the document is damaged: \(what)"
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
      } else if isAtFrontier(next.edit.parents) {
        try applyAtFrontier(next, &outcome)
      } else {
        break
      }
      rest.removeFirst()
    }
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
    return history?.hasChange(change) ?? false
  }

  /// Whether the document keeps its history in memory.
  package var hasHistory: Bool { storedHistory != nil }

  /// Every edit in the history that the document keeps; nil when it keeps none.
  package var editsOfHistory: [IncomingEdit]? { history?.edits() }

  /// Takes the history, which must be that of the document as it is, and keeps it up to date from
  /// now on.
  package func keep(_ history: DocumentHistory) {
    releaseHistory()
    self.history = history
  }

  /// Frees the history; the next concurrent merge asks for it again.
  package func releaseHistory() {
    history = nil
    for index in containers.indices where containers[index].sequence >= 0 {
      containers[index].sequence = -1
    }
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
    let start = history.graph.frontier
    var taken: [(incoming: IncomingEdit, events: Range<Int>, past: [Int])] = []
    for incoming in batch {
      switch try history.append(incoming) {
      case .duplicate:
        outcome.duplicates += 1
        if Sabotage.applyTwice.isPlanted { performAgain(incoming) }
      case .ignored: outcome.ignored.append(incoming.change)
      case .events(let events, let parents): taken.append((incoming, events, parents))
      }
    }
    self.history = history

    var touched = TouchedSequences()
    for (incoming, events, _) in taken {
      touched.add(incoming, from: events.lowerBound, in: self)
    }
    for (handle, insertions) in touched.inOrder {
      try replay(handle, insertions, history, from: start)
    }
    for (incoming, _, past) in taken {
      var event = EventID(change: incoming.change, index: 0)
      for operation in incoming.edit.operations {
        if !operation.isOfSequence {
          performRegister(
            operation, on: materialise(operation.container), at: event, lamport: incoming.lamport,
            past: .version(past, of: history))
          if Sabotage.countTwiceInReplay.isPlanted, case .increment = operation.action {
            perform(operation, at: event, lamport: incoming.lamport)
          }
        }
        event.index &+= UInt32(clamping: operation.eventCount)
      }
      advanceFrontier(
        to: incoming.change, parents: incoming.edit.parents,
        endsInDelete: incoming.edit.operations.last?.isDeleteDocument ?? false)
      outcome.applied += 1
    }
  }

  private func replay(
    _ handle: ContainerHandle, _ insertions: [ListInsertion], _ history: DocumentHistory,
    from start: [Int]
  ) throws(MergeError) {
    let container = containers[handle.index]
    guard let log = history.log(of: container.id) else { return }
    do {
      let isText = container.id.kind == .text
      let merge = try SequenceWalker.merge(
        graph: history.graph, log: log, ranks: history.ranks, from: start,
        to: history.graph.frontier,
        length: isText ? texts[container.slot].count : lists[container.slot].count,
        isSound: !container.isFlawed)
      if merge.ineffectiveEventCount > 0 { containers[handle.index].isFlawed = true }
      if isText {
        let before = texts[container.slot].utf8Count
        try texts[container.slot].apply(merge.patches, from: log)
        approximateBytes += max(0, texts[container.slot].utf8Count - before)
      } else {
        for patch in merge.patches { apply(patch, insertions, toListAt: container.slot) }
      }
    } catch {
      throw MergeError.damagedHistory("\(container.id) of document \(id): \(error)")
    }
  }

  func apply(_ patch: SequencePatch, _ insertions: [ListInsertion], toListAt slot: Int) {
    let range = patch.position..<(patch.position + patch.count)
    switch patch.kind {
    case .delete:
      lists[slot].remove(range.clamped(to: 0..<lists[slot].count))
    case .insert:
      var elements: [(EventID, Register)] = []
      var version = patch.version
      let end = patch.version + patch.count
      var index = ListInsertion.index(in: insertions, containing: version)
      while version < end, index < insertions.count {
        let insertion = insertions[index]
        let offset = version - insertion.version
        let count = min(end - version, insertion.elements.count - offset)
        elements.append(contentsOf: insertion.elements[offset..<(offset + count)])
        version += count
        index += 1
      }
      lists[slot].insert(elements, at: min(patch.position, lists[slot].count))
    }
  }
}

/// Elements that one operation of a batch put into a list.
struct ListInsertion {
  /// The first event, in the history's graph.
  var version: Int
  var elements: [(EventID, Register)]

  /// The last one that begins at or before `version`.
  static func index(in insertions: [ListInsertion], containing version: Int) -> Int {
    var low = 0
    var high = insertions.count
    while low < high {
      let middle = (low + high) / 2
      if insertions[middle].version <= version { low = middle + 1 } else { high = middle }
    }
    return max(0, low - 1)
  }
}

/// The texts and lists that a batch touches, in the order in which it first does.
private struct TouchedSequences {
  private(set) var inOrder: [(handle: ContainerHandle, insertions: [ListInsertion])] = []
  private var places: [ContainerHandle: Int] = [:]

  mutating func add(_ incoming: IncomingEdit, from version: Int, in document: Document) {
    var version = version
    var event = EventID(change: incoming.change, index: 0)
    for operation in incoming.edit.operations {
      let count = operation.eventCount
      if case .insertElements(_, let elements) = operation.action {
        // Also in a container of another kind: the containers among them are named.
        let registers = document.registers(for: elements, from: event, lamport: incoming.lamport)
        if operation.isOfSequence {
          let place = place(of: document.materialise(operation.container))
          inOrder[place].insertions.append(ListInsertion(version: version, elements: registers))
        }
      } else if operation.isOfSequence {
        _ = place(of: document.materialise(operation.container))
      }
      version += count
      event.index &+= UInt32(clamping: count)
    }
  }

  private mutating func place(of handle: ContainerHandle) -> Int {
    if let place = places[handle] { return place }
    places[handle] = inOrder.count
    inOrder.append((handle, []))
    return inOrder.count - 1
  }
}
