/// The steps that turn one outline of a tree into another, as whoever shows the one applies them.
package struct TreeRearrangement<Node: Hashable & CustomStringConvertible> {
  private let tree: DocumentPath
  private var children: [Node?: [Node]] = [:]
  /// Nil: the top; no entry: not shown.
  private var parents: [Node: Node?] = [:]

  /// - Parameter path: where the tree is.
  package init(from old: TreeOutline<Node>, at path: DocumentPath) {
    tree = path
    children[nil] = old.children(of: nil)
    for (node, parent) in old.nodes {
      parents[node] = .some(parent)
      children[node] = old.children(of: node)
    }
  }

  /// Goes to another outline. Parents come before what stands under them, so that no move makes a
  /// cycle; what is not shown any more goes last, as something under it may be shown.
  ///
  /// Complexity: O(n log n), and for each patch O(depth and siblings).
  package mutating func patches(to new: TreeOutline<Node>) -> [DocumentPatch] {
    var patches: [DocumentPatch] = []
    for parent in [nil] + new.nodes.map(\.name) {
      let wanted = new.children(of: parent)
      let now = children[parent] ?? []
      if now == wanted { continue }
      let staying = ListRearrangement.staying(from: now, to: wanted)
      var index = 0
      for node in wanted {
        if staying.contains(node) {
          index = (children[parent]?.firstIndex(of: node) ?? index) + 1
          continue
        }
        patches.append(put(node, under: parent, at: &index))
      }
    }
    for (node, parent) in Self.gone(from: new, children) {
      guard let index = children[parent]?.firstIndex(of: node) else { continue }
      patches.append(DocumentPatch(path(of: parent), .nodeRemoved(at: index)))
      children[parent]?.remove(at: index)
    }
    return patches
  }

  /// - Parameter index: before what stands there now; behind the node on return.
  private mutating func put(
    _ node: Node, under parent: Node?, at index: inout Int
  ) -> DocumentPatch {
    let destination = path(of: parent)
    let patch: DocumentPatch
    if let old = parents[node], let from = children[old]?.firstIndex(of: node) {
      let origin = path(of: old)
      children[old]?.remove(at: from)
      if old == parent, from < index { index -= 1 }
      patch = DocumentPatch(origin, .nodeMoved(from: from, to: destination, at: index))
    } else {
      children[node] = []
      patch = DocumentPatch(destination, .nodeMade(at: index, id: node.description))
    }
    parents[node] = .some(parent)
    children[parent, default: []].insert(node, at: index)
    index += 1
    return patch
  }

  /// The uppermost nodes that are not in an outline, the last of each parent first.
  private static func gone(
    from new: TreeOutline<Node>, _ children: [Node?: [Node]]
  ) -> [(Node, Node?)] {
    var gone: [(Node, Node?)] = []
    for parent in [nil] + new.nodes.map(\.name) {
      for node in (children[parent] ?? []).reversed() where !new.has(node) {
        gone.append((node, parent))
      }
    }
    return gone
  }

  /// Where a node is; nil is the top.
  package func path(of node: Node?) -> DocumentPath {
    var steps: [PathStep] = []
    var at = node
    while let here = at, let parent = parents[here] {
      steps.append(.index(children[parent]?.firstIndex(of: here) ?? 0))
      at = parent
    }
    return DocumentPath(tree.steps + steps.reversed())
  }
}
