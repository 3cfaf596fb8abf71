// The steps that patches tell, taken as edits.
extension Editor {
  /// Takes the steps in their order, each at what the one before it has left. A document that is
  /// only back, and holds what it held, takes no step.
  ///
  /// - Throws: ``EditError`` when a step does not fit the document, or as the edit that it is.
  package func apply(_ patches: [DocumentPatch]) throws(EditError) {
    for patch in patches { try apply(patch) }
    // An edit would bring it back.
    if patches.contains(where: { $0.action == .document(isDeleted: true) }) { try deleteDocument() }
  }

  private func apply(_ patch: DocumentPatch) throws(EditError) {
    let path = patch.path
    switch patch.action {
    case .set(.value(let value)): try set(path, value: value)
    case .set(.container(let kind)):
      let target = try target(path)
      try EditLimits.check(target.depth, at: path)
      try checkRoom(for: 1)
      _ = make(kind, at: target)
    case .removed: try delete(path)
    case .text(let change):
      try splice(path, at: change.position, delete: change.removed, insert: change.inserted)
    case .marked(let range, let mark, let expansion):
      try self.mark(path, range, name: mark.name, value: mark.value, expand: expansion)
    case .unmarked(let range, let name): try unmark(path, range, name: name)
    case .elements(let position, let removed, let inserted):
      try splice(elementsAt: path, position, removed, inserted)
    case .moved(let from, let to): try move(path, from: from, to: to)
    case .nodeMade(let position, _): try createNode(path, at: position)
    case .nodeRemoved(let position): try delete(path.appending(.index(position)))
    case .nodeMoved(let from, let destination, let position):
      try moveNode(path, from: from, to: destination, at: position)
    case .counted(let from, let to):
      try increment(try document.handle(at: path, kind: .counter), by: Int128(to) - Int128(from))
    // It goes at the end, and is back with the other edits.
    case .document: break
    }
  }

  private func splice(
    elementsAt path: DocumentPath, _ position: Int, _ removed: Int,
    _ inserted: [DocumentPatch.Content]
  ) throws(EditError) {
    let list = try document.handle(at: path, kind: .list)
    let slot = document.slot(of: list)
    try checkRange(position, removed, within: document.lists[slot].count, path)
    try checkRoom(
      for: document.lists[slot].places(of: position..<position + removed).count + inserted.count)
    removeElements(position..<position + removed, from: list)
    guard !inserted.isEmpty else { return }
    record(
      list,
      .insertElements(
        at: document.lists[slot].place(of: position),
        inserted.map { content in
          switch content {
          case .value(let value): .value(value)
          case .container(let kind): .container(kind)
          }
        }))
  }
}
