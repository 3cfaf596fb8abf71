import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import SegmentStore
import Segments
import TestSupport
import Testing

@Suite("Reading a replica's store")
struct StoreReadingTests {
  @Test("the log is the same on every replica, newest first, sealed or not")
  func log() throws {
    let workspace = try TestWorkspace(2)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    for number in 0..<20 {
      try workspace.edit(number % 2) { try $0.insert("\(number)", of: id) }
      if number % 3 == 0 { try workspace.level() }
    }
    let other = try workspace.edit(1) { try $0.createNote("other") }.value
    func log(_ index: Int, _ document: DocumentID? = nil) throws -> [LoggedChange] {
      var changes: [LoggedChange] = []
      try workspace[index].log(document: document) {
        changes.append($0)
        return true
      }
      return changes
    }
    #expect(try log(1).first?.documents == [other])
    #expect(try log(1).first?.isSealed == false)
    try workspace.level()
    let changes = try log(0)
    #expect(changes == (try log(1)))
    #expect(changes.count == 22)
    #expect(changes.allSatisfy { $0.isSealed && $0.byteCount > 20 })
    for (newer, older) in zip(changes, changes.dropFirst()) {
      #expect((older.lamport, older.id.origin) < (newer.lamport, newer.id.origin))
    }
    #expect(try log(0, id).count == 21)
    #expect(try log(0, other).map(\.id) == [changes[0].id])
    #expect(try log(0, DocumentID(high: 0, low: 0)).isEmpty)
    var seen = 0
    try workspace[0].log { _ in
      seen += 1
      return seen < 5
    }
    #expect(seen == 5)
  }

  @Test("a document can be read at every version that it had")
  func timeTravel() throws {
    let workspace = try TestWorkspace(2)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    var versions: [(VersionVector, String)] = []
    for number in 0..<30 {
      let index = number % 2
      let commit = try workspace.edit(index) { try $0.insert("\(number % 10)", of: id) }
      versions.append((commit.version, try workspace[index].body(id)))
      if number % 4 == 0 { try workspace.level() }
    }
    try workspace.level()
    for (version, text) in versions {
      for index in 0..<2 {
        let then = try #require(try workspace[index].document(id, at: version))
        #expect(try then.text(at: DocumentPath("body")) == text)
      }
    }
    #expect(try workspace[0].document(id, at: VersionVector()) == nil)
    #expect(
      try workspace[0].document(DocumentID(high: 0, low: 1), at: versions[9].0) == nil)
  }

  @Test("two processes write in turns and see each other")
  func twoConnections() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(2, folder: folder)
    let one = workspace[0]
    let two = try ReplicaStore.open(SQLiteOptions(location: .file(folder.file("0.db"))))
    #expect(try two.refresh() == nil)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    let found = try #require(try two.refresh())
    #expect(found.documents == [id])
    #expect(found.isComplete)
    #expect(!found.segmentsArrived)
    #expect(try two.refresh() == nil)
    #expect(try one.refresh() == nil)
    func write(_ store: ReplicaStore, _ text: String) throws {
      try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
        #expect(throws: Never.self) { try group.transaction { try $0.insert(text, of: id) }.get() }
      }
    }
    for number in 0..<20 {
      // No refresh in between: the write itself must notice.
      try write(number % 2 == 0 ? two : one, "\(number % 10)")
    }
    #expect(try one.body(id) == "98765432109876543210")
    #expect(try two.body(id) == "98765432109876543210")
    #expect(one.appliedVector == two.appliedVector)

    // What another process received is seen, and what it sealed is not sealed twice.
    _ = try one.refresh()
    workspace.replace(0, with: two)
    try workspace.send(from: 0, to: 1)
    #expect(try one.seal(entropy: workspace.entropy).isEmpty)
    let second = try workspace.edit(1) { try $0.createNote("from the peer") }.value
    try workspace.send(from: 1, to: 0)
    let changes = try #require(try one.refresh())
    #expect(changes.documents == [second])
    #expect(changes.segmentsArrived)
    #expect(try one.title(second) == "from the peer")
    _ = try two.invite(role: .reader, expiresMillis: 5, entropy: workspace.entropy)
    #expect(try one.refresh()?.membershipChanged == true)
    #expect(one.membership.digest == two.membership.digest)
    #expect(try one.check().isEmpty)
  }

  @Test("a copy of the file and its log, taken at any moment, opens to a whole state")
  func copies() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(1, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("copies") }.value
    var acknowledged = 0
    for number in 0..<40 {
      try workspace.edit(0) { transaction in
        try transaction.insert("x", of: id)
        try transaction.edit(id).set(DocumentPath("title"), to: .count(number))
        try transaction.createNote("\(number)")
      }
      acknowledged = number + 1
      if number % 6 == 0 { _ = try workspace[0].seal(entropy: workspace.entropy) }
      guard number % 4 == 0 else { continue }
      folder.write(folder.read("0.db"), to: "c\(number).db")
      folder.write(folder.read("0.db-wal"), to: "c\(number).db-wal")
      let copy = try ReplicaStore.open(
        SQLiteOptions(location: .file(folder.file("c\(number).db"))))
      #expect(try copy.body(id).utf8.count == acknowledged)
      #expect(try copy.title(id) == .count(number))
      #expect(try copy.documentCount() == acknowledged + 1)
      #expect(try copy.check().isEmpty)
    }
  }

  @Test("info counts what there is")
  func info() throws {
    let workspace = try TestWorkspace(2)
    for number in 0..<3 { try workspace.edit(0) { try $0.createNote("\(number)") } }
    var info = try workspace[0].info()
    #expect(info.documents == 3)
    #expect(info.changes == 3)
    #expect(info.unsealedChanges == 3)
    #expect(info.segments == 0)
    #expect(info.position == 3)
    try workspace.level()
    info = try workspace[1].info()
    #expect(info.changes == 3)
    #expect(info.segments == 1)
    #expect(info.segmentBytes > 200)
    #expect(info.unsealedChanges == 0)
    #expect(info.waitingChanges == 0)
    #expect(info.fileBytes > 10_000)
  }

  @Test("peers and settings are kept through the store")
  func peers() throws {
    let workspace = try TestWorkspace(1)
    let store = workspace[0]
    try store.write { () throws(StoreError) in
      do throws(SegmentStoreError) {
        try store.segments.setSetting("topology", to: [1])
      } catch {
        throw StoreError(error)
      }
    }
    #expect(try store.segments.setting("topology") == [1])
  }
}
