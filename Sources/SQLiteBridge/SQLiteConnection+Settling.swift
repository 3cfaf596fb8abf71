internal import CSQLite

extension SQLiteConnection {
  /// Makes sure that the WAL that was found is on the disk before anybody relies on what it says.
  ///
  /// A process that died between a write and its sync, or whose sync failed, leaves commits that
  /// can be read and are not on the disk; after a failed sync the operating system may even hold
  /// them for written, so that no later sync brings them there. Whoever shows them to others, or
  /// builds on them, loses them when the power fails, and with them the chain of checksums on which
  /// all later commits in the same WAL depend. So its bytes are written once more and synced.
  ///
  /// A WAL is left behind by crashes and by connections that are still open. One that is writing
  /// just now has done this itself; nobody waits for it.
  ///
  /// What has rotted in it is mended before, see ``LogSalvage``.
  ///
  /// Complexity: O(bytes of the WAL), nothing without one.
  ///
  /// - Parameter isMending: false for a file of another format, which an earlier release may have
  ///   written to after it had read a log that ended too soon.
  func settleWAL(isMending: Bool) throws(SQLiteError) {
    let handle = try liveHandle()
    sqlite3_busy_timeout(handle, 0)
    defer { sqlite3_busy_timeout(handle, options.busyTimeoutMilliseconds) }
    do throws(SQLiteError) {
      try run("BEGIN IMMEDIATE")
    } catch {
      guard error.code == .busy else { throw error }
      return
    }
    var mended: MendedLog?
    var code = SQLITE_OK
    if !options.isExclusive { code = mendWAL(of: handle, &mended, isMending: isMending) }
    if code == SQLITE_OK { code = rewriteWAL(of: handle) }
    if code == SQLITE_OK, mended != nil { code = forgetIndex(of: handle) }
    // A rollback would take the index for what it was.
    try run("COMMIT")
    guard code == SQLITE_OK else { throw failure(code, in: path) }
    guard let mended else { return }
    mendedLog = mended
    do throws(SQLiteError) {
      try run("BEGIN IMMEDIATE")
    } catch {
      guard error.code == .busy else { throw error }
      return
    }
    code = cutWhatIsNotRead(of: handle, below: mended.end)
    try run("COMMIT")
    guard code == SQLITE_OK else { throw failure(code, in: path) }
  }

  /// Writes what the WAL holds over itself. Nobody else writes to it meanwhile, and who reads it
  /// reads the same.
  private func rewriteWAL(of handle: OpaquePointer) -> Int32 {
    var found: UnsafeMutablePointer<sqlite3_file>?
    let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &found)
    guard code == SQLITE_OK, let file = found, let methods = file.pointee.pMethods?.pointee,
      let xFileSize = methods.xFileSize, let xRead = methods.xRead, let xWrite = methods.xWrite,
      let xSync = methods.xSync
    else { return code }
    var size: Int64 = 0
    let sizeCode = xFileSize(file, &size)
    guard sizeCode == SQLITE_OK, size > Self.walHeaderBytes else { return sizeCode }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var offset: Int64 = 0
    while offset < size {
      let count = Int32(clamping: min(Int64(buffer.count), size - offset))
      let code = buffer.withUnsafeMutableBytes { bytes in
        let code = xRead(file, bytes.baseAddress, count, offset)
        return code == SQLITE_OK ? xWrite(file, bytes.baseAddress, count, offset) : code
      }
      guard code == SQLITE_OK else { return code }
      offset += Int64(count)
    }
    return xSync(file, SQLITE_SYNC_FULL)
  }

  /// A WAL without a frame says nothing.
  private static var walHeaderBytes: Int64 { 32 }
}
