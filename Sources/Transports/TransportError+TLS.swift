internal import NIOSSL

extension TransportError {
  /// What an error of the TLS layer means to whoever dialled; nil for errors of other layers.
  init?(notSecuredBy error: any Error, at place: String, host: String) {
    switch error {
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      self.init(
        .wrongName, at: place,
        "its certificate is for another name than '\(host)'; use a name that is in it, or have it "
          + "made for this one")
    case let error as NIOSSLExtraError:
      self.init(.insecure, at: place, "TLS cannot be spoken with it: \(error)")
    case NIOSSLError.handshakeFailed(let cause):
      self.init(handshakeFailedBy: cause, at: place)
    case is NIOSSLError, is BoringSSLError, is NIOSSLCloseTimedOutError:
      self.init(.insecure, at: place, "TLS cannot be spoken with it: \(tlsReason(error))")
    default:
      return nil
    }
  }

  private init(handshakeFailedBy error: BoringSSLError, at place: String) {
    let reason = tlsReason(error)
    switch reason {
    case "CERTIFICATE_VERIFY_FAILED":
      self.init(.untrusted, at: place, "its certificate is not one that is trusted here")
    case "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "INVALID_RECORD", "UNEXPECTED_RECORD",
      "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE":
      self.init(
        .insecure, at: place,
        "what answers there does not speak TLS; the address of a relay without TLS begins with "
          + "ws://")
    case "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION":
      self.init(.insecure, at: place, "it speaks no TLS of version 1.2 or newer")
    case "EOF during handshake":
      self.init(
        .insecure, at: place,
        "it hung up while TLS was being agreed on; the address of a relay without TLS begins with "
          + "ws://")
    default:
      self.init(.insecure, at: place, "TLS could not be agreed on: \(reason)")
    }
  }
}

/// BoringSSL's own short word for what failed, as in `WRONG_VERSION_NUMBER`; its whole text where
/// there is none.
func tlsReason(_ error: any Error) -> String {
  let stack: NIOBoringSSLErrorStack
  switch error {
  case NIOSSLError.handshakeFailed(let cause), NIOSSLError.shutdownFailed(let cause):
    return tlsReason(cause)
  case NIOSSLError.uncleanShutdown: return "the peer hung up without a word"
  case BoringSSLError.sslError(let errors), BoringSSLError.unknownError(let errors): stack = errors
  default: return "\(error)"
  }
  guard let first = stack.first else { return "\(error)" }
  if first == .eofDuringHandshake { return "EOF during handshake" }
  let text = first.description
  guard let start = text.firstRange(of: "OPENSSL_internal:")?.upperBound else { return text }
  return String(text[start...].prefix { $0 != " " })
}
