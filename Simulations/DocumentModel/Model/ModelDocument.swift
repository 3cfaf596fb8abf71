import Causality
import Documents

/// One document as the changes to it make it: what every one of them wrote is kept, with the change
/// that wrote it and those that took it away, so that it can be read at any version.
///
/// The rules, which are all there is to know about who wins:
///
/// - An edit is made on a version: its parents, their parents, and so on, and what the edit itself
///   did before. It takes away or addresses nothing outside of that version.
/// - A register keeps every entry that no later write named; a plain read shows the entry with the
///   highest Lamport time, then the highest origin.
/// - A counter is the sum of its increments.
/// - A container is named by where it is and what kind it is, so that two people who make the same
///   one have made one; made again where one of its kind had been, it is named by the event that
///   made it and begins empty.
/// - An element of a list stands where it was inserted, or where it was moved to; of several places
///   that nobody has removed the one with the highest Lamport time, then the highest event, shows
///   it, and the one where it was inserted does only when there is no other.
/// - A tree puts its nodes where ``ModelTree`` says.
/// - A text or list shows what was inserted and not removed, in the order of ``ModelSequence``.
///   What two people write into a text by the same decision, made at once, is one.
/// - The characters of a text have the marks that ``ModelSequence`` tells, one of each name.
/// - A document is deleted when each of its newest changes ended by deleting it: an edit that
///   follows the deletion, or was made without knowing of it, brings it back.
struct ModelDocument: Sendable {
  /// What stands at a key or in a list element.
  struct Entry: Sendable {
    var event: EventID
    var lamport: UInt64
    var content: Content
    /// The change that wrote it, and those that replaced it.
    var writtenBy: Int
    var replacedBy: [Int] = []
  }

  enum Content: Hashable, Sendable {
    case value(Value)
    case container(ContainerID)
  }

  struct Move: Sendable {
    /// Nil when it is no element that the author had seen.
    var element: EventID?
    var lamport: UInt64
  }

  struct Increment: Sendable {
    var amount: Int64
    var madeBy: Int
  }

  /// One change as this document sees it.
  struct Part: Sendable {
    var change: ChangeID
    var parents: [Int]
    /// Everything the author's version holds, the change itself included.
    var past: ModelVersion
    var endsInDelete: Bool
  }

  let id: DocumentID
  /// Parents before children; the place in it is the change's number.
  private(set) var parts: [Part] = []
  private(set) var numbers: [ChangeID: Int] = [:]
  /// Those of which a parent is not here.
  private(set) var waiting: [Change] = []

  private(set) var maps: [ContainerID: [Key: [Entry]]] = [:]
  private(set) var elements: [ContainerID: [EventID: [Entry]]] = [:]
  /// Where elements of lists were moved to: by the event that made the place.
  private(set) var moves: [ContainerID: [EventID: Move]] = [:]
  private(set) var counters: [ContainerID: [Increment]] = [:]
  private(set) var sequences: [ContainerID: ModelSequence] = [:]
  private(set) var trees: [ContainerID: ModelTree] = [:]

  /// Who has decided what, and whether that was the last thing they did.
  private(set) var decisions: [(madeBy: Int, events: [EventID], isLast: Bool)] = []
  private var lastDecision: EventID?
  /// All decisions with all that their changes did for them.
  private var decided: [(events: [EventID], at: EventID, inserted: ModelSequence.Inserted)] = []
  /// The changes that deleted the document, ascending.
  private(set) var deletions: [Int] = []
  /// The changes that did anything to a container.
  private(set) var touches: [ContainerID: Set<Int>] = [:]
  /// The list or tree in which a container stood as an element or node.
  private(set) var homes: [ContainerID: ContainerID] = [:]

  init(id: DocumentID) {
    self.id = id
  }

  /// Takes the change's edit of this document, and all that waited for it.
  mutating func add(_ change: Change) {
    guard numbers[change.id] == nil, !waiting.contains(where: { $0.id == change.id }) else {
      return
    }
    waiting.append(change)
    while let ready = waiting.firstIndex(where: { edit(of: $0).parents.allSatisfy(isHere) }) {
      apply(waiting.remove(at: ready))
    }
  }

  private func edit(of change: Change) -> DocumentEdit {
    change.edits.first { $0.document == id }
      ?? DocumentEdit(document: id, parents: [], operations: [])
  }

  private func isHere(_ change: ChangeID) -> Bool { numbers[change] != nil }

  // MARK: Applying

