// The first sector of a log holds its header, and of its first frame the header and the beginning
// of the page. SQLite takes a log with a wrong header for empty, and begins it anew.
//
// All of the header is known but how many checkpoints there were, which nobody needs. The checksum
// of the first frame goes on from that of the header: so it says which checksum the header had, and
// 32 bits of that tell whether it is one of a header for pages of this size with these salts. Where
// it is, the frame is whole and the header found.
//
// Where the header of the first frame has rotted as well, its checksum is what the second goes on
// from. Which page it is, and what that began with, is tried out: each page that there is, with
// what stands in the frame, and with what that page begins with in the file and later in the log.
// A transaction of one frame is left: the number of its page and the size of the file can be wrong
// together and come to the same. So can numbers that are 128 apart, of which one has to be borne
// out by what else there is.
//
// When a log begins anew its frames are written over old ones, of which the file has all that they
// say. They must not come back over what was copied since. The first frame is of the new log. The
// second is of an old one when the new one has no other, nor had those between. So where the second
// tells which log it is, that has to be borne out: by salts that can still be read before it, or by
// a file that is shorter than that log makes it, as one frame alone makes no file longer.

/// What the first sector of a log was before it rotted.
struct LogBeginning: Equatable {
  let header: LogHeader
  /// The first frame, whole.
  let frame: LogFrame
  /// Whether the first frame is as it was found, and only the header is not.
  let isFrameWhole: Bool

  static let sectorBytes = 512
  /// What of the first frame is in the sector: its header, and the head of its page.
  static let frameBytes = sectorBytes - LogSalvage.headerBytes
  static let headBytes = frameBytes - LogSalvage.frameHeaderBytes
}

/// Looks for the beginning of a log of which the header has rotted.
struct LogBeginningSearch {
  let pageBytes: Int
  /// As it stands there.
  let rottenHeader: [UInt8]
  /// How many frames the log has room for.
  let frameCount: Int
  /// How many pages the file has without the log.
  let filePages: UInt32
  /// The first bytes of a frame; nil when they cannot be read.
  let read: (_ frame: Int, _ count: Int) -> [UInt8]?
  /// The first bytes of a page of the file.
  let readPage: (_ page: UInt32, _ count: Int) -> [UInt8]?

  private var frameBytes: Int { LogSalvage.frameHeaderBytes + pageBytes }

  /// The log with what makes it readable from its beginning on, and how many frames can be read
  /// then. Only all of it: when the rest of a log of which the file has all is not read, what was
  /// before comes back.
  ///
  /// - Returns: nil when that cannot be told.
  /// - Complexity: O(bytes of the log, pages of the file).
  func mended() -> (beginning: LogBeginning, salvage: LogSalvage, count: Int)? {
    guard let beginning = found() else { return nil }
    let header = beginning.header
    var salvage = LogSalvage(
      isBigEndian: header.isBigEndian, pageBytes: pageBytes, salts: header.salts,
      sizes: sizes(header.salts), pages: filePages)
    func frame(_ number: Int) -> [UInt8]? {
      number == 0 ? beginning.frame.bytes : read(number, frameBytes)
    }
    guard let count = salvage.mend(after: header.checksum, read: frame), count > 0,
      !salvage.holdsCommits(from: count)
    else { return nil }
    let last = (count - 1) * frameBytes
    let patch = salvage.patches.first { $0.offset == last }?.bytes
    guard let end = patch ?? frame(count - 1).map({ Array($0[..<8]) }),
      isOfThisLog(beginning, LogFrame.Header(bytes: end).pages)
    else { return nil }
    return (beginning, salvage, count)
  }

  /// Whether the log is the last one, and not one that a frame of another was written over.
  ///
  /// - Parameter size: how many pages it makes of the file.
  private func isOfThisLog(_ beginning: LogBeginning, _ size: UInt32) -> Bool {
    let salts = beginning.header.salts
    let first = read(0, LogSalvage.frameHeaderBytes)
    return beginning.isFrameWhole || rottenHeader[16..<24].elementsEqual(salts)
      || first?[8..<16].elementsEqual(salts) == true || filePages < size
  }

  /// Whether anything was ever committed to a log of which the header can be read no more. The
  /// header is on the disk before the first frame is written: it is no power failure.
  func holdsCommits() -> Bool {
    (0..<min(3, frameCount)).contains { number in
      guard let bytes = read(number, LogSalvage.frameHeaderBytes) else { return false }
      let alike = frames(Array(bytes[8..<16]), from: 0)
      return alike.dropFirst().contains { _ in true } && alike.contains { $0.header.pages > 0 }
    }
  }

  // MARK: Frames

