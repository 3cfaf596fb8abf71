import Causality

extension Editor {
  /// Takes an edit back, or does it again: what the changes of the step did, and they alone, has no
  /// effect any more, whatever others have done since. All that others wrote stays.
  ///
  /// - Characters that the changes inserted go; those that they alone deleted come back at their
  ///   place, as new ones.
  /// - A key or an element gets back what it held, as long as it holds what the changes have set.
  /// - An element of a list that they deleted is back under its name, one that they moved is where
  ///   it was, one that they inserted goes. A container that they made goes. But what holds
  ///   something that others have put in stays, without what the changes did in it.
  /// - A mark that they put on a text or took away goes as if it had not been made: characters have
  ///   what they would have without it. What comes back is marked as if it had not been deleted.
  /// - A node of a tree that they moved or removed is where it would be without that, unless
  ///   somebody has removed that place; one that they made goes.
  /// - Counters count what the changes counted the other way.
  /// - A document that they deleted is back.
  ///
  /// A container at a key that had been made more than once before, and one that was in an element
  /// that was set, comes back as a copy. What others did to conflicts is left as it is.
  ///
  /// The change says that it takes something back, also when there is nothing left to do: it always
  /// has an operation.
  ///
  /// - Parameters:
  ///   - step: of the stack of whoever edits.
  ///   - history: that of the document as it is; nothing is to be done yet in this transaction.
  /// - Throws: ``EditError`` when something was done before or the operations are too many for one
  ///   transaction; ``MergeError`` when the history is damaged. Discard the document then.
  /// - Complexity: O(operations other than those of texts and lists, and elements ever inserted),
  ///   and for each text or list that the changes edited O(n log n) for the n operations since the
  ///   first of them, or since what comes back was written.
  package func take(_ step: UndoStack.Step, in history: DocumentHistory) throws {
    try checkIsFirst(in: history)
    let reversal = try Reversal(document, step, in: history)
    let isDeleted = reversal.isDeleted
    var mark = UndoMark(step)
    try take(reversal, &mark)
    try checkRoom(for: 1)
    record(.root, mark.action)
    if isDeleted { try deleteDocument() }
  }

  private func take(_ reversal: Reversal, _ mark: inout UndoMark) throws {
    // All is decided before anything is done.
    let replacements = reversal.places.compactMap { reversal.replacement(at: $0) }
    let arrangements = reversal.touchedLists.compactMap { list in
      reversal.arrangement(of: list).map { (list, $0) }
    }
    var dropped = Set(replacements.compactMap(\.dropped))
    for (_, arrangement) in arrangements { dropped.formUnion(arrangement.dropped) }
    dropped.formUnion(reversal.abandoned)
    // What is not shown any more is left as it is, in case that it comes back.
    func isLeft(_ container: ContainerID) -> Bool { reversal.isInside(container, dropped) }

    for tree in reversal.touchedTrees where !isLeft(tree) {
      guard let handle = document.handles[tree] else { continue }
      dropped.formUnion(try take(reversal, tree: handle, &mark))
    }
    for (list, arrangement) in arrangements where !isLeft(list) {
      guard let handle = document.handles[list] else { continue }
      let moved = try arrange(handle, arrangement.elements, in: reversal.history) {
        arrangement.fixed.contains($0)
      }
      for (index, element) in moved {
        if let root = arrangement.roots[element] { mark.note(index, count: 1, for: root) }
      }
      try withdrawHiddenPlaces(reversal, from: handle)
    }
    for text in reversal.texts where !isLeft(text) {
      guard let handle = document.handles[text] else { continue }
      try take(reversal, text: text, handle, &mark)
    }
    for (counter, amount) in reversal.counts where !isLeft(counter) {
      guard let handle = document.handles[counter] else { continue }
      try increment(handle, by: amount)
    }
    for replacement in replacements where !isLeft(replacement.place.container) {
      guard let handle = document.handles[replacement.place.container] else { continue }
      try replace(replacement, in: handle, &mark)
    }
  }