  private mutating func apply(_ change: Change) {
    let edit = edit(of: change)
    let number = parts.count
    let parents = edit.parents.compactMap { numbers[$0] }
    var past = ModelVersion([number])
    for parent in parents { past.formUnion(parts[parent].past) }
    numbers[change.id] = number
    parts.append(
      Part(
        change: change.id, parents: parents, past: past,
        endsInDelete: edit.operations.last?.action == .deleteDocument))
    var event = EventID(change: change.id, index: 0)
    for (index, operation) in edit.operations.enumerated() {
      note(operation, at: event, by: number, isLast: index == edit.operations.count - 1)
      apply(
        operation,
        Entry(
          event: event, lamport: change.lamport, content: .value(.null),
          writtenBy: number))
      event.index &+= UInt32(clamping: operation.eventCount)
    }
  }

  /// Notes what conflicts are found from, whatever effect the operation has.
  private mutating func note(
    _ operation: Operation, at event: EventID, by number: Int, isLast: Bool
  ) {
    touches[operation.container, default: []].insert(number)
    switch operation.action {
    case .resolve(let events):
      joinAlike(events, at: event, by: number)
      lastDecision = event
      decisions.append((number, events, isLast))
    case .deleteDocument where deletions.last != number: deletions.append(number)
    case .setElement(_, .container(let kind), _):
      homes[.element(event, kind)] = operation.container
    case .createNode: homes[.element(event, .map)] = operation.container
    case .insertElements(_, let elements):
      var event = event
      for element in elements {
        if case .container(let kind) = element {
          homes[.element(event, kind)] = operation.container
        }
        event.index &+= 1
      }
    default: break
    }
  }

  /// What two people write into texts by the same decision is there once, when each had seen the
  /// same decisions about the same.
  private mutating func joinAlike(_ events: [EventID], at event: EventID, by number: Int) {
    let start = lastDecision.flatMap { $0.change == event.change ? $0.index + 1 : nil } ?? 0
    let inserted = ModelSequence.Inserted(change: number, indexes: start..<event.index)
    let others = decided.filter { $0.events == events }
    func seen(by event: EventID) -> Set<EventID> {
      Set(others.map(\.at).filter { isSeen($0, by: event) && $0 != event })
    }
    let own = seen(by: event)
    for other in others where seen(by: other.at) == own && other.at != event {
      let isFirst = event < other.at
      for text in sequences.keys where text.kind == .text {
        sequences[text]?.join(
          isFirst ? inserted : other.inserted, isFirst ? other.inserted : inserted)
      }
    }
    decided.append((events, event, inserted))
  }

  /// - Parameter entry: what a write of the operation adds, but for its content.
  private mutating func apply(_ operation: Operation, _ entry: Entry) {
    let container = operation.container
    let (number, event) = (entry.writtenBy, entry.event)
    let past = parts[number].past
    var entry = entry
    func seen(_ replaced: [EventID]) -> [EventID] { replaced.filter { isSeen($0, by: event) } }
    switch (container.kind, operation.action) {
    case (.map, .set(let key, let value, let replaced)):
      entry.content = .value(value)
      write(entry, replacing: seen(replaced), by: number, at: key, of: container)
    case (.map, .make(let key, let kind, let isAnew, let replaced)):
      entry.content = .container(
        .child(parent: container, key: key, kind: kind, generation: isAnew ? event : nil))
      write(entry, replacing: seen(replaced), by: number, at: key, of: container)
    case (.map, .delete(let key, let replaced)):
      write(nil, replacing: seen(replaced), by: number, at: key, of: container)
    case (.counter, .increment(let amount)):
      counters[container, default: []].append(Increment(amount: amount, madeBy: number))
    case (.text, .insertText(let position, let text)):
      sequences[container, default: ModelSequence()].insert(
        Array(text.unicodeScalars), at: position, by: number, event: event, in: past)
    case (.text, .mark(let from, let to, let name, let value, let expansion)):
      sequences[container, default: ModelSequence()].mark(
        from: from, to: to,
        ModelSequence.Mark(
          event: event, lamport: entry.lamport, name: name, value: value, expansion: expansion,
          madeBy: number), in: past)
    case (.list, .insertElements(let position, let inserted)):
      sequences[container, default: ModelSequence()].insert(
        Array(repeating: nil, count: inserted.count), at: position, by: number, event: event,
        in: past)
      for element in inserted {
        if case .moved(let moved) = element {
          let isThere = isSeen(moved, by: entry.event) && elements[container]?[moved] != nil
          moves[container, default: [:]][entry.event] = Move(
            element: isThere ? moved : nil, lamport: entry.lamport)
        } else if let content = content(of: element, at: entry.event) {
          entry.content = content
          elements[container, default: [:]][entry.event] = [entry]
        }
        entry.event.index &+= 1
      }
    case (.list, .setElement(let element, let new, let replaced)):
      guard isSeen(element, by: event), let content = content(of: new, at: event) else { return }
      entry.content = content
      Self.write(
        entry, replacing: seen(replaced), by: number,
        to: &elements[container, default: [:]][element, default: []])
    case (.text, .remove(let position, let count)), (.list, .remove(let position, let count)):
      sequences[container, default: ModelSequence()].remove(
        at: position, count: count, by: number, event: event, in: past)
    case (.tree, .createNode(let place)): self.place(event, at: place, entry, in: container)
    case (.tree, .moveNode(let node, let place)) where node != event:
      self.place(node, at: place, entry, in: container)
    case (.tree, .deleteNode(let node)) where node != event:
      place(node, at: nil, entry, in: container)
    default:
      // Meant for a container of another kind, or of a later release: counted, without effect.
      break
    }
  }

