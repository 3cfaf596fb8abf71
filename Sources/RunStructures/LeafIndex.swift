/// Maps dense numbers to leaf handles, for numbers that come and move in long runs.
///
/// A radix tree of three levels, each 64 wide but the top. A stretch of one leaf is one word as
/// high up as it fits, so that moving a run of n numbers costs about n / 4096 words and a text that
/// nobody has touched costs next to nothing.
///
///     top word (4096 numbers) -> leaf, or a block of 64 words
///     word (64 numbers)       -> leaf, or a block of 64 words
///     word (1 number)         -> leaf
@usableFromInline
package struct LeafIndex: Sendable {
  @usableFromInline static let isBlock: UInt32 = 1 << 31
  @usableFromInline static let unset: UInt32 = isBlock - 1

  @usableFromInline var top: ContiguousArray<UInt32> = []
  @usableFromInline var blocks: ContiguousArray<UInt32> = []
  @usableFromInline var freeBlocks: ContiguousArray<UInt32> = []

  /// What a number answers that was never set.
  @usableFromInline let background: UInt32

  /// - Parameter background: the leaf of every number that was never set. Without one, such a
  ///   number
  ///   answers with nil or, for want of better, with the leaf of a number near it.
  package init(background: Int? = nil) {
    self.background = background.map { UInt32($0) } ?? Self.unset
  }

  /// The leaf last set for `number`. Complexity: O(1).
  @inlinable
  package func leaf(of number: Int) -> Int? {
    let page = number >> 12
    var word = page < top.count ? top[page] : background
    if word & Self.isBlock != 0 {
      word = blocks[Int(word & ~Self.isBlock) * 64 + (number >> 6) & 63]
      if word & Self.isBlock != 0 {
        word = blocks[Int(word & ~Self.isBlock) * 64 + number & 63]
      }
    }
    return word == Self.unset ? nil : Int(word)
  }

  /// Complexity: O(n / 4096) words for n numbers, and at most 252 more.
  package mutating func set(_ numbers: Range<Int>, to leaf: Int) {
    guard !numbers.isEmpty else { return }
    let lastPage = (numbers.upperBound - 1) >> 12
    if top.count <= lastPage {
      top.append(contentsOf: repeatElement(background, count: lastPage + 1 - top.count))
    }
    let value = UInt32(leaf)
    for page in numbers.lowerBound >> 12...lastPage {
      let word = top[page]
      if word == value { continue }
      let pageNumbers = page << 12..<(page + 1) << 12
      let part = numbers.clamped(to: pageNumbers)
      if word == Self.unset || part == pageNumbers {
        release(word)
        top[page] = value
      } else {
        let block = block(for: word)
        top[page] = block | Self.isBlock
        setMiddle(part, to: value, in: Int(block), from: pageNumbers.lowerBound)
      }
    }
  }

  private mutating func setMiddle(
    _ numbers: Range<Int>, to value: UInt32, in block: Int, from start: Int
  ) {
    for line in (numbers.lowerBound - start) >> 6...(numbers.upperBound - 1 - start) >> 6 {
      let entry = block * 64 + line
      let word = blocks[entry]
      if word == value { continue }
      let lineStart = start + line << 6
      let part = numbers.clamped(to: lineStart..<lineStart + 64)
      if part.count == 64 {
        release(word)
        blocks[entry] = value
      } else {
        let low = self.block(for: word)
        blocks[entry] = low | Self.isBlock
        for number in part { blocks[Int(low) * 64 + number - lineStart] = value }
      }
    }
  }

  /// The block that `word` names, or a new one in which every word is `word`.
  private mutating func block(for word: UInt32) -> UInt32 {
    if word & Self.isBlock != 0 { return word & ~Self.isBlock }
    if let free = freeBlocks.popLast() {
      for entry in Int(free) * 64..<Int(free) * 64 + 64 { blocks[entry] = word }
      return free
    }
    let block = UInt32(blocks.count / 64)
    blocks.append(contentsOf: repeatElement(word, count: 64))
    return block
  }

  /// Gives back the block that `word` names and those below it. A lowest block holds leaves only.
  private mutating func release(_ word: UInt32) {
    guard word & Self.isBlock != 0 else { return }
    let block = word & ~Self.isBlock
    for entry in Int(block) * 64..<Int(block) * 64 + 64 { release(blocks[entry]) }
    freeBlocks.append(block)
  }
}
