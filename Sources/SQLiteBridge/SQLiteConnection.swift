internal import CSQLite
internal import Sabotages

/// One connection to one database.
///
/// A connection belongs to one thread of execution at a time; it is not `Sendable`, and whoever
/// owns it hands it on as a whole. It is always durable: WAL with `synchronous=FULL` is set and
/// read back before the first statement of the caller runs.
///
/// Errors inside a transaction are final, see `transaction(_:_:)`. When a failure leaves it unknown
/// what is on disk, the connection opens the file again before it does anything else.
package final class SQLiteConnection {
  package let options: SQLiteOptions
  var handle: OpaquePointer?
  var statements = StatementCache()
  var transactionState = TransactionState.none
  /// Set when the state on disk can no longer be known. Nothing runs before the file has been
  /// opened again.
  var poison: SQLiteError?
  /// How many pages the write-ahead log had after the last commit; 0 where nobody asked, see
  /// ``leaveCheckpoints(below:)``.
  package internal(set) var logPages = 0
  var checkpointPagesMax = Int32.max
  /// Nil where the log is not made longer ahead of commits.
  var logRoom: LogRoom?
  /// Whether the transaction under way was begun for writing.
  package internal(set) var isWriting = false
  /// What had rotted in the log of the file when it was opened; nil when nothing had.
  package internal(set) var mendedLog: MendedLog?
  /// How often the file was opened.
  var openingCount: UInt32 = 1
  private let schema: SQLiteSchema?

  /// Opens the database, looks at its header, and sets and verifies durability.
  ///
  /// With a `schema` the file must belong to that application, or be empty, and must not be newer
  /// than the schema; all of that is found before anything is written. An older file is migrated.
  ///
  /// - Throws: `.cannotOpen`, `.notADatabase`, `.damaged`, `.foreign`, `.tooNew`,
  ///   `.needsMigration`,
  ///   `.readOnly`, `.notDurable`, `.busy`, `.ioFailure`.
  package init(_ options: SQLiteOptions, schema: SQLiteSchema? = nil) throws(SQLiteError) {
    self.options = options
    self.schema = schema
    self.handle = try Self.openHandle(options)
    do throws(SQLiteError) {
      try configure()
      var isNewest = true
      if let schema {
        let version = try checkHeader(against: schema)
        // No release has written to a file that looks empty as its log ends too soon.
        isNewest = version == schema.version || version == 0
      }
      try makeDurable(isMending: isNewest)
      if let schema { try migrate(to: schema) }
    } catch {
      close()
      throw error
    }
  }

  deinit {
    close()
  }

  /// Closes the connection; a transaction under way is rolled back. Rows that are still being read
  /// keep SQLite's side alive until they end, and report `.closed`.
  package func close() {
    poison = nil
    closeHandle()
  }

  private func closeHandle() {
    guard let handle else { return }
    logPages = 0
    logRoom = nil
    statements.removeAll()
    self.handle = nil
    sqlite3_close_v2(handle)
  }

  /// After a failure that left it unknown what is on disk: opens the file again, which tells. Until
  /// that succeeds, nothing runs, and the next attempt tries again.
  ///
  /// - Throws: what opening throws; the failure itself where there is no file to open again.
  func recover() throws(SQLiteError) {
    guard let poison else { return }
    guard case .none = transactionState, case .file = options.location else { throw poison }
    // A file that is gone is not made anew.
    var options = options
    if options.access == .create { options.access = .write }
    closeHandle()
    do throws(SQLiteError) {
      self.handle = try Self.openHandle(options)
      self.poison = nil
      openingCount &+= 1
      try configure()
      if let schema { try checkHeader(against: schema) }
      try makeDurable(isMending: true)
    } catch {
      closeHandle()
      self.poison = poison
      throw error
    }
  }

  package var isOpen: Bool { handle != nil }

  /// The file, for messages.
  package var path: String {
    switch options.location {
    case .file(let path): path
    case .memory: ":memory:"
    }
  }

  /// The version of the library in use, such as 3037000 for 3.37.0.
  package static var libraryVersion: Int { Int(sqlite3_libversion_number()) }

  /// `STRICT` tables need this much.
  package static let oldestLibraryVersion = 3_037_000

  // MARK: Opening

  private static func openHandle(_ options: SQLiteOptions) throws(SQLiteError) -> OpaquePointer {
    guard libraryVersion >= oldestLibraryVersion else {
      throw SQLiteError(
        code: .cannotOpen,
        message: "SQLite \(String(cString: sqlite3_libversion())) is too old; 3.37 is needed")
    }
    var path: String
    switch options.location {
    case .memory: path = ":memory:"
    case .file(let given):
      guard !given.isEmpty, !given.utf8.contains(0) else {
        throw SQLiteError(
          code: .cannotOpen, message: "the path of the file is empty or holds a NUL",
          statement: given)
      }
      path = given
      // These have a meaning of their own for SQLite.
      if given.hasPrefix(":") || given.hasPrefix("file:") { path = "./" + given }
    }
    var flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    switch options.access {
    case .create: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    case .write: flags |= SQLITE_OPEN_READWRITE
    case .read: flags |= SQLITE_OPEN_READONLY
    }
    var handle: OpaquePointer?
    let code = sqlite3_open_v2(path, &handle, flags, options.vfs)
    guard code == SQLITE_OK, let handle else {
      let message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(handle)
      throw SQLiteError(resultCode: code, message: message, statement: path)
    }
    return handle
  }

  /// Settings of the connection that touch no file.
  private func configure() throws(SQLiteError) {
    let handle = try liveHandle()
    sqlite3_busy_timeout(handle, options.busyTimeoutMilliseconds)
    // A file that shrinks under a memory map ends the process; a read reports an error instead.
    try execute("PRAGMA mmap_size = 0")
    try execute("PRAGMA trusted_schema = OFF")
    try execute("PRAGMA cell_size_check = ON")
    try execute("PRAGMA foreign_keys = ON")
    try execute("PRAGMA cache_size = -\(options.cacheKibibytes)")
    // As some systems build SQLite, every page that is freed is written once more, full of zeros:
    // to delete a large value costs as much as it took to write it.
    try execute("PRAGMA secure_delete = FAST")
    // Only Apple's systems know these: there a plain fsync does not reach the disk.
    try execute("PRAGMA fullfsync = ON")
    try execute("PRAGMA checkpoint_fullfsync = ON")
    if options.isExclusive { try execute("PRAGMA locking_mode = EXCLUSIVE") }
  }

  /// Sets WAL and full synchronisation, and believes neither before it has read it back.
  private func makeDurable(isMending: Bool) throws(SQLiteError) {
    let handle = try liveHandle()
    let isCareless = Sabotage.syncNormally.isPlanted
    try execute(isCareless ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL")
    try execute("PRAGMA wal_autocheckpoint = \(options.walAutocheckpointPages)")
    if options.access != .read {
      guard sqlite3_db_readonly(handle, "main") == 0 else {
        throw SQLiteError(code: .readOnly, message: "the file may not be written", statement: path)
      }
      try enterWAL()
      let mode = try queryText("PRAGMA journal_mode") ?? ""
      let expected = options.location == .memory ? "memory" : "wal"
      guard mode == expected else {
        throw SQLiteError(
          code: .notDurable,
          message: "the journal mode is \u{201C}\(mode)\u{201D}, not \(expected)",
          statement: path)
      }
      if options.location != .memory { try settleWAL(isMending: isMending) }
    }
    guard try queryInteger("PRAGMA synchronous") == 2 || isCareless else {
      throw SQLiteError(code: .notDurable, message: "synchronous=FULL was not accepted")
    }
    guard try queryInteger("PRAGMA foreign_keys") == 1 else {
      throw SQLiteError(code: .notDurable, message: "foreign_keys=ON was not accepted")
    }
  }

  /// Changing the journal mode does not always call the busy handler, so connections that open a
  /// new file at the same moment take turns here.
  private func enterWAL() throws(SQLiteError) {
    let pauseMilliseconds: Int32 = 10
    var waitedMilliseconds: Int32 = 0
    while true {
      do throws(SQLiteError) {
        try execute("PRAGMA journal_mode = WAL")
        return
      } catch {
        guard error.code == .busy, waitedMilliseconds < options.busyTimeoutMilliseconds else {
          throw error
        }
        sqlite3_sleep(pauseMilliseconds)
        waitedMilliseconds += pauseMilliseconds
      }
    }
  }

  // MARK: Errors

  /// The handle, when statements may run at all.
  func liveHandle() throws(SQLiteError) -> OpaquePointer {
    if let poison { throw poison }
    guard let handle else {
      throw SQLiteError(code: .closed, message: "the connection is closed", statement: path)
    }
    return handle
  }

  /// The error that SQLite has just returned, with its message; ends the transaction under way.
  func failure(_ resultCode: Int32, in statement: String?) -> SQLiteError {
    var message = String(cString: sqlite3_errstr(resultCode))
    if let handle, sqlite3_extended_errcode(handle) == resultCode {
      message = String(cString: sqlite3_errmsg(handle))
    }
    return ending(
      SQLiteError(resultCode: resultCode, message: message, statement: statement))
  }

  /// Notes that `error` has ended the transaction under way, if there is one.
  func ending(_ error: SQLiteError) -> SQLiteError {
    if case .open = transactionState { transactionState = .failed(error) }
    return error
  }
}
