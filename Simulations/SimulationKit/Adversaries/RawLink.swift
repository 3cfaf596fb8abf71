import Sealing
import SyncProtocol

/// One end of a link in the hands of somebody who keeps to the form and to nothing else: it shakes
/// hands, seals and opens, and says whatever it is told to say, when it is told to.
struct RawLink {
  enum Event {
    case send([UInt8])
    /// The peer has proved who it is; messages may be sealed from here on.
    case open
    case message(Message)
    /// The peer left, or nothing more can be read.
    case over
  }

  private enum Phase {
    case handshaking(LinkHandshake)
    case open(LinkSession)
    case over
  }

  /// The one that the initiator asked for; nil before the link is open.
  private(set) var workspace: Bytes32?
  private var phase: Phase
  private var decoder = FrameDecoder(payloadBytesMax: LinkHandshake.messageBytesMax)

  /// - Returns: with the link, what an initiator sends first.
  static func dialling(_ handshake: LinkHandshake) -> (link: RawLink, first: [UInt8]) {
    var handshake = handshake
    let first = Frame.encode(handshake.start())
    return (RawLink(accepting: handshake), first)
  }

  init(accepting handshake: LinkHandshake) {
    phase = .handshaking(handshake)
  }

  /// Bytes from the peer, in pieces of any size.
  mutating func receive(_ bytes: [UInt8]) -> [Event] {
    decoder.append(bytes)
    var events: [Event] = []
    do {
      while let payload = try decoder.next() { events += try take(payload) }
    } catch {
      phase = .over
      events.append(.over)
    }
    return events
  }

  private mutating func take(_ payload: [UInt8]) throws -> [Event] {
    switch phase {
    case .handshaking(var handshake):
      switch try handshake.receive(payload) {
      case .send(let answer):
        phase = .handshaking(handshake)
        return [.send(Frame.encode(answer))]
      case .sendAndFinish(let answer, let session):
        begin(session)
        return [.send(Frame.encode(answer)), .open]
      case .finish(let session):
        begin(session)
        return [.open]
      }
    case .open(let session):
      let opened = try session.incoming.open(payload)
      let message = Event.message(try Message(decoding: opened.message))
      return opened.isFinal ? [message, .over] : [message]
    case .over: return []
    }
  }

  private mutating func begin(_ session: LinkSession) {
    phase = .open(session)
    workspace = session.workspace
    decoder.payloadBytesMax = Frame.payloadBytesMax
  }

  /// The bytes of a message; nil before the link is open and after it is over.
  func seal(_ message: Message) -> [UInt8]? {
    guard case .open(let session) = phase,
      let sealed = try? session.outgoing.seal(message.encoded(), final: message == .bye)
    else { return nil }
    return Frame.encode(sealed)
  }

  /// A segment in as many messages as it takes.
  func seal(_ head: SegmentHead, _ bytes: [UInt8]) -> [UInt8] {
    var messages: [Message] = []
    for start in stride(from: 0, to: max(bytes.count, 1), by: MessageLimits.partBytesMax) {
      let part = Array(bytes[start..<min(start + MessageLimits.partBytesMax, bytes.count)])
      messages.append(start == 0 ? .segment(head, part: part) : .segmentPart(part))
    }
    return messages.flatMap { seal($0) ?? [] }
  }
}
