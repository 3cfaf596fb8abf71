import JSONCoding

// Trees, node by node: each is known by its `id` wherever it stands.
extension ValueMerger {
  /// Nil where one of the three is no tree.
  mutating func mergeTrees(
    _ base: JSONValue?, _ ours: JSONValue, _ theirs: JSONValue
  ) -> JSONValue? {
    guard let base = TreeValue(base ?? ["children": []], side: "base"),
      let ours = TreeValue(ours, side: "ours"), let theirs = TreeValue(theirs, side: "theirs")
    else { return nil }
    var merge = TreeMerge(base: base, ours: ours, theirs: theirs, choice: options.choice)
    merge.run()
    for (name, path) in merge.conflicts {
      conflicts.append(
        ValueConflict(
          path: self.path + path, base: base.nodes[name].map { _ in base.json(of: name) },
          ours: ours.nodes[name].map { _ in ours.json(of: name) },
          theirs: theirs.nodes[name].map { _ in theirs.json(of: name) }))
    }
    return TreeValue.json(nil, nil, children(of: nil, in: merge))
  }

  private mutating func children(of parent: String?, in merge: TreeMerge) -> [JSONValue] {
    func names(_ tree: TreeValue) -> [JSONValue] {
      tree.children(of: parent).filter { merge.parents[$0] == .some(parent) }.map { .string($0) }
    }
    let (mine, others) = (names(merge.ours), names(merge.theirs))
    // Who is left where one side has none came to the other at its place.
    let common = Set(mine).intersection(others)
    // Where both have put one to another place among its siblings, an array would have it twice.
    var order = mergeArrays(names(merge.base).filter(common.contains), mine, others)
      .compactMap(\.stringValue).uniqued()
    let known = Set(order)
    // What a choice has brought back.
    order += (merge.ours.order + merge.theirs.order).filter {
      merge.parents[$0] == .some(parent) && !known.contains($0)
    }.uniqued()
    path.append(.key("children"))
    defer { path.removeLast() }
    return order.enumerated().map { index, name in
      path.append(.index(index))
      defer { path.removeLast() }
      let (old, mine, other) = (
        merge.base.nodes[name], merge.ours.nodes[name], merge.theirs.nodes[name]
      )
      var value = mine == nil ? other?.value : mine?.value
      if mine != nil, other != nil {
        path.append(.key("value"))
        value = self.merge(old?.value, mine?.value, other?.value)
        path.removeLast()
      } else if options.choice == .base, let old {
        value = old.value
      }
      return TreeValue.json(mine ?? other, value, children(of: name, in: merge))
    }
  }
}

/// Where each node stands in the end.
private struct TreeMerge {
  let base: TreeValue
  let ours: TreeValue
  let theirs: TreeValue
  let choice: ValueMergeOptions.Choice
  /// Of the nodes that are left; nil is the top.
  private(set) var parents: [String: String?]
  /// The nodes, and where the one who has them has them.
  private(set) var conflicts: [(name: String, path: [ValueStep])] = []

  init(
    base: TreeValue, ours: TreeValue, theirs: TreeValue, choice: ValueMergeOptions.Choice
  ) {
    self.base = base
    self.ours = ours
    self.theirs = theirs
    self.choice = choice
    parents = ours.nodes.mapValues(\.parent)
  }

  mutating func run() {
    takeTheirs()
    removeTheirs()
    lift()
  }

  /// What they have made, moved, or kept alive.
  private mutating func takeTheirs() {
    let changed = theirs.changed(since: base)
    var listed: Set<String> = []
    for name in theirs.order {
      guard let node = theirs.nodes[name] else { continue }
      switch (base.nodes[name], ours.nodes[name]) {
      case (let old?, let mine?):
        // What both have moved is where we have it.
        guard node.parent != old.parent, mine.parent == old.parent || choice == .theirs else {
          continue
        }
        put(name, under: node.parent)
      case (nil, nil): put(name, under: node.parent)
      case (nil, _?): break
      case (_?, nil):
        guard changed.contains(name) else { continue }
        if !(node.parent.map(listed.contains) ?? false) {
          conflicts.append((name, theirs.path(of: name)))
        }
        listed.insert(name)
        if choice != .ours { put(name, under: node.parent) }
      }
    }
  }

  /// What they have removed, unless we have changed it.
  private mutating func removeTheirs() {
    let changed = ours.changed(since: base)
    var listed: Set<String> = []
    for name in ours.order where base.nodes[name] != nil && theirs.nodes[name] == nil {
      guard changed.contains(name) else {
        parents[name] = nil
        continue
      }
      let parent = ours.nodes[name]?.parent
      if !(parent.map(listed.contains) ?? false) {
        conflicts.append((name, ours.path(of: name)))
      }
      listed.insert(name)
      if choice == .theirs { parents[name] = nil }
    }
  }

  /// What one side has moved under a node that a choice has removed stands where the chosen side
  /// has it, or under the nearest that is left above.
  private mutating func lift() {
    let (chosen, other) = choice == .theirs ? (theirs, ours) : (ours, theirs)
    for name in (chosen.order + other.order).uniqued() {
      guard case .some(.some(let parent)) = parents[name], parents[parent] == nil else { continue }
      let above = (chosen.nodes[name] == nil ? other : chosen).ancestors(of: name)
      // The top is above everything.
      parents[name] = .some(above.first { parents[$0] != nil && !stands($0, under: name) })
    }
  }

  private func stands(_ name: String, under other: String) -> Bool {
    var above: String? = name
    // What is still to be lifted ends the way.
    while let here = above {
      if here == other { return true }
      above = parents[here] ?? nil
    }
    return false
  }

  /// Unless it would then stand under itself: two moves can make a cycle of which each is none.
  private mutating func put(_ name: String, under parent: String?) {
    if let parent, stands(parent, under: name) {
      conflicts.append((name, theirs.path(of: name)))
      return
    }
    parents[name] = .some(parent)
  }
}

extension [String] {
  /// Each once, in the order of the first.
  fileprivate func uniqued() -> [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}
