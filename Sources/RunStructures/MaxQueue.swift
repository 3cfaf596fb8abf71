/// A binary heap of (key, tag) pairs that yields the greatest key first. Pairs with equal keys come
/// out in no promised order: callers gather all pairs of one key before they decide anything.
@usableFromInline
package struct MaxQueue: Sendable {
  @usableFromInline
  package struct Entry: Sendable {
    @usableFromInline package var key: Int
    @usableFromInline package var tag: Int

    @inlinable
    package init(key: Int, tag: Int) {
      self.key = key
      self.tag = tag
    }
  }

  @usableFromInline var entries: ContiguousArray<Entry> = []

  @inlinable
  package init() {}

  @inlinable
  package var isEmpty: Bool { entries.isEmpty }

  @inlinable
  package var count: Int { entries.count }

  /// The greatest pair, or nil when the queue is empty. Complexity: O(1).
  @inlinable
  package var first: Entry? { entries.first }

  /// Complexity: O(log n).
  @inlinable
  package mutating func push(key: Int, tag: Int) {
    var hole = entries.count
    entries.append(Entry(key: key, tag: tag))
    while hole > 0 {
      let parent = (hole - 1) / 2
      guard entries[parent].key < key else { break }
      entries[hole] = entries[parent]
      hole = parent
    }
    entries[hole] = Entry(key: key, tag: tag)
  }

  /// Removes and returns the greatest pair. Complexity: O(log n).
  @inlinable
  package mutating func pop() -> Entry? {
    guard let last = entries.popLast() else { return nil }
    guard let top = entries.first else { return last }
    let count = entries.count
    var hole = 0
    while true {
      var child = 2 * hole + 1
      guard child < count else { break }
      if child + 1 < count, entries[child].key < entries[child + 1].key { child += 1 }
      guard last.key < entries[child].key else { break }
      entries[hole] = entries[child]
      hole = child
    }
    entries[hole] = last
    return top
  }

  @inlinable
  package mutating func removeAll() {
    entries.removeAll(keepingCapacity: true)
  }
}
