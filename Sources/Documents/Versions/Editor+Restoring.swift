package import Causality

extension Editor {
  /// Makes the document show what it showed at a version, by new operations that merge with what
  /// others do meanwhile.
  ///
  /// There are as few as can be: texts are edited and marked, lists and trees rearranged, and what
  /// is the same is not touched. What is still there, or can be put back under its name, stays the
  /// one that it was, so that what others write in it without having seen this is not lost. A
  /// container at a key that had been made more than once before comes back as a copy.
  ///
  /// - Parameters:
  ///   - version: what it covers of this document counts, with all that this builds on.
  ///   - history: that of the document as it is; nothing is to be done yet in this transaction.
  /// - Throws: ``EditError`` when something was done before or the operations are too many for one
  ///   transaction; ``MergeError`` when the history is damaged. Discard the document then.
  /// - Complexity: that of ``Document/patches(from:to:in:)``.
  package func restore(to version: VersionVector, in history: DocumentHistory) throws {
    try checkIsFirst(in: history)
    let wasDeleted = document.isDeleted
    let to = try history.frontier(at: version)
    let past = try document.document(at: to, of: history)
    guard past !== document else { return }
    let between = history.graph.difference(history.graph.frontier, to)
    let ranges = between.onlyLeft + between.onlyRight
    let restoration = Restoration(
      editor: self, past: past, history: history, version: to, ranges: ranges,
      touched: TouchedPlaces(ranges, of: history))
    try restoration.restoreMap(.root, .root)
    if past.isDeleted {
      try deleteDocument()
    } else if wasDeleted, isEmpty {
      try bringDocumentBack(in: history)
    }
  }

  /// What a history says of positions is true of the document as it was before the transaction.
  func checkIsFirst(in history: DocumentHistory) throws {
    guard isEmpty else {
      throw EditError(
        .notSupported,
        "a transaction goes back to what was before it edits a document, not after")
    }
    guard history.isAt(document.parents) else {
      throw MergeError.damagedHistory(
        "document \(document.id): it does not end where the state does")
    }
  }

  /// An edit that changes nothing but that the document is not deleted any more.
  func bringDocumentBack(in history: DocumentHistory) throws(EditError) {
    let deletions = document.parents.compactMap { history.lastVersion(of: $0) }
      .map { history.event(at: $0) }
    guard !deletions.isEmpty else { return }
    try checkRoom(for: 1)
    record(.root, .resolve(deletions.sorted()))
  }
}

/// The document as it is, brought to what it was.
private struct Restoration {
  let editor: Editor
  let past: Document
  let history: DocumentHistory
  /// That of the past.
  let version: [Int]
  /// Events that only one of the two versions has.
  let ranges: [Range<Int>]
  /// What they have changed.
  let touched: TouchedPlaces

  private var document: Document { editor.document }

  private func restore(_ now: ContainerHandle, _ then: ContainerHandle) throws {
    guard touched.contains(document.containers[now.index].id) else { return }
    switch document.kind(of: now) {
    case .map: try restoreMap(now, then)
    case .list: try restoreList(now, then)
    case .text:
      let string = past.texts[past.slot(of: then)].string
      if !document.texts[document.slot(of: now)].string.utf8.elementsEqual(string.utf8) {
        try editor.apply(try textPatches(now), to: now)
      }
      let marks = past.marks[past.slot(of: then)]
      guard marks != nil || document.marks[document.slot(of: now)] != nil else { return }
      let count = past.texts[past.slot(of: then)].count
      try editor.apply(
        MarkChanges.between(editor.currentMarks(of: now), marks ?? TextMarks(count: count)),
        to: now)
    case .counter:
      try editor.increment(
        now,
        by: past.counters[past.slot(of: then)] - document.counters[document.slot(of: now)])
    case .tree: try restoreTree(now, then)
    }
  }

  private func restoreTree(_ now: ContainerHandle, _ then: ContainerHandle) throws {
    let outline = TreeOutline(past.trees[past.slot(of: then)])
    try editor.arrange(tree: now, as: outline)
    for (node, _) in outline.nodes {
      try restoreMap(
        document.materialise(.element(node, .map)), past.materialise(.element(node, .map)))
    }
  }

  func restoreMap(_ now: ContainerHandle, _ then: ContainerHandle) throws {
    let pastMap = past.maps[past.slot(of: then)]
    for key in touched.keys(of: document.containers[now.index].id) {
      let register = document.maps[document.slot(of: now)][key]
      let replaced = register?.events ?? []
      switch (register?.winner?.content, pastMap[key]?.winner?.content) {
      case (nil, nil): break
      case (_?, nil):
        try editor.checkRoom(for: 1)
        editor.record(now, .delete(key, replaces: replaced))
      case (.value(let old)?, .value(let new)?) where old == new: break
      case (_, .value(let value)?):
        try editor.checkRoom(for: 1)
        editor.record(now, .set(key, value, replaces: replaced))
      case (let old, .container(let then)?):
        let container = past.containers[then.index].id
        if case .container(let now)? = old, document.containers[now.index].id == container {
          try restore(now, then)
        } else if showsSame(old, then) {
          // A copy that was made when it was brought back before.
        } else if try editor.put(
          back: container, showing: then, of: past, at: key, of: now, replacing: replaced)
        {
          try restore(document.materialise(container), then)
        }
      }
    }
  }

