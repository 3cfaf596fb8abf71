import Causality
import Sabotages

extension DocumentHistory {
  /// Somebody's decision about what some events did.
  struct Decision: Sendable {
    var version: Int
    /// The event of its change from which on all was done for it.
    var start: Int

    var events: Range<Int> { start..<version }
  }

  /// The decisions about the same events.
  struct Decisions: Sendable {
    /// Of each origin, in the order in which they decided first, ascending.
    fileprivate var byOrigin: [(origin: Int, versions: [Int])] = []
    /// By what their authors had seen of the others: those that were made alike.
    fileprivate(set) var alike: [[Int]: [Decision]] = [:]
  }

  /// So many decisions of one change can be the same as those of others.
  static let decisionsPerChangeMax = 256

  /// Notes what a decision has written into texts that another one about the same events, whose
  /// author had seen the same decisions about these, has written too.
  ///
  /// Neither of two such had seen the other. What is folded plays no part: all who decide above it
  /// have seen it. Complexity: O(log decisions about the same) questions for each origin that has
  /// decided about it; where another one is alike also O(texts) and what the two have written.
  mutating func note(decision events: [EventID], version: Int) {
    let change = change(at: version).lowerBound
    let isFollowing = lastDecision?.change == change
    let decision = Decision(
      version: version, start: isFollowing ? (lastDecision?.version ?? change) + 1 : change)
    let number = isFollowing ? (lastDecision?.number ?? 0) + 1 : 1
    lastDecision = (change, version, number)
    guard number <= Self.decisionsPerChangeMax, !Sabotage.decideTwice.isPlanted else { return }
    var known = decisions[events] ?? Decisions()
    let seen = known.seen(by: version, in: graph)
    for other in known.alike[seen] ?? [] {
      let isFirst = event(at: version) < event(at: other.version)
      let (first, second) = isFirst ? (decision, other) : (other, decision)
      for index in sequences.indices where sequences[index].container.kind == .text {
        let twins = sequences[index].log.twins(first.events, second.events)
        if !twins.isEmpty { note(twins, inSequence: index) }
      }
    }
    known.alike[seen, default: []].append(decision)
    known.add(version, by: graph.event(at: version).origin)
    decisions[events] = known
  }

  /// The decisions about some events that were made alike with one, that one included.
  func decisions(alike version: Int, about events: [EventID]) -> [Decision] {
    decisions[events]?.alike.values.first { $0.contains { $0.version == version } } ?? []
  }
}

extension DocumentHistory.Decisions {
  /// How many decisions of each origin that has any the author of an event had seen.
  fileprivate func seen(by version: Int, in graph: EventGraph) -> [Int] {
    var seen: [Int] = []
    for (number, entry) in byOrigin.enumerated() {
      var low = 0
      var high = entry.versions.count
      while low < high {
        let middle = (low + high) / 2
        if graph.contains(entry.versions[middle], in: [version]) {
          low = middle + 1
        } else {
          high = middle
        }
      }
      if low > 0 { seen += [number, low] }
    }
    return seen
  }

  fileprivate mutating func add(_ version: Int, by origin: Int) {
    if let index = byOrigin.firstIndex(where: { $0.origin == origin }) {
      byOrigin[index].versions.append(version)
    } else {
      byOrigin.append((origin, [version]))
    }
  }
}
