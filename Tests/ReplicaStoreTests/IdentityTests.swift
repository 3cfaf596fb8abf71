import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import TestSupport
import Testing

/// Two incarnations of one store, and a third party, in files.
@Suite("Identity is never reused")
struct IdentityTests {
  private let folder = TemporaryFolder()
  private let workspace: TestWorkspace

  init() throws {
    workspace = try TestWorkspace(2, folder: folder)
  }

  private func options(_ name: String) -> SQLiteOptions {
    SQLiteOptions(location: .file(folder.file(name)), busyTimeoutMilliseconds: 200)
  }

  /// What the file of store 0 and its log are at this moment, as a file of its own.
  private func copy(to name: String) {
    for suffix in ["", "-wal"] {
      folder.write(folder.read("0.db" + suffix), to: name + suffix)
    }
  }

  private func segments(_ store: ReplicaStore) throws -> [Segment] {
    try store.segments.segments(beyond: VersionVector(), limitBytes: .max, limitCount: .max)
      .map { try Segment(parsing: $0.bytes) }
  }

  private func insert(_ text: String, at position: Int, of id: DocumentID, in store: ReplicaStore)
    throws
  {
    _ = try store.group(now: workspace.tick(), entropy: workspace.entropy) { group in
      group.transaction { try $0.insert(text, at: position, of: id) }
    }.get()
  }

  /// Gives each everything of the others until nothing moves, as engines do: nothing is sealed
  /// before the others have shown what they have.
  private func exchange(_ stores: [ReplicaStore]) throws {
    for _ in 0..<4 {
      for round in 0..<2 {
        for from in stores {
          if round == 1 { _ = try from.seal(entropy: workspace.entropy) }
          for to in stores where to !== from {
            _ = try to.addRecords(from.membership.records)
            let known = VersionVector(
              try to.storedTips().map { .init(origin: $0.origin, sequence: $0.position.sequence) })
            let news = try from.segments.segments(
              beyond: known, limitBytes: .max, limitCount: .max)
            let parsed = try news.map { try Segment(parsing: $0.bytes) }
            for segment in parsed { try to.verify(segment) }
            _ = try to.receive(parsed, entropy: workspace.entropy)
          }
        }
      }
    }
  }

  private func expectEqual(_ stores: [ReplicaStore]) throws {
    for store in stores {
      #expect(store.appliedVector == stores[0].appliedVector)
      #expect(try store.stateDigest() == stores[0].stateDigest())
      #expect(try store.check() == [])
      #expect(try store.unsealedCount() == 0)
    }
  }

  @Test("a store that opens at another place goes on under a new origin before it writes")
  func placement() throws {
    let entropy = workspace.entropy
    try workspace[0].settle(at: [1], entropy: entropy)
    let origin = workspace[0].identity.origin
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    workspace[0].close()
    let same = try ReplicaStore.open(options("0.db"), placement: [1], entropy: entropy)
    #expect(same.identity.origin == origin)
    #expect(try same.incarnations().isEmpty)
    #expect(try same.identityNotes().isEmpty)
    same.close()
    copy(to: "copy.db")
    let copied = try ReplicaStore.open(options("copy.db"), placement: [2], entropy: entropy)
    #expect(copied.identity.origin != origin)
    let steps = try copied.incarnations()
    #expect(steps.map(\.previous) == [origin])
    #expect(steps.map(\.origin) == [copied.identity.origin])
    #expect(try copied.identityNotes().first?.contains("copied") == true)
    let original = try ReplicaStore.open(options("0.db"), placement: [1], entropy: entropy)
    try insert("copy ", at: 0, of: id, in: copied)
    try insert("original ", at: 0, of: id, in: original)
    try exchange([original, copied, workspace[1]])
    try expectEqual([original, copied, workspace[1]])
    let body = try original.body(id)
    #expect(body.contains("copy ") && body.contains("original "))
    copied.close()
    let again = try ReplicaStore.open(options("copy.db"), placement: [2], entropy: entropy)
    #expect(try again.incarnations() == steps)
  }

