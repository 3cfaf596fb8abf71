import Causality

/// What a document would show without what some changes did, as far as it is to be restored: which
/// keys and elements get back what they held, which texts and lists change how, which counters by
/// how much.
///
/// Whatever others have put into a container that the edit made, or into an element that it
/// inserted, holds it there. A key or an element that holds what somebody else has set is left
/// alone.
struct Reversal {
  let document: Document
  let history: DocumentHistory
  let step: UndoStack.Step
  let effects: Effects
  private let finder: ConflictFinder
  /// The increments of counters.
  private let increments: [ContainerID: [(version: Int, amount: Int64)]]
  /// The texts and lists that the events touched, by container.
  let sequences: [ContainerID: [SequencePatch]]

  init(
    _ document: Document, _ step: UndoStack.Step, in history: DocumentHistory
  ) throws(MergeError) {
    self.document = document
    self.history = history
    self.step = step
    let effects = Effects(step, in: history)
    self.effects = effects
    finder = ConflictFinder(document, history)
    var sequences: [ContainerID: [SequencePatch]] = [:]
    for sequence in history.sequences {
      guard let handle = document.handles[sequence.container],
        effects.edit.contains(where: { !sequence.log.runs(in: $0).isEmpty })
      else { continue }
      do throws(SequenceError) {
        sequences[sequence.container] = try SequenceWalker.reversal(
          graph: history.graph, log: sequence.log, ranks: history.ranks, of: effects,
          isSound: !document.containers[handle.index].isFlawed)
      } catch {
        throw .damagedHistory("\(sequence.container) of document \(document.id): \(error)")
      }
    }
    self.sequences = sequences
    var increments: [ContainerID: [(version: Int, amount: Int64)]] = [:]
    for other in history.others {
      guard case .increment(let amount) = other.operation.action else { continue }
      increments[other.operation.container, default: []].append((other.version, amount))
    }
    self.increments = increments
  }

  // MARK: Keys and elements

  /// What a key or an element is to hold instead of what it holds.
  struct Replacement {
    var place: ConflictFinder.Place
    /// The entries that go.
    var replaces: [EventID]
    /// What comes, the winner last, each with the event that it stands for. Empty: what is left
    /// there is shown, or nothing is.
    var contents: [(content: ConflictSide.Content, root: EventID)]
    /// The container that is not shown any more.
    var dropped: ContainerID?
  }

  /// Nil when the place stays as it is.
  func replacement(at place: ConflictFinder.Place) -> Replacement? {
    let group = writes(at: place)
    let now = alive(in: group)
    let then = effective(in: group)
    // What is shown stays if it is in effect, whatever else is.
    guard now.last != nil || !then.isEmpty,
      !then.contains(where: { $0.version == now.last.map { effects.root(of: $0.version) } })
    else { return nil }
    let (shown, target) = (now.last, then.last)
    if shown?.content == target?.content { return nil }
    var dropped: ContainerID?
    if let shown, case .container(let container)? = shown.content {
      if isFirst(shown.version), holdsOthers(container) { return nil }
      dropped = container
    }
    let roots = Set(now.map { effects.root(of: $0.version) })
    let stays = Set(then.map(\.version))
    var replaces = now.filter { !stays.contains(effects.root(of: $0.version)) }.map(\.event)
    var contents: [(ConflictSide.Content, EventID)] = []
    if let target, let content = target.content {
      if !roots.contains(target.version) {
        for write in then.dropLast() where !roots.contains(write.version) {
          if case .value? = write.content, let lost = write.content {
            contents.append((lost, write.event))
          }
        }
        contents.append((content, target.event))
      } else if place.element != nil {
        // An entry of an element can only give way to another one.
        replaces += now.filter { effects.root(of: $0.version) == target.version }.map(\.event)
        contents.append((content, target.event))
      }
    }
    return Replacement(place: place, replaces: replaces, contents: contents, dropped: dropped)
  }

