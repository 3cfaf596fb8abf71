internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket
internal import Synchronization

/// Makes links to listeners.
package struct Dialer: Sendable {
  package let limits: TransportLimits
  /// Whose certificates are believed where TLS is spoken.
  package let trust: Trust

  package init(limits: TransportLimits = TransportLimits(), trust: Trust = Trust()) {
    self.limits = limits
    self.trust = trust
  }

  /// Connects, and shakes hands where the address asks for TLS and for a WebSocket.
  /// - Throws: `unresolved`, `refused`, `timedOut`, `unreachable`, `upgradeRefused`, `reset`;
  ///   `insecure`, `untrusted`, `wrongName`, `badCertificate` where TLS is asked for;
  ///   `unsupported` for paths; `cancelled` when the task was.
  package func connect(to address: Address) async throws(TransportError) -> Connection {
    switch address {
    case .tcp(let endpoint):
      let wire = Wire(limits: limits, place: "tcp \(endpoint)")
      return try await connect(endpoint, address) { channel in
        channel.eventLoop.makeCompletedFuture {
          try makeStream(channel, wire)
        }
      }
    case .webSocket(let endpoint, let path):
      return try await connect(endpoint, address) { channel in
        channel.eventLoop.makeCompletedFuture {
          try makeWebSocket(channel, endpoint, path, nil)
        }
      }
    case .secureWebSocket(let endpoint, let path):
      let context = try trust.context(shutdownMilliseconds: limits.closeMilliseconds)
      do throws(TransportError) {
        return try await connect(endpoint, address) { channel in
          channel.eventLoop.makeCompletedFuture {
            try makeWebSocket(channel, endpoint, path, context)
          }
        }
      } catch {
        guard error.code == .untrusted else { throw error }
        throw TransportError(
          .untrusted, at: error.place, await complaint(about: endpoint, context))
      }
    case .path(let path):
      throw TransportError(
        .unsupported, at: path, "it is a path, and a store on this machine is opened, not dialed")
    }
  }

  /// A channel that is or is about to be connected, and what it becomes.
  private struct Making: Sendable {
    let channel: any Channel
    let connection: EventLoopFuture<Connection>
    /// What the peer has answered so far; nil where no answer is waited for.
    var answer: Answer?
  }

  private func connect(
    _ endpoint: Endpoint, _ address: Address,
    _ make: @escaping @Sendable (any Channel) -> EventLoopFuture<Making>
  ) async throws(TransportError) -> Connection {
    let attempt = Attempt()
    let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(.milliseconds(Int64(limits.connectMilliseconds)))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    let result: Result<Connection, TransportError> = await withTaskCancellationHandler {
      let making: Making
      do {
        making = try await bootstrap.connect(host: endpoint.host, port: endpoint.port) { channel in
          attempt.watch(channel)
          return make(channel)
        }
      } catch {
        return .failure(
          TransportError(
            notConnectedBy: error, at: address.description,
            milliseconds: limits.connectMilliseconds))
      }
      return await finish(making, at: address.description, host: endpoint.host)
    } onCancel: {
      attempt.cancel()
    }
    if case .failure = result, Task.isCancelled {
      throw TransportError(.cancelled, at: address.description, "connecting was cancelled")
    }
    return try result.get()
  }

  /// Waits for the handshake, for a bounded time.
  private func finish(
    _ making: Making, at place: String, host: String
  ) async -> Result<Connection, TransportError> {
    let deadline = making.channel.eventLoop.scheduleTask(
      in: .milliseconds(Int64(limits.handshakeMilliseconds))
    ) {
      making.answer?.isLate.store(true, ordering: .relaxed)
      making.channel.close(promise: nil)
    }
    defer { deadline.cancel() }
    do {
      return .success(try await making.connection.get())
    } catch {
      making.channel.close(promise: nil)
      if let cause = making.answer?.failure.withLock({ $0 }),
        let failure = TransportError(notSecuredBy: cause, at: place, host: host)
      {
        return .failure(failure)
      }
      let status = making.answer?.status.load(ordering: .relaxed) ?? 0
      if status == 426 {
        return .failure(
          TransportError(
            .upgradeRefused, at: place,
            "it answers those only who speak TLS; use wss:// instead of ws://"))
      }
      if status != 0 {
        return .failure(
          TransportError(
            .upgradeRefused, at: place,
            "an HTTP server answered with status \(status), not with a WebSocket"))
      }
      if making.answer?.isLate.load(ordering: .relaxed) ?? false {
        return .failure(
          TransportError(
            .timedOut, at: place,
            "it did not complete the handshake within \(limits.handshakeMilliseconds) ms"))
      }
      return .failure(TransportError(notUpgradedBy: error, at: place))
    }
  }

  private func makeStream(_ channel: any Channel, _ wire: Wire) throws -> Making {
    try channel.pipeline.syncOperations.addHandler(WireHandler(wire))
    let connection = Connection(
      kind: .tcp, channel: channel, wire: wire, requestTarget: nil, limits: limits)
    return Making(
      channel: channel, connection: channel.eventLoop.makeSucceededFuture(connection))
  }

  private func makeWebSocket(
    _ channel: any Channel, _ endpoint: Endpoint, _ path: String, _ security: NIOSSLContext?
  ) throws -> Making {
    let limits = limits
    let scheme = security == nil ? "ws" : "wss"
    if let security {
      try channel.pipeline.syncOperations.addHandler(
        NIOSSLClientHandler(context: security, serverHostname: endpoint.serverName))
    }
    let upgrader = NIOTypedWebSocketClientUpgrader<Connection>(
      maxFrameSize: limits.webSocketFrameBytesMax, enableAutomaticErrorHandling: false
    ) { channel, _ in
      channel.eventLoop.makeCompletedFuture {
        let wire = Wire(limits: limits, place: "\(scheme) \(endpoint)\(path)")
        try channel.pipeline.syncOperations.addHandlers([
          WebSocketHandler(role: .client, place: wire.place), WireHandler(wire),
        ])
        return Connection(
          kind: .webSocket, channel: channel, wire: wire, requestTarget: path, limits: limits)
      }
    }
    let configuration = NIOTypedHTTPClientUpgradeConfiguration(
      upgradeRequestHead: HTTPRequestHead(
        version: .http1_1, method: .GET, uri: path, headers: ["Host": endpoint.description]),
      upgraders: [upgrader],
      notUpgradingCompletionHandler: { channel in
        channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
      })

    let answer = Answer()
    let encoder = HTTPRequestEncoder()
    let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
    let observer = AnswerObserver(answer)
    let upgrade = NIOTypedHTTPClientUpgradeHandler<Connection>(
      httpHandlers: [encoder, decoder, observer], upgradeConfiguration: configuration)
    try channel.pipeline.syncOperations.addHandlers([encoder, decoder, observer, upgrade])
    return Making(
      channel: channel, connection: upgrade.upgradeResultFuture, answer: answer)
  }
}

