import Causality

/// Looks for containers that were removed, or replaced by something else, while somebody edited
/// what was in them.
struct RemovalFinder {
  private let finder: ConflictFinder
  private let inner: InnerEdits
  /// What stands somewhere in what can be reached.
  private let isHeld: Set<ContainerHandle>
  /// The keys of each map that ever held a container.
  private let places: [ContainerID: [ConflictFinder.Place]]

  init(_ finder: ConflictFinder, held isHeld: Set<ContainerHandle>, _ inner: InnerEdits) {
    self.finder = finder
    self.inner = inner
    self.isHeld = isHeld
    var places: [ContainerID: [ConflictFinder.Place]] = [:]
    for (place, group) in finder.writes
    where place.key != nil && group.count > 1 && group.contains(where: \.isContainer) {
      places[place.container, default: []].append(place)
    }
    self.places = places
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
    let inside = inner.changes(inside: container)
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
  func changes(inside container: ContainerID) -> [Int] { inner.changes(inside: container) }
}

extension ConflictFinder.Write {
  fileprivate var isContainer: Bool {
    if case .container? = content { true } else { false }
  }
}
