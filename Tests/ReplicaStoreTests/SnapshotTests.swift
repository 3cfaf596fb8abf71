import Causality
import Documents
import Foundation
import JSONCoding
import SQLiteBridge
import Sealing
import Segments
import TestSupport
import Testing

@testable import ReplicaStore

@Suite("Snapshots")
struct SnapshotTests {
  let folder = TemporaryFolder()

  /// Takes parts over until the last one has come.
  private func transfer(
    from source: ReplicaStore, to target: ReplicaStore, byteBudget: Int = 1 << 20,
    between: (Int) throws -> Void = { _ in }
  ) throws {
    var batch = 0
    while true {
      _ = try source.seal(entropy: .seeded(9))
      let cursor = try target.snapshotProgress()?.cursor ?? []
      let parts = try source.snapshotParts(after: cursor, byteBudget: byteBudget)
      #expect(!parts.isEmpty)
      for part in parts {
        let bytes = part.encoded()
        #expect(bytes.count <= 256 << 10)
        let before = try target.snapshotProgress()?.cursor ?? []
        #expect(try target.stage(SnapshotPart(decoding: bytes), after: before))
      }
      if parts.last?.isLast == true { return }
      try between(batch)
      batch += 1
    }
  }

  private func fill(
    _ workspace: TestWorkspace, notes: Int, by authors: Int
  ) throws -> [DocumentID] {
    var ids: [DocumentID] = []
    for number in 0..<notes {
      let author = number % authors
      ids.append(
        try workspace.edit(author) { transaction in
          let id = try transaction.createNote("note \(number)")
          try transaction.insert("It is number \(number). ", of: id)
          return id
        }.value)
      if number % 7 == 0 { try workspace.level() }
    }
    try workspace.level()
    return ids
  }

  private func compact(_ workspace: TestWorkspace, _ index: Int) throws {
    for store in workspace.stores { _ = try store.makeReceipt() }
    for from in workspace.stores {
      let receipts = try from.receipts().map(\.bytes)
      for to in workspace.stores { _ = try to.addReceipts(receipts) }
    }
    let store = workspace[index]
    var compaction = try store.beginCompaction(below: try store.stableCut().version)
    while !compaction.isFinished { try store.step(&compaction) }
  }

