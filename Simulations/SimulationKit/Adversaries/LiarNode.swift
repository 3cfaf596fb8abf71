import Causality
import Replication
import Sealing
import Segments
import SyncProtocol

/// An island with a relay that lies when the plan says so, and works like any other otherwise. It
/// keeps what it is sent in memory, which outlives its process here as a disk would.
final class LiarNode: Node {
  /// What it does wrong at present.
  struct Lies: Equatable {
    /// Of a million segments so many are counted as sent and not sent.
    var withholdMillionths = 0
    /// Of a million segments so many are sent behind the one that comes after them.
    var shuffleMillionths = 0
    /// It says that it has half of what it has, and sends no more.
    var isOld = false
  }

  struct Shelved {
    var head: SegmentHead
    var bytes: [UInt8]
    var tip: ChainTip
  }

  private(set) var clients: [UInt64: LiedToClient] = [:]
  private(set) var shelf: [Shelved] = []
  private var tips: [Origin: ChainTip] = [:]
  private var membership: Membership?
  private var isRunning = false
  private lazy var random = RandomStream(seed: seed, "liar \(number)")
  private lazy var key = SigningKey(entropy: .seeded(seed &+ UInt64(number)))
  var lies = Lies()
  private var counts: [String: Int] = [:]

  override var isUp: Bool { isRunning }

  var publicKey: SigningKey.Public { key.publicKey }

  override func start(_ configuration: EngineConfiguration, at now: Int) throws {
    try super.start(configuration, at: now)
    isRunning = true
  }

  override func stop(_ loss: VirtualDisk.Loss) {
    isRunning = false
    clients = [:]
    super.stop(loss)
  }

  func accept(_ link: UInt64) {
    let handshake = LinkHandshake(
      accepting: .relay, as: key, entropy: .seeded(chance("liar's link \(link)")))
    clients[link] = LiedToClient(RawLink(accepting: handshake))
  }

  func forget(_ link: UInt64) { clients[link] = nil }

  func noteKnown(_ known: VersionVector, on link: UInt64) { clients[link]?.known = known }

