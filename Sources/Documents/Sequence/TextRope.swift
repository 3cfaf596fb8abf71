internal import RunStructures

/// A text in memory: UTF-8 in blocks of up to 2 KB under a counted tree.
///
/// Positions are Unicode scalars. Each block is a gap buffer, and the block last edited is
/// remembered, so that typing goes straight to its gap. A scalar never straddles two blocks. A
/// short text is one block of its size.
///
/// A value: copies share their memory until one of them is edited, which copies the text.
///
/// Memory: at most twice the UTF-8 bytes and 64 KB, whatever the edits were.
///
/// Complexity: O(log n) for an operation elsewhere, O(1) amortised for one beside the last; each
/// may move or scan up to one block.
package struct TextRope {
  /// The most bytes that a text can have; it keeps every width within 32 bits.
  package static let utf8CountMax = 1 << 31
  /// The most bytes of a block.
  package static let blockCapacity = TextRopeBlock.capacityMax

  var storage: TextRopeStorage

  package init() {
    storage = .empty
  }

  /// A text must not exceed `utf8CountMax` bytes.
  package init(_ string: String) {
    var string = string
    self = string.withUTF8 { TextRope(validUTF8: $0) }
  }

  /// The text in `utf8`, or nil when that is not valid UTF-8 or too long. Complexity: O(bytes).
  package init?(validatingUTF8 utf8: UnsafeBufferPointer<UInt8>) {
    guard utf8.count <= Self.utf8CountMax else { return nil }
    guard !utf8.isEmpty else {
      storage = .empty
      return
    }
    storage = .make(TextRopeTree(minimumCapacity: utf8.count))
    // Pieces are checked, measured and copied one after another, while they are in the cache.
    guard storage.withTree({ $0.open(utf8) }) else { return nil }
  }

  /// The text in `utf8`, which is known to be valid UTF-8. Complexity: O(bytes).
  package init(validUTF8 utf8: UnsafeBufferPointer<UInt8>) {
    precondition(utf8.count <= Self.utf8CountMax, "a text has at most 2^31 bytes")
    guard !utf8.isEmpty else {
      storage = .empty
      return
    }
    storage = .make(TextRopeTree(minimumCapacity: utf8.count))
    storage.withTree { $0.insert(utf8, at: 0) }
  }

  // MARK: Storage

  /// What the text consists of, to read.
  @inline(__always)
  func read<Result, Failure: Error>(
    _ body: (borrowing TextRopeTree) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try storage.readTree(body)
  }

  // MARK: Size

  /// The number of Unicode scalars. Complexity: O(1), as are the other counts.
  @inline(__always)
  package var count: Int { read { $0.scalars } }
  package var utf8Count: Int { read { $0.total.utf8 } }
  package var utf16Count: Int { read { $0.total.utf16 } }
  package var isEmpty: Bool { count == 0 }

  /// How many bytes of memory the text takes, what the allocator adds left out. Complexity:
  /// O(blocks).
  package var memorySize: Int { read { $0.memorySize } }
}

// The tree changes only while one value alone has the storage; otherwise it is only read.
extension TextRope: @unchecked Sendable {}

/// The one reference that a text is. Its tree lies within the same allocation.
final class TextRopeStorage: ManagedBuffer<TextRopeTree, UInt8> {
  /// Shared by all texts that are empty from the beginning, and never changed.
  nonisolated(unsafe) static let empty = make(TextRopeTree(minimumCapacity: 0))

  static func make(_ tree: TextRopeTree) -> TextRopeStorage {
    // `create` makes an instance of the class that it is called on.
    unsafeDowncast(create(minimumCapacity: 0) { _ in tree }, to: TextRopeStorage.self)
  }

  deinit {
    withTree { $0.free() }
  }

  @inline(__always)
  func readTree<Result, Failure: Error>(
    _ body: (borrowing TextRopeTree) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeMutablePointerToHeader { (tree) throws(Failure) in try body(tree.pointee) }
  }

  @inline(__always)
  func withTree<Result, Failure: Error>(
    _ body: (inout TextRopeTree) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeMutablePointerToHeader { (tree) throws(Failure) in try body(&tree.pointee) }
  }
}

/// Why a text refused an operation. Nothing was changed.
package enum TextRopeError: Error, Equatable, Sendable {
  /// The range, in the unit of the question, is not within the text.
  case outOfRange(Range<Int>, length: Int)
  case invalidUTF8
  case tooLong(utf8CountMax: Int)
}
