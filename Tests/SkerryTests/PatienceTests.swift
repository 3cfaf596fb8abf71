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
  }
}
