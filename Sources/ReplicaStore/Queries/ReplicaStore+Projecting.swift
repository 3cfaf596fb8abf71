import ChangeCoding
import Documents
import JSONCoding
import SQLiteBridge

extension ReplicaStore {
  /// Most documents and most bytes of JSON of one step.
  package static let projectedDocumentsMax = 2_000
  static let projectedBytesMax = 4 << 20

  /// Whether the derived tables are there: whether anybody has ever queried the store.
  package func hasProjection() throws(StoreError) -> Bool {
    if projection.reached != nil, try isCurrent() { return true }
    return try reading { () throws(StoreError) in try loadProjection() != nil }
  }

  /// Whether the derived tables are behind. Complexity: O(1).
  package func isProjectionBehind() throws(StoreError) -> Bool {
    guard let reached = projection.reached, try isCurrent() else { return true }
    return !reached.isExact || reached.position != state.position
  }

  /// Whether this process knows of documents that are to be projected. Costs nothing.
  package var isKnownToLag: Bool { projection.count > 0 }

  /// Brings the derived tables one step forward, in a transaction of its own, and makes them when
  /// there are none. Call it until it ``ProjectionStep/isDone``: what it reaches last is exact.
  ///
  /// Complexity: O(documents that changed since, and their sizes), bounded by the step.
  ///
  /// - Throws: `.database` with `.missingFeature` where SQLite cannot search texts.
  @discardableResult
  package func project(
    documentsMax: Int = projectedDocumentsMax
  ) throws(StoreError) -> ProjectionStep {
    if let reached = projection.reached, try !isProjectionBehind() {
      return ProjectionStep(reached: reached, projected: 0, remaining: 0)
    }
    return try write { () throws(StoreError) in
      try prepareProjection()
      var (projected, bytes) = (0, 0)
      while projected < documentsMax, bytes < Self.projectedBytesMax,
        let next = projection.popFirst()
      {
        bytes += try project(next)
        projected += 1
      }
      let isDone = projection.count == 0
      let before = projection.reached ?? ProjectionPosition(position: 0, isExact: false)
      let reached = ProjectionPosition(
        position: isDone ? state.position : before.position, isExact: isDone)
      if reached != before {
        try sql { () throws(SQLiteError) in
          try connection.execute(
            "UPDATE projection_state SET position = ?, is_exact = ?",
            .integer(reached.position), reached.isExact ? 1 : 0)
        }
        projection.reached = reached
      }
      return ProjectionStep(reached: reached, projected: projected, remaining: projection.count)
    }
  }

  /// Drops the derived tables; the next step makes them anew.
  ///
  /// - Returns: whether there were any.
  @discardableResult
  package func dropProjection() throws(StoreError) -> Bool {
    try write { () throws(StoreError) in
      let isThere = try hasProjectionTables()
      try forgetProjection()
      return isThere
    }
  }

  // MARK: Within a transaction

  /// Notes that a document has changed. Costs no statement.
  func noteProjecting(_ entry: DocumentCache.Entry) {
    guard projection.reached != nil else { return }
    projection.note(entry.row, entry.document.id, at: entry.position)
  }

  /// Notes that what documents show has changed although nothing was applied to them.
  func markUnprojected(_ ids: [DocumentID]) throws(StoreError) {
    guard try loadProjection() != nil else { return }
    try sql { () throws(SQLiteError) in
      for id in ids {
        try connection.execute(
          """
          UPDATE projection SET position = -1
          WHERE id = (SELECT id FROM document WHERE document = ?)
          """, .blob(id.bytes))
      }
      try connection.execute("UPDATE projection_state SET is_exact = 0")
    }
    projection = ProjectionMemory()
  }

  /// Makes the tables when there are none that this release can use, and finds out what they lack.
  private func prepareProjection() throws(StoreError) {
    guard projection.reached == nil else { return }
    if let reached = try loadProjection() {
      return try findUnprojected(since: reached)
    }
    try forgetProjection()
    try sql { () throws(SQLiteError) in
      try connection.requireQueryFeatures()
      try connection.script(Projection.tables)
      try connection.execute(
        "INSERT INTO projection_state VALUES (1, ?, ?, 0, 0)", .integer(Projection.format),
        .integer(Int64(clamping: language.highestCode)))
      for index in try DeclaredIndex.load(from: connection) { try index.build(on: connection) }
    }
    try findUnprojected(since: ProjectionPosition(position: 0, isExact: false))
  }

  /// How far tables are that this release can use; nil when there are none.
  private func loadProjection() throws(StoreError) -> ProjectionPosition? {
    guard try hasProjectionTables() else { return nil }
    let found = try sql { () throws(SQLiteError) in
      try connection.first(
        "SELECT position, is_exact FROM projection_state WHERE format = ? AND language = ?",
        .integer(Projection.format), .integer(Int64(clamping: language.highestCode))
      ) { (row) throws(SQLiteError) in
        ProjectionPosition(position: try row.integer(0), isExact: try row.integer(1) != 0)
      }
    }
    guard let found, found.position <= state.position else { return nil }
    return found
  }

