import Testing

@testable import Skerry

@Suite("Patience")
struct PatienceTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test("an exchange with somebody who never answers ends, and says so", .timeLimit(.minutes(1)))
  func silence() async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    let core = ada.core
    await core.hurry()
    let (near, far) = Pipe.pair("nowhere")
    let link = try await core.connect(near, isRelay: false)
    await core.untilLevel([link])
    let report = await core.conclude(link, "nowhere")
    #expect(!report.isLevel)
    #expect(report.failure?.code == .unreachable)
    #expect(report.failure?.exitStatus == 1)
    far.close("")
    await ada.close()
  }

  @Test("a peer that does not read holds up neither closing nor itself", .timeLimit(.minutes(1)))
  func nobodyReads() async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    let core = ada.core
    await core.hurry()
    let (closing, ended) = (StuckChannel(), StuckChannel())
    _ = try await core.connect(ended, isRelay: false)
    _ = try await core.connect(closing, isRelay: false)
    // The first greeting of each is under way, and stays there.
    _ = await ended.sends.first { _ in true }
    _ = await closing.sends.first { _ in true }
    ended.inbound.yield(Array("no handshake".utf8) + [UInt8](repeating: 0, count: 4_096))
    _ = await ended.closings.first { _ in true }
    await ada.close()
    _ = await closing.closings.first { _ in true }
  }

  @Test(
    "whoever serves a replica is done when it is closed", .timeLimit(.minutes(1)),
    arguments: [nil, "127.0.0.1:0"])
  func closedWhileServed(listen: String?) async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    let serving = Task { try await ada.serve(ServeConfiguration(listen: listen)) }
    while await ada.core.service == nil { try await Task.sleep(for: .milliseconds(1)) }
    await ada.close()
    try await serving.value
  }

  @Test("an exchange that is called off ends", .timeLimit(.minutes(1)))
  func calledOff() async throws {
    let ada = try await Replica.create(at: folder.path("a"), name: "Ada")
    let core = ada.core
    let (near, far) = Pipe.pair("nowhere")
    let link = try await core.connect(near, isRelay: false)
    let exchange = Task { await core.untilLevel([link]) }
    try await Task.sleep(for: .milliseconds(20))
    exchange.cancel()
    await exchange.value
    let report = await core.conclude(link, "nowhere")
    #expect(!report.isLevel)
    #expect(report.failure?.description.contains("called off") == true)
    far.close("")
    await ada.close()
  }

  @Test("a subscriber that does not read keeps a bounded number of notices, the last incomplete")
  func overflow() async throws {
    let subscribers = Subscribers()
    let stream = subscribers.add()
    for _ in 0..<(Subscribers.bufferedNotices * 3) {
      subscribers.tell(ChangeNotice(documents: [], isComplete: true, source: .local))
    }
    subscribers.finish()
    var notices: [ChangeNotice] = []
    for await notice in stream { notices.append(notice) }
    #expect(notices.count == Subscribers.bufferedNotices)
    #expect(notices.last?.isComplete == false)
  }

  @Test("a full buffer loses nothing and says nothing")
  func brim() async throws {
    let subscribers = Subscribers()
    let stream = subscribers.add()
    for _ in 0..<Subscribers.bufferedNotices {
      subscribers.tell(ChangeNotice(documents: [], isComplete: true, source: .local))
    }
    subscribers.finish()
    var count = 0
    for await notice in stream {
      #expect(notice.isComplete)
      count += 1
    }
    #expect(count == Subscribers.bufferedNotices)
  }

  @Test(
    "a sentence begins with a capital letter unless it begins with an address",
    arguments: [
      ("tcp://127.0.0.1:1: the connection was refused", "tcp://127.0.0.1:1: the connection"),
      ("the link was cut", "The link was cut."),
      ("localhost:9: nobody listens", "localhost:9: nobody listens."),
    ])
  func capitals(text: String, beginning: String) {
    #expect(Sentence.of(text).hasPrefix(beginning))
  }
}

extension ReplicaCore {
  fileprivate func hurry() {
    exchangeLimits.idle = .milliseconds(200)
    exchangeLimits.step = .milliseconds(20)
    goodByePatience = .milliseconds(50)
  }
}

/// A channel whose other end takes nothing.
private final class StuckChannel: ByteChannel {
  let place = "stuck"
  /// What the other end sends.
  let inbound: AsyncStream<[UInt8]>.Continuation
  /// Something was to be sent; it was closed.
  let sends: AsyncStream<Void>
  let closings: AsyncStream<Void>
  private let received: AsyncStream<[UInt8]>
  private let sending: AsyncStream<Void>.Continuation
  private let closing: AsyncStream<Void>.Continuation
  /// Ends when it is closed.
  private let (held, holding) = AsyncStream<Void>.makeStream()

  init() {
    (received, inbound) = AsyncStream<[UInt8]>.makeStream()
    (sends, sending) = AsyncStream<Void>.makeStream()
    (closings, closing) = AsyncStream<Void>.makeStream()
  }

  func receive() async -> [UInt8]? { await received.first { _ in true } }

  func send(_ bytes: [UInt8]) async throws(ReplicaError) {
    sending.yield()
    for await _ in held {}
    throw ReplicaError(.unreachable, "It was closed.")
  }

  func close(_ reason: String) {
    holding.finish()
    inbound.finish()
    closing.yield()
  }
}