  @Test(
    "a new store shows what the giving one shows, and goes on with both", arguments: [false, true])
  func joins(isCompacted: Bool) throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let ids = try fill(workspace, notes: 40, by: 2)
    try workspace.edit(0) { try $0.edit(ids[3]).deleteDocument() }
    try workspace.level()
    if isCompacted {
      try compact(workspace, 0)
      #expect(try workspace[0].segmentFloor() == workspace[0].appliedVector)
    }
    try workspace.edit(0) { try $0.insert("since then ", of: ids[5]) }
    try workspace.add(SQLiteOptions(location: .file(folder.file("new.db"))))
    try transfer(from: workspace[0], to: workspace[2], byteBudget: 2_000)
    #expect(try workspace[2].documents().isEmpty)
    let outcome = try #require(
      try workspace[2].installSnapshot(now: workspace.tick(), entropy: workspace.entropy))
    #expect(outcome.version == workspace[0].appliedVector)
    #expect(outcome.documents == 40)
    #expect(!outcome.hasNewOrigin)
    #expect(try workspace[2].snapshotProgress() == nil)
    #expect(try workspace.export(2) == workspace.export(0))
    #expect(workspace[2].position == workspace[0].position)
    #expect(workspace[2].heads == workspace[0].heads)
    #expect(try workspace[2].check() == [])

    // All three go on, at once.
    for index in 0..<3 { try workspace.edit(index) { try $0.insert("by \(index) ", of: ids[7]) } }
    try workspace.edit(2) { try $0.createNote("of the new one") }
    try workspace.level()
    try workspace.expectEqual("after a snapshot")
    for store in workspace.stores { #expect(try store.check() == []) }
    // What came is as durable as what was made here.
    let options = workspace[2].options
    workspace[2].close()
    workspace.replace(2, with: try ReplicaStore.open(options))
    try workspace.expectEqual("opened again")
  }

  @Test(
    "what has come can be looked at, the newest first, before anything is shown",
    arguments: [false, true])
  func arriving(isCompacted: Bool) throws {
    let workspace = try TestWorkspace(2)
    let ids = try fill(workspace, notes: 40, by: 2)
    try workspace.edit(0) { try $0.edit(ids[38]).deleteDocument() }
    try workspace.level()
    if isCompacted { try compact(workspace, 0) }
    try workspace.edit(1) { try $0.insert("meanwhile ", of: ids[5]) }
    try workspace.edit(0) { try $0.insert("since then ", of: ids[5]) }
    try workspace.level()
    try workspace.add(SQLiteOptions(location: .memory))
    #expect(try workspace[2].arrivingDocuments(limit: 3).isEmpty)
    var counts: [Int] = []
    try transfer(from: workspace[0], to: workspace[2], byteBudget: 2_000) { _ in
      let store = workspace[2]
      let found = try store.arrivingDocuments(limit: .max)
      counts.append(found.count)
      #expect(found.first?.id == ids[39])
      #expect(try store.arrivingDocuments(limit: 1).map(\.id) == [ids[39]])
      for document in found {
        let original = try #require(try workspace[0].document(document.id))
        #expect(try document.json() == original.json())
      }
      #expect(try store.documents().isEmpty)
    }
    #expect(counts.count > 1 && counts == counts.sorted())
    #expect(try workspace[2].arrivingDocuments(limit: .max).count == 39)
    #expect(try workspace[2].arrivingDocument(ids[38]) == nil)
    #expect(try workspace[2].arrivingDocument(DocumentID(high: 7, low: 7)) == nil)
    _ = try workspace[2].installSnapshot(now: workspace.tick(), entropy: workspace.entropy)
    #expect(try workspace[2].arrivingDocuments(limit: .max).isEmpty)
    #expect(try workspace[2].documents().count == 39)
  }

  @Test("documents that change meanwhile come as they are at the end")
  func changesMeanwhile() throws {
    let workspace = try TestWorkspace(2)
    let ids = try fill(workspace, notes: 60, by: 2)
    let long = try workspace.edit(0) { transaction in
      let id = try transaction.createNote("long")
      try transaction.insert(String(repeating: "a long text ", count: 60_000), of: id)
      return id
    }.value
    try workspace.add(SQLiteOptions(location: .memory))
    var batches = 0
    try transfer(from: workspace[0], to: workspace[2], byteBudget: 3_000) { batch in
      batches = batch
      guard batch < 30 else { return }
      try workspace.edit(0) { try $0.insert("\(batch) ", of: batch % 5 == 0 ? long : ids[batch]) }
      if batch % 9 == 0 { try workspace.edit(0) { try $0.createNote("made in batch \(batch)") } }
    }
    #expect(batches > 5)
    let outcome = try #require(
      try workspace[2].installSnapshot(now: workspace.tick(), entropy: workspace.entropy))
    #expect(outcome.version == workspace[0].appliedVector)
    #expect(try workspace.export(2) == workspace.export(0))
    #expect(try workspace[2].check() == [])
  }

  @Test(
    "whoever is cut off goes on where it was; another giver, or another life of one, begins anew")
  func resumes() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    _ = try fill(workspace, notes: 50, by: 2)
    try workspace.add(SQLiteOptions(location: .file(folder.file("new.db"))))
    let parts = try workspace[0].snapshotParts(after: [], byteBudget: 2_000)
    for part in parts {
      let before = try workspace[2].snapshotProgress()?.cursor ?? []
      #expect(try workspace[2].stage(part, after: before))
    }
    // What was asked for by somebody else in the meantime is left.
    #expect(try workspace[2].stage(parts[0], after: [1, 2, 3]) == false)
    let before = try #require(try workspace[2].snapshotProgress())
    #expect(before.documents > 0 && before.documents < before.documentsInAll)
    #expect(before.documentsInAll == 50)

    let options = workspace[2].options
    workspace[2].close()
    workspace.replace(2, with: try ReplicaStore.open(options))
    #expect(try workspace[2].snapshotProgress() == before)
    let next = try workspace[0].snapshotParts(after: before.cursor, byteBudget: 1)
    #expect(next.first?.isFirst == false)

    // The second store does not know the cursor of the first.
    let others = try workspace[1].snapshotParts(after: before.cursor, byteBudget: 1)
    #expect(others.first?.isFirst == true)
    try transfer(from: workspace[1], to: workspace[2], byteBudget: 5_000)
    _ = try workspace[2].installSnapshot(now: workspace.tick(), entropy: workspace.entropy)
    try workspace.level()
    try workspace.expectEqual("from the second store")
    try workspace[0].claimOrigin(entropy: workspace.entropy)
    let again = try workspace[0].snapshotParts(after: before.cursor, byteBudget: 1)
    #expect(again.first?.isFirst == true)
  }

  @Test("what a store has written before it took a snapshot is kept and can be sent")
  func keepsOwn() throws {
    let workspace = try TestWorkspace(2)
    let ids = try fill(workspace, notes: 20, by: 2)
    try compact(workspace, 0)
    try workspace.add(SQLiteOptions(location: .memory))
    let own = try workspace.edit(2) { try $0.createNote("written first") }
    try workspace.edit(2) { try $0.insert("and edited ", of: own.value) }
    try transfer(from: workspace[0], to: workspace[2])
    _ = try #require(
      try workspace[2].installSnapshot(now: workspace.tick(), entropy: workspace.entropy))
    #expect(try workspace[2].body(own.value) == "and edited ")
    #expect(try workspace[2].body(ids[4]).hasPrefix("It is number 4"))
    #expect(try workspace[2].unsealedCount() == 2)
    #expect(try workspace[2].check() == [])
    try workspace.level()
    try workspace.expectEqual("own notes arrive everywhere")
    #expect(try workspace[0].body(own.value) == "and edited ")
  }

  /// Puts a store back to what its file was before, as a restored backup does.
  private func putBack(
    _ index: Int, of workspace: TestWorkspace, after body: () throws -> Void
  ) throws {
    let options = workspace[index].options
    let copy = folder.file("backup.db")
    workspace[index].close()
    try FileManager.default.copyItem(atPath: folder.file("\(index).db"), toPath: copy)
    workspace.replace(index, with: try ReplicaStore.open(options))
    try body()
    workspace[index].close()
    let store = try ReplicaStore.open(SQLiteOptions(location: .file(copy), access: .write))
    workspace.replace(index, with: store)
    try store.claimOrigin(entropy: workspace.entropy)
  }

  private func tellRecords(_ workspace: TestWorkspace) throws {
    for from in workspace.stores {
      for to in workspace.stores { _ = try to.addRecords(from.membership.records) }
    }
  }

  /// Lets a store that was put back take the snapshot of another one, and then what is new.
  private func comeBack(_ index: Int, to other: Int, of workspace: TestWorkspace) throws {
    try tellRecords(workspace)
    try transfer(from: workspace[other], to: workspace[index])
    let outcome = try #require(
      try workspace[index].installSnapshot(now: workspace.tick(), entropy: workspace.entropy))
    #expect(outcome.hasNewOrigin)
    #expect(try workspace[index].check() == [])
    try tellRecords(workspace)
    try workspace.level()
    try workspace.expectEqual("after the return")
  }

  @Test("a store that comes back from below the floor is merged: nothing lost, nothing resurrected")
  func returns() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { transaction in
      let id = try transaction.createNote("plan")
      try transaction.insert("The quick fox jumps over the lazy dog.", of: id)
      try transaction.edit(id).set(DocumentPath("mood"), to: .string("calm"))
      try transaction.edit(id).set(DocumentPath("old"), to: .string("of no use"))
      return id
    }.value
    let untouched = try workspace.edit(0) { try $0.createNote("untouched") }.value
    let doomed = try workspace.edit(0) { try $0.createNote("doomed") }.value
    try workspace.level()
    try putBack(1, of: workspace) {
      // What everybody has, and what is folded.
      try workspace.edit(0) { transaction in
        let editor = try transaction.edit(id)
        try editor.splice(DocumentPath("body"), at: 25, delete: 9, insert: "a sleeping ")
        try editor.set(DocumentPath("title"), to: .string("the plan"))
        try editor.delete(DocumentPath("old"))
        try transaction.edit(doomed).deleteDocument()
      }
      try workspace.level()
      try compact(workspace, 0)
      #expect(try workspace[0].floor() == workspace[0].appliedVector)
    }
    let away = workspace[1].identity.origin
    try workspace.edit(1) { transaction in
      let editor = try transaction.edit(id)
      try editor.splice(DocumentPath("body"), at: 4, delete: 0, insert: "very ")
      try editor.set(DocumentPath("mood"), to: .string("merry"))
      try editor.set(DocumentPath("title"), to: .string("my plan"))
    }
    let own = try workspace.edit(1) { try $0.createNote("written away") }.value
    try workspace.edit(1) { try $0.insert("and edited twice", of: own) }
    try comeBack(1, to: 0, of: workspace)
    #expect(workspace[1].identity.origin != away)
    for store in workspace.stores {
      #expect(try store.body(id) == "The very quick fox jumps over a sleeping dog.")
      #expect(try store.document(id)?.json(at: DocumentPath("mood")) == .string("merry"))
      // What both had changed: theirs stays, and ours is told.
      let shown = try store.document(id)?.json().text() ?? ""
      #expect(try store.title(id) == .string("the plan"), "\(shown)")
      #expect(try store.document(id)?.json().objectValue?["old"] == nil)
      #expect(try store.body(own) == "and edited twice")
      #expect(try store.title(untouched) == .string("untouched"))
      #expect(try store.document(doomed)?.isDeleted == true)
      #expect(try store.stalled().isEmpty)
      #expect(try store.check() == [])
    }
    let notes = try workspace[1].identityNotes()
    #expect(notes.contains { $0.contains("title") && $0.contains("\"my plan\"") }, "\(notes)")
    #expect(notes.contains { $0.contains("folded") }, "\(notes)")
  }

  @Test("a store that comes back has marked texts: its marks are merged as its words are")
  func returnsMarking() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let (body, bold) = (DocumentPath("body"), Value.bool(true))
    let id = try workspace.edit(0) { transaction in
      let id = try transaction.createNote("plan")
      try transaction.insert("The quick fox jumps over the lazy dog.", of: id)
      let editor = try transaction.edit(id)
      try editor.mark(body, 0..<3, name: "old", value: bold)
      try editor.mark(body, 10..<13, name: "link", value: .string("fox"))
      try editor.set(DocumentPath("list"), to: [])
      return id
    }.value
    try workspace.level()
    try putBack(1, of: workspace) {
      try workspace.edit(0) { transaction in
        let editor = try transaction.edit(id)
        try editor.mark(body, 10..<13, name: "link", value: .string("theirs"))
        try editor.mark(body, 34..<37, name: "their", value: bold)
        try editor.splice(body, at: 4, delete: 5, insert: "slow brown")
        try editor.splice(DocumentPath("list"), at: 0, delete: 0, insert: ["alike", "other"])
      }
      try workspace.level()
      try compact(workspace, 0)
    }
    try workspace.edit(1) { transaction in
      let editor = try transaction.edit(id)
      try editor.mark(body, 4..<19, name: "bold", value: bold)
      try editor.mark(body, 10..<13, name: "link", value: .string("ours"))
      try editor.unmark(body, 0..<3, name: "old")
      try editor.splice(body, at: 38, delete: 0, insert: " Truly 😀.")
      try editor.splice(body, at: 0, delete: 0, insert: "> ")
      try editor.mark(body, 41..<46, name: "bold", value: bold)
      try editor.make(DocumentPath("more"), .text)
      try editor.splice(DocumentPath("more"), at: 0, delete: 0, insert: "one two")
      try editor.mark(DocumentPath("more"), 4..<7, name: "bold", value: bold, expand: .none)
      for (index, text) in ["moved", "alike"].enumerated() {
        try editor.splice(DocumentPath("list"), at: index, delete: 0, insert: [""])
        let place = DocumentPath([.key("list"), .index(index)])
        try editor.make(place, .text)
        try editor.splice(place, at: 0, delete: 0, insert: text)
        try editor.mark(place, 0..<2, name: "new", value: bold)
      }
    }
    try comeBack(1, to: 0, of: workspace)
    for store in workspace.stores {
      let document = try #require(try store.document(id))
      let shown = try document.textSpans(at: body).map { span in
        span.marks.map { "\($0.name) " }.joined() + "[\(span.text)]"
      }
      #expect(
        shown == [
          "[> The slow brown]", "bold [ ]", "bold link [fox]", "bold [ jumps]", "[ over the lazy ]",
          "their [dog]", "[. ]", "bold [Truly]", "[ 😀.]",
        ], "\(shown)")
      #expect(try document.textSpans(at: body)[2]["link"] == .string("theirs"))
      let more = try document.textSpans(at: DocumentPath("more"))
      #expect(more.map(\.text) == ["one ", "two"] && more[1]["bold"] == bold)
      let list = try #require(try document.json(at: DocumentPath("list")).arrayValue)
      #expect(list.filter { $0 == "alike" }.count == 2 && list.count == 4)
      let moved = try #require(list.firstIndex(of: "moved"))
      let spans = try document.textSpans(at: DocumentPath([.key("list"), .index(moved)]))
      #expect(spans.map(\.text) == ["mo", "ved"] && spans[0]["new"] == bold)
    }
    let notes = try workspace[1].identityNotes()
    #expect(notes.contains { $0.contains("'link'") && $0.contains("\"ours\"") }, "\(notes)")
    // One of two texts that read the same, of which only one was marked.
    #expect(notes.contains { $0.contains("'new'") && $0.contains("\"al\"") }, "\(notes)")
    #expect(notes.count { $0.contains("marked") } == 2, "\(notes)")
  }

  @Test("a store that comes back and deletes: what others left alone goes, what they edited stays")
  func returnsDeleting() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let ids = try fill(workspace, notes: 2, by: 1)
    try putBack(1, of: workspace) {
      try workspace.edit(0) { try $0.insert("edited ", of: ids[0]) }
      try workspace.edit(0) { try $0.insert("edited and put back ", of: ids[1]) }
      try workspace.edit(0) { transaction in
        try transaction.edit(ids[1]).splice(
          DocumentPath("body"), at: 0, delete: 20, insert: "")
      }
      try workspace.level()
      try compact(workspace, 0)
    }
    for id in ids { try workspace.edit(1) { try $0.edit(id).deleteDocument() } }
    try comeBack(1, to: 0, of: workspace)
    #expect(try workspace[0].document(ids[0])?.isDeleted == false)
    #expect(try workspace[0].document(ids[1])?.isDeleted == true)
  }

  @Test("another process that has the store open sees the snapshot, and writes to the right rows")
  func otherProcess() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let ids = try fill(workspace, notes: 20, by: 2)
    try workspace.add(SQLiteOptions(location: .file(folder.file("new.db"))))
    let own = try (0..<3).map { number in
      try workspace.edit(2) { try $0.createNote("own \(number)") }.value
    }
    let other = try ReplicaStore.open(workspace[2].options)
    for id in own { #expect(try other.body(id) == "") }
    try other.acknowledge("follower", through: 2)
    try transfer(from: workspace[0], to: workspace[2])
    _ = try #require(
      try workspace[2].installSnapshot(now: workspace.tick(), entropy: workspace.entropy))
    let news = try #require(try other.refresh())
    #expect(!news.isComplete)
    _ = try other.group(now: workspace.tick(), entropy: workspace.entropy) { group in
      group.transaction { try $0.insert("by the other process", of: own[1]) }
    }.get()
    #expect(try other.body(ids[3]).hasPrefix("It is number 3"))
    #expect(try workspace[2].body(own[1]) == "by the other process")
    #expect(try workspace[2].body(own[0]) == "")
    #expect(try workspace[2].check() == [] && other.check() == [])
    // Its positions are others now: a follower of before is told.
    let position = try #require(try other.feedPosition(of: "follower"))
    #expect(throws: StoreError.self) { try other.feed(after: position) { _ in true } }
    var seen = 0
    try other.feed(after: 0) { _ in
      seen += 1
      return true
    }
    #expect(seen == 4)
    try workspace.level()
    try workspace.expectEqual("after both processes")
  }

  @Test("a store that shows all of a snapshot leaves it")
  func knowsAll() throws {
    let workspace = try TestWorkspace(2)
    _ = try fill(workspace, notes: 5, by: 2)
    try transfer(from: workspace[0], to: workspace[1])
    #expect(
      try workspace[1].installSnapshot(now: workspace.tick(), entropy: workspace.entropy) == nil)
    #expect(try workspace[1].snapshotProgress() == nil)
    try workspace.expectEqual("nothing has changed")
  }

  @Test("a snapshot that cannot be read leaves the store as it was")
  func refusesNonsense() throws {
    let workspace = try TestWorkspace(2)
    let ids = try fill(workspace, notes: 5, by: 1)
    try workspace.add(SQLiteOptions(location: .memory))
    let own = try workspace.edit(2) { try $0.createNote("own") }.value
    let before = try workspace.export(2)
    let parts = try workspace[0].snapshotParts(after: [], byteBudget: 1 << 20)
    let whole = try #require(parts.first)
    #expect(parts.count == 1 && whole.isFirst && whole.isLast)
    func refused(_ change: (inout SnapshotPart) -> Void) throws {
      var part = whole
      change(&part)
      do {
        let cursor = try workspace[2].snapshotProgress()?.cursor ?? []
        _ = try workspace[2].stage(part, after: cursor)
        let outcome = try workspace[2].installSnapshot(
          now: workspace.tick(), entropy: workspace.entropy)
        Issue.record("it was taken: \(String(describing: outcome))")
      } catch {
        guard case .refused = error else {
          Issue.record("\(error)")
          return
        }
      }
      #expect(try workspace.export(2) == before)
      #expect(try workspace[2].check() == [])
    }
    try refused { $0.pieces.removeLast() }
    try refused { $0.pieces[0].bytes.removeLast() }
    try refused { $0.pieces[0].bytes = [] }
    try refused { $0.pieces[0].number = 1 }
    try refused { $0.pieces[$0.pieces.count - 1].bytes[0] = 9 }
    let foreign = try TestWorkspace(1, seed: 77)
    try foreign.edit(0) { try $0.createNote("foreign") }
    _ = try foreign[0].seal(entropy: foreign.entropy)
    let others = try #require(try foreign[0].snapshotParts(after: [], byteBudget: 1 << 20).first)
    try refused { $0 = others }
    #expect(try workspace[2].title(own) == .string("own"))
    #expect(ids.count == 5)
  }

  @Test("a damaged document does not spread")
  func damaged() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let ids = try fill(workspace, notes: 3, by: 2)
    try workspace.edit(0) { transaction in
      try transaction.insert(String(repeating: "long ", count: 4_000), of: ids[1])
    }
    _ = try workspace[0].seal(entropy: workspace.entropy)
    let options = workspace[0].options
    let raw = try SQLiteConnection(options)
    try raw.execute("UPDATE document_state SET checksum = checksum + 1")
    raw.close()
    #expect(throws: StoreError.self) {
      _ = try workspace[0].snapshotParts(after: [], byteBudget: 1 << 20)
    }
  }

  @Test("parts, documents, headers and cursors are read as they were written, and nothing else is")
  func coding() throws {
    let workspace = try TestWorkspace(2)
    _ = try fill(workspace, notes: 9, by: 2)
    try compact(workspace, 0)
    let part = try #require(try workspace[0].snapshotParts(after: [], byteBudget: 1 << 20).first)
    let bytes = part.encoded()
    #expect(try SnapshotPart(decoding: bytes) == part)
    for end in 0..<bytes.count {
      #expect(throws: (any Error).self) { try SnapshotPart(decoding: Array(bytes[..<end])) }
    }
    var generator = SeededGenerator(seed: 3)
    for piece in part.pieces {
      switch piece.kind {
      case .document:
        let document = try SnapshotDocument(decoding: piece.bytes)
        #expect(document.encoded() == piece.bytes)
        #expect(document.base != nil)
      case .header:
        let header = try SnapshotHeader(decoding: piece.bytes)
        #expect(header.version == workspace[0].appliedVector)
        #expect(try SnapshotHeader(decoding: header.encoded()) == header)
      case .floor, .version, .branches: break
      }
      // Whatever is done to the bytes, nothing traps.
      for _ in 0..<200 where !piece.bytes.isEmpty {
        var broken = piece.bytes
        broken[Int.random(in: 0..<broken.count, using: &generator)] = .random(
          in: 0...255, using: &generator)
        _ = try? SnapshotDocument(decoding: broken)
        _ = try? SnapshotHeader(decoding: broken)
        _ = try? SnapshotPart(decoding: broken)
        _ = SnapshotCursor(decoding: broken)
      }
    }
    let cursor = SnapshotCursor(
      origin: workspace[0].identity.origin, installation: 3, until: 7)
    #expect(SnapshotCursor(decoding: cursor.encoded()) == cursor)
  }

  @Test("parts, documents and cursors are the bytes of the format")
  func golden() throws {
    let origin = Origin(high: 1, low: 2)
    var cursor = SnapshotCursor(origin: origin, installation: 5, until: 7)
    cursor.row = 3
    #expect(
      hex(cursor.encoded()) == "01" + "00000000000000010000000000000002" + "05" + "000e060000")
    let floor = [UInt8](repeating: 9, count: 16)
    var document = SnapshotDocument(position: 5)
    document.isDeleted = true
    document.understood = 16
    document.state = [0xAA, 0xBB]
    document.base = .init(floor: floor, state: [0xCC])
    document.history = [[1], [2, 3]]
    document.tail = [.init(position: 6, block: [4])]
    let floorHex = String(repeating: "09", count: 16)
    #expect(
      hex(document.encoded()) == "01" + "05" + "3d" + "10" + "02aabb" + floorHex + "01cc"
        + "02" + "0101" + "020203" + "01" + "06" + "0104")
    #expect(try SnapshotDocument(decoding: document.encoded()) == document)
    var part = SnapshotPart()
    part.isLast = true
    part.documentCount = 3
    part.cursor = [7]
    part.pieces = [.init(kind: .floor, key: floor, number: 1, bytes: [8])]
    #expect(
      hex(part.encoded()) == "01" + "02" + "03" + "0107" + "01" + "02" + floorHex + "01" + "0108")
  }

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
