/// A set of changes by their numbers, one bit each.
package struct ModelVersion: Hashable, Sendable {
  /// Never ends in a zero, so that equal sets are equal words.
  private var words: [UInt64] = []

  package init() {}

  package init(_ numbers: some Sequence<Int>) {
    for number in numbers { insert(number) }
  }

  package func contains(_ number: Int) -> Bool {
    let word = number >> 6
    return word < words.count && words[word] & (1 << UInt64(number & 63)) != 0
  }

  package mutating func insert(_ number: Int) {
    let word = number >> 6
    while words.count <= word { words.append(0) }
    words[word] |= 1 << UInt64(number & 63)
  }

  package mutating func formUnion(_ other: ModelVersion) {
    while words.count < other.words.count { words.append(0) }
    for word in other.words.indices { words[word] |= other.words[word] }
  }

  package func isSubset(of other: ModelVersion) -> Bool {
    guard words.count <= other.words.count else { return false }
    return words.indices.allSatisfy { words[$0] & ~other.words[$0] == 0 }
  }
}
