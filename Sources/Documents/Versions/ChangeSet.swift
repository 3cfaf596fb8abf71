public import Causality

/// Some changes; consecutive ones of one origin take no more room than one.
public struct ChangeSet: Hashable, Sendable {
  /// Consecutive changes of one origin.
  public struct Run: Hashable, Sendable {
    public var origin: Origin
    public var sequences: ClosedRange<UInt64>
  }

  /// Ascending by origin, then by number; no two that touch.
  public private(set) var runs: [Run] = []

  public init() {}

  public init(_ changes: some Sequence<ChangeID>) {
    for change in changes { insert(change) }
  }

  public var isEmpty: Bool { runs.isEmpty }

  /// Complexity: O(log runs).
  public func contains(_ change: ChangeID) -> Bool {
    let index = firstIndex(notBelow: change)
    return index < runs.count && runs[index].origin == change.origin
      && runs[index].sequences.contains(change.sequence)
  }

  public mutating func insert(_ change: ChangeID) {
    insert(Run(origin: change.origin, sequences: change.sequence...change.sequence))
  }

  public mutating func formUnion(_ other: ChangeSet) {
    for run in other.runs { insert(run) }
  }

  public mutating func subtract(_ other: ChangeSet) {
    var left: [Run] = []
    for run in runs {
      // The next one that is not known to be taken out; nil when there is none.
      var next: UInt64? = run.sequences.lowerBound
      for taken in other.runs where taken.origin == run.origin {
        guard let start = next, taken.sequences.upperBound >= start,
          taken.sequences.lowerBound <= run.sequences.upperBound
        else { continue }
        if taken.sequences.lowerBound > start {
          left.append(
            Run(origin: run.origin, sequences: start...taken.sequences.lowerBound - 1))
        }
        next =
          taken.sequences.upperBound < run.sequences.upperBound
          ? taken.sequences.upperBound + 1 : nil
      }
      if let next {
        left.append(Run(origin: run.origin, sequences: next...run.sequences.upperBound))
      }
    }
    runs = left
  }

  public func union(_ other: ChangeSet) -> ChangeSet {
    var union = self
    union.formUnion(other)
    return union
  }

  public func isDisjoint(with other: ChangeSet) -> Bool {
    other.runs.allSatisfy { run in
      let first = ChangeID(origin: run.origin, sequence: run.sequences.lowerBound)
      let index = firstIndex(notBelow: first)
      return index == runs.count || runs[index].origin != run.origin
        || runs[index].sequences.lowerBound > run.sequences.upperBound
    }
  }

  /// Complexity: O(runs).
  mutating func insert(_ new: Run) {
    var new = new
    let below = new.sequences.lowerBound == 0 ? 0 : new.sequences.lowerBound - 1
    let start = firstIndex(notBelow: ChangeID(origin: new.origin, sequence: below))
    var end = start
    while end < runs.count, runs[end].origin == new.origin,
      runs[end].sequences.lowerBound <= new.sequences.upperBound
        || runs[end].sequences.lowerBound - 1 == new.sequences.upperBound
    {
      let low = min(new.sequences.lowerBound, runs[end].sequences.lowerBound)
      let high = max(new.sequences.upperBound, runs[end].sequences.upperBound)
      new.sequences = low...high
      end += 1
    }
    runs.replaceSubrange(start..<end, with: [new])
  }

  /// The first run that does not end before a change.
  private func firstIndex(notBelow change: ChangeID) -> Int {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      let run = runs[middle]
      if (run.origin, run.sequences.upperBound) < (change.origin, change.sequence) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}
