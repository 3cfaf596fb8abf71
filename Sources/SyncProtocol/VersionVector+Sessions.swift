import Causality

// Vectors of peers may name very many origins: what a message does to them is O(n + m), never
// O(n · m).
extension VersionVector {
  /// Up to so many entries are put in one by one.
  private static let fewEntries = 8

  /// Takes what is higher in `other`. Complexity: O(n + m), for few known origins O(log n).
  mutating func merge(_ other: VersionVector) {
    if other.entries.count <= VersionVector.fewEntries {
      for entry in other.entries { advance(entry.origin, to: entry.sequence) }
    } else {
      formUnion(other)
    }
  }

  /// Removes each entry that `reached` has got to. Complexity: as that of `merge`.
  mutating func settle(_ reached: VersionVector) {
    guard !isEmpty else { return }
    if reached.entries.count <= VersionVector.fewEntries {
      for entry in reached.entries {
        let goal = self[entry.origin]
        if goal > 0, goal <= entry.sequence { set(entry.origin, to: 0) }
      }
    } else {
      self = VersionVector(sorted: entries.filter { $0.sequence > reached[$0.origin] })
    }
  }

  /// Of `other`, the entries above this vector's.
  func news(in other: VersionVector) -> VersionVector {
    // Mostly it is one entry, and all of it or nothing is new.
    if other.entries.allSatisfy({ $0.sequence > self[$0.origin] }) { return other }
    return VersionVector(sorted: other.entries.filter { $0.sequence > self[$0.origin] })
  }

  init(one origin: Origin, _ sequence: UInt64) {
    self.init(sorted: sequence > 0 ? [Entry(origin: origin, sequence: sequence)] : [])
  }

  init(_ tips: [ChainTip]) {
    self.init(tips.lazy.map { Entry(origin: $0.origin, sequence: $0.sequence) })
  }

  /// Vectors of which each fits into one message; none of an empty one.
  func chunked() -> [VersionVector] {
    if entries.count <= MessageLimits.entriesMax { return isEmpty ? [] : [self] }
    return entries.chunked(by: MessageLimits.entriesMax).map { VersionVector($0) }
  }
}

extension Array {
  /// Slices of at most `size` elements; none of an empty array.
  func chunked(by size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
