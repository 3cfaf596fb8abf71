import Causality

extension Reversal {
  /// What a list is to show.
  struct Arrangement {
    var elements: [EventID]
    /// For each the event that has put it where it is to stand, or that this stands for.
    var roots: [EventID: EventID]
    /// Those that stand at the place where they stand now.
    var fixed: Set<EventID>
    /// The containers in the elements that go.
    var dropped: [ContainerID]
  }

  func arrangement(of container: ContainerID) -> Arrangement? {
    guard let handle = document.handles[container], container.kind == .list else { return nil }
    let list = document.lists[document.slot(of: handle)]
    let before = list.places.elements(in: 0..<list.places.count)
    let after = places(after: before, list, container)
    let ranks = ranks(of: after.map(\.place), list)
    // Of several places of an element the highest shows it.
    var shownAt: [EventID: EventID] = [:]
    for (place, element) in after {
      guard let other = shownAt[element] else {
        shownAt[element] = place
        continue
      }
      if (ranks[other] ?? 0, other) < (ranks[place] ?? 0, place) { shownAt[element] = place }
    }
    let elements = after.filter { shownAt[$0.element] == $0.place }.map(\.element)
    let fixed = Set(
      before.filter { place in
        !list.moves.hidden.contains(place)
          && shownAt[list.moves.element(at: place) ?? place] == place
      }.map { list.moves.element(at: $0) ?? $0 })
    let dropped = list.shownElements.filter { shownAt[$0] == nil }.compactMap { element in
      if case .container(let child)? = list.register(of: element)?.winner?.content {
        return document.containers[child.index].id
      }
      return nil
    }
    let roots = shownAt.mapValues { place in
      history.version(of: place).map { history.event(at: effects.standings.root(of: $0).root) }
        ?? place
    }
    return Arrangement(elements: elements, roots: roots, fixed: fixed, dropped: dropped)
  }

  /// The places that there would be, and what stands there.
  private func places(
    after before: [EventID], _ list: ListState, _ container: ContainerID
  ) -> [(place: EventID, element: EventID)] {
    func element(at place: EventID) -> EventID? {
      list.moves.orphans.contains(place) ? nil : list.moves.element(at: place) ?? place
    }
    var after: [(place: EventID, element: EventID)] = []
    var next = 0
    // How many of the places that there would be were passed, those left out too.
    var position = 0
    func keep(_ count: Int) {
      for place in before[next..<next + count] {
        if let element = element(at: place) { after.append((place, element)) }
      }
      next += count
      position += count
    }
    let sequence = history.sequences.first { $0.container == container }
    for patch in sequences[container] ?? [] {
      keep(min(max(0, patch.position - position), before.count - next))
      if patch.kind == .delete {
        let end = min(before.count, next + patch.count)
        for place in before[next..<end] {
          guard let element = element(at: place), isHeld(element, in: container) else {
            continue
          }
          after.append((place, element))
        }
        next = end
        continue
      }
      for offset in 0..<patch.count {
        let place = history.event(at: patch.version + offset)
        switch sequence?.elements[patch.content + offset] {
        case .moved(let element)?:
          if history.isElement(element, of: container, seenBy: patch.version + offset) {
            after.append((place, element))
          }
        case nil: break
        default: after.append((place, place))
        }
      }
      position += patch.count
    }
    keep(before.count - next)
    return after
  }

  /// Whether an element that the edit inserted stays, for what others have put there.
  private func isHeld(_ element: EventID, in list: ContainerID) -> Bool {
    guard let version = history.version(of: element), isFirst(version) else { return false }
    return isOfOthers(alive(in: writes(at: .init(container: list, element: element))).last, 0)
  }

  /// The Lamport times of places to which elements were moved; a place of its own has none.
  private func ranks(of places: [EventID], _ list: ListState) -> [EventID: UInt64] {
    var ranks: [EventID: UInt64] = [:]
    var unknown: [(EventID, Int)] = []
    for place in places {
      if let move = list.moves.moves[place] {
        ranks[place] = move.lamport
      } else if !list.moves.isOwn(place) || list.register(of: place) == nil,
        let version = history.version(of: place)
      {
        unknown.append((place, version))
      }
    }
    guard !unknown.isEmpty else { return ranks }
    let stamps = history.stamps(of: unknown.map(\.1))
    for (place, version) in unknown {
      guard let sequence = history.element(insertedAt: version), case .moved = sequence else {
        continue
      }
      ranks[place] = stamps[version]?.lamport ?? 0
    }
    return ranks
  }
}
