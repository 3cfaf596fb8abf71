package import SQLiteBridge

/// Answers queries of the derived tables, on a connection of its own: it never waits for the
/// store's writer nor holds it up, and each query sees one state that some transaction has left.
///
/// It makes nothing: whoever has the store brings the tables forward, see
/// ``ReplicaStore/project(documentsMax:)``. One owner at a time.
package final class ProjectionReader {
  let connection: SQLiteConnection
  /// The indexes that the view `documents` has a column for; nil before it is made.
  private var viewed: [DeclaredIndex]?

  /// Nothing that a query touches becomes longer.
  static let valueBytesMax: Int32 = 256 << 20

  /// - Parameter options: those of the store, which has been opened for writing before.
  package init(_ options: SQLiteOptions) throws(StoreError) {
    var options = options
    options.access = .read
    do throws(SQLiteError) {
      connection = try SQLiteConnection(options, schema: StoreSchema.schema)
      try Projection.registerFunctions(on: connection)
    } catch {
      throw ReplicaStore.openingError(error, options)
    }
  }

  package func close() { connection.close() }

  /// How far the derived tables are; nil when there are none.
  package func position() throws(StoreError) -> ProjectionPosition? {
    try sql { () throws(SQLiteError) in try Self.position(on: connection) }
  }

  // MARK: One view

  /// Runs `body` on one unchanging state of the derived tables.
  ///
  /// - Throws: `.refused` when there are none.
  func view<Result>(
    _ body: (ProjectionPosition) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let before = viewed
    do throws(StoreError) {
      return try inTransaction(body)
    } catch {
      // A view that was made in the transaction went with it.
      if viewed != before { viewed = nil }
      throw error
    }
  }

  private func inTransaction<Result>(
    _ body: (ProjectionPosition) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try connection.transaction(.read) { () throws(StoreError) in
      let position = try sql { () throws(SQLiteError) in
        let position = try Self.position(on: connection)
        if position != nil { try makeView() }
        return position
      }
      guard let position else {
        throw .refused("The store has no tables to query yet; they are made when it is asked for.")
      }
      return try body(position)
    }
  }

  private static func position(
    on connection: SQLiteConnection
  ) throws(SQLiteError) -> ProjectionPosition? {
    let tables = try connection.queryInteger(
      "SELECT count(*) FROM main.sqlite_schema WHERE name = 'projection_state'")
    guard tables == 1 else { return nil }
    return try connection.first("SELECT position, is_exact FROM main.projection_state") {
      (row) throws(SQLiteError) in
      ProjectionPosition(position: try row.integer(0), isExact: try row.integer(1) != 0)
    }
  }

  private func makeView() throws(SQLiteError) {
    let indexes = try DeclaredIndex.load(from: connection)
    guard viewed != indexes else { return }
    let columns = indexes.map { ", p.\($0.column) AS \"\($0.name)\"" }.joined()
    try connection.script(
      """
      DROP VIEW IF EXISTS temp.documents;
      CREATE TEMP VIEW documents AS
      SELECT lower(hex(d.document)) AS id, p.position AS position, p.json AS json,
        p.id AS "row"\(columns)
      FROM main.projection AS p JOIN main.document AS d ON d.id = p.id;
      """)
    viewed = indexes
  }

  func sql<Result>(
    _ body: () throws(SQLiteError) -> Result
  ) throws(StoreError) -> Result {
    do throws(SQLiteError) { return try body() } catch { throw StoreError(error) }
  }
}
