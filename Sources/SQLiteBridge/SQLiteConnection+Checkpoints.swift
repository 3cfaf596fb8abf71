internal import CSQLite

// Who copies the write-ahead log back into the file, and when. By itself SQLite does it in the
// commit that makes the log long enough, and that commit takes ten times as long as others.
extension SQLiteConnection {
  /// Leaves it to another connection from here on, unless the log comes to have so many pages.
  ///
  /// A connection that has to open its file again goes back to doing it itself.
  package func leaveCheckpoints(below pagesMax: Int) throws(SQLiteError) {
    let pageBytes = Int(try queryInteger("PRAGMA page_size") ?? 0)
    let handle = try liveHandle()
    checkpointPagesMax = Int32(clamping: pagesMax)
    if !options.isExclusive, pageBytes > 0 { logRoom = LogRoom(pageBytes: pageBytes) }
    // Whoever sets a hook takes the place of the one that copies.
    sqlite3_wal_hook(
      handle,
      { context, handle, _, pages in
        guard let context else { return SQLITE_OK }
        let connection = Unmanaged<SQLiteConnection>.fromOpaque(context).takeUnretainedValue()
        connection.logPages = Int(pages)
        if pages >= connection.checkpointPagesMax {
          // As SQLite's own hook does, whose commit has succeeded already.
          sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        }
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// Makes the log longer, by pages of zeros, before a commit comes to its end. A commit that is
  /// written where the file has bytes already waits for these alone; one that makes the file longer
  /// waits for what the file system notes of that, too, which on most is a second write.
  ///
  /// What is behind the last commit says nothing to whoever reads the log. Only within a
  /// transaction for writing, as others would write there. What fails is of no importance.
  func makeRoomInLog() {
    guard var room = logRoom, logPages >= LogRoom.pagesMin,
      logPages + LogRoom.pagesAhead > room.pages, let handle
    else { return }
    defer { logRoom = room }
    var found: UnsafeMutablePointer<sqlite3_file>?
    guard
      sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &found) == SQLITE_OK,
      let log = found, let methods = log.pointee.pMethods?.pointee,
      let xFileSize = methods.xFileSize, let xWrite = methods.xWrite
    else { return }
    var size: Int64 = 0
    guard xFileSize(log, &size) == SQLITE_OK else { return }
    let frameBytes = Int64(LogSalvage.frameHeaderBytes + room.pageBytes)
    room.pages = Int(clamping: (size - Int64(LogSalvage.headerBytes)) / frameBytes)
    guard logPages + LogRoom.pagesAhead > room.pages else { return }
    for _ in 0..<LogRoom.steps {
      let code = LogRoom.zeros.withUnsafeBytes {
        xWrite(log, $0.baseAddress, Int32($0.count), size)
      }
      guard code == SQLITE_OK else { return }
      size += Int64(LogRoom.zeros.count)
    }
    room.pages = Int(clamping: (size - Int64(LogSalvage.headerBytes)) / frameBytes)
  }
}

/// How far the log goes on behind its last commit.
struct LogRoom {
  let pageBytes: Int
  /// For how many pages the file has bytes, as far as is known.
  var pages = 0

  /// A log that is shorter is not worth it.
  static let pagesMin = 64
  static let pagesAhead = 16
  /// 256 KiB at a time.
  static let steps = 4
  static let zeros = [UInt8](repeating: 0, count: 1 << 16)
}
