package import Causality
import RunStructures

extension DocumentHistory {
  /// A history that begins with a document as it was at a version: what was before is folded.
  ///
  /// - Parameters:
  ///   - state: the document there, encoded.
  ///   - floor: the version.
  /// - Throws: ``MergeError`` for a state that is unreadable or empty.
  /// - Complexity: O(document).
  package init(
    _ document: DocumentID, from state: [UInt8], at floor: VersionVector
  ) throws(MergeError) {
    self.init(document: document)
    func damage(_ error: any Error) -> MergeError {
      .damagedHistory("the beginning of document \(document): \(error)")
    }
    let root: Root
    do {
      // Names count in the order of the encoding, which is the same everywhere.
      root = Root(try Document(id: document, state: state))
    } catch {
      throw damage(error)
    }
    guard !root.frontier.isEmpty else {
      throw .damagedHistory("the beginning of document \(document) has no change")
    }
    let base = HistoryBase(
      floor: floor, state: state, frontier: root.frontier, isDeleted: root.isDeleted,
      otherCount: root.others.count, names: root.names)
    self.base = base
    var parents = Arena<Int>(capacity: 1)
    _ = try append(
      origin: originIndex(of: base.root.origin), sequence: base.root.sequence,
      eventCount: base.count, isOneChange: true, parents: &parents)
    append(lamportStep: 0, count: 1)
    append(timeStep: 0, count: 1)
    do {
      try record(root)
    } catch {
      throw damage(error)
    }
  }

  private mutating func record(_ root: Root) throws(SequenceError) {
    for list in root.lists {
      try append(list.runs, list.elements, to: sequenceIndex(of: list.container))
    }
    for text in root.texts {
      var string = text.string
      let sequence = sequenceIndex(of: text.container)
      let result = string.withUTF8 { utf8 in
        Result { () throws(SequenceError) in
          try insert(
            utf8, count: text.count, at: 0, version: text.version, into: sequence)
        }
      }
      try result.get()
    }
    for other in root.others { append(other) }
  }

  /// Where the state of the base stands in a history that has one, else the start.
  var start: Mark {
    guard let base else { return Mark() }
    return Mark(frontier: [base.last], eventCount: base.count, otherCount: base.otherCount)
  }

  /// A history of nothing but what this one begins with. Complexity: O(document at the base).
  func onlyBase() throws(MergeError) -> DocumentHistory {
    guard let base else { return DocumentHistory(document: document) }
    return try DocumentHistory(document, from: base.state, at: base.floor)
  }

  /// The part of the history that a version covers, which must have seen all that is folded.
  /// Complexity: O(history).
  package func through(_ version: VersionVector) throws -> DocumentHistory {
    _ = try frontier(at: version)
    var part = try onlyBase()
    try part.append(contentsOf: edits().filter { version.contains($0.change) })
    return part
  }

  /// The document as it was where this history begins.
  func documentAtStart() throws(MergeError) -> Document {
    guard let base else { return Document(id: document) }
    do {
      return try Document(id: document, state: base.state)
    } catch {
      throw .damagedHistory("the beginning of document \(document): \(error)")
    }
  }

  /// Whether a version can be told from this history: it has seen all that is folded.
  package func reaches(_ version: VersionVector) -> Bool {
    base.map { $0.frontier.allSatisfy(version.contains) } ?? true
  }

  /// The versions that the author of an event's change had seen; nil where that saw everything that
  /// is here of what is before it, as the root did.
  func past(of version: Int) -> CausalPast {
    if let base, version < base.count { return .everything }
    return .version(graph.parents(of: change(at: version).lowerBound), of: self)
  }
}

/// What would have been done by one change that made a document as it is.
private struct Root {
  struct List {
    var container: ContainerID
    var elements: [Operation.Element] = []
    var runs: ContiguousArray<SequenceRun> = []
  }

  struct Text {
    var container: ContainerID
    var string: String
    var count: Int
    var version: Int
  }

  private let document: Document
  let frontier: [ChangeID]
  let isDeleted: Bool
  private(set) var names = RootNames()
  private(set) var lists: [List] = []
  private(set) var texts: [Text] = []
  /// Ascending by version.
  private(set) var others: [OtherOperation] = []

