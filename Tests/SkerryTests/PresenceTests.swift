import Replication
import Testing

@testable import Skerry

@Suite("Presence")
struct PresenceTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test("what one shows the other sees, until it is taken back; the store knows nothing of it")
  func shown() async throws {
    let (ada, bob) = try await folder.levelPair()
    var seen = ada.presence().makeAsyncIterator()
    #expect(await seen.next() == [])
    try await bob.setPresence(["doc": "plan", "at": 7])
    let link = try await bob.connect(to: ada)
    let bobs = try #require(await seen.next())
    #expect(bobs.map(\.value) == [["doc": "plan", "at": 7]])
    #expect(bobs.map(\.name) == ["Bob"])
    try await bob.setPresence(["doc": "plan", "at": 8])
    #expect(await seen.next()?.map(\.value) == [["doc": "plan", "at": 8]])
    try await bob.setPresence(nil)
    #expect(await seen.next() == [])
    #expect(try await ada.info().changeCount == 0)
    await link.cut()
    await ada.close()
    #expect(await seen.next() == nil)
    await bob.close()
  }

  @Test("what was shown before links were kept is shown then, and is gone when they end")
  func beforeServing() async throws {
    let (ada, bob) = try await folder.levelPair()
    try await bob.setPresence("here")
    let hooks = ServiceHooks(log: { _ in }, dial: { _, _ in }, stop: {})
    try await bob.core.beginService(ServeConfiguration(), boundTo: nil, hooks: hooks)
    var seen = ada.presence().makeAsyncIterator()
    #expect(await seen.next() == [])
    let (near, far) = Pipe.pair("x")
    try await ada.core.accept(far)
    _ = try await bob.core.connect(near, isRelay: false)
    #expect(await seen.next()?.map(\.value) == ["here"])
    await bob.core.endService()
    #expect(await seen.next() == [])
    await ada.close()
    await bob.close()
  }

  @Test("has at most a kilobyte", arguments: [-1, 0, 1])
  func limit(difference: Int) async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    // Two bytes are the quotation marks.
    let text = String(repeating: "x", count: Replica.presenceBytesMax - 2 + difference)
    if difference <= 0 {
      try await ada.setPresence(.string(text))
    } else {
      await #expect(throws: ReplicaError(.invalid, "")) {
        try await ada.setPresence(.string(text))
      }
    }
    await ada.close()
  }
}
