package import Causality

/// The kinds of container. The raw values are what is written to bytes.
public enum ContainerKind: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case map = 0
  case list = 1
  case text = 2
  case counter = 3
  /// Nodes, each a map, that stand under each other and can be moved.
  case tree = 4

  public init?(name: String) {
    guard let kind = ContainerKind.allCases.first(where: { $0.description == name }) else {
      return nil
    }
    self = kind
  }

  public var description: String {
    switch self {
    case .map: "map"
    case .list: "list"
    case .text: "text"
    case .counter: "counter"
    case .tree: "tree"
    }
  }
}

/// Names one container of a document, the same on every replica.
package enum ContainerID: Hashable, Sendable {
  /// The map that every document is.
  case root
  /// A container at a key of a map. Two replicas that make a child of one kind at one key name the
  /// same container: it is one child. Made again where one of its kind was before, it carries the
  /// event that made it and is a new one.
  indirect case child(parent: ContainerID, key: Key, kind: ContainerKind, generation: EventID?)
  /// A container that stands in a list; the event that put it there names it.
  case element(EventID, ContainerKind)

  /// The most containers between the root and one of them, that one included.
  package static let depthMax = 64

  /// How many containers stand between the root and this one, it included, as far as its name
  /// tells. Complexity: O(depth).
  package var depth: Int {
    var depth = 0
    var container = self
    while case .child(let parent, _, _, _) = container {
      depth += 1
      container = parent
    }
    return depth
  }

  /// Mostly the operations of a document share the name of their container in memory, which is told
  /// at once.
  package static func == (left: ContainerID, right: ContainerID) -> Bool {
    if areSameBytes(left, right) { return true }
    switch (left, right) {
    case (.root, .root): return true
    case (
      .child(let leftParent, let leftKey, let leftKind, let leftGeneration),
      .child(let rightParent, let rightKey, let rightKind, let rightGeneration)
    ):
      return leftKind == rightKind && leftKey == rightKey && leftGeneration == rightGeneration
        && leftParent == rightParent
    case (.element(let leftEvent, let leftKind), .element(let rightEvent, let rightKind)):
      return leftEvent == rightEvent && leftKind == rightKind
    case (.root, _), (.child, _), (.element, _): return false
    }
  }

  package var kind: ContainerKind {
    switch self {
    case .root: .map
    case .child(_, _, let kind, _): kind
    case .element(_, let kind): kind
    }
  }
}
