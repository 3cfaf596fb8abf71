package import Causality
package import JSONCoding

// Nodes of trees. A tree is reached by its path, a node by the indices of the nodes down to it.

extension Editor {
  /// Removes `count` of the nodes right under the tree or node at `path` from number `position` on,
  /// with all that stands under them, then makes new ones there.
  ///
  /// A new node is an object: as it reads, with `value` (an object) or `children` (an array of
  /// nodes) or both, and perhaps an `id`, which is passed over; any other object is what the node
  /// holds.
  func splice(
    nodesAt path: DocumentPath, _ position: Int, delete count: Int, insert elements: [JSONValue]
  ) throws(EditError) {
    let (branch, depth) = try branch(at: path)
    let children = document.children(of: branch)
    try checkRange(position, count, within: children.count, path)
    var size = count
    for element in elements {
      size += try NewNode.check(element, at: path, depth: depth + 1)
    }
    try checkRoom(for: size)
    let state = document.trees[document.slot(of: branch.tree)]
    for node in children[position..<position + count] {
      record(branch.tree, .deleteNode(state.nodes[node].event))
    }
    make(
      try elements.map { element throws(EditError) in try NewNode(element, at: path) },
      in: branch.tree, under: event(of: branch),
      after: position == 0 ? nil : placement(of: children[position - 1], in: branch.tree))
  }

  /// Makes a node under the tree or node at `path` so that it is number `position` there.
  ///
  /// - Returns: the event that names it.
  @discardableResult
  package func createNode(
    _ path: DocumentPath, at position: Int, _ value: JSONObject = JSONObject()
  ) throws(EditError) -> EventID {
    breakTypingOff()
    let event = nextEvent
    try splice(
      nodesAt: path, position, delete: 0,
      insert: [["value": .object(value), "children": .array([])]])
    return event
  }

  /// Moves the node number `from` under the tree or node at `path`, with all that stands under it,
  /// so that it is number `to` under the tree or node at `destination` afterwards. The destination
  /// is named as it is before the move. Moved by two people at once, it stands where the later one
  /// in the total order has put it.
  ///
  /// - Throws: `cycle` when the destination is the node or stands under it, `wrongKind` when it is
  ///   of another tree, `outOfRange`, `limitExceeded`.
  package func moveNode(
    _ path: DocumentPath, from: Int, to destination: DocumentPath, at to: Int
  ) throws(EditError) {
    let (old, _) = try branch(at: path)
    let (new, depth) = try branch(at: destination)
    guard old.tree == new.tree else {
      throw EditError(
        .wrongKind, at: destination,
        "'\(destination)' is of another tree; a node moves within its tree")
    }
    let siblings = document.children(of: old)
    guard siblings.indices.contains(from) else {
      throw EditError(
        .outOfRange, at: path,
        "there is no node \(from) under '\(path)', \(siblings.count) stand there")
    }
    let node = siblings[from]
    let slot = document.slot(of: new.tree)
    guard !document.trees[slot].isNode(new.node, within: node) else {
      throw EditError(
        .cycle, at: destination,
        "a node cannot stand under itself; '\(destination)' is the node or a part of it")
    }
    let rest = document.children(of: new).filter { $0 != node }
    guard to >= 0, to <= rest.count else {
      throw EditError(
        .outOfRange, at: destination,
        "\(rest.count) other nodes stand under '\(destination)', there is no place \(to)")
    }
    if old.node == new.node, from == to { return }
    try EditLimits.check(
      depth + document.trees[slot].height(of: node, atMost: ContainerID.depthMax + 1),
      at: destination)
    try checkRoom(for: 1)
    record(
      new.tree,
      .moveNode(
        document.trees[slot].nodes[node].event,
        TreePlace(
          in: event(of: new), after: to == 0 ? nil : placement(of: rest[to - 1], in: new.tree))))
  }

  /// Removes a node and with it all that stands under it.
  func delete(node: TreeState.NodeNumber, of tree: ContainerHandle) {
    record(tree, .deleteNode(document.trees[document.slot(of: tree)].nodes[node].event))
  }

  /// What makes and fills the nodes of an empty tree as another one has them.
  func fill(
    _ copy: ContainerHandle, fromTree source: ContainerHandle, of origin: Document,
    content: (_ copy: ContainerHandle, _ source: ContainerHandle) -> Void
  ) {
    var open: [(node: TreeState.NodeNumber, under: EventID?)] = [(TreeState.top, nil)]
    while let (node, parent) = open.popLast() {
      var last: EventID?
      for child in origin.children(of: Document.Branch(tree: source, node: node)) {
        breakTypingOff()
        let event = nextEvent
        record(copy, .createNode(TreePlace(in: parent, after: last)))
        content(
          document.materialise(.element(event, .map)), origin.content(of: child, in: source))
        open.append((child, event))
        last = event
      }
    }
  }

  // MARK: Decisions

