import Causality
import JSONCoding
import Sabotages

extension Document {
  /// Everything in the document that people did at once and that cannot all stand, until somebody
  /// decides: by writing to the place anew, or with ``Editor/resolve(_:taking:)``.
  ///
  /// - Parameter history: that of the document as it is.
  /// - Complexity: O(document and operations other than those of texts and lists); more only where
  ///   something was removed, or marks that differ were put on one text, while others edited.
  package func conflicts(in history: DocumentHistory) throws(MergeError) -> [Conflict] {
    guard !isDeleted else { return [] }
    let finder = ConflictFinder(self, history)
    var found = finder.documentConflicts()
    found += try finder.conflicts(in: .root, at: DocumentPath())
    return try finder.conflicts(found)
  }
}

/// Looks for what collides. It only asks who had seen what, never in which order things arrived.
struct ConflictFinder {
  typealias Place = WrittenPlace

  struct Write {
    var version: Int
    var event: EventID
    var lamport: UInt64
    /// Nil: whatever was there is gone.
    var content: ConflictSide.Content?
    var replaces: [EventID]

    /// The order of registers, in which the winner is the last.
    static func precedes(_ left: Write, _ right: Write) -> Bool {
      left.lamport != right.lamport ? left.lamport < right.lamport : left.event < right.event
    }
  }

  /// A conflict whose sides have yet to be described.
  struct Draft {
    var kind: Conflict.Kind
    var path: DocumentPath
    var base: Write?
    /// The container that was removed, as it was when that was decided.
    var removed: (container: ContainerID, by: Int)?
    /// The node of a tree that was removed, likewise.
    var removedNode: (node: EventID, tree: ContainerID, by: Int)?
    /// What the sides of a value had all seen.
    var common: [Int] = []
    var sides: [Side]
    /// Of a passage of a text: where it stands, and what it was.
    var range: Range<Int>?
    var baseText: TextVersion?
    /// Of an element that was deleted from a list.
    var element: EventID?
    /// Of a mark: its name, and the characters that have it.
    var mark: Key?
    var marked: [MarkedStretch] = []

    struct Side {
      /// Of what was done last.
      var version: Int
      var events: [EventID]
      var content: ConflictSide.Content?
      /// Among the elements that are shown.
      var index: Int?
      var text: TextVersion?
      /// Of a node of a tree: what it is to stand under.
      var parent: DocumentPath?
    }
  }

  let document: Document
  let history: DocumentHistory
  private(set) var writes: [Place: [Write]] = [:]
  /// Where the document was deleted as a whole, ascending.
  private(set) var deletions: [Int] = []
  /// Without those that were taken back.
  private(set) var resolutions: [(version: Int, events: [EventID])] = []
  let standings: Standings
  /// What was done for decisions that others have taken back.
  private(set) var takenBack: [Range<Int>] = []
  /// See ``rivalResolutions()``.
  private var rivals: [(Int, Int)] = []

  init(_ document: Document, _ history: DocumentHistory) {
    self.document = document
    self.history = history
    standings = Standings(history)
    for other in history.others { take(other) }
    let undone = resolutions.compactMap { decisionTakenBack($0.version, $0.events) }
    resolutions.removeAll { resolution in undone.contains { $0.version == resolution.version } }
    takenBack = undone.map(\.events).joined()
    rivals = rivalResolutions()
  }

  private mutating func take(_ other: OtherOperation) {
    let event = history.event(at: other.version)
    let container = other.operation.container
    func write(_ content: ConflictSide.Content?, _ replaces: [EventID]) -> Write {
      Write(
        version: other.version, event: event, lamport: other.lamport, content: content,
        replaces: replaces)
    }
    switch other.operation.action {
    case .set(let key, let value, let replaces):
      writes[Place(container: container, key: key), default: []].append(
        write(.value(value), replaces))
    case .make(let key, let kind, let isAnew, let replaces):
      let child = ContainerID.child(
        parent: container, key: key, kind: kind, generation: isAnew ? event : nil)
      writes[Place(container: container, key: key), default: []].append(
        write(.container(child), replaces))
    case .delete(let key, let replaces):
      writes[Place(container: container, key: key), default: []].append(write(nil, replaces))
    case .setElement(let element, let content, let replaces):
      guard let content = Self.content(of: content, at: event) else { return }
      writes[Place(container: container, element: element), default: []].append(
        write(content, replaces))
    case .deleteDocument: deletions.append(other.version)
    case .resolve(let events):
      if !standings.undone.contains(event.change) { resolutions.append((other.version, events)) }
    case .increment, .insertText, .insertElements, .remove, .createNode, .moveNode, .deleteNode,
      .mark, .unknown:
      break
    }
  }

