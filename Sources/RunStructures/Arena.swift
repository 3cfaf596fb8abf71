/// A stack of plain values in memory of its own, without copies, reference counts or checks for
/// uniqueness: what the inner loops of a replay work on.
///
/// Indexes are checked in debug builds only, so they must never come from input.
@usableFromInline
@frozen
package struct Arena<Element: BitwiseCopyable>: ~Copyable {
  /// The first element. Growing moves it.
  @usableFromInline package internal(set) var base: UnsafeMutablePointer<Element>
  @usableFromInline package internal(set) var count: Int
  @usableFromInline var capacity: Int

  /// - Parameter capacity: how many elements there will be room for before the first growth. No
  ///   memory is taken for 0.
  @inlinable
  package init(capacity: Int = 0) {
    base =
      capacity > 0
      ? .allocate(capacity: capacity) : UnsafeMutablePointer(bitPattern: 64).unsafelyUnwrapped
    count = 0
    self.capacity = capacity
  }

  @inlinable
  deinit { if capacity > 0 { base.deallocate() } }

  @inlinable
  package var isEmpty: Bool { count == 0 }

  @inlinable
  package var last: Element? { count > 0 ? base[count - 1] : nil }

  @inlinable
  package subscript(index: Int) -> Element {
    get {
      assert(index >= 0 && index < count, "index out of range")
      return base[index]
    }
    set {
      assert(index >= 0 && index < count, "index out of range")
      base[index] = newValue
    }
  }

  /// Complexity: O(1) amortised.
  @inlinable
  package mutating func append(_ element: Element) {
    if count == capacity { grow(to: count + 1) }
    base[count] = element
    count += 1
  }

  /// Appends `added` times the same element.
  @inlinable
  package mutating func append(repeating element: Element, count added: Int) {
    if capacity - count < added { grow(to: count + added) }
    (base + count).update(repeating: element, count: added)
    count += added
  }

  /// Appends room for `added` elements that are to be set before they are read.
  @inlinable
  package mutating func appendUnset(count added: Int) {
    if capacity - count < added { grow(to: count + added) }
    count += added
  }

  @inlinable
  package mutating func popLast() -> Element? {
    guard count > 0 else { return nil }
    count -= 1
    return base[count]
  }

  /// Forgets the last `removed` elements.
  @inlinable
  package mutating func removeLast(_ removed: Int) {
    assert(removed <= count, "more than there are")
    count -= removed
  }

  /// Forgets the elements and keeps their memory.
  @inlinable
  package mutating func removeAll() { count = 0 }

  @inlinable
  @inline(never)
  mutating func grow(to needed: Int) {
    let grown = max(needed, capacity * 2, 4)
    let new = UnsafeMutablePointer<Element>.allocate(capacity: grown)
    new.update(from: base, count: count)
    if capacity > 0 { base.deallocate() }
    base = new
    capacity = grown
  }
}
