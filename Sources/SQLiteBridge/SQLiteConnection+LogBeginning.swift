internal import CSQLite

extension SQLiteConnection {
  /// Finds the beginning of a log that SQLite takes for empty, see ``LogBeginning``, and writes it.
  /// Within a transaction for writing.
  ///
  /// Where that cannot be done says so, and cuts the log off. The next one can have the same salts:
  /// what is left of this one must not be taken for what follows.
  func mendBeginning(
    of log: OpenFile, _ size: Int64, _ rotten: [UInt8], _ handle: OpaquePointer,
    _ mended: inout MendedLog?, isMending: Bool
  ) -> Int32 {
    var found: UnsafeMutablePointer<sqlite3_file>?
    let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &found)
    guard code == SQLITE_OK, let pointer = found, let file = OpenFile(pointer),
      let pageBytes = Self.pageBytes(of: file)
    else { return code }
    let frameBytes = LogSalvage.frameHeaderBytes + pageBytes
    let start = Int64(LogSalvage.headerBytes)
    let search = LogBeginningSearch(
      pageBytes: pageBytes, rottenHeader: rotten,
      frameCount: Int((size - start) / Int64(frameBytes)),
      filePages: UInt32(clamping: file.size().bytes / Int64(pageBytes)),
      read: { log.read($1, at: start + Int64($0) * Int64(frameBytes)) },
      readPage: { file.read($1, at: (Int64($0) - 1) * Int64(pageBytes)) })
    guard isMending, let (beginning, salvage, count) = search.mended() else {
      guard search.holdsCommits() else { return SQLITE_OK }
      mended = MendedLog(isLost: true)
      return log.truncate(to: 0)
    }
    mended = MendedLog(
      frames: salvage.mendedFrames + (beginning.isFrameWhole ? 0 : 1),
      damaged: salvage.damagedFrames, end: count)
    let frame = beginning.isFrameWhole ? [] : beginning.frame.bytes[..<LogBeginning.frameBytes]
    let written = log.write(beginning.header.bytes + frame, at: 0)
    guard written == SQLITE_OK else { return written }
    for patch in salvage.patches {
      let code = log.write(patch.bytes, at: start + Int64(patch.offset))
      guard code == SQLITE_OK else { return code }
    }
    return SQLITE_OK
  }

  /// As the file says at its beginning; nil when that cannot be.
  private static func pageBytes(of file: OpenFile) -> Int? {
    guard let bytes = file.read(2, at: 16) else { return nil }
    let word = Int(bytes[0]) << 8 | Int(bytes[1])
    // 65,536 does not fit, and is written as 1.
    let count = word == 1 ? 65_536 : word
    return count >= 512 && count.nonzeroBitCount == 1 ? count : nil
  }
}
