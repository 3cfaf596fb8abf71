import Causality
import RunStructures

/// Which events the author of an operation had seen: an operation can replace or address only what
/// its author's version contains, whatever else has arrived here. Without this rule an author that
/// names events it cannot have seen would make replicas differ.
enum CausalPast {
  /// The author saw everything that is here.
  case everything
  /// The author saw what these versions of the history's graph contain.
  case version([Int], of: DocumentHistory)
}

extension Document {
  /// Applies one operation, local or remote, whose text and list positions are those of the state
  /// at hand.
  ///
  /// An operation that cannot be done as it stands has no effect: one on a container of another
  /// kind, one that names what its author had not seen, an insertion beyond the end. A removal
  /// removes what is there. This is the same verdict as the walker's on the author's version.
  ///
  /// - Parameter event: the first event of the operation.
  /// - Returns: the number of events.
  @discardableResult
  func perform(
    _ operation: Operation, at event: EventID, lamport: UInt64, past: CausalPast = .everything
  ) -> Int {
    let handle = materialise(operation.container)
    switch operation.action {
    case .insertText(let position, let text):
      let count = UTF8Scalars.count(text)
      if operation.container.kind == .text {
        let slot = slot(of: handle)
        if position > texts[slot].count {
          containers[handle.index].isFlawed = true
        } else {
          // Only the limit of a text can make this throw, and then nothing is to happen.
          let before = texts[slot].count
          try? texts[slot].insert(text, at: position)
          insertMarks(texts[slot].count - before, at: position, slot: slot)
        }
        approximateBytes += text.utf8.count
      }
      return count
    case .insertElements(let position, let elements):
      let entries = entries(for: elements, from: event, lamport: lamport)
      if operation.container.kind == .list {
        let slot = slot(of: handle)
        if position > lists[slot].places.count {
          containers[handle.index].isFlawed = true
        } else {
          lists[slot].insert(entries, at: position)
        }
      }
      return elements.count
    case .remove(let position, let count):
      let slot = slot(of: handle)
      switch operation.container.kind {
      case .text:
        let end = min(texts[slot].count, position + count)
        if position < end {
          try? texts[slot].remove(position..<end)
          removeMarks(position..<end, slot: slot)
        }
        if position + count > end { containers[handle.index].isFlawed = true }
      case .list:
        let end = min(lists[slot].places.count, position + count)
        if position < end { lists[slot].remove(position..<end) }
        if position + count > end { containers[handle.index].isFlawed = true }
      case .map, .counter, .tree: break
      }
      return count
    case .mark(let from, let to, let name, let value, let expansion):
      if operation.container.kind == .text {
        let mark = MarkEntry(
          name: name, value: value, expansion: expansion, event: event, lamport: lamport)
        put(mark, from: from, to: to, slot: slot(of: handle))
      }
      return 1
    default:
      performRegister(operation, on: handle, at: event, lamport: lamport, past: past)
      if operation.container.kind == .tree { trees[slot(of: handle)].replayWaiting() }
      return operation.eventCount
    }
  }

  /// Applies an operation that is not one of a text or of the order of a list.
  func performRegister(
    _ operation: Operation, on handle: ContainerHandle, at event: EventID, lamport: UInt64,
    past: CausalPast
  ) {
    let slot = slot(of: handle)
    switch (operation.action, operation.container.kind) {
    case (.set(let key, let value, let replaces), .map):
      approximateBytes += value.approximateBytes + 64
      let entry = Register.Entry(event: event, lamport: lamport, content: .value(value))
      update(key, of: slot, replacing: replaces, with: entry, by: event, past: past)
    case (.make(let key, let kind, let isAnew, let replaces), .map):
      approximateBytes += 64
      let child = materialise(
        .child(
          parent: operation.container, key: key, kind: kind, generation: isAnew ? event : nil))
      let entry = Register.Entry(event: event, lamport: lamport, content: .container(child))
      update(key, of: slot, replacing: replaces, with: entry, by: event, past: past)
    case (.delete(let key, let replaces), .map):
      update(key, of: slot, replacing: replaces, with: nil, by: event, past: past)
    case (.increment(let amount), .counter):
      // 2^64 increments of the largest amount are needed to wrap around.
      counters[slot] &+= Int128(amount)
    case (.setElement(let element, let content, let replaces), let kind):
      // The container is named even if the element is gone, so that every order of arrival agrees.
      guard let content = self.content(of: content, at: event) else { return }
      let entry = Register.Entry(event: event, lamport: lamport, content: content)
      guard kind == .list, lists[slot].register(of: element) != nil,
        isSeen(element, by: event, past)
      else { return }
      approximateBytes += 64
      var hasRivals = false
      lists[slot].update(element) {
        $0.replace(replaces, by: entry) { isSeen($0, by: event, past) }
        hasRivals = $0.entries.count > 1
      }
      if hasRivals { self.hasRivals = true }
    case (.createNode(let place), .tree):
      approximateBytes += 320
      // Named even if its place is none, so that every order of arrival agrees.
      _ = materialise(.element(event, .map))
      trees[slot].take(event, lamport: lamport, of: event, to: place) {
        isSeen($0, by: event, past)
      }
    case (.moveNode(let node, let place), .tree) where node != event:
      approximateBytes += 160
      trees[slot].take(event, lamport: lamport, of: node, to: place) { isSeen($0, by: event, past) }
    case (.deleteNode(let node), .tree) where node != event:
      approximateBytes += 160
      trees[slot].take(event, lamport: lamport, of: node, to: nil) { isSeen($0, by: event, past) }
    default: break
    }
  }

  private func update(
    _ key: Key, of slot: Int, replacing replaced: [EventID], with entry: Register.Entry?,
    by event: EventID, past: CausalPast
  ) {
    var register = maps[slot].removeValue(forKey: key) ?? Register()
    register.remove(replaced) { isSeen($0, by: event, past) }
    if let entry { register.insert(entry) }
    if register.entries.count > 1 { hasRivals = true }
    if !register.isEmpty { maps[slot][key] = register }
  }

  /// What operations put into a list, each under its own event. A moved element is taken for one
  /// that the author had seen there.
  func entries(
    for elements: [Operation.Element], from event: EventID, lamport: UInt64
  ) -> [(EventID, ListState.Entry)] {
    approximateBytes += elements.count * 96
    var event = event
    return elements.map { element in
      defer { event.index &+= 1 }
      if case .moved(let moved) = element { return (event, .moved(moved, lamport: lamport)) }
      let content = content(of: element, at: event) ?? .value(.null)
      return (
        event, .element(Register(Register.Entry(event: event, lamport: lamport, content: content)))
      )
    }
  }

  /// Nil for what a register cannot hold.
  func content(of element: Operation.Element, at event: EventID) -> Register.Content? {
    switch element {
    case .value(let value):
      approximateBytes += value.approximateBytes
      return .value(value)
    case .container(let kind): return .container(materialise(.element(event, kind)))
    case .moved: return nil
    }
  }

  func isSeen(_ seen: EventID, by event: EventID, _ past: CausalPast) -> Bool {
    if seen.change == event.change { return seen.index < event.index }
    switch past {
    case .everything: return true
    case .version(let version, let history): return history.contains(seen, in: version)
    }
  }
}
