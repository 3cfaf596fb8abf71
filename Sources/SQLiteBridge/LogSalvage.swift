// SQLite reads a write-ahead log up to the first frame whose checksum is wrong: there the power may
// have failed in the midst of a commit. When it is a byte in the midst of the log that has rotted,
// every commit behind it is lost with it; and where a checkpoint had copied some of those into the
// file, pages of the file are newer than those of the log that is left, so that what is read is of
// no one moment.
//
// What lies behind a frame that has rotted can be known: the checksum of a frame goes on from that
// of the frame before, which stands in that one's header. So a rotten frame is told from the end
// of the log by those behind it. A single bit that has flipped is found by what it does to the
// checksum, of 64 bits, and is put right. A frame with more damage stays as it is, with a checksum
// that lets SQLite go on: whoever reads the page finds it damaged, and all others are whole.

/// The part of a log behind what SQLite has read of it.
struct LogSalvage {
  static let headerBytes = 32
  static let frameHeaderBytes = 24

  /// How the words that go into checksums lie in the file.
  let isBigEndian: Bool
  let pageBytes: Int
  /// The eight bytes that every frame of this log has.
  let salts: [UInt8]
  /// Of the last frame before these.
  private let start: LogChecksum
  private(set) var frames: [UInt8]
  /// How many were changed, and how many of them have more wrong than one bit.
  private(set) var mendedFrames = 0
  private(set) var damagedFrames = 0

  init(
    isBigEndian: Bool, pageBytes: Int, salts: [UInt8], start: LogChecksum, frames: [UInt8]
  ) {
    self.isBigEndian = isBigEndian
    self.pageBytes = pageBytes
    self.salts = salts
    self.start = start
    self.frames = frames
  }

  private var frameBytes: Int { Self.frameHeaderBytes + pageBytes }
  var frameCount: Int { frames.count / frameBytes }

  /// Whether from a frame on there are commits of two transactions: more than a power failure
  /// leaves of one that was being written.
  func holdsCommits(from start: Int) -> Bool {
    var commits = 0
    for frame in start..<frameCount where hasSalts(frame) && isCommit(frame) { commits += 1 }
    return commits >= 2
  }

  /// Makes frames readable, as many as were on the disk without a doubt.
  ///
  /// - Returns: how many frames, from the first on, SQLite can read now; 0 when the log does end
  ///   here.
  /// - Complexity: O(bytes).
  mutating func mend() -> Int {
    var accepted = 0
    // As the frames were written, and as they are to be: they part behind a damaged one.
    var (written, mended) = (start, start)
    var (isDoubtful, isDamagedHere) = (false, false)
    for frame in 0..<frameCount {
      let verdict = verdict(on: frame, after: written)
      guard verdict != .end else { break }
      switch verdict {
      case .flipped(let bit): flip(bit, in: frame)
      case .damaged: (isDoubtful, isDamagedHere) = (true, true)
      default: break
      }
      written = verdict == .wrongChecksum ? checksum(of: frame, after: written) : stored(frame)
      mended = checksum(of: frame, after: mended)
      if stored(frame) != mended || !hasSalts(frame) || verdict != .whole { mendedFrames += 1 }
      if verdict == .damaged { damagedFrames += 1 }
      write(mended, in: frame)
      guard isCommit(frame) else { continue }
      // A transaction is written when the one before is on the disk. So what is damaged in that was
      // whole once, and a power failure did not do it.
      if !isDamagedHere { isDoubtful = false }
      if !isDoubtful { accepted = frame + 1 }
      isDamagedHere = false
    }
    return accepted
  }

  // MARK: Frames

  private enum Verdict: Equatable {
    case whole
    /// This bit of what the checksum covers.
    case flipped(Int)
    /// What it covers is whole.
    case wrongChecksum
    /// More is wrong with it than one bit, and others follow.
    case damaged
    /// Nothing that was written behind the one before.
    case end
  }

