import Causality

/// Where a document can show something else at two versions: the containers that an operation
/// changed that only one of them has, those in which these stand, and of maps the keys.
///
/// Complexity: O(operations between the versions), each with its depth.
struct TouchedPlaces {
  private var containers: Set<ContainerID> = []
  private var keys: [ContainerID: Set<Key>] = [:]

  /// - Parameter events: those that only one of the versions has, ascending.
  init(_ events: [Range<Int>], of history: DocumentHistory) {
    for range in events {
      let first = history.firstOther(from: range.lowerBound)
      for other in history.others[first..<history.firstOther(from: range.upperBound)] {
        let container = other.operation.container
        touch(container, in: history)
        if let key = other.operation.place?.key { keys[container, default: []].insert(key) }
      }
    }
    for sequence in history.sequences
    where events.contains(where: { !sequence.log.runs(in: $0).isEmpty }) {
      touch(sequence.container, in: history)
    }
  }

  private mutating func touch(_ container: ContainerID, in history: DocumentHistory) {
    var next: ContainerID? = container
    while let here = next, containers.insert(here).inserted {
      switch here {
      case .root: return
      case .child(let parent, let key, _, _):
        keys[parent, default: []].insert(key)
        next = parent
      case .element(let event, _): next = history.holder(of: event)
      }
    }
  }

  func contains(_ container: ContainerID) -> Bool { containers.contains(container) }

  /// The keys of a map, ascending.
  func keys(of map: ContainerID) -> [Key] { (keys[map] ?? []).sorted() }
}

extension DocumentHistory {
  /// The list or tree in which that is put which an event names. Complexity: O(lists and log runs).
  func holder(of event: EventID) -> ContainerID? {
    guard let version = version(of: event) else { return nil }
    let index = firstOther(from: version)
    if index < others.count, others[index].version == version {
      return others[index].operation.container
    }
    return sequences.lazy.map(\.container).first {
      $0.kind == .list && element(insertedAt: version, in: $0) != nil
    }
  }
}