  @Test("a copy with unsealed changes: those that the original sends count once")
  func inheritedTail() throws {
    let entropy = workspace.entropy
    try workspace[0].settle(at: [1], entropy: entropy)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    // Three changes that nobody has, then the copy, then one more here and two there.
    for text in ["a", "b", "c"] { try workspace.edit(0) { try $0.insert(text, of: id) } }
    copy(to: "copy.db")
    let copied = try ReplicaStore.open(options("copy.db"), placement: [2], entropy: entropy)
    #expect(try copied.hasInherited())
    #expect(try copied.body(id) == "cba")
    var logged = 0
    try copied.log { _ in
      logged += 1
      return true
    }
    #expect(logged == 4)
    try workspace.edit(0) { try $0.insert("d", of: id) }
    try insert("x", at: 3, of: id, in: copied)
    try insert("y", at: 4, of: id, in: copied)
    try exchange([workspace[0], copied, workspace[1]])
    try expectEqual([workspace[0], copied, workspace[1]])
    #expect(try copied.body(id) == "dcbaxy")
    #expect(try copied.renamedChanges().isEmpty)
    #expect(try !copied.hasInherited())
  }

  @Test("a copy whose original is gone sends what was unsealed under new names")
  func movedTail() throws {
    let entropy = workspace.entropy
    try workspace[0].settle(at: [1], entropy: entropy)
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    for text in ["a", "b", "c"] { try workspace.edit(0) { try $0.insert(text, of: id) } }
    let old = workspace[0].identity.origin
    copy(to: "copy.db")
    workspace[0].close()
    let moved = try ReplicaStore.open(options("copy.db"), placement: [2], entropy: entropy)
    try insert("x", at: 0, of: id, in: moved)
    let before = try moved.body(id)
    try exchange([moved, workspace[1]])
    try expectEqual([moved, workspace[1]])
    #expect(try workspace[1].body(id) == "xcba")
    #expect(try moved.body(id) == before)
    let renamed = try moved.renamedChanges()
    #expect(renamed.first?.origin == old)
    #expect(renamed.first?.sequences == 2...4)
    #expect(renamed.map(\.first.origin).allSatisfy { $0 == moved.identity.origin })
    #expect(moved.appliedVector[old] == 1)
    moved.close()
    let again = try ReplicaStore.open(options("copy.db"), placement: [2], entropy: entropy)
    #expect(try again.body(id) == "xcba")
    #expect(try again.check() == [])
  }

  @Test(
    "a backup that was written to before it met anybody keeps both its own edits and the lost ones",
    arguments: 1...12 as ClosedRange<UInt64>)
  func restoredAndEdited(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let entropy = workspace.entropy
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    let other = try workspace.edit(0) { try $0.createNote("two") }.value
    try workspace.level()
    func scribble(_ store: ReplicaStore, _ mark: String) throws {
      for number in 0..<Int.random(in: 0...4, using: &generator) {
        let id = Bool.random(using: &generator) ? id : other
        let length = try store.body(id).unicodeScalars.count
        let position = Int.random(in: 0...length, using: &generator)
        _ = try store.group(now: workspace.tick(), entropy: entropy) { group in
          group.transaction { transaction in
            try transaction.insert("\(mark)\(number)", at: position, of: id)
            try transaction.edit(id).set(DocumentPath("\(mark)\(number)"), to: 1)
            try transaction.edit(id).set(DocumentPath("title"), to: .string("\(mark)\(number)"))
          }
        }.get()
      }
    }
    // What the peer writes is known before and after the backup.
    try scribble(workspace[1], "p")
    try workspace.level()
    // Some changes were not sealed when the backup was made.
    try scribble(workspace[0], "u")
    copy(to: "backup.db")
    try scribble(workspace[0], "A")
    try scribble(workspace[1], "q")
    try exchange([workspace[0], workspace[1]])
    let lost = workspace[0].identity.origin
    let sent = workspace[1].appliedVector[lost]
    workspace[0].close()
    let restored = try ReplicaStore.open(options("backup.db"))
    try scribble(restored, "B")
    try exchange([restored, workspace[1]])
    try expectEqual([restored, workspace[1]])
    // Without anything lost there is nothing to tell the two by, and nothing to do.
    #expect(restored.appliedVector[lost] == sent || sent == 2, "seed \(seed)")
    // Every edit of either side is there, in the map and once in the text.
    for document in [id, other] {
      let body = try restored.body(document)
      guard case .object(let marks)? = try restored.document(document)?.json(at: DocumentPath([]))
      else { continue }
      for letter in "puqAB" {
        let count = marks.members.filter { $0.key.first == letter }.count
        #expect(body.filter { $0 == letter }.count == count, "seed \(seed), \(letter): \(body)")
      }
    }
    // A second meeting changes nothing.
    let digest = try restored.stateDigest()
    let origin = restored.identity.origin
    try exchange([restored, workspace[1]])
    #expect(try restored.stateDigest() == digest)
    #expect(restored.identity.origin == origin)
  }

