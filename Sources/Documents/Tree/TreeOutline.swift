import Causality

/// Which nodes a tree shows, each by a name that no other has.
package struct TreeOutline<Node: Hashable> {
  /// From the top down, each before what stands under it.
  package private(set) var nodes: [(name: Node, parent: Node?)] = []
  private var childrenOf: [Node?: [Node]] = [:]

  /// - Parameter children: what stands under a node, or at the top, each node once.
  package init(_ children: (Node?) -> [Node]) {
    var open: [Node?] = [nil]
    while let parent = open.popLast() {
      let found = children(parent)
      childrenOf[parent] = found
      open += found.reversed()
      nodes += found.map { ($0, parent) }
    }
  }

  /// Nil is the top.
  package func children(of parent: Node?) -> [Node] { childrenOf[parent] ?? [] }

  package func has(_ node: Node) -> Bool { childrenOf[node] != nil }
}

extension TreeOutline<EventID> {
  /// Nodes are named by the events that made them. Complexity: O(operations of the tree).
  init(_ tree: TreeState) {
    var tree = tree
    self.init { parent in
      let node = parent.map { tree.node($0) ?? TreeState.bin } ?? TreeState.top
      return tree.children(of: node).map { tree.nodes[$0].event }
    }
  }
}

extension Editor {
  /// Lets a tree show exactly these nodes, each where it is to stand. All were made in it at some
  /// time.
  func arrange(tree: ContainerHandle, as target: TreeOutline<EventID>) throws(EditError) {
    let slot = document.slot(of: tree)
    for parent in [nil] + target.nodes.map(\.name) {
      let wanted = target.children(of: parent)
      guard !wanted.isEmpty else { continue }
      let number = parent.map { document.trees[slot].node($0) ?? TreeState.bin } ?? TreeState.top
      let children = document.children(of: Document.Branch(tree: tree, node: number))
      let now = children.map { document.trees[slot].nodes[$0].event }
      if now == wanted { continue }
      let staying = ListRearrangement.staying(from: now, to: wanted)
      var last: EventID?
      for node in wanted {
        if !staying.contains(node) {
          try checkRoom(for: 1)
          record(tree, .moveNode(node, TreePlace(in: parent, after: last)))
        }
        last = document.trees[slot].node(node).flatMap { placement(of: $0, in: tree) }
      }
    }
    for (node, parent) in TreeOutline(document.trees[slot]).nodes
    where !target.has(node) && (parent.map { target.has($0) } ?? true) {
      try checkRoom(for: 1)
      record(tree, .deleteNode(node))
    }
  }
}
