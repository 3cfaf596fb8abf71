package import Causality
package import Documents

extension Model {
  /// An element of a list or a node of a tree that somebody removed, or a document that somebody
  /// deleted, while others edited it or something in it.
  package struct RemovalCollision: Hashable, Sendable {
    /// The event that made it; nil for the document.
    package var of: EventID?
    /// The changes that removed it and about which nobody has decided, sorted.
    package var removals: [ChangeID]

    package init(of: EventID?, removals: [ChangeID]) {
      self.of = of
      self.removals = Set(removals).sorted()
    }
  }

  /// Those that nobody who knew of both has decided, in no order.
  package func removalCollisions(of document: DocumentID) -> Set<RemovalCollision> {
    read(document, nil) { model, version in
      guard !model.isDeleted(in: version) else { return [] }
      var found = Set(
        model.shownContainers(in: version).flatMap { container, _ in
          switch container.kind {
          case .list: model.removalCollisions(inList: container, in: version)
          case .tree: model.removalCollisions(inTree: container, in: version)
          case .map, .text, .counter: [] as [RemovalCollision]
          }
        })
      if let whole = model.deletionCollision() { found.insert(whole) }
      return found
    } ?? []
  }
}

extension ModelDocument {
  private func isBefore(_ earlier: Int, _ later: Int) -> Bool {
    earlier != later && parts[later].past.contains(earlier)
  }

  private func areAtOnce(_ left: Int, _ right: Int) -> Bool {
    left != right && !isBefore(left, right) && !isBefore(right, left)
  }

  /// Whether somebody who knew of an edit has decided about a removal, and what was removed.
  private func isDecided(_ edit: Int, against removal: Int, of thing: EventID?) -> Bool {
    decisions.contains { decision in
      isBefore(edit, decision.madeBy) && (thing.map(decision.events.contains) ?? true)
        && decision.events.contains { numbers[$0.change] == removal }
    }
  }

  /// The removals during which there were edits, with which nobody has compared them.
  private func open(_ removals: Set<Int>, _ edits: Set<Int>, of thing: EventID?) -> [ChangeID] {
    removals.filter { removal in
      edits.contains {
        areAtOnce($0, removal) && !isDecided($0, against: removal, of: thing)
      }
    }.map { parts[$0].change }
  }

  // MARK: Elements and nodes

  fileprivate func removalCollisions(
    inList list: ContainerID, in version: ModelVersion
  ) -> [Model.RemovalCollision] {
    guard let sequence = sequences[list] else { return [] }
    let units = Dictionary(
      sequence.unitsInOrder.map { ($0.event, $0) }, uniquingKeysWith: { first, _ in first })
    let moves = moves[list] ?? [:]
    return (elements[list] ?? [:]).compactMap { element, entries in
      let places = [element] + moves.filter { $0.value.element == element }.map(\.key)
      let own = places.compactMap { units[$0] }
      guard own.allSatisfy({ !$0.removedBy.isEmpty }) else { return nil }
      let movers = Set(own.filter { $0.event != element }.map(\.insertedBy))
      let removals = Set(own.flatMap(\.removedBy)).subtracting(movers)
      var edits = Set(entries.filter { $0.event != element }.map(\.writtenBy))
      for case .container(let inner) in entries.map(\.content) {
        edits.formUnion(changes(in: inner))
      }
      let open = open(removals, edits, of: element)
      return open.isEmpty ? nil : Model.RemovalCollision(of: element, removals: open)
    }
  }

  /// What was put elsewhere at the same time is a matter of its place.
  fileprivate func removalCollisions(
    inTree tree: ContainerID, in version: ModelVersion
  ) -> [Model.RemovalCollision] {
    guard let model = trees[tree] else { return [] }
    let shape = model.shape(in: version)
    return model.nodes(in: version).compactMap { node in
      guard shape.current[node].map({ $0.place == nil }) == true else { return nil }
      let steps = model.steps.filter { $0.node == node }
      let newest = steps.filter { step in
        !steps.contains { $0.event != step.event && isSeen(step.event, by: $0.event) }
      }
      guard newest.allSatisfy({ $0.place == nil }) else { return nil }
      var edits: Set<Int> = []
      var inside = [node]
      while let node = inside.popLast() {
        edits.formUnion(changes(in: .element(node, .map)))
        edits.formUnion((shape.orders[node] ?? []).map(\.madeBy))
        inside += shape.children(of: node)
      }
      let open = open(Set(newest.map(\.madeBy)), edits, of: node)
      return open.isEmpty ? nil : Model.RemovalCollision(of: node, removals: open)
    }
  }

  /// Those that did anything to a container or to one in it.
  private func changes(in container: ContainerID) -> Set<Int> {
    touches.reduce(into: []) { found, touch in
      if isInside(touch.key, container) { found.formUnion(touch.value) }
    }
  }

  private func isInside(_ inner: ContainerID, _ outer: ContainerID) -> Bool {
    var next: ContainerID? = inner
    for _ in 0...4 * ContainerID.depthMax {
      guard let here = next else { return false }
      if here == outer { return true }
      switch here {
      case .root: next = nil
      case .child(let parent, _, _, _): next = parent
      case .element: next = homes[here]
      }
    }
    return false
  }

  // MARK: The document

  fileprivate func deletionCollision() -> Model.RemovalCollision? {
    let newest = deletions.filter { deletion in !deletions.contains { isBefore(deletion, $0) } }
    let open = newest.filter { deletion in
      let name = parts[deletion].change
      let edits = parts.indices.filter { edit in
        areAtOnce(edit, deletion) && !parts[edit].endsInDelete
          && !decisions.contains { decision in
            decision.madeBy == edit && decision.isLast
              && decision.events.contains { $0.change == name }
          }
      }
      return edits.contains { !isDecided($0, against: deletion, of: nil) }
    }
    return open.isEmpty
      ? nil : Model.RemovalCollision(of: nil, removals: open.map { parts[$0].change })
  }
}