  private func verdict(on frame: Int, after written: LogChecksum) -> Verdict {
    let (found, expected) = (checksum(of: frame, after: written), stored(frame))
    if found == expected { return .whole }
    guard hasSalts(frame) else { return .end }
    let hasNext = frame + 1 < frameCount && hasSalts(frame + 1)
    let goesOnAsFound = hasNext && checksum(of: frame + 1, after: found) == stored(frame + 1)
    if goesOnAsFound { return .wrongChecksum }
    let goesOn = hasNext && checksum(of: frame + 1, after: expected) == stored(frame + 1)
    // A bit of the last word does the same to the checksum as one of the checksum itself: then what
    // comes behind decides.
    if found.differsInOneBit(from: expected), !goesOn { return .wrongChecksum }
    if let bit = found.flippedBit(
      in: covered(frame), isBigEndian: isBigEndian, expected: expected)
    {
      return .flipped(bit)
    }
    return goesOn ? .damaged : .end
  }

  private func checksum(of frame: Int, after before: LogChecksum) -> LogChecksum {
    var sum = before
    let start = frame * frameBytes
    sum.add(frames[start..<start + 8], isBigEndian: isBigEndian)
    let page = start + Self.frameHeaderBytes
    sum.add(frames[page..<page + pageBytes], isBigEndian: isBigEndian)
    return sum
  }

  /// What the checksum covers: the number of the page, the size of the file, and the page.
  private func covered(_ frame: Int) -> [UInt8] {
    let start = frame * frameBytes
    return Array(frames[start..<start + 8])
      + Array(frames[start + Self.frameHeaderBytes..<start + frameBytes])
  }

  private mutating func flip(_ bit: Int, in frame: Int) {
    let byte = bit / 8
    let place = byte < 8 ? byte : byte - 8 + Self.frameHeaderBytes
    frames[frame * frameBytes + place] ^= 1 << UInt8(bit % 8)
  }

  private func stored(_ frame: Int) -> LogChecksum {
    let start = frame * frameBytes + 16
    return LogChecksum(frames[start..<start + 8])
  }

  private mutating func write(_ sum: LogChecksum, in frame: Int) {
    let start = frame * frameBytes
    frames.replaceSubrange(start + 8..<start + 16, with: salts)
    frames.replaceSubrange(start + 16..<start + 24, with: sum.bytes)
  }

  private func hasSalts(_ frame: Int) -> Bool {
    let start = frame * frameBytes + 8
    return frames[start..<start + 8].elementsEqual(salts)
  }

  /// Whether a transaction ends with it.
  private func isCommit(_ frame: Int) -> Bool {
    let start = frame * frameBytes + 4
    return frames[start..<start + 4].contains { $0 != 0 }
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

  /// - Precondition: the number of bytes is a multiple of eight.
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

  func differsInOneBit(from other: LogChecksum) -> Bool {
    (first ^ other.first).nonzeroBitCount + (second ^ other.second).nonzeroBitCount == 1
  }

  /// The bit of `bytes` without whose flipping this checksum of them would be the expected one; nil
  /// when there is none. Sums are linear: what a word does to them depends on its place alone.
  ///
  /// Complexity: O(bits).
  func flippedBit(in bytes: [UInt8], isBigEndian: Bool, expected: LogChecksum) -> Int? {
    let (lacking1, lacking2) = (expected.first &- first, expected.second &- second)
    // What one more in the first, and in the second word of a pair does to the two sums.
    var (inFirst, inSecond) = ((UInt32(1), UInt32(1)), (UInt32(0), UInt32(1)))
    for pair in stride(from: bytes.count - 8, through: 0, by: -8) {
      for (word, effect) in [(pair, inFirst), (pair + 4, inSecond)] {
        for bit in 0..<32 {
          let byte = word + (isBigEndian ? 3 - bit / 8 : bit / 8)
          let isSet = bytes[byte] & (1 << UInt8(bit % 8)) != 0
          let change = isSet ? 0 &- (UInt32(1) << UInt32(bit)) : UInt32(1) << UInt32(bit)
          if effect.0 &* change == lacking1, effect.1 &* change == lacking2 {
            return byte * 8 + bit % 8
          }
        }
      }
      inFirst = (inFirst.0 &+ inFirst.1, inFirst.0 &+ 2 &* inFirst.1)
      inSecond = (inSecond.0 &+ inSecond.1, inSecond.0 &+ 2 &* inSecond.1)
    }
    return nil
  }
}
