import Causality

/// Which event of a history was the first to name each container: by an operation in it or in one
/// within it, or by one that makes it.
///
/// It is made when it is first asked, and grows with the history. What operations of texts and of
/// the order of lists name is not in it: their logs tell.
struct NamingIndex: Sendable {
  private var firsts: [ContainerID: Int] = [:]
  /// How many of the others of the history are in it; nil when not even what it begins with is.
  private var coveredCount: Int?

  /// How many operations were looked at.
  private(set) var visitedCount = 0

  /// The first event that named a container; 0 for one that was there where the history begins.
  ///
  /// Complexity: O(1), and O(operations) that are not in the index yet.
  mutating func first(
    naming container: ContainerID, in history: DocumentHistory
  ) throws(MergeError) -> Int? {
    if coveredCount == nil {
      for container in try history.documentAtStart().containers { firsts[container.id] = 0 }
    }
    let known = coveredCount ?? history.start.otherCount
    for other in history.others[known...] {
      for container in other.operation.named(at: history.event(at: other.version)) {
        note(container, other.version)
      }
    }
    visitedCount += history.others.count - known
    coveredCount = history.others.count
    return firsts[container]
  }

  private mutating func note(_ container: ContainerID, _ version: Int) {
    for container in container.withParents {
      guard firsts[container] == nil else { return }
      firsts[container] = version
    }
  }
}

extension ContainerID {
  /// Itself and the containers in whose names it is named, the innermost first.
  var withParents: some Sequence<ContainerID> {
    sequence(first: self) { container in
      if case .child(let parent, _, _, _) = container { parent } else { nil }
    }
  }
}

extension Operation {
  /// The containers that an operation names, whose first event is `event`: the one it is in, and
  /// those that it makes. What these are named by is named with them.
  func named(at event: EventID) -> [ContainerID] {
    switch (action, container.kind) {
    case (.make(let key, let kind, let isAnew, _), .map):
      return [
        .child(parent: container, key: key, kind: kind, generation: isAnew ? event : nil),
        container,
      ]
    case (.setElement(_, .container(let kind), _), _): return [.element(event, kind), container]
    case (.createNode, .tree): return [.element(event, .map), container]
    case (.insertElements(_, let elements), _):
      var named = [container]
      for (offset, element) in elements.enumerated() {
        guard case .container(let kind) = element else { continue }
        var made = event
        made.index &+= UInt32(clamping: offset)
        named.append(.element(made, kind))
      }
      return named
    default: return [container]
    }
  }
}