  static func content(
    of element: Operation.Element, at event: EventID
  ) -> ConflictSide.Content? {
    switch element {
    case .value(let value): .value(value)
    case .container(let kind): .container(.element(event, kind))
    case .moved: nil
    }
  }

  // MARK: Who had seen what

  func isBefore(_ earlier: Int, _ later: Int) -> Bool {
    earlier != later && history.graph.contains(earlier, in: [later])
  }

  func areConcurrent(_ left: Int, _ right: Int) -> Bool {
    left != right && !history.graph.contains(left, in: [right])
      && !history.graph.contains(right, in: [left])
  }

  // MARK: Everything that can be reached

  func conflicts(
    in root: ContainerHandle, at path: DocumentPath
  ) throws(MergeError) -> [Draft] {
    var found: [Draft] = []
    var reached: [(handle: ContainerHandle, path: DocumentPath, depth: Int)] = [(root, path, 0)]
    var trees: [TreeConflictFinder] = []
    var isReached: Set<ContainerHandle> = [root]
    var isHeld = isReached
    let inner = InnerEdits(self)
    var index = 0
    while index < reached.count {
      let (handle, path, depth) = reached[index]
      index += 1
      guard depth <= ContainerID.depthMax else { continue }
      switch document.kind(of: handle) {
      case .list:
        found += positionConflicts(of: handle, path)
        found += try elementConflicts(of: handle, path, inner)
      case .text:
        found += try textConflicts(of: handle, path)
        found += try markConflicts(of: handle, path)
      case .tree:
        let tree = TreeConflictFinder(self, handle, at: path)
        trees.append(tree)
        for (node, path) in tree.shown {
          let content = document.content(of: node, in: handle)
          guard isReached.insert(content).inserted else { continue }
          isHeld.insert(content)
          reached.append((content, path.appending(.key(Document.valueMember)), depth + 1))
        }
      case .map, .counter: break
      }
      for (place, step, register) in registers(of: handle) {
        let here = path.appending(step)
        if let draft = valueConflict(at: place, register, here) { found.append(draft) }
        for entry in register.entries {
          if case .container(let child) = entry.content { isHeld.insert(child) }
        }
        // A path leads to the winner; what the others hold is shown with the conflict over them.
        if case .container(let child)? = register.winner?.content, isReached.insert(child).inserted
        {
          reached.append((child, here, depth + 1))
        }
      }
    }
    let removals = RemovalFinder(self, held: isHeld, inner)
    for (handle, path, _) in reached where document.kind(of: handle) == .map {
      found += removals.conflicts(in: document.containers[handle.index].id, at: path)
    }
    for tree in trees { found += tree.conflicts(removals) }
    return found
  }

  /// The registers of a map by ascending key, or of a list in order.
  private func registers(of handle: ContainerHandle) -> [(Place, PathStep, Register)] {
    let container = document.containers[handle.index].id
    let slot = document.slot(of: handle)
    switch document.kind(of: handle) {
    case .map:
      return document.maps[slot].sorted { $0.key < $1.key }.map { key, register in
        (Place(container: container, key: key), .key(key.text), register)
      }
    case .list:
      return document.lists[slot].elements.enumerated().map { index, element in
        (Place(container: container, element: element.event), .index(index), element.register)
      }
    case .text, .counter, .tree: return []
    }
  }

  // MARK: Values

  private func valueConflict(
    at place: Place, _ register: Register, _ path: DocumentPath
  ) -> Draft? {
    let group = writes[place] ?? []
    guard register.entries.count > 1 || group.contains(where: { $0.content == nil }) else {
      return nil
    }
    let entries = register.entries.compactMap { entry -> Write? in
      guard let version = history.version(of: entry.event) else { return nil }
      return Write(
        version: version, event: entry.event, lamport: entry.lamport,
        content: content(of: entry), replaces: [])
    }
    let gone = deletions(in: group, against: entries)
    guard register.isConflict || !gone.isEmpty, entries.count + gone.count > 1 else { return nil }
    var sides = gone + entries
    if Sabotage.listSidesByArrival.isPlanted { sides.sort { $0.version < $1.version } }
    return Draft(
      kind: .value, path: path, base: base(of: sides, group, place),
      common: sides.map(\.version),
      sides: sides.map {
        Draft.Side(version: $0.version, events: [$0.event], content: $0.content)
      })
  }

  /// What readers see at a key; nil when nothing is there.
  func shown(at key: Key, of map: ContainerID) -> ConflictSide.Content? {
    guard let handle = document.handles[map] else { return nil }
    return document.maps[document.slot(of: handle)][key]?.winner.map { content(of: $0) }
  }

