import Causality
import JSONCoding

extension Document {
  /// A tree or one of its nodes, with what stands under it.
  struct Branch {
    var tree: ContainerHandle
    /// ``TreeState/top`` for the tree itself.
    var node: TreeState.NodeNumber
    /// Only what stands under it, without what it holds.
    var isChildren = false
  }

  /// What a step leads to from a tree or a node.
  enum BranchStep {
    case branch(Branch)
    /// The map of a node.
    case content(ContainerHandle)
    case key(Key, of: ContainerHandle)
  }

  /// The member of a tree and of a node that has what stands under it.
  static let childrenMember = "children"
  /// The member of a node that has what it holds.
  static let valueMember = "value"

  /// A tree takes the step to a child, by its number, and `children`, which changes nothing; a node
  /// takes also `value`, its map, and any other key, which is one of its map. Digits are a number.
  func branchStep(
    _ branch: Branch, _ step: PathStep, at path: DocumentPath
  ) throws(EditError) -> BranchStep {
    let isNode = branch.node != TreeState.top && !branch.isChildren
    switch step {
    case .index(let index): return .branch(try child(index, of: branch, at: path))
    case .key(let text):
      if let index = Int(text), index >= 0, String(index) == text {
        return .branch(try child(index, of: branch, at: path))
      }
      if text == Self.childrenMember, !branch.isChildren {
        return .branch(Branch(tree: branch.tree, node: branch.node, isChildren: true))
      }
      guard isNode else {
        throw EditError(
          .wrongKind, at: path, "'\(path)' gives a key where a tree wants the index of a node")
      }
      let content = content(of: branch.node, in: branch.tree)
      return text == Self.valueMember ? .content(content) : .key(Key(text), of: content)
    }
  }

  private func child(
    _ index: Int, of branch: Branch, at path: DocumentPath
  ) throws(EditError) -> Branch {
    let children = children(of: branch)
    guard children.indices.contains(index) else {
      throw EditError(
        .outOfRange, at: path, "there is no node at '\(path)', \(children.count) stand there")
    }
    return Branch(tree: branch.tree, node: children[index])
  }

  func children(of branch: Branch) -> [TreeState.NodeNumber] {
    trees[slot(of: branch.tree)].children(of: branch.node)
  }

  /// The map of a node.
  func content(of node: TreeState.NodeNumber, in tree: ContainerHandle) -> ContainerHandle {
    materialise(.element(trees[slot(of: tree)].nodes[node].event, .map))
  }

  // MARK: JSON

  /// The most nodes, one under the other, that a plain read shows, counted through all trees on the
  /// way. Editors stop at ``ContainerID/depthMax``; only moves made at the same time come nearer.
  package static let shownLevelMax = 2 * ContainerID.depthMax

  /// `{"id": …, "value": {…}, "children": […]}`; a tree has `children` alone.
  func json(of branch: Branch, depth: Int, level: Int) -> JSONValue {
    if branch.isChildren { return childrenJSON(of: branch, depth: depth, level: level) }
    var members: [JSONObject.Member] = []
    if branch.node != TreeState.top {
      let event = trees[slot(of: branch.tree)].nodes[branch.node].event
      let content = content(of: branch.node, in: branch.tree)
      members.append(JSONObject.Member(key: "id", value: .string(event.description)))
      members.append(
        JSONObject.Member(
          key: Self.valueMember, value: json(of: content, depth: depth + 1, level: level)))
    }
    members.append(
      JSONObject.Member(
        key: Self.childrenMember, value: childrenJSON(of: branch, depth: depth, level: level)))
    return .object(JSONObject(uniqueMembers: members))
  }

  /// - Parameters:
  ///   - depth: that of the tree.
  ///   - level: how many nodes are around.
  private func childrenJSON(of branch: Branch, depth: Int, level: Int) -> JSONValue {
    let children = children(of: branch)
    guard !children.isEmpty else { return .array([]) }
    guard level < Self.shownLevelMax else { return .null }
    return .array(
      children.map {
        json(of: Branch(tree: branch.tree, node: $0), depth: depth, level: level + 1)
      })
  }

  /// The nodes by the event that made each: a list, whatever their depth, of those in the bin too.
  /// Each has where it stands: under another node (null: at the top) as a number among those, or
  /// not at all.
  func canonicalJSON(ofTree tree: ContainerHandle, content: (ContainerHandle) -> JSONValue)
    -> JSONValue
  {
    let slot = slot(of: tree)
    var places: [TreeState.NodeNumber: Int] = [:]
    for parent in [TreeState.top] + Array(trees[slot].nodes.indices) {
      for (place, node) in trees[slot].children(of: parent).enumerated() { places[node] = place }
    }
    let sorted = trees[slot].nodes.indices.sorted {
      trees[slot].nodes[$0].event < trees[slot].nodes[$1].event
    }
    return .array(
      sorted.map { node in
        var members = JSONObject()
        members["node"] = .string(trees[slot].nodes[node].event.description)
        if let place = places[node] {
          let parent = trees[slot].parent(of: node)
          members["under"] =
            parent == TreeState.top
            ? .null : .string(trees[slot].nodes[parent].event.description)
          members["place"] = .integer(Int64(place))
        }
        members["content"] = content(self.content(of: node, in: tree))
        return .object(members)
      })
  }
}
