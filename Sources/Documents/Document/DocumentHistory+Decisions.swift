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

  /// Notes what a decision has written into texts that another one, made at once and about the same
  /// events, has written too.
  ///
  /// Of each origin only the first decision about the same counts, so that this is the same in
  /// whatever order changes come. Complexity: O(operations of the change, and decisions about the
  /// same); where another one was made at once, also O(texts and lists) and what the two have
  /// written.
  mutating func note(decision events: [EventID], version: Int) {
    let origin = graph.event(at: version).origin
    var start = change(at: version).lowerBound
    for other in others.dropLast().reversed() {
      guard other.version >= start else { break }
      if case .resolve = other.operation.action {
        start = other.version + 1
        break
      }
    }
    let decision = Decision(version: version, start: start)
    let known = decisions[events] ?? []
    guard !known.contains(where: { graph.event(at: $0.version).origin == origin }) else { return }
    decisions[events] = known + [decision]
    if Sabotage.decideTwice.isPlanted { return }
    for other in known
    where !graph.contains(other.version, in: [version])
      && !graph.contains(version, in: [other.version])
    {
      let isFirst = event(at: version) < event(at: other.version)
      let (first, second) = isFirst ? (decision, other) : (other, decision)
      for index in sequences.indices where sequences[index].container.kind == .text {
        let twins = sequences[index].log.twins(first.events, second.events)
        if !twins.isEmpty { note(twins, inSequence: index) }
      }
    }
  }
}
