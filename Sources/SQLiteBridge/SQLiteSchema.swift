internal import CSQLite

/// One step from a format of a file to the next. Steps are only ever added, never changed.
package struct SQLiteMigration: Sendable {
  package let name: String
  package let run: @Sendable (SQLiteConnection) throws(SQLiteError) -> Void

  /// A step in SQL: one or more statements.
  package init(_ name: String, script: String) {
    self.name = name
    self.run = { (connection) throws(SQLiteError) in try connection.script(script) }
  }

  package init(
    _ name: String, run: @escaping @Sendable (SQLiteConnection) throws(SQLiteError) -> Void
  ) {
    self.name = name
    self.run = run
  }
}

/// Whose file it is, and all steps to its newest format. The format's number, kept as
/// `user_version`, is how many steps a file has taken. A new file takes none of them: it is made
/// as they would leave it.
package struct SQLiteSchema: Sendable {
  /// Kept as `application_id`; not zero.
  package let applicationID: Int32
  package let migrations: [SQLiteMigration]
  /// Makes a new file; nil when all steps do.
  package let whole: SQLiteMigration?

  /// - Parameter whole: makes an empty file what all steps together make of it, and is kept equal
  ///   to them by a test.
  package init(
    applicationID: Int32, migrations: [SQLiteMigration], whole: SQLiteMigration? = nil
  ) {
    self.applicationID = applicationID
    self.migrations = migrations
    self.whole = whole
  }

  package var version: Int { migrations.count }
}

extension SQLiteConnection {
  /// How many migrations the file has taken.
  package func schemaVersion() throws(SQLiteError) -> Int {
    Int(try queryInteger("PRAGMA user_version") ?? 0)
  }

  /// Finds out, without writing, whether the file can be used with `schema`.
  ///
  /// - Returns: how many of the schema's migrations the file has taken.
  @discardableResult
  func checkHeader(against schema: SQLiteSchema) throws(SQLiteError) -> Int {
    let application = Int32(truncatingIfNeeded: try queryInteger("PRAGMA application_id") ?? 0)
    if application != schema.applicationID {
      let tables = try queryInteger("SELECT count(*) FROM sqlite_schema") ?? 0
      let isNew = application == 0 && tables == 0
      guard isNew else {
        throw SQLiteError(
          code: .foreign(applicationID: application),
          message: "the database belongs to another program", statement: path)
      }
      guard options.access != .read else {
        throw SQLiteError(
          code: .needsMigration(found: 0, required: schema.version),
          message: "the database is empty", statement: path)
      }
      return 0
    }
    let found = try schemaVersion()
    guard found >= 0 else {
      throw SQLiteError(
        code: .damaged, message: "the format of the file is \(found)", statement: path)
    }
    guard found <= schema.version else {
      throw SQLiteError(
        code: .tooNew(found: found, supported: schema.version),
        message: "the file has format \(found), this program knows formats up to \(schema.version)",
        statement: path)
    }
    guard found == schema.version || options.access != .read else {
      throw SQLiteError(
        code: .needsMigration(found: found, required: schema.version),
        message: "the file has format \(found), this program needs \(schema.version)",
        statement: path)
    }
    return found
  }

  /// Takes the steps that the file has not taken yet, all in one transaction. Connections that open
  /// an old file at the same moment take turns, and the later ones find nothing to do.
  func migrate(to schema: SQLiteSchema) throws(SQLiteError) {
    guard options.access != .read, try isOlder(than: schema) else { return }
    try transaction { () throws(SQLiteError) in
      let taken = try checkHeader(against: schema)
      if taken == 0, let whole = schema.whole {
        try whole.run(self)
      } else {
        for migration in schema.migrations.dropFirst(taken) { try migration.run(self) }
      }
      try execute("PRAGMA user_version = \(schema.version)")
      try execute("PRAGMA application_id = \(schema.applicationID)")
    }
  }

  private func isOlder(than schema: SQLiteSchema) throws(SQLiteError) -> Bool {
    let application = try queryInteger("PRAGMA application_id") ?? 0
    return try schemaVersion() < schema.version || application != Int64(schema.applicationID)
  }
}
