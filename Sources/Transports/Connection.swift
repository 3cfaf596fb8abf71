internal import NIOCore
internal import Synchronization

/// One live byte stream to a peer, over TCP or WebSocket, made by a `Dialer` or accepted by a
/// `Listener`.
///
/// Bytes arrive in order and in chunks of any size; where the peer's sends began and ended is not
/// kept. Both directions push back: reading pauses while the consumer lags, and `send` suspends
/// while too much waits. Nothing is closed for being idle. Dropping the last reference closes the
/// connection.
package final class Connection: Sendable, Identifiable {
  package enum Kind: String, Sendable {
    case tcp
    case webSocket = "ws"
  }

  /// How a connection came to its end.
  package enum Ending: Equatable, Sendable {
    /// `close` was called here, with this reason.
    case local(String)
    /// The peer closed it; the reason is empty unless it came with one.
    case remote(String)
    /// It broke.
    case failed(TransportError)
  }

  /// Unique in this process.
  package let id: UInt64
  package let kind: Kind
  /// For people and logs, as in `tcp 127.0.0.1:40112`.
  package let remoteDescription: String
  /// Path and query of the request that was upgraded; nil for TCP.
  package let requestTarget: String?

  private let channel: any Channel
  private let wire: Wire
  private let closeMilliseconds: Int
  private static let nextID = Atomic<UInt64>(1)

  init(
    kind: Kind, channel: any Channel, wire: Wire, requestTarget: String?, limits: TransportLimits
  ) {
    id = Self.nextID.wrappingAdd(1, ordering: .relaxed).oldValue
    self.kind = kind
    self.channel = channel
    self.wire = wire
    self.requestTarget = requestTarget
    remoteDescription = wire.place
    closeMilliseconds = limits.closeMilliseconds
  }

  deinit {
    channel.close(promise: nil)
  }

  /// Nil while the connection is open.
  package var ending: Ending? {
    wire.ending
  }

  /// The bytes that arrive, for one consumer.
  package var inbound: Inbound {
    Inbound(connection: self)
  }

  /// The bytes that arrived since the last call; suspends while there are none.
  /// - Returns: nil when the connection has ended in good order and everything was taken.
  /// - Throws: what broke the connection, after everything that had arrived was taken; `cancelled`
  ///   when the waiting task was.
  package func receive() async throws(TransportError) -> [UInt8]? {
    let (bytes, resumesReading) = try await wire.take()
    if resumesReading { channel.read() }
    return bytes
  }

  /// Queues bytes and returns; suspends first while too much waits to be written. That it returned
  /// says nothing about arrival. Sends of one task keep their order; sends of several tasks are
  /// each kept whole.
  /// - Throws: `closed` or what broke the connection; `cancelled` when the waiting task was, in
  ///   which case nothing was queued.
  package func send(_ bytes: [UInt8]) async throws(TransportError) {
    guard !bytes.isEmpty else { return }
    try await wire.reserve(bytes.count)
    let written = channel.eventLoop.makePromise(of: Void.self)
    written.futureResult.whenComplete { [wire] _ in wire.release(bytes.count) }
    channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: written)
  }

  /// Ends the connection: lets what was sent leave, says goodbye, and waits for the peer to close
  /// as well, for a bounded time. Bytes that arrive meanwhile are dropped. May be called again and
  /// again.
  package func close(_ reason: String = "") async {
    if wire.finish(.local(reason)) {
      if kind == .webSocket {
        channel.triggerUserOutboundEvent(WebSocketHandler.Farewell(reason: reason), promise: nil)
      }
      // Closing both directions while the peer's bytes are unread would reset the connection, and
      // the peer might lose what was sent last. So: close one direction, read on, then close the
      // other.
      channel.close(mode: .output, promise: nil)
      channel.read()
      let deadline = channel.eventLoop.scheduleTask(in: .milliseconds(Int64(closeMilliseconds))) {
        [channel] in channel.close(promise: nil)
      }
      channel.closeFuture.whenComplete { _ in deadline.cancel() }
    } else if case .local = wire.ending {
      // Already on its way.
    } else {
      channel.close(promise: nil)
    }
    _ = try? await channel.closeFuture.get()
  }
}

/// The chunks of bytes that arrive on a connection. See `Connection.receive`.
package struct Inbound: AsyncSequence, Sendable {
  package typealias Element = [UInt8]
  package typealias Failure = TransportError

  fileprivate let connection: Connection

  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let connection: Connection

    package mutating func next() async throws -> [UInt8]? {
      try await connection.receive()
    }

    package mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(TransportError) -> [UInt8]? {
      try await connection.receive()
    }
  }

  package func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(connection: connection)
  }
}
