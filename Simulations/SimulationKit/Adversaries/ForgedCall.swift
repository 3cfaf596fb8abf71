import Causality
import Sealing
import Segments
import SyncProtocol

/// One conversation of a member who cheats: in form it is that of any replica. It claims to have
/// all that the other has and what it forged besides, and sends that.
struct ForgedCall {
  struct Answer {
    var bytes: [UInt8] = []
    /// All that was forged has been said.
    var isSaid = false
    /// The other has refused something of it, and told so.
    var refusals = 0
    var isOver = false
  }

  private var link: RawLink
  private let origin: Origin
  private let membership: Membership
  private var items: [Forgery.Item]
  private var theirTips: [ChainTip] = []
  private var credit: Int64 = 0
  private var next = 0
  private var hasMet = false
  /// What is asked for again is sent again, so often.
  private var repetitionsLeft = 3

  init(
    _ link: RawLink, origin: Origin, membership: Membership, saying items: [Forgery.Item]
  ) {
    self.link = link
    self.origin = origin
    self.membership = membership
    self.items = items
  }

  var farewell: [UInt8] { link.seal(.bye) ?? [] }

  mutating func receive(_ bytes: [UInt8]) -> Answer {
    var answer = Answer()
    for event in link.receive(bytes) {
      switch event {
      case .send(let bytes): answer.bytes += bytes
      case .open: answer.bytes += link.seal(.hello(hello)) ?? []
      case .message(let message): take(message, &answer)
      case .over: answer.isOver = true
      }
    }
    return answer
  }

  private var hello: Hello {
    Hello(
      role: .replica, flow: .both, wish: .everything, origin: origin,
      windowBytes: UInt64(Plan.windowBytesDefault), recordDigest: membership.digest.array)
  }

  private mutating func take(_ message: Message, _ answer: inout Answer) {
    switch message {
    case .hello(let hello):
      credit = Int64(clamping: hello.windowBytes)
      guard hello.recordDigest != membership.digest.array else { return }
      let records = membership.records.map(\.bytes)
      for start in stride(from: 0, to: records.count, by: MessageLimits.recordsMax) {
        let end = min(start + MessageLimits.recordsMax, records.count)
        let part = Array(records[start..<end])
        answer.bytes += link.seal(.records(part, isLast: end == records.count)) ?? []
      }
    case .tips(let tips, let isLast):
      theirTips += tips
      guard isLast else { return }
      answer.bytes += link.seal(.tips(claims, isLast: true)) ?? []
      hasMet = true
      send(&answer)
    case .credit(let bytes):
      credit += Int64(clamping: min(bytes, MessageLimits.creditBytesMax))
      send(&answer)
    case .want(let wants, isAgain: true) where repetitionsLeft > 0:
      repetitionsLeft -= 1
      let asked = Set(wants.map(\.origin))
      items += items.prefix(16).filter { asked.contains($0.head.origin) }
      send(&answer)
    case .ping(let number): answer.bytes += link.seal(.pong(number)) ?? []
    case .status(let status) where [.refused, .forked].contains(status.code):
      answer.refusals += 1
    default: break
    }
  }

  /// All that the other has, and what was forged.
  private var claims: [ChainTip] {
    var tips = theirTips
    for item in items where !tips.contains(where: { $0.origin == item.head.origin }) {
      let latest = items.last { $0.head.origin == item.head.origin } ?? item
      tips.append(
        ChainTip(
          origin: latest.head.origin, sequence: latest.head.last,
          chainPrefix: latest.chainPrefix))
    }
    return tips.sorted { $0.origin < $1.origin }
  }

  private mutating func send(_ answer: inout Answer) {
    guard hasMet else { return }
    while next < items.count, credit > 0 {
      answer.bytes += link.seal(items[next].head, items[next].bytes)
      credit -= Int64(items[next].bytes.count)
      next += 1
      answer.isSaid = next == items.count
    }
  }
}
