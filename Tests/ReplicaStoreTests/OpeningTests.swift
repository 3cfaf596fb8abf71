import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import Segments
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("Making and opening a replica's store")
struct StoreOpeningTests {
  let folder = TemporaryFolder()
  let now = Timestamp(clampingMilliseconds: 1_700_000_000_000)

  func options(
    _ name: String = "a.db", _ access: SQLiteOptions.Access = .write
  ) -> SQLiteOptions {
    SQLiteOptions(
      location: .file(folder.file(name)), access: access, busyTimeoutMilliseconds: 100)
  }

  func make(_ name: String = "a.db") throws -> ReplicaStore {
    try ReplicaStore.create(
      options(name), .workspace(name: "Ada"), now: now, entropy: .seeded(7))
  }

  func expectOpening(
    _ name: String, fails check: (StoreError) -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    do throws(StoreError) {
      _ = try ReplicaStore.open(options(name))
      Issue.record("it opened", sourceLocation: sourceLocation)
    } catch {
      #expect(check(error), "\(error)", sourceLocation: sourceLocation)
    }
  }

  @Test("a store is itself when it is opened again")
  func reopens() throws {
    let (workspace, origin, key) = try {
      let store = try make()
      #expect(store.isAdmitted)
      #expect(store.role == .writer)
      #expect(store.membership.devices.count == 1)
      return (
        store.identity.workspace, store.identity.origin, store.identity.device.publicKey
      )
    }()
    let store = try ReplicaStore.open(options())
    #expect(store.identity.workspace == workspace)
    #expect(store.identity.origin == origin)
    #expect(store.identity.device.publicKey == key)
    #expect(store.identity.name == "Ada")
    #expect(store.identity.invitation == nil)
    #expect(store.membership.device(owning: origin)?.key == key)
    #expect(try store.check().isEmpty)
    #expect(try store.info() == ReplicaStore.open(options("a.db", .read)).info())
  }

  @Test("the file and what lies beside it can be read by the owner only")
  func permissions() throws {
    let store = try make()
    for suffix in ["", "-wal", "-shm"] {
      var about = stat()
      #expect(stat(folder.file("a.db" + suffix), &about) == 0)
      #expect(about.st_mode & 0o777 == 0o600, "\(suffix)")
    }
    store.close()
  }

  @Test("an existing path is left alone, a missing one is said to be missing")
  func existing() throws {
    folder.write([1, 2, 3], to: "a.db")
    #expect(throws: StoreError.exists(path: folder.file("a.db"))) { try make() }
    #expect(folder.holds([1, 2, 3], in: "a.db"))
    expectOpening("none.db") { $0 == .missing(path: folder.file("none.db")) }
    #expect(throws: StoreError.self) { try make("no/folder.db") }
    expectOpening(".") { if case .notAStore = $0 { true } else { false } }
  }

  @Test("what is no store is named so")
  func notAStore() throws {
    folder.write(Array("# Notes\n\nThis is a text file, and a rather short one.".utf8), to: "a.md")
    expectOpening("a.md") { $0 == .notAStore(path: folder.file("a.md")) }
    folder.write([], to: "empty.db")
    expectOpening("empty.db") { if case .notAStore = $0 { true } else { false } }
    do {
      let other = try SQLiteConnection(options("other.db", .create))
      try other.execute("CREATE TABLE theirs (a)")
    }
    expectOpening("other.db") { $0 == .notAStore(path: folder.file("other.db")) }
  }

  @Test("a name that is too long leaves no file")
  func longName() throws {
    #expect(throws: StoreError.self) {
      try ReplicaStore.create(
        options(), .workspace(name: String(repeating: "x", count: 5_000)), now: now,
        entropy: .seeded(7))
    }
    expectOpening("a.db") { $0 == .missing(path: folder.file("a.db")) }
  }

  @Test("a store of a newer version is refused and not touched")
  func tooNew() throws {
    try make().close()
    do {
      let connection = try SQLiteConnection(options())
      try connection.execute("PRAGMA user_version = 99")
      try connection.checkpoint(.truncate)
    }
    let before = folder.read("a.db")
    expectOpening("a.db") {
      if case .tooNew(99, _) = $0 { $0.isAboutTheFile } else { false }
    }
    #expect(folder.holds(before, in: "a.db"))
  }

  @Test("a store opened for reading shows everything and writes nothing")
  func readOnly() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("Tern") }.value
    let reader = try ReplicaStore.open(options("0.db", .read))
    #expect(try reader.title(id) == "Tern")
    #expect(throws: StoreError.readOnly) {
      try reader.group(now: now, entropy: .seeded(1)) { _ in }
    }
    #expect(throws: StoreError.readOnly) { try reader.write { () throws(StoreError) in } }
    try workspace.edit(0) { try $0.insert("x", of: id) }
    #expect(try reader.refresh()?.documents == [id])
    #expect(try reader.body(id) == "x")
  }

  @Test("damaged identities and rows are errors that say so, states and tails are made again")
  func damaged() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("Tern") }.value
    let text = String(repeating: "abcdefgh", count: 2_000)
    for _ in 0..<3 { try workspace.edit(0) { try $0.insert(text, of: id) } }
    try workspace.edit(0) { try $0.insert("tail", of: id) }
    workspace[0].close()
    let bytes = folder.read("0.db")
    func spoil(_ sql: String) throws -> String {
      let name = "spoilt\(sql.utf8.count).db"
      folder.write(bytes, to: name)
      let connection = try SQLiteConnection(options(name))
      try connection.execute(sql)
      return name
    }
    for sql in [
      "UPDATE document_state SET state = zeroblob(length(state))",
      "UPDATE document_state SET state = x''",
      "UPDATE document_tail SET block = substr(block, 1, length(block) - 1)",
    ] {
      let store = try ReplicaStore.open(options(try spoil(sql)))
      #expect(try store.body(id) == "tail" + text + text + text, "\(sql)")
      #expect(try !store.check().isEmpty, "\(sql)")
    }
    let store = try ReplicaStore.open(
      options(try spoil("UPDATE document SET state_bytes = -1")))
    do {
      _ = try store.document(id)
      Issue.record("it opened")
    } catch {
      #expect(error.isAboutTheFile, "\(error)")
    }
    #expect(try !store.check().isEmpty)
    for sql in [
      "UPDATE identity SET device_keys = x'00'", "UPDATE identity SET origin = x'0102'",
      "UPDATE membership_record SET bytes = x'00'",
      "UPDATE identity SET workspace_key = zeroblob(2), key_epoch = 0",
    ] {
      expectOpening(try spoil(sql)) { $0.isAboutTheFile }
    }
  }
}
