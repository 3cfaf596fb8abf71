import Causality
import Documents
import JSONCoding

/// Everything that was done to the nodes of one tree.
///
/// - The operations of a version take effect one after the other, by Lamport time, then by event.
/// - One that would put a node under itself, or lower than a tree goes, has no effect.
/// - An operation puts its node right behind the operation that it names, or first, at the time at
///   which it is its turn; whether it has an effect makes no difference to that.
/// - A node may be named by those who had seen the operation that made it, and only by operations
///   that come later in that order; likewise an operation to stand behind, which must have put
///   something under the same node.
struct ModelTree: Sendable {
  struct Step: Sendable {
    var event: EventID
    var lamport: UInt64
    var node: EventID
    /// Nil: the node is removed.
    var place: TreePlace?
    var madeBy: Int

    static func precedes(_ left: Step, _ right: Step) -> Bool {
      left.lamport != right.lamport ? left.lamport < right.lamport : left.event < right.event
    }
  }

  /// Where everything stands at a version.
  struct Shape {
    /// The operation that is in effect for each node.
    var current: [EventID: Step] = [:]
    /// Everything that ever stood under a node, or at the top.
    var orders: [EventID?: [Step]] = [:]

    func children(of parent: EventID?) -> [EventID] {
      (orders[parent] ?? []).filter { current[$0.node]?.event == $0.event }.map(\.node)
    }

    /// The nodes above one, itself included; of one that was removed those in what was.
    func above(_ node: EventID?) -> [EventID] {
      var above: [EventID] = []
      var at = node
      while let node = at {
        above.append(node)
        at = current[node]?.place?.parent
      }
      return above
    }
  }

  static let levelMax = 1_024

  private(set) var steps: [Step] = []

  /// The nodes that a version has, by event.
  func nodes(in version: ModelVersion) -> [EventID] {
    steps.filter { $0.node == $0.event && version.contains($0.madeBy) }.map(\.event).sorted()
  }

  mutating func add(_ step: Step, isSeen: (EventID) -> Bool) {
    func earlier(_ event: EventID) -> Step? {
      steps.first { $0.event == event && isSeen(event) && Step.precedes($0, step) }
    }
    func isNode(_ event: EventID) -> Bool { earlier(event)?.node == event }
    guard step.node == step.event || isNode(step.node) else { return }
    if let parent = step.place?.parent, !isNode(parent) { return }
    if let after = step.place?.after {
      guard let place = earlier(after)?.place, place.parent == step.place?.parent else { return }
    }
    steps.append(step)
  }

  /// Where the nodes are that a reader sees.
  func paths(
    at path: DocumentPath, in version: ModelVersion
  ) -> [(node: EventID, path: DocumentPath)] {
    let shape = shape(in: version)
    func below(_ parent: EventID?, _ path: DocumentPath, _ level: Int) -> [(EventID, DocumentPath)]
    {
      guard level < 2 * ContainerID.depthMax else { return [] }
      return shape.children(of: parent).enumerated().flatMap { index, node in
        let here = path.appending(.index(index))
        return [(node, here)] + below(node, here, level + 1)
      }
    }
    return below(nil, path, 0)
  }

  func shape(in version: ModelVersion) -> Shape {
    var shape = Shape()
    for step in steps.filter({ version.contains($0.madeBy) }).sorted(by: Step.precedes) {
      guard let place = step.place else {
        shape.current[step.node] = step
        continue
      }
      let left = shape.orders[place.parent]?.firstIndex { $0.event == place.after }
      shape.orders[place.parent, default: []].insert(step, at: left.map { $0 + 1 } ?? 0)
      let above = shape.above(place.parent)
      if !above.contains(step.node), above.count < Self.levelMax { shape.current[step.node] = step }
    }
    return shape
  }
}

extension ModelDocument {
  func json(
    ofTree tree: ContainerID, in version: ModelVersion,
    content: (ContainerID, _ level: Int) -> JSONValue,
    level: Int
  ) -> JSONValue {
    let shape = trees[tree]?.shape(in: version) ?? ModelTree.Shape()
    func children(of parent: EventID?, _ level: Int) -> JSONValue {
      let nodes = shape.children(of: parent)
      guard nodes.isEmpty || level < 2 * ContainerID.depthMax else { return .null }
      return .array(
        nodes.map { node in
          [
            "id": .string("\(node)"), "value": content(.element(node, .map), level + 1),
            "children": children(of: node, level + 1),
          ]
        })
    }
    return ["children": children(of: nil, level)]
  }

  func canonicalJSON(
    ofTree tree: ContainerID, in version: ModelVersion, content: (ContainerID) -> JSONValue
  ) -> JSONValue {
    guard let model = trees[tree] else { return .array([]) }
    let shape = model.shape(in: version)
    return .array(
      model.nodes(in: version).map { node in
        var members: JSONObject = ["node": .string("\(node)")]
        if let place = shape.current[node]?.place {
          members["under"] = place.parent.map { .string("\($0)") } ?? .null
          members["place"] = .count(
            UInt64(shape.children(of: place.parent).firstIndex(of: node) ?? 0))
        }
        members["content"] = content(.element(node, .map))
        return .object(members)
      })
  }
}
