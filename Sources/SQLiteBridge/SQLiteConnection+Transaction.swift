internal import CSQLite

/// Where a connection stands.
enum TransactionState {
  case none
  case open
  /// An error has happened inside; nothing more may run in it.
  case failed(SQLiteError)
}

package enum SQLiteTransactionKind: Sendable {
  /// `BEGIN IMMEDIATE`: takes the write lock at once, so that no later statement can find it taken.
  case write
  /// One unchanging view of the database, for reading. The view starts with the first read.
  case read
}

extension SQLiteConnection {
  /// Runs `body` in a transaction: commits when it returns, rolls back when it throws.
  ///
  /// After any error of SQLite inside, the transaction is dead: SQLite may have rolled back by
  /// itself already, and the next statement would then commit on its own. So every later statement
  /// throws `.deadTransaction`, and if `body` swallows the error and returns, nothing is committed
  /// and the first error is thrown. Transactions do not nest; use `savepoint(_:)`.
  ///
  /// A failure to read or write while committing leaves it open whether the commit is on disk.
  /// Opening the file again tells, and that is what the connection does before the next statement.
  ///
  /// - Throws: what `body` throws; `.busy` when another connection keeps the write lock; what
  ///   committing reports.
  @inlinable @discardableResult
  package func transaction<Result, Failure: SQLiteFailure>(
    _ kind: SQLiteTransactionKind = .write, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    do throws(SQLiteError) { try begin(kind) } catch { throw Failure(error) }
    let result: Result
    do throws(Failure) {
      result = try body()
    } catch {
      rollBack()
      throw error
    }
    do throws(SQLiteError) { try commit() } catch { throw Failure(error) }
    return result
  }

  /// Runs a part of a transaction that can be undone alone: when `body` throws an error of its own,
  /// what it wrote is taken back and the transaction goes on. An error of SQLite ends the whole
  /// transaction, here as everywhere.
  ///
  /// - Throws: what `body` throws; `.misuse` outside a transaction.
  @discardableResult
  package func savepoint<Result, Failure: SQLiteFailure>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    do throws(SQLiteError) {
      guard isInTransaction else {
        throw SQLiteError(code: .misuse, message: "a savepoint needs a transaction")
      }
      try execute("SAVEPOINT inner")
    } catch {
      throw Failure(error)
    }
    let result: Result
    do throws(Failure) {
      result = try body()
    } catch {
      if case .open = transactionState {
        do throws(SQLiteError) {
          try execute("ROLLBACK TO inner")
          try execute("RELEASE inner")
        } catch let undoing {
          throw Failure(undoing)
        }
      }
      throw error
    }
    do throws(SQLiteError) { try execute("RELEASE inner") } catch { throw Failure(error) }
    return result
  }

  /// Whether a transaction is under way, dead or alive.
  package var isInTransaction: Bool {
    if case .none = transactionState { false } else { true }
  }

  // MARK: Steps

  /// Refuses a statement that would run outside the transaction its author believes it to be in.
  func checkTransaction(before sql: String) throws(SQLiteError) {
    switch transactionState {
    case .none: try recover()
    case .failed(let cause):
      throw SQLiteError(
        code: .deadTransaction, extendedCode: cause.extendedCode,
        message: "the transaction has ended with an error before (\(cause.message))",
        statement: sql)
    case .open:
      guard let handle, sqlite3_get_autocommit(handle) == 0 else {
        throw ending(
          SQLiteError(
            code: .deadTransaction, message: "SQLite has rolled back the transaction",
            statement: sql))
      }
    }
  }

  @usableFromInline
  func begin(_ kind: SQLiteTransactionKind) throws(SQLiteError) {
    guard case .none = transactionState else {
      throw SQLiteError(code: .misuse, message: "a transaction is under way already")
    }
    try recover()
    switch kind {
    case .write: try run("BEGIN IMMEDIATE")
    case .read: try run("BEGIN")
    }
    transactionState = .open
    isWriting = kind == .write
  }

  @usableFromInline
  func commit() throws(SQLiteError) {
    if case .failed(let cause) = transactionState {
      rollBack()
      throw cause
    }
    do throws(SQLiteError) {
      try checkTransaction(before: "COMMIT")
      if isWriting { makeRoomInLog() }
      try run("COMMIT")
      transactionState = .none
    } catch {
      rollBack()
      if error.code == .ioFailure {
        poison = SQLiteError(
          code: .closed, extendedCode: error.extendedCode,
          message: "committing failed (\(error.message)), so what is on disk is unknown",
          statement: path)
      }
      throw error
    }
  }

  @usableFromInline
  func rollBack() {
    guard let handle, sqlite3_get_autocommit(handle) == 0 else {
      transactionState = .none
      return
    }
    do throws(SQLiteError) {
      try run("ROLLBACK")
      transactionState = .none
    } catch {
      poison = SQLiteError(
        code: .closed, extendedCode: error.extendedCode,
        message: "a transaction could not be rolled back (\(error.message))", statement: path)
      transactionState = .none
    }
  }
}