  /// Whether there are derived tables, readable or not.
  package func hasProjectionTables() throws(StoreError) -> Bool {
    try sql { () throws(SQLiteError) in
      try connection.queryInteger(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'projection_state'") == 1
    }
  }

  func forgetProjection() throws(StoreError) {
    try sql { () throws(SQLiteError) in try connection.script(Projection.dropping) }
    projection = ProjectionMemory()
  }

  /// All documents that changed since a position, at which a transaction has ended.
  private func findUnprojected(since reached: ProjectionPosition) throws(StoreError) {
    let position = reached.position
    var found = ProjectionMemory()
    found.insertion = Projection.insertion(
      with: try sql { () throws(SQLiteError) in try DeclaredIndex.load(from: connection) })
    let tails = try tails(changedAfter: position)
    try sql { () throws(SQLiteError) in
      for (row, changedAt) in tails {
        let id = try connection.first(
          "SELECT document FROM document WHERE id = ?", .integer(row)
        ) { (rows) throws(SQLiteError) in try Self.documentID(0, of: rows) }
        if let id { found.note(row, id, at: changedAt) }
      }
      var rows = try connection.query(
        "SELECT id, document, position FROM document WHERE position > ?", .integer(position))
      while try rows.next() {
        let row = try rows.integer(0)
        let last = max(found.pending[row]?.position ?? 0, try rows.integer(2))
        found.note(row, try Self.documentID(1, of: rows), at: last)
      }
      var stale = try connection.query(
        """
        SELECT d.id, d.document FROM projection AS p CROSS JOIN document AS d ON d.id = p.id
        WHERE p.position < 0
        """)
      while try stale.next() {
        let row = try stale.integer(0)
        if found.pending[row] == nil {
          found.note(row, try Self.documentID(1, of: stale), at: 0)
        }
      }
    }
    found.reached = reached
    projection = found
  }

  // MARK: Checking

  /// What is wrong with the derived tables: nothing is while they are behind, as what they should
  /// show is not known then. Within a transaction.
  func checkProjection() throws(StoreError) -> [String] {
    guard let reached = try loadProjection(), reached.isExact, reached.position == state.position
    else { return [] }
    let remedy = "'skerry doctor --repair' makes what queries read anew."
    var shown = 0
    for item in try documents() {
      let open = cache.entry(item.id)
      let opened = if let open { open } else { try load(item.id) }
      guard let row = try row(of: item.id), let entry = opened else { continue }
      let shouldBe = try json(of: entry.document).json
      // Compared by SQLite: what has rotted may not even be text.
      let isRight = try sql { () throws(SQLiteError) in
        try connection.queryInteger(
          "SELECT json = ? FROM projection WHERE id = ?", .text(shouldBe), .integer(row.number))
      }
      guard isRight == 1 else {
        return ["Queries see document \(item.id) other than it is; \(remedy)"]
      }
      shown += 1
    }
    let rows = try sql { () throws(SQLiteError) in
      try connection.queryInteger("SELECT count(*) FROM projection")
    }
    return rows == Int64(shown) ? [] : ["Queries see documents that are deleted; \(remedy)"]
  }

  // MARK: One document

  /// - Returns: bytes of JSON that were written.
  private func project(_ next: ProjectionMemory.Pending) throws(StoreError) -> Int {
    let before = try sql { () throws(SQLiteError) in
      try connection.first(
        "SELECT position, json FROM projection WHERE id = ?", .integer(next.row)
      ) { (row) throws(SQLiteError) in (position: try row.integer(0), json: try row.text(1)) }
    }
    // What an earlier run has done before it was cut off.
    if let before, before.position >= next.position, before.position >= 0, next.position > 0 {
      return 0
    }
    // What is not open is not kept open.
    let open = cache.entry(next.id)
    let opened = if let open { open } else { try load(next.id) }
    guard let entry = opened else { return 0 }
    let shown = entry.document.isDeleted ? nil : try json(of: entry.document)
    if let before, let shown, before.json == shown.json {
      try sql { () throws(SQLiteError) in
        try connection.execute(
          "UPDATE projection SET position = ? WHERE id = ?", .integer(entry.position),
          .integer(next.row))
      }
      return 0
    }
    let textBefore = try before.map { (before) throws(StoreError) in
      guard let text = ProjectedText.of(json: before.json) else {
        throw .damaged(
          "the projection of document \(next.id) is unreadable; 'skerry doctor --repair' makes it "
            + "anew")
      }
      return text
    }
    try sql { () throws(SQLiteError) in
      let row = SQLiteValue.integer(next.row)
      if let textBefore, textBefore != shown?.text {
        try connection.execute(
          "INSERT INTO projection_words (projection_words, rowid, text) VALUES ('delete', ?, ?)",
          row, .text(textBefore))
      }
      guard let shown else {
        return try connection.execute("DELETE FROM projection WHERE id = ?", row)
      }
      try connection.execute(
        projection.insertion, row, .integer(entry.position), .text(shown.json))
      if textBefore != shown.text {
        try connection.execute(
          "INSERT INTO projection_words (rowid, text) VALUES (?, ?)", row, .text(shown.text))
      }
    }
    return shown?.json.utf8.count ?? 0
  }

  private func json(of document: Document) throws(StoreError) -> (json: String, text: String) {
    do throws(EditError) {
      let value = try document.json()
      return (value.text(), ProjectedText.of(value))
    } catch {
      throw .damaged("document \(document.id) cannot be shown (\(error))")
    }
  }
}
