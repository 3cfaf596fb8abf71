/// A set of small numbers that yields the greatest first: three levels of bits, each bit standing
/// for a word of 64 in the level below it that is not 0.
///
/// Complexity: O(1) for numbers below 2^24; beyond that the words of the top level are searched, one
/// for each 262,144 numbers.
@usableFromInline
package struct MaxSet: ~Copyable {
  @usableFromInline var low: Arena<UInt64>
  @usableFromInline var middle: Arena<UInt64>
  @usableFromInline var high: Arena<UInt64>
  /// No word of `low` after this one has a bit.
  @usableFromInline var top = 0
  @usableFromInline package var count = 0

  /// A set of numbers below `bound`.
  @inlinable
  package init(bound: Int) {
    let lowCount = bound / 64 + 1
    let middleCount = lowCount / 64 + 1
    let highCount = middleCount / 64 + 1
    low = Arena(capacity: lowCount)
    middle = Arena(capacity: middleCount)
    high = Arena(capacity: highCount)
    low.append(repeating: 0, count: lowCount)
    middle.append(repeating: 0, count: middleCount)
    high.append(repeating: 0, count: highCount)
  }

  /// Adds a number below the bound that is not there.
  @inlinable
  package mutating func insert(_ number: Int) {
    let line = number >> 6
    assert(low[line] >> UInt64(number & 63) & 1 == 0, "a number comes once")
    if low.base[line] == 0 {
      middle[line >> 6] |= 1 &<< UInt64(line & 63)
      high[line >> 12] |= 1 &<< UInt64((line >> 6) & 63)
      if line > top { top = line }
    }
    low[line] |= 1 &<< UInt64(number & 63)
    count &+= 1
  }

  /// Removes and returns the greatest number, of which there must be one.
  @inlinable
  package mutating func removeLast() -> Int {
    if low.base[top] == 0 { descend() }
    let word = low.base[top]
    let bit = 63 &- word.leadingZeroBitCount
    low.base[top] = word ^ (1 &<< UInt64(bit))
    if low.base[top] == 0 {
      middle.base[top >> 6] ^= 1 &<< UInt64(top & 63)
      if middle.base[top >> 6] == 0 { high.base[top >> 12] ^= 1 &<< UInt64((top >> 6) & 63) }
    }
    count &-= 1
    return top << 6 | bit
  }

  /// Finds the last word with a bit.
  @usableFromInline
  mutating func descend() {
    var section = top >> 12
    while high[section] == 0 { section -= 1 }
    let page = section << 6 | (63 - high[section].leadingZeroBitCount)
    top = page << 6 | (63 - middle[page].leadingZeroBitCount)
  }
}
