internal import RunStructures

/// A text in memory: UTF-8 in blocks of up to 2 KB under a counted tree.
///
/// Positions are Unicode scalars. Each block is a gap buffer of its own,
///
///     block   [ text before the gap | gap | text after it ]
///             0             gapStarts[b]  gapEnds[b]       blockCapacity
///
/// and the block last edited is remembered, so that typing goes straight to its gap: the tree
/// learns of the new widths when the editing moves elsewhere. A scalar never straddles two blocks.
///
/// Lanes of the tree: first = scalars, second = UTF-8 bytes, third = UTF-16 units.
///
/// Complexity: O(log n) for an operation elsewhere, O(1) amortised for one beside the last; each
/// may move or scan up to one block.
package struct TextRope: Sendable {
  static let blockCapacity = 2048
  /// How full blocks are made when much text comes at once, so that the first edits find room.
  static let blockFill = blockCapacity - blockCapacity / 16
  /// The most bytes that a text can have; it keeps every width within 32 bits.
  package static let utf8CountMax = 1 << 31

  var tree = CountedTree()
  /// Block `b` is `bytes[b * blockCapacity ..< (b + 1) * blockCapacity]`.
  var bytes = ContiguousArray<UInt8>(repeating: 0, count: Self.blockCapacity)
  var gapStarts: ContiguousArray<Int> = [0]
  var gapEnds: ContiguousArray<Int> = [Self.blockCapacity]
  /// Widths of each block; those in the tree lag by `pending` at block `recent`.
  var blockWidths: ContiguousArray<Widths> = [Widths()]

  /// The block last edited and how many scalars precede it.
  var recent = 0
  var recentStart = 0
  var pending = Widths()

  package init() {}

  package init(_ string: String) {
    var string = string
    string.withUTF8 { insert($0, atValid: 0) }
  }

  /// The text in `utf8`, or nil when that is not valid UTF-8 or too long.
  package init?(validatingUTF8 utf8: UnsafeBufferPointer<UInt8>) {
    guard utf8.count <= Self.utf8CountMax, UTF8Scalars.validatedCount(utf8) != nil else {
      return nil
    }
    insert(utf8, atValid: 0)
  }

  // MARK: Size

  var total: Widths { tree.total + pending }

  /// The number of Unicode scalars. Complexity: O(1), as are the other counts.
  package var count: Int { Int(total.first) }
  package var utf8Count: Int { Int(total.second) }
  package var utf16Count: Int { Int(total.third) }
  package var isEmpty: Bool { count == 0 }

  // MARK: Reading

  package var string: String {
    String(unsafeUninitializedCapacity: utf8Count) { buffer in
      copyBytes(from: 0, in: tree.first, into: buffer)
    }
  }

  /// The text of a range of scalars. Complexity: O(log n + bytes of the range).
  package func slice(_ range: Range<Int>) throws(TextRopeError) -> String {
    try check(range)
    let start = try utf8Offset(of: range.lowerBound)
    let end = try utf8Offset(of: range.upperBound)
    let place = settledPlace(of: start, in: .second)
    return String(unsafeUninitializedCapacity: end - start) { buffer in
      copyBytes(from: start - Int(place.before.second), in: place.leaf, into: buffer)
    }
  }

  package func appendUTF8(to target: inout [UInt8]) {
    target.reserveCapacity(target.count + utf8Count)
    var block: Int? = tree.first
    while let current = block {
      withParts(of: current) { head, tail in
        target.append(contentsOf: head)
        target.append(contentsOf: tail)
      }
      block = tree.next(after: current)
    }
  }

  /// Fills `buffer` with the bytes from byte `offset` of `block` on, and returns how many that
  /// were.
  private func copyBytes(
    from offset: Int, in block: Int, into buffer: UnsafeMutableBufferPointer<UInt8>
  ) -> Int {
    var filled = 0
    var skipped = offset
    var block: Int? = block
    while let current = block, filled < buffer.count {
      withParts(of: current) { head, tail in
        for part in [head, tail] {
          let skip = min(skipped, part.count)
          skipped -= skip
          let copied = min(part.count - skip, buffer.count - filled)
          guard copied > 0 else { continue }
          let source = UnsafeBufferPointer(rebasing: part[skip..<skip + copied])
          _ = UnsafeMutableBufferPointer(rebasing: buffer[filled..<filled + copied])
            .update(fromContentsOf: source)
          filled += copied
        }
      }
      block = tree.next(after: current)
    }
    return filled
  }

  // MARK: Blocks

  func utf8Count(of block: Int) -> Int {
    Self.blockCapacity - (gapEnds[block] - gapStarts[block])
  }

  /// The bytes of a block before and after its gap.
  func withParts<Result>(
    of block: Int,
    _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    let start = block * Self.blockCapacity
    let head = start..<start + gapStarts[block]
    let tail = start + gapEnds[block]..<start + Self.blockCapacity
    return bytes.withUnsafeBufferPointer {
      body(UnsafeBufferPointer(rebasing: $0[head]), UnsafeBufferPointer(rebasing: $0[tail]))
    }
  }

  /// A place in the tree as if it had learnt of the widths that are pending.
  func settledPlace(of offset: Int, in lane: Widths.Lane) -> CountedTree.Place {
    if pending == Widths() { return tree.place(ofEnd: offset, in: lane) }
    // Before the block last edited the tree is right; after it, shift by what is pending.
    let before = tree.widths(before: recent)
    let start = Int(before[lane])
    let end = start + Int(blockWidths[recent][lane])
    if offset > start && offset <= end || offset == 0 && tree.first == recent {
      return CountedTree.Place(leaf: recent, before: before)
    }
    if offset <= start { return tree.place(ofEnd: offset, in: lane) }
    // Widths wrap, so a pending removal shifts the other way.
    let shift = Int(Int32(bitPattern: pending[lane]))
    var place = tree.place(ofEnd: offset - shift, in: lane)
    place.before += pending
    return place
  }

  mutating func settle() {
    guard pending != Widths() else { return }
    tree.add(pending, to: recent)
    pending = Widths()
  }

  // MARK: Checks

  func check(_ range: Range<Int>) throws(TextRopeError) {
    guard range.lowerBound >= 0, range.upperBound <= count else {
      throw .outOfRange(range, length: count)
    }
  }
}

/// Why a text refused an operation. Nothing was changed.
package enum TextRopeError: Error, Equatable, Sendable {
  /// The range, in the unit of the question, is not within the text.
  case outOfRange(Range<Int>, length: Int)
  case invalidUTF8
  case tooLong(utf8CountMax: Int)
}

extension TextRope: Equatable {
  package static func == (left: TextRope, right: TextRope) -> Bool {
    guard left.total == right.total else { return false }
    var leftBytes: [UInt8] = []
    var rightBytes: [UInt8] = []
    left.appendUTF8(to: &leftBytes)
    right.appendUTF8(to: &rightBytes)
    return leftBytes == rightBytes
  }
}
