package import Causality
package import Documents

extension Model {
  /// An element of a list or a node of a tree that several people put to different places.
  package struct PositionCollision: Hashable, Sendable {
    /// The operations that put it there and of which none has seen another, sorted.
    package var places: [EventID]

    package init(places: [EventID]) {
      self.places = places.sorted()
    }
  }

  /// Those of the lists and trees that a plain read shows, in no order.
  package func positionCollisions(of document: DocumentID) -> Set<PositionCollision> {
    read(document, nil) { model, version in
      guard !model.isDeleted(in: version) else { return [] }
      return Set(
        model.shownContainers(in: version).flatMap { container, _ in
          switch container.kind {
          case .list: model.positionCollisions(ofList: container, in: version)
          case .tree: model.positionCollisions(ofTree: container, in: version)
          case .map, .text, .counter: [] as [PositionCollision]
          }
        })
    } ?? []
  }
}

extension ModelDocument {
  /// The elements of which several places are there, unless they would stand between the same two
  /// others at each of them.
  fileprivate func positionCollisions(
    ofList list: ContainerID, in version: ModelVersion
  ) -> [Model.PositionCollision] {
    let moves = moves[list] ?? [:]
    let places = (sequences[list]?.events(in: version) ?? []).compactMap { place in
      (moves[place].map(\.element) ?? place).map { (place: place, element: $0) }
    }
    let shown = Dictionary(grouping: places, by: \.element).compactMapValues { places in
      places.map(\.place).max { left, right in
        // Where it was inserted it stands only when there is no other place.
        (moves[left]?.lamport ?? 0, left) < (moves[right]?.lamport ?? 0, right)
      }
    }
    var spots: [EventID: (places: [EventID], before: Set<Int>)] = [:]
    var before: [EventID] = []
    for (place, element) in places {
      let count = before.count { $0 != element }
      spots[element, default: ([], [])].places.append(place)
      spots[element]?.before.insert(count)
      if shown[element] == place { before.append(element) }
    }
    return spots.values.filter { $0.before.count > 1 }.map {
      Model.PositionCollision(places: $0.places)
    }
  }

  /// The nodes of which several operations that have not seen each other, the one that is in effect
  /// included, put them to different places. What was removed together with a node above it is
  /// nowhere.
  fileprivate func positionCollisions(
    ofTree tree: ContainerID, in version: ModelVersion
  ) -> [Model.PositionCollision] {
    guard let model = trees[tree] else { return [] }
    let shape = model.shape(in: version)
    let shown = Set(model.paths(at: DocumentPath(), in: version).map(\.node))
    return model.nodes(in: version).compactMap { node in
      guard shown.contains(node) || shape.current[node].map({ $0.place == nil }) == true else {
        return nil
      }
      let rivals = rivalSteps(of: node, model, shape, in: version)
      guard Set(rivals.map { shape.spot(of: $0) }).count > 1 else { return nil }
      return Model.PositionCollision(places: rivals.map(\.event))
    }
  }

  private func rivalSteps(
    of node: EventID, _ model: ModelTree, _ shape: ModelTree.Shape, in version: ModelVersion
  ) -> [ModelTree.Step] {
    let steps = model.steps.filter { $0.node == node && version.contains($0.madeBy) }
    return steps.filter { step in
      shape.current[node]?.event == step.event
        || !steps.contains { $0.event != step.event && isSeen(step.event, by: $0.event) }
    }
  }
}

extension ModelTree.Shape {
  /// Where an operation would have its node stand now.
  fileprivate struct Spot: Hashable {
    var isRemoved = false
    var parent: EventID?
    var index = 0
  }

  fileprivate func spot(of step: ModelTree.Step) -> Spot {
    guard let place = step.place else { return Spot(isRemoved: true) }
    let before = (orders[place.parent] ?? []).prefix { $0.event != step.event }
    return Spot(
      parent: place.parent,
      index: before.count { $0.node != step.node && current[$0.node]?.event == $0.event })
  }
}
