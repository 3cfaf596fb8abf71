import Documents
import SQLiteBridge

/// The derived tables that queries read: each document that is not deleted as JSON, and the words
/// in it.
///
/// They are made when somebody first asks, and until then cost nothing. They hold nothing that the
/// documents do not say, so they can be dropped at any moment; they belong to no format of the
/// file. What is in them lags behind the documents by a stated position.
enum Projection {
  /// Grows with every change of the tables or of what they hold.
  static let format: Int64 = 1

  /// With which the names of all of them begin, and those of no other table.
  static let prefix = "projection"

  /// The function with which the words of a document are made of its JSON.
  static let textFunction = "skerry_text"

  /// `id` is that of the row in `document`; `position` that of the document's last change here, or
  /// -1 when the row must be made anew.
  static let tables = """
    CREATE TABLE projection_state (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      format INTEGER NOT NULL,
      language INTEGER NOT NULL,
      position INTEGER NOT NULL,
      is_exact INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE projection (
      id INTEGER PRIMARY KEY,
      position INTEGER NOT NULL,
      json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX projection_stale ON projection (id) WHERE position < 0;
    CREATE VIEW projection_text AS SELECT id, \(textFunction)(json) AS text FROM projection;
    CREATE VIRTUAL TABLE projection_words USING fts5 (
      text, content = 'projection_text', content_rowid = 'id',
      tokenize = 'unicode61 remove_diacritics 2'
    );
    -- Bytes of words that a step gathers before it writes them.
    INSERT INTO projection_words (projection_words, rank) VALUES ('hashsize', 16777216);
    """

  /// Whoever reads the view `projection_text` needs them.
  static func registerFunctions(on connection: SQLiteConnection) throws(SQLiteError) {
    try connection.register(textFunction) { ProjectedText.of(json: $0) }
  }

  /// Takes the row, the position and the JSON of a document.
  ///
  /// It is no `INSERT OR REPLACE`: a statement that may remove rows as well has a savepoint of its
  /// own, at each of which FTS5 writes out the words that it has gathered.
  static func insertion(with indexes: [DeclaredIndex]) -> String {
    let columns = indexes.map { ", \($0.column)" }.joined()
    let values = indexes.map { ", \($0.value(of: "?3"))" }.joined()
    let updates = indexes.map { ", \($0.column) = excluded.\($0.column)" }.joined()
    return "INSERT INTO projection (id, position, json\(columns)) VALUES (?1, ?2, ?3\(values)) "
      + "ON CONFLICT (id) DO UPDATE "
      + "SET position = excluded.position, json = excluded.json\(updates)"
  }

  static let dropping = """
    DROP TABLE IF EXISTS projection_words;
    DROP VIEW IF EXISTS projection_text;
    DROP TABLE IF EXISTS projection;
    DROP TABLE IF EXISTS projection_state;
    """
}

/// How far the derived tables are.
package struct ProjectionPosition: Equatable, Sendable {
  /// They show every change up to this local position.
  package let position: Int64
  /// Whether they show exactly that. Else work is under way, and some documents are shown as they
  /// were later.
  package let isExact: Bool

  package init(position: Int64, isExact: Bool) {
    self.position = position
    self.isExact = isExact
  }
}

/// What a step of bringing the derived tables forward has done.
package struct ProjectionStep: Equatable, Sendable {
  package let reached: ProjectionPosition
  /// How many documents were written or removed.
  package let projected: Int
  /// How many are left.
  package let remaining: Int

  package var isDone: Bool { remaining == 0 }
}

/// What is in memory about the derived tables. Forgotten with all else after an error or a commit
/// of another process.
struct ProjectionMemory {
  struct Pending {
    let row: Int64
    let id: DocumentID
    /// Of the document's last change that is known here.
    var position: Int64
  }

  /// Nil when it is not known, or there are no tables.
  var reached: ProjectionPosition?
  /// The statement that writes a row, while `reached` is known.
  var insertion = ""
  /// Documents that changed since, by row; complete while `reached` is known.
  private(set) var pending: [Int64: (id: DocumentID, position: Int64)] = [:]
  /// The order in which they are taken: the next one last.
  private var order: [Int64] = []
  /// Rows that came after `order` was made.
  private var late: [Int64] = []

  var count: Int { pending.count }

  mutating func note(_ row: Int64, _ id: DocumentID, at position: Int64) {
    if pending.updateValue((id, position), forKey: row) == nil { late.append(row) }
  }

  mutating func popFirst() -> Pending? {
    if order.isEmpty {
      order = late.sorted(by: >)
      late = []
    }
    guard let row = order.popLast(), let found = pending.removeValue(forKey: row) else {
      return nil
    }
    return Pending(row: row, id: found.id, position: found.position)
  }
}