  init(_ document: Document) {
    self.document = document
    frontier = document.parents
    isDeleted = document.isDeleted
    for container in document.containers {
      switch container.kind {
      case .map: add(map: document.maps[container.slot], container.id)
      case .list: add(document.lists[container.slot], container.id)
      case .tree: add(document.trees[container.slot], container.id)
      case .text, .counter: break
      }
    }
    for container in document.containers where container.kind == .text {
      let text = document.texts[container.slot]
      guard text.count > 0 else { continue }
      texts.append(
        Text(
          container: container.id, string: text.string, count: text.count, version: next))
      names.append(characters: text.count)
    }
    for container in document.containers where container.kind == .text {
      document.marks[container.slot]?.forEachStretch { range, mark in
        let action = Operation.Action.mark(
          from: range.lowerBound, to: range.upperBound, mark.name, mark.value, mark.expansion)
        others.append(
          OtherOperation(
            version: next, lamport: mark.lamport, operation: Operation(container.id, action)))
        names.append(mark: mark.event, mark.lamport)
      }
    }
  }

  /// The version of the event that comes next. There is always one more.
  private var next: Int { names.count - 1 }

  private mutating func add(
    _ action: Operation.Action, of event: EventID, _ lamport: UInt64, to container: ContainerID
  ) {
    others.append(
      OtherOperation(version: next, lamport: lamport, operation: Operation(container, action)))
    names.append(event, lamport)
  }

  private mutating func add(map: [Key: Register], _ container: ContainerID) {
    for (key, register) in map.sorted(by: { $0.key < $1.key }) {
      for entry in register.entries {
        let action: Operation.Action
        switch entry.content {
        case .value(let value): action = .set(key, value, replaces: [])
        case .container(let handle):
          let child = document.containers[handle.index].id
          action = .make(key, child.kind, isAnew: child.isOfOneMake, replaces: [])
        }
        add(action, of: entry.event, entry.lamport, to: container)
      }
    }
  }

  private mutating func add(_ list: ListState, _ container: ContainerID) {
    let places = list.places.elements(in: 0..<list.places.count)
    guard !places.isEmpty else { return }
    // What stands elsewhere than where it was inserted was inserted there once, and taken away.
    let strays = places.filter { list.moves.isCarrier($0) }.compactMap {
      list.moves.element(at: $0)
    }
    var new = List(container: container)
    let first = next
    for place in places {
      if list.moves.orphans.contains(place) {
        new.elements.append(.moved(place))
        names.append(place, 0)
      } else if let element = list.moves.element(at: place) {
        new.elements.append(.moved(element))
        names.append(place, list.moves.moves[place]?.lamport ?? 0)
      } else {
        add(place, list, to: &new)
      }
    }
    for element in strays { add(element, list, to: &new) }
    let count = places.count + strays.count
    new.runs.append(
      SequenceRun(version: first, count: count, position: 0, kind: .insert, content: 0))
    if !strays.isEmpty {
      new.runs.append(
        SequenceRun(
          version: next, count: strays.count, position: places.count, kind: .deleteForward,
          content: count))
      names.appendNameless(strays.count)
    }
    lists.append(new)
    for (element, register) in list.elements { add(register, of: element, in: container) }
  }

  /// The insertion of an element, as one of what it holds.
  private mutating func add(_ element: EventID, _ list: ListState, to new: inout List) {
    let entries = list.register(of: element)?.entries ?? []
    let entry = entries.first { $0.event == element } ?? entries.last
    new.elements.append(content(of: entry))
    names.append(element, entry?.event == element ? entry?.lamport ?? 0 : 0)
  }

  private mutating func add(_ register: Register, of element: EventID, in list: ContainerID) {
    let isReplaced = !register.entries.contains { $0.event == element }
    for entry in register.entries where entry.event != element {
      add(
        .setElement(element, content(of: entry), replaces: isReplaced ? [element] : []),
        of: entry.event, entry.lamport, to: list)
    }
  }

  private func content(of entry: Register.Entry?) -> Operation.Element {
    switch entry?.content {
    case .value(let value): .value(value)
    case .container(let handle): .container(document.containers[handle.index].kind)
    case nil: .value(.null)
    }
  }

  private mutating func add(_ tree: TreeState, _ container: ContainerID) {
    for number in tree.log {
      let placement = tree.placements[number]
      let node = tree.nodes[placement.node]
      let place = TreePlace(
        in: placement.parent >= 0 ? tree.nodes[placement.parent].event : nil,
        after: placement.after == TreeState.none ? nil : tree.placements[placement.after].event)
      let action: Operation.Action =
        if node.made == number {
          .createNode(place)
        } else if placement.parent == TreeState.bin {
          .deleteNode(node.event)
        } else {
          .moveNode(node.event, place)
        }
      add(action, of: placement.event, placement.lamport, to: container)
    }
  }
}

extension ContainerID {
  /// Whether only one operation can have made it.
  fileprivate var isOfOneMake: Bool {
    if case .child(_, _, _, nil) = self { false } else { true }
  }
}