  /// Lets a node stand where one of several operations has put it: it is put there anew, or
  /// removed.
  func settle(
    _ node: EventID, of tree: ContainerID, at place: EventID, _ path: DocumentPath
  ) throws(EditError) {
    let tree = document.materialise(tree)
    let state = document.trees[document.slot(of: tree)]
    guard let number = state.node(node),
      let placement = state.placement(place).map({ state.placements[$0] })
    else {
      throw EditError(.nothingThere, at: path, "the node is not in the tree at '\(path)'")
    }
    guard placement.parent != TreeState.bin else {
      try checkRoom(for: 1)
      return record(tree, .deleteNode(node))
    }
    guard placement.parent == TreeState.top || state.isShown(placement.parent) else {
      throw EditError(
        .nothingThere, at: path, "what that side has put it under was removed; take another side")
    }
    guard !state.isNode(placement.parent, within: number) else {
      throw EditError(
        .cycle, at: path,
        "that side has put it under what stands under it now; take another side, or move that"
      )
    }
    try checkRoom(for: 1)
    let parent = placement.parent == TreeState.top ? nil : state.nodes[placement.parent].event
    record(tree, .moveNode(node, TreePlace(in: parent, after: place)))
  }

  /// Puts a removed node back where it stood, or at the top when that is not there any more.
  private func bringBack(number: TreeState.NodeNumber, of tree: ContainerHandle) {
    let state = document.trees[document.slot(of: tree)]
    var place = TreePlace()
    if let last = state.lastPlacement(of: number) {
      place.after = state.placements[last].event
      let parent = state.placements[last].parent
      if parent != TreeState.top { place.parent = state.nodes[parent].event }
    }
    record(tree, .moveNode(state.nodes[number].event, place))
  }

  func bringBack(
    _ node: EventID, of tree: ContainerID, at path: DocumentPath
  ) throws(EditError) {
    let tree = document.materialise(tree)
    guard let number = document.trees[document.slot(of: tree)].node(node) else {
      throw EditError(.nothingThere, at: path, "the node is not in the tree at '\(path)'")
    }
    try checkRoom(for: 1)
    bringBack(number: number, of: tree)
  }

  // MARK: Places

  /// - Returns: the tree or node, and how many containers and nodes are around what stands in it.
  func branch(
    at path: DocumentPath
  ) throws(EditError) -> (branch: Document.Branch, depth: Int) {
    let (place, depth) = try document.placeAndDepth(at: path)
    guard let branch = document.branch(place) else {
      let found = try document.kind(at: path).map { "a \($0)" } ?? "a plain value"
      throw EditError(.wrongKind, at: path, "at '\(path)' is \(found), not a tree")
    }
    return (branch, depth)
  }

  /// Nil for the top.
  private func event(of branch: Document.Branch) -> EventID? {
    branch.node == TreeState.top
      ? nil : document.trees[document.slot(of: branch.tree)].nodes[branch.node].event
  }

  /// The operation that put a node that is shown where it is.
  func placement(of node: TreeState.NodeNumber, in tree: ContainerHandle) -> EventID? {
    let slot = document.slot(of: tree)
    let current = document.trees[slot].nodes[node].current
    return current == TreeState.none ? nil : document.trees[slot].placements[current].event
  }

  private func make(
    _ nodes: [NewNode], in tree: ContainerHandle, under parent: EventID?, after: EventID?
  ) {
    var last = after
    for node in nodes {
      breakTypingOff()
      let event = nextEvent
      record(tree, .createNode(TreePlace(in: parent, after: last)))
      fill(document.materialise(.element(event, .map)), with: .object(node.value))
      make(node.children, in: tree, under: event, after: nil)
      last = event
    }
  }
}

/// A node that is to be made, and what is to stand under it.
private struct NewNode {
  var value = JSONObject()
  var children: [NewNode] = []

  init(_ json: JSONValue, at path: DocumentPath) throws(EditError) {
    let parts = try Self.parts(of: json, at: path)
    value = parts.value
    children = try parts.children.map { child throws(EditError) in try NewNode(child, at: path) }
  }

  /// Checks everything in it, which is to stand `depth` steps below the root.
  ///
  /// - Returns: how many events making it takes.
  static func check(
    _ json: JSONValue, at path: DocumentPath, depth: Int
  ) throws(EditError) -> Int {
    let (value, children) = try parts(of: json, at: path)
    var size = try EditLimits.check(.object(value), at: path, depth: depth)
    for child in children { size += try check(child, at: path, depth: depth + 1) }
    return size
  }

  private static func parts(
    of json: JSONValue, at path: DocumentPath
  ) throws(EditError) -> (value: JSONObject, children: [JSONValue]) {
    guard let object = json.objectValue else {
      throw EditError(.wrongKind, at: path, "a node of a tree is an object, not a plain value")
    }
    let (value, children) = (object[Document.valueMember], object[Document.childrenMember])
    let isWhole =
      (value != nil || children != nil)
      && object.members.allSatisfy {
        ["id", Document.valueMember, Document.childrenMember].contains($0.key)
      }
    guard isWhole else {
      if case .array? = children {
        throw EditError(
          .malformed, at: path,
          "a node with 'children' has its fields in an object 'value' beside them")
      }
      return (object, [])
    }
    guard case .object(let value) = value ?? [:], case .array(let children) = children ?? [] else {
      throw EditError(
        .malformed, at: path,
        "a node has a 'value', which is an object, and 'children', which are an array of nodes")
    }
    return (value, children)
  }
}

extension TreeState {
  /// How many nodes stand one under the other from this one on down, it included; no more are
  /// counted than asked for. Complexity: O(placements under it).
  mutating func height(of node: NodeNumber, atMost limit: Int) -> Int {
    var level = [node]
    var height = 0
    while !level.isEmpty, height < limit {
      height += 1
      var next: [NodeNumber] = []
      for node in level { next += children(of: node) }
      level = next
    }
    return height
  }
}
