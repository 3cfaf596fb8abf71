import Causality
import Merging

/// One step of writing a model. Those of a list come after those inside of its elements, so that
/// the places of elements are as they were when the steps were planned.
enum ModelEdit: Sendable {
  case put(Value, Editor.Target)
  /// A container with all that it holds.
  case make(ModelNode, Editor.Target)
  case delete(Editor.Target)
  case splice(TextDifference.Splice, ContainerHandle)
  case increment(by: Int64, ContainerHandle)
  case removeElements(Range<Int>, ContainerHandle)
  case moveElement(from: Int, to: Int, ContainerHandle)
  case insertElements([ModelNode], at: Int, ContainerHandle)
}

extension Editor {
  /// Does what was planned, all of it or nothing.
  ///
  /// - Throws: `limitExceeded` when it is too much for one transaction.
  func perform(_ plan: ModelPlan) throws(EditError) {
    try checkRoom(for: plan.eventCount)
    for edit in plan.edits {
      switch edit {
      case .put(let value, let target): put(.value(value), at: target)
      case .make(let node, let target): make(node, at: target)
      case .delete(let target):
        guard case .key(let key) = target.step else { continue }
        record(target.parent, .delete(key, replaces: target.register?.events ?? []))
      case .splice(let splice, let text):
        if splice.deleting > 0 {
          try removeText(text, at: splice.at, count: splice.deleting)
        }
        if !splice.inserting.isEmpty { try insertText(text, at: splice.at, splice.inserting) }
      case .increment(let amount, let counter): record(counter, .increment(by: amount))
      case .removeElements(let range, let list): removeElements(range, from: list)
      case .moveElement(let from, let to, let list): try move(from: from, to: to, in: list)
      case .insertElements(let nodes, let index, let list): insert(nodes, at: index, into: list)
      }
    }
  }

  private func make(_ node: ModelNode, at target: Target) {
    switch node {
    case .absent: break
    case .value(let value): put(.value(value), at: target)
    case .text: fill(make(.text, at: target), with: node)
    case .counter: fill(make(.counter, at: target), with: node)
    case .list, .set: fill(make(.list, at: target), with: node)
    case .map(let map):
      let handle = map.kind == .variant ? makeAnew(at: target) : make(.map, at: target)
      fill(handle, with: node)
    }
  }

  /// A map that nobody shares who makes one there at the same time: of two cases of an enum one is
  /// to stand there, and not something of both.
  private func makeAnew(at target: Target) -> ContainerHandle {
    guard case .key(let key) = target.step else { return make(.map, at: target) }
    let event = nextEvent
    record(
      target.parent, .make(key, .map, isAnew: true, replaces: target.register?.events ?? []))
    let parent = document.containers[target.parent.index].id
    return document.materialise(
      .child(parent: parent, key: key, kind: .map, generation: event))
  }

  private func fill(_ handle: ContainerHandle, with node: ModelNode) {
    switch node {
    case .map(let map):
      for member in map.members {
        make(member.node, at: Target(parent: handle, step: .key(member.key), register: nil))
      }
    case .list(let elements), .set(let elements): insert(elements, at: 0, into: handle)
    case .text(let text):
      if !text.isEmpty { record(handle, .insertText(at: 0, text)) }
    case .counter(let count):
      if count != 0 { record(handle, .increment(by: count)) }
    case .value, .absent: break
    }
  }

  private func insert(_ nodes: [ModelNode], at index: Int, into list: ContainerHandle) {
    guard !nodes.isEmpty else { return }
    let first = nextEvent
    record(
      list,
      .insertElements(
        at: document.lists[document.slot(of: list)].place(of: index), nodes.map(\.element)))
    for (offset, node) in nodes.enumerated() {
      guard case .container(let kind) = node.element else { continue }
      let event = EventID(change: first.change, index: first.index + UInt32(clamping: offset))
      fill(document.materialise(.element(event, kind)), with: node)
    }
  }
}

extension ModelNode {
  fileprivate var element: Operation.Element {
    switch self {
    case .value(let value): .value(value)
    case .text: .container(.text)
    case .counter: .container(.counter)
    case .list, .set: .container(.list)
    case .map: .container(.map)
    case .absent: .value(.null)
    }
  }
}