  /// How often it has lied since it was asked last.
  func takeCounts() -> [(name: String, count: Int)] {
    defer { counts = [:] }
    return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// What it admits to have, and would tell a new client.
  var claims: [ChainTip] {
    guard lies.isOld else { return tips.values.sorted { $0.origin < $1.origin } }
    var old: [Origin: ChainTip] = [:]
    for item in shelf.prefix(shelf.count / 2) { old[item.head.origin] = item.tip }
    return old.values.sorted { $0.origin < $1.origin }
  }

  /// Bytes from a client.
  ///
  /// - Returns: what goes to which links, in order; nil for a link that is over.
  func receive(_ bytes: [UInt8], on link: UInt64) -> [(link: UInt64, bytes: [UInt8]?)] {
    var out: [(link: UInt64, bytes: [UInt8]?)] = []
    for event in clients[link]?.link.receive(bytes) ?? [] {
      switch event {
      case .send(let bytes): out.append((link, bytes))
      case .open: out += greet(link)
      case .message(let message): out += take(message, link)
      case .over:
        forget(link)
        out.append((link, nil))
      }
    }
    return out
  }

  // MARK: Messages

  private func greet(_ link: UInt64) -> [(link: UInt64, bytes: [UInt8]?)] {
    guard let workspace = clients[link]?.link.workspace else { return [] }
    if membership == nil { membership = Membership(workspace: WorkspaceID(workspace)) }
    let digest = membership?.digest.array ?? []
    let told = claims
    clients[link]?.isGreeted = true
    clients[link]?.toldDigest = digest
    clients[link]?.claimed = vector(of: told)
    let hello = Hello(
      role: .relay, flow: .both, wish: .everything, origin: Origin(high: 0, low: 0),
      windowBytes: UInt64(Plan.windowBytesDefault), recordDigest: digest)
    return sealed([.hello(hello), .tips(told, isLast: true)], link)
  }

  private func sealed(
    _ messages: [Message], _ link: UInt64
  ) -> [(link: UInt64, bytes: [UInt8]?)] {
    messages.compactMap { message in clients[link]?.link.seal(message).map { (link, $0) } }
  }

  private func take(_ message: Message, _ link: UInt64) -> [(link: UInt64, bytes: [UInt8]?)] {
    switch message {
    case .hello(let hello):
      clients[link]?.credit = Int64(clamping: hello.windowBytes)
      guard hello.recordDigest != clients[link]?.toldDigest else { return [] }
      return sealed(records(membership?.records ?? [], isWholeSet: true), link)
    case .tips(let tips, let isLast):
      for tip in tips { clients[link]?.has.advance(tip.origin, to: tip.sequence) }
      guard isLast else { return [] }
      clients[link]?.hasMet = true
      return serve(link)
    case .records(let records, _): return take(records, link)
    case .segment(let head, let part): return take(part, of: head, link)
    case .segmentPart(let part): return take(part, of: nil, link)
    case .credit(let bytes):
      clients[link]?.credit += Int64(clamping: min(bytes, MessageLimits.creditBytesMax))
      return serve(link)
    case .want(let wants, let isAgain):
      for want in wants where isAgain || (clients[link]?.has[want.origin] ?? 0) < want.from {
        clients[link]?.has.set(want.origin, to: want.from - 1)
      }
      return serve(link)
    case .ping(let number): return sealed([.pong(number)], link)
    default: return []
    }
  }

  private func records(_ records: [MembershipRecord], isWholeSet: Bool) -> [Message] {
    var messages: [Message] = []
    for start in stride(from: 0, to: records.count, by: MessageLimits.recordsMax) {
      let end = min(start + MessageLimits.recordsMax, records.count)
      messages.append(
        .records(
          records[start..<end].map(\.bytes), isLast: isWholeSet && end == records.count))
    }
    return messages.isEmpty && isWholeSet ? [.records([], isLast: true)] : messages
  }

  private func take(
    _ records: [[UInt8]], _ link: UInt64
  ) -> [(link: UInt64, bytes: [UInt8]?)] {
    let parsed = records.compactMap { try? MembershipRecord(parsing: $0) }
    guard let fresh = try? membership?.insert(parsed), !fresh.isEmpty else { return [] }
    return clients.keys.sorted().filter { $0 != link && clients[$0]?.hasMet == true }
      .flatMap { sealed(self.records(fresh, isWholeSet: false), $0) }
  }

  private func vector(of tips: [ChainTip]) -> VersionVector {
    VersionVector(tips.map { .init(origin: $0.origin, sequence: $0.sequence) })
  }

  // MARK: Segments

  private func take(
    _ part: [UInt8], of head: SegmentHead?, _ link: UInt64
  ) -> [(link: UInt64, bytes: [UInt8]?)] {
    guard let (head, bytes) = clients[link]?.assemble(part, of: head) else { return [] }
    clients[link]?.has.advance(head.origin, to: head.last)
    keep(head, bytes)
    let durable = tips[head.origin]?.sequence ?? 0
    var answers: [Message] = [.credit(UInt64(head.byteCount))]
    if durable > 0 {
      answers.append(.acknowledge(VersionVector([.init(origin: head.origin, sequence: durable)])))
    }
    var out = sealed(answers, link)
    for other in clients.keys.sorted() where other != link { out += serve(other) }
    return out
  }

  private func keep(_ head: SegmentHead, _ bytes: [UInt8]) {
    guard let segment = try? Segment(parsing: bytes),
      segment.header.origin == head.origin, segment.header.firstSequence == head.first,
      head.first == (tips[head.origin]?.sequence ?? 0) + 1
    else { return }
    let item = Forgery.Item(segment)
    let tip = ChainTip(
      origin: head.origin, sequence: segment.header.lastSequence, chainPrefix: item.chainPrefix)
    tips[head.origin] = tip
    shelf.append(Shelved(head: item.head, bytes: bytes, tip: tip))
  }

  /// Sends a client what it lacks, as far as the lies go.
  private func serve(_ link: UInt64) -> [(link: UInt64, bytes: [UInt8]?)] {
    guard clients[link]?.hasMet == true else { return [] }
    var due = shelf.filter { $0.head.first > clients[link]?.has[$0.head.origin] ?? .max }
    if lies.isOld {
      let admitted = vector(of: claims)
      due.removeAll { admitted[$0.head.origin] < $0.head.last }
    }
    var out: [(link: UInt64, bytes: [UInt8]?)] = []
    for item in due {
      guard let client = clients[link], client.credit > 0 else { break }
      clients[link]?.has.advance(item.head.origin, to: item.head.last)
      if random.chance(millionths: lies.withholdMillionths) {
        counts["segmentWithheld", default: 0] += 1
        continue
      }
      if client.late == nil, random.chance(millionths: lies.shuffleMillionths) {
        counts["segmentShuffled", default: 0] += 1
        clients[link]?.late = item
        continue
      }
      clients[link]?.late = nil
      for item in [item] + (client.late.map { [$0] } ?? []) {
        clients[link]?.credit -= Int64(item.bytes.count)
        clients[link]?.sent.advance(item.head.origin, to: item.head.last)
        out.append((link, client.link.seal(item.head, item.bytes)))
      }
    }
    return out
  }
}

/// A client as the relay that lies knows it.
struct LiedToClient {
  var link: RawLink
  var isGreeted = false
  var hasMet = false
  var credit: Int64 = 0
  var toldDigest: [UInt8] = []
  /// What the relay said that it has.
  var claimed = VersionVector()
  /// What the client has, or is taken to have.
  var has = VersionVector()
  /// What is to be sent behind the next segment.
  var late: LiarNode.Shelved?
  /// What it was sent.
  var sent = VersionVector()
  /// What it had written down that the relay has.
  var known = VersionVector()
  private var incoming: (head: SegmentHead, bytes: [UInt8])?

  init(_ link: RawLink) {
    self.link = link
  }

  /// The whole segment, when this was its last part.
  mutating func assemble(
    _ part: [UInt8], of head: SegmentHead?
  ) -> (head: SegmentHead, bytes: [UInt8])? {
    if let head { incoming = (head, []) }
    incoming?.bytes += part
    guard let whole = incoming, whole.bytes.count >= whole.head.byteCount else { return nil }
    incoming = nil
    return whole
  }
}
