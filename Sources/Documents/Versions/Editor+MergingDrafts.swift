import Causality

extension Editor {
  /// Does to the document what leads from it to it with a draft merged in.
  ///
  /// Where the draft and others have set one place to different plain values, the place holds all
  /// of them then, the draft's as the one that is shown, over what was there when the draft began:
  /// a conflict for everybody, until somebody decides. Whoever merges has written it all, and so it
  /// stays the same when what was before the merge is folded away.
  ///
  /// - Parameter history: that of the document before the edit.
  /// - Throws: as ``apply(_:)``.
  package func merge(_ merge: DraftMerge, in history: DocumentHistory) throws(EditError) {
    try apply(merge.patches)
    for conflict in merge.conflicts where conflict.kind == .value {
      try put(conflict, of: merge.changes)
    }
    let isBack = merge.patches.contains { $0.action == .document(isDeleted: false) }
    if isBack, isEmpty { try bringDocumentBack(in: history) }
  }

  private func put(_ conflict: Conflict, of draft: ChangeSet) throws(EditError) {
    let target = try target(conflict.path)
    guard case .value(let shown)? = target.register?.winner?.content else { return }
    // Containers are named by whoever made them: to write one again would make another.
    var others: [Value] = []
    for side in conflict.sides where !draft.contains(side.change) {
      guard case .value(let value)? = side.content, value != shown, !others.contains(value) else {
        continue
      }
      others.append(value)
    }
    guard !others.isEmpty else { return }
    try checkRoom(for: others.count + 2)
    var replaced = target.register?.events ?? []
    if case .value(let base)? = conflict.baseContent {
      replaced = [write(base, to: target, replacing: replaced)]
    } else if case .key = target.step {
      replaced = [write(nil, to: target, replacing: replaced)]
    }
    for value in others + [shown] {
      _ = write(value, to: target, replacing: replaced)
      replaced = []
    }
  }

  /// - Parameter value: nil removes a key.
  /// - Returns: the event.
  private func write(
    _ value: Value?, to target: Target, replacing replaced: [EventID]
  ) -> EventID {
    let event = nextEvent
    switch (target.step, value) {
    case (.key(let key), nil): record(target.parent, .delete(key, replaces: replaced))
    case (.key(let key), let value?):
      record(target.parent, .set(key, value, replaces: replaced))
    case (.element, nil): break
    case (.element(let index), let value?):
      let name = document.lists[document.slot(of: target.parent)].element(at: index)
      record(target.parent, .setElement(name, .value(value), replaces: replaced))
    }
    return event
  }
}
