/// A queue of (key, tag) pairs that yields the greatest key first. Pairs with equal keys come out
/// in no promised order: callers gather all pairs of one key before they decide anything.
///
/// A few pairs are kept in order, the greatest last. When they get more they become a binary heap
/// until the queue is empty again.
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

  @usableFromInline static let sortedCountMax = 12

  @usableFromInline var entries = Arena<Entry>(capacity: 4)
  @usableFromInline var isHeap = false

  @inlinable
  package init() {}

  @inlinable
  package var isEmpty: Bool { entries.isEmpty }

  @inlinable
  package var count: Int { entries.count }

  /// The greatest pair, or nil when the queue is empty. Complexity: O(1).
  @inlinable
  package var first: Entry? {
    entries.isEmpty ? nil : entries.base[isHeap ? 0 : entries.count &- 1]
  }

  /// The greatest key, or a number below all keys when the queue is empty.
  @inlinable
  package var firstKey: Int {
    entries.isEmpty ? .min : entries.base[isHeap ? 0 : entries.count &- 1].key
  }

  /// Complexity: O(log n).
  @inlinable
  package mutating func push(key: Int, tag: Int) {
    let entry = Entry(key: key, tag: tag)
    var hole = entries.count
    entries.append(entry)
    let base = entries.base
    if !isHeap, hole == Self.sortedCountMax {
      // In the opposite order they are a heap.
      isHeap = true
      var sorted = UnsafeMutableBufferPointer(start: base, count: hole)
      sorted.reverse()
    }
    if isHeap {
      while hole > 0 {
        let parent = (hole - 1) / 2
        guard base[parent].key < key else { break }
        base[hole] = base[parent]
        hole = parent
      }
    } else {
      while hole > 0, base[hole &- 1].key > key {
        base[hole] = base[hole &- 1]
        hole &-= 1
      }
    }
    base[hole] = entry
  }

  /// Removes and returns the greatest pair. Complexity: O(log n).
  @inlinable
  package mutating func pop() -> Entry? {
    guard let last = entries.popLast() else { return nil }
    return isHeap ? sink(last) : last
  }

  /// Takes the greatest pair of the heap out and puts `last` in.
  @usableFromInline
  mutating func sink(_ last: Entry) -> Entry {
    let count = entries.count
    guard count > 0 else {
      isHeap = false
      return last
    }
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
}
