import Causality
import Documents
import Foundation
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import TestSupport
import Testing

/// Stores that earlier releases have written, by the number of their format, and what they showed.
@Suite("Stores of earlier formats")
struct StoreFormatTests {
  let folder = TemporaryFolder()

  private static let formats = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Formats")

  /// A copy of a stored file, opened.
  private func open(_ format: Int) throws -> ReplicaStore {
    let bytes = try Data(contentsOf: Self.formats.appending(path: "\(format).skerry"))
    folder.write(Array(bytes), to: "old.skerry")
    return try ReplicaStore.open(
      SQLiteOptions(location: .file(folder.file("old.skerry")), access: .write))
  }

  private func canonical(_ store: ReplicaStore) throws -> String {
    var lines = ""
    try store.exportCanonical { lines += String(decoding: $0, as: UTF8.self) + "\n" }
    return lines
  }

  @Test("shows what it showed, and goes on", arguments: [3, 5, 6, 7, 11, 13, 16])
  func shows(format: Int) throws {
    let shown = try String(
      contentsOf: Self.formats.appending(path: "\(format).canonical"), encoding: .utf8)
    let store = try open(format)
    #expect(try canonical(store) == shown)
    #expect(try store.check() == [])
    let (position, version) = (store.position, store.appliedVector)
    #expect(position == Int64(version.changeCount(beyond: VersionVector())))
    // The last own change had seen all there was.
    let last = ChangeID(
      origin: store.identity.origin, sequence: version[store.identity.origin])
    #expect(store.heads == [last])
    #expect(try store.unsealedCount() > 0)

    let positions = try store.documents(includingDeleted: true).map(\.position)
    #expect(positions.max() == position)
    let id = try #require(store.documents().last).id
    let entropy = Entropy.seeded(1)
    let now = Timestamp(clampingMilliseconds: 1_800_000_000_000)
    _ = try store.group(now: now, entropy: entropy) { group in
      group.transaction { try $0.edit(id).set(DocumentPath("title"), to: .string("now")) }
    }.get()
    #expect(store.position == position + 1)
    #expect(try store.documents().last?.position == position + 1)
    _ = try store.seal(entropy: entropy)
    let after = try canonical(store)
    store.close()
    let again = try ReplicaStore.open(store.options)
    #expect(try canonical(again) == after)
    #expect(again.position == position + 1)
    #expect(again.heads.map(\.origin) == [last.origin])
    #expect(try again.check() == [])
  }