  /// Those with these salts behind the first one, or from it on, and their headers.
  private func frames(
    _ salts: [UInt8], from start: Int = 1
  ) -> some Sequence<(number: Int, header: LogFrame.Header)> {
    (start..<max(start, frameCount)).lazy.compactMap { number in
      guard let bytes = read(number, LogSalvage.frameHeaderBytes),
        bytes[8..<16].elementsEqual(salts)
      else { return nil }
      return (number, LogFrame.Header(bytes: Array(bytes[..<8])))
    }
  }

  /// See ``LogSalvage/sizes``. What the first frame says is not needed.
  private func sizes(_ salts: [UInt8]) -> [UInt32] {
    var sizes = [UInt32](repeating: 0, count: frameCount)
    for (number, header) in frames(salts) { sizes[number] = header.pages }
    return sizes
  }

  // MARK: The header

  private func found() -> LogBeginning? {
    guard let first = read(0, frameBytes) else { return nil }
    for isBigEndian in [false, true] {
      let frame = LogFrame(bytes: first, isBigEndian: isBigEndian)
      if let header = header(leadingTo: frame.checksumBefore, frame.salts, isBigEndian) {
        return LogBeginning(header: header, frame: frame, isFrameWhole: true)
      }
    }
    guard frameCount > 2, let second = read(1, frameBytes), let third = read(2, frameBytes)
    else { return nil }
    for isBigEndian in [false, true] {
      let second = LogFrame(bytes: second, isBigEndian: isBigEndian)
      let third = LogFrame(bytes: third, isBigEndian: isBigEndian)
      if third.has(second.salts), third.checksum(after: second.stored) == third.stored {
        return found(LogFrame(bytes: first, isBigEndian: isBigEndian), before: second)
      }
    }
    return nil
  }

  private func header(
    leadingTo sum: LogChecksum, _ salts: [UInt8], _ isBigEndian: Bool
  ) -> LogHeader? {
    LogHeader(leadingTo: sum, pageBytes: pageBytes, salts: salts, isBigEndian: isBigEndian)
  }

  // MARK: A first frame that has rotted

  /// - Returns: nil when nothing fits, or more than one thing.
  private func found(_ rotten: LogFrame, before second: LogFrame) -> LogBeginning? {
    let (sum, salts, isBigEndian) = (second.checksumBefore, second.salts, rotten.isBigEndian)
    var behindHead = sum
    behindHead.remove(rotten.bytes[LogBeginning.frameBytes...], isBigEndian: isBigEndian)
    var found: [LogBeginning] = []
    var borneOut: [LogBeginning] = []
    func tryOut(_ page: UInt32, _ head: ArraySlice<UInt8>, isOfPage: Bool) {
      let words = Self.bytes(of: page) + Self.bytes(of: 0)
      var before = behindHead
      before.remove(head, isBigEndian: isBigEndian)
      before.remove(words[...], isBigEndian: isBigEndian)
      guard let header = header(leadingTo: before, salts, isBigEndian) else { return }
      var frame = rotten
      frame.replace(0, with: words + salts + sum.bytes + head)
      let beginning = LogBeginning(header: header, frame: frame, isFrameWhole: false)
      if !found.contains(beginning) { found.append(beginning) }
      let isOfCheckpoint = header.bytes[12..<16] == rottenHeader[12..<16]
      guard isOfPage || isOfCheckpoint || rotten.header.page == page,
        !borneOut.contains(beginning)
      else { return }
      borneOut.append(beginning)
    }
    let own = rotten.bytes[LogSalvage.frameHeaderBytes..<LogBeginning.frameBytes]
    for page in 1...pagesMax(salts) {
      tryOut(page, own, isOfPage: false)
      if page <= filePages, let head = readPage(page, LogBeginning.headBytes) {
        tryOut(page, head[...], isOfPage: true)
      }
    }
    for (number, header) in frames(salts) {
      guard let bytes = read(number, LogBeginning.frameBytes) else { return nil }
      tryOut(header.page, bytes[LogSalvage.frameHeaderBytes...], isOfPage: true)
    }
    let rest = borneOut.isEmpty ? found : borneOut
    return rest.count == 1 ? rest[0] : nil
  }

  /// How many pages the file has at most.
  private func pagesMax(_ salts: [UInt8]) -> UInt32 {
    let pages = frames(salts).reduce(1) { max($0, $1.header.pages) }
    return min(pages, UInt32(clamping: Int64(filePages) + Int64(frameCount)))
  }

  private static func bytes(of word: UInt32) -> [UInt8] {
    withUnsafeBytes(of: word.bigEndian) { Array($0) }
  }
}
