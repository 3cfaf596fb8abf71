internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// How a listener has fared.
package struct ListenerStatistics: Equatable, Sendable {
  /// Connections open now, those still shaking hands included.
  package var open = 0
  /// Links handed over since the start.
  package var accepted = 0
  /// Connections closed at once because `connectionsMax` were open.
  package var refusedByLimit = 0
  /// Connections that ended, or ran out of time, before it was clear what they were.
  package var failedHandshakes = 0
}

/// Accepts links on one port. Raw streams and WebSockets may come to the same port: the dialer
/// speaks first, and its first bytes tell which it is. Plain HTTP requests are answered by
/// `respond`. With an identity the listener speaks TLS and nothing else.
package final class Listener: Sendable {
  /// The address that is listened on, with the real port when any free one was asked for.
  package let boundEndpoint: Endpoint
  /// The links that come in. For one consumer; ends after `close`. Dropping a connection closes it.
  package let connections: AsyncStream<Connection>

  private let channel: any Channel
  private let door: Door

  private init(
    channel: any Channel, door: Door, endpoint: Endpoint, connections: AsyncStream<Connection>
  ) {
    self.channel = channel
    self.door = door
    self.connections = connections
    boundEndpoint = endpoint
  }

  deinit {
    channel.close(promise: nil)
    door.links.finish()
  }

  /// Starts to listen. Port 0 takes any free port.
  /// - Throws: `cannotListen`, saying why.
  package static func bind(
    _ endpoint: Endpoint, limits: TransportLimits = TransportLimits(),
    identity: ListenerIdentity? = nil,
    respond: @escaping @Sendable (PlainRequest) async -> PlainResponse = PlainResponse.notFound
  ) async throws(TransportError) -> Listener {
    // Not bounded by the stream: `connectionsMax` bounds it.
    let (connections, links) = AsyncStream.makeStream(of: Connection.self)
    let door = Door(limits: limits, identity: identity, respond: respond, links: links)
    let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptPause())
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in door.receive(channel) }
    do {
      let channel = try await bootstrap.bind(host: endpoint.host, port: endpoint.port).get()
      return Listener(
        channel: channel, door: door, endpoint: channel.localAddress?.endpoint ?? endpoint,
        connections: connections)
    } catch {
      throw TransportError(notListeningBy: error, at: endpoint.description)
    }
  }

  package var statistics: ListenerStatistics {
    door.statistics.withLock { $0 }
  }

  /// Stops accepting and ends `connections`. Links that were handed over live on.
  package func close() async {
    door.links.finish()
    _ = try? await channel.close().get()
  }
}

/// Where accepted connections are counted, given a time limit and found out about.
private final class Door: Sendable {
  let limits: TransportLimits
  let identity: ListenerIdentity?
  let respond: @Sendable (PlainRequest) async -> PlainResponse
  let links: AsyncStream<Connection>.Continuation
  let statistics = Mutex(ListenerStatistics())

  init(
    limits: TransportLimits, identity: ListenerIdentity?,
    respond: @escaping @Sendable (PlainRequest) async -> PlainResponse,
    links: AsyncStream<Connection>.Continuation
  ) {
    self.limits = limits
    self.identity = identity
    self.respond = respond
    self.links = links
  }

  func receive(_ channel: any Channel) -> EventLoopFuture<Void> {
    let isAdmitted = statistics.withLock { statistics in
      guard statistics.open < limits.connectionsMax else {
        statistics.refusedByLimit += 1
        return false
      }
      statistics.open += 1
      return true
    }
    guard isAdmitted else {
      return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }

    let outcome = channel.eventLoop.makePromise(of: Reception.Outcome.self)
    let deadline = channel.eventLoop.scheduleTask(
      in: .milliseconds(Int64(limits.handshakeMilliseconds))
    ) {
      channel.close(promise: nil)
    }
    channel.closeFuture.whenComplete { _ in
      deadline.cancel()
      self.statistics.withLock { $0.open -= 1 }
    }
    outcome.futureResult.whenComplete { result in
      switch result {
      case .success(.link(let connection)):
        deadline.cancel()
        self.statistics.withLock { $0.accepted += 1 }
        // When nobody takes connections any more, this one is dropped here, which closes it.
        self.links.yield(connection)
      case .success(.plain):
        break
      case .success(.refused):
        self.statistics.withLock { $0.failedHandshakes += 1 }
      case .failure:
        self.statistics.withLock { $0.failedHandshakes += 1 }
        channel.close(promise: nil)
      }
    }
    return channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(
        Reception(
          limits: limits, security: identity.map { .wanted($0) } ?? .none, respond: respond,
          outcome: outcome))
    }
  }
}

/// Waits a little after an accept that failed, as it does when the process has no file descriptor
/// left; otherwise the loop would spin on the same error.
private final class AcceptPause: ChannelDuplexHandler {
  typealias InboundIn = any Channel
  typealias OutboundIn = Never

  private static let pause = TimeAmount.milliseconds(200)
  private var isPaused = false
  private var readWaits = false

  func read(context: ChannelHandlerContext) {
    if isPaused { readWaits = true } else { context.read() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !isPaused else { return }
    isPaused = true
    context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
      self.isPaused = false
      if self.readWaits {
        self.readWaits = false
        context.read()
      }
    }
  }
}