  private func restoreList(_ now: ContainerHandle, _ then: ContainerHandle) throws {
    let slot = document.slot(of: now)
    let pastList = past.lists[past.slot(of: then)]
    try editor.arrange(now, pastList.shownElements, in: history)
    for (index, element) in pastList.elements.enumerated() {
      guard let register = document.lists[slot].register(of: element.event) else { continue }
      switch (register.winner?.content, element.register.winner?.content) {
      case (_, nil): break
      case (.value(let old)?, .value(let new)?) where old == new: break
      case (_, .value(let value)?):
        try editor.checkRoom(for: 1)
        editor.record(
          now, .setElement(element.event, .value(value), replaces: register.events))
      case (let old, .container(let then)?):
        if case .container(let here)? = old,
          document.containers[here.index].id == past.containers[then.index].id
        {
          try restore(here, then)
        } else if !showsSame(old, then) {
          try editor.copy(
            then, of: past,
            to: Editor.Target(parent: now, step: .element(index), register: register))
        }
      }
    }
  }

  private func textPatches(_ text: ContainerHandle) throws -> [TextPatch] {
    let container = document.containers[text.index].id
    guard let sequence = history.sequences.first(where: { $0.container == container }),
      ranges.contains(where: { !sequence.log.runs(in: $0).isEmpty })
    else { return [] }
    let patches = history.textPatches(
      try document.difference(
        text, history, sequence, from: history.graph.frontier, to: version),
      of: sequence)
    guard patches.contains(where: { $0.removed > 0 && !$0.inserted.isEmpty }) else {
      return patches
    }
    var scalars = Array(document.texts[document.slot(of: text)].string.unicodeScalars)
    return patches.compactMap { patch in
      let range = patch.position..<min(scalars.count, patch.position + patch.removed)
      let needed = patch.needed(where: Array(scalars[range]))
      scalars.replaceSubrange(range, with: Array(patch.inserted.unicodeScalars))
      return needed
    }
  }

  /// Whether a place shows what a container showed then, under whichever name.
  private func showsSame(_ content: Register.Content?, _ then: ContainerHandle) -> Bool {
    guard case .container(let now)? = content, document.kind(of: now) == past.kind(of: then)
    else { return false }
    let (slot, pastSlot) = (document.slot(of: now), past.slot(of: then))
    func areSame(_ left: Register?, _ right: Register?) -> Bool {
      switch (left?.winner?.content, right?.winner?.content) {
      case (nil, nil): true
      case (.value(let left)?, .value(let right)?): left == right
      case (let left, .container(let right)?): showsSame(left, right)
      default: false
      }
    }
    switch document.kind(of: now) {
    case .map:
      let (map, pastMap) = (document.maps[slot], past.maps[pastSlot])
      return map.count == pastMap.count && map.allSatisfy { areSame($1, pastMap[$0]) }
    case .list:
      let (list, pastList) = (document.lists[slot].elements, past.lists[pastSlot].elements)
      return list.count == pastList.count
        && zip(list, pastList).allSatisfy { areSame($0.register, $1.register) }
    case .text:
      guard document.texts[slot].string.utf8.elementsEqual(past.texts[pastSlot].string.utf8) else {
        return false
      }
      let count = document.texts[slot].count
      let plain = TextMarks(count: count)
      return MarkChanges.between(document.marks[slot] ?? plain, past.marks[pastSlot] ?? plain)
        .isEmpty
    case .counter: return document.counters[slot] == past.counters[pastSlot]
    case .tree:
      let top = TreeState.top
      return showsSame(
        Document.Branch(tree: now, node: top), Document.Branch(tree: then, node: top))
    }
  }

  private func showsSame(_ now: Document.Branch, _ then: Document.Branch) -> Bool {
    let (left, right) = (document.children(of: now), past.children(of: then))
    return left.count == right.count
      && zip(left, right).allSatisfy { left, right in
        showsSame(
          .container(document.content(of: left, in: now.tree)),
          past.content(of: right, in: then.tree))
          && showsSame(
            Document.Branch(tree: now.tree, node: left),
            Document.Branch(tree: then.tree, node: right))
      }
  }
}

extension TextPatch {
  /// The patch without what it puts where the same goes; nil when nothing is left of it. Characters
  /// that were brought back once are new ones beside the old.
  fileprivate func needed(where going: [Unicode.Scalar]) -> TextPatch? {
    let coming = Array(inserted.unicodeScalars)
    let front = zip(going, coming).prefix { $0 == $1 }.count
    let back = zip(going.dropFirst(front).reversed(), coming.dropFirst(front).reversed())
      .prefix { $0 == $1 }.count
    var patch = self
    patch.position += front
    patch.removed = going.count - front - back
    var rest = String.UnicodeScalarView()
    rest.append(contentsOf: coming[front..<coming.count - back])
    patch.inserted = String(rest)
    return patch.removed > 0 || !rest.isEmpty ? patch : nil
  }
}
