import ByteCoding
package import Sealing

/// One link over a stream of bytes: frames, the handshake, the sealed stream and the session, in
/// one value that does no input or output.
///
/// ```
/// bytes ─ FrameDecoder ─ LinkHandshake ─► .authenticated ─ begin ─► SyncSession
///                      └ IncomingStream ─ Message ─┘
/// ```
///
/// Until the handshake is done nothing is answered but handshake messages, and a peer that fails it
/// gets no byte of explanation. Between `.authenticated` and `begin` nothing is read. The sealed
/// streams are shared by copies of a link: only one copy may be used.
package struct Link {
  package struct Limits: Equatable, Sendable {
    package var handshakeMilliseconds: UInt64 = 10_000
    /// Bytes that may wait for `begin`.
    package var waitingBytesMax = 2 * Frame.payloadBytesMax

    package init() {}
  }

  /// What is looked at after every input, as of the last one: stored, so that looking copies
  /// nothing.
  package struct Gauges: Sendable {
    /// About how many bytes the link holds: a frame that is not whole yet, what waits for `begin`,
    /// and the session's.
    package var heldBytes = 0
    /// When `tick` has something to do at the latest.
    package var nextDeadline = UInt64.max
    /// Segment bytes on their way to the peer of a running session when the last one was begun. One
    /// that was sent again counts twice.
    package var bytesUnderWay = 0
    /// The most of them that the peer takes.
    package var window = 0
    /// See ``SyncSession/peerWish``.
    package var peerWish = PushWish.everything
  }

  private enum Phase {
    case handshaking(LinkHandshake, isInitiator: Bool)
    /// Waits for `begin` or `refuse`.
    case authenticated(LinkSession)
    case open(LinkSession)
    case closed
  }

  private var phase: Phase
  private var decoder: FrameDecoder
  private let openedAt: UInt64
  private let limits: Limits
  /// Nil before `begin`.
  package private(set) var session: SyncSession?
  /// Who the peer has proved to be; nil before the handshake is done.
  package private(set) var peer: LinkHandshake.Identity?
  package private(set) var workspace: Bytes32?
  package private(set) var gauges = Gauges()
  /// Bytes that crossed, frames and all.
  package private(set) var bytesSent: UInt64 = 0
  package private(set) var bytesReceived: UInt64 = 0

  package init(
    _ handshake: LinkHandshake, isInitiator: Bool, now: UInt64, limits: Limits = Limits()
  ) {
    phase = .handshaking(handshake, isInitiator: isInitiator)
    decoder = FrameDecoder(payloadBytesMax: LinkHandshake.messageBytesMax)
    openedAt = now
    self.limits = limits
    readGauges()
  }

  package var isClosed: Bool {
    if case .closed = phase { true } else { false }
  }

  private var isOpen: Bool {
    if case .open = phase { true } else { false }
  }

  /// To be called at the end of every input.
  private mutating func readGauges() {
    gauges = Gauges(heldBytes: decoder.bufferedBytes)
    switch phase {
    case .handshaking, .authenticated:
      gauges.nextDeadline = openedAt + limits.handshakeMilliseconds
    case .open: session?.read(into: &gauges)
    case .closed: gauges.peerWish = session?.peerWish ?? .everything
    }
  }

  /// The most that ``Gauges/heldBytes`` can be between inputs.
  package static func heldBytesMax(
    _ limits: Limits, _ session: SessionLimits, originsHere: Int
  ) -> Int {
    max(limits.waitingBytesMax, Frame.payloadBytesMax + Frame.headerBytes)
      + SyncSession.heldBytesMax(session, originsHere: originsHere)
  }

  // MARK: Inputs

  /// The initiator's first bytes; nothing for a responder.
  package mutating func start(now: UInt64) -> [LinkAction] {
    defer { readGauges() }
    guard case .handshaking(var handshake, isInitiator: true) = phase else { return [] }
    let first = handshake.start()
    phase = .handshaking(handshake, isInitiator: true)
    return [frame(first)]
  }

  /// Bytes from the peer, in pieces of any size.
  package mutating func receive(_ bytes: [UInt8], now: UInt64) -> [LinkAction] {
    defer { readGauges() }
    guard !isClosed else { return [] }
    bytesReceived += UInt64(bytes.count)
    decoder.append(bytes)
    session?.heard(now: now)
    return read(now: now)
  }

  /// Answers `.authenticated`: the peer may have a session.
  package mutating func begin(
    _ configuration: SessionConfiguration, now: UInt64
  ) -> [LinkAction] {
    defer { readGauges() }
    guard case .authenticated(let streams) = phase else { return [] }
    phase = .open(streams)
    var session = SyncSession(configuration)
    let opening = session.start(now: now)
    self.session = session
    var actions = perform(opening)
    actions += read(now: now)
    return actions
  }

  /// Tells the peer why it may not go on, and closes. Also the answer to `.authenticated` when it
  /// may not have a session at all.
  package mutating func refuse(_ status: Status, now: UInt64) -> [LinkAction] {
    defer { readGauges() }
    let streams: LinkSession
    switch phase {
    case .authenticated(let session), .open(let session): streams = session
    case .handshaking: return end(.refused(status))
    case .closed: return []
    }
    var actions: [LinkAction] = []
    for message in [Message.status(status), .bye] {
      if let sealed = try? streams.outgoing.seal(message.encoded(), final: message == .bye) {
        actions.append(frame(sealed))
      }
    }
    return actions + end(.refused(status))
  }

  package mutating func tick(now: UInt64) -> [LinkAction] {
    defer { readGauges() }
    switch phase {
    case .handshaking, .authenticated:
      guard now >= openedAt + limits.handshakeMilliseconds else { return [] }
      return end(.handshakeTimedOut)
    case .open: return hand { $0.tick(now: now) }
    case .closed: return []
    }
  }

  /// Hands any other input to the session; nothing happens when there is none.
  package mutating func perform(
    now: UInt64, _ input: (inout SyncSession) -> [SessionAction]
  ) -> [LinkAction] {
    defer { readGauges() }
    return hand(input)
  }

  private mutating func hand(
    _ input: (inout SyncSession) -> [SessionAction]
  ) -> [LinkAction] {
    guard isOpen, let actions = session?.take(input) else { return [] }
    return perform(actions)
  }

  // MARK: Reading

  private mutating func read(now: UInt64) -> [LinkAction] {
    var actions: [LinkAction] = []
    while true {
      switch phase {
      case .closed: return actions
      case .authenticated:
        if decoder.bufferedBytes > limits.waitingBytesMax { actions += end(.flooded) }
        return actions
      case .handshaking, .open:
        let payload: [UInt8]?
        do throws(FrameError) {
          payload = try decoder.next()
        } catch {
          if case .handshaking = phase { return actions + end(.notSkerry) }
          return actions + end(.malformedFrame(error))
        }
        guard let payload else { return actions }
        actions += take(payload, now: now)
      }
    }
  }

  private mutating func take(_ payload: [UInt8], now: UInt64) -> [LinkAction] {
    switch phase {
    case .handshaking(var handshake, let isInitiator):
      do throws(LinkError) {
        switch try handshake.receive(payload) {
        case .send(let answer):
          phase = .handshaking(handshake, isInitiator: isInitiator)
          return [frame(answer)]
        case .sendAndFinish(let answer, let streams):
          return [frame(answer), authenticate(streams)]
        case .finish(let streams): return [authenticate(streams)]
        }
      } catch {
        return end(.handshakeFailed(error))
      }
    case .open(let streams):
      do throws(LinkError) {
        let opened = try streams.incoming.open(payload)
        var actions = take(message: opened.message, now: now)
        if opened.isFinal, !isClosed { actions += end(.session(.peerLeft)) }
        return actions
      } catch {
        return end(.streamBroken(error))
      }
    case .authenticated, .closed: return []
    }
  }

  private mutating func authenticate(_ streams: LinkSession) -> LinkAction {
    phase = .authenticated(streams)
    decoder.payloadBytesMax = Frame.payloadBytesMax
    peer = streams.peer
    workspace = streams.workspace
    return .authenticated(streams.peer, workspace: streams.workspace)
  }

  private mutating func take(message bytes: [UInt8], now: UInt64) -> [LinkAction] {
    let message: Message
    do {
      message = try Message(decoding: bytes)
    } catch {
      let ending = SessionEnding.violation(.notDecodable(error.description))
      let code: Status.Code =
        error.code == .unsupportedVersion ? .unsupported : .protocolViolation
      let actions = refuse(Status(code, ending.description), now: now)
      // The reason for us is the peer's fault, not our refusal.
      return actions.dropLast() + [.close(.session(ending))]
    }
    return hand { $0.receive(message, now: now) }
  }

  // MARK: Writing

  private mutating func perform(_ actions: [SessionAction]) -> [LinkAction] {
    var result: [LinkAction] = []
    result.reserveCapacity(actions.count)
    for action in actions {
      guard isOpen else { break }
      switch action {
      case .send(let message):
        guard case .open(let streams) = phase else { break }
        do throws(LinkError) {
          let plain = message.encoded()
          var bytes = Frame.begin(payloadCount: plain.count + OutgoingStream.overhead)
          try streams.outgoing.seal(plain, final: message.isLast, appendingTo: &bytes)
          bytesSent += UInt64(bytes.count)
          result.append(.send(bytes))
        } catch {
          result += end(.streamBroken(error))
        }
      case .close(let ending): result += end(.session(ending))
      default: result.append(.session(action))
      }
    }
    return result
  }

  private mutating func frame(_ payload: [UInt8]) -> LinkAction {
    let bytes = Frame.encode(payload)
    bytesSent += UInt64(bytes.count)
    return .send(bytes)
  }

  private mutating func end(_ ending: LinkEnding) -> [LinkAction] {
    phase = .closed
    decoder = FrameDecoder(payloadBytesMax: 0)
    return [.close(ending)]
  }
}

