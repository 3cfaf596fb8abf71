/// A set of small numbers that yields the greatest first: three levels of bits, each bit standing
/// for a word of 64 in the level below it that is not 0.
///
/// Complexity: O(1) for numbers below 2^24; beyond that the words of the top level are searched,
/// one for each 262,144 numbers.
@usableFromInline
package struct MaxSet: ~Copyable {
  /// The low words, then the middle ones, then the high ones. Taken when the first number comes.
  @usableFromInline var words = Arena<UInt64>()
  @usableFromInline let middle: Int
  @usableFromInline let high: Int
  @usableFromInline let end: Int
  /// No low word after this one has a bit.
  @usableFromInline var top = 0
  @usableFromInline package var count = 0

  /// A set of numbers below `bound`.
  @inlinable
  package init(bound: Int) {
    middle = bound / 64 + 1
    high = middle + middle / 64 + 1
    end = high + middle / 4096 + 1
  }

  /// Adds a number below the bound that is not there.
  @inlinable
  package mutating func insert(_ number: Int) {
    if words.isEmpty { words.append(repeating: 0, count: end) }
    let line = number >> 6
    assert(words[line] >> UInt64(number & 63) & 1 == 0, "a number comes once")
    if words.base[line] == 0 {
      words.base[middle + line >> 6] |= 1 &<< UInt64(line & 63)
      words.base[high + line >> 12] |= 1 &<< UInt64((line >> 6) & 63)
      if line > top { top = line }
    }
    words.base[line] |= 1 &<< UInt64(number & 63)
    count &+= 1
  }

  /// Removes and returns the greatest number, of which there must be one.
  @inlinable
  package mutating func removeLast() -> Int {
    if words.base[top] == 0 { descend() }
    let word = words.base[top]
    let bit = 63 &- word.leadingZeroBitCount
    let rest = word ^ (1 &<< UInt64(bit))
    words.base[top] = rest
    if rest == 0 {
      let page = top >> 6
      let bits = words.base[middle + page] ^ (1 &<< UInt64(top & 63))
      words.base[middle + page] = bits
      if bits == 0 { words.base[high + page >> 6] ^= 1 &<< UInt64(page & 63) }
    }
    count &-= 1
    return top << 6 | bit
  }

  /// Finds the last low word with a bit.
  @usableFromInline
  mutating func descend() {
    var section = top >> 12
    while words[high + section] == 0 { section -= 1 }
    let page = section << 6 | (63 - words[high + section].leadingZeroBitCount)
    top = page << 6 | (63 - words[middle + page].leadingZeroBitCount)
  }
}
