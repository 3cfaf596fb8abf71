import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import SegmentStore
import Segments
import TestSupport
import Testing

@Suite("Writing to a replica's store")
struct StoreWritingTests {
  struct Refused: Error, Equatable {}

  @Test("a transaction over several documents is one change")
  func transaction() throws {
    let workspace = try TestWorkspace(1)
    let store = workspace[0]
    let commit = try workspace.edit(0) { transaction in
      [try transaction.createNote("one"), try transaction.createNote("two")]
    }
    #expect(commit.change == ChangeID(origin: store.identity.origin, sequence: 1))
    #expect(commit.documents == commit.value.sorted())
    #expect(commit.version == store.appliedVector)
    #expect(commit.version[store.identity.origin] == 1)
    #expect(store.heads == [commit.change].compactMap { $0 })
    #expect(store.position == 1)
    #expect(try store.title(commit.value[0]) == "one")
    #expect(try store.documents().map(\.id) == commit.documents)
    #expect(try store.documentCount() == 2)
    #expect(try store.unsealedCount() == 1)
    #expect(try store.check().isEmpty)
  }

  @Test("nothing edited is no change")
  func nothing() throws {
    let workspace = try TestWorkspace(1)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    let commit = try workspace.edit(0) { transaction in
      _ = transaction.create()
      _ = try transaction.edit(id)
      #expect(try transaction.document(id)?.json(at: DocumentPath("title")) == "one")
    }
    #expect(commit.change == nil)
    #expect(commit.documents.isEmpty)
    #expect(workspace[0].position == 1)
    #expect(try workspace[0].documentCount() == 1)
    try workspace.edit(0) { try $0.insert("more", of: id) }
    #expect(workspace[0].position == 2)
  }

