import ByteCoding
import Causality
import JSONCoding

// From who did what to what people are shown of it.
extension ConflictFinder {
  /// - Throws: when the history cannot be replayed to a version at which something was removed.
  func conflicts(_ drafts: [Draft]) throws(MergeError) -> [Conflict] {
    guard !drafts.isEmpty else { return [] }
    // What came back by an undo is the deed of whoever did it first.
    let stamps = history.stamps(
      of: drafts.flatMap { $0.sides.map { standings.root(of: $0.version).root } })
    var conflicts: [Conflict] = []
    // One removal may have ended many containers.
    var earlier: [[Int]: Document] = [:]
    func document(before events: [Int]) throws(MergeError) -> Document {
      if let known = earlier[events] { return known }
      let found = try self.document(before: events)
      earlier[events] = found
      return found
    }
    for draft in drafts {
      let sides = draft.sides.map { side in
        let version = standings.root(of: side.version).root
        return ConflictSide(
          change: history.event(at: version).change,
          time: stamps[version]?.time ?? .epoch,
          value: side.text.map { .string($0.text) } ?? json(of: side.content),
          index: side.index, parent: side.parent, events: side.events, content: side.content,
          patches: side.text?.patches ?? [])
      }
      var base = draft.baseText.map { .string($0.text) } ?? json(of: draft.base?.content)
      if let (container, removal) = draft.removed {
        base = try document(before: [removal]).json(ofContainer: container)
      } else if let (node, tree, removal) = draft.removedNode {
        base = try document(before: [removal]).json(ofNode: node, in: tree)
      } else if case .container(let container)? = draft.base?.content {
        base = try document(before: draft.common).json(ofContainer: container)
      } else if let first = draft.marked.first?.base,
        draft.marked.allSatisfy({ $0.base == first })
      {
        base = json(of: first)
      }
      conflicts.append(
        Conflict(
          id: ConflictID(draft.kind, self.document.id, draft.path, sides), kind: draft.kind,
          path: draft.path, base: base, sides: sides, range: draft.range, mark: draft.mark?.text,
          baseContent: draft.base?.content,
          removal: draft.removed.map { history.event(at: $0.by) },
          element: draft.element, basePatches: draft.baseText?.patches ?? [],
          marked: draft.marked))
    }
    return conflicts
  }

  private func json(of content: ConflictSide.Content?) -> JSONValue? {
    switch content {
    case nil: nil
    case .value(let value): value.json
    case .container(let id): document.json(ofContainer: id)
    case .document: document.json(of: .root, depth: 0)
    case .node(let node, let tree): document.json(ofNode: node, in: tree)
    case .mark(.null, _): nil
    case .mark(let value, _): value.json
    }
  }

  /// The document as all saw it who made some events, less the changes that these are of.
  /// Complexity: O(history).
  func document(before events: [Int]) throws(MergeError) -> Document {
    let changes = events.map { history.event(at: $0).change }
    do {
      return try Document.replaying(history) { edit in
        guard !changes.contains(edit.change), let version = history.lastVersion(of: edit.change)
        else { return false }
        return events.allSatisfy { isBefore(version, $0) }
      }
    } catch let error as MergeError {
      throw error
    } catch {
      throw .damagedHistory("\(error)")
    }
  }

  /// The event of the highest stamp; nil when there is none. Complexity: O(changes of the history).
  func latest(of versions: [Int]) -> Int? {
    guard versions.count > 1 else { return versions.first }
    let stamps = history.stamps(of: versions)
    return versions.max { left, right in
      let (leftLamport, rightLamport) = (stamps[left]?.lamport ?? 0, stamps[right]?.lamport ?? 0)
      return leftLamport != rightLamport
        ? leftLamport < rightLamport : history.event(at: left) < history.event(at: right)
    }
  }
}

extension Document {
  fileprivate func json(ofNode node: EventID, in tree: ContainerID) -> JSONValue? {
    guard let tree = handles[tree], let number = trees[slot(of: tree)].node(node) else {
      return nil
    }
    return json(of: Branch(tree: tree, node: number), depth: 0, level: 0)
  }

  fileprivate func json(ofContainer id: ContainerID) -> JSONValue? {
    handles[id].map { json(of: $0, depth: 0) }
  }
}
