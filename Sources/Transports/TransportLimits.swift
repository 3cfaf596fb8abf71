/// What one listener or dialer allows. Times are milliseconds, sizes are bytes.
package struct TransportLimits: Sendable {
  /// Connections open at once on a listener, those still shaking hands included. One more is closed
  /// as soon as it is accepted.
  package var connectionsMax = 1024
  /// From accepting a connection until its first bytes have shown what it is, and TLS and an
  /// upgrade are done; and on the dialing side from being connected until both are done.
  package var handshakeMilliseconds = 10_000
  /// Resolving a name and connecting.
  package var connectMilliseconds = 10_000
  /// How long closing waits for what was sent to leave and for the peer to close too.
  package var closeMilliseconds = 2_000
  /// Bytes read and not yet consumed at which reading pauses. One read more than this may wait.
  package var inboundBytes = 256 * 1024
  /// Bytes sent and not yet taken by the operating system beyond which `send` suspends.
  package var outboundBytes = 1024 * 1024
  /// The largest WebSocket frame that is accepted.
  package var webSocketFrameBytesMax = 1024 * 1024

  package init() {}
}
