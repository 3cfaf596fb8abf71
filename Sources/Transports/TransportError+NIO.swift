internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

extension TransportError {
  /// What ended a connection that had been made.
  init(brokenBy error: any Error, at place: String) {
    switch error {
    case let error as TransportError:
      self = error
    case let error as IOError:
      self.init(.reset, at: place, "the connection broke: \(systemMessage(error.errnoCode))")
    case is HTTPParserError:
      self.init(.protocolViolation, at: place, "the peer sent something that is not HTTP")
    case is NIOSSLError, is BoringSSLError:
      self.init(.reset, at: place, "the connection broke: \(tlsReason(error))")
    default:
      self.init(.reset, at: place, "the connection broke: \(error)")
    }
  }

  /// What kept a connection from being made.
  init(notConnectedBy error: any Error, at place: String, milliseconds: Int) {
    switch error {
    case let error as TransportError:
      self = error
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first {
        self.init(notConnectedBy: first.error, at: place, milliseconds: milliseconds)
      } else {
        self.init(.unresolved, at: place, "the host '\(error.host)' has no address")
      }
    case ChannelError.connectTimeout:
      self.init(.timedOut, at: place, "nobody answered within \(milliseconds) ms")
    case let error as IOError where error.errnoCode == ECONNREFUSED:
      self.init(.refused, at: place, "the connection was refused; nobody listens there")
    case let error as IOError where error.errnoCode == ETIMEDOUT:
      self.init(.timedOut, at: place, "nobody answered")
    case let error as IOError where error.errnoCode == ECONNRESET:
      self.init(.reset, at: place, "the connection was reset while it was being made")
    case let error as IOError:
      self.init(.unreachable, at: place, "it cannot be reached: \(systemMessage(error.errnoCode))")
    case is SocketAddressError:
      self.init(.unresolved, at: place, "the host has no address")
    default:
      self.init(.unreachable, at: place, "it cannot be reached: \(error)")
    }
  }

  /// What kept an upgrade from being done on a connection that had been made.
  init(notUpgradedBy error: any Error, at place: String) {
    switch error {
    case is HTTPParserError:
      self.init(.upgradeRefused, at: place, "what answered does not speak HTTP")
    case is IOError, is TransportError:
      self.init(brokenBy: error, at: place)
    default:
      self.init(.upgradeRefused, at: place, "the peer hung up, or did not upgrade to a WebSocket")
    }
  }

  init(notListeningBy error: any Error, at place: String) {
    let what =
      switch error {
      case let error as IOError: systemMessage(error.errnoCode)
      case is SocketAddressError: "the host has no address"
      default: "\(error)"
      }
    self.init(.cannotListen, at: place, "cannot listen there: \(what)")
  }
}

func systemMessage(_ code: CInt) -> String {
  // `strerror` may share its buffer between threads; `strerror_r` has two incompatible forms in C.
  // The few that people meet are spelled out, the others keep their number.
  switch code {
  case EADDRINUSE: "the address is already in use"
  case EADDRNOTAVAIL: "the address is not one of this machine's"
  case EACCES, EPERM: "permission denied"
  case ENOENT, ENOTDIR: "there is no such file"
  case ECONNRESET: "reset by the peer"
  case EPIPE: "the peer is gone"
  case ENETUNREACH: "there is no network that leads there"
  case EHOSTUNREACH: "there is no route to the host"
  case EMFILE, ENFILE: "too many open files"
  case ETIMEDOUT: "the peer no longer answers"
  default: "system error \(code)"
  }
}

extension SocketAddress {
  /// As in an address: an IPv6 host in brackets.
  var endpoint: Endpoint {
    Endpoint(host: ipAddress ?? "unix", port: port ?? 0)
  }
}
