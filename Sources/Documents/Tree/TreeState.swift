import Causality
import Sabotages

/// A tree of nodes that can be moved: every operation that ever put a node somewhere, and where
/// each of them stands.
///
/// Operations take effect in their total order (Lamport time, origin, sequence, index); one that
/// would put a node under itself has no effect (Kleppmann, Mulligan, Gomes, Beresford, "A
/// highly-available move operation for replicated trees", 2021). Hence no order of arrival makes a
/// cycle, a duplicate or an orphan. An operation older than others that are here has those undone,
/// takes effect, and they take theirs again: in proportion to what is newer than it. One that is
/// newer than all costs the depth of the tree.
///
/// Nothing is ever dropped: whether an operation makes a cycle depends on where others stood at its
/// time, and without the stable cut an older one may always come. What it costs is one entry for
/// each operation, in memory and in the state.
///
/// An operation may name only what was there for its author; else it is not in here at all. What
/// it names must be older in the total order too, as it is for everyone who counts Lamport times,
/// so that names always lead back.
struct TreeState: Sendable {
  /// The place of a node in ``nodes``; below 0 what is none.
  typealias NodeNumber = Int
  /// The place of a placement in ``placements``; below 0 none.
  typealias PlacementNumber = Int

  static let top: NodeNumber = -1
  /// Where removed nodes are, and those whose first operation had no effect.
  static let bin: NodeNumber = -2
  static let none = -1

  /// The most nodes from the top of a tree down to one that is put somewhere; what it brings with
  /// it may reach lower. What would put a node lower has no effect. Editors keep far from it
  /// (``ContainerID/depthMax``); concurrent moves can come nearer.
  static let levelMax = 1_024

  /// One operation: from its time on the node stands there.
  struct Placement: Sendable {
    let event: EventID
    let lamport: UInt64
    let node: NodeNumber
    /// ``top``, ``bin`` or a node.
    let parent: NodeNumber
    let after: PlacementNumber
    /// How many others of the same parent lead from one to the next `after` back to the start.
    let rank: Int
    /// Where the node stood before, while this one is in effect.
    var before = TreeState.none
    var isEffective = false
  }

  struct Node: Sendable {
    /// That of the operation that made it.
    let event: EventID
    /// Where it was put first.
    let made: PlacementNumber
    /// Where it stands.
    var current = TreeState.none
  }

  /// In the order of arrival, so that numbers are good for ever.
  private(set) var nodes: [Node] = []
  private(set) var placements: [Placement] = []
  /// Placements in their total order. Those that are waiting come later.
  private(set) var log: [PlacementNumber] = []
  private var waiting: [PlacementNumber] = []
  private var nodeNumbers: [EventID: NodeNumber] = [:]
  private var placementNumbers: [EventID: PlacementNumber] = [:]
  /// By parent; that of the top first.
  var siblings: [TreeSiblings] = [TreeSiblings()]

  var isEmpty: Bool { placements.isEmpty }

  func node(_ event: EventID) -> NodeNumber? { nodeNumbers[event] }
  func placement(_ event: EventID) -> PlacementNumber? { placementNumbers[event] }

  /// The node under which a node stands.
  func parent(of node: NodeNumber) -> NodeNumber {
    let current = nodes[node].current
    return current == Self.none ? Self.bin : placements[current].parent
  }

  /// The operation that put a node last under what can be reached from the top: where it stands or,
  /// when it was removed, comes back to. Complexity: O(log of the tree).
  func lastPlacement(of node: NodeNumber) -> PlacementNumber? {
    log.last { number in
      let placement = placements[number]
      return placement.node == node && placement.isEffective && placement.parent != Self.bin
        && (placement.parent == Self.top || isShown(placement.parent))
    }
  }

  /// Whether a node can be reached from the top. Complexity: O(depth).
  func isShown(_ node: NodeNumber) -> Bool {
    var at = node
    while at >= 0 { at = parent(of: at) }
    return at == Self.top
  }

  /// How many nodes there are from the top down to a node, it included. Complexity: O(depth).
  func level(of node: NodeNumber) -> Int {
    var level = 0
    var at = node
    while at >= 0 {
      level += 1
      at = parent(of: at)
    }
    return level
  }

  /// Whether a node is another one or stands somewhere under it. Complexity: O(depth).
  func isNode(_ node: NodeNumber, within outer: NodeNumber) -> Bool {
    var at = node
    while at >= 0 {
      if at == outer { return true }
      at = parent(of: at)
    }
    return false
  }

  // MARK: Operations

  /// Takes an operation; ``replayWaiting()`` must follow before the tree is read.
  ///
  /// - Parameters:
  ///   - node: the event that made it: that of this operation for a new one.
  ///   - place: nil when the node is removed.
  ///   - isSeen: whether its author had seen an event.
  /// - Returns: whether it is of this tree: false when it names what its author had not seen.
  @discardableResult
  mutating func take(
    _ event: EventID, lamport: UInt64, of node: EventID, to place: TreePlace?,
    isSeen: (EventID) -> Bool
  ) -> Bool {
    guard placementNumbers[event] == nil else { return false }
    let stamp = Stamp(lamport: lamport, event: event)
    func isKnown(_ placement: PlacementNumber) -> Bool {
      self.stamp(of: placement) < stamp
    }
    var number = nodes.count
    if node != event {
      guard let found = nodeNumbers[node], isSeen(node), isKnown(nodes[found].made) else {
        return false
      }
      number = found
    }
    var parent = Self.bin
    var after = Self.none
    if let place {
      parent = Self.top
      if let name = place.parent {
        guard let found = nodeNumbers[name], isSeen(name), isKnown(nodes[found].made) else {
          return false
        }
        parent = found
      }
      if let name = place.after {
        guard let found = placementNumbers[name], isSeen(name), isKnown(found),
          placements[found].parent == parent
        else { return false }
        after = found
      }
    }
    add(event, lamport, number, parent, after)
    return true
  }

