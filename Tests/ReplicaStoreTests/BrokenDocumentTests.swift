import Causality
import Documents
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import TestSupport
import Testing

@testable import ReplicaStore

@Suite("One damaged document")
struct BrokenDocumentTests {
  @Test("stalls whoever edits it, with a reason, and nothing else; the store opens")
  func stalls() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(3, folder: folder)
    let (bad, good) = try workspace.edit(1) {
      (try $0.createNote("bad"), try $0.createNote("good"))
    }.value
    try workspace.level()
    workspace[0].close()
    // The tail of one document is damaged, and the segment that it could be made again from.
    let options = SQLiteOptions(location: .file(folder.file("0.db")))
    let connection = try SQLiteConnection(options)
    try connection.execute(
      """
      UPDATE document_tail SET block = x'0102' WHERE id >> 24 =
        (SELECT id FROM document WHERE document = ?)
      """, .blob(bad.bytes))
    try connection.execute("UPDATE segment SET bytes = zeroblob(length(bytes))")
    connection.close()
    workspace.replace(0, with: try ReplicaStore.open(options))
    try workspace.edit(1) { try $0.insert("first", of: good) }
    try workspace.edit(1) { try $0.insert("x", of: bad) }
    try workspace.edit(1) { try $0.insert("second ", of: good) }
    try workspace.edit(2) { try $0.insert("third ", of: good) }
    try workspace.send(from: 1, to: 0)
    try workspace.send(from: 2, to: 0)
    let stalled = try workspace[0].stalled()
    #expect(stalled.map(\.origin) == [workspace[1].identity.origin])
    #expect(stalled.first?.sequence == 3)
    #expect(stalled.first?.reason.contains("\(bad)") == true)
    #expect(try workspace[0].waitingCount() == 2)
    #expect(try workspace[0].body(good).contains("first"))
    #expect(try workspace[0].body(good).contains("third"))
    try workspace.edit(0) { try $0.insert("own ", of: good) }
    workspace[0].close()
    let again = try ReplicaStore.open(options)
    #expect(try again.stalled() == stalled)
    #expect(try again.body(good).contains("own"))
    #expect(throws: StoreError.self) { try again.body(bad) }
    // Once the segment comes again, the document does, too, and what waited for it.
    let lost = try #require(
      try workspace[1].segments.segments(afterPosition: 0, limitBytes: .max, limitCount: 1).first)
    let outcome = try again.receive([Segment(parsing: lost.bytes)])
    #expect(outcome.mended.count == 1 && outcome.applied == 2)
    #expect(try again.stalled().isEmpty)
    #expect(try again.body(bad) == "x")
    #expect(try again.body(good).contains("second"))
    #expect(try again.check() == [])
  }

  @Test("that a segment does not mend which comes again stalls as before")
  func mendedInPart() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(2, folder: folder)
    let bad = try workspace.edit(1) { try $0.createNote("bad") }.value
    try workspace.level()
    try workspace.edit(1) { try $0.insert("one", of: bad) }
    try workspace.level()
    workspace[0].close()
    let options = SQLiteOptions(location: .file(folder.file("0.db")))
    let connection = try SQLiteConnection(options)
    try connection.execute("UPDATE document_tail SET block = x'0102'")
    try connection.execute("UPDATE segment SET bytes = zeroblob(length(bytes))")
    connection.close()
    let store = try ReplicaStore.open(options)
    defer { store.close() }
    _ = try store.check()
    try workspace.edit(1) { try $0.insert("two ", of: bad) }
    _ = try workspace[1].seal(entropy: .seeded(3))
    let sent = try workspace[1].segments.segments(
      afterPosition: 0, limitBytes: .max, limitCount: .max
    ).map { try Segment(parsing: $0.bytes) }
    #expect(sent.count == 3)
    // The first one is whole again, and the last one edits what the second one is needed for.
    let outcome = try store.receive([sent[0], sent[2]])
    #expect(outcome.mended.count == 1 && outcome.applied == 0)
    #expect(try store.stalled().first?.reason.contains("\(bad)") == true)
    let rest = try store.receive([sent[1]])
    #expect(rest.mended.count == 1 && rest.applied == 1)
    #expect(try store.body(bad) == "two one")
    #expect(try store.check() == [])
  }
}
