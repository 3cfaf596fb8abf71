package import Documents
import SQLiteBridge

/// An index over one place in all documents. It is a column of `documents` in queries, by its name.
package struct DeclaredIndex: Hashable, Sendable {
  /// Letters, digits and underscores, not a digit first.
  package let name: String
  /// The keys and indices that lead to the place.
  package let path: [PathStep]

  package static let countMax = 64
  private static let nameBytesMax = 64
  private static let stepsMax = 64
  /// Columns that `documents` has anyway.
  private static let takenNames: Set<String> = ["id", "position", "json", "row", "rowid"]

  /// - Throws: `.refused` for a name or a path that cannot be.
  package init(name: String, path: [PathStep]) throws(StoreError) {
    let isWord = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard isWord, let first = name.utf8.first, first > UInt8(ascii: "9"),
      name.utf8.count <= Self.nameBytesMax
    else {
      throw .refused(
        "'\(name.prefix(70))' cannot name an index; use up to \(Self.nameBytesMax) letters, digits "
          + "and underscores, not a digit first.")
    }
    guard !Self.takenNames.contains(name.lowercased()) else {
      throw .refused("'\(name)' is a column of documents already; choose another name.")
    }
    guard !path.isEmpty, path.count <= Self.stepsMax else {
      throw .refused("An index needs a path of 1 to \(Self.stepsMax) steps.")
    }
    for case .key(let key) in path where key.utf8.contains(UInt8(ascii: "\"")) {
      throw .refused("A key with a quotation mark cannot be indexed.")
    }
    self.name = name
    // Paths as text do not say whether digits are a key or an index.
    self.path = path.map { step in
      guard case .key(let key) = step, let index = Int(key), index >= 0, String(index) == key else {
        return step
      }
      return .index(index)
    }
  }

  /// The column of `projection` that holds the value. Not an index over an expression: those may
  /// not call functions of JSON where the schema of a file is not trusted.
  var column: String { "\"value_\(name)\"" }

  /// The value, of the JSON that `json` stands for in a statement.
  func value(of json: String) -> String {
    var text = "$"
    for step in path {
      switch step {
      case .key(let key): text += ".\"\(key)\""
      case .index(let index): text += "[\(index)]"
      }
    }
    let parts = text.split(separator: "'", omittingEmptySubsequences: false)
    return "json_extract(\(json), '\(parts.joined(separator: "''"))')"
  }

  func build(on connection: SQLiteConnection) throws(SQLiteError) {
    try connection.script(
      """
      ALTER TABLE projection ADD COLUMN \(column) ANY;
      UPDATE projection SET \(column) = \(value(of: "json"));
      CREATE INDEX "declared_\(name)" ON projection (\(column));
      """)
  }

  func drop(on connection: SQLiteConnection) throws(SQLiteError) {
    // SQLite looks whether the view still makes sense.
    try Projection.registerFunctions(on: connection)
    try connection.script(
      """
      DROP INDEX "declared_\(name)";
      ALTER TABLE projection DROP COLUMN \(column);
      """)
  }

  static func load(from connection: SQLiteConnection) throws(SQLiteError) -> [DeclaredIndex] {
    var found: [DeclaredIndex] = []
    var rows = try connection.query("SELECT name, path FROM declared_index ORDER BY name")
    while try rows.next() {
      let path = DocumentPath(text: try rows.text(1)).steps
      guard let index = try? DeclaredIndex(name: try rows.text(0), path: path) else { continue }
      found.append(index)
    }
    return found
  }
}

extension ReplicaStore {
  /// By name.
  package func declaredIndexes() throws(StoreError) -> [DeclaredIndex] {
    try reading { () throws(StoreError) in
      try sql { () throws(SQLiteError) in try DeclaredIndex.load(from: connection) }
    }
  }

  /// Adds an index, which this store keeps; others that share the workspace do not have it. It is
  /// built at once if the derived tables are there, else with them.
  ///
  /// Complexity: O(documents).
  ///
  /// - Throws: `.refused` when there is one of that name, or too many.
  package func declare(_ index: DeclaredIndex) throws(StoreError) {
    try write { () throws(StoreError) in
      let known = try declaredIndexes()
      guard !known.contains(where: { $0.name.lowercased() == index.name.lowercased() }) else {
        throw .refused("There is an index '\(index.name)' already; remove it first.")
      }
      guard known.count < DeclaredIndex.countMax else {
        throw .refused("A store has at most \(DeclaredIndex.countMax) indexes; remove one first.")
      }
      let isBuilt = try hasProjectionTables()
      projection = ProjectionMemory()
      try sql { () throws(SQLiteError) in
        try connection.execute(
          "INSERT INTO declared_index VALUES (?, ?)", .text(index.name),
          .text(DocumentPath(index.path).description))
        if isBuilt { try index.build(on: connection) }
      }
    }
  }

  /// - Throws: `.refused` when there is none of that name.
  package func removeIndex(_ name: String) throws(StoreError) {
    try write { () throws(StoreError) in
      guard let index = try declaredIndexes().first(where: { $0.name == name }) else {
        throw .refused("There is no index '\(name.prefix(70))'.")
      }
      let isBuilt = try hasProjectionTables()
      projection = ProjectionMemory()
      try sql { () throws(SQLiteError) in
        try connection.execute("DELETE FROM declared_index WHERE name = ?", .text(name))
        if isBuilt { try index.drop(on: connection) }
      }
    }
  }
}
