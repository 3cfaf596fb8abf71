internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// Finds out what an accepted connection is. Its first bytes tell: a method of HTTP, or anything
/// else, which is a raw stream. (A raw stream begins with the length of its first frame, whose
/// first byte is 0.)
final class Reception: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  enum Outcome: Sendable {
    case link(Connection)
    /// A plain request is being answered; the connection closes itself.
    case plain
  }

  private static let methods: [StaticString] = ["GET ", "HEAD", "POST", "PUT ", "OPTI", "DELE"]

  private let limits: TransportLimits
  private let respond: @Sendable (PlainRequest) async -> PlainResponse
  private let outcome: EventLoopPromise<Outcome>
  private var seen = ByteBuffer()
  private var isDecided = false

  init(
    limits: TransportLimits, respond: @escaping @Sendable (PlainRequest) async -> PlainResponse,
    outcome: EventLoopPromise<Outcome>
  ) {
    self.limits = limits
    self.respond = respond
    self.outcome = outcome
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDecided else { return context.fireChannelRead(data) }
    var bytes = Self.unwrapInboundIn(data)
    seen.writeBuffer(&bytes)
    guard let isHTTP = Self.isHTTP(seen.readableBytesView) else { return }
    isDecided = true
    do {
      try isHTTP ? receiveHTTP(context) : receiveStream(context)
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

  /// Nil while the bytes could still become either.
  private static func isHTTP(_ bytes: ByteBufferView) -> Bool? {
    guard !bytes.isEmpty else { return nil }
    let candidates = methods.filter { method in
      method.withUTF8Buffer { zip($0, bytes).allSatisfy { $0 == $1 } }
    }
    if candidates.isEmpty { return false }
    return bytes.count < 4 ? nil : true
  }

  private func receiveStream(_ context: ChannelHandlerContext) throws {
    let place = "tcp \(context.remoteAddress?.endpoint.description ?? "unknown")"
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
            "ws \(channel.remoteAddress?.endpoint.description ?? "unknown")"
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
