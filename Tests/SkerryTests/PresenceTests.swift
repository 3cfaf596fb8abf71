import JSONCoding
import ReplicaStore
import Replication
import Testing

@testable import Skerry

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

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

  @Test("is asked of who serves the store, which keeps it in there no longer than that")
  func ofAnotherProcess() async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    await #expect(throws: ReplicaError.self) { try await ada.presence(within: .zero) }
    let other = try await Replica.open(at: ada.path)
    // The test's parent is alive, and is no process of this store.
    let parent = LiveProcess(
      number: getppid(), life: nil, placement: try #require(Placement.token(of: ada.path)))
    let bob = Presence(device: "b0b", name: "Bob", run: 7, value: ["at": 1])
    func tell(_ presence: [Presence]?) async throws {
      let health = Health(peers: [], addresses: [], stalls: [], history: [])
      let report = LiveReport(process: parent, health: health, presence: presence)
      try await other.core.write(report.bytes, of: parent.name)
    }
    try await tell(nil)
    var late: ReplicaError?
    do { _ = try await ada.presence(within: .zero) } catch { late = error }
    #expect(late?.code == .late)
    let asking = Task { try await ada.presence(within: .seconds(30)) }
    while try await other.core.questions.isEmpty { await Task.yield() }
    try await tell([bob])
    #expect(try await asking.value == [bob])
    try await untilNobodyAsks(other)

    do {
      var seen = ada.presence().makeAsyncIterator()
      while await seen.next() != [bob] {}
      try await tell([])
      #expect(await seen.next() == [])
      #expect(try await other.core.questions.count == 1)
    }
    try await untilNobodyAsks(other)
    await other.close()
    await ada.close()
  }

  private func untilNobodyAsks(_ other: Replica) async throws {
    while try await !other.core.questions.isEmpty {
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  @Test("a process that serves the store answers as long as it is asked by one that lives")
  func answers() async throws {
    let (ada, bob) = try await folder.levelPair()
    let hooks = ServiceHooks(log: { _ in }, dial: { _, _ in }, stop: {})
    try await ada.core.beginService(ServeConfiguration(), boundTo: nil, hooks: hooks)
    try await ada.setPresence("serving")
    try await bob.setPresence("here")
    let link = try await bob.connect(to: ada)
    let other = try await Replica.open(at: ada.path)
    let placement = try #require(Placement.token(of: ada.path))
    func ask(_ number: Int32) async throws {
      var json = LiveProcess(number: number, life: nil, placement: placement).json
      json["asks"] = "presence"
      try await other.core.write(Array(JSONValue.object(json).text().utf8), of: "\(number) asks")
    }
    func told() async throws -> [JSONValue]? {
      let reports = try await other.core.everythingLive
      return reports.compactMap { LiveReport($0)?.presence }.first?.map(\.value)
    }
    // No process has the largest number.
    try await ask(.max)
    try await Task.sleep(for: .milliseconds(200))
    #expect(try await told() == nil)
    try await ask(getppid())
    while try await told()?.count != 2 { try await Task.sleep(for: .milliseconds(5)) }
    #expect(try await Set(told() ?? []) == ["serving", "here"])
    try await other.core.write(nil, of: "\(getppid()) asks")
    while try await told() != nil { try await Task.sleep(for: .milliseconds(5)) }
    await link.cut()
    await ada.core.endService()
    #expect(try await other.core.everythingLive.compactMap { LiveReport($0) }.isEmpty)
    for replica in [other, ada, bob] { await replica.close() }
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

extension ReplicaCore {
  /// Tells or asks what another process would.
  fileprivate func write(_ bytes: [UInt8]?, of name: String) throws {
    try opened().store.setLiveReport(bytes, of: name)
  }

  fileprivate var everythingLive: [[UInt8]] {
    get throws { try opened().store.liveReports().map(\.report) }
  }

  fileprivate var questions: [[UInt8]] {
    get throws {
      try everythingLive.filter {
        (try? JSONValue(parsing: $0))?.objectValue?["asks"] == "presence"
      }
    }
  }
}
