internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import NIOWebSocket

/// Finds out what an accepted connection is. Its first bytes tell: the greeting of TLS, inside of
/// which everything begins anew; a method of HTTP; or anything else, which is a raw stream. (A raw
/// stream begins with the length of its first frame, whose first byte is 0.) Who speaks TLS where
/// it is not spoken, or the other way round, is told so as far as their protocol has words for it.
final class Reception: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Outcome: Sendable {
    case link(Connection)
    /// A plain request is being answered; the connection closes itself.
    case plain
    /// It was told that it is wrong here, and is given time to read that.
    case refused
  }

  enum Security {
    case none
    /// Nothing else is spoken on this port.
    case wanted(ListenerIdentity)
    /// This is inside of TLS.
    case done

    fileprivate var isDone: Bool { if case .done = self { true } else { false } }
  }

  private enum Kind {
    case tls
    case http
    case stream
  }

  private static let methods: [StaticString] = ["GET ", "HEAD", "POST", "PUT ", "OPTI", "DELE"]

  private let limits: TransportLimits
  private let security: Security
  private let respond: @Sendable (PlainRequest) async -> PlainResponse
  private let outcome: EventLoopPromise<Outcome>
  private var seen = ByteBuffer()
  private var isDecided = false
  private var isRefused = false

  init(
    limits: TransportLimits, security: Security,
    respond: @escaping @Sendable (PlainRequest) async -> PlainResponse,
    outcome: EventLoopPromise<Outcome>
  ) {
    self.limits = limits
    self.security = security
    self.respond = respond
    self.outcome = outcome
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isRefused else { return }
    guard !isDecided else { return context.fireChannelRead(data) }
    var bytes = Self.unwrapInboundIn(data)
    seen.writeBuffer(&bytes)
    guard let kind = Self.kind(of: seen.readableBytesView) else { return }
    isDecided = true
    do {
      switch (kind, security) {
      case (.tls, .wanted(let identity)): try receiveTLS(context, identity)
      case (.tls, .none): return refuseTLS(context)
      case (.tls, .done), (.stream, .wanted): throw ChannelError.operationUnsupported
      case (.http, .wanted): try receiveUnsecured(context)
      case (.http, .none), (.http, .done): try receiveHTTP(context)
      case (.stream, .none), (.stream, .done): try receiveStream(context)
      }
    } catch {
      outcome.fail(error)
      return context.close(promise: nil)
    }
    context.fireChannelRead(Self.wrapInboundOut(seen))
    context.fireChannelReadComplete()
    context.pipeline.syncOperations.removeHandler(self, promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    if !isDecided { outcome.fail(ChannelError.inputClosed) }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !isDecided else { return context.fireErrorCaught(error) }
    isDecided = true
    outcome.fail(error)
    context.close(promise: nil)
  }

  /// Nil while the bytes could still become one or the other.
  private static func kind(of bytes: ByteBufferView) -> Kind? {
    guard let first = bytes.first else { return nil }
    // A record of the TLS handshake, and the first byte of its version, which is 3 in all of them.
    if first == 0x16 {
      return bytes.dropFirst().first.map { $0 == 3 ? .tls : .stream }
    }
    let candidates = methods.filter { method in
      method.withUTF8Buffer { zip($0, bytes).allSatisfy { $0 == $1 } }
    }
    if candidates.isEmpty { return .stream }
    return bytes.count < 4 ? nil : .http
  }

  /// Inside of TLS the first bytes tell again.
  private func receiveTLS(_ context: ChannelHandlerContext, _ identity: ListenerIdentity) throws {
    try context.pipeline.syncOperations.addHandlers([
      NIOSSLServerHandler(context: identity.context),
      Reception(limits: limits, security: .done, respond: respond, outcome: outcome),
    ])
  }

  /// HTTP without TLS where that is wanted: the answer says so.
  private func receiveUnsecured(_ context: ChannelHandlerContext) throws {
    try context.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
    try context.pipeline.syncOperations.addHandlers([
      PlainHTTPHandler(respond: PlainResponse.tlsRequired), NotHTTPCloser(),
    ])
    outcome.succeed(.plain)
  }

  /// TLS where none is spoken. Whoever greets so knows an HTTP server without TLS by its answer.
  private func refuseTLS(_ context: ChannelHandlerContext) {
    isRefused = true
    let answer = context.channel.allocator.buffer(
      string: "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    context.writeAndFlush(Self.wrapOutboundOut(answer), promise: nil)
    // Closing while more of its greeting comes would reset the connection, and the answer with it.
    context.close(mode: .output, promise: nil)
    outcome.succeed(.refused)
  }

  private func receiveStream(_ context: ChannelHandlerContext) throws {
    let scheme = security.isDone ? "tls" : "tcp"
    let place = "\(scheme) \(context.remoteAddress?.endpoint.description ?? "unknown")"
    let wire = Wire(limits: limits, place: place)
    try context.pipeline.syncOperations.addHandler(WireHandler(wire))
    outcome.succeed(
      .link(
        Connection(
          kind: .tcp, channel: context.channel, wire: wire, requestTarget: nil, limits: limits)))
  }

  private func receiveHTTP(_ context: ChannelHandlerContext) throws {
    let limits = limits
    let respond = respond
    let scheme = security.isDone ? "wss" : "ws"
    let upgrader = NIOTypedWebSocketServerUpgrader<Outcome>(
      maxFrameSize: limits.webSocketFrameBytesMax, enableAutomaticErrorHandling: false,
      shouldUpgrade: { channel, head in
        let isMeant =
          head.method == .GET
          && head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "upgrade" }
        return channel.eventLoop.makeSucceededFuture(isMeant ? [:] : nil)
      },
      upgradePipelineHandler: { channel, head in
        channel.eventLoop.makeCompletedFuture {
          let place =
            "\(scheme) \(channel.remoteAddress?.endpoint.description ?? "unknown")"
          let wire = Wire(limits: limits, place: place)
          try channel.pipeline.syncOperations.addHandlers([
            WebSocketHandler(role: .server, place: place), WireHandler(wire),
          ])
          return .link(
            Connection(
              kind: .webSocket, channel: channel, wire: wire, requestTarget: head.uri,
              limits: limits))
        }
      })
    let configuration = NIOUpgradableHTTPServerPipelineConfiguration(
      upgradeConfiguration: NIOTypedHTTPServerUpgradeConfiguration<Outcome>(
        upgraders: [upgrader],
        notUpgradingCompletionHandler: { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(PlainHTTPHandler(respond: respond))
            return .plain
          }
        }))
    try context.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
      configuration: configuration
    ).cascade(to: outcome)
    try context.pipeline.syncOperations.addHandler(NotHTTPCloser())
  }
}

/// Hangs up on who began like HTTP and went on otherwise. The answer, status 400, has been written
/// by the handler that noticed; a failed upgrade is not of this kind and is answered later.
private final class NotHTTPCloser: ChannelInboundHandler {
  typealias InboundIn = NIOAny

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if error is HTTPParserError { context.close(promise: nil) }
    context.fireErrorCaught(error)
  }
}
