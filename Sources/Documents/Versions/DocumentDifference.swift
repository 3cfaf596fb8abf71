import Causality

/// What a document shows, but for the characters of its texts: enough to compare two moments of it.
/// Storage is shared with the document until that changes.
struct DocumentShape {
  var containers: [Document.Container]
  var handles: [ContainerID: ContainerHandle]
  var maps: [[Key: Register]]
  var lists: [ListState]
  var counters: [Int128]
  var trees: [TreeState]
  var marks: [Int: TextMarks]
  var isDeleted: Bool

  func slot(of handle: ContainerHandle) -> Int { containers[handle.index].slot }
}

extension Document {
  var shape: DocumentShape {
    DocumentShape(
      containers: containers, handles: handles, maps: maps, lists: lists, counters: counters,
      trees: trees, marks: marks, isDeleted: isDeleted)
  }
}

/// Compares what two moments of one document show, container by container: those with the same name
/// are the same one. Complexity: O(keys and elements of both) that may differ, and what the texts
/// cost.
struct DocumentDifference {
  private let old: DocumentShape
  private let new: DocumentShape
  /// Where they may differ; nil: anywhere.
  private let touched: TouchedPlaces?
  /// What leads from a text at the old moment to it at the new one.
  private let changes: (ContainerID) throws -> [TextPatch]
  /// A text at the new moment, by its slot.
  private let text: (Int) -> String
  private var patches: [DocumentPatch] = []
  /// How many steps of the path at hand lead from node to node, which are no containers.
  private var nodeSteps = 0

  init(
    from old: DocumentShape, to new: DocumentShape, where touched: TouchedPlaces? = nil,
    changes: @escaping (ContainerID) throws -> [TextPatch], text: @escaping (Int) -> String
  ) {
    self.old = old
    self.new = new
    self.touched = touched
    self.changes = changes
    self.text = text
  }

  mutating func run() throws -> [DocumentPatch] {
    patches = []
    if old.isDeleted != new.isDeleted {
      patches.append(DocumentPatch([], .document(isDeleted: new.isDeleted)))
    }
    try compareMaps(.root, .root, DocumentPath())
    return patches
  }

  // MARK: What is there at both moments

  private mutating func compare(
    _ before: Register.Entry, _ after: Register.Entry, _ path: DocumentPath
  ) throws {
    let depth = path.steps.count
    switch (content(before, depth), content(after, depth)) {
    case (.value(let before), .value(let after)) where before == after: break
    case (.container(let before), .container(let after))
    where old.containers[before.index].id == new.containers[after.index].id:
      try compare(before, after, path)
    case (_, let content): try put(content, path)
    }
  }

  private mutating func compare(
    _ before: ContainerHandle, _ after: ContainerHandle, _ path: DocumentPath
  ) throws {
    if let touched, !touched.contains(new.containers[after.index].id) { return }
    switch new.containers[after.index].kind {
    case .map: try compareMaps(before, after, path)
    case .list: try compareLists(before, after, path)
    case .text:
      let changes = try changes(new.containers[after.index].id)
      for patch in changes { patches.append(DocumentPatch(path, .text(patch))) }
      mark(old.marks[old.slot(of: before)]?.without(changes), new.slot(of: after), path)
    case .counter:
      count(old.counters[old.slot(of: before)], new.counters[new.slot(of: after)], path)
    case .tree: try compareTrees(old.trees[old.slot(of: before)], after, path)
    }
  }

  private mutating func compareTrees(
    _ before: TreeState, _ after: ContainerHandle, _ path: DocumentPath
  ) throws {
    let (oldOutline, outline) = (TreeOutline(before), TreeOutline(new.trees[new.slot(of: after)]))
    var shown = TreeRearrangement(from: oldOutline, at: path)
    patches += shown.patches(to: outline)
    for (node, _) in outline.nodes {
      let place = shown.path(of: node)
      let here = place.appending(.key(Document.valueMember))
      let steps = nodeSteps
      nodeSteps += place.steps.count - path.steps.count
      defer { nodeSteps = steps }
      let id = ContainerID.element(node, .map)
      switch (oldOutline.has(node) ? old.handles[id] : nil, new.handles[id]) {
      case (let before?, let after?): try compareMaps(before, after, here)
      case (nil, let after?): try fill(after, here)
      case (_, nil): break
      }
    }
  }

  /// - Parameter before: what the characters of a text have that are there by now; nil: nothing.
  private mutating func mark(_ before: TextMarks?, _ slot: Int, _ path: DocumentPath) {
    guard let count = new.marks[slot]?.count ?? before?.count else { return }
    let changes = MarkChanges.between(
      before ?? TextMarks(count: count), new.marks[slot] ?? TextMarks(count: count),
      countsExpansion: false)
    for change in changes {
      let action: DocumentPatch.Action =
        change.value == .null
        ? .unmarked(change.range, name: change.name.text)
        : .marked(
          change.range, TextMark(name: change.name.text, value: change.value), change.expansion)
      patches.append(DocumentPatch(path, action))
    }
  }

