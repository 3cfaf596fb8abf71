internal import CSQLite

/// What a statement would do, as SQLite says while it compiles it.
package enum SQLiteAction: Equatable, Sendable {
  case select
  /// A common table expression that refers to itself.
  case recursion
  /// `column` is empty where only the number of rows is asked for.
  case read(table: String, column: String)
  case call(function: String)
  /// Reads or sets a setting.
  case pragma(String)
  case update(table: String)
  /// Anything else, by the name of the statement that would do it.
  case other(String)

  fileprivate init(code: Int32, _ first: String?, _ second: String?) {
    switch code {
    case SQLITE_SELECT: self = .select
    case SQLITE_RECURSIVE: self = .recursion
    case SQLITE_READ: self = .read(table: first ?? "", column: second ?? "")
    case SQLITE_FUNCTION: self = .call(function: second ?? "")
    case SQLITE_PRAGMA: self = .pragma(first ?? "")
    case SQLITE_UPDATE: self = .update(table: first ?? "")
    case SQLITE_ATTACH: self = .other("ATTACH")
    case SQLITE_DETACH: self = .other("DETACH")
    case SQLITE_TRANSACTION, SQLITE_SAVEPOINT: self = .other(first ?? "BEGIN")
    case SQLITE_INSERT: self = .other("INSERT")
    case SQLITE_DELETE: self = .other("DELETE")
    case SQLITE_ANALYZE: self = .other("ANALYZE")
    case SQLITE_REINDEX: self = .other("REINDEX")
    case SQLITE_ALTER_TABLE: self = .other("ALTER TABLE")
    default: self = .other("CREATE or DROP")
    }
  }
}

/// What statements of somebody else may do, and for how long.
package final class SQLiteGuard {
  private let allows: (SQLiteAction) -> Bool
  private let shouldStop: () -> Bool
  /// The first action that was not allowed.
  package private(set) var refused: SQLiteAction?
  package private(set) var hasStopped = false

  /// - Parameter shouldStop: asked every few thousand steps of a statement; true ends it with
  ///   `.interrupted`.
  package init(allows: @escaping (SQLiteAction) -> Bool, shouldStop: @escaping () -> Bool) {
    self.allows = allows
    self.shouldStop = shouldStop
  }

  fileprivate func decide(_ action: SQLiteAction) -> Int32 {
    if allows(action) { return SQLITE_OK }
    if refused == nil { refused = action }
    return SQLITE_DENY
  }

  fileprivate func isOver() -> Int32 {
    if shouldStop() { hasStopped = true }
    return hasStopped ? 1 : 0
  }

  fileprivate static let stepsBetweenLooks: Int32 = 4_000
}

extension SQLiteConnection {
  /// Runs `body` while `guarding` decides what its statements may do.
  ///
  /// - Parameter valueBytesMax: no text or blob becomes longer meanwhile.
  package func guarded<Result, Failure: Error>(
    by guarding: SQLiteGuard, valueBytesMax: Int32, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let handle else { return try body() }
    let context = Unmanaged.passUnretained(guarding).toOpaque()
    sqlite3_set_authorizer(
      handle,
      { context, code, first, second, _, _ in
        guard let context else { return SQLITE_DENY }
        let guarding = Unmanaged<SQLiteGuard>.fromOpaque(context).takeUnretainedValue()
        return guarding.decide(
          SQLiteAction(
            code: code, first.map { String(cString: $0) }, second.map { String(cString: $0) }))
      }, context)
    sqlite3_progress_handler(
      handle, SQLiteGuard.stepsBetweenLooks,
      { context in
        guard let context else { return 1 }
        return Unmanaged<SQLiteGuard>.fromOpaque(context).takeUnretainedValue().isOver()
      }, context)
    let lengthBefore = sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, valueBytesMax)
    defer {
      sqlite3_set_authorizer(handle, nil, nil)
      sqlite3_progress_handler(handle, 0, nil, nil)
      sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, lengthBefore)
      withExtendedLifetime(guarding) {}
    }
    return try body()
  }
}
