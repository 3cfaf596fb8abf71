/// A page in a write-ahead log, with its header.
struct LogFrame: Equatable {
  /// 24 of the header, then the page.
  private(set) var bytes: [UInt8]
  let isBigEndian: Bool

  /// What the beginning says: the number of the page, and at the end of a transaction the size of
  /// the file.
  struct Header: Equatable {
    let bytes: [UInt8]

    var page: UInt32 { bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    var pages: UInt32 { bytes.suffix(4).reduce(0) { $0 << 8 | UInt32($1) } }

    /// Whether it can be one of a file that never has more pages.
    func isPossible(_ pagesMax: UInt32) -> Bool {
      page > 0 && page <= pagesMax && pages <= pagesMax
    }

    /// Whether what stands there can be this one with damage: the page with damage makes others
    /// look right, too.
    func mayHaveBecome(_ found: Header, _ pagesMax: UInt32) -> Bool {
      guard found.isPossible(pagesMax) else { return true }
      return (found.page == page || found.pages == pages) && (found.pages > 0) == (pages > 0)
    }
  }

  var header: Header { Header(bytes: Array(bytes[..<8])) }
  var salts: [UInt8] { Array(bytes[8..<16]) }
  var stored: LogChecksum { LogChecksum(bytes[16..<24]) }
  func has(_ salts: [UInt8]) -> Bool { bytes[8..<16].elementsEqual(salts) }

  /// What the checksum covers: the number of the page, the size of the file, and the page.
  var covered: [UInt8] { Array(bytes[..<8] + bytes[LogSalvage.frameHeaderBytes...]) }

  func checksum(after before: LogChecksum) -> LogChecksum {
    var sum = before
    sum.add(bytes[..<8], isBigEndian: isBigEndian)
    sum.add(bytes[LogSalvage.frameHeaderBytes...], isBigEndian: isBigEndian)
    return sum
  }

  /// The checksum from which that of this frame goes on, when the frame is whole.
  var checksumBefore: LogChecksum {
    var sum = stored
    sum.remove(bytes[LogSalvage.frameHeaderBytes...], isBigEndian: isBigEndian)
    sum.remove(bytes[..<8], isBigEndian: isBigEndian)
    return sum
  }

  /// The header with which the page has this checksum.
  func header(making sum: LogChecksum, after before: LogChecksum) -> Header {
    var behind = sum
    behind.remove(bytes[LogSalvage.frameHeaderBytes...], isBigEndian: isBigEndian)
    return Header(bytes: behind.words(after: before, isBigEndian: isBigEndian))
  }

  /// The last eight bytes of the page with which it has this checksum.
  func lastWords(making sum: LogChecksum, after before: LogChecksum) -> [UInt8] {
    var others = before
    others.add(bytes[..<8], isBigEndian: isBigEndian)
    others.add(bytes[LogSalvage.frameHeaderBytes..<bytes.count - 8], isBigEndian: isBigEndian)
    return sum.words(after: others, isBigEndian: isBigEndian)
  }

  /// - Parameter bit: of ``covered``.
  mutating func flip(_ bit: Int) {
    let byte = bit / 8
    bytes[byte < 8 ? byte : byte - 8 + LogSalvage.frameHeaderBytes] ^= 1 << UInt8(bit % 8)
  }

  mutating func replace(_ offset: Int, with new: [UInt8]) {
    bytes.replaceSubrange(offset..<offset + new.count, with: new)
  }
}

/// The checksum of SQLite's write-ahead log: two sums over pairs of words.
struct LogChecksum: Equatable {
  var first: UInt32 = 0
  var second: UInt32 = 0

  init(_ first: UInt32 = 0, _ second: UInt32 = 0) {
    (self.first, self.second) = (first, second)
  }

  /// As it stands in a header.
  init(_ bytes: ArraySlice<UInt8>) {
    let words = bytes.reduce(into: UInt64(0)) { $0 = $0 << 8 | UInt64($1) }
    first = UInt32(truncatingIfNeeded: words >> 32)
    second = UInt32(truncatingIfNeeded: words)
  }

  var bytes: [UInt8] {
    [first, second].flatMap { word in
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
    }
  }

  /// Complexity: O(bytes). What is left behind a multiple of eight does not count.
  mutating func add(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) {
    bytes.withUnsafeBytes { raw in
      var offset = 0
      while offset + 8 <= raw.count {
        let low = raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        let high = raw.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
        first &+= (isBigEndian ? UInt32(bigEndian: low) : UInt32(littleEndian: low)) &+ second
        second &+= (isBigEndian ? UInt32(bigEndian: high) : UInt32(littleEndian: high)) &+ first
        offset += 8
      }
    }
  }

  /// Takes back what ``add(_:isBigEndian:)`` did.
  mutating func remove(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) {
    bytes.withUnsafeBytes { raw in
      var offset = raw.count / 8 * 8
      while offset >= 8 {
        offset -= 8
        let low = raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        let high = raw.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
        second &-= (isBigEndian ? UInt32(bigEndian: high) : UInt32(littleEndian: high)) &+ first
        first &-= (isBigEndian ? UInt32(bigEndian: low) : UInt32(littleEndian: low)) &+ second
      }
    }
  }

  /// The eight bytes that lead to this checksum from another.
  func words(after before: LogChecksum, isBigEndian: Bool) -> [UInt8] {
    let low = first &- before.first &- before.second
    let high = second &- before.second &- first
    return [low, high].flatMap { word in
      withUnsafeBytes(of: isBigEndian ? word.bigEndian : word.littleEndian) { Array($0) }
    }
  }

  func differsInOneBit(from other: LogChecksum) -> Bool {
    (first ^ other.first).nonzeroBitCount + (second ^ other.second).nonzeroBitCount == 1
  }

  /// The bit of `bytes` without whose flipping this checksum of them would be the expected one; nil
  /// when there is none, or more than one, as with the highest bits of words. Sums are linear: what
  /// a word does to them depends on its place alone.
  ///
  /// Complexity: O(bits).
  func flippedBit(in bytes: [UInt8], isBigEndian: Bool, expected: LogChecksum) -> Int? {
    let (lacking1, lacking2) = (expected.first &- first, expected.second &- second)
    var found: Int?
    // What one more in the first, and in the second word of a pair does to the two sums.
    var (inFirst, inSecond) = ((UInt32(1), UInt32(1)), (UInt32(0), UInt32(1)))
    for pair in stride(from: bytes.count - 8, through: 0, by: -8) {
      for (word, effect) in [(pair, inFirst), (pair + 4, inSecond)] {
        for bit in 0..<32 {
          let byte = word + (isBigEndian ? 3 - bit / 8 : bit / 8)
          let isSet = bytes[byte] & (1 << UInt8(bit % 8)) != 0
          let change = isSet ? 0 &- (UInt32(1) << UInt32(bit)) : UInt32(1) << UInt32(bit)
          if effect.0 &* change == lacking1, effect.1 &* change == lacking2 {
            if found != nil { return nil }
            found = byte * 8 + bit % 8
          }
        }
      }
      inFirst = (inFirst.0 &+ inFirst.1, inFirst.0 &+ 2 &* inFirst.1)
      inSecond = (inSecond.0 &+ inSecond.1, inSecond.0 &+ 2 &* inSecond.1)
    }
    return found
  }
}
