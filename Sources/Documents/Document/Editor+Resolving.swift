import Causality
import JSONCoding

extension Editor {
  /// Decides a conflict that the document has at the moment. Two people who take the same side or
  /// give the same value, even at once, have decided once (for texts see ``SequenceTwins``); but
  /// where a copy of a container is made (it was in a list, or is taken back as it was before),
  /// each has made one.
  ///
  /// - Parameters:
  ///   - conflict: of ``Document/conflicts(in:)``, with nothing done to its place since.
  ///   - history: that in which it was found.
  /// - Throws: ``EditError`` when there is no such side or the value cannot stand there,
  ///   ``MergeError`` when the history is damaged.
  package func resolve(
    _ conflict: Conflict, taking choice: ConflictChoice, in history: DocumentHistory
  ) throws {
    switch choice {
    case .side(let number):
      guard conflict.sides.indices.contains(number) else {
        throw EditError(
          .outOfRange, at: conflict.path,
          "the conflict has \(conflict.sides.count) sides, counted from 0; there is none number "
            + "\(number)")
      }
      try take(number, of: conflict, in: history)
    case .base:
      switch conflict.kind {
      case .value: try hold(conflict.baseContent, at: conflict.path)
      case .removal where conflict.removal != nil || conflict.element != nil:
        // A plain value can stand in an element; what was in a container cannot be put back
        // into it.
        if let content = conflict.baseContent, try putBackElement(of: conflict, in: history) {
          try hold(content, at: conflict.path)
        } else {
          try putBack(conflict, from: history)
        }
      case .text: try rewrite(conflict, conflict.basePatches)
      case .mark: for stretch in conflict.marked { try mark(stretch, of: conflict, stretch.base) }
      case .removal, .document, .position:
        throw EditError(
          .wrongKind, at: conflict.path, "there is no earlier content to take; take a side")
      }
    case .value(let json):
      guard
        [.value, .text, .mark].contains(conflict.kind) || conflict.removal != nil
          || conflict.element != nil
      else {
        throw EditError(
          .wrongKind, at: conflict.path, "this is no matter of a value; take one of the sides")
      }
      // Two who give the same list would have one with everything twice.
      guard json.containerKind == nil else {
        throw EditError(
          .notSupported, at: conflict.path,
          "a conflict is resolved to a plain value; take a side and edit what it holds")
      }
      if conflict.kind == .text {
        try rewrite(conflict, to: json)
      } else if conflict.kind == .mark {
        try mark(conflict, with: json)
      } else {
        try putBackElement(of: conflict, in: history)
        try set(conflict.path, to: json)
      }
    }
    try confirm(conflict)
  }

  private func take(
    _ number: Int, of conflict: Conflict, in history: DocumentHistory
  ) throws(EditError) {
    let side = conflict.sides[number]
    let isShown = number == conflict.sides.count - 1
    switch conflict.kind {
    case .value: try hold(side.content, at: conflict.path)
    // What readers see stays; only that somebody has looked is to be said.
    case .removal:
      if !isShown, try !putBackElement(of: conflict, in: history) {
        try hold(side.content, at: conflict.path)
      }
    case .document: if !isShown { try deleteDocument() }
    case .text: try rewrite(conflict, side.patches)
    case .mark:
      for stretch in conflict.marked { try mark(stretch, of: conflict, side.content) }
    case .position:
      guard let place = side.events.first else { return }
      let node = conflict.sides.lazy.compactMap(\.content).first
      if case .node(let node, let tree)? = node {
        try settle(node, of: tree, at: place, conflict.path)
      } else {
        try settle(place, at: conflict.path)
      }
    }
  }

  /// Says of what was done that it is known, where the place does not say so itself.
  private func confirm(_ conflict: Conflict) throws(EditError) {
    let events = conflict.sides.flatMap(\.events).sorted()
    guard [.removal, .document, .text].contains(conflict.kind), !draft.endsInDelete, !events.isEmpty
    else { return }
    try checkRoom(for: 1)
    record(.root, .resolve(events))
  }

  private func rewrite(_ conflict: Conflict, _ patches: [TextPatch]) throws(EditError) {
    for patch in patches {
      try splice(
        conflict.path, at: patch.position, delete: patch.removed, insert: patch.inserted)
    }
  }

