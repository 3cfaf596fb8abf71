internal import CSQLite

/// What went wrong in SQLite, where, and what to do about it.
///
/// Compare by `code`; the extended code and the message are for people and logs.
package struct SQLiteError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    /// Another connection holds the lock, for longer than the busy timeout.
    case busy
    /// A statement of this very connection stands in the way.
    case locked
    case readOnly
    case diskFull
    /// Reading, writing or syncing failed.
    case ioFailure
    /// The file is an SQLite database, and damaged.
    case damaged
    /// The file is something else than an SQLite database.
    case notADatabase
    /// The database belongs to another program.
    case foreign(applicationID: Int32)
    /// A newer program has written the file.
    case tooNew(found: Int, supported: Int)
    /// The file has an older format and cannot be migrated as it is open for reading only.
    case needsMigration(found: Int, required: Int)
    case cannotOpen
    case notPermitted
    case constraint
    case interrupted
    case tooBig
    case outOfMemory
    /// A column does not hold what this program stores there.
    case unexpectedValue
    /// An earlier error has already ended the transaction that this statement belonged to.
    case deadTransaction
    /// The file could not be brought to WAL and full synchronisation, so no commit would be
    /// durable.
    case notDurable
    /// The connection is closed, or an earlier failure made it unusable.
    case closed
    /// The library was built without something that is needed.
    case missingFeature
    /// The program used the bridge or SQL wrongly.
    case misuse
    case other
  }

  package let code: Code
  /// SQLite's extended result code; 0 where the bridge itself found the error.
  package let extendedCode: Int32
  package let message: String
  /// The SQL text at fault, or the path of the file, where there is one.
  package let statement: String?

  package init(
    code: Code, extendedCode: Int32 = 0, message: String, statement: String? = nil
  ) {
    self.code = code
    self.extendedCode = extendedCode
    self.message = message
    self.statement = statement
  }

  init(resultCode: Int32, message: String, statement: String?) {
    self.init(
      code: Code(resultCode: resultCode), extendedCode: resultCode, message: message,
      statement: statement)
  }

  /// Whether the file itself is at fault (damaged, too new, not ours), so that trying again is no
  /// use.
  package var isAboutTheFile: Bool {
    switch code {
    case .damaged, .notADatabase, .foreign, .tooNew, .needsMigration, .unexpectedValue: true
    default: false
    }
  }

  /// A sentence that says what a person can do now.
  package var remedy: String {
    switch code {
    case .busy, .locked: "Wait for the other program that uses the file, then try again."
    case .readOnly: "Make the file and its folder writable, or open it for reading only."
    case .diskFull: "Make room on the disk, then try again; nothing was changed."
    case .ioFailure: "Check the disk, then open the file again."
    case .damaged, .unexpectedValue:
      "Keep a copy of the file, check it, and restore it from a backup or another replica."
    case .notADatabase, .foreign: "Check the path: the file belongs to something else."
    case .tooNew: "Use a newer version of this program."
    case .needsMigration: "Open the file once for writing, so that it can be brought up to date."
    case .cannotOpen: "Check that the path exists and may be read."
    case .notPermitted: "Check the permissions of the file and its folder."
    case .notDurable: "Move the file to a local disk that supports locking and shared memory."
    case .outOfMemory: "Close other programs, then try again."
    case .tooBig: "Store less in one value."
    case .missingFeature: "Install an SQLite that has it."
    case .closed: "Open the file again."
    case .deadTransaction: "Run the whole transaction again."
    case .constraint, .interrupted, .misuse, .other: "This is a fault of the program: report it."
    }
  }

  package var description: String {
    var text = "SQLite: \(message)"
    if extendedCode != 0 { text += " (code \(extendedCode))" }
    if let statement { text += ", in \u{201C}\(statement.prefix(200))\u{201D}" }
    return text + ". " + remedy
  }
}

/// An error that can carry a failure of the database: what the body of a transaction may throw.
package protocol SQLiteFailure: Error {
  init(_ error: SQLiteError)
}

extension SQLiteError: SQLiteFailure {
  package init(_ error: SQLiteError) { self = error }
}

extension SQLiteError.Code {
  /// From a primary or an extended result code.
  init(resultCode: Int32) {
    switch resultCode & 0xFF {
    case SQLITE_BUSY: self = .busy
    case SQLITE_LOCKED: self = .locked
    case SQLITE_READONLY: self = .readOnly
    case SQLITE_FULL: self = .diskFull
    case SQLITE_IOERR: self = .ioFailure
    case SQLITE_CORRUPT: self = .damaged
    case SQLITE_NOTADB: self = .notADatabase
    case SQLITE_CANTOPEN: self = .cannotOpen
    case SQLITE_PERM, SQLITE_AUTH: self = .notPermitted
    case SQLITE_CONSTRAINT: self = .constraint
    case SQLITE_INTERRUPT, SQLITE_ABORT: self = .interrupted
    case SQLITE_TOOBIG: self = .tooBig
    case SQLITE_NOMEM: self = .outOfMemory
    case SQLITE_MISUSE, SQLITE_RANGE, SQLITE_ERROR, SQLITE_MISMATCH: self = .misuse
    default: self = .other
    }
  }
}
