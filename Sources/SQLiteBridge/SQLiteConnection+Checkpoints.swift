internal import CSQLite

// Who copies the write-ahead log back into the file, and when. By itself SQLite does it in the
// commit that makes the log long enough, and that commit takes ten times as long as others.
extension SQLiteConnection {
  /// Leaves it to another connection from here on, unless the log comes to have so many pages.
  ///
  /// A connection that has to open its file again goes back to doing it itself.
  package func leaveCheckpoints(below pagesMax: Int) throws(SQLiteError) {
    let handle = try liveHandle()
    checkpointPagesMax = Int32(clamping: pagesMax)
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
}