  /// The containers that the edit made under names of their own and that stand nowhere now: what
  /// came back in the place of one of them is another one.
  var abandoned: [ContainerID] {
    document.containers.lazy.map(\.id).filter { container in
      guard case .child(let map, let key, _, let generation?) = container,
        let made = history.version(of: generation), effects.edit.covers(made)
      else { return false }
      let register = document.handles[map].flatMap { document.maps[document.slot(of: $0)][key] }
      return document.handles[container].map { register?.holds($0) != true } ?? true
    }
  }

  /// The places that the edit wrote to, in the order in which they first did.
  var places: [ConflictFinder.Place] {
    finder.writes.compactMap { place, group in
      group.first { effects.edit.covers($0.version) }.map { (place, $0.version) }
    }.sorted { $0.1 < $1.1 }.map(\.0)
  }

  /// Whether an event made, or stands for what made, something that is now to be taken back: then
  /// what others have put into it stays.
  func isFirst(_ version: Int) -> Bool {
    step.direction == .undo && effects.edit.covers(effects.root(of: version))
  }

  /// All that was ever written to a place; for an element with what it held at first.
  func writes(at place: ConflictFinder.Place) -> [ConflictFinder.Write] {
    let group = finder.writes[place] ?? []
    guard let element = place.element,
      let first = finder.insertion(of: element, in: place.container)
    else { return group }
    return [first] + group
  }

  /// The entries that none of these writes has replaced, by ascending stamp.
  func alive(in group: [ConflictFinder.Write]) -> [ConflictFinder.Write] {
    var replaced: [EventID: [Int]] = [:]
    for write in group {
      for event in write.replaces { replaced[event, default: []].append(write.version) }
    }
    return group.filter { write in
      write.content != nil
        && !(replaced[write.event] ?? []).contains { finder.isBefore(write.version, $0) }
    }.sorted(by: ConflictFinder.Write.precedes)
  }

  /// The entries that there would be if only what is in effect had been written, ascending.
  private func effective(in group: [ConflictFinder.Write]) -> [ConflictFinder.Write] {
    let counted = group.filter { !effects.ignored.covers($0.version) }
    // Who replaces what stands for an entry replaces that.
    var replaced: [Int: [Int]] = [:]
    for write in counted {
      for event in write.replaces {
        guard let version = history.version(of: event) else { continue }
        if version == write.version || finder.isBefore(version, write.version) {
          replaced[effects.root(of: version), default: []].append(write.version)
        }
      }
    }
    return counted.filter { $0.content != nil && replaced[$0.version] == nil }
      .sorted(by: ConflictFinder.Write.precedes)
  }

  // MARK: What others have put in

  /// Whether something is shown in a container that is not of the author of the edit. What the
  /// author did there after making it was taken back before.
  func holdsOthers(_ container: ContainerID, depth: Int = 0) -> Bool {
    guard depth <= ContainerID.depthMax, let handle = document.handles[container] else {
      return true
    }
    let slot = document.slot(of: handle)
    switch container.kind {
    case .map:
      return document.maps[slot].contains { key, _ in
        isOfOthers(alive(in: writes(at: .init(container: container, key: key))).last, depth)
      }
    case .list:
      return document.lists[slot].shownElements.contains { holdsOthers($0, in: container, depth) }
    case .text: return hasTextOfOthers(container)
    case .counter:
      return (increments[container] ?? []).reduce(0) {
        $0 + (isOwn($1.version) ? 0 : Int128($1.amount))
      } != 0
    case .tree: return treeHoldsOthers(handle, depth)
    }
  }

  /// Whether an element of a list, or what it holds, is of somebody else.
  private func holdsOthers(_ element: EventID, in list: ContainerID, _ depth: Int) -> Bool {
    guard depth <= ContainerID.depthMax, let version = history.version(of: element),
      isOwn(version)
    else { return true }
    return isOfOthers(alive(in: writes(at: .init(container: list, element: element))).last, depth)
  }

  func isOfOthers(_ write: ConflictFinder.Write?, _ depth: Int) -> Bool {
    guard let write else { return false }
    if !isOwn(write.version) { return true }
    guard case .container(let child)? = write.content else { return false }
    return holdsOthers(child, depth: depth + 1)
  }

  /// Whether the author of the edit has done what an event did, or stands for.
  func isOwn(_ version: Int) -> Bool {
    let origin = history.event(at: effects.root(of: version)).change.origin
    return step.edit.runs.contains { $0.origin == origin }
  }

