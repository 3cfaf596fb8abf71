import RelayService
import RelayTestSupport
import Relaying
import Sealing
import Segments
import TestSupport

/// A relay core with clients around it, joined by byte streams that cut what they carry anywhere.
final class Harbour {
  private struct Stay {
    var client: FakeClient
    var toRelay: [UInt8] = []
    var toClient: [UInt8] = []
  }

  let folder: TemporaryFolder
  private(set) var core: RelayCore
  private var relayFolder: RelayFolder
  var now = RelayInstant(monotonic: 1_000, wall: 1_000_000)
  var limits: RelayLimits
  private var stays: [RelayLinkID: Stay] = [:]
  private var lastID: UInt64 = 0
  private var random: SeededGenerator
  private(set) var closeReasons: [String] = []
  private(set) var logs: [String] = []
  /// Everything that the core has asked for.
  private(set) var trace: [RelayEffect] = []
  let seed: UInt64

  init(
    limits: RelayLimits = RelayLimits(), seed: UInt64 = 1,
    folder: TemporaryFolder = TemporaryFolder()
  ) throws {
    self.folder = folder
    self.limits = limits
    self.seed = seed
    random = SeededGenerator(seed: seed)
    relayFolder = try RelayFolder(path: folder.file("data"), entropy: .seeded(seed))
    core = try RelayCore(
      storage: relayFolder.storage, key: relayFolder.key, limits: limits, entropy: .seeded(seed))
  }

  /// As after a crash: what was in memory is gone and all links are cut.
  func restart() throws {
    for stay in stays.values { stay.client.disconnect() }
    stays = [:]
    core = try RelayCore(
      storage: relayFolder.storage, key: relayFolder.key, limits: limits,
      entropy: .seeded(seed &+ lastID))
  }

  @discardableResult
  func connect(_ client: FakeClient) -> RelayLinkID {
    lastID += 1
    let id = RelayLinkID(lastID)
    stays[id] = Stay(client: client)
    perform(core.accepted(id, from: client.name, at: now))
    stays[id]?.toRelay += client.connect(now: now.monotonic)
    return id
  }

  /// Cuts a client's link, with what was on its way.
  func disconnect(_ client: FakeClient) {
    client.disconnect()
    for id in ids(of: client) {
      stays[id] = nil
      core.closed(id, at: now)
    }
  }

  func isConnected(_ client: FakeClient) -> Bool { !ids(of: client).isEmpty }

  /// Writes a segment at a client, and puts what its session says on the way.
  func write(_ text: String, at client: FakeClient) throws {
    send(try client.write(text, now: now.monotonic), from: client)
  }

  func send(_ bytes: [UInt8], from client: FakeClient) {
    for id in ids(of: client) { stays[id]?.toRelay += bytes }
  }

  /// Carries bytes in random pieces until nothing moves any more. With `flushes` false the relay
  /// never gets to store anything.
  func settle(flushes: Bool = true) {
    var isMoving = true
    while isMoving {
      isMoving = false
      for id in stays.keys.sorted() {
        while let piece = takePiece(id, \.toRelay) {
          isMoving = true
          perform(core.received(id, bytes: piece, at: now))
        }
      }
      if flushes, core.hasStaged {
        isMoving = true
        perform(core.flush(at: now))
      }
      for id in stays.keys.sorted() {
        while let piece = takePiece(id, \.toClient) {
          isMoving = true
          perform(core.sent(id, byteCount: piece.count, at: now))
          guard let client = stays[id]?.client else { continue }
          let answer = client.receive(piece, now: now.monotonic)
          stays[id]?.toRelay += answer
        }
      }
    }
  }

  /// Lets time pass in steps, with everything that happens in it.
  func pass(milliseconds: UInt64, step: UInt64 = 100) {
    let end = now.monotonic + milliseconds
    while now.monotonic < end {
      now.monotonic += step
      now.wall += step
      perform(core.tick(at: now))
      for id in stays.keys.sorted() {
        guard let client = stays[id]?.client else { continue }
        stays[id]?.toRelay += client.tick(now: now.monotonic)
      }
      settle()
    }
  }

  /// Gives the relay bytes as a link of their own, without any client.
  func throwBytes(_ bytes: [UInt8]) -> [RelayEffect] {
    lastID += 1
    let id = RelayLinkID(lastID)
    var effects = core.accepted(id, from: "stranger", at: now)
    effects += core.received(id, bytes: bytes, at: now)
    effects += core.flush(at: now)
    core.closed(id, at: now)
    return effects
  }

  func shutDown() {
    perform(core.shutDown(at: now))
    settle()
  }

  private func ids(of client: FakeClient) -> [RelayLinkID] {
    stays.filter { $0.value.client === client }.keys.sorted()
  }

  private func takePiece(
    _ id: RelayLinkID, _ direction: WritableKeyPath<Stay, [UInt8]>
  ) -> [UInt8]? {
    guard let waiting = stays[id]?[keyPath: direction], !waiting.isEmpty else { return nil }
    let most = waiting.count > 200_000 ? 400_000 : 20_000
    let size = min(waiting.count, Int(random.next() % UInt64(most)) + 1)
    stays[id]?[keyPath: direction].removeFirst(size)
    return Array(waiting.prefix(size))
  }

  private func perform(_ effects: [RelayEffect]) {
    trace += effects
    for effect in effects {
      switch effect {
      case .send(let id, let bytes): stays[id]?.toClient += bytes
      case .close(let id, let reason):
        closeReasons.append(reason)
        // What was sent leaves before the link is closed.
        if let stay = stays.removeValue(forKey: id) {
          _ = stay.client.receive(stay.toClient, now: now.monotonic)
          stay.client.disconnect()
        }
      case .log(_, let sentence): logs.append(sentence)
      }
    }
  }
}
