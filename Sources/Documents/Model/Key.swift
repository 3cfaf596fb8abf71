/// The key of a map member. Keys are equal when their UTF-8 bytes are, and are ordered by them:
/// Swift's own equality of strings would take two spellings of "é" for one key, and which of them
/// a document kept would depend on the order of arrival.
package struct Key: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The longest key, in UTF-8 bytes.
  package static let byteCountMax = 1_024

  package private(set) var text: String

  package init(_ text: String) {
    self.text = text
    self.text.makeContiguousUTF8()
  }

  package var description: String { text }

  package static func == (left: Key, right: Key) -> Bool {
    // Short ones lie within their sixteen bytes.
    if areSameBytes(left.text, right.text) { return true }
    // Both are kept contiguous.
    return left.text.utf8.count == right.text.utf8.count
      && left.text.utf8.withContiguousStorageIfAvailable { left in
        right.text.utf8.withContiguousStorageIfAvailable { left.elementsEqual($0) }
      } == true
  }

  package static func < (left: Key, right: Key) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }

  package func hash(into hasher: inout Hasher) {
    let hashed: Void? = text.utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if hashed == nil {
      for byte in text.utf8 { hasher.combine(byte) }
    }
    hasher.combine(0xFF as UInt8)
  }
}

extension Key: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self.init(value) }
}