  private func take(
    _ reversal: Reversal, text: ContainerID, _ handle: ContainerHandle, _ mark: inout UndoMark
  ) throws {
    var row = try reversal.row(of: text)
    for step in reversal.steps(of: text) {
      switch step {
      case .remove(let position, let count):
        try removeText(handle, at: position, count: count)
        row?.replace(position..<position + count, by: [], isBack: false)
      case .insert(let position, let text, let count, let root):
        breakTypingOff()
        mark.note(nextEvent.index, count: count, for: root)
        try insertText(handle, at: position, text)
        let first = reversal.history.version(of: root) ?? -1
        row?.replace(position..<position, by: Array(first..<first + count), isBack: true)
      }
      breakTypingOff()
    }
    guard let row else { return }
    try apply(
      try reversal.markChanges(of: text, row, current: currentMarks(of: handle)), to: handle)
  }

  /// Where somebody else has moved an element as well, nothing is left of our having moved it.
  private func withdrawHiddenPlaces(
    _ reversal: Reversal, from handle: ContainerHandle
  ) throws(EditError) {
    let slot = document.slot(of: handle)
    guard !document.lists[slot].moves.hidden.isEmpty else { return }
    let places = document.lists[slot].places
    let hidden = places.elements(in: 0..<places.count).enumerated().filter { _, place in
      guard document.lists[slot].moves.hidden.contains(place),
        document.lists[slot].moves.element(at: place) != nil,
        let version = reversal.history.version(of: place)
      else { return false }
      return reversal.effects.undone.covers(reversal.effects.root(of: version))
    }
    guard !hidden.isEmpty else { return }
    try checkRoom(for: hidden.count)
    remove(places: hidden.map(\.offset), from: handle)
  }

  private func replace(
    _ replacement: Reversal.Replacement, in handle: ContainerHandle, _ mark: inout UndoMark
  ) throws(EditError) {
    var replaced = replacement.replaces
    let slot = document.slot(of: handle)
    if let key = replacement.place.key, document.kind(of: handle) == .map {
      if replacement.contents.isEmpty {
        try checkRoom(for: 1)
        return record(handle, .delete(key, replaces: replaced))
      }
      for (content, root) in replacement.contents {
        switch content {
        case .value(let value):
          try checkRoom(for: 1)
          mark.note(nextEvent.index, count: 1, for: root)
          record(handle, .set(key, value, replaces: replaced))
        case .container(let container):
          guard let source = document.handles[container] else { continue }
          mark.note(nextEvent.index, count: 1, for: root)
          _ = try put(
            back: container, showing: source, of: document, at: key, of: handle,
            replacing: replaced)
        case .document, .node, .mark: break
        }
        replaced = []
      }
    } else if let element = replacement.place.element, document.kind(of: handle) == .list,
      document.lists[slot].register(of: element) != nil
    {
      for (content, root) in replacement.contents {
        switch content {
        case .value(let value):
          try checkRoom(for: 1)
          mark.note(nextEvent.index, count: 1, for: root)
          record(handle, .setElement(element, .value(value), replaces: replaced))
        case .container(let container):
          guard let source = document.handles[container],
            let index = document.lists[slot].shownElements.firstIndex(of: element)
          else { continue }
          mark.note(nextEvent.index, count: 1, for: root)
          let register = document.lists[slot].register(of: element)?.only(replaced)
          try copy(
            source, of: document,
            to: Target(parent: handle, step: .element(index), register: register))
        case .document, .node, .mark: break
        }
        replaced = []
      }
    }
  }
}

extension Reversal {
  /// Whether the document would be deleted if only what is in effect had been done.
  var isDeleted: Bool {
    var heads: [Int] = []
    var pending = history.graph.frontier
    var seen: Set<Int> = []
    while let version = pending.popLast() {
      guard seen.insert(version).inserted else { continue }
      if effects.ignored.covers(version) {
        pending += history.graph.parents(of: version)
      } else {
        heads.append(version)
      }
    }
    heads = history.graph.dominators(of: heads)
    return !heads.isEmpty && heads.allSatisfy { history.isDelete(at: $0) }
  }
}
