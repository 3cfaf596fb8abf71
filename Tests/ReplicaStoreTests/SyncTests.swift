import Causality
import ChangeCoding
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import TestSupport
import Testing

@Suite("Exchanging segments between stores")
struct StoreSyncTests {
  /// A random edit of one of the documents.
  func edit(
    _ workspace: TestWorkspace, _ index: Int, _ ids: inout [DocumentID],
    _ generator: inout SeededGenerator
  ) throws {
    let store = workspace[index]
    let known = try ids.filter { try store.document($0)?.isDeleted == false }
    let choice = Int.random(in: 0..<12, using: &generator)
    guard let id = known.randomElement(using: &generator), choice > 0 else {
      ids.append(try workspace.edit(index) { try $0.createNote("note") }.value)
      return
    }
    let second = known.randomElement(using: &generator) ?? id
    let length = try store.body(id).unicodeScalars.count
    let position = Int.random(in: 0...length, using: &generator)
    let word = ["a", "be", "sea 🏝", "\n\n", "xyz"].randomElement(using: &generator) ?? ""
    let number = Int64.random(in: -5...5, using: &generator)
    try workspace.edit(index) { transaction in
      switch choice {
      case 1: try transaction.edit(id).set(DocumentPath("title"), to: .string(word))
      case 2: try transaction.edit(id).set(DocumentPath("m", "x"), to: .integer(number))
      case 3:
        try transaction.edit(id).set(DocumentPath("m"), to: ["x": 1])
        try transaction.edit(second).set(DocumentPath("title"), to: "both")
      case 4: try transaction.edit(id).deleteDocument()
      case 5...7:
        let count = min(length - position, 3)
        try transaction.edit(id).splice(
          DocumentPath("body"), at: position, delete: count, insert: "")
      default: try transaction.insert(word, at: position, of: id)
      }
    }
  }

  @Test("a change that builds on one of long ago is applied as others are")
  func oldDependency() throws {
    let workspace = try TestWorkspace(3)
    let id = try workspace.edit(0) { try $0.createNote("start") }.value
    try workspace.send(from: 0, to: 1)
    try workspace.edit(1) { try $0.insert("of long ago", of: id) }
    for _ in 0..<1_100 { try workspace.edit(0) { try $0.insert("x", of: id) } }
    try workspace.send(from: 0, to: 2)
    try workspace.send(from: 1, to: 2)
    #expect(try workspace[2].stalled().isEmpty)
    #expect(try workspace[2].waitingCount() == 0)
    try workspace.level()
    try workspace.expectEqual("after all was sent")
  }

  @Test(
    "stores that have the same changes show the same bytes, whatever the order of arrival",
    arguments: 1...10 as ClosedRange<UInt64>)
  func converges(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let workspace = try TestWorkspace(3, seed: seed)
    var ids: [DocumentID] = []
    for _ in 0..<60 {
      let index = Int.random(in: 0..<3, using: &generator)
      do {
        try edit(workspace, index, &ids, &generator)
      } catch let error as EditError where error.code == .wrongKind || error.code == .nothingThere {
        // The path leads elsewhere on this replica just now.
      }
      if Int.random(in: 0..<4, using: &generator) == 0 {
        let from = Int.random(in: 0..<3, using: &generator)
        let to = (from + Int.random(in: 1...2, using: &generator)) % 3
        try workspace.send(from: from, to: to, limit: Int.random(in: 1...3, using: &generator))
      }
    }
    try workspace.level()
    try workspace.expectEqual("seed \(seed)")
    for index in 0..<3 {
      #expect(try workspace[index].check() == [], "seed \(seed)")
      #expect(try workspace[index].waitingCount() == 0, "seed \(seed)")
    }
  }

  @Test(
    "closing and opening at any moment changes nothing", arguments: 1...4 as ClosedRange<UInt64>)
  func reopening(seed: UInt64) throws {
    let folder = TemporaryFolder()
    var generator = SeededGenerator(seed: seed &+ 1_000)
    let workspace = try TestWorkspace(2, seed: seed, folder: folder)
    var ids: [DocumentID] = []
    for step in 0..<40 {
      let index = step % 2
      do {
        try edit(workspace, index, &ids, &generator)
      } catch let error as EditError where error.code == .wrongKind || error.code == .nothingThere {
      }
      if step % 5 == 0 { try workspace.send(from: index, to: 1 - index) }
      if Int.random(in: 0..<4, using: &generator) == 0 {
        let before = try workspace.export(index)
        workspace[index].close()
        workspace.replace(
          index,
          with: try ReplicaStore.open(SQLiteOptions(location: .file(folder.file("\(index).db")))))
        let isEqual = try workspace.export(index) == before
        #expect(isEqual, "seed \(seed) step \(step)")
      }
    }
    try workspace.level()
    try workspace.expectEqual("seed \(seed)")
    #expect(try workspace[0].check() == [], "seed \(seed)")
  }

