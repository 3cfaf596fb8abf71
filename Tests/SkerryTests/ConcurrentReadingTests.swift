import Foundation
import JSONCoding
import Skerry
import Synchronization
import Testing

@Suite("Reads beside transactions")
struct ConcurrentReadingTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private static func makeAccounts(_ count: Int, in replica: Replica) async throws -> [DocumentID] {
    try await replica.transaction { transaction in
      try (0..<count).map { _ in
        let id = transaction.createDocument()
        try transaction.set(0, at: ["round"], of: id)
        try transaction.increment(by: 0, at: ["balance"], of: id)
        return id
      }
    }.value
  }

  /// Moves something from one account to the next and notes the round in all of them.
  private static func move(_ round: Int, _ accounts: [DocumentID], in replica: Replica) async throws
    -> VersionVector
  {
    try await replica.transaction { transaction in
      let from = accounts[round % accounts.count]
      let to = accounts[(round + 1) % accounts.count]
      try transaction.increment(by: -Int64(round), at: ["balance"], of: from)
      try transaction.increment(by: Int64(round), at: ["balance"], of: to)
      for account in accounts {
        try transaction.set(.integer(Int64(round)), at: ["round"], of: account)
      }
    }.version
  }

  private final class Writing: Sendable {
    let hasFailed = Atomic(false)
  }

  @Test("see whole transactions, all that was committed before, and never less than before")
  func wholeStates() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let accounts = try await Self.makeAccounts(5, in: replica)
    let rounds = 60
    let writing = Writing()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          for round in 1...rounds {
            let version = try await Self.move(round, accounts, in: replica)
            let shown = try await replica.json(accounts[round % 5], path: ["round"])
            #expect(shown == .integer(Int64(round)))
            #expect(try await replica.read { $0.version.covers(version) })
          }
        } catch {
          writing.hasFailed.store(true, ordering: .relaxed)
          throw error
        }
      }
      // More readers than there are connections.
      for reader in 0..<12 {
        group.addTask {
          var seen = VersionVector()
          var last: Int64 = 0
          while last < rounds, !writing.hasFailed.load(ordering: .relaxed) {
            let (version, found) = try await replica.read {
              reading -> (VersionVector, [JSONValue]) in
              (reading.version, try accounts.map { try reading.json($0) })
            }
            #expect(version.covers(seen))
            seen = version
            let rounds = Set(found.compactMap { $0.objectValue?["round"]?.integerValue })
            let balances = found.compactMap { $0.objectValue?["balance"]?.integerValue }
            #expect(rounds.count == 1 && balances.count == 5 && balances.reduce(0, +) == 0)
            let alone = try await replica.json(accounts[reader % 5], path: ["round"])
            let round = try #require(alone.integerValue)
            #expect(round >= max(last, rounds.max() ?? .max))
            last = round
          }
        }
      }
      try await group.waitForAll()
    }
    await replica.close()
  }

  @Test("go on where the file has another name by now, and end when the replica is closed")
  func ends() async throws {
    let path = folder.path("a")
    let replica = try await Replica.create(at: path, name: "a")
    let accounts = try await Self.makeAccounts(1, in: replica)
    // None has read yet, so no connection for it is open.
    for file in [path, path + "-wal", path + "-shm"] {
      try FileManager.default.moveItem(atPath: file, toPath: file + " moved")
    }
    #expect(try await replica.json(accounts[0], path: ["round"]) == 0)
    let other = try await Replica.create(at: path, name: "b")
    #expect(try await replica.json(accounts[0], path: ["round"]) == 0)
    #expect(try await replica.read { try $0.documentCount() } == 1)
    #expect(try await other.read { try $0.documentCount() } == 0)
    await other.close()
    await replica.close()
    await #expect(throws: ReplicaError(.closed, "")) { try await replica.documents() }
  }

  @Test("leave the file whole by itself when the replica is closed between them")
  func closing() async throws {
    let path = folder.path("a")
    let replica = try await Replica.create(at: path, name: "a")
    let accounts = try await Self.makeAccounts(3, in: replica)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<6 {
        group.addTask {
          // Until it is closed.
          while (try? await replica.json(accounts[0])) != nil {}
        }
      }
      group.addTask { await replica.close() }
      await group.waitForAll()
    }
    #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
    let again = try await Replica.open(at: path)
    #expect(try await again.documents().count == 3)
    await again.close()
  }
}
