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

    var order = ListOrder(count: present.count)
    // For each new element the one in the document that it is, by the place that it has there.
    var origins: [Int?] = Array(repeating: nil, count: new.count)
    for (index, node) in old.enumerated() {
      switch (found[index], wanted.places[index]) {
      case (let place?, let target?):
        origins[target] = place
        try write(
          new[target], base: known == nil ? nil : node,
          at: Editor.Target(
            parent: list, step: .element(place), register: elements[place].register),
          path.appending(.index(place)))
      case (let place?, nil): order.remove(place)
      case (nil, let target?):
        // Somebody has taken it away. It comes back when the writer had something to say in it.
        if node == new[target] { order.skip(target) }
      case (nil, nil): break
      }
    }
    for range in order.removals.reversed() {
      append(
        .removeElements(range, list), eventCount: document.lists[slot].places(of: range).count)
    }
    order.take(origins) { wanted.origins[$0].map { wanted.isMoved[$0] } ?? false }
    for step in order.steps {
      switch step {
      case .insert(let range, let index):
        append(
          .insertElements(Array(new[range]), at: index, list),
          eventCount: new[range].reduce(0) { $0 + $1.eventCount })
      case .move(let place, let from, let to):
        append(
          .moveElement(from: from, to: to, list),
          eventCount: 1 + document.lists[slot].places(of: place..<place + 1).count)
      }
    }
  }
}
