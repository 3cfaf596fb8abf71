/// A list CRDT written to be obviously right: the FugueMax tree as in the paper, one record for
/// each character, sorted and walked anew for every question.
struct FugueOracle {
  struct Identity: Comparable {
    var rank: Int
    var sequence: UInt64
    var index: Int

    static func < (left: Identity, right: Identity) -> Bool {
      (left.rank, left.sequence, left.index) < (right.rank, right.sequence, right.index)
    }
  }

  private struct Node {
    var identity: Identity
    var change: Int
    var scalar: Unicode.Scalar
    var parent: Int?
    var isLeftChild: Bool
    var rightOrigin: Int?
    var leftChildren: [Int] = []
    var rightChildren: [Int] = []
    /// The changes that deleted it.
    var deletions: [Int] = []
  }

  private var nodes: [Node] = []
  private var roots: [Int] = []
  /// All nodes in document order.
  private var order: [Int] = []

  /// The nodes that a version holds, in document order. A version is a set of changes.
  private func existing(in version: Set<Int>) -> [Int] {
    order.filter { version.contains(nodes[$0].change) }
  }

  private func isVisible(_ node: Int, in version: Set<Int>) -> Bool {
    version.contains(nodes[node].change)
      && !nodes[node].deletions.contains(where: version.contains)
  }

  private func visible(in version: Set<Int>) -> [Int] {
    order.filter { isVisible($0, in: version) }
  }

  func length(in version: Set<Int>) -> Int { visible(in: version).count }

  func text(in version: Set<Int>) -> String {
    var text = String.UnicodeScalarView()
    for node in visible(in: version) { text.append(nodes[node].scalar) }
    return String(text)
  }

  func identities(in version: Set<Int>) -> [Identity] {
    visible(in: version).map { nodes[$0].identity }
  }

  mutating func insert(
    _ scalar: Unicode.Scalar, at position: Int, by change: Int, identity: Identity,
    version: Set<Int>
  ) {
    let existing = existing(in: version)
    var left: Int?
    var next = 0
    if position > 0 {
      let leftNode = visible(in: version)[position - 1]
      left = leftNode
      next = (existing.firstIndex(of: leftNode) ?? 0) + 1
    }
    let right = next < existing.count ? existing[next] : nil
    let siblings = left.map { nodes[$0].rightChildren } ?? roots
    let hasRightChildren = siblings.contains { version.contains(nodes[$0].change) }

    let new = nodes.count
    var node = Node(
      identity: identity, change: change, scalar: scalar, parent: left, isLeftChild: false,
      rightOrigin: right)
    if hasRightChildren, let right {
      node.parent = right
      node.isLeftChild = true
    }
    nodes.append(node)
    if node.isLeftChild, let parent = node.parent {
      let children = nodes[parent].leftChildren + [new]
      nodes[parent].leftChildren = children.sorted { nodes[$0].identity < nodes[$1].identity }
    } else if let parent = node.parent {
      nodes[parent].rightChildren = sortedRight(nodes[parent].rightChildren + [new])
    } else {
      roots = sortedRight(roots + [new])
    }
    order = []
    for root in roots { walk(root) }
  }

  /// Right children: later right origins first, the end of the document being the latest.
  private func sortedRight(_ children: [Int]) -> [Int] {
    func place(_ node: Int) -> Int {
      nodes[node].rightOrigin.flatMap { order.firstIndex(of: $0) } ?? .max
    }
    return children.sorted {
      let (left, right) = (place($0), place($1))
      return left != right ? left > right : nodes[$0].identity < nodes[$1].identity
    }
  }

  private mutating func walk(_ node: Int) {
    for child in nodes[node].leftChildren { walk(child) }
    order.append(node)
    for child in nodes[node].rightChildren { walk(child) }
  }

  mutating func delete(at position: Int, by change: Int, version: Set<Int>) {
    nodes[visible(in: version)[position]].deletions.append(change)
  }
}
