import Causality

/// Which nodes a tree shows, each by the event that made it.
struct TreeOutline {
  /// From the top down, each before what stands under it.
  private(set) var nodes: [(event: EventID, parent: EventID?)] = []
  private var childrenOf: [EventID?: [EventID]] = [:]

  /// Complexity: O(operations of the tree).
  init(_ tree: TreeState) {
    var tree = tree
    var open: [(node: TreeState.NodeNumber, event: EventID?)] = [(TreeState.top, nil)]
    while let (node, event) = open.popLast() {
      let children = tree.children(of: node)
      childrenOf[event] = children.map { tree.nodes[$0].event }
      for child in children.reversed() { open.append((child, tree.nodes[child].event)) }
      for child in children { nodes.append((tree.nodes[child].event, event)) }
    }
  }

  /// Nil is the top.
  func children(of parent: EventID?) -> [EventID] { childrenOf[parent] ?? [] }

  func has(_ node: EventID) -> Bool { childrenOf[node] != nil }
}

extension Editor {
  /// Lets a tree show exactly these nodes, each where it is to stand. All were made in it at some
  /// time.
  func arrange(tree: ContainerHandle, as target: TreeOutline) throws(EditError) {
    let slot = document.slot(of: tree)
    for parent in [nil] + target.nodes.map(\.event) {
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
