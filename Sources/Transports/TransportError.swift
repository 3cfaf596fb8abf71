/// Why a link could not be made, or why it ended badly: what happened, where, and what to do.
package struct TransportError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable, CaseIterable {
    /// The host name has no address.
    case unresolved
    /// Somebody answered: nobody listens there.
    case refused
    /// Nobody answered in time.
    case timedOut
    /// The network has no way there.
    case unreachable
    /// The address to listen on is taken, not ours, or not permitted.
    case cannotListen
    /// An HTTP server answered, and not with a WebSocket.
    case upgradeRefused
    /// TLS was asked for and cannot be agreed on, or is not spoken there.
    case insecure
    /// The certificate that is shown there is not believed.
    case untrusted
    /// The certificate that is shown there is believed, and somebody else's.
    case wrongName
    /// A file of certificates, or of a key, cannot be used.
    case badCertificate
    /// The peer sent bytes that the transport does not allow.
    case protocolViolation
    /// The connection broke.
    case reset
    /// The connection had ended before this call.
    case closed
    /// The task that waited was cancelled.
    case cancelled
    /// This version does not speak that.
    case unsupported
  }

  package let code: Code
  /// The address or peer that it happened with.
  package let place: String
  /// What happened, as the rest of a sentence.
  package let detail: String

  package init(_ code: Code, at place: String, _ detail: String) {
    self.code = code
    self.place = place
    self.detail = detail
  }

  package var description: String {
    "\(place): \(detail)"
  }
}
