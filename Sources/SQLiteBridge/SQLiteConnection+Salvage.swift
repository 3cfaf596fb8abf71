internal import CSQLite

/// What had rotted in a write-ahead log, and was mended.
package struct MendedLog: Equatable, Sendable {
  /// Pages in it that were changed since.
  package var frames = 0
  /// Those of them that are damaged, as more than one bit of them has flipped.
  package var damaged = 0
  /// The log went on, in a way that nobody can read, and was cut off.
  package var isCut = false
  /// Its beginning has rotted so that nothing of it can be read.
  package var isLost = false
  /// How many pages of the log can be read since.
  var end = 0
}

extension SQLiteConnection {
  package func forgetMendedLog() { mendedLog = nil }

  /// Makes readable what lies behind a rotten place in the log, see ``LogSalvage``, right after
  /// SQLite has read the log and before anybody has written to it. Within a transaction for
  /// writing, which nobody else is in.
  ///
  /// Complexity: O(1) where SQLite has read all of the log.
  ///
  /// - Parameter isMending: false cuts off what SQLite has not read: left there, it could be taken
  ///   for what follows newer commits by whoever opens the file next.
  func mendWAL(
    of handle: OpaquePointer, _ mended: inout MendedLog?, isMending: Bool
  ) -> Int32 {
    var found: UnsafeMutablePointer<sqlite3_file>?
    let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &found)
    guard code == SQLITE_OK, let file = found, let log = OpenFile(file),
      let index = indexHeader(of: handle)
    else { return code }
    let (sizeCode, size) = log.size()
    guard sizeCode == SQLITE_OK, index.isAsRead, size > Int64(LogSalvage.headerBytes) else {
      return sizeCode
    }
    let salted = LogSalvage.headerBytes + 8
    guard let bytes = log.read(LogSalvage.headerBytes, at: 0), size >= Int64(salted) + 8,
      let salts = log.read(8, at: Int64(salted))
    else { return SQLITE_OK }
    guard let header = LogHeader(mending: bytes, salts) else {
      guard index.isEmpty else { return SQLITE_OK }
      return mendBeginning(of: log, size, bytes, handle, &mended, isMending: isMending)
    }
    let frameBytes = Int64(LogSalvage.frameHeaderBytes + header.pageBytes)
    let start = Int64(LogSalvage.headerBytes) + Int64(index.frames) * frameBytes
    let frames = Int((size - start) / frameBytes)
    guard frames > 0 else { return SQLITE_OK }
    guard isMending else { return log.truncate(to: start) }
    // A log that was copied into the file as a whole begins anew with other salts, and until it
    // does the file has what is copied.
    guard header.wasMended || index.salts == header.salts else { return SQLITE_OK }
    var sizes: [UInt32] = []
    for frame in 0..<frames {
      guard let bytes = log.read(16, at: start + Int64(frame) * frameBytes) else {
        return SQLITE_OK
      }
      let isOfThis = bytes[8...].elementsEqual(header.salts)
      sizes.append(isOfThis ? LogFrame.Header(bytes: Array(bytes[..<8])).pages : 0)
    }
    var salvage = LogSalvage(
      isBigEndian: header.isBigEndian, pageBytes: header.pageBytes, salts: header.salts,
      sizes: sizes, pages: index.pages)
    let sum = index.frames > 0 ? index.checksum : header.checksum
    let readable = salvage.mend(after: sum) {
      log.read(Int(frameBytes), at: start + Int64($0) * frameBytes)
    }
    guard let count = readable else { return SQLITE_OK }
    if salvage.mendedFrames > 0 || header.wasMended, count > 0 {
      mended = MendedLog(
        frames: salvage.mendedFrames, damaged: salvage.damagedFrames,
        end: Int(index.frames) + count)
      if header.wasMended {
        let code = log.write(header.bytes, at: 0)
        guard code == SQLITE_OK else { return code }
      }
      for patch in salvage.patches {
        let code = log.write(patch.bytes, at: start + Int64(patch.offset))
        guard code == SQLITE_OK else { return code }
      }
    }
    guard salvage.holdsCommits(from: count) else { return SQLITE_OK }
    // What is written from now on overwrites the beginning of the rest, which must not be taken for
    // what follows that.
    mended = mended ?? MendedLog(end: Int(index.frames))
    mended?.isCut = true
    return log.truncate(to: start + Int64(count) * frameBytes)
  }

  /// Cuts off what SQLite does not read of a log that was mended, whatever the reason: the next
  /// commits are written there. Within a transaction for writing.
  func cutWhatIsNotRead(of handle: OpaquePointer, below end: Int) -> Int32 {
    guard let index = indexHeader(of: handle), index.isAsRead, index.frames < end
    else { return SQLITE_OK }
    var found: UnsafeMutablePointer<sqlite3_file>?
    let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &found)
    guard code == SQLITE_OK, let file = found, let log = OpenFile(file) else { return code }
    mendedLog?.isCut = true
    let frameBytes = Int64(LogSalvage.frameHeaderBytes + index.pageBytes)
    return log.truncate(to: Int64(LogSalvage.headerBytes) + Int64(index.frames) * frameBytes)
  }

  // MARK: The index

  /// What SQLite has noted of the log in the memory that all processes share.
  private struct IndexHeader {
    /// Nobody has written to the log since it was read.
    let isAsRead: Bool
    let pageBytes: Int
    /// How many it could read.
    let frames: UInt32
    /// Of the file, after the last of them.
    let pages: UInt32
    /// Of the last of them.
    let checksum: LogChecksum
    let salts: [UInt8]
    /// There is no log, or none that can be read, and nobody has begun one.
    var isEmpty: Bool { frames == 0 && pageBytes == 0 }
  }

  private func indexHeader(of handle: OpaquePointer) -> IndexHeader? {
    guard let index = mappedIndex(of: handle) else { return nil }
    func word(_ offset: Int) -> UInt32 { index.load(fromByteOffset: offset, as: UInt32.self) }
    guard word(0) == Self.indexVersion else { return nil }
    // 65,536 does not fit, and is written as 1.
    let noted = Int(index.load(fromByteOffset: 14, as: UInt16.self))
    let pageBytes = noted & 0xFE00 | (noted & 1) << 16
    let isThere = index.load(fromByteOffset: 12, as: UInt8.self) == 1
    return IndexHeader(
      isAsRead: isThere && word(8) == 0, pageBytes: pageBytes, frames: word(16), pages: word(20),
      checksum: LogChecksum(word(24), word(28)),
      salts: (32..<40).map { index.load(fromByteOffset: $0, as: UInt8.self) })
  }

  /// Makes everybody read the log anew. Whoever reads at the moment goes on with what they see.
  func forgetIndex(of handle: OpaquePointer) -> Int32 {
    guard let index = mappedIndex(of: handle) else { return SQLITE_IOERR }
    // The header stands there twice.
    index.initializeMemory(as: UInt8.self, repeating: 0, count: 2 * Self.indexHeaderBytes)
    return SQLITE_OK
  }

  private func mappedIndex(of handle: OpaquePointer) -> UnsafeMutableRawPointer? {
    var found: UnsafeMutablePointer<sqlite3_file>?
    guard
      sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &found) == SQLITE_OK,
      let file = found, let methods = file.pointee.pMethods?.pointee, methods.iVersion >= 2,
      let xShmMap = methods.xShmMap
    else { return nil }
    var memory: UnsafeMutableRawPointer?
    let code = xShmMap(file, 0, Self.indexRegionBytes, 0, &memory)
    return code == SQLITE_OK ? memory : nil
  }

  private static var indexVersion: UInt32 { 3_007_000 }
  private static var indexHeaderBytes: Int { 48 }
  private static var indexRegionBytes: Int32 { 32_768 }
}