/// What the owner of a link has to do, in the order of the list.
package enum LinkAction: Sendable {
  /// Give these bytes to the stream.
  case send([UInt8])
  /// The peer has proved who it is. Answer with `begin` or `refuse`.
  case authenticated(LinkHandshake.Identity, workspace: Bytes32)
  /// All that a session asks of its owner, except to send and to close.
  case session(SessionAction)
  /// Close the stream, after what was to be sent. Always the last action.
  case close(LinkEnding)
}

/// Why a link ended.
package enum LinkEnding: Equatable, Sendable, CustomStringConvertible {
  case session(SessionEnding)
  case handshakeFailed(LinkError)
  case handshakeTimedOut
  /// What came before any proof of who it is has not even the length of a message.
  case notSkerry
  case malformedFrame(FrameError)
  /// A sealed message could not be opened: it was changed, or is none.
  case streamBroken(LinkError)
  /// More came than may wait before the session begins.
  case flooded
  /// We sent the peer away.
  case refused(Status)

  package var description: String {
    switch self {
    case .session(let ending): ending.description
    case .handshakeFailed(let error): "the handshake failed: \(error)"
    case .handshakeTimedOut: "the handshake was not finished in time"
    case .notSkerry: "what is at the other end is no Skerry, or the line garbles what it says"
    case .malformedFrame(let error): "the peer sent \(error)"
    case .streamBroken(let error): "the sealed stream is broken: \(error)"
    case .flooded: "the peer sent too much before the session began"
    case .refused(let status): "refused: \(status.sentence)"
    }
  }
}
