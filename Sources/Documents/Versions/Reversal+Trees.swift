import Causality

// Nodes of trees stand where they would without what is taken back.

extension Reversal {
  /// The trees that the edit touched, in the order in which it first did.
  var touchedTrees: [ContainerID] {
    var trees: [ContainerID] = []
    for other in history.others where effects.edit.covers(other.version) {
      switch other.operation.action {
      case .createNode, .moveNode, .deleteNode:
        let tree = other.operation.container
        if tree.kind == .tree, !trees.contains(tree) { trees.append(tree) }
      default: break
      }
    }
    return trees
  }

  /// A tree as it would be if only what is in effect had been done.
  func tree(_ tree: ContainerHandle, _ effects: Effects) -> TreeState {
    var state = document.trees[document.slot(of: tree)]
    state.countOnly { event in
      history.version(of: event).map { !effects.ignored.covers($0) } ?? true
    }
    return state
  }

  /// The operation for which the one stands that has put a node where it is.
  func root(of placement: TreeState.PlacementNumber, in state: TreeState) -> EventID? {
    guard placement != TreeState.none else { return nil }
    let event = state.placements[placement].event
    return history.version(of: event).map { history.event(at: effects.root(of: $0)) } ?? event
  }

  /// Whether somebody else has put something into a node or under it.
  func holdsOthers(_ node: TreeState.NodeNumber, in tree: ContainerHandle, _ depth: Int = 0)
    -> Bool
  {
    let state = document.trees[document.slot(of: tree)]
    var open = [node]
    while let node = open.popLast() {
      if holdsOthers(.element(state.nodes[node].event, .map), depth: depth + 1) { return true }
      let children = document.children(of: Document.Branch(tree: tree, node: node))
      if children.contains(where: { !isOwn($0, state) }) { return true }
      open += children
    }
    return false
  }

  func treeHoldsOthers(_ tree: ContainerHandle, _ depth: Int) -> Bool {
    let top = Document.Branch(tree: tree, node: TreeState.top)
    let state = document.trees[document.slot(of: tree)]
    return document.children(of: top).contains { node in
      !isOwn(node, state) || holdsOthers(node, in: tree, depth)
    }
  }

  /// Whether the author of the edit has made a node and put it where it is.
  private func isOwn(_ node: TreeState.NodeNumber, _ state: TreeState) -> Bool {
    let events = [
      state.nodes[node].event, root(of: state.nodes[node].current, in: state),
    ]
    return events.allSatisfy { event in
      event.flatMap { history.version(of: $0) }.map { isOwn($0) } ?? false
    }
  }
}

extension Editor {
  /// Puts the nodes of a tree where they would be without the edit, those that it would not change
  /// left alone. A node that would be under one that somebody has removed stays where it is shown.
  ///
  /// - Returns: the maps of the nodes that are not shown any more.
  func take(
    _ reversal: Reversal, tree: ContainerHandle, _ mark: inout UndoMark
  ) throws(EditError) -> Set<ContainerID> {
    let slot = document.slot(of: tree)
    let before = reversal.tree(tree, Effects(reversal.step, isDone: false, in: reversal.history))
    let after = reversal.tree(tree, reversal.effects)
    let changed = after.nodes.indices.filter { before.nodes[$0].current != after.nodes[$0].current }
    // Those above come first, so that no move makes a cycle on the way.
    let levels = changed.map { after.level(of: $0) }
    let order = zip(levels, changed).sorted { $0 < $1 }.map(\.1)
    for node in order where after.parent(of: node) != TreeState.bin {
      try move(node, of: tree, as: after, reversal, &mark)
    }
    var removed: [TreeState.NodeNumber] = []
    for node in order where after.parent(of: node) == TreeState.bin {
      let state = document.trees[slot]
      guard state.parent(of: node) != TreeState.bin,
        !removed.contains(where: { state.isNode(node, within: $0) })
      else { continue }
      let isMade = after.nodes[node].current == TreeState.none
      if isMade, reversal.holdsOthers(node, in: tree) { continue }
      try checkRoom(for: 1)
      delete(node: node, of: tree)
      removed.append(node)
    }
    let state = document.trees[slot]
    let hidden = state.nodes.indices.filter { node in
      removed.contains { state.isNode(node, within: $0) }
    }
    return Set(hidden.map { .element(state.nodes[$0].event, .map) })
  }

  private func move(
    _ node: TreeState.NodeNumber, of tree: ContainerHandle, as after: TreeState,
    _ reversal: Reversal, _ mark: inout UndoMark
  ) throws(EditError) {
    let state = document.trees[document.slot(of: tree)]
    let placement = after.placements[after.nodes[node].current]
    let isThere = placement.parent == TreeState.top || state.isShown(placement.parent)
    guard reversal.root(of: state.nodes[node].current, in: state) != placement.event,
      isThere || !state.isShown(node), !state.isNode(placement.parent, within: node)
    else { return }
    try checkRoom(for: 1)
    let parent = placement.parent == TreeState.top ? nil : state.nodes[placement.parent].event
    mark.note(nextEvent.index, count: 1, for: placement.event)
    record(
      tree,
      .moveNode(state.nodes[node].event, TreePlace(in: parent, after: placement.event)))
  }
}
