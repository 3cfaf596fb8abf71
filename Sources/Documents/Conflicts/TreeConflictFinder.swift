import Causality

/// Looks for what collides in one tree: nodes that people moved to different places, or moved and
/// removed, at once; moves without effect; nodes that were removed while somebody edited them or
/// something under them.
struct TreeConflictFinder {
  private let finder: ConflictFinder
  private let handle: ContainerHandle
  private let tree: ContainerID
  private let slot: Int
  private let path: DocumentPath
  /// Where each node is that a plain read shows, those of one parent in a row.
  let shown: [(node: TreeState.NodeNumber, path: DocumentPath)]
  private var placesOf: [[TreeState.PlacementNumber]]

  /// - Parameter path: where the tree is.
  init(_ finder: ConflictFinder, _ handle: ContainerHandle, at path: DocumentPath) {
    self.finder = finder
    self.handle = handle
    self.path = path
    let document = finder.document
    tree = document.containers[handle.index].id
    slot = document.slot(of: handle)
    shown = Self.shown(in: document, handle, path)
    placesOf = Array(repeating: [], count: document.trees[slot].nodes.count)
    for number in document.trees[slot].log {
      placesOf[document.trees[slot].placements[number].node].append(number)
    }
  }

  private static func shown(
    in document: Document, _ handle: ContainerHandle, _ path: DocumentPath
  ) -> [(TreeState.NodeNumber, DocumentPath)] {
    var found: [(TreeState.NodeNumber, DocumentPath)] = []
    var open = [(node: TreeState.top, path: path, level: 0)]
    while let (node, path, level) = open.popLast() {
      guard level < Document.shownLevelMax else { continue }
      let children = document.children(of: Document.Branch(tree: handle, node: node))
      for (index, child) in children.enumerated() {
        let here = path.appending(.index(index))
        found.append((child, here))
        open.append((child, here, level + 1))
      }
    }
    return found
  }

  /// By the event that made the node.
  func conflicts(_ removals: RemovalFinder) -> [ConflictFinder.Draft] {
    var paths: [TreeState.NodeNumber: DocumentPath] = [:]
    for (node, path) in shown { paths[node] = path }
    let state = finder.document.trees[slot]
    let nodes = state.nodes.indices.sorted { state.nodes[$0].event < state.nodes[$1].event }
    return nodes.compactMap { node in
      // What was removed with a node above it comes back, and is told, with that.
      guard paths[node] != nil || state.parent(of: node) == TreeState.bin else { return nil }
      return positionConflict(of: node, state, paths)
        ?? (paths[node] == nil ? removalConflict(of: node, state, paths, removals) : nil)
    }
  }

  // MARK: Positions

  /// Whether there is a node that several operations, of which none is known to have been made
  /// after all others, have put somewhere.
  var hasRivals: Bool {
    let state = finder.document.trees[slot]
    return state.nodes.indices.contains { sides(of: $0, state).count > 1 }
  }

  /// Those operations that nobody has replaced knowingly, and the one that is in effect as the
  /// last.
  private func sides(
    of node: TreeState.NodeNumber, _ state: TreeState
  ) -> [(number: TreeState.PlacementNumber, version: Int)] {
    let current = state.nodes[node].current
    var sides = newest(of: placesOf[node], state).filter { $0.number != current }
    if let version = current == TreeState.none ? nil : version(of: current, state) {
      sides.append((current, version))
    }
    return sides
  }

  private func positionConflict(
    of node: TreeState.NodeNumber, _ state: TreeState, _ paths: [TreeState.NodeNumber: DocumentPath]
  ) -> ConflictFinder.Draft? {
    guard placesOf[node].count > 1 else { return nil }
    let sides = sides(of: node, state)
    guard sides.count > 1 else { return nil }
    let spots = sides.map { spot(of: $0.number, state) }
    guard spots.contains(where: { $0 != spots[0] }) else { return nil }
    let name = ConflictSide.Content.node(state.nodes[node].event, of: tree)
    return ConflictFinder.Draft(
      kind: .position, path: paths[node] ?? pathBack(of: node, state, paths),
      sides: zip(sides, spots).map { side, spot in
        ConflictFinder.Draft.Side(
          version: side.version, events: [state.placements[side.number].event],
          content: spot.parent == TreeState.bin ? nil : name,
          index: spot.parent == TreeState.bin ? nil : spot.index,
          parent: spot.parent == TreeState.top ? path : paths[spot.parent])
      })
  }