  private func rewrite(_ conflict: Conflict, to json: JSONValue) throws(EditError) {
    guard case .string(let text) = json, let range = conflict.range else {
      throw EditError(
        .wrongKind, at: conflict.path, "a passage of a text is resolved to a string")
    }
    try splice(conflict.path, at: range.lowerBound, delete: range.count, insert: text)
  }

  /// Marks characters anew, also where they read the same already: whoever sees it knows that all
  /// that was there before was seen. Without content the mark is taken away.
  private func mark(
    _ stretch: MarkedStretch, of conflict: Conflict, _ content: ConflictSide.Content?
  ) throws(EditError) {
    guard let name = conflict.mark else { return }
    var (value, expansion) = (Value.null, MarkExpansion.after)
    if case .mark(let found, let growth)? = content { (value, expansion) = (found, growth) }
    guard value == .null else {
      return try mark(
        conflict.path, stretch.range, name: name, value: value, expand: expansion)
    }
    let handle = try textToMark(conflict.path, stretch.range, name)
    try checkRoom(for: 1)
    record(
      handle,
      .mark(
        from: stretch.range.lowerBound, to: stretch.range.upperBound, Key(name), .null,
        expansion))
  }

  /// Null takes the mark away. What readers see tells how the mark grows.
  private func mark(_ conflict: Conflict, with json: JSONValue) throws(EditError) {
    guard let value = Value(json) else {
      throw EditError(.wrongKind, at: conflict.path, "a mark is resolved to a plain value")
    }
    var expansion = MarkExpansion.after
    if case .mark(_, let growth)? = conflict.sides.last?.content { expansion = growth }
    for stretch in conflict.marked {
      try mark(stretch, of: conflict, .mark(value, expansion))
    }
  }

  /// Makes a place hold something that it holds among others, or held.
  private func hold(
    _ content: ConflictSide.Content?, at path: DocumentPath
  ) throws(EditError) {
    switch content {
    case nil:
      if try target(path).register != nil { try delete(path) }
    case .value(let value): try set(path, value: value)
    case .container(let container): try hold(container, at: path)
    case .node(let node, let tree): try bringBack(node, of: tree, at: path)
    case .document, .mark: break
    }
  }

  private func hold(_ container: ContainerID, at path: DocumentPath) throws(EditError) {
    let target = try target(path)
    guard let source = document.handles[container] else {
      throw EditError(.nothingThere, at: path, "what was at '\(path)' is not here any more")
    }
    // A container that everybody means who makes one there can be put back as it is.
    if case .key(let key) = target.step, case .child(let parent, key, let kind, nil) = container,
      parent == document.containers[target.parent.index].id
    {
      try checkRoom(for: 1)
      return record(
        target.parent,
        .make(key, kind, isAnew: false, replaces: target.register?.events ?? []))
    }
    try copy(source, of: document, to: target)
  }

  /// Puts an element that was deleted from a list back; false when the conflict is about none.
  @discardableResult
  private func putBackElement(
    of conflict: Conflict, in history: DocumentHistory
  ) throws(EditError) -> Bool {
    guard let element = conflict.element, case .index(let index)? = conflict.path.steps.last else {
      return false
    }
    try putBack(
      element, at: index, ofListAt: DocumentPath(Array(conflict.path.steps.dropLast())),
      from: history)
    return true
  }

  /// Puts a copy of what was removed where it was, as it was for whoever removed it.
  private func putBack(_ conflict: Conflict, from history: DocumentHistory) throws {
    let finder = ConflictFinder(document, history)
    guard case .container(let container)? = conflict.sides.first?.content,
      let removal = conflict.removal.flatMap({ history.version(of: $0) }),
      case let before = try finder.document(before: [removal]),
      let source = before.handles[container]
    else {
      throw EditError(
        .nothingThere, at: conflict.path,
        "nothing is known of what was there before; take one of the sides or give a value")
    }
    if conflict.element != nil, case .index(let index)? = conflict.path.steps.last {
      let list = DocumentPath(Array(conflict.path.steps.dropLast()))
      return try insertCopy(source, of: before, at: index, ofListAt: list)
    }
    try copy(source, of: before, to: try target(conflict.path))
  }
}
