import Causality
import Sabotages

extension Document {
  /// Takes into the state what a history has gained since `start`, where the state stands. Each
  /// text and list that gained something is replayed once.
  ///
  /// - Parameter lamport: the Lamport time of the change that a new event is of; asked for events
  ///   of lists, for each list ascending.
  func absorb(
    _ history: DocumentHistory, since start: DocumentHistory.Mark,
    lamport: (_ version: Int) -> UInt64
  ) throws(MergeError) {
    let ranks = history.ranks
    for sequence in history.sequences where sequence.log.versionEnd > start.eventCount {
      try absorb(sequence, of: history, since: start, ranks, lamport)
    }
    for other in history.others[start.otherCount...] { absorb(other, of: history) }
    for index in trees.indices { trees[index].replayWaiting() }
    try absorbMarks(of: history, since: start, ranks)
    moveFrontier(to: history, since: start)
  }

  private func absorb(
    _ sequence: SequenceHistory, of history: DocumentHistory, since start: DocumentHistory.Mark,
    _ ranks: [UInt32], _ lamport: (Int) -> UInt64
  ) throws(MergeError) {
    let handle = materialise(sequence.container)
    let slot = slot(of: handle)
    let isText = sequence.log.content == .text
    do {
      let merge = try SequenceWalker.merge(
        graph: history.graph, log: sequence.log, ranks: ranks, from: start.frontier,
        to: history.graph.frontier, length: isText ? texts[slot].count : lists[slot].places.count,
        isSound: !containers[handle.index].isFlawed)
      if merge.ineffectiveEventCount > 0 { containers[handle.index].isFlawed = true }
      if isText {
        let before = texts[slot].utf8Count
        try texts[slot].apply(merge.patches, from: sequence.log)
        approximateBytes += max(0, texts[slot].utf8Count - before)
      } else {
        let elements = elements(of: sequence, history, since: start, lamport)
        lists[slot].beginMerge()
        bring(elements, toListAt: slot, sequence.container, history, since: start)
        for patch in merge.patches { apply(patch, elements, toListAt: slot) }
        lists[slot].endMerge()
      }
    } catch {
      throw .damagedHistory("\(sequence.container) of document \(id): \(error)")
    }
  }

  /// What was put into a list since `start`, by ordinal from that of the first on. All containers
  /// among it are named, also those that are gone again.
  private func elements(
    of sequence: SequenceHistory, _ history: DocumentHistory, since start: DocumentHistory.Mark,
    _ lamport: (Int) -> UInt64
  ) -> NewElements {
    let log = sequence.log
    var elements = NewElements()
    for index in log.firstRun(from: start.eventCount)..<log.runCount {
      let run = log[index].slice(max(start.eventCount, log[index].version)..<log.versionEnd)
      guard run.kind == .insert else { continue }
      if elements.entries.isEmpty { elements.firstOrdinal = run.content }
      for offset in 0..<run.count {
        let version = run.version + offset
        let element = sequence.elements[run.content + offset]
        var new = entries(
          for: [element], from: history.event(at: version), lamport: lamport(version))
        if case .moved(let moved) = element,
          !history.isElement(moved, of: sequence.container, seenBy: version)
        {
          new = [(new[0].0, .orphan)]
        }
        elements.entries += new
      }
    }
    return elements
  }

  private struct NewElements {
    var firstOrdinal = 0
    var entries: [(EventID, ListState.Entry)] = []
  }

  /// Hands a list what those elements hold that were deleted and get a place again, as somebody
  /// moved them at the same time.
  private func bring(
    _ elements: NewElements, toListAt slot: Int, _ container: ContainerID,
    _ history: DocumentHistory, since start: DocumentHistory.Mark
  ) {
    var unknown: Set<EventID> = []
    for case (_, .moved(let element, _)) in elements.entries where !lists[slot].knows(element) {
      unknown.insert(element)
    }
    guard !unknown.isEmpty else { return }
    for case (let element, .element(let register)) in elements.entries
    where unknown.remove(element) != nil {
      lists[slot].bring(element, register)
    }
    for (element, register) in registers(of: unknown, in: container, history, before: start) {
      lists[slot].bring(element, register)
    }
  }