  private func hasTextOfOthers(_ text: ContainerID) -> Bool {
    guard let sequence = history.sequences.first(where: { $0.container == text }),
      let handle = document.handles[text],
      let steps = try? document.difference(
        handle, history, sequence, from: [], to: history.graph.frontier)
    else { return false }
    return steps.contains { step in
      var version = step.version
      while version < step.version + step.count {
        if !isOwn(version) { return true }
        let (_, end) = effects.standings.root(of: version)
        version = min(end, history.graph.changeEnd(at: version))
      }
      return false
    }
  }

  /// Whether a container is one of these or stands in one of them.
  func isInside(_ container: ContainerID, _ outer: Set<ContainerID>) -> Bool {
    var next: ContainerID? = container
    var steps = 0
    while let here = next, steps <= 4 * ContainerID.depthMax {
      if outer.contains(here) { return true }
      steps += 1
      switch here {
      case .root: next = nil
      case .child(let parent, _, _, _): next = parent
      case .element(let event, _): next = history.holder(of: event)
      }
    }
    return false
  }

  // MARK: Texts, counters and lists

  var texts: [ContainerID] {
    history.sequences.map(\.container).filter { text in
      text.kind == .text && (sequences[text] != nil || hasMarked(text))
    }
  }
  var touchedLists: [ContainerID] {
    history.sequences.map(\.container).filter { $0.kind == .list && sequences[$0] != nil }
  }

  /// What is to be done to a text, in order.
  func steps(of text: ContainerID) -> [TextStep] {
    guard let sequence = history.sequences.first(where: { $0.container == text }) else { return [] }
    var steps: [TextStep] = []
    for step in sequences[text] ?? [] {
      guard step.kind == .insert else {
        steps.append(.remove(at: step.position, count: step.count))
        continue
      }
      var offset = 0
      while offset < step.count {
        let (root, end) = effects.standings.root(of: step.version + offset)
        let changeEnd = history.graph.changeEnd(at: root)
        let count = min(step.count - offset, end - step.version - offset, changeEnd - root)
        let content = step.content + offset
        steps.append(
          .insert(
            at: step.position + offset, sequence.log.text(ofContent: content..<content + count),
            count: count, root: history.event(at: root)))
        offset += count
      }
    }
    return steps
  }

  enum TextStep {
    case remove(at: Int, count: Int)
    /// Scalars of which the first stands for the event, and so on.
    case insert(at: Int, String, count: Int, root: EventID)
  }

  /// What is to be added to each counter that the edit has counted, so that of what its author has
  /// counted as much counts as is in effect; in the order in which it did.
  var counts: [(counter: ContainerID, amount: Int128)] {
    increments.compactMap { container, all -> (ContainerID, Int128, Int)? in
      guard let first = all.first(where: { effects.edit.covers($0.version) }),
        container.kind == .counter
      else { return nil }
      let own = all.filter { isOwn($0.version) }
      let amount = own.reduce(0) {
        $0 - (effects.ignored.covers($1.version) ? Int128($1.amount) : 0)
      }
      return (container, amount, first.version)
    }.sorted { $0.2 < $1.2 }.map { ($0.0, $0.1) }
  }
}

extension DocumentHistory {
  /// The events of the change that an event is of.
  func change(at version: Int) -> Range<Int> {
    if let base, version < base.count { return 0..<base.count }
    return version - Int(event(at: version).index)..<graph.changeEnd(at: version)
  }

  /// The events of changes, ascending. Complexity: O(result log runs).
  func events(of changes: ChangeSet) -> [Range<Int>] {
    changes.runs.flatMap { run -> [Range<Int>] in
      guard let origin = index(of: run.origin) else { return [] }
      return graph.versions(origin: origin, sequences: run.sequences)
    }.joined()
  }

  /// What an event put into any list.
  func element(insertedAt version: Int) -> Operation.Element? {
    for sequence in sequences where sequence.container.kind == .list {
      if let element = element(insertedAt: version, in: sequence.container) { return element }
    }
    return nil
  }
}
