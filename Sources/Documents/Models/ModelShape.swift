/// Which members models know, so that the elements of a list can be recognised in the document by
/// what the writer has seen of them.
struct ModelShape {
  private var members: [Key: ModelShape] = [:]
  private var isWhole = false
  /// One or none.
  private var elements: [ModelShape] = []

  /// What any of these knows.
  init(of nodes: some Sequence<ModelNode>) {
    for node in nodes { add(node) }
  }

  private mutating func add(_ node: ModelNode) {
    switch node {
    case .map(let map):
      if map.kind != .fields { isWhole = true }
      for member in map.members {
        members[member.key, default: ModelShape(of: [])].add(member.node)
      }
    case .list(let list), .set(let list):
      if elements.isEmpty { elements = [ModelShape(of: [])] }
      for element in list { elements[0].add(element) }
    case .value, .text, .counter, .absent: break
    }
  }

  private static let whole = {
    var shape = ModelShape(of: [])
    shape.isWhole = true
    return shape
  }()

  /// What the document holds, as far as it is known. Complexity: O(result).
  func node(_ content: Register.Content?, of document: Document, depth: Int = 0) -> ModelNode {
    switch content {
    case nil: return .absent
    case .value(let value): return .value(value)
    case .container(let handle):
      // No editor nests deeper.
      guard depth <= ContainerID.depthMax else { return .absent }
      let slot = document.slot(of: handle)
      switch document.kind(of: handle) {
      case .text: return .text(document.texts[slot].string)
      case .counter: return .counter(Int64(clamping: document.counters[slot]))
      case .list:
        let element = elements.first ?? .whole
        return .list(
          document.lists[slot].elements.map {
            element.node($0.register.winner?.content, of: document, depth: depth + 1)
          })
      case .map:
        let map = document.maps[slot]
        var nodes: [Key: ModelNode] = [:]
        for key in isWhole ? Array(map.keys) : Array(members.keys) {
          guard let register = map[key] else { continue }
          let member = members[key] ?? .whole
          nodes[key] = member.node(register.winner?.content, of: document, depth: depth + 1)
        }
        return .map(ModelMap(isWhole ? .dictionary : .fields, nodes))
      case .tree: return .absent
      }
    }
  }
}
