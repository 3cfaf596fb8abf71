import Merging

extension ModelPlan {
  /// Elements are recognised by what they hold, by a member `id`, or by their place among others:
  /// one that was edited is edited where it is, and one that stands elsewhere is moved.
  ///
  /// - Parameter base: nil for what the document shows.
  mutating func write(
    _ new: [ModelNode], isOrdered: Bool, base: ModelNode?, to list: ContainerHandle,
    _ path: DocumentPath
  ) throws(EditError) {
    let slot = document.slot(of: list)
    let elements = document.lists[slot].elements
    let known = base.map { $0.list ?? [] }
    let shape = ModelShape(of: (known ?? []) + new)
    let present = elements.map { shape.node($0.register.winner?.content, of: document) }
    let marks = present.map(\.mark)
    let sorted = isOrdered ? Array(present.indices) : ModelNode.order(of: marks)
    let old = known ?? sorted.map { present[$0] }
    let oldMarks = old.map(\.mark)
    let wanted = ArrayAlignment(from: oldMarks, to: new.map(\.mark))
    let found = known == nil ? sorted : ArrayAlignment(from: oldMarks, to: marks).places

    // Elements that are there are named by their places, new ones by numbers behind those.
    var names = new.indices.map { present.count + $0 }
    var removed: Set<Int> = []
    var skipped: Set<Int> = []
    var moved: Set<Int> = []
    for (index, node) in old.enumerated() {
      switch (found[index], wanted.places[index]) {
      case (let place?, let target?):
        names[target] = place
        if wanted.isMoved[index] { moved.insert(place) }
        try write(
          new[target], base: known == nil ? nil : node,
          at: Editor.Target(
            parent: list, step: .element(place), register: elements[place].register),
          path.appending(.index(place)))
      case (let place?, nil): removed.insert(place)
      case (nil, let target?):
        // Somebody has taken it away. It comes back when the writer had something to say in it.
        if node == new[target] { skipped.insert(target) }
      case (nil, nil): break
      }
    }
    let order = ListRearrangement.order(
      of: new.indices.filter { !skipped.contains($0) }.map { names[$0] },
      among: present.indices.filter { !removed.contains($0) }, isMoved: moved.contains)
    let steps = ListRearrangement(from: Array(present.indices), to: order) { place in
      place < present.count && !moved.contains(place)
    }.steps
    for step in steps {
      switch step {
      case .remove(let index, let count):
        append(
          .removeElements(index..<index + count, list),
          eventCount: document.lists[slot].places(of: index..<index + count).count)
      case .insert(let index, let range):
        let nodes = order[range].map { new[$0 - present.count] }
        append(
          .insertElements(nodes, at: index, list),
          eventCount: nodes.reduce(0) { $0 + $1.eventCount })
      case .move(let place, let from, let to):
        append(
          .moveElement(from: from, to: to, list),
          eventCount: 1 + document.lists[slot].places(of: place..<place + 1).count)
      }
    }
  }
}
