import Causality

/// Takes a document back to an earlier version: what was done since is taken out again, place by
/// place, and what is older is not looked at but for what comes back.
///
/// - A register holds at the version what it holds now and held then, and what was replaced since:
///   both are named, by the register and by the operations since. Whether something older had
///   replaced one of these already, the operations on the place tell that followed it.
/// - Texts, and the order of lists, are led back by their difference.
/// - Counters count back. Operations of trees are withdrawn. Marks on texts are replayed from a
///   version nearby, unless nothing was marked or comes back.
/// - Containers that nothing had named at the version are forgotten.
///
/// Complexity: O(n log n) for the n operations since the version, and those since what comes back
/// was written; and the copies of the maps, lists, texts and trees that have changed.
struct Rewinding {
  /// The document with what is known of its history.
  let keeper: Document
  /// What is taken back.
  let past: Document
  let history: DocumentHistory
  /// That of the document.
  private let start: [Int]
  let version: [Int]
  /// The events between, ascending.
  let since: [Range<Int>]
  /// All that the version has not of the history, ascending.
  let gone: [Range<Int>]

  /// The operations that wrote to each place, and the places in the order in which they first did.
  private var writes: [WrittenPlace: [Int]] = [:]
  private var places: [WrittenPlace] = []
  private var moved: [ContainerID: [EventID]] = [:]
  private var marked: Set<ContainerID> = []
  /// Elements of lists that come back with what they held.
  private var restored: Set<WrittenPlace> = []
  private(set) var lamports: LamportIndex

  /// - Parameters:
  ///   - document: as it was at the version `start` of its history.
  ///   - version: part of that, with all that is folded.
  init(
    _ document: Document, known keeper: Document, at start: [Int], to version: [Int],
    in history: DocumentHistory
  ) {
    self.keeper = keeper
    self.history = history
    self.start = start
    self.version = version
    lamports = LamportIndex(history)
    past = document.copy()
    past.releaseHistory()
    since = history.graph.difference(version, start).onlyRight
    gone =
      start == history.graph.frontier
      ? since : history.graph.difference(version, history.graph.frontier).onlyRight
  }

  /// Complexity: see ``Rewinding``.
  mutating func run() throws -> Document {
    takeOut()
    for sequence in history.sequences { try rewind(sequence) }
    for place in places { restore(place) }
    for (tree, events) in moved {
      guard let handle = past.handles[tree] else { continue }
      past.trees[past.slot(of: handle)].withdraw(events)
    }
    try forgetUnnamed()
    past.frontier = version.map {
      Document.FrontierEntry(
        change: history.event(at: $0).change, endsInDelete: history.isDelete(at: $0))
    }.sorted { $0.change < $1.change }
    return past
  }

  /// Looks at the operations since the version that are none of texts or of the order of lists.
  private mutating func takeOut() {
    for range in since {
      let first = history.firstOther(from: range.lowerBound)
      for index in first..<history.firstOther(from: range.upperBound) {
        let operation = history.others[index].operation
        if let place = operation.place {
          if writes[place] == nil { places.append(place) }
          writes[place, default: []].append(index)
          continue
        }
        guard let handle = past.handles[operation.container] else { continue }
        switch (operation.action, operation.container.kind) {
        case (.increment(let amount), .counter):
          past.counters[past.slot(of: handle)] &-= Int128(amount)
        case (.createNode, .tree), (.moveNode, .tree), (.deleteNode, .tree):
          moved[operation.container, default: []].append(
            history.event(at: history.others[index].version))
        case (.mark, .text): marked.insert(operation.container)
        default: break
        }
      }
    }
  }

  // MARK: Texts and lists

  private mutating func rewind(_ sequence: SequenceHistory) throws {
    let isEdited = since.contains { !sequence.log.runs(in: $0).isEmpty }
    guard isEdited || marked.contains(sequence.container),
      let handle = past.handles[sequence.container]
    else { return }
    if isEdited, past.containers[handle.index].isFlawed {
      past.containers[handle.index].isFlawed = try isFlawed(sequence)
    }
    let steps =
      isEdited
      ? try keeper.difference(handle, history, sequence, from: start, to: version) : []
    if sequence.log.content == .text {
      try past.apply(steps, of: sequence, to: handle)
      try rewindMarks(of: sequence, handle, steps)
    } else {
      rewind(list: sequence, past.slot(of: handle), steps)
    }
  }

  private func rewindMarks(
    of sequence: SequenceHistory, _ handle: ContainerHandle, _ steps: [SequencePatch]
  ) throws {
    let operations = history.marks(of: sequence.container)
    guard !operations.isEmpty else { return }
    let slot = past.slot(of: handle)
    if operations.allSatisfy({ gone.covers($0.version) }) {
      past.marks[slot] = nil
    } else if !marked.contains(sequence.container), steps.allSatisfy({ $0.kind == .delete }) {
      for step in steps {
        past.removeMarks(step.position..<step.position + step.count, slot: slot)
      }
    } else {
      let marks = try keeper.marks(
        of: sequence, in: history, at: version, length: past.texts[slot].count)
      past.marks[slot] = marks.isPlain ? nil : marks
    }
  }