  @Test("a body that throws changes nothing, and the group goes on")
  func failingInGroup() throws {
    let workspace = try TestWorkspace(1)
    let store = workspace[0]
    let id = try workspace.edit(0) { try $0.createNote("start") }.value
    let results = try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
      [
        group.transaction { try $0.insert("a", of: id) }.map(\.change),
        group.transaction { transaction -> Void in
          try transaction.insert("LOST", of: id)
          _ = try transaction.createNote("LOST")
          throw Refused()
        }.map(\.change),
        group.transaction { try $0.insert("b", of: id) }.map(\.change),
        group.transaction { transaction -> Void in
          try transaction.edit(id).splice(DocumentPath("body"), at: 99, delete: 0, insert: "x")
        }.map(\.change),
        group.transaction { transaction -> Void in
          try transaction.edit(id).set(DocumentPath("title"), to: "LOST")
          _ = try transaction.edit(DocumentID(high: 1, low: 2))
        }.map(\.change),
        group.transaction { try $0.insert("c", of: id) }.map(\.change),
      ]
    }
    #expect(try results[0].get()?.sequence == 2)
    #expect(throws: Refused()) { try results[1].get() }
    #expect(try results[2].get()?.sequence == 3)
    #expect(throws: EditError(.outOfRange, "")) { try results[3].get() }
    #expect(throws: StoreError.noDocument(DocumentID(high: 1, low: 2))) { try results[4].get() }
    #expect(try results[5].get()?.sequence == 4)
    #expect(try store.body(id) == "cba")
    #expect(try store.title(id) == "start")
    #expect(try store.documentCount() == 1)
    #expect(try store.check().isEmpty)
  }

  @Test("a document made in a group is there for the next transaction, and gone if its own failed")
  func madeInGroup() throws {
    let workspace = try TestWorkspace(1)
    let store = workspace[0]
    try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
      var failed: DocumentID?
      _ = group.transaction { transaction -> Void in
        failed = try transaction.createNote("never")
        throw Refused()
      }
      let made = try? group.transaction { try $0.createNote("made") }.get().value
      for id in [failed, made].compactMap({ $0 }) {
        _ = group.transaction { try $0.insert("x", of: id) }
      }
      // Fails after the document was edited twice in this group.
      _ = group.transaction { transaction -> Void in
        try transaction.insert("y", of: try #require(made))
        throw Refused()
      }
    }
    let documents = try store.documents()
    #expect(documents.count == 1)
    #expect(try store.body(try #require(documents.first).id) == "x")
    #expect(store.position == 2)
  }

  @Test("what fails in a group is in no state that is folded with it", arguments: 0..<4)
  func foldingBesideFailure(edits: Int) throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(1, folder: folder)
    let store = workspace[0]
    let id = try workspace.edit(0) { try $0.createNote("start") }.value
    let text = String(repeating: "kept ", count: 1_000)
    try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
      for _ in 0..<edits { _ = group.transaction { try $0.insert("x", of: id) } }
      // So much that it is folded.
      _ = group.transaction { try $0.insert(text, of: id) }
      _ = group.transaction { transaction -> Void in
        try transaction.insert("LOST", of: id)
        throw Refused()
      }
    }
    let shown = text + String(repeating: "x", count: edits)
    #expect(try store.body(id) == shown)
    store.close()
    let again = try ReplicaStore.open(store.options)
    #expect(try again.body(id) == shown)
    #expect(try again.check() == [])
    workspace.replace(0, with: again)
    try workspace.edit(0) { try $0.insert("more", of: id) }
    #expect(try again.body(id) == "more" + shown)
    #expect(try again.check() == [])
  }

  @Test("a group that cannot be committed leaves nothing, in the file and in memory")
  func failingCommit() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(1, folder: folder)
    let store = workspace[0]
    let id = try workspace.edit(0) { try $0.createNote("start") }.value
    let before = try workspace.export(0)
    let saboteur = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file("0.db")), access: .write))
    try saboteur.execute(
      """
      CREATE TRIGGER sabotage BEFORE INSERT ON document_tail
      BEGIN SELECT RAISE(ABORT, 'sabotage'); END
      """)
    var inside: Result<StoreCommit<Void>, any Error>?
    #expect(throws: StoreError.self) {
      try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
        inside = group.transaction { try $0.insert("LOST", of: id) }
      }
    }
    #expect(try inside?.get().change?.sequence == 2)
    #expect(store.position == 1 || store.position == 2)
    try saboteur.execute("DROP TRIGGER sabotage")
    #expect(try workspace.export(0) == before)
    #expect(store.position == 1)
    try workspace.edit(0) { try $0.insert("kept", of: id) }
    #expect(try store.body(id) == "kept")
    #expect(try store.check().isEmpty)
  }

  @Test("a busy file is an error and harms nothing")
  func busy() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(1, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("start") }.value
    let other = try ReplicaStore.open(
      SQLiteOptions(location: .file(folder.file("0.db")), busyTimeoutMilliseconds: 10))
    try other.write { () throws(StoreError) in
      #expect(throws: StoreError.self) { try workspace.edit(0) { try $0.insert("x", of: id) } }
    }
    try workspace.edit(0) { try $0.insert("y", of: id) }
    #expect(try workspace[0].body(id) == "y")
  }

  @Test("a document reads the same on both sides of a fold, open or opened again", arguments: 1...4)
  func folding(seed: UInt64) throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(1, seed: seed, folder: folder)
    var generator = SeededGenerator(seed: seed)
    let id = try workspace.edit(0) { try $0.createNote("folds") }.value
    var expected: [Unicode.Scalar] = []
    let alphabet: [Unicode.Scalar] = ["a", "é", "水", "🏝", "\n"]
    for step in 0..<60 {
      let count = Int.random(in: 1...600, using: &generator)
      let piece = (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? "x" }
      let position = Int.random(in: 0...expected.count, using: &generator)
      var text = String.UnicodeScalarView()
      text.append(contentsOf: piece)
      expected.insert(contentsOf: piece, at: position)
      try workspace.edit(0) { try $0.insert(String(text), at: position, of: id) }
      if step % 7 == 0 {
        workspace[0].close()
        workspace.replace(
          0, with: try ReplicaStore.open(SQLiteOptions(location: .file(folder.file("0.db")))))
      }
      #expect(
        try Array(workspace[0].body(id).unicodeScalars) == expected, "seed \(seed) step \(step)")
    }
    #expect(try workspace[0].history(of: id).count == 61)
    #expect(try workspace[0].check().isEmpty)
  }

  @Test("ten thousand documents, some deleted, are listed page by page")
  func manyDocuments() throws {
    let workspace = try TestWorkspace(1)
    let store = workspace[0]
    var ids: [DocumentID] = []
    for _ in 0..<5 {
      try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
        for number in 0..<400 {
          let made = group.transaction { transaction in
            let id = transaction.create()
            try transaction.edit(id).set(DocumentPath("n"), to: .count(number))
            return id
          }
          if let id = try? made.get().value { ids.append(id) }
        }
      }
    }
    #expect(ids.count == 2_000)
    let deleted = Set(ids.prefix(100))
    for id in deleted { try workspace.edit(0) { try $0.edit(id).deleteDocument() } }
    var listed: [DocumentID] = []
    while true {
      let page = try store.documents(after: listed.last, limit: 77)
      if page.isEmpty { break }
      listed += page.map(\.id)
    }
    #expect(listed == ids.filter { !deleted.contains($0) }.sorted())
    #expect(try store.documents(includingDeleted: true).count == 2_000)
    #expect(try store.info().deletedDocuments == 100)
    #expect(try store.documents(limit: 0).isEmpty)
    #expect(try store.documents(limit: -1).isEmpty)
    let back = try #require(deleted.first)
    try workspace.edit(0) { try $0.edit(back).set(DocumentPath("n"), to: "back") }
    #expect(try store.documentCount() == 1_901)
  }

  @Test("a large text goes in, comes back and is sent; what fits into no segment is refused")
  func largeText() throws {
    let workspace = try TestWorkspace(2)
    let text = String(repeating: "0123456789", count: 60_000)
    let id = try workspace.edit(0) { try $0.createNote("large") }.value
    for _ in 0..<2 { try workspace.edit(0) { try $0.insert(text, of: id) } }
    let tooLong = JSONValue.string(String(repeating: "x", count: Segment.bytesMax))
    do {
      try workspace.edit(0) { try $0.edit(id).set(DocumentPath("title"), to: tooLong) }
      Issue.record("it went in")
    } catch let error as StoreError {
      #expect(error.description.contains("too large"))
    }
    let long = JSONValue.string(String(repeating: "x", count: Segment.bodyBytesMax - 1_000))
    try workspace.edit(0) { try $0.edit(id).set(DocumentPath("title"), to: long) }
    try workspace.level()
    let isEqual = try workspace[1].body(id) == text + text
    #expect(isEqual)
    #expect(try workspace[1].title(id).stringValue?.utf8.count == Segment.bodyBytesMax - 1_000)
  }

  @Test("a reader may not write, and a joiner may before it is admitted")
  func roles() throws {
    let workspace = try TestWorkspace(1)
    try workspace.add(SQLiteOptions(location: .memory), role: .reader)
    #expect(workspace[1].role == .reader)
    #expect(throws: StoreError.self) { try workspace.edit(1) { try $0.createNote("no") } }
    let id = try workspace.edit(0) { try $0.createNote("yes") }.value
    try workspace.send(from: 0, to: 1)
    #expect(try workspace[1].title(id) == "yes")
    let invitation = try workspace[0].invite(
      role: .writer, expiresMillis: .max, entropy: workspace.entropy)
    let joiner = try ReplicaStore.create(
      SQLiteOptions(location: .memory), .joining(invitation, name: "early"),
      now: workspace.now, entropy: workspace.entropy)
    #expect(!joiner.isAdmitted)
    #expect(joiner.identity.request != nil)
    try joiner.group(now: workspace.now, entropy: workspace.entropy) { group in
      #expect(throws: Never.self) { try group.transaction { try $0.createNote("early") }.get() }
    }
    for segment in try joiner.seal(entropy: workspace.entropy) {
      #expect(throws: StoreError.self) { try workspace[0].verify(segment) }
    }
  }
}
