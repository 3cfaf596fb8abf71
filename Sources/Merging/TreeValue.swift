package import JSONCoding

/// A tree as documents read: an object with nothing but `children`, which are nodes; each node has
/// perhaps an `id`, a `value` and `children`, and nothing else.
package struct TreeValue {
  package struct Node {
    package var parent: String?
    package var value: JSONValue?
    /// The member `id`, which a node lacks that somebody has written by hand.
    fileprivate var id: String?
  }

  /// By name: the `id` where there is one.
  package private(set) var nodes: [String: Node] = [:]
  /// The names, from the top down, each before those of what stands under it.
  package private(set) var order: [String] = []
  private var childrenOf: [String?: [String]] = [:]

  /// Nil for what is no tree, and where an `id` is there twice.
  ///
  /// - Parameter side: tells the nodes without an `id` from those of other trees.
  package init?(_ value: JSONValue?, side: String) {
    guard let object = value?.objectValue, object.members.count == 1,
      case .array(let top)? = object["children"], add(top, under: nil, side)
    else { return nil }
  }

  /// Nil is the top.
  package func children(of parent: String?) -> [String] { childrenOf[parent] ?? [] }

  private mutating func add(_ found: [JSONValue], under parent: String?, _ side: String) -> Bool {
    for node in found {
      guard let object = node.objectValue,
        object.members.allSatisfy({ ["id", "value", "children"].contains($0.key) }),
        case .array(let children) = object["children"] ?? []
      else { return false }
      let id = object["id"]?.stringValue
      guard id != nil || object["id"] == nil else { return false }
      let name = id ?? "\0\(side) \(order.count)"
      guard
        nodes.updateValue(Node(parent: parent, value: object["value"], id: id), forKey: name)
          == nil
      else { return false }
      order.append(name)
      childrenOf[parent, default: []].append(name)
      guard add(children, under: name, side) else { return false }
    }
    return true
  }

  /// Where a node is, from the tree on.
  func path(of name: String) -> [ValueStep] {
    var steps: [ValueStep] = []
    var at: String? = name
    while let here = at, let node = nodes[here] {
      steps.append(.index(children(of: node.parent).firstIndex(of: here) ?? 0))
      steps.append(.key("children"))
      at = node.parent
    }
    return steps.reversed()
  }

  /// What a node stands under, the nearest first.
  func ancestors(of name: String) -> [String] {
    var found: [String] = []
    while let parent = nodes[found.last ?? name]?.parent { found.append(parent) }
    return found
  }

  /// A node with what stands under it.
  func json(of name: String) -> JSONValue {
    Self.json(nodes[name], nodes[name]?.value, children(of: name).map { json(of: $0) })
  }

  static func json(_ node: Node?, _ value: JSONValue?, _ children: [JSONValue]) -> JSONValue {
    var members: [JSONObject.Member] = []
    if let id = node?.id { members.append(JSONObject.Member(key: "id", value: .string(id))) }
    if let value { members.append(JSONObject.Member(key: "value", value: value)) }
    members.append(JSONObject.Member(key: "children", value: .array(children)))
    return .object(JSONObject(uniqueMembers: members))
  }

  /// The nodes that differ from those of another tree by what they hold or where they stand, that
  /// are new, and those above them.
  func changed(since base: TreeValue) -> Set<String> {
    var changed: Set<String> = []
    for name in order.reversed() {
      let node = nodes[name]
      let old = base.nodes[name]
      guard
        changed.contains(name) || old == nil || old?.parent != node?.parent
          || old?.value != node?.value
      else { continue }
      changed.insert(name)
      if let parent = node?.parent { changed.insert(parent) }
    }
    return changed
  }
}