  @Test("twins that both wrote and sealed nothing both keep everything")
  func twins() throws {
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    copy(to: "twin.db")
    let twin = try ReplicaStore.open(options("twin.db"))
    for number in 0..<3 {
      try workspace.edit(0) { try $0.insert("A\(number)", of: id) }
      try insert("B\(number)", at: 0, of: id, in: twin)
    }
    _ = try workspace[0].seal(entropy: workspace.entropy)
    try exchange([workspace[0], workspace[1]])
    try exchange([workspace[0], workspace[1], twin])
    try expectEqual([workspace[0], workspace[1], twin])
    let body = try twin.body(id)
    for number in 0..<3 {
      #expect(body.components(mark: "A\(number)") == 1 && body.components(mark: "B\(number)") == 1)
    }
    #expect(try twin.renamedChanges().count == 1)
    #expect(try workspace[0].stalled() == [])
  }

  @Test("a draft that began with changes which got new names knows them by those")
  func drafts() throws {
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    copy(to: "copy.db")
    let copied = try ReplicaStore.open(options("copy.db"))
    try insert("original ", at: 0, of: id, in: workspace[0])
    try insert("copy ", at: 0, of: id, in: copied)
    func edit<Value>(_ body: (StoreTransaction) throws -> Value) throws -> Value {
      try copied.group(now: workspace.tick(), entropy: workspace.entropy) {
        $0.transaction(body)
      }.get().value
    }
    let draft = try edit { transaction in
      let draft = try transaction.makeDraft(of: id, name: "d", from: nil)
      try transaction.insert("draft of ", at: 0, of: draft)
      return draft
    }
    _ = try workspace[0].seal(entropy: workspace.entropy)
    try exchange([workspace[0], workspace[1]])
    let stores = [workspace[0], copied, workspace[1]]
    try exchange(stores)
    try expectEqual(stores)
    #expect(try copied.renamedChanges().count == 1)
    let text = try #require(try copied.draft(draft)).text(at: DocumentPath("body"))
    #expect(text == "draft of copy ")
    let merged = try edit { try $0.mergeDraft(draft) }
    #expect(merged.document == id)
    #expect(merged.conflicts.isEmpty)
    try exchange(stores)
    try expectEqual(stores)
    let body = try workspace[1].body(id)
    #expect(body.contains("draft of copy ") && body.contains("original "))
    #expect(try copied.drafts().isEmpty)
  }

