import Foundation
import Skerry
import Testing

@Suite("Queries, live queries, the feed and backups of a replica")
struct ReplicaQueryTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private static func makeNote(_ title: String, in replica: Replica) async throws -> DocumentID {
    try await replica.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.set(.string(title), at: ["title"], of: id)
      return id
    }.value
  }

  @Test("read their own writes, or what is there, and say which")
  func freshness() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let first = try await Self.makeNote("oak", in: replica)
    let count = "SELECT count(*) FROM documents"
    await #expect(throws: ReplicaError(.refused, "")) {
      try await replica.query(count, freshness: .asItIs)
    }
    let one = try await replica.query(count)
    #expect(one.rows == [[.integer(1)]] && one.position == 1 && one.isExact)
    _ = try await Self.makeNote("birch", in: replica)
    #expect(try await replica.query(count).rows == [[.integer(2)]])
    #expect(try await replica.search("oak").map(\.id) == [first])
    let bound = try await replica.query(
      "SELECT id FROM documents WHERE json ->> '$.title' = ?", [.text("oak")])
    #expect(bound.rows == [[.text(first.description)]])
    await replica.close()
    await #expect(throws: ReplicaError.self) { try await replica.query(count) }
  }

  @Test("are kept up with by themselves in a store that has been queried")
  func follows() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    try await replica.bringQueriesForward()
    _ = try await Self.makeNote("oak", in: replica)
    var rows: [[QueryValue]] = []
    for _ in 0..<100 where rows.first != [.integer(1)] {
      try await Task.sleep(for: .milliseconds(50))
      rows = try await replica.query("SELECT count(*) FROM documents", freshness: .asItIs).rows
    }
    #expect(rows == [[.integer(1)]])
    await replica.close()
  }

  @Test("live ones tell when the rows have become others, and only then")
  func live() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let id = try await Self.makeNote("oak", in: replica)
    var results = replica.liveQuery(
      "SELECT json ->> '$.title' FROM documents WHERE json ->> '$.title' LIKE 'o%' ORDER BY 1"
    ).makeAsyncIterator()
    #expect(try await results.next()?.rows == [[.text("oak")]])
    // Does not show, so nothing is told of it.
    _ = try await Self.makeNote("birch", in: replica)
    try await replica.transaction { try $0.set("old oak", at: ["title"], of: id) }
    #expect(try await results.next()?.rows == [[.text("old oak")]])
    // Another process.
    let other = try await Replica.open(at: folder.path("a"))
    try await other.transaction { try $0.deleteDocument(id) }
    await other.close()
    #expect(try await results.next()?.rows == [])
    await replica.close()
    #expect(try await results.next() == nil)
  }

  @Test("the feed goes on with each change; what is not acknowledged comes again")
  func feed() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let first = try await Self.makeNote("a", in: replica)
    var entries = replica.feed(of: "indexer").makeAsyncIterator()
    #expect(try await entries.next()?.documents == [first])
    let waiting = Task { try await Self.makeNote("b", in: replica) }
    let entry = try await entries.next()
    #expect(entry?.position == 2)
    #expect(try await entry?.documents == [waiting.value])
    try await replica.acknowledge("indexer", through: 1)
    await replica.close()
    let again = try await Replica.open(at: folder.path("a"))
    var rest = again.feed(of: "indexer").makeAsyncIterator()
    #expect(try await rest.next() == entry)
    #expect(try await again.feedConsumers().map(\.position) == [1])
    let (before, after) = try await again.read {
      (try $0.version(atPosition: 1), try $0.version(atPosition: 2))
    }
    #expect(before != after)
    #expect(try await again.version() == after)
    await again.close()
    #expect(try await rest.next() == nil)
  }

  @Test("a backup is made while the replica is written to, and holds whole transactions")
  func backup() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let pair = try await replica.transaction { transaction in
      let ids = (transaction.createDocument(), transaction.createDocument())
      try transaction.set(0, at: ["n"], of: ids.0)
      try transaction.set(0, at: ["n"], of: ids.1)
      return [ids.0, ids.1]
    }.value
    let writer = Task {
      var number: Int64 = 0
      while !Task.isCancelled {
        number += 1
        let value = number
        try await replica.transaction { transaction in
          for id in pair { try transaction.set(.integer(value), at: ["n"], of: id) }
        }
      }
      return number
    }
    let key = try await replica.recoveryKey()
    for number in 1...3 {
      let file = folder.path("\(number).backup")
      #expect(try await replica.backUp(to: file).documentCount == 2)
      let restored = try await Replica.restore(
        file, at: folder.path("\(number)"), recoveryKey: key)
      let values = (try await restored.json(pair[0]), try await restored.json(pair[1]))
      #expect(values.0 == values.1)
      #expect(try await restored.check() == [])
      await restored.close()
    }
    writer.cancel()
    #expect(try await writer.value > 0)
    await replica.close()
  }
}