  private mutating func place(
    _ node: EventID, at place: TreePlace?, _ entry: Entry, in tree: ContainerID
  ) {
    var model = trees[tree] ?? ModelTree()
    model.add(
      ModelTree.Step(
        event: entry.event, lamport: entry.lamport, node: node, place: place,
        madeBy: entry.writtenBy)
    ) { isSeen($0, by: entry.event) }
    trees[tree] = model
  }

  private func content(of element: Operation.Element, at event: EventID) -> Content? {
    switch element {
    case .value(let value): .value(value)
    case .container(let kind): .container(.element(event, kind))
    case .moved: nil
    }
  }

  private mutating func write(
    _ entry: Entry?, replacing replaced: [EventID], by number: Int, at key: Key,
    of map: ContainerID
  ) {
    Self.write(
      entry, replacing: replaced, by: number, to: &maps[map, default: [:]][key, default: []])
  }

  /// - Parameter replaced: what the author named and had seen.
  private static func write(
    _ entry: Entry?, replacing replaced: [EventID], by number: Int, to entries: inout [Entry]
  ) {
    for index in entries.indices where replaced.contains(entries[index].event) {
      entries[index].replacedBy.append(number)
    }
    if let entry { entries.append(entry) }
  }

  /// Whether the version that the event was made on holds the other one.
  func isSeen(_ other: EventID, by event: EventID) -> Bool {
    if other.change == event.change { return other.index < event.index }
    guard let number = numbers[event.change], let seen = numbers[other.change] else { return false }
    return parts[number].past.contains(seen)
  }

  // MARK: Reading

  /// The changes among `named` that are here with all that they were built on.
  func version(where isNamed: (ChangeID) -> Bool) -> ModelVersion {
    let named = ModelVersion(parts.indices.filter { isNamed(parts[$0].change) })
    return ModelVersion(
      parts.indices.filter { named.contains($0) && parts[$0].past.isSubset(of: named) })
  }

  /// The newest changes of a version, sorted: those on which it holds no other.
  func frontier(of version: ModelVersion) -> [Part] {
    let numbers = parts.indices.filter(version.contains)
    let followed = ModelVersion(numbers.flatMap { parts[$0].parents })
    return numbers.filter { !followed.contains($0) }.map { parts[$0] }
      .sorted { $0.change < $1.change }
  }

  func isDeleted(in version: ModelVersion) -> Bool {
    let frontier = frontier(of: version)
    return !frontier.isEmpty && frontier.allSatisfy(\.endsInDelete)
  }

  /// The entries that nothing in the version replaced, the winner last.
  func alive(_ entries: [Entry]?, in version: ModelVersion) -> [Entry] {
    (entries ?? []).filter { entry in
      version.contains(entry.writtenBy) && !entry.replacedBy.contains(where: version.contains)
    }
    .sorted { left, right in
      left.lamport != right.lamport ? left.lamport < right.lamport : left.event < right.event
    }
  }

  func sum(of counter: ContainerID, in version: ModelVersion) -> Int128 {
    (counters[counter] ?? []).filter { version.contains($0.madeBy) }
      .reduce(0) { $0 &+ Int128($1.amount) }
  }

  /// The keys of a map that hold something, in the order of their bytes.
  func members(of map: ContainerID, in version: ModelVersion) -> [(key: Key, entries: [Entry])] {
    (maps[map] ?? [:]).sorted { $0.key < $1.key }
      .map { ($0.key, alive($0.value, in: version)) }
      .filter { !$0.entries.isEmpty }
  }

  func elements(of list: ContainerID, in version: ModelVersion) -> [[Entry]] {
    let places = sequences[list]?.events(in: version) ?? []
    let moves = moves[list] ?? [:]
    func isShown(_ place: EventID) -> Bool {
      guard let element = moves[place].map(\.element) ?? place else { return false }
      return !places.contains { other in
        guard let move = moves[other], move.element == element, other != place else { return false }
        guard let own = moves[place] else { return true }
        return (own.lamport, place) < (move.lamport, other)
      }
    }
    return (moves.isEmpty ? places : places.filter(isShown)).map { place in
      alive(elements[list]?[moves[place]?.element ?? place], in: version)
    }
  }
}