  @Test(
    "has a feed of all it had applied, in an order that could have been",
    arguments: [3, 5, 6, 7])
  func feed(format: Int) throws {
    let store = try open(format)
    var version = VersionVector()
    var stamp: (lamport: UInt64, origin: Origin)?
    var turns = 0
    try store.feed(after: 0) { entry in
      #expect(version[entry.change.origin] + 1 == entry.change.sequence)
      if let stamp { #expect(stamp < (entry.lamport, entry.change.origin)) }
      if stamp?.origin != entry.change.origin { turns += 1 }
      stamp = (entry.lamport, entry.change.origin)
      version.advance(to: entry.change)
      return true
    }
    #expect(version == store.appliedVector)
    #expect(turns >= version.entries.count)
  }

  @Test("is refused where edits are left of a document that is not there")
  func orphans() throws {
    let bytes = try Data(contentsOf: Self.formats.appending(path: "3.skerry"))
    folder.write(Array(bytes), to: "old.skerry")
    let raw = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("old.skerry")), access: .write))
    try raw.script(
      """
      PRAGMA foreign_keys = OFF;
      DELETE FROM document WHERE id IN (SELECT document FROM document_tail);
      """)
    raw.close()
    #expect(throws: StoreError.self) {
      try ReplicaStore.open(
        SQLiteOptions(location: .file(folder.file("old.skerry")), access: .write))
    }
  }

  /// Changes a stored file before it is opened.
  private func spoil(_ format: Int, _ statement: String) throws {
    let bytes = try Data(contentsOf: Self.formats.appending(path: "\(format).skerry"))
    folder.write(Array(bytes), to: "old.skerry")
    let raw = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("old.skerry")), access: .write))
    try raw.script("PRAGMA foreign_keys = OFF; \(statement);")
    raw.close()
  }

  private var old: SQLiteOptions {
    SQLiteOptions(location: .file(folder.file("old.skerry")), access: .write)
  }

  @Test(
    "that rotted before there were checksums is made again of what has not",
    arguments: [
      "UPDATE feed_run SET first_sequence = first_sequence + 1 WHERE position > 1",
      "UPDATE feed_run SET position = position + 64 WHERE position > 1",
      "UPDATE unsealed SET last_sequence = last_sequence + 8",
      "UPDATE lamport_step SET lamport = lamport + 32",
    ])
  func rottenCounters(statement: String) throws {
    try spoil(13, statement)
    let shown = try String(
      contentsOf: Self.formats.appending(path: "13.canonical"), encoding: .utf8)
    let store = try ReplicaStore.open(old)
    #expect(try canonical(store) == shown)
    _ = try store.repair()
    #expect(try store.check() == [], "\(statement)")
    _ = try store.seal(entropy: .seeded(3))
    #expect(try store.unsealedCount() == 0)
    #expect(try canonical(store) == shown)
    var count: Int64 = 0
    try store.feed(after: 0) { _ in
      count += 1
      return true
    }
    #expect(count == store.position)
  }

  @Test(
    "is refused, and left as it is, where it says what cannot be",
    arguments: [
      (13, "UPDATE applied_origin SET applied = applied + 1 WHERE id = 1"),
      (13, "UPDATE applied_origin SET position = position + 4096 WHERE is_head"),
      (13, "UPDATE document_tail SET document = document + 1099511627776"),
      (13, "UPDATE document_tail SET document = -1"),
      (7, "UPDATE applied_origin SET applied = applied + 4611686018427387904"),
    ])
  func impossible(format: Int, statement: String) throws {
    try spoil(format, statement)
    #expect {
      try ReplicaStore.open(old)
    } throws: {
      ($0 as? StoreError)?.isAboutTheFile == true
    }
    let raw = try SQLiteConnection(old)
    #expect(try raw.queryInteger("PRAGMA user_version") == Int64(format))
  }

  @Test("has the tables of a new store", arguments: [3, 5, 6, 7, 11, 13, 16])
  func tables(format: Int) throws {
    try open(format).close()
    let entropy = Entropy.seeded(2)
    try ReplicaStore.create(
      SQLiteOptions(location: .file(folder.file("new.skerry"))), .workspace(name: "Ada"),
      now: Timestamp(clampingMilliseconds: 0), entropy: entropy
    ).close()
    let (old, new) = (try layout("old.skerry"), try layout("new.skerry"))
    #expect(old == new)
    #expect(new.count > 50)
  }

  /// Every column, index and reference of a file, a line each.
  private func layout(_ name: String) throws -> [String] {
    let connection = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file(name)), access: .write))
    var lines: [String] = []
    for (what, query) in [
      (
        "column",
        """
        SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' '
          || coalesce(c.dflt_value, '') || ' ' || c.pk
        FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'
        """
      ),
      (
        "index",
        """
        SELECT m.name || ' ' || i."unique" || i.origin || ' ' || coalesce(c.name, '') || c.seqno
        FROM sqlite_schema AS m JOIN pragma_index_list(m.name) AS i
        JOIN pragma_index_info(i.name) AS c WHERE m.type = 'table'
        """
      ),
      (
        "reference",
        """
        SELECT m.name || ' ' || f."from" || ' ' || f."table" || ' ' || f."to"
        FROM sqlite_schema AS m JOIN pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'
        """
      ),
      (
        "kind", "SELECT name || ' ' || wr || strict FROM pragma_table_list WHERE schema = 'main'"
      ),
    ] {
      var rows = try connection.query(query)
      while try rows.next() { lines.append("\(what) \(try rows.text(0))") }
    }
    return lines.sorted()
  }
}
