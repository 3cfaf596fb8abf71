import Causality

/// Looks for elements that were deleted from a list while somebody set them, or edited what was in
/// them.
struct ElementRemovalFinder {
  private let finder: ConflictFinder
  private let handle: ContainerHandle
  private let list: ContainerID
  private let inner: InnerEdits
  /// Elements that are not in the list any more and that somebody edited, with what they held.
  private let candidates: [EventID: Set<ContainerID>]

  init(_ finder: ConflictFinder, _ handle: ContainerHandle, _ inner: InnerEdits) {
    self.finder = finder
    self.handle = handle
    self.inner = inner
    let list = finder.document.containers[handle.index].id
    let state = finder.document.lists[finder.document.slot(of: handle)]
    var candidates: [EventID: Set<ContainerID>] = [:]
    for element in inner.elementsSet[list] ?? [] where state.register(of: element) == nil {
      candidates[element] = []
    }
    for (container, element) in inner.contents[list] ?? []
    where state.register(of: element) == nil {
      candidates[element, default: []].insert(container)
    }
    self.list = list
    self.candidates = candidates
  }

  var hasCandidates: Bool { !candidates.isEmpty }

  /// Those in the list, which stands at `path`, in the order of the elements' names.
  func conflicts(
    at path: DocumentPath, _ sequence: SequenceHistory, _ deeds: SequenceDeeds
  ) -> [ConflictFinder.Draft] {
    let places = Places(sequence, finder.history)
    let deletions = Deletions(deeds)
    let shown = ShownUnits(deeds.visible)
    return candidates.keys.sorted().compactMap { element in
      let places = places.places(of: element)
      let movers = Set(places.dropFirst().map { finder.history.event(at: $0).change })
      let removals = places.flatMap { deletions.deletions(of: $0) }
        // Whoever moves an element takes away the places that it had.
        .filter { !movers.contains(finder.history.event(at: $0).change) }
      guard !removals.isEmpty,
        let draft = conflict(over: element, removals)
      else { return nil }
      let last = finder.latest(of: places) ?? places[0]
      let place = deletions.placesBefore(last, shown)
      let state = finder.document.lists[finder.document.slot(of: handle)]
      return draft(path.appending(.index(state.shownCount(before: place))))
    }
  }

  private func conflict(
    over element: EventID, _ removals: [Int]
  ) -> ((DocumentPath) -> ConflictFinder.Draft)? {
    let place = ConflictFinder.Place(container: list, element: element)
    let writes = (finder.writes[place] ?? []).map(\.version)
    let inside = (candidates[element] ?? []).flatMap { inner.changes(inside: $0) }
    let edits = Set(writes + inside).sorted()
    var open: [Int] = []
    var openEdits: Set<Int> = []
    for removal in removals.sorted() {
      let rest = finder.unresolved(
        edits.filter { finder.areConcurrent($0, removal) },
        by: [finder.history.event(at: removal), element])
      if !rest.isEmpty { open.append(removal) }
      openEdits.formUnion(rest)
    }
    guard let last = finder.latest(of: open), let edit = finder.latest(of: openEdits.sorted()),
      let register = finder.document.register(
        ofDeleted: element, in: list, finder.history)?.winner
    else { return nil }
    let content = finder.content(of: register)
    let events = open.map { finder.history.event(at: $0) }.sorted()
    var base: ConflictFinder.Write?
    var removed: (container: ContainerID, by: Int)?
    if case .container(let container) = content {
      removed = (container, last)
    } else {
      let sides = [last, edit].map { version in
        ConflictFinder.Write(
          version: version, event: finder.history.event(at: version), lamport: 0, replaces: [])
      }
      base = finder.base(of: sides, finder.writes[place] ?? [], place)
    }
    let editEvents = Set([element] + finder.latestOfEach(openEdits.sorted())).sorted()
    return { path in
      ConflictFinder.Draft(
        kind: .removal, path: path, base: base, removed: removed,
        sides: [
          ConflictFinder.Draft.Side(version: edit, events: editEvents, content: content),
          ConflictFinder.Draft.Side(version: last, events: events, content: nil),
        ],
        element: element)
    }
  }

  /// The places that each element of a list ever had.
  private struct Places {
    private let history: DocumentHistory
    private var moves: [EventID: [Int]] = [:]

    init(_ sequence: SequenceHistory, _ history: DocumentHistory) {
      self.history = history
      for index in 0..<sequence.log.runCount {
        let run = sequence.log[index]
        guard run.kind == .insert else { continue }
        for offset in 0..<run.count {
          guard case .moved(let element) = sequence.elements[run.content + offset] else {
            continue
          }
          moves[element, default: []].append(run.version + offset)
        }
      }
    }

    /// By the events that made them, that of the element itself first.
    func places(of element: EventID) -> [Int] {
      guard let own = history.version(of: element) else { return [] }
      return [own] + (moves[element] ?? [])
    }
  }

  /// Which events deleted the places of a list, where others edited it meanwhile.
  private struct Deletions {
    private let deeds: SequenceDeeds
    /// The stretches of each section, ascending by what inserted them.
    private let ascending: [[Int]]

    init(_ deeds: SequenceDeeds) {
      self.deeds = deeds
      ascending = deeds.sections.map { section in
        section.stretches.indices.sorted {
          section.stretches[$0].insertions.lowerBound < section.stretches[$1].insertions.lowerBound
        }
      }
    }

    func deletions(of place: Int) -> [Int] {
      deeds.sections.indices.flatMap { section -> [Int] in
        guard let number = stretch(with: place, in: section) else { return [] }
        let stretch = deeds.sections[section].stretches[number]
        return stretch.deletions.map { $0.version(of: place - stretch.insertions.lowerBound) }
      }
    }

    /// How many places are before one that is not there any more.
    func placesBefore(_ place: Int, _ shown: ShownUnits) -> Int {
      for section in deeds.sections.indices.reversed() {
        guard let number = stretch(with: place, in: section) else { continue }
        // How units are cut into stretches depends on the order of arrival: unit by unit.
        for before in deeds.sections[section].stretches[..<number].reversed() {
          let last = before.insertions.reversed().lazy.compactMap { shown.position(of: $0) }.first
          if let last { return last + 1 }
        }
        break
      }
      return 0
    }

    private func stretch(with place: Int, in section: Int) -> Int? {
      let stretches = deeds.sections[section].stretches
      var low = 0
      var high = ascending[section].count
      while low < high {
        let middle = (low + high) / 2
        if stretches[ascending[section][middle]].insertions.upperBound <= place {
          low = middle + 1
        } else {
          high = middle
        }
      }
      guard low < ascending[section].count else { return nil }
      let number = ascending[section][low]
      return stretches[number].insertions.contains(place) ? number : nil
    }
  }
}
