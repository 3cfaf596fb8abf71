/// A binary heap of (key, tag) pairs that yields the greatest key first. Pairs with equal keys come
/// out in no promised order: callers gather all pairs of one key before they decide anything.
@usableFromInline
package struct MaxQueue: ~Copyable {
  @usableFromInline
  @frozen
  package struct Entry: BitwiseCopyable, Sendable {
    @usableFromInline package var key: Int
    @usableFromInline package var tag: Int

    @inlinable
    package init(key: Int, tag: Int) {
      self.key = key
      self.tag = tag
    }
  }

  @usableFromInline var entries: Arena<Entry>

  @inlinable
  package init() {
    entries = Arena(capacity: 8)
  }

  @inlinable
  package var isEmpty: Bool { entries.isEmpty }

  @inlinable
  package var count: Int { entries.count }

  /// The greatest pair, or nil when the queue is empty. Complexity: O(1).
  @inlinable
  package var first: Entry? { entries.isEmpty ? nil : entries[0] }

  /// The greatest key, or a number below all keys when the queue is empty.
  @inlinable
  package var firstKey: Int { entries.isEmpty ? .min : entries[0].key }

  /// Complexity: O(log n).
  @inlinable
  package mutating func push(key: Int, tag: Int) {
    var hole = entries.count
    let entry = Entry(key: key, tag: tag)
    entries.append(entry)
    let base = entries.base
    while hole > 0 {
      let parent = (hole - 1) / 2
      guard base[parent].key < key else { break }
      base[hole] = base[parent]
      hole = parent
    }
    base[hole] = entry
  }

  /// Removes and returns the greatest pair. Complexity: O(log n).
  @inlinable
  package mutating func pop() -> Entry? {
    guard let last = entries.popLast() else { return nil }
    let count = entries.count
    guard count > 0 else { return last }
    let base = entries.base
    let top = base[0]
    var hole = 0
    while true {
      var child = 2 * hole + 1
      guard child < count else { break }
      if child + 1 < count, base[child].key < base[child + 1].key { child += 1 }
      guard last.key < base[child].key else { break }
      base[hole] = base[child]
      hole = child
    }
    base[hole] = last
    return top
  }

  @inlinable
  package mutating func removeAll() { entries.removeAll() }
}