  @Test("what depends on something missing waits, also over a restart, and then appears")
  func waiting() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(3, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("first") }.value
    try workspace.send(from: 0, to: 1)
    try workspace.edit(1) { try $0.insert("second", of: id) }
    try workspace.edit(1) { try $0.createNote("third") }
    // Only what the second store wrote.
    _ = try workspace[1].seal(entropy: workspace.entropy)
    let origin = workspace[1].identity.origin
    let segments = try workspace[1].segments.segments(
      in: [.init(origin: origin, after: 0)], limitBytes: .max, limitCount: .max
    ).map { try Segment(parsing: $0.bytes) }
    let outcome = try workspace[2].receive(segments)
    #expect(outcome.applied == 0)
    #expect(outcome.stored.map(\.position.sequence) == [2])
    #expect(outcome.documents.isEmpty)
    #expect(try workspace[2].waitingCount() == 2)
    #expect(try workspace[2].document(id) == nil)
    #expect(try workspace[2].stalled().isEmpty)
    workspace[2].close()
    workspace.replace(
      2, with: try ReplicaStore.open(SQLiteOptions(location: .file(folder.file("2.db")))))
    #expect(try workspace[2].waitingCount() == 2)
    let second = try workspace.send(from: 0, to: 2)
    #expect(second.applied == 3)
    #expect(second.documents.count == 2)
    #expect(try workspace[2].body(id) == "second")
    #expect(try workspace[2].receive(segments).stored.isEmpty)
    #expect(try workspace[2].waitingCount() == 0)
    try workspace.send(from: 2, to: 0)
    try workspace.expectEqual("after waiting")
  }

  /// A member who seals what it likes.
  func forge(
    _ workspace: TestWorkspace, _ index: Int, _ body: [UInt8], changes: UInt64 = 1
  ) throws -> Segment {
    let identity = workspace[index].identity
    let position = try workspace[index].segments.position(of: identity.origin)
    let sealer = SegmentSealer(
      workspace: identity.workspace, keyEpoch: 1, key: identity.key, device: identity.device,
      entropy: workspace.entropy)
    return try sealer.seal(
      body, origin: identity.origin,
      sequences: position.sequence + 1...position.sequence + changes, after: position.hash)
  }

  func change(_ workspace: TestWorkspace, _ index: Int, lamport: UInt64) -> Change {
    Change(
      id: ChangeID(origin: workspace[index].identity.origin, sequence: 1), lamport: lamport,
      time: workspace.now, dependencies: [],
      edits: [
        DocumentEdit(
          document: DocumentID(high: 5, low: 5), parents: [],
          operations: [Operation(.root, .increment(by: 1))])
      ])
  }

  @Test(
    "what builds on an own change before it is sealed waits for the sealing, and then appears",
    arguments: [true, false])
  func wokenBySealing(isSealedAtOnce: Bool) throws {
    let workspace = try TestWorkspace(2)
    let store = workspace[0]
    var early = change(workspace, 1, lamport: 2)
    early.dependencies = [ChangeID(origin: store.identity.origin, sequence: 1)]
    let segment = try forge(workspace, 1, ChangeBlock.encode([early]))
    if !isSealedAtOnce { try workspace.edit(0) { try $0.createNote("own") } }
    #expect(try store.receive([segment]).applied == 0)
    if isSealedAtOnce {
      _ = try store.group(now: workspace.tick(), entropy: workspace.entropy, isSealing: true) {
        $0.transaction { try $0.createNote("own") }
      }.get()
      #expect(store.takeSealedAtOnce().count == 1)
    } else {
      #expect(try store.applyReady() == [])
      #expect(try store.seal(entropy: workspace.entropy).count == 1)
    }
    #expect(try store.applyReady() == early.edits.map(\.document))
    #expect(try store.waitingCount() == 0)
    #expect(store.appliedVector.contains(early.id))
    #expect(try store.applyReady() == [])
  }

  @Test("a change that lies about its Lamport time stalls its origin, and nothing else")
  func lyingClock() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(3, folder: folder)
    let liar = change(workspace, 2, lamport: 1_000_000)
    let segment = try forge(workspace, 2, ChangeBlock.encode([liar]))
    try workspace[0].verify(segment)
    #expect(try workspace[0].receive([segment]).applied == 0)
    let stalled = try workspace[0].stalled()
    #expect(stalled.map(\.origin) == [liar.id.origin])
    #expect(stalled.first?.sequence == 1)
    #expect(stalled.first?.reason.contains("Lamport time 1000000 instead of 1") == true)
    #expect(try workspace[0].waitingCount() == 1)
    // Others go on, and the segment is passed on.
    let id = try workspace.edit(1) { try $0.createNote("fine") }.value
    try workspace.send(from: 1, to: 0)
    #expect(try workspace[0].title(id) == "fine")
    try workspace.send(from: 0, to: 1)
    #expect(try workspace[1].stalled().count == 1)
    #expect(try workspace[1].stateDigest() == workspace[0].stateDigest())
    // The reason is there for a process that comes later.
    let reader = try ReplicaStore.open(
      SQLiteOptions(location: .file(folder.file("0.db")), access: .read))
    #expect(try reader.stalled() == stalled)
  }

  @Test(
    "a change that builds on itself or on a later one of its origin stalls it with a reason",
    arguments: [1, 2, .max] as [UInt64], [true, false])
  func impossibleOrder(sequence: UInt64, inEdit: Bool) throws {
    let workspace = try TestWorkspace(2)
    let honest = change(workspace, 1, lamport: 1)
    let parent = ChangeID(origin: honest.id.origin, sequence: sequence)
    let liar = Change(
      id: honest.id, lamport: 1, time: honest.time, dependencies: inEdit ? [] : [parent],
      edits: [
        DocumentEdit(
          document: DocumentID(high: 5, low: 5), parents: inEdit ? [parent] : [],
          operations: [Operation(.root, .increment(by: 1))])
      ])
    let segment = try forge(workspace, 1, ChangeBlock.encode([liar]))
    #expect(try workspace[0].receive([segment]).applied == 0)
    #expect(try workspace[0].stalled().map(\.origin) == [honest.id.origin])
  }

  @Test(
    "a body that cannot be read stalls its origin and is kept",
    arguments: [[], [0], [0xFF, 1, 2, 3], Array(repeating: 7, count: 1_000)] as [[UInt8]])
  func unreadable(body: [UInt8]) throws {
    let workspace = try TestWorkspace(2)
    let segment = try forge(workspace, 1, body)
    let outcome = try workspace[0].receive([segment])
    #expect(outcome.stored.count == 1)
    #expect(outcome.applied == 0)
    #expect(try workspace[0].stalled().count == 1)
    let kept = try workspace[0].segments.segment(containing: segment.firstChange)
    #expect(kept?.bytes == segment.bytes)
  }

  @Test("an edit that builds on nothing in its document makes an empty one, and says so")
  func builtOnNothing() throws {
    let workspace = try TestWorkspace(2)
    let id = try workspace.edit(0) { try $0.createNote("other") }.change
    try workspace.send(from: 0, to: 1)
    var cheat = change(workspace, 1, lamport: 1)
    let earlier = try #require(id)
    cheat.lamport = 2
    cheat.dependencies = [earlier]
    cheat.edits[0].parents = [earlier]
    let outcome = try workspace[0].receive([
      try forge(workspace, 1, ChangeBlock.encode([cheat]))
    ])
    #expect(outcome.applied == 1)
    #expect(outcome.documents == [cheat.edits[0].document])
    #expect(
      try workspace[0].documents(includingDeleted: true).map(\.id)
        .contains(cheat.edits[0].document))
  }

  @Test("a segment that holds other changes than its header says stalls its origin")
  func wrongChanges() throws {
    let workspace = try TestWorkspace(2)
    let honest = change(workspace, 1, lamport: 1)
    let segment = try forge(workspace, 1, ChangeBlock.encode([honest]), changes: 2)
    #expect(try workspace[0].receive([segment]).applied == 0)
    #expect(try workspace[0].stalled().count == 1)
  }

  @Test("records that count for nothing here are left out, those that come to count are kept")
  func recordsOfStrangers() throws {
    let workspace = try TestWorkspace(1)
    let stranger = try TestWorkspace(2, seed: 5)
    #expect(throws: StoreError.self) {
      try workspace[0].addRecords(stranger[0].membership.records)
    }
    // Another store of the same workspace, without the founder's records.
    let records = stranger[0].membership.records
    let invitation = try stranger[0].invite(
      role: .writer, expiresMillis: .max, entropy: stranger.entropy)
    let joiner = try ReplicaStore.create(
      SQLiteOptions(location: .memory), .joining(invitation, name: "third"), now: stranger.now,
      entropy: stranger.entropy)
    let device = joiner.identity.device.publicKey
    let asked = joiner.membership.records
    let before = stranger[1].membership.digest
    #expect(try stranger[1].addRecords(asked).isEmpty)
    #expect(stranger[1].membership.digest == before)
    #expect(try joiner.addRecords(Array(records.dropFirst())).isEmpty)
    #expect(joiner.membership.records == asked)
    let all = stranger[0].membership.records
    #expect(try stranger[1].addRecords(all + asked, ofJoiner: device).isEmpty)
    #expect(try stranger[1].addRecords(all).count == all.count - records.count)
    #expect(try stranger[1].addRecords(asked, ofJoiner: device) == asked)
    #expect(try joiner.addRecords(all).count == all.count)
    #expect(joiner.membership.waiting.isEmpty)
  }

  @Test("segments of strangers, of other workspaces and changed ones are refused")
  func verification() throws {
    let workspace = try TestWorkspace(2)
    let other = try TestWorkspace(1, seed: 99)
    let honest = try forge(workspace, 1, [1, 2, 3])
    try workspace[0].verify(honest)
    var bytes = honest.bytes
    bytes[bytes.count - 1] ^= 1
    let changed = try Segment(parsing: bytes)
    #expect(throws: StoreError.self) { try workspace[0].verify(changed) }
    #expect(throws: StoreError.self) { try other[0].verify(honest) }
  }

  @Test("gaps and forks are refused one by one")
  func refused() throws {
    let workspace = try TestWorkspace(2)
    let id = try workspace.edit(1) { try $0.createNote("one") }.value
    let first = try workspace[1].seal(entropy: workspace.entropy)
    let twin = try forge(workspace, 1, [9])
    try workspace.edit(1) { try $0.insert("two", of: id) }
    let second = try workspace[1].seal(entropy: workspace.entropy)
    let outcome = try workspace[0].receive(second + first + second)
    #expect(outcome.refused.map(\.segment.sequence) == [2])
    #expect(outcome.applied == 2)
    let forked = try workspace[0].receive([twin])
    #expect(forked.refused.count == 1)
    if case .fork(_, 2)? = forked.refused.first?.reason {
    } else {
      Issue.record("no fork: \(forked.refused)")
    }
  }

  @Test("a restored copy learns that its origin went on elsewhere, and goes on under a new one")
  func restoredCopy() throws {
    let folder = TemporaryFolder()
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    _ = try workspace[0].seal(entropy: workspace.entropy)
    workspace[0].close()
    let backup = folder.read("0.db")
    workspace.replace(
      0, with: try ReplicaStore.open(SQLiteOptions(location: .file(folder.file("0.db")))))
    try workspace.edit(0) { try $0.insert("two", of: id) }
    try workspace.send(from: 0, to: 1)
    folder.write(backup, to: "backup.db")
    let restored = try ReplicaStore.open(
      SQLiteOptions(location: .file(folder.file("backup.db"))))
    let origin = restored.identity.origin
    let segments = try workspace[1].segments.segments(
      beyond: VersionVector(), limitBytes: .max, limitCount: .max
    ).map { try Segment(parsing: $0.bytes) }
    let outcome = try restored.receive(segments)
    #expect(outcome.ownOriginAhead == 2)
    try restored.claimOrigin(entropy: workspace.entropy)
    #expect(restored.identity.origin != origin)
    #expect(try restored.receive(segments).applied == 1)
    #expect(try restored.body(id) == "two")
    try restored.group(now: workspace.tick(), entropy: workspace.entropy) { group in
      #expect(throws: Never.self) {
        try group.transaction { try $0.insert("three ", of: id) }.get()
      }
    }
    workspace.replace(0, with: restored)
    _ = try workspace[1].addRecords(restored.membership.records)
    try workspace.level()
    #expect(try workspace[1].body(id) == "three two")
    try workspace.expectEqual("after the restore")
    restored.close()
    let again = try ReplicaStore.open(SQLiteOptions(location: .file(folder.file("backup.db"))))
    #expect(again.identity.origin != origin)
  }

  @Test("a backlog larger than one transaction arrives whole")
  func backlog() throws {
    let workspace = try TestWorkspace(2)
    let id = try workspace.edit(0) { try $0.createNote("backlog") }.value
    for round in 0..<10 {
      try workspace[0].group(now: workspace.tick(), entropy: workspace.entropy) { group in
        for number in 0..<300 {
          _ = group.transaction {
            try $0.insert("\(number % 10)", at: round * 300 + number, of: id)
          }
        }
      }
    }
    #expect(try workspace[0].unsealedCount() == 3_001)
    let outcome = try workspace.send(from: 0, to: 1)
    #expect(outcome.applied == 3_001)
    #expect(try workspace[0].unsealedCount() == 0)
    try workspace.expectEqual("backlog")
    #expect(try workspace[1].info().changes == 3_001)
    #expect(try workspace[0].seal(entropy: workspace.entropy).isEmpty)
  }
}
