import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import TestSupport
import Testing

/// What a query may do, and what becomes of one that may not.
@Suite("Queries")
struct QueryTests {
  let folder = TemporaryFolder()
  let workspace: TestWorkspace
  let reader: ProjectionReader

  init() throws {
    workspace = try TestWorkspace(1, folder: folder)
    for number in 0..<10 {
      try workspace.edit(0) {
        let id = try $0.createNote("note \(number)")
        try $0.edit(id).set(DocumentPath("n"), to: .integer(Int64(number)))
      }
    }
    while try !workspace[0].project().isDone {}
    reader = try ProjectionReader(workspace[0].options)
  }

  private func run(
    _ statement: String, _ parameters: [SQLiteValue] = []
  ) throws -> [[SQLiteValue]] {
    var rows: [[SQLiteValue]] = []
    _ = try reader.query(statement, parameters) { _, values in
      rows.append(values)
      return true
    }
    return rows
  }

  private func refusal(_ statement: String) -> String? {
    do {
      _ = try run(statement)
      return nil
    } catch StoreError.refused(let reason) {
      return reason
    } catch {
      Issue.record("\(statement): \(error)")
      return nil
    }
  }

  @Test("read documents as SQL can: functions of JSON, joins, windows, recursion")
  func reads() throws {
    #expect(try run("SELECT count(*) FROM documents") == [[.integer(10)]])
    #expect(
      try run("SELECT sum(json ->> '$.n'), max(position) FROM documents") == [
        [.integer(45), .integer(10)]
      ])
    #expect(
      try run("SELECT a.id FROM documents a JOIN documents b ON a.id = b.id").count == 10)
    #expect(
      try run(
        """
        WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5)
        SELECT x FROM c
        """
      ).count == 5)
    // Nothing but the number of rows is asked of a table that the query makes.
    #expect(
      try run(
        """
        WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5)
        SELECT count(*) FROM c
        """
      ) == [[.integer(5)]])
    #expect(
      try run("WITH Found AS (SELECT id FROM documents) SELECT count(*) FROM FOUND") == [
        [.integer(10)]
      ])
    #expect(
      try run("SELECT value FROM documents, json_each(documents.json) WHERE key = 'title'")
        .count == 10)
    #expect(
      try run("SELECT json ->> '$.title' FROM documents WHERE (json ->> '$.n') = ?", [.integer(7)])
        == [[.text("note 7")]])
    #expect(
      try run(
        """
        SELECT id FROM documents WHERE row IN
          (SELECT rowid FROM projection_words WHERE projection_words MATCH 'note')
        """
      ).count == 10)
    #expect(
      try run("SELECT n, rank() OVER (ORDER BY n) FROM (SELECT json ->> '$.n' AS n FROM documents)")
        .count == 10)
  }

  @Test(
    "that would write, look elsewhere or change settings are refused in a sentence",
    arguments: [
      "DELETE FROM documents", "UPDATE projection SET json = ''",
      "INSERT INTO setting VALUES (1, 2)", "UPDATE sqlite_schema SET sql = ''",
      "DROP TABLE projection", "CREATE TABLE x (y)", "CREATE TEMP TABLE x (y)",
      "ATTACH DATABASE 'x' AS y", "PRAGMA user_version", "PRAGMA writable_schema = ON",
      "SELECT * FROM pragma_table_info('identity')", "BEGIN", "COMMIT", "SAVEPOINT a", "VACUUM",
      "ANALYZE", "REINDEX",
      "SELECT workspace_key FROM identity", "SELECT count(*) FROM identity",
      "SELECT device_keys FROM main.identity", "SELECT * FROM setting", "SELECT * FROM unsealed",
      "SELECT bytes FROM segment", "SELECT * FROM sqlite_schema", "SELECT * FROM membership_record",
      "SELECT state FROM document_state", "SELECT * FROM document",
      "SELECT id FROM documents WHERE id IN (SELECT device_keys FROM identity)",
      "WITH x AS (SELECT * FROM identity) SELECT * FROM x",
      "WITH x AS (SELECT * FROM identity) SELECT count(*) FROM x",
      "WITH x AS (SELECT count(*) FROM identity) SELECT count(*) FROM x",
      "WITH identity AS (SELECT 1) SELECT count(*) FROM identity",
      "WITH x AS (SELECT 1) SELECT count(*) FROM x, Identity",
      "SELECT count(*) FROM sqlite_schema", "SELECT count(*) FROM pragma_table_list",
      "SELECT load_extension('x')", "SELECT fts3_tokenizer('x')", "SELECT fts5(NULL)",
      "INSERT INTO projection_words(projection_words) VALUES ('rebuild')",
      "SELECT 1; SELECT 2", "", ";", "SELEC 1", "SELECT nothing FROM documents", "SELECT ?",
    ])
  func refused(statement: String) throws {
    let reason = refusal(statement)
    #expect(reason?.isEmpty == false)
    #expect(reason?.contains("report it") == false)
    // The next one is not held up by it.
    #expect(try run("SELECT count(*) FROM documents") == [[.integer(10)]])
    #expect(try workspace[0].check() == [])
  }

  @Test("that do not end are stopped")
  func stopped() throws {
    var looks = 0
    do {
      let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
      func isOver() -> Bool {
        looks += 1
        return looks > 50
      }
      _ = try reader.query(endless + "SELECT max(x) FROM c", shouldStop: isOver) { _, _ in true }
      Issue.record("it ended")
    } catch StoreError.refused(let reason) {
      #expect(reason.contains("too long"))
    }
    #expect(looks == 51)
    #expect(try run("SELECT count(*) FROM documents") == [[.integer(10)]])
  }

  @Test("that would take much memory are refused")
  func large() throws {
    #expect(refusal("SELECT zeroblob(300000000)") != nil)
    #expect(refusal("SELECT length(replace(hex(zeroblob(100000000)), '0', 'abcdefgh'))") != nil)
  }

  @Test("end early where the caller says so, and throw what it throws")
  func ends() throws {
    struct Mine: Error {}
    var count = 0
    _ = try reader.query("SELECT id FROM documents") { _, _ in
      count += 1
      return count < 3
    }
    #expect(count == 3)
    #expect(throws: Mine.self) {
      try reader.query("SELECT id FROM documents") { _, _ in throw Mine() }
    }
  }

  @Test("see one state while the store is written, and hold nobody up")
  func isolation() throws {
    var seen: [Int64] = []
    _ = try reader.query("SELECT position FROM documents ORDER BY row") {
      _, values in
      if seen.isEmpty {
        // In the middle of the query: two documents in one transaction, projected.
        try workspace.edit(0) {
          for item in try workspace[0].documents().prefix(2) {
            try $0.edit(item.id).set(DocumentPath("title"), to: "later")
          }
        }
        while try !workspace[0].project().isDone {}
      }
      if case .integer(let position) = values[0] { seen.append(position) }
      return true
    }
    #expect(seen == Array(1...10))
    #expect(try run("SELECT count(*) FROM documents WHERE position = 11") == [[.integer(2)]])
  }
}
