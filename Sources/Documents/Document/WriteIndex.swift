import Causality

/// A key of a map or an element of a list.
struct WrittenPlace: Hashable, Sendable {
  var container: ContainerID
  var key: Key?
  var element: EventID?
}

/// Which operations of a history wrote to a key of a map or to an element of a list.
///
/// It reaches back as far as anybody has asked, so that what was written to a place last is found
/// at the cost of what was written since, and grows with the history.
struct WriteIndex: Sendable {
  /// By place, among the others of the history: those from where the index began ascending, and
  /// those before it descending.
  private var later: [WrittenPlace: [Int]] = [:]
  private var earlier: [WrittenPlace: [Int]] = [:]
  /// The operations that are in it.
  private var covered: Range<Int>?
  /// How many operations were looked at.
  private(set) var visitedCount = 0

  /// The operations from number `first` on that wrote to a place, the latest first.
  ///
  /// - Parameter others: those of one history, which may have grown since the last time.
  /// - Complexity: O(result), and O(operations) that are not in the index yet.
  mutating func writes(
    to place: WrittenPlace, from first: Int, in others: ContiguousArray<OtherOperation>
  ) -> [Int] {
    cover(from: first, others)
    let found = (later[place] ?? []).reversed().prefix { $0 >= first }
    return found + (earlier[place] ?? []).prefix { $0 >= first }
  }

  private mutating func cover(from first: Int, _ others: ContiguousArray<OtherOperation>) {
    let known = covered ?? others.count..<others.count
    for index in known.upperBound..<others.count {
      if let place = others[index].operation.place { later[place, default: []].append(index) }
    }
    let low = min(first, known.lowerBound)
    for index in (low..<known.lowerBound).reversed() {
      if let place = others[index].operation.place { earlier[place, default: []].append(index) }
    }
    visitedCount += others.count - known.upperBound + known.lowerBound - low
    covered = low..<others.count
  }
}

extension Operation {
  /// Where it writes; nil for what writes to no register.
  var place: WrittenPlace? {
    switch (action, container.kind) {
    case (.set(let key, _, _), .map), (.make(let key, _, _, _), .map), (.delete(let key, _), .map):
      WrittenPlace(container: container, key: key)
    case (.setElement(let element, _, _), .list):
      WrittenPlace(container: container, element: element)
    default: nil
    }
  }

  /// The entries that it replaces at its place.
  var replaced: [EventID] {
    switch action {
    case .set(_, _, let events), .make(_, _, _, let events), .delete(_, let events),
      .setElement(_, _, let events):
      events
    default: []
    }
  }
}