/// How an upgrade is going.
private final class Answer: Sendable {
  /// The status of an answer that does not upgrade; 0 while there is none.
  let status = Atomic<UInt>(0)
  let isLate = Atomic<Bool>(false)
  /// What went wrong first.
  let failure = Mutex<(any Error)?>(nil)
}

/// Notes the status of an HTTP server that does not upgrade, and what broke on the way there, for
/// the error.
private final class AnswerObserver: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let answer: Answer

  init(_ answer: Answer) {
    self.answer = answer
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .head(let head) = Self.unwrapInboundIn(data), head.status != .switchingProtocols {
      answer.status.store(head.status.code, ordering: .relaxed)
    }
    context.fireChannelRead(data)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answer.failure.withLock { if $0 == nil { $0 = error } }
    context.fireErrorCaught(error)
  }
}

/// The channels of one call to `connect`, of which there are several when a name has several
/// addresses.
private final class Attempt: Sendable {
  private struct State {
    var channels: [any Channel] = []
    var isCancelled = false
  }

  private let state = Mutex(State())

  func watch(_ channel: any Channel) {
    let isCancelled = state.withLock { state in
      if !state.isCancelled { state.channels.append(channel) }
      return state.isCancelled
    }
    if isCancelled { channel.close(promise: nil) }
  }

  func cancel() {
    let channels = state.withLock { state in
      state.isCancelled = true
      defer { state.channels = [] }
      return state.channels
    }
    for channel in channels { channel.close(promise: nil) }
  }
}
