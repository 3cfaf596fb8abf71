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
package struct LeafIndex: ~Copyable {
  @usableFromInline static let isBlock: UInt32 = 1 << 31
  @usableFromInline static let unset: UInt32 = isBlock - 1

  @usableFromInline var top = Arena<UInt32>()
  @usableFromInline var blocks = Arena<UInt32>()
  @usableFromInline var freeBlocks = Arena<UInt32>()

  /// What a number answers that was never set.
  @usableFromInline let background: UInt32

  /// - Parameter background: the leaf of every number that was never set. Without one, such a
  ///   number answers with -1 or, for want of better, with the leaf of a number near it.
  package init(background: Int? = nil) {
    self.background = background.map { UInt32($0) } ?? Self.unset
  }

  /// The leaf last set for `number`. Complexity: O(1).
  @inlinable
  package mutating func leaf(of number: Int) -> Int {
    let page = number >> 12
    var word = page < top.count ? top.base[page] : background
    if word & Self.isBlock != 0 {
      word = blocks.base[Int(word & ~Self.isBlock) * 64 + (number >> 6) & 63]
      if word & Self.isBlock != 0 {
        word = blocks.base[Int(word & ~Self.isBlock) * 64 + number & 63]
      }
    }
    return word == Self.unset ? -1 : Int(word)
  }

  /// Forgets everything.
  package mutating func removeAll() {
    top.removeAll()
    blocks.removeAll()
    freeBlocks.removeAll()
  }

  /// Complexity: O(n / 4096) words for n numbers, and at most 252 more.
  package mutating func set(_ numbers: Range<Int>, to leaf: Int) {
    guard !numbers.isEmpty else { return }
    let lastPage = (numbers.upperBound - 1) >> 12
    // Mostly it is a few numbers of a line that has its words already.
    if numbers.lowerBound >> 6 == (numbers.upperBound - 1) >> 6, lastPage < top.count {
      let word = top.base[lastPage]
      if word & Self.isBlock != 0 {
        let line = blocks.base[
          Int(word & ~Self.isBlock) * 64 + (numbers.lowerBound >> 6) & 63]
        if line & Self.isBlock != 0 {
          let words = blocks.base + Int(line & ~Self.isBlock) * 64
          let first = numbers.lowerBound & 63
          for number in first..<first &+ numbers.count { words[number] = UInt32(leaf) }
          return
        }
      }
    }
    if top.count <= lastPage {
      top.append(repeating: background, count: lastPage + 1 - top.count)
    }
    let value = UInt32(leaf)
    for page in numbers.lowerBound >> 12...lastPage {
      let word = top.base[page]
      if word == value { continue }
      let start = page << 12
      let low = max(numbers.lowerBound - start, 0)
      let high = min(numbers.upperBound - start, 4096)
      if word == Self.unset || high - low == 4096 {
        release(word)
        top.base[page] = value
      } else {
        let block = block(for: word)
        top.base[page] = block | Self.isBlock
        setMiddle(low, high, to: value, in: Int(block))
      }
    }
  }

  /// Sets the numbers from `low` up to `high` of a page.
  private mutating func setMiddle(_ low: Int, _ high: Int, to value: UInt32, in block: Int) {
    let firstWhole = (low + 63) >> 6
    let endWhole = high >> 6
    if low & 63 != 0 { setPart(low, min(high, firstWhole << 6), to: value, in: block) }
    if firstWhole < endWhole {
      for entry in block * 64 + firstWhole..<block * 64 + endWhole {
        if blocks.base[entry] & Self.isBlock != 0 { release(blocks.base[entry]) }
        blocks.base[entry] = value
      }
    }
    if high & 63 != 0, endWhole >= firstWhole { setPart(endWhole << 6, high, to: value, in: block) }
  }

  /// Sets the numbers from `low` up to `high` of a page, which are part of one line.
  private mutating func setPart(_ low: Int, _ high: Int, to value: UInt32, in block: Int) {
    let entry = block * 64 + low >> 6
    let word = blocks.base[entry]
    if word == value { return }
    let lowest = self.block(for: word)
    blocks.base[entry] = lowest | Self.isBlock
    let words = blocks.base + Int(lowest) * 64
    for number in low & 63..<(low & 63) + high - low { words[number] = value }
  }

  /// The block that `word` names, or a new one in which every word is `word`.
  private mutating func block(for word: UInt32) -> UInt32 {
    if word & Self.isBlock != 0 { return word & ~Self.isBlock }
    if let free = freeBlocks.popLast() {
      (blocks.base + Int(free) * 64).update(repeating: word, count: 64)
      return free
    }
    let block = UInt32(blocks.count / 64)
    blocks.append(repeating: word, count: 64)
    return block
  }

  /// Gives back the block that `word` names and those below it. A lowest block holds leaves only.
  private mutating func release(_ word: UInt32) {
    guard word & Self.isBlock != 0 else { return }
    let block = word & ~Self.isBlock
    for entry in Int(block) * 64..<Int(block) * 64 + 64 { release(blocks.base[entry]) }
    freeBlocks.append(block)
  }
}
