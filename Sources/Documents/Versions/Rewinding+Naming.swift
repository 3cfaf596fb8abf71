import Causality

// A document has every container that an operation ever named. Where it is taken back, those go
// again that nothing had named at the version: the state is what it would be without what was done
// since. That a container was named before is mostly seen by what it holds, or by where it stands.

extension Rewinding {
  /// The containers that operations since the version have named, with those around them.
  private func namedSince() -> Set<ContainerID> {
    var named: Set<ContainerID> = []
    func add(_ container: ContainerID) {
      for container in container.withParents {
        guard named.insert(container).inserted else { return }
      }
    }
    for range in since { forEachNamed(in: range, add) }
    return named
  }

  /// Calls `body` with what some events name, some of it more than once.
  private func forEachNamed(in versions: Range<Int>, _ body: (ContainerID) -> Void) {
    let first = history.firstOther(from: versions.lowerBound)
    for other in history.others[first..<history.firstOther(from: versions.upperBound)] {
      other.operation.named(at: history.event(at: other.version)).forEach(body)
    }
    for sequence in history.sequences {
      let runs = sequence.log.runs(in: versions)
      if runs.isEmpty { continue }
      body(sequence.container)
      guard sequence.log.content == .items else { continue }
      for index in runs {
        let run = sequence.log[index].slice(versions)
        guard run.kind == .insert else { continue }
        for offset in 0..<run.count {
          if case .container(let kind) = sequence.elements[run.content + offset] {
            body(.element(history.event(at: run.version + offset), kind))
          }
        }
      }
    }
  }

  /// Lets go of the containers that nothing had named at the version.
  ///
  /// Complexity: O(operations since); and where something was made since, or was empty at the
  /// version and stood nowhere, that of the index of what was named.
  func forgetUnnamed() throws(MergeError) {
    var unknown = namedSince()
    func keep(_ container: ContainerID) {
      // A parent can be unknown though the container is not.
      for container in container.withParents { unknown.remove(container) }
    }
    for container in unknown where isInUse(container) || isInLog(container) { keep(container) }
    guard !unknown.isEmpty, let firstGone = gone.first?.lowerBound else { return }
    // Of what was made beside the version each part names what it names.
    for range in kept(from: firstGone) { forEachNamed(in: range, keep) }
    var index = NamingIndex()
    for container in unknown {
      let first =
        keepsOthers
        ? try keeper.namingIndex.first(naming: container, in: history)
        : try index.first(naming: container, in: history)
      if let first, first < firstGone { unknown.remove(container) }
    }
    past.forget(unknown)
  }

  /// The events from number `first` on that the version has.
  private func kept(from first: Int) -> [Range<Int>] {
    var kept: [Range<Int>] = []
    var start = first
    for range in gone {
      if start < range.lowerBound { kept.append(start..<range.lowerBound) }
      start = range.upperBound
    }
    if start < history.graph.count { kept.append(start..<history.graph.count) }
    return kept
  }

  /// Whether a container holds something, or stands where its name says.
  private func isInUse(_ container: ContainerID) -> Bool {
    guard let handle = past.handles[container] else { return false }
    if case .child(let parent, let key, _, _) = container, let map = past.handles[parent],
      past.kind(of: map) == .map, past.maps[past.slot(of: map)][key]?.holds(handle) == true
    {
      return true
    }
    let slot = past.slot(of: handle)
    return switch container.kind {
    case .map: container == .root || !past.maps[slot].isEmpty
    case .list: past.lists[slot].places.count > 0
    case .text: past.texts[slot].count > 0
    case .counter: past.counters[slot] != 0
    case .tree: !past.trees[slot].log.isEmpty
    }
  }

  /// Whether the log of a text or list says that the version had named a container: that text or
  /// list, or an element of the list.
  private func isInLog(_ container: ContainerID) -> Bool {
    if let sequence = history.sequence(of: container), sequence.log.runCount > 0,
      !gone.covers(sequence.log[0].version)
    {
      return true
    }
    guard case .element(let event, let kind) = container,
      let version = history.version(of: event), !gone.covers(version)
    else { return false }
    return history.sequences.contains { sequence in
      guard sequence.log.content == .items,
        case .container(let made)? = history.element(
          insertedAt: version, in: sequence.container)
      else { return false }
      return made == kind
    }
  }

  /// Whether an event of a text or list has no effect at the version, where one has none now.
  func isFlawed(_ sequence: SequenceHistory) throws(MergeError) -> Bool {
    let start = try history.documentAtStart()
    var length = 0
    if let handle = start.handles[sequence.container] {
      if start.containers[handle.index].isFlawed { return true }
      let slot = start.slot(of: handle)
      length =
        sequence.log.content == .text ? start.texts[slot].count : start.lists[slot].places.count
    }
    do {
      let merge = try SequenceWalker.merge(
        graph: history.graph, log: sequence.log, ranks: history.ranks,
        from: history.start.frontier, to: version, length: length, isSound: true)
      return merge.ineffectiveEventCount > 0
    } catch {
      throw .damagedHistory("\(sequence.container) of document \(past.id): \(error)")
    }
  }
}
