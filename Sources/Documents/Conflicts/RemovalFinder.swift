import Causality

/// Looks for containers that were removed, or replaced by something else, while somebody edited
/// what was in them.
struct RemovalFinder {
  private let finder: ConflictFinder
  /// What stands somewhere in what can be reached.
  private let isHeld: Set<ContainerHandle>
  /// Which events edited each container, as ascending ranges.
  private let edits: [ContainerID: [Range<Int>]]
  /// In which list a container stands, or stood.
  private let lists: [ContainerID: ContainerID]
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
    guard !places.isEmpty else {
      edits = [:]
      lists = [:]
      return
    }
    var edits: [ContainerID: [Range<Int>]] = [:]
    for other in finder.history.others {
      edits[other.operation.container, default: []].append(other.version..<other.version + 1)
    }
    var lists: [ContainerID: ContainerID] = [:]
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
    self.edits = edits
    self.lists = lists
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
        return conflict(over: container, group, here)
      }
    }
  }

  private func conflict(
    over container: ContainerID, _ group: [ConflictFinder.Write], _ path: DocumentPath
  ) -> ConflictFinder.Draft? {
    let makes = group.filter { $0.content == .container(container) }
    let removals = group.filter { removal in
      removal.content != .container(container)
        && makes.contains { make in
          removal.replaces.contains(make.event) && finder.isBefore(make.version, removal.version)
        }
    }
    guard !removals.isEmpty else { return nil }
    let inside = changes(inside: container)
    var open: [ConflictFinder.Write] = []
    var openEdits: [Int] = []
    for removal in removals {
      let edits = inside.filter { finder.areConcurrent($0, removal.version) }
      // Who wrote here knowing of the removal and of the edit has decided.
      let undecided = edits.filter { edit in
        !group.contains { write in
          finder.isBefore(removal.version, write.version) && finder.isBefore(edit, write.version)
        }
      }
      let rest = finder.unresolved(undecided, by: [removal.version])
      if !rest.isEmpty { open.append(removal) }
      openEdits += rest
    }
    guard let last = open.max(by: ConflictFinder.Write.precedes),
      let edit = finder.latest(of: openEdits)
    else { return nil }
    return ConflictFinder.Draft(
      kind: .removal, path: path, removed: (container, last.version),
      sides: [
        ConflictFinder.Draft.Side(version: edit, events: [], content: .container(container)),
        ConflictFinder.Draft.Side(
          version: last.version, events: open.map(\.event).sorted(), content: last.content),
      ])
  }

  /// The last events of the changes that edited a container or one in it.
  private func changes(inside container: ContainerID) -> [Int] {
    let graph = finder.history.graph
    var found: Set<Int> = []
    for (other, ranges) in edits where isInside(other, container) {
      for range in ranges {
        var next = range.lowerBound
        while next < range.upperBound {
          let end = graph.changeEnd(at: next)
          found.insert(min(end, range.upperBound) - 1)
          next = end
        }
      }
    }
    return found.sorted()
  }

  private func isInside(_ inner: ContainerID, _ outer: ContainerID) -> Bool {
    var next: ContainerID? = inner
    // A list may stand in itself only in names that no editor makes.
    var steps = 0
    while let here = next, steps <= 4 * ContainerID.depthMax {
      if here == outer { return true }
      steps += 1
      switch here {
      case .root: return false
      case .child(let parent, _, _, _): next = parent
      case .element: next = lists[here]
      }
    }
    return false
  }
}

extension ConflictFinder.Write {
  fileprivate var isContainer: Bool {
    if case .container? = content { true } else { false }
  }
}
