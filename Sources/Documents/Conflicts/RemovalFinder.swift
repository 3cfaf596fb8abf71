import Causality

/// Looks for containers that were removed, or replaced by something else, while somebody edited
/// what was in them.
struct RemovalFinder {
  private let finder: ConflictFinder
  /// What stands somewhere in what can be reached.
  private let isHeld: Set<ContainerHandle>
  /// Which events edited each container or one in it.
  private let edits: [ContainerID: [Range<Int>]]
  /// The keys of each map that ever held a container.
  private let places: [ContainerID: [ConflictFinder.Place]]

  init(_ finder: ConflictFinder, held isHeld: Set<ContainerHandle>) {
    self.finder = finder
    self.isHeld = isHeld
    var places: [ContainerID: [ConflictFinder.Place]] = [:]
    for (place, group) in finder.writes
    where place.key != nil && group.count > 1 && group.contains(where: \.isContainer) {
      places[place.container, default: []].append(place)
    }
    self.places = places
    guard !places.isEmpty || finder.hasRemovedNodes else {
      edits = [:]
      return
    }
    var edits: [ContainerID: [Range<Int>]] = [:]
    for other in finder.history.others {
      edits[other.operation.container, default: []].append(other.version..<other.version + 1)
    }
    // What a container in a list or a tree stands in.
    var lists: [ContainerID: ContainerID] = [:]
    for other in finder.history.others {
      guard case .createNode = other.operation.action else { continue }
      let event = finder.history.event(at: other.version)
      lists[.element(event, .map)] = other.operation.container
    }
    for (place, group) in finder.writes where place.element != nil {
      for case .container(let child)? in group.map(\.content) { lists[child] = place.container }
    }
    for sequence in finder.history.sequences {
      for index in 0..<sequence.log.runCount {
        let run = sequence.log[index]
        edits[sequence.container, default: []].append(run.version..<run.version + run.count)
        guard run.kind == .insert, sequence.container.kind == .list else { continue }
        for offset in 0..<run.count {
          guard case .container(let kind) = sequence.elements[run.content + offset] else {
            continue
          }
          let event = finder.history.event(at: run.version + offset)
          lists[.element(event, kind)] = sequence.container
        }
      }
    }
    var inside: [ContainerID: [Range<Int>]] = [:]
    for (container, ranges) in edits {
      for outer in Self.containers(around: container, lists) {
        inside[outer, default: []] += ranges
      }
    }
    self.edits = inside
  }

  /// Those at the keys of a map that can be reached, by key.
  func conflicts(in map: ContainerID, at path: DocumentPath) -> [ConflictFinder.Draft] {
    let places = (places[map] ?? []).sorted { ($0.key ?? "") < ($1.key ?? "") }
    return places.flatMap { place -> [ConflictFinder.Draft] in
      guard let key = place.key, let group = finder.writes[place] else { return [] }
      let here = path.appending(.key(key.text))
      var seen: Set<ContainerID> = []
      return group.sorted(by: ConflictFinder.Write.precedes).compactMap { write in
        guard case .container(let container)? = write.content, seen.insert(container).inserted,
          let handle = finder.document.handles[container], !isHeld.contains(handle)
        else { return nil }
        return conflict(over: container, group, here, shown: finder.shown(at: key, of: map))
      }
    }
  }

  private func conflict(
    over container: ContainerID, _ group: [ConflictFinder.Write], _ path: DocumentPath,
    shown: ConflictSide.Content?
  ) -> ConflictFinder.Draft? {
    let makes = group.filter { $0.content == .container(container) }
    let removals = group.filter { removal in
      removal.content != .container(container)
        && makes.contains { make in
          removal.replaces.contains(make.event) && finder.isBefore(make.version, removal.version)
        }
    }
    guard !removals.isEmpty,
      let made = makes.min(by: ConflictFinder.Write.precedes)?.event
    else { return nil }
    let inside = changes(inside: container)
    var open: [ConflictFinder.Write] = []
    var openEdits: [Int] = []
    for removal in removals {
      let edits = inside.filter { finder.areConcurrent($0, removal.version) }
      // One removal may have ended several containers: the decision names which.
      let rest = finder.unresolved(edits, by: [removal.event, made])
      if !rest.isEmpty { open.append(removal) }
      openEdits += rest
    }
    guard let last = open.max(by: ConflictFinder.Write.precedes),
      let edit = finder.latest(of: openEdits)
    else { return nil }
    return ConflictFinder.Draft(
      kind: .removal, path: path, removed: (container, last.version),
      sides: [
        ConflictFinder.Draft.Side(
          version: edit, events: Set([made] + finder.latestOfEach(openEdits)).sorted(),
          content: .container(container)),
        ConflictFinder.Draft.Side(
          version: last.version, events: open.map(\.event).sorted(), content: shown),
      ])
  }

  /// The last events of the changes that edited a container or one in it.
  func changes(inside container: ContainerID) -> [Int] {
    let graph = finder.history.graph
    var found: Set<Int> = []
    for range in edits[container] ?? [] {
      var next = range.lowerBound
      while next < range.upperBound {
        let end = graph.changeEnd(at: next)
        found.insert(min(end, range.upperBound) - 1)
        next = end
      }
    }
    return found.sorted()
  }

  /// A container and those that it is in.
  private static func containers(
    around inner: ContainerID, _ lists: [ContainerID: ContainerID]
  ) -> [ContainerID] {
    var found: [ContainerID] = []
    var next: ContainerID? = inner
    // A list may stand in itself only in names that no editor makes.
    while let here = next, found.count <= 4 * ContainerID.depthMax {
      found.append(here)
      switch here {
      case .root: next = nil
      case .child(let parent, _, _, _): next = parent
      case .element: next = lists[here]
      }
    }
    return found
  }
}

extension ConflictFinder.Write {
  fileprivate var isContainer: Bool {
    if case .container? = content { true } else { false }
  }
}