  private mutating func compareMaps(
    _ before: ContainerHandle, _ after: ContainerHandle, _ path: DocumentPath
  ) throws {
    let oldMap = old.maps[old.slot(of: before)]
    let newMap = new.maps[new.slot(of: after)]
    let keys =
      touched?.keys(of: new.containers[after.index].id)
      ?? Set(oldMap.keys).union(newMap.keys).sorted()
    for key in keys {
      let here = path.appending(.key(key.text))
      switch (oldMap[key]?.winner, newMap[key]?.winner) {
      case (nil, nil): break
      case (_?, nil): patches.append(DocumentPatch(here, .removed))
      case (nil, let entry?): try put(content(entry, here.steps.count), here)
      case (let before?, let after?): try compare(before, after, here)
      }
    }
  }

  private mutating func compareLists(
    _ before: ContainerHandle, _ after: ContainerHandle, _ path: DocumentPath
  ) throws {
    let oldList = old.lists[old.slot(of: before)]
    let newList = new.lists[new.slot(of: after)]
    let elements = newList.shownElements
    let oldElements = oldList.shownElements
    for step in ListRearrangement(from: oldElements, to: elements).steps {
      let action: DocumentPatch.Action
      switch step {
      case .remove(let position, let count):
        action = .elements(at: position, removed: count, inserted: [])
      case .insert(let position, let range):
        action = .elements(
          at: position, removed: 0,
          inserted: elements[range].map { described(newList.register(of: $0)?.winner, path) })
      case .move(_, let from, let to): action = .moved(from: from, to: to)
      }
      patches.append(DocumentPatch(path, action))
    }
    let known = Set(oldElements)
    for (index, element) in elements.enumerated() {
      guard let entry = newList.register(of: element)?.winner else { continue }
      let here = path.appending(.index(index))
      if known.contains(element), let before = oldList.register(of: element)?.winner {
        try compare(before, entry, here)
      } else if case .container(let handle) = content(entry, here.steps.count) {
        try fill(handle, here)
      }
    }
  }

  private mutating func count(_ before: Int128, _ after: Int128, _ path: DocumentPath) {
    let (from, to) = (Int64(clamping: before), Int64(clamping: after))
    if from != to { patches.append(DocumentPatch(path, .counted(from: from, to: to))) }
  }

  // MARK: What is new

  private mutating func put(_ content: Register.Content, _ path: DocumentPath) throws {
    patches.append(DocumentPatch(path, .set(described(content))))
    if case .container(let handle) = content { try fill(handle, path) }
  }

  private mutating func fill(_ handle: ContainerHandle, _ path: DocumentPath) throws {
    let slot = new.slot(of: handle)
    switch new.containers[handle.index].kind {
    case .map:
      for (key, register) in new.maps[slot].sorted(by: { $0.key < $1.key }) {
        guard let entry = register.winner else { continue }
        let here = path.appending(.key(key.text))
        try put(content(entry, here.steps.count), here)
      }
    case .list:
      let elements = new.lists[slot].elements
      guard !elements.isEmpty else { return }
      patches.append(
        DocumentPatch(
          path,
          .elements(
            at: 0, removed: 0, inserted: elements.map { described($0.register.winner, path) })))
      for (index, element) in elements.enumerated() {
        let here = path.appending(.index(index))
        if let entry = element.register.winner,
          case .container(let child) = content(entry, here.steps.count)
        {
          try fill(child, here)
        }
      }
    case .text:
      let text = text(slot)
      guard !text.isEmpty else { return }
      patches.append(
        DocumentPatch(path, .text(TextPatch(position: 0, removed: 0, inserted: text))))
      mark(nil, slot, path)
    case .counter: count(0, new.counters[slot], path)
    case .tree: try compareTrees(TreeState(), handle, path)
    }
  }

  // MARK: What a place holds

  /// Deeper than an editor nests containers, null is read.
  private func content(_ entry: Register.Entry, _ depth: Int) -> Register.Content {
    if case .container = entry.content, depth - nodeSteps > ContainerID.depthMax {
      return .value(.null)
    }
    return entry.content
  }

  private func described(_ content: Register.Content) -> DocumentPatch.Content {
    switch content {
    case .value(let value): .value(value)
    case .container(let handle): .container(new.containers[handle.index].kind)
    }
  }

  private func described(_ entry: Register.Entry?, _ list: DocumentPath) -> DocumentPatch.Content {
    entry.map { described(content($0, list.steps.count + 1)) } ?? .value(.null)
  }
}
