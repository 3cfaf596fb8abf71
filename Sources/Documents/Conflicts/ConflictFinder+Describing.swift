import ByteCoding
import Causality
import JSONCoding

// From who did what to what people are shown of it.
extension ConflictFinder {
  /// - Throws: when the history cannot be replayed to a version at which something was removed.
  func conflicts(_ drafts: [Draft]) throws(MergeError) -> [Conflict] {
    guard !drafts.isEmpty else { return [] }
    let stamps = history.stamps(of: drafts.flatMap { $0.sides.map(\.version) })
    var conflicts: [Conflict] = []
    for draft in drafts {
      let sides = draft.sides.map { side in
        ConflictSide(
          change: history.event(at: side.version).change,
          time: stamps[side.version]?.time ?? .epoch, value: json(of: side.content),
          events: side.events, content: side.content)
      }
      var base = json(of: draft.base?.content)
      if let (container, removal) = draft.removed {
        let before = try self.document(before: removal)
        base = before.handles[container].map { before.json(of: $0, depth: 0) }
      }
      conflicts.append(
        Conflict(
          id: ConflictID(draft.kind, document.id, sides), kind: draft.kind, path: draft.path,
          base: base, sides: sides, baseContent: draft.base?.content))
    }
    return conflicts
  }

  private func json(of content: ConflictSide.Content?) -> JSONValue? {
    switch content {
    case nil: nil
    case .value(let value): value.json
    case .container(let id): document.handles[id].map { document.json(of: $0, depth: 0) }
    case .document: document.json(of: .root, depth: 0)
    }
  }

  /// The document as it was for whoever made an event, less the change that it is of. Complexity:
  /// O(history).
  func document(before event: Int) throws(MergeError) -> Document {
    let change = history.event(at: event).change
    let seen = history.edits().filter { edit in
      guard edit.change != change, let version = history.lastVersion(of: edit.change) else {
        return false
      }
      return isBefore(version, event)
    }
    do {
      return try Document.replaying(document.id, seen)
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
