/// For each origin the highest sequence number seen. As what a replica shows is always closed under
/// happened-before, a version vector names its whole state.
///
/// Parker et al., "Detection of Mutual Inconsistency in Distributed Systems", 1983. Entries are
/// kept sorted by origin and are never zero, so that equal vectors are equal bytes.
public struct VersionVector: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public var origin: Origin
    public var sequence: UInt64

    public init(origin: Origin, sequence: UInt64) {
      self.origin = origin
      self.sequence = sequence
    }
  }

  /// How two vectors stand to each other.
  public enum Relation: Sendable {
    case equal, before, after, concurrent
  }

  /// Sorted by origin, without zeros.
  public private(set) var entries: [Entry] = []

  public init() {}

  /// Takes entries in any order; the highest sequence of an origin counts.
  @inlinable
  public init(_ entries: some Sequence<Entry>) {
    self.init()
    for entry in entries { advance(entry.origin, to: entry.sequence) }
  }

  /// Takes entries that are sorted by origin, each once, without zeros: a part of another vector.
  ///
  /// Complexity: O(1).
  package init(sorted entries: [Entry]) {
    self.entries = entries
  }

  public var isEmpty: Bool { entries.isEmpty }

  /// The sequence seen from `origin`; 0 when nothing was. Complexity: O(log n).
  public subscript(origin: Origin) -> UInt64 {
    let index = firstIndex(notBelow: origin)
    guard index < entries.count, entries[index].origin == origin else { return 0 }
    return entries[index].sequence
  }

  public func contains(_ change: ChangeID) -> Bool {
    change.sequence <= self[change.origin]
  }

  /// Raises the entry of `origin` to `sequence`; a lower one changes nothing. Complexity: O(n) for
  /// a new origin, else O(log n).
  public mutating func advance(_ origin: Origin, to sequence: UInt64) {
    guard sequence > 0 else { return }
    let index = firstIndex(notBelow: origin)
    if index < entries.count, entries[index].origin == origin {
      if entries[index].sequence < sequence { entries[index].sequence = sequence }
    } else {
      entries.insert(Entry(origin: origin, sequence: sequence), at: index)
    }
  }

  public mutating func advance(to change: ChangeID) {
    advance(change.origin, to: change.sequence)
  }

  /// Sets the entry of `origin`, also to a lower number; 0 removes it.
  public mutating func set(_ origin: Origin, to sequence: UInt64) {
    let index = firstIndex(notBelow: origin)
    let isPresent = index < entries.count && entries[index].origin == origin
    switch (isPresent, sequence) {
    case (true, 0): entries.remove(at: index)
    case (true, _): entries[index].sequence = sequence
    case (false, 0): break
    case (false, _): entries.insert(Entry(origin: origin, sequence: sequence), at: index)
    }
  }

  /// The smallest vector that covers both. Complexity: O(n + m).
  public mutating func formUnion(_ other: VersionVector) {
    var merged: [Entry] = []
    merged.reserveCapacity(max(entries.count, other.entries.count))
    var left = entries[...]
    var right = other.entries[...]
    while let mine = left.first, let theirs = right.first {
      if mine.origin < theirs.origin {
        merged.append(mine)
        left.removeFirst()
      } else if theirs.origin < mine.origin {
        merged.append(theirs)
        right.removeFirst()
      } else {
        merged.append(mine.sequence < theirs.sequence ? theirs : mine)
        left.removeFirst()
        right.removeFirst()
      }
    }
    merged.append(contentsOf: left)
    merged.append(contentsOf: right)
    entries = merged
  }

  public func union(_ other: VersionVector) -> VersionVector {
    var result = self
    result.formUnion(other)
    return result
  }

  /// The largest vector that both cover. Complexity: O(n log m).
  public func intersection(_ other: VersionVector) -> VersionVector {
    var result = VersionVector()
    for entry in entries {
      let common = min(entry.sequence, other[entry.origin])
      if common > 0 { result.entries.append(Entry(origin: entry.origin, sequence: common)) }
    }
    return result
  }

  /// Whether every change of `other` is in this one. Complexity: O(m log n).
  public func covers(_ other: VersionVector) -> Bool {
    other.entries.allSatisfy { self[$0.origin] >= $0.sequence }
  }

  public func relation(to other: VersionVector) -> Relation {
    switch (other.covers(self), covers(other)) {
    case (true, true): .equal
    case (true, false): .before
    case (false, true): .after
    case (false, false): .concurrent
    }
  }

  /// How many changes this vector has that `other` lacks, saturating.
  public func changeCount(beyond other: VersionVector) -> UInt64 {
    var total: UInt64 = 0
    for entry in entries {
      let known = other[entry.origin]
      guard entry.sequence > known else { continue }
      let (sum, overflow) = total.addingReportingOverflow(entry.sequence - known)
      if overflow { return .max }
      total = sum
    }
    return total
  }

  /// Adds an entry behind all others; the caller has checked the order.
  mutating func append(_ entry: Entry) {
    entries.append(entry)
  }

  private func firstIndex(notBelow origin: Origin) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].origin < origin { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