  private func version(of number: TreeState.PlacementNumber, _ state: TreeState) -> Int? {
    finder.history.version(of: state.placements[number].event)
  }

  /// Those operations whose authors had not seen another one of them, in their total order.
  private func newest(
    of numbers: [TreeState.PlacementNumber], _ state: TreeState
  ) -> [(number: TreeState.PlacementNumber, version: Int)] {
    let all = numbers.compactMap { number in
      version(of: number, state).map { (number: number, version: $0) }
    }
    var newest: [(number: TreeState.PlacementNumber, version: Int)] = []
    for place in all.sorted(by: { $0.version > $1.version })
    where !newest.contains(where: { finder.isBefore(place.version, $0.version) }) {
      newest.append(place)
    }
    return newest.sorted { state.stamp(of: $0.number) < state.stamp(of: $1.number) }
  }

  private struct Spot: Equatable {
    var parent: TreeState.NodeNumber
    var index = 0
  }

  /// Where an operation would have its node stand now, counted without that.
  private func spot(of number: TreeState.PlacementNumber, _ state: TreeState) -> Spot {
    let placement = state.placements[number]
    guard placement.parent != TreeState.bin else { return Spot(parent: TreeState.bin) }
    _ = finder.document.trees[slot].children(of: placement.parent)
    var spot = Spot(parent: placement.parent)
    for other in finder.document.trees[slot].siblings[placement.parent + 1].order {
      if other == number { break }
      let node = state.placements[other].node
      if node != placement.node, state.nodes[node].current == other { spot.index += 1 }
    }
    return spot
  }

  /// Where a node that was removed comes back to.
  private func pathBack(
    of node: TreeState.NodeNumber, _ state: TreeState,
    _ paths: [TreeState.NodeNumber: DocumentPath]
  ) -> DocumentPath {
    guard let last = state.lastPlacement(of: node) else { return path.appending(.index(0)) }
    let spot = spot(of: last, state)
    return (paths[spot.parent] ?? path).appending(.index(spot.index))
  }

  // MARK: Removals

  private func removalConflict(
    of node: TreeState.NodeNumber, _ state: TreeState,
    _ paths: [TreeState.NodeNumber: DocumentPath], _ removals: RemovalFinder
  ) -> ConflictFinder.Draft? {
    let made = state.nodes[node].event
    let last = newest(of: placesOf[node], state).filter {
      state.placements[$0.number].parent == TreeState.bin
    }
    guard !last.isEmpty else { return nil }
    let inside = edits(within: node, state, removals)
    var open: [(number: TreeState.PlacementNumber, version: Int)] = []
    var openEdits: [Int] = []
    for removal in last {
      let edits = inside.filter { finder.areConcurrent($0, removal.version) }
      let rest = finder.unresolved(edits, by: [state.placements[removal.number].event, made])
      if !rest.isEmpty { open.append(removal) }
      openEdits += rest
    }
    guard let shown = open.last, let edit = finder.latest(of: openEdits) else { return nil }
    return ConflictFinder.Draft(
      kind: .removal, path: pathBack(of: node, state, paths),
      removedNode: (made, tree, shown.version),
      sides: [
        ConflictFinder.Draft.Side(
          version: edit, events: Set([made] + finder.latestOfEach(openEdits)).sorted(),
          content: .node(made, of: tree)),
        ConflictFinder.Draft.Side(
          version: shown.version, events: open.map { state.placements[$0.number].event }.sorted()),
      ])
  }

  /// The last events of the changes that edited what a removed node or one under it holds, or put
  /// something under them.
  private func edits(
    within node: TreeState.NodeNumber, _ state: TreeState, _ removals: RemovalFinder
  ) -> [Int] {
    let graph = finder.history.graph
    var found: Set<Int> = []
    var open = [node]
    while let node = open.popLast() {
      found.formUnion(removals.changes(inside: .element(state.nodes[node].event, .map)))
      open += finder.document.children(of: Document.Branch(tree: handle, node: node))
      for number in state.siblings[node + 1].order {
        guard let version = version(of: number, state) else { continue }
        found.insert(graph.changeEnd(at: version) - 1)
      }
    }
    return found.sorted()
  }
}
