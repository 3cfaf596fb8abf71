internal import NIOCore

/// The last handler of every connection's pipeline: bytes to and from the `Wire`.
final class WireHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let wire: Wire

  init(_ wire: Wire) {
    self.wire = wire
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    wire.received(Self.unwrapInboundIn(data))
  }

  func read(context: ChannelHandlerContext) {
    if !wire.holdsReads() { context.read() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let farewell = event as? WebSocketHandler.PeerFarewell {
      wire.finish(.remote(farewell.reason))
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    wire.finish(.remote(""))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    wire.finish(.failed(TransportError(brokenBy: error, at: wire.place)))
    context.close(promise: nil)
  }
}
