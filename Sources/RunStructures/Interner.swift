/// Gives each distinct key a dense index, in order of first sight.
///
/// Indexes are local: two replicas may give one key different indexes, so an order that must be
/// the same everywhere is taken from the keys.
package struct Interner<Key: Hashable & Sendable>: Sendable {
  private var keys: ContiguousArray<Key> = []
  private var indexes: [Key: Int] = [:]

  package init() {}

  /// How many distinct keys have been seen.
  package var count: Int { keys.count }

  /// The key at `index`, which must be below `count`.
  package subscript(index: Int) -> Key { keys[index] }

  /// The index of `key`, given out now if it is new. Complexity: O(1) expected.
  package mutating func intern(_ key: Key) -> Int {
    if let index = indexes[key] { return index }
    let index = keys.count
    keys.append(key)
    indexes[key] = index
    return index
  }

  /// The index of `key`, or nil when it has not been seen.
  package func index(of key: Key) -> Int? { indexes[key] }
}
