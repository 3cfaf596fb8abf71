package import SQLiteBridge

/// What came of a query.
package struct QueryOutcome: Equatable, Sendable {
  package let columns: [String]
  /// What the rows show.
  package let position: ProjectionPosition
}

extension ProjectionReader {
  /// Runs one statement that reads: over `documents` (`id`, `position`, `json`, `row` and a column
  /// for each declared index) and, for full-text search, `projection_words`, whose `rowid` is the
  /// `row` of the document.
  ///
  /// - Parameters:
  ///   - shouldStop: asked now and then; true ends the query.
  ///   - row: takes the names of the columns and the values of a row; returns false to end.
  /// - Throws: `.refused` for a statement that cannot be compiled, would do anything but read
  ///   documents, or was stopped; what `row` throws.
  package func query(
    _ statement: String, _ parameters: [SQLiteValue] = [],
    shouldStop: @escaping () -> Bool = { false },
    _ row: ([String], [SQLiteValue]) throws -> Bool
  ) throws -> QueryOutcome {
    // What `row` throws is not the database's.
    var thrown: (any Error)?
    let outcome = try view { (position) throws(StoreError) in
      let tables = try tableNames()
      let guarding = SQLiteGuard(
        allows: { Self.allows($0, besides: tables) }, shouldStop: shouldStop)
      do throws(SQLiteError) {
        return try connection.guarded(by: guarding, valueBytesMax: Self.valueBytesMax) {
          () throws(SQLiteError) in
          var rows = try connection.query(statement, bindings: parameters)
          let columns = rows.columnNames
          guard !columns.isEmpty else {
            throw SQLiteError(code: .misuse, message: "the statement has no rows")
          }
          while try rows.next() {
            var values: [SQLiteValue] = []
            for column in columns.indices { values.append(try rows.value(column)) }
            do {
              guard try row(columns, values) else { break }
            } catch {
              thrown = error
              break
            }
          }
          return QueryOutcome(columns: columns, position: position)
        }
      } catch {
        throw Self.refusal(error, guarding)
      }
    }
    if let thrown { throw thrown }
    return outcome
  }

  /// What can be read holds what the documents show and nothing else: no keys, no names of devices.
  private static let readable: Set<String> = [
    "documents", "projection", "projection_text", "projection_words", "json_each", "json_tree",
  ]
  private static let schemaTables: Set<String> = ["sqlite_master", "sqlite_temp_master"]
  private static let refusedFunctions: Set<String> = ["load_extension", "fts3_tokenizer", "fts5"]

  /// The lower-case names of all that the file, and this connection beside it, has tables of.
  private func tableNames() throws(StoreError) -> Set<String> {
    try sql { () throws(SQLiteError) in
      var rows = try connection.query(
        "SELECT name FROM main.sqlite_schema UNION ALL SELECT name FROM temp.sqlite_schema")
      var names: Set<String> = []
      while try rows.next() { names.insert(try rows.text(0).lowercased()) }
      return names
    }
  }

  /// Whether the query itself has made a table of this name, with `WITH`. What it reads to make it
  /// is asked for by itself; here only the number of rows is.
  private static func isOfQuery(_ table: String, besides tables: Set<String>) -> Bool {
    let name = table.lowercased()
    // Tables that SQLite has without a schema begin like this.
    return !tables.contains(name) && !name.hasPrefix("sqlite_") && !name.hasPrefix("pragma_")
  }

  private static func allows(_ action: SQLiteAction, besides tables: Set<String>) -> Bool {
    switch action {
    case .select, .recursion: true
    case .read(let table, "ROWID") where schemaTables.contains(table): true
    // The view looks up ids there.
    case .read("document", let column): ["", "id", "document"].contains(column)
    case .read(let table, "") where isOfQuery(table, besides: tables): true
    // The tables in which FTS5 keeps its index begin like this.
    case .read(let table, _): readable.contains(table) || table.hasPrefix("projection_words_")
    case .call(let function): !refusedFunctions.contains(function.lowercased())
    // Both are asked for by virtual tables, when SQLite makes them known to the connection and when
    // they look for changes. A connection that only reads can write to neither.
    case .pragma(let name): name == "data_version"
    case .update(let table): schemaTables.contains(table)
    case .other: false
    }
  }

  private static func refusal(_ error: SQLiteError, _ guarding: SQLiteGuard) -> StoreError {
    if guarding.hasStopped {
      return .refused(
        "The query was stopped as it took too long; ask for less, declare an index, or give it "
          + "more time.")
    }
    switch guarding.refused {
    case .read(let table, _):
      return .refused(
        "A query reads documents; the table \(table) is not for it. Read from 'documents', and "
          + "call a table that you make with WITH by another name.")
    case .call(let function):
      return .refused("The function \(function) cannot be used in a query.")
    case .pragma: return writing("PRAGMA")
    case .update: return writing("UPDATE")
    case .other(let name): return writing(name)
    case .select, .recursion, nil: break
    }
    switch error.code {
    case .misuse, .tooBig, .constraint, .notPermitted:
      return .refused("The query cannot be run: \(error.message).")
    default: return StoreError(error)
    }
  }

  private static func writing(_ name: String) -> StoreError {
    .refused("A query only reads; \(name) is not allowed. Change documents with 'skerry apply'.")
  }
}