  private mutating func add(
    _ event: EventID, _ lamport: UInt64, _ node: NodeNumber, _ parent: NodeNumber,
    _ after: PlacementNumber
  ) {
    let number = placements.count
    placements.append(
      Placement(
        event: event, lamport: lamport, node: node, parent: parent, after: after,
        rank: after == Self.none ? 0 : placements[after].rank + 1))
    placementNumbers[event] = number
    if node == nodes.count {
      nodes.append(Node(event: event, made: number))
      nodeNumbers[event] = node
      siblings.append(TreeSiblings())
    }
    if parent != Self.bin { insert(number, under: parent) }
    if waiting.isEmpty, log.last.map({ stamp(of: $0) < stamp(of: number) }) ?? true {
      log.append(number)
      apply(number)
    } else {
      waiting.append(number)
    }
  }

  /// Lets those operations take effect that came after newer ones. Complexity: O(depth) for each
  /// that is newer than the oldest of them; O(1) when there is none.
  mutating func replayWaiting() {
    guard !waiting.isEmpty else { return }
    let older = waiting.sorted { stamp(of: $0) < stamp(of: $1) }
    waiting = []
    if Sabotage.moveNodesByArrival.isPlanted {
      for number in older {
        let index = log.firstIndex { stamp(of: number) < stamp(of: $0) } ?? log.count
        log.insert(number, at: index)
        apply(number)
      }
      return
    }
    var newer: [PlacementNumber] = []
    while let last = log.last, stamp(of: older[0]) < stamp(of: last) {
      undo(last)
      newer.append(last)
      log.removeLast()
    }
    newer.reverse()
    var rest = newer[...]
    for number in older {
      while let next = rest.first, stamp(of: next) < stamp(of: number) {
        redo(next)
        rest.removeFirst()
      }
      redo(number)
    }
    for number in rest { redo(number) }
  }

  private mutating func redo(_ number: PlacementNumber) {
    log.append(number)
    apply(number)
  }

  private mutating func apply(_ number: PlacementNumber) {
    let (node, parent) = (placements[number].node, placements[number].parent)
    guard canStand(node, under: parent) else { return }
    placements[number].before = nodes[node].current
    placements[number].isEffective = true
    nodes[node].current = number
  }

  private mutating func undo(_ number: PlacementNumber) {
    guard placements[number].isEffective else { return }
    nodes[placements[number].node].current = placements[number].before
    placements[number].isEffective = false
    placements[number].before = Self.none
  }

  /// Lets each node stand where it would if only some of the operations had ever been made; the
  /// others keep their places among siblings. Complexity: O(operations), each with the depth.
  mutating func countOnly(_ isCounted: (EventID) -> Bool) {
    for number in log.reversed() { undo(number) }
    for number in log where isCounted(placements[number].event) { apply(number) }
  }

  /// Takes operations out again on which none of the others builds: what is left is as if they had
  /// never come.
  ///
  /// Complexity: where they came last, O(depth) for each that is newer than the oldest of them, and
  /// the siblings; else that of all operations.
  mutating func withdraw(_ events: [EventID]) {
    let gone = Set(events.compactMap { placementNumbers[$0] })
    guard !gone.isEmpty else { return }
    let kept = placements.count - gone.count
    guard gone.allSatisfy({ $0 >= kept }) else {
      self = without(gone)
      return
    }
    var newer: [PlacementNumber] = []
    var left = gone.count
    while left > 0, let last = log.popLast() {
      undo(last)
      if gone.contains(last) { left -= 1 } else { newer.append(last) }
    }
    for number in newer.reversed() { redo(number) }
    let parents = Set(gone.map { placements[$0].parent }).filter { $0 != Self.bin }
    for parent in parents { siblings[parent + 1].order.removeAll { $0 >= kept } }
    while placements.count > kept, let last = placements.popLast() {
      placementNumbers[last.event] = nil
      guard nodes[last.node].made == placements.count else { continue }
      nodeNumbers[last.event] = nil
      nodes.removeLast()
      siblings.removeLast()
    }
  }

  private func without(_ gone: Set<PlacementNumber>) -> TreeState {
    var rest = TreeState()
    for number in log where !gone.contains(number) {
      let placement = placements[number]
      let place = TreePlace(
        in: placement.parent >= 0 ? nodes[placement.parent].event : nil,
        after: placement.after == Self.none ? nil : placements[placement.after].event)
      rest.take(
        placement.event, lamport: placement.lamport, of: nodes[placement.node].event,
        to: placement.parent == Self.bin ? nil : place
      ) { _ in true }
    }
    return rest
  }

  /// Complexity: O(depth), at most ``levelMax``.
  private func canStand(_ node: NodeNumber, under parent: NodeNumber) -> Bool {
    var level = 1
    var at = parent
    while at >= 0 {
      level += 1
      if at == node || level > Self.levelMax { return false }
      at = self.parent(of: at)
    }
    return true
  }

  // MARK: Order

  /// The total order of operations.
  struct Stamp: Comparable {
    var lamport: UInt64
    var event: EventID

    static func < (left: Stamp, right: Stamp) -> Bool {
      left.lamport != right.lamport ? left.lamport < right.lamport : left.event < right.event
    }
  }

  func stamp(of placement: PlacementNumber) -> Stamp {
    Stamp(lamport: placements[placement].lamport, event: placements[placement].event)
  }
}
