/// Many bytes without tables (Russell, "Chorba", arXiv 2412.16398, with a polynomial of our own).
///
/// The checksum is what is left of the bytes, taken as a polynomial over GF(2), after division by
/// one of degree 32. Any multiple of that divisor leaves the same. Some of its multiples have few
/// terms, all at whole words of 64 bits, y standing for x^64:
///
///     y^209 + y^144 + y^54 + y^39 + y^14 + 1
///     y^55 + y^46 + y^27 + y^24 + y^22 + y^18 + y^16 + y^13 + y^6 + 1
///
/// Subtracting the first, shifted, from the message takes away the first word and adds that word to
/// those 65, 155, 170, 195 and 209 places behind it: exclusive or, nothing else, and eight words at
/// once since none of the distances is less. Word after word goes this way until 209 are left,
/// which go through the tables. The second takes more steps for a word and leaves 55.
private protocol FoldingMultiple {
  /// The greatest distance, in words.
  static var reach: Int { get }

  /// What comes to a place from those before it that were taken away.
  ///
  /// - Parameter taken: what was so many words before.
  static func arriving<Words>(_ taken: (Int) -> Words, _ sum: (Words, Words) -> Words) -> Words
}

/// For many bytes.
private enum FarMultiple: FoldingMultiple {
  static var reach: Int { 209 }

  @inline(__always)
  static func arriving<Words>(_ taken: (Int) -> Words, _ sum: (Words, Words) -> Words) -> Words {
    sum(sum(sum(taken(65), taken(155)), sum(taken(170), taken(195))), taken(209))
  }
}

/// For some.
private enum NearMultiple: FoldingMultiple {
  static var reach: Int { 55 }

  @inline(__always)
  static func arriving<Words>(_ taken: (Int) -> Words, _ sum: (Words, Words) -> Words) -> Words {
    let near = sum(sum(taken(9), taken(28)), sum(taken(31), taken(33)))
    let far = sum(sum(taken(37), taken(39)), sum(taken(42), taken(49)))
    return sum(sum(near, far), taken(55))
  }
}

extension CRC32C {
  /// From so many bytes on it pays.
  static let foldedMin = 1_280
  /// From so many on the terms that are few pay.
  static let farMin = 8 << 10

  private typealias Words = SIMD8<UInt64>
  private static let wordSize = MemoryLayout<UInt64>.size
  /// How many bytes are folded before what reaches beyond them is moved: they fit into the nearest
  /// cache.
  private static let partMax = 16 << 10

  /// Carries the checksum so far over at least ``foldedMin`` bytes.
  static func fold(_ start: UInt32, over bytes: UnsafeRawBufferPointer) -> UInt32 {
    bytes.count < farMin
      ? fold(start, over: bytes, by: NearMultiple.self)
      : fold(start, over: bytes, by: FarMultiple.self)
  }

  private static func fold<Multiple: FoldingMultiple>(
    _ start: UInt32, over bytes: UnsafeRawBufferPointer, by multiple: Multiple.Type
  ) -> UInt32 {
    let reach = Multiple.reach * wordSize
    let stride = MemoryLayout<Words>.size
    let end = (bytes.count - reach) / stride * stride
    // The words taken away, with what had come to them: the last `reach` bytes of the part before,
    // which at first are zero, then those of this part.
    let room = reach + max(reach, min(partMax, end))
    return withUnsafeTemporaryAllocation(byteCount: room, alignment: stride) { room in
      guard let taken = room.baseAddress, let source = bytes.baseAddress else { return start }
      taken.initializeMemory(as: UInt8.self, repeating: 0, count: reach)
      // The checksum so far belongs to the first four bytes.
      var carried = Words(repeating: 0)
      carried[0] = UInt64(start)
      var offset = 0
      while offset < end {
        let length = min(partMax, end - offset)
        for place in Swift.stride(from: 0, to: length, by: stride) {
          let target = taken + (reach + place)
          let here = (source + (offset + place)).loadUnaligned(as: Words.self)
          let arrived = Multiple.arriving(
            { (target - $0 * wordSize).loadUnaligned(as: Words.self) }, { $0 ^ $1 })
          target.storeBytes(of: here ^ carried ^ arrived, as: Words.self)
          carried = Words(repeating: 0)
        }
        taken.copyMemory(from: taken + length, byteCount: reach)
        offset += length
      }
      // What is left: `reach` bytes to which something has come, and a few more. Those taken away
      // are not taken from these, so that what lies behind them counts as zero.
      let rest = taken + reach
      rest.initializeMemory(as: UInt8.self, repeating: 0, count: reach)
      for word in (0..<reach / wordSize).reversed() {
        let place = rest + word * wordSize
        let here = (source + (end + word * wordSize)).loadUnaligned(as: UInt64.self)
        let arrived = Multiple.arriving(
          { (place - $0 * wordSize).loadUnaligned(as: UInt64.self) }, { $0 ^ $1 })
        place.storeBytes(of: here ^ arrived, as: UInt64.self)
      }
      let crc = lookUp(0, over: UnsafeRawBufferPointer(start: rest, count: reach))
      return lookUp(crc, over: UnsafeRawBufferPointer(rebasing: bytes[(end + reach)...]))
    }
  }
}
