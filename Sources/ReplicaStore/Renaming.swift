import Causality
import Documents

/// New names for changes, and the same edits under them.
///
/// Whoever refers to one of the changes must be renamed with it; then what the edits mean stays as
/// it was, but for ties between concurrent edits, which go by the order of the origins.
struct Renaming {
  private let name: (ChangeID) -> ChangeID

  init(_ name: @escaping (ChangeID) -> ChangeID) { self.name = name }

  /// The changes get the sequences from 1 on, in their order.
  init(_ changes: [Change], to target: Origin) {
    var names: [ChangeID: ChangeID] = [:]
    names.reserveCapacity(changes.count)
    for (index, change) in changes.enumerated() {
      names[change.id] = ChangeID(origin: target, sequence: UInt64(index) + 1)
    }
    self.init { [names] change in names[change] ?? change }
  }

  subscript(change: ChangeID) -> ChangeID { name(change) }

  /// A change under its new name. What came before it under the old origin becomes a dependency
  /// where the new origin does not say it.
  func reauthored(_ change: Change) -> Change {
    var result = renamed(change)
    var dependencies = Set(change.dependencies.map { self[$0] })
    if change.id.sequence > 1 {
      dependencies.insert(
        self[ChangeID(origin: change.id.origin, sequence: change.id.sequence - 1)])
    }
    result.dependencies = dependencies.filter { $0.origin != result.id.origin }.sorted()
    return result
  }

  /// A change with the names in it replaced, its dependencies left as they are.
  func renamed(_ change: Change) -> Change {
    var result = change
    result.id = self[change.id]
    for index in result.edits.indices { result.edits[index] = renamed(result.edits[index]) }
    return result
  }

  /// The part of a change that belongs to one document, with the names in it replaced.
  func renamed(_ incoming: IncomingEdit) -> IncomingEdit {
    var result = incoming
    result.change = self[incoming.change]
    result.edit = renamed(incoming.edit)
    return result
  }

  private func renamed(_ edit: DocumentEdit) -> DocumentEdit {
    DocumentEdit(
      document: edit.document, parents: edit.parents.map { self[$0] }.sorted(),
      operations: edit.operations.map { renamed($0) })
  }

  private func renamed(_ operation: Operation) -> Operation {
    Operation(renamed(operation.container), renamed(operation.action))
  }

  private func renamed(_ action: Operation.Action) -> Operation.Action {
    switch action {
    case .set(let key, let value, let replaces):
      .set(key, value, replaces: renamed(replaces))
    case .make(let key, let kind, let isAnew, let replaces):
      .make(key, kind, isAnew: isAnew, replaces: renamed(replaces))
    case .delete(let key, let replaces): .delete(key, replaces: renamed(replaces))
    case .setElement(let event, let element, let replaces):
      .setElement(renamed(event), renamed(element), replaces: renamed(replaces))
    case .resolve(let events): .resolve(renamed(events).sorted())
    case .createNode(let place): .createNode(renamed(place))
    case .moveNode(let node, let place): .moveNode(renamed(node), renamed(place))
    case .deleteNode(let node): .deleteNode(renamed(node))
    case .insertElements(let position, let elements):
      .insertElements(at: position, elements.map { renamed($0) })
    case .unknown:
      VersionName.renaming(UndoMark.renaming(action) { self[$0] }) { self[$0] }
    case .increment, .insertText, .remove, .deleteDocument, .mark: action
    }
  }

  private func renamed(_ element: Operation.Element) -> Operation.Element {
    if case .moved(let moved) = element { .moved(renamed(moved)) } else { element }
  }

  private func renamed(_ place: TreePlace) -> TreePlace {
    TreePlace(in: place.parent.map { renamed($0) }, after: place.after.map { renamed($0) })
  }

  private func renamed(_ container: ContainerID) -> ContainerID {
    switch container {
    case .root: container
    case .child(let parent, let key, let kind, let generation):
      .child(
        parent: renamed(parent), key: key, kind: kind, generation: generation.map { renamed($0) })
    case .element(let event, let kind): .element(renamed(event), kind)
    }
  }

  private func renamed(_ events: [EventID]) -> [EventID] { events.map { renamed($0) } }

  private func renamed(_ event: EventID) -> EventID {
    EventID(change: self[event.change], index: event.index)
  }
}
