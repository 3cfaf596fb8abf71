import Foundation
import Skerry
import Testing

@Suite("A replica")
struct ReplicaTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test("shows what a transaction wrote, also after it was opened again")
  func writesAndReads() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let commit = try await replica.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.set("Plan", at: ["title"], of: id)
      try transaction.set([1, ["x": true]], at: ["items"], of: id)
      try transaction.replaceText(with: "hello", at: ["body"], of: id)
      #expect(try transaction.text(id, path: ["body"]) == "hello")
      return id
    }
    #expect(commit.change?.sequence == 1)
    #expect(commit.documents == [commit.value])
    #expect(try await replica.version() == commit.version)
    await replica.close()
    let again = try await Replica.open(at: folder.path("a"))
    #expect(try await again.json(commit.value, path: ["items", 1, "x"]) == true)
    #expect(try await again.text(commit.value, path: ["body"]) == "hello")
    #expect(try await again.documents().map(\.id) == [commit.value])
    await again.close()
  }

  @Test("keeps the marks of texts, now and as they were")
  func marks() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let first = try await replica.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.replaceText(with: "The fox jumped", at: ["body"], of: id)
      try transaction.mark(0..<3, name: "bold", value: .bool(true), in: ["body"], of: id)
      try transaction.apply(
        operation: [
          "op": "mark", "path": ["body"], "from": 4, "to": 7, "name": "link", "value": "u",
          "expand": "none",
        ], to: id)
      return id
    }
    let id = first.value
    try await replica.transaction { transaction in
      try transaction.unmark(0..<2, name: "bold", in: ["body"], of: id)
      try transaction.splice(at: 7, inserting: "es", in: ["body"], of: id)
      try transaction.apply(
        operation: ["op": "unmark", "path": ["body"], "from": 6, "to": 7, "name": "link"], to: id)
    }
    await #expect(throws: ReplicaError(.refused, "")) {
      try await replica.transaction { transaction in
        try transaction.mark(0..<99, name: "bold", value: .bool(true), in: ["body"], of: id)
      }
    }
    await replica.close()
    let again = try await Replica.open(at: folder.path("a"))
    let now = try await again.textSpans(id, path: ["body"])
    #expect(now.map(\.text) == ["Th", "e", " ", "fo", "xes jumped"])
    #expect(now.map { $0["bold"] } == [nil, .bool(true), nil, nil, nil])
    #expect(now.map { $0["link"] } == [nil, nil, nil, .string("u"), nil])
    let then = try await again.textSpans(id, path: ["body"], version: first.version)
    #expect(then.map(\.text) == ["The", " ", "fox", " jumped"])
    #expect(try await again.json(id) == ["body": "The foxes jumped"])
    await again.close()
  }

  @Test("a transaction that throws changes nothing, and its error comes back as it is")
  func refusals() async throws {
    struct Mine: Error, Equatable {}
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let id = try await replica.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.set(1, at: ["n"], of: id)
      return id
    }.value
    await #expect(throws: Mine()) {
      try await replica.transaction { transaction in
        try transaction.set(2, at: ["n"], of: id)
        throw Mine()
      }
    }
    await #expect(throws: ReplicaError(.refused, "")) {
      try await replica.transaction { transaction in
        try transaction.set(3, at: ["n"], of: id)
        try transaction.splice(at: 0, inserting: "x", in: ["nowhere"], of: id)
      }
    }
    #expect(try await replica.json(id) == ["n": 1])
    #expect(try await replica.version().entries.map(\.sequence) == [1])
    let nothing = try await replica.transaction { _ in 7 }
    #expect(nothing.value == 7)
    #expect(nothing.change == nil)
    await replica.close()
  }

  @Test("many writers at once each get their own change")
  func groupCommit() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let id = try await replica.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.make(.counter, at: ["n"], of: id)
      return id
    }.value
    let count = 300
    let changes = try await withThrowingTaskGroup(of: ChangeID?.self) { group in
      for _ in 0..<count {
        group.addTask {
          try await replica.transaction { transaction in
            try transaction.increment(by: 1, at: ["n"], of: id)
          }.change
        }
      }
      return try await group.reduce(into: Set<ChangeID?>()) { $0.insert($1) }
    }
    #expect(changes.count == count)
    #expect(!changes.contains(nil))
    #expect(try await replica.json(id, path: ["n"]) == .integer(Int64(count)))
    await replica.close()
  }

  @Test("knows what is deleted, what is listed and what collided")
  func documents() async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    let ids = try await ada.transaction { transaction in
      try (0..<5).map { number in
        let id = transaction.createDocument()
        try transaction.set(.integer(Int64(number)), at: ["n"], of: id)
        return id
      }.sorted()
    }.value
    #expect(try await ada.documents(after: ids[1], limit: 2).map(\.id) == [ids[2], ids[3]])
    let held = try await ada.json(ids[2], path: ["n"])
    try await ada.transaction { try $0.deleteDocument(ids[2]) }
    try await ada.read { reading in
      #expect(try reading.documents().map(\.id) == ids.filter { $0 != ids[2] })
      #expect(try reading.summary(ids[2]) == nil)
      #expect(try reading.isDeleted(ids[2]))
      #expect(try reading.contains(ids[2]) == false)
      let all = try reading.documents()
      for id in ids where id != ids[2] {
        #expect(try reading.summary(id) == all.first { $0.id == id })
      }
    }
    await #expect(throws: ReplicaError(.refused, "")) { try await ada.json(ids[2]) }
    let code = try await ada.invite()
    let bob = try await Replica.join(at: folder.path("b"), code: code, name: "Bob")
    #expect(await bob.sync(with: ada).failure == nil)
    let id = ids[0]
    try await ada.transaction { try $0.set("a", at: ["n"], of: id) }
    try await bob.transaction { try $0.set("b", at: ["n"], of: id) }
    #expect(await bob.sync(with: ada).failure == nil)
    #expect(try await ada.conflicts(of: id).count == 1)
    #expect(try await ada.json(id) == bob.json(id))
    // An edit brings a deleted document back, with what it held.
    try await ada.transaction { try $0.replaceText(with: "again", at: ["t"], of: ids[2]) }
    #expect(try await ada.json(ids[2]) == ["n": held, "t": "again"])
    await ada.close()
    await bob.close()
  }

  @Test("a closed replica says so")
  func closed() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    await replica.close()
    await replica.close()
    await #expect(throws: ReplicaError(.closed, "")) { try await replica.version() }
    await #expect(throws: ReplicaError(.closed, "")) { try await replica.transaction { _ in } }
  }

  @Test("what another holder of the store commits is told within 100 ms")
  func twoHolders() async throws {
    let first = try await Replica.create(at: folder.path("a"), name: "a")
    let second = try await Replica.open(at: folder.path("a"))
    let notices = first.changes()
    let id = try await second.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.set("there", at: ["a"], of: id)
      return id
    }.value
    var seen: ChangeNotice?
    for await notice in notices {
      seen = notice
      break
    }
    #expect(seen?.source == .otherProcess)
    #expect(seen?.documents == [id] || seen?.isComplete == false)
    #expect(try await first.json(id) == ["a": "there"])
    try await first.transaction { try $0.set("back", at: ["b"], of: id) }
    #expect(try await second.json(id) == ["a": "there", "b": "back"])
    await first.close()
    await second.close()
  }

  @Test("two who wrote at once meet, and a link that is cut and made again loses nothing")
  func meeting() async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    let id = try await ada.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.replaceText(with: "one two", at: ["body"], of: id)
      return id
    }.value
    let code = try await ada.invite(expiresAfter: .seconds(60))
    let bob = try await Replica.join(at: folder.path("b"), code: code, name: "Bob")
    #expect(try await bob.identity().isAdmitted == false)
    let joined = await bob.sync(with: ada)
    #expect(joined.failure == nil, "\(joined)")
    #expect(try await bob.identity().isAdmitted)
    try await ada.transaction { try $0.splice(at: 0, inserting: "A ", in: ["body"], of: id) }
    try await bob.transaction { try $0.splice(at: 7, inserting: " B", in: ["body"], of: id) }
    let report = await bob.sync(with: ada)
    #expect(report.isLevel)
    #expect(report.sentChanges == 1)
    #expect(report.receivedChanges == 1)
    for replica in [ada, bob] {
      #expect(try await replica.text(id, path: ["body"]) == "A one two B")
    }
    let link = try await ada.connect(to: bob)
    try await ada.transaction { try $0.set(1, at: ["n"], of: id) }
    try await eventually { try await bob.json(id, path: ["n"]) == 1 }
    await link.cut()
    #expect(await link.isUp == false)
    try await bob.transaction { try $0.set(2, at: ["n"], of: id) }
    let again = try await ada.connect(to: bob)
    try await eventually { try await ada.json(id, path: ["n"]) == 2 }
    await again.cut()
    #expect(try await ada.info().stateDigest == bob.info().stateDigest)
    await ada.close()
    await bob.close()
  }

  @Test("replicas of different workspaces exchange nothing")
  func strangers() async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    let eve = try await Replica.create(at: folder.path("e"), name: "Eve")
    let report = await eve.sync(with: ada)
    #expect(report.failure?.exitStatus == 4, "\(report)")
    #expect(!report.isLevel)
    await ada.close()
    await eve.close()
  }

  @Test("serving ends when its task is cancelled, and may begin again")
  func serving() async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    let code = try await ada.invite()
    let bob = try await Replica.join(at: folder.path("b"), code: code, name: "Bob")
    for _ in 0..<2 {
      let (places, continuation) = AsyncStream<String>.makeStream()
      let serving = Task {
        try await ada.serve(
          ServeConfiguration(listen: "127.0.0.1:0"), listening: { continuation.yield($0) })
      }
      var place = ""
      for await next in places {
        place = next
        break
      }
      let reports = try await bob.sync(with: [Address("tcp://\(place)")])
      #expect(reports.first?.failure == nil, "\(reports)")
      serving.cancel()
      try await serving.value
    }
    #expect(try await ada.version() == bob.version())
    await ada.close()
    await bob.close()
  }

  private func eventually(
    _ isTrue: () async throws -> Bool, location: SourceLocation = #_sourceLocation
  ) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      if (try? await isTrue()) == true { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("it did not become true", sourceLocation: location)
  }
}

final class TemporaryFolder {
  private let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "skerry-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  func path(_ name: String) -> String { url.appending(path: name).path }
}
