import SQLiteBridge

// The file's write-ahead log: how long it is, and who copies it back.
extension ReplicaStore {
  /// Leaves it to others to copy the write-ahead log back into the file, as long as the log has
  /// fewer pages; see ``logPages``.
  package func leaveCheckpoints(below pagesMax: Int) throws(StoreError) {
    try sql { () throws(SQLiteError) in try connection.leaveCheckpoints(below: pagesMax) }
  }

  /// How many pages the write-ahead log had after the last commit.
  package var logPages: Int { connection.logPages }

  /// Copies the log back into the file as far as no reader is in the way, within this call.
  ///
  /// - Returns: whether that was all of it.
  package func copyLog() throws(StoreError) -> Bool {
    let log = try sql { () throws(SQLiteError) in try connection.checkpoint(.passive) }
    return log.copied == log.pages
  }
}
