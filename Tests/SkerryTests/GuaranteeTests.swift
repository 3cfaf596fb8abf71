import Skerry
import Testing

@Suite("Guarantees across replicas")
struct GuaranteeTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func note(_ replica: Replica, _ text: String) async throws -> Commit<DocumentID> {
    try await replica.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.set(.string(text), at: ["title"], of: id)
      return id
    }
  }

  @Test("a read that waits for a version sees what led to it; else it is late, and says so")
  func versions() async throws {
    let (ada, bob) = try await folder.levelPair()
    let commit = try await note(ada, "x")
    try await ada.waitUntil(covers: commit.version, timeout: .zero)
    let failure = await #expect(throws: ReplicaError(.late, "")) {
      try await bob.waitUntil(covers: commit.version, timeout: .milliseconds(50))
    }
    #expect(failure?.description.contains("missing: 1.") == true)

    async let waiting: Void = bob.waitUntil(covers: commit.version, timeout: .seconds(60))
    let link = try await bob.connect(to: ada)
    try await waiting
    #expect(try await bob.json(commit.value) == ["title": "x"])
    await link.cut()

    // A version read on one replica works as a token for the other, and survives a restart.
    _ = try await note(bob, "y")
    let token = try await bob.version()
    await bob.close()
    let again = try await Replica.open(at: folder.path("b"))
    try await again.waitUntil(covers: token, timeout: .zero)
    await ada.close()
    await again.close()
  }

  @Test("waiting ends when the task is cancelled or the replica is closed")
  func endings() async throws {
    let (ada, bob) = try await folder.levelPair()
    let version = try await note(ada, "x").version
    let cancelled = Task {
      try await bob.waitUntil(covers: version, timeout: .seconds(600))
    }
    try await Task.sleep(for: .milliseconds(20))
    cancelled.cancel()
    await #expect(throws: ReplicaError(.late, "")) { try await cancelled.value }
    let closed = Task { try await bob.waitUntil(covers: version, timeout: .seconds(600)) }
    try await Task.sleep(for: .milliseconds(20))
    await bob.close()
    await #expect(throws: ReplicaError(.closed, "")) { try await closed.value }
    await ada.close()
  }

  @Test("a commit waits for as many replicas as it wants, or says how many have it")
  func replicas() async throws {
    let (ada, bob) = try await folder.levelPair()
    let alone = try await ada.transaction(heldBy: 1, within: .milliseconds(50)) { transaction in
      try transaction.set(1, at: ["n"], of: transaction.createDocument())
    }
    let change = try #require(alone.commit.change)
    #expect(alone.replicas == 0)
    let link = try await bob.connect(to: ada)
    #expect(try await ada.waitForReplicas(1, toHold: change, timeout: .seconds(60)) == 1)
    let held = try await ada.transaction(heldBy: 1, within: .seconds(60)) { transaction in
      try transaction.set(2, at: ["n"], of: transaction.createDocument())
    }
    #expect(held.replicas == 1)
    #expect(try await bob.version().contains(#require(held.commit.change)))
    #expect(try await ada.waitForReplicas(2, toHold: change, timeout: .milliseconds(50)) == 1)
    // The author holds what it gave.
    #expect(try await bob.replicas(holding: change) == 1)
    let nothing = try await ada.transaction(heldBy: 1, within: .seconds(60)) { _ in }
    #expect(nothing.replicas == 0)
    await link.cut()
    await ada.close()
    await bob.close()
  }
}
