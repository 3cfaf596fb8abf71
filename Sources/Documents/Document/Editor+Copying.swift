import Causality

// New containers that hold what others show.
extension Editor {
  /// Makes a container at a place and fills it with what another one shows, in this document or as
  /// it was at an earlier time. Of several values of a place the winner is taken.
  func copy(
    _ source: ContainerHandle, of origin: Document, to target: Target
  ) throws(EditError) {
    try checkRoom(for: origin.eventCount(toCopy: source))
    make(source, of: origin, at: target)
  }

  /// Puts a copy of a container into the list at `path`, as number `index` or as the last.
  func insertCopy(
    _ source: ContainerHandle, of origin: Document, at index: Int, ofListAt path: DocumentPath
  ) throws(EditError) {
    let list = try document.handle(at: path, kind: .list)
    try checkRoom(for: origin.eventCount(toCopy: source))
    let state = document.lists[document.slot(of: list)]
    insert(source, of: origin, at: state.place(of: max(0, min(index, state.count))), into: list)
  }

  private func insert(
    _ source: ContainerHandle, of origin: Document, at place: Int, into list: ContainerHandle
  ) {
    let event = nextEvent
    let kind = origin.kind(of: source)
    record(list, .insertElements(at: place, [.container(kind)]))
    fill(document.materialise(.element(event, kind)), from: source, of: origin)
  }

  private func make(_ source: ContainerHandle, of origin: Document, at target: Target) {
    fill(make(origin.kind(of: source), at: target), from: source, of: origin)
  }

  private func fill(_ copy: ContainerHandle, from source: ContainerHandle, of origin: Document) {
    let slot = origin.slot(of: source)
    switch origin.kind(of: source) {
    case .map:
      for (key, register) in origin.maps[slot].sorted(by: { $0.key < $1.key }) {
        let target = Target(parent: copy, step: .key(key), register: nil)
        switch register.winner?.content {
        case .value(let value): put(.value(value), at: target)
        case .container(let child): make(child, of: origin, at: target)
        case nil: break
        }
      }
    case .list:
      for (index, element) in origin.lists[slot].elements.enumerated() {
        switch element.register.winner?.content {
        case .container(let child): insert(child, of: origin, at: index, into: copy)
        case .value(let value): record(copy, .insertElements(at: index, [.value(value)]))
        case nil: record(copy, .insertElements(at: index, [.value(.null)]))
        }
      }
    case .text:
      let text = origin.texts[slot].string
      if !text.isEmpty { record(copy, .insertText(at: 0, text)) }
      if let marks = origin.marks[slot] { putMarks(marks, on: copy) }
    case .counter: record(copy, .increment(by: Int64(clamping: origin.counters[slot])))
    case .tree:
      fill(copy, fromTree: source, of: origin) { copy, source in
        fill(copy, from: source, of: origin)
      }
    }
  }
}

extension Document {
  /// How many events making a copy of a container takes. Complexity: O(what is in it).
  fileprivate func eventCount(toCopy source: ContainerHandle) -> Int {
    let slot = slot(of: source)
    func events(_ register: Register) -> Int {
      guard case .container(let child) = register.winner?.content else { return 1 }
      return eventCount(toCopy: child)
    }
    switch kind(of: source) {
    case .map: return maps[slot].values.reduce(1) { $0 + events($1) }
    case .list: return lists[slot].elements.reduce(1) { $0 + events($1.register) }
    case .text: return 1 + texts[slot].count + (marks[slot]?.shownCount ?? 0)
    case .counter: return 2
    case .tree:
      let nodes = trees[slot].nodes.indices.filter { trees[slot].isShown($0) }
      return nodes.reduce(1) { $0 + eventCount(toCopy: content(of: $1, in: source)) }
    }
  }
}