  /// What elements held at a mark of the history, or would have if they had been there. Complexity:
  /// O(changes, and operations up to there other than those of texts and the order of lists).
  func registers(
    of elements: Set<EventID>, in container: ContainerID, _ history: DocumentHistory,
    before mark: DocumentHistory.Mark
  ) -> [EventID: Register] {
    guard !elements.isEmpty else { return [:] }
    let versions = elements.compactMap { history.version(of: $0) }
    let stamps = history.stamps(of: versions)
    var found: [EventID: Register] = [:]
    for element in elements {
      guard let version = history.version(of: element),
        let inserted = history.element(insertedAt: version, in: container),
        let content = content(of: inserted, at: element)
      else { continue }
      found[element] = Register(
        Register.Entry(event: element, lamport: stamps[version]?.lamport ?? 0, content: content))
    }
    for other in history.others[..<mark.otherCount] where other.operation.container == container {
      guard case .setElement(let element, let new, let replaces) = other.operation.action,
        found[element] != nil
      else { continue }
      let event = history.event(at: other.version)
      let past = history.past(of: other.version)
      guard let content = self.content(of: new, at: event), isSeen(element, by: event, past) else {
        continue
      }
      let entry = Register.Entry(event: event, lamport: other.lamport, content: content)
      found[element]?.replace(replaces, by: entry) { isSeen($0, by: event, past) }
    }
    return found
  }

  /// What an element that is not in its list any more holds, with what was set since it went; nil
  /// when there never was one of that name.
  func register(
    ofDeleted element: EventID, in list: ContainerID, _ history: DocumentHistory
  ) -> Register? {
    registers(of: [element], in: list, history, before: history.mark)[element]
  }

  private func apply(_ patch: SequencePatch, _ elements: NewElements, toListAt slot: Int) {
    switch patch.kind {
    case .delete:
      let range = patch.position..<(patch.position + patch.count)
      lists[slot].remove(range.clamped(to: 0..<lists[slot].places.count))
    case .insert:
      let first = patch.content - elements.firstOrdinal
      lists[slot].insert(
        Array(elements.entries[first..<first + patch.count]),
        at: min(patch.position, lists[slot].places.count))
    }
  }

  private func absorb(_ other: OtherOperation, of history: DocumentHistory) {
    let event = history.event(at: other.version)
    let handle = materialise(other.operation.container)
    if case .insertElements(_, let elements) = other.operation.action {
      // In a container of another kind: the containers among them are named all the same.
      _ = entries(for: elements, from: event, lamport: other.lamport)
    }
    let past: CausalPast =
      history.graph.runCount == 1 ? .everything : history.past(of: other.version)
    performRegister(
      other.operation, on: handle, at: event, lamport: other.lamport, past: past)
    if Sabotage.countTwiceInReplay.isPlanted, case .increment = other.operation.action {
      perform(other.operation, at: event, lamport: other.lamport)
    }
  }

  private func moveFrontier(to history: DocumentHistory, since start: DocumentHistory.Mark) {
    let old = frontier
    var new: [FrontierEntry] = []
    for version in history.graph.frontier {
      if let base = history.base, version < base.count {
        new += old.filter { base.frontier.contains($0.change) }
        continue
      }
      let change = history.event(at: version).change
      let endsInDelete =
        version < start.eventCount
        ? old.contains { $0.change == change && $0.endsInDelete }
        : history.isDelete(at: version)
      new.append(FrontierEntry(change: change, endsInDelete: endsInDelete))
    }
    new.sort { $0.change < $1.change }
    frontier = new
  }
}

extension DocumentHistory {
  /// How far a history is.
  struct Mark {
    var frontier: [Int] = []
    var eventCount = 0
    var otherCount = 0
  }

  var mark: Mark {
    Mark(frontier: graph.frontier, eventCount: graph.count, otherCount: others.count)
  }

  /// Whether the event deletes the document, or is the last of what is folded where it was deleted.
  func isDelete(at version: Int) -> Bool {
    if let base, version < base.count { return version == base.last && base.isDeleted }
    let index = firstOther(from: version)
    return index < others.count && others[index].version == version
      && others[index].operation.isDeleteDocument
  }

  /// The place in ``others`` of the first that is not before `version`. Complexity: O(log others).
  func firstOther(from version: Int) -> Int {
    var low = 0
    var high = others.count
    while low < high {
      let middle = (low + high) / 2
      if others[middle].version < version { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