  func content(of entry: Register.Entry) -> ConflictSide.Content {
    switch entry.content {
    case .value(let value): .value(value)
    case .container(let handle): .container(document.containers[handle.index].id)
    }
  }

  /// Deletions made without knowing of one of the entries, on which none of them builds, and of
  /// which nobody who knew of both has written here since.
  private func deletions(in group: [Write], against entries: [Write]) -> [Write] {
    let open = group.filter { deletion in
      guard deletion.content == nil,
        !entries.contains(where: { isBefore(deletion.version, $0.version) })
      else { return false }
      return entries.contains { entry in
        areConcurrent(deletion.version, entry.version)
          && !group.contains {
            isBefore(deletion.version, $0.version) && isBefore(entry.version, $0.version)
          }
      }
    }
    return newest(of: open).sorted(by: Write.precedes)
  }

  /// Those that no other one has seen. Complexity: O(n) questions for each that is left.
  private func newest(of writes: [Write]) -> [Write] {
    var newest: [Write] = []
    for write in writes.sorted(by: { $0.version > $1.version })
    where !newest.contains(where: { isBefore(write.version, $0.version) }) {
      newest.append(write)
    }
    return newest
  }

  /// What all sides had seen there.
  func base(of sides: [Write], _ group: [Write], _ place: Place) -> Write? {
    var seen = group.filter { write in
      sides.allSatisfy { isBefore(write.version, $0.version) }
    }
    if let element = place.element, let first = insertion(of: element, in: place.container) {
      seen.append(first)
    }
    return newest(of: seen).max { left, right in
      if (left.content == nil) != (right.content == nil) { return left.content == nil }
      return Write.precedes(left, right)
    }
  }

  /// What an element of a list held at first.
  func insertion(of element: EventID, in list: ContainerID) -> Write? {
    guard let version = history.version(of: element),
      let content = history.element(insertedAt: version, in: list)
    else { return nil }
    return Write(
      version: version, event: element, lamport: 0,
      content: Self.content(of: content, at: element), replaces: [])
  }

  // MARK: Texts and lists

  private func textConflicts(
    of handle: ContainerHandle, _ path: DocumentPath
  ) throws(MergeError) -> [Draft] {
    guard let (sequence, deeds) = try deeds(of: handle, wanted: rivals.flatMap { [$0, $1] })
    else { return [] }
    return TextCollisionFinder(self, sequence, deeds.withoutUndone(self), rivals)
      .conflicts(at: path)
  }

  private func elementConflicts(
    of handle: ContainerHandle, _ path: DocumentPath, _ inner: InnerEdits
  ) throws(MergeError) -> [Draft] {
    let finder = ElementRemovalFinder(self, handle, inner)
    guard finder.hasCandidates, let (sequence, deeds) = try deeds(of: handle) else { return [] }
    return finder.conflicts(at: path, sequence, deeds)
  }

  /// Nil when nobody ever deleted anything in a text or list while others edited.
  private func deeds(
    of handle: ContainerHandle, wanted: [Int] = []
  ) throws(MergeError) -> (SequenceHistory, SequenceDeeds)? {
    let container = document.containers[handle.index].id
    guard let sequence = history.sequence(of: container) else { return nil }
    do throws(SequenceError) {
      return try SequenceWalker.deeds(
        graph: history.graph, log: sequence.log, ranks: history.ranks, at: history.graph.frontier,
        wanted: wanted
      ).map { (sequence, $0) }
    } catch {
      throw .damagedHistory("\(container) of document \(history.document): \(error)")
    }
  }

  // MARK: Decisions

  /// Of the edits of each author the latest, which stands for those before it; sorted.
  func latestOfEach(_ edits: [Int]) -> [EventID] {
    var latest: [Origin: EventID] = [:]
    for event in edits.map({ history.event(at: $0) }) {
      let origin = event.change.origin
      latest[origin] = max(latest[origin] ?? event, event)
    }
    return latest.values.sorted()
  }

  /// The edits that nobody has seen who has decided what all of `names` are about.
  func unresolved(_ edits: [Int], by names: [EventID]) -> [Int] {
    guard !edits.isEmpty else { return [] }
    let deciding = resolutions.filter { resolution in
      names.allSatisfy { resolution.events.contains($0) }
    }
    if Sabotage.decideUnseen.isPlanted, !deciding.isEmpty { return [] }
    return edits.filter { edit in !deciding.contains { isBefore(edit, $0.version) } }
  }
}
