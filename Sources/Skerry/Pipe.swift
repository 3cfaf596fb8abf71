internal import Transports

/// A link's ordered stream of bytes, whatever carries it.
protocol ByteChannel: Sendable {
  /// What is at the other end, in words.
  var place: String { get }
  /// The next bytes; nil when the other side ended in good order.
  func receive() async throws(ReplicaError) -> [UInt8]?
  /// Returns once the bytes are on their way; waits while too many are.
  func send(_ bytes: [UInt8]) async throws(ReplicaError)
  func close(_ reason: String) async
}

/// One end of a stream of bytes inside this process.
final class Pipe: ByteChannel {
  let place: String
  private let inbound: AsyncStream<[UInt8]>
  private let feed: AsyncStream<[UInt8]>.Continuation
  private let outbound: AsyncStream<[UInt8]>.Continuation

  private init(
    _ place: String, inbound: AsyncStream<[UInt8]>, feed: AsyncStream<[UInt8]>.Continuation,
    outbound: AsyncStream<[UInt8]>.Continuation
  ) {
    self.place = place
    self.inbound = inbound
    self.feed = feed
    self.outbound = outbound
  }

  static func pair(_ place: String) -> (Pipe, Pipe) {
    let (first, feedFirst) = AsyncStream<[UInt8]>.makeStream()
    let (second, feedSecond) = AsyncStream<[UInt8]>.makeStream()
    return (
      Pipe(place, inbound: first, feed: feedFirst, outbound: feedSecond),
      Pipe(place, inbound: second, feed: feedSecond, outbound: feedFirst)
    )
  }

  /// One consumer.
  func receive() async -> [UInt8]? {
    for await bytes in inbound { return bytes }
    return nil
  }

  func send(_ bytes: [UInt8]) {
    outbound.yield(bytes)
  }

  func close(_ reason: String) {
    outbound.finish()
    feed.finish()
  }
}

/// A connection over a network.
struct NetworkChannel: ByteChannel {
  let connection: Connection

  var place: String { connection.remoteDescription }

  func receive() async throws(ReplicaError) -> [UInt8]? {
    do throws(TransportError) {
      return try await connection.receive()
    } catch {
      throw ReplicaError(.unreachable, error.description)
    }
  }

  func send(_ bytes: [UInt8]) async throws(ReplicaError) {
    do throws(TransportError) {
      try await connection.send(bytes)
    } catch {
      throw ReplicaError(.unreachable, error.description)
    }
  }

  func close(_ reason: String) async {
    await connection.close(reason)
  }
}
