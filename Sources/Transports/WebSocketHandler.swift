internal import NIOCore
internal import NIOWebSocket

/// Makes a byte stream of WebSocket frames (RFC 6455). Only binary messages are allowed; where
/// messages and fragments begin and end means nothing here, since the layer above does its own
/// framing.
final class WebSocketHandler: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = WebSocketFrame

  enum Role { case client, server }

  /// Asks for a closing frame; sent down the pipeline by `Connection.close`.
  struct Farewell: Sendable {
    let reason: String
  }

  /// The peer sent a closing frame.
  struct PeerFarewell: Sendable {
    let reason: String
  }

  /// Outbound data is cut into messages of at most this size, so that a peer with a small frame
  /// limit and pings in between are both served.
  static let messageBytesMax = 64 * 1024

  private let role: Role
  private let place: String
  /// A fragmented message is under way: only continuations and control frames may follow.
  private var isInsideMessage = false
  private var hasSentFarewell = false
  private var isBroken = false

  init(role: Role, place: String) {
    self.role = role
    self.place = place
  }

  // MARK: Inbound

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = Self.unwrapInboundIn(data)
    guard !isBroken else { return }
    guard (frame.maskKey != nil) == (role == .server) else {
      return refuse(
        context, .protocolError,
        role == .server ? "it sent an unmasked frame" : "it sent a masked frame")
    }
    guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
      return refuse(context, .protocolError, "it used an extension that was not agreed on")
    }
    switch frame.opcode {
    case .binary:
      guard !isInsideMessage else {
        return refuse(context, .protocolError, "it began a message inside another")
      }
      isInsideMessage = !frame.fin
      deliver(context, frame)
    case .continuation:
      guard isInsideMessage else {
        return refuse(context, .protocolError, "it continued a message that had not begun")
      }
      isInsideMessage = !frame.fin
      deliver(context, frame)
    case .ping:
      // Whoever pings without reading the answers gets no more of them: nothing piles up.
      if context.channel.isWritable, !hasSentFarewell {
        send(context, .pong, frame.unmaskedData, promise: nil)
      }
    case .pong:
      break
    case .connectionClose:
      answerFarewell(context, frame.unmaskedData)
    case .text:
      refuse(context, .unacceptableData, "it sent text where only binary messages are spoken")
    default:
      refuse(context, .protocolError, "it sent a frame of an unknown kind")
    }
  }

  private func deliver(_ context: ChannelHandlerContext, _ frame: WebSocketFrame) {
    let bytes = frame.unmaskedData
    if bytes.readableBytes > 0 { context.fireChannelRead(Self.wrapInboundOut(bytes)) }
  }

  private func answerFarewell(_ context: ChannelHandlerContext, _ payload: ByteBuffer) {
    var payload = payload
    var reason = ""
    if payload.readInteger(as: UInt16.self) != nil {
      reason = String(decoding: payload.readableBytesView.prefix(123), as: UTF8.self)
    }
    isBroken = true
    context.fireUserInboundEventTriggered(PeerFarewell(reason: reason))
    if !hasSentFarewell { sendFarewell(context, .normalClosure, "") }
    context.close(promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case NIOWebSocketError.invalidFrameLength:
      refuse(context, .messageTooLarge, "it sent a frame larger than the limit")
    case is NIOWebSocketError:
      refuse(context, .protocolError, "it sent a control frame that is too long or in pieces")
    default:
      context.fireErrorCaught(error)
    }
  }

  private func refuse(
    _ context: ChannelHandlerContext, _ code: WebSocketErrorCode, _ what: String
  ) {
    guard !isBroken else { return }
    isBroken = true
    if !hasSentFarewell { sendFarewell(context, code, what) }
    context.fireErrorCaught(
      TransportError(
        .protocolViolation, at: place, "the peer broke the WebSocket protocol: \(what)")
    )
  }

  // MARK: Outbound

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    var bytes = Self.unwrapOutboundIn(data)
    while let message = bytes.readSlice(length: min(bytes.readableBytes, Self.messageBytesMax)) {
      let isLast = bytes.readableBytes == 0
      send(context, .binary, message, flushes: false, promise: isLast ? promise : nil)
      if isLast { return }
    }
  }

  func triggerUserOutboundEvent(
    context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
  ) {
    guard let farewell = event as? Farewell else {
      return context.triggerUserOutboundEvent(event, promise: promise)
    }
    if !hasSentFarewell { sendFarewell(context, .normalClosure, farewell.reason) }
    promise?.succeed(())
  }

  private func sendFarewell(
    _ context: ChannelHandlerContext, _ code: WebSocketErrorCode, _ reason: String
  ) {
    hasSentFarewell = true
    var payload = ByteBuffer()
    payload.write(webSocketErrorCode: code)
    payload.writeBytes(Self.clipped(reason, toUTF8Count: 123).utf8)
    send(context, .connectionClose, payload, promise: nil)
  }

  /// A control frame holds 125 bytes, two of them the code; a scalar is never cut.
  static func clipped(_ text: String, toUTF8Count limit: Int) -> String {
    var clipped = String.UnicodeScalarView()
    var count = 0
    for scalar in text.unicodeScalars {
      count += UTF8.width(scalar)
      if count > limit { break }
      clipped.append(scalar)
    }
    return String(clipped)
  }

  private func send(
    _ context: ChannelHandlerContext, _ opcode: WebSocketOpcode, _ bytes: ByteBuffer,
    flushes: Bool = true, promise: EventLoopPromise<Void>?
  ) {
    let frame = WebSocketFrame(
      fin: true, opcode: opcode, maskKey: role == .client ? .random() : nil, data: bytes)
    context.write(Self.wrapOutboundOut(frame), promise: promise)
    if flushes { context.flush() }
  }
}