  @Test("a change that builds on a private name waits for the one that others know by it")
  func privateNames() throws {
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    copy(to: "twin.db")
    // The original goes on, and the peer builds on that.
    try workspace.edit(0) { try $0.insert("A", of: id) }
    try workspace.send(from: 0, to: 1)
    try workspace.edit(1) { try $0.insert("p", at: 1, of: id) }
    _ = try workspace[1].seal(entropy: workspace.entropy)
    let twin = try ReplicaStore.open(options("twin.db"))
    try insert("B", at: 0, of: id, in: twin)
    let peer = workspace[1].identity.origin
    let all = try segments(workspace[1])
    // What builds on it comes first.
    let late = all.filter { $0.header.origin == peer }
    #expect(try twin.receive(late, entropy: workspace.entropy).applied == 0)
    #expect(try twin.waitingCount() == 1)
    #expect(try twin.receive(all, entropy: workspace.entropy).applied == 2)
    try exchange([twin, workspace[1]])
    try expectEqual([twin, workspace[1]])
    #expect(try twin.body(id).contains("Ap"))
    #expect(try twin.body(id).contains("B"))
  }

  @Test("when both histories were sent, the store goes on under a new origin and keeps both")
  func sentFork() throws {
    try workspace.add(options("2.db"))
    let id = try workspace.edit(0) { try $0.createNote("one") }.value
    try workspace.level()
    copy(to: "twin.db")
    let origin = workspace[0].identity.origin
    try workspace.edit(0) { try $0.insert("A", of: id) }
    try workspace.send(from: 0, to: 1)
    let twin = try ReplicaStore.open(options("twin.db"))
    try insert("B", at: 0, of: id, in: twin)
    _ = try twin.seal(entropy: workspace.entropy)
    _ = try workspace[2].receive(try segments(twin))
    let outcome = try twin.receive(try segments(workspace[1]), entropy: workspace.entropy)
    #expect(outcome.hasNewOrigin)
    #expect(twin.identity.origin != origin)
    #expect(try twin.stalled().isEmpty)
    #expect(try Set(twin.body(id)) == ["A", "B"])
    // Whoever may not say what it has read cannot know both, and says so.
    let silent = try workspace[2].receive(try segments(workspace[1]))
    #expect(silent.refused.count == 1)
    #expect(try workspace[2].stalled().map(\.origin) == [origin])
    #expect(try workspace[2].body(id) == "B")
  }

  @Test("a device that is no member yet takes its new origin when it is one")
  func unadmitted() throws {
    let invitation = try workspace[1].invite(
      role: .writer, expiresMillis: .max, entropy: workspace.entropy)
    let joiner = try ReplicaStore.create(
      options("joiner.db"), .joining(invitation, name: "joiner"), now: workspace.now,
      entropy: workspace.entropy)
    try joiner.settle(at: [1], entropy: workspace.entropy)
    let origin = joiner.identity.origin
    joiner.close()
    let moved = try ReplicaStore.open(
      options("joiner.db"), placement: [2], entropy: workspace.entropy)
    #expect(moved.identity.origin == origin)
    #expect(try moved.identityNotes().count == 1)
    let id = try moved.group(now: workspace.tick(), entropy: workspace.entropy) { group in
      group.transaction { try $0.createNote("early") }
    }.get().value
    #expect(try moved.seal(entropy: workspace.entropy).isEmpty)
    _ = try workspace[1].addRecords(moved.membership.records)
    _ = try workspace[1].makeRecords { (membership, identity) throws(MembershipError) in
      try membership.requests(for: identity.device.publicKey).map {
        (request) throws(MembershipError) in
        try membership.admit(request.hash, by: identity.device, nowMillis: 0)
      }
    }
    try exchange([moved, workspace[1]])
    try expectEqual([moved, workspace[1]])
    #expect(moved.identity.origin != origin)
    #expect(try workspace[1].title(id) == "early")
  }
}

extension String {
  /// How often a mark stands in the text.
  fileprivate func components(mark: String) -> Int {
    var count = 0
    var rest = self[...]
    while let found = rest.firstRange(of: mark) {
      count += 1
      rest = rest[found.upperBound...]
    }
    return count
  }
}