  private mutating func rewind(
    list sequence: SequenceHistory, _ slot: Int, _ steps: [SequencePatch]
  ) {
    let ascending = steps.filter { $0.kind == .insert }
      .flatMap { $0.version..<$0.version + $0.count }.sorted()
    var entries: [Int: (EventID, ListState.Entry)] = [:]
    for version in ascending {
      let lamport = lamports.lamport(of: version)
      entries[version] = entry(version, lamport, of: sequence)
    }
    past.lists[slot].beginMerge()
    for version in ascending {
      guard case .moved(let element, _)? = entries[version]?.1, !past.lists[slot].knows(element)
      else { continue }
      past.lists[slot].bring(element, register(of: element, in: sequence.container))
    }
    for step in steps {
      let range = step.position..<step.position + step.count
      if step.kind == .delete {
        past.lists[slot].remove(range.clamped(to: 0..<past.lists[slot].places.count))
      } else {
        past.lists[slot].insert(
          (step.version..<step.version + step.count).compactMap { entries[$0] },
          at: min(step.position, past.lists[slot].places.count))
      }
    }
    past.lists[slot].endMerge()
  }

  /// What an event puts into a list.
  private mutating func entry(
    _ version: Int, _ lamport: UInt64, of sequence: SequenceHistory
  ) -> (EventID, ListState.Entry) {
    let event = history.event(at: version)
    let list = sequence.container
    guard case .moved(let element)? = history.element(insertedAt: version, in: list) else {
      return (event, .element(register(of: event, in: list)))
    }
    guard history.isElement(element, of: list, seenBy: version) else { return (event, .orphan) }
    return (event, .moved(element, lamport: lamport))
  }

  // MARK: Registers

  /// What an element that comes back to a list held.
  private mutating func register(of element: EventID, in list: ContainerID) -> Register {
    let place = WrittenPlace(container: list, element: element)
    restored.insert(place)
    guard let first = history.version(of: element) else { return Register() }
    let all = writes(to: place, from: first).map { history.others[$0].version } + [first]
    return register(at: place, keeping: [], orOneOf: all.filter { !gone.covers($0) })
  }

  /// Lets a place hold what it held.
  private mutating func restore(_ place: WrittenPlace) {
    guard let handle = past.handles[place.container], !restored.contains(place) else { return }
    let slot = past.slot(of: handle)
    let now =
      place.key.map { past.maps[slot][$0] }
      ?? place.element.flatMap {
        past.lists[slot].register(of: $0)
      }
    // What an element held that is not in the list does not matter.
    if place.element != nil, now == nil { return }
    var kept: [Register.Entry] = []
    for entry in now?.entries ?? [] {
      if let version = history.version(of: entry.event), gone.covers(version) { continue }
      kept.append(entry)
    }
    var replaced: Set<Int> = []
    for index in writes[place] ?? [] {
      for event in history.others[index].operation.replaced {
        if let version = history.version(of: event), !gone.covers(version) {
          replaced.insert(version)
        }
      }
    }
    let register = register(at: place, keeping: kept, orOneOf: replaced.sorted())
    if let key = place.key {
      past.maps[slot][key] = register.isEmpty ? nil : register
    } else if let element = place.element {
      past.lists[slot].update(element) { $0 = register }
    }
  }

  /// - Parameters:
  ///   - kept: entries that were there.
  ///   - others: events that may have written others, of which some had been replaced.
  private mutating func register(
    at place: WrittenPlace, keeping kept: [Register.Entry], orOneOf others: [Int]
  ) -> Register {
    var entries: [EventID: Register.Entry] = [:]
    for version in others {
      if let entry = entry(writtenBy: version, at: place) { entries[entry.event] = entry }
    }
    for entry in kept { entries[entry.event] = nil }
    if !entries.isEmpty, let first = others.min() {
      for index in writes(to: place, from: first) where !entries.isEmpty {
        let write = history.others[index]
        guard !gone.covers(write.version) else { continue }
        let event = history.event(at: write.version)
        for replaced in write.operation.replaced
        where entries[replaced] != nil
          && past.isSeen(replaced, by: event, history.past(of: write.version))
        {
          entries[replaced] = nil
        }
      }
    }
    var register = Register(ascending: kept)
    for entry in entries.values { register.insert(entry) }
    return register
  }

  /// Whether what the document knows of its history is true of this one.
  var keepsOthers: Bool { keeper.history?.hasSameOthers(as: history) == true }

  private func writes(to place: WrittenPlace, from version: Int) -> [Int] {
    let first = history.firstOther(from: version)
    guard keepsOthers else {
      var index = WriteIndex()
      return index.writes(to: place, from: first, in: history.others)
    }
    return keeper.writeIndex.writes(to: place, from: first, in: history.others)
  }

  /// The entry that an event put there; nil for one that put none.
  private mutating func entry(writtenBy version: Int, at place: WrittenPlace) -> Register.Entry? {
    let event = history.event(at: version)
    let index = history.firstOther(from: version)
    guard index < history.others.count, history.others[index].version == version else {
      guard place.element == event,
        let element = history.element(insertedAt: version, in: place.container),
        let content = past.content(of: element, at: event)
      else { return nil }
      return Register.Entry(
        event: event, lamport: lamports.lamport(of: version), content: content)
    }
    let write = history.others[index]
    guard write.operation.place == place else { return nil }
    let content: Register.Content?
    switch write.operation.action {
    case .set(_, let value, _): content = .value(value)
    case .make(let key, let kind, let isAnew, _):
      content = .container(
        past.materialise(
          .child(
            parent: place.container, key: key, kind: kind, generation: isAnew ? event : nil)))
    case .setElement(let element, let new, _):
      guard past.isSeen(element, by: event, history.past(of: version)) else { return nil }
      content = past.content(of: new, at: event)
    default: content = nil
    }
    return content.map { Register.Entry(event: event, lamport: write.lamport, content: $0) }
  }
}
