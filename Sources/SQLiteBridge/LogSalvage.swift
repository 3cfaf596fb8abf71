// SQLite reads a write-ahead log up to the first frame whose checksum is wrong: there the power may
// have failed in the midst of a commit. When it is a byte in the midst of the log that has rotted,
// every commit behind it is lost with it; and where a checkpoint had copied some of those into the
// file, pages of the file are newer than those of the log that is left, so that what is read is of
// no one moment.
//
// What lies behind a frame that has rotted can be known: the checksum of a frame goes on from that
// of the frame before, which stands in that one's header. So a rotten frame is told from the end
// of the log by those behind it. A single bit that has flipped is found by what it does to the
// checksum, and is put right, where no other bit does the same. A page with more damage gets eight
// bytes at its end that make its checksum what it was, so that SQLite goes on: whoever reads the
// page finds it damaged, and all others are whole.
//
// Nothing else is written, and what is written lies within one sector each time: when the power
// fails meanwhile, the same is found and done again.

/// What is wrong with the part of a log behind what SQLite has read of it, and what puts it right.
struct LogSalvage {
  static let headerBytes = 32
  static let frameHeaderBytes = 24

  /// Bytes that are to be written over others. All of them are in one sector.
  struct Patch: Equatable {
    /// From the beginning of the first frame.
    let offset: Int
    let bytes: [UInt8]
  }

  /// How the words that go into checksums lie in the file.
  let isBigEndian: Bool
  let pageBytes: Int
  /// The eight bytes that every frame of this log has.
  let salts: [UInt8]
  /// For each frame what its header says of the size of the file in pages, which it does where a
  /// transaction ends; 0 elsewhere, and in frames without the salts of this log.
  let sizes: [UInt32]
  /// How many pages the file had before these frames.
  let pages: UInt32
  private(set) var patches: [Patch] = []
  /// How many frames were changed, and how many of them have more wrong than one bit.
  private(set) var mendedFrames = 0
  private(set) var damagedFrames = 0

  init(isBigEndian: Bool, pageBytes: Int, salts: [UInt8], sizes: [UInt32], pages: UInt32) {
    self.isBigEndian = isBigEndian
    self.pageBytes = pageBytes
    self.salts = salts
    self.sizes = sizes
    self.pages = pages
  }

  private var frameBytes: Int { Self.frameHeaderBytes + pageBytes }

  /// Whether from a frame on there are commits of two transactions: more than a power failure
  /// leaves of one that was being written.
  func holdsCommits(from start: Int) -> Bool {
    sizes.dropFirst(start).lazy.filter { $0 > 0 }.prefix(2).count == 2
  }

  /// Finds what makes frames readable, as many as were on the disk without a doubt.
  ///
  /// - Parameters:
  ///   - start: of the last frame before these.
  ///   - read: the bytes of a frame; nil when they cannot be read.
  /// - Returns: how many frames, from the first on, SQLite can read with ``patches``; 0 when the
  ///   log does end here. Nil when they cannot be read.
  /// - Complexity: O(bytes), with two frames in memory.
  mutating func mend(after start: LogChecksum, read: (Int) -> [UInt8]?) -> Int? {
    var accepted = 0
    var sum = start
    var (isDoubtful, isDamagedHere) = (false, false)
    // Of frames that are not accepted yet.
    var (patches, mended, damaged) = ([Patch](), 0, 0)
    var following: LogFrame?
    for number in sizes.indices {
      guard let bytes = following?.bytes ?? read(number) else { return nil }
      let frame = LogFrame(bytes: bytes, isBigEndian: isBigEndian)
      following = nil
      if number + 1 < sizes.count {
        guard let bytes = read(number + 1) else { return nil }
        following = LogFrame(bytes: bytes, isBigEndian: isBigEndian)
      }
      let verdict = verdict(on: frame, number, after: sum, before: following)
      guard verdict != .end else { break }
      let (changes, isCommit) = repair(frame, verdict, after: sum)
      sum = verdict == .wrongChecksum ? frame.checksum(after: sum) : frame.stored
      patches += changes.map { Patch(offset: number * frameBytes + $0.offset, bytes: $0.bytes) }
      if !changes.isEmpty { mended += 1 }
      if verdict == .damaged {
        damaged += 1
        (isDoubtful, isDamagedHere) = (true, true)
      }
      guard isCommit else { continue }
      // A transaction is written when the one before is on the disk. So what is damaged in that was
      // whole once, and a power failure did not do it. What a damaged frame says of itself, that it
      // is the end of one, is no such word.
      if !isDamagedHere { isDoubtful = false }
      if verdict != .damaged { isDamagedHere = false }
      guard !isDoubtful else { continue }
      accepted = number + 1
      self.patches += patches
      mendedFrames += mended
      damagedFrames += damaged
      (patches, mended, damaged) = ([], 0, 0)
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
    /// The number of the page, or the size of the file; the page is whole.
    case wrongHeader([UInt8])
    /// More is wrong with its page than one bit, and others follow.
    case damaged
    /// Nothing that was written behind the one before.
    case end
  }

  private func verdict(
    on frame: LogFrame, _ number: Int, after sum: LogChecksum, before next: LogFrame?
  ) -> Verdict {
    let (found, expected) = (frame.checksum(after: sum), frame.stored)
    if found == expected { return .whole }
    guard frame.has(salts) else { return .end }
    let follower = next.flatMap { $0.has(salts) ? $0 : nil }
    func leads(_ sum: LogChecksum) -> Bool {
      follower.map { $0.checksum(after: sum) == $0.stored } ?? false
    }
    if leads(found) { return .wrongChecksum }
    let goesOn = leads(expected)
    // A bit of the last word does the same to the checksum as one of the checksum itself: then what
    // comes behind decides.
    if found.differsInOneBit(from: expected), !goesOn { return .wrongChecksum }
    if let bit = found.flippedBit(in: frame.covered, isBigEndian: isBigEndian, expected: expected) {
      return .flipped(bit)
    }
    guard goesOn else { return .end }
    // The file has no more pages than some other commit says.
    let pagesMax = sizes.indices.reduce(pages) { $1 == number ? $0 : max($0, sizes[$1]) }
    let header = frame.header(making: expected, after: sum)
    if header.isPossible(pagesMax), header.mayHaveBecome(frame.header, pagesMax) {
      return .wrongHeader(header.bytes)
    }
    return frame.header.isPossible(pagesMax) ? .damaged : .end
  }

  /// What is to be written over a frame, from its beginning, and whether a transaction ends with
  /// it then.
  private func repair(
    _ frame: LogFrame, _ verdict: Verdict, after sum: LogChecksum
  ) -> (patches: [Patch], isCommit: Bool) {
    var whole = frame
    switch verdict {
    case .flipped(let bit): whole.flip(bit)
    case .wrongChecksum: whole.replace(16, with: frame.checksum(after: sum).bytes)
    case .wrongHeader(let header): whole.replace(0, with: header)
    case .damaged:
      let last = frameBytes - 8
      whole.replace(last, with: frame.lastWords(making: frame.stored, after: sum))
    case .whole, .end: break
    }
    whole.replace(8, with: salts)
    let patches = stride(from: 0, to: frameBytes, by: 8).compactMap { offset -> Patch? in
      let bytes = whole.bytes[offset..<offset + 8]
      guard !bytes.elementsEqual(frame.bytes[offset..<offset + 8]) else { return nil }
      return Patch(offset: offset, bytes: Array(bytes))
    }
    return (patches, whole.header.pages > 0)
  }
}
