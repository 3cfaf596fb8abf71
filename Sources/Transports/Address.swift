internal import NIOCore

/// A text that is not an address: a plain sentence that says which part is wrong.
package struct AddressError: Error, Equatable, Sendable, CustomStringConvertible {
  package let text: String
  package let reason: String

  package var description: String {
    "'\(text)' is not an address: \(reason)"
  }
}

/// `HOST:PORT`, an IPv6 host in brackets. Port 0 stands for any free port when listening.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  /// A name, an IPv4 address, or an IPv6 address without its brackets.
  package var host: String
  package var port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  package init(_ text: String) throws(AddressError) {
    self = try Endpoint(text[...], in: text, defaultPort: nil)
  }

  package var description: String {
    host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

/// Where a peer is: another machine, or another store on this one.
package enum Address: Hashable, Sendable, CustomStringConvertible {
  /// `tcp://HOST:PORT`, a replica.
  case tcp(Endpoint)
  /// `ws://HOST:PORT/PATH`, a relay.
  case webSocket(Endpoint, path: String)
  /// `wss://HOST:PORT/PATH`, a relay, over TLS.
  case secureWebSocket(Endpoint, path: String)
  /// The path of a store on this machine: everything without a scheme.
  case path(String)

  package init(_ text: String) throws(AddressError) {
    guard !text.isEmpty else {
      throw AddressError(text: text, reason: "it is empty")
    }
    guard let (scheme, rest) = Self.splitScheme(text) else {
      self = .path(text)
      return
    }
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let path = try Self.checkedPath(rest[authority.endIndex...], in: text)
    switch scheme {
    case "tcp":
      let endpoint = try Endpoint(authority, in: text, defaultPort: nil, dialable: true)
      guard path == "/" else {
        throw AddressError(text: text, reason: "a tcp:// address ends after the port")
      }
      self = .tcp(endpoint)
    case "ws":
      let endpoint = try Endpoint(authority, in: text, defaultPort: 80, dialable: true)
      self = .webSocket(endpoint, path: path)
    case "wss":
      let endpoint = try Endpoint(authority, in: text, defaultPort: 443, dialable: true)
      self = .secureWebSocket(endpoint, path: path)
    default:
      throw AddressError(
        text: text,
        reason: "the scheme '\(scheme)' is unknown; use tcp://, ws://, wss:// or a path")
    }
  }

  package var description: String {
    switch self {
    case .tcp(let endpoint): "tcp://\(endpoint)"
    case .webSocket(let endpoint, let path): "ws://\(endpoint)\(path)"
    case .secureWebSocket(let endpoint, let path): "wss://\(endpoint)\(path)"
    case .path(let path): path
    }
  }

  /// The part before `://`, when that part can be a scheme: `a/b://c` is a path.
  private static func splitScheme(_ text: String) -> (scheme: String, rest: Substring)? {
    let scheme = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    let rest = text[scheme.endIndex...]
    guard let first = scheme.first, first.isLetter, rest.hasPrefix("://") else { return nil }
    return (scheme.lowercased(), rest.dropFirst(3))
  }

  /// What goes into the request line of an upgrade: only printable ASCII, so that nothing can be
  /// smuggled in.
  private static func checkedPath(
    _ path: Substring, in text: String
  ) throws(AddressError) -> String {
    for byte in path.utf8 where byte <= 0x20 || byte >= 0x7F {
      throw AddressError(
        text: text, reason: "its path holds a character that must be percent-encoded")
    }
    guard !path.contains("#") else {
      throw AddressError(text: text, reason: "it must not hold '#'")
    }
    return path.hasPrefix("/") ? String(path) : "/" + path
  }
}

extension Endpoint {
  /// Reads `HOST`, `HOST:PORT` or `[IPv6]:PORT`; errors quote the whole `text`.
  fileprivate init(
    _ authority: Substring, in text: String, defaultPort: Int?, dialable: Bool = false
  ) throws(AddressError) {
    func refusal(_ reason: String) -> AddressError { AddressError(text: text, reason: reason) }

    guard !authority.contains("@") else {
      throw refusal("user names and passwords have no place in it")
    }
    let host: Substring
    let afterHost: Substring
    if authority.first == "[" {
      guard let end = authority.firstIndex(of: "]") else {
        throw refusal("the ']' after the IPv6 address is missing")
      }
      host = authority[..<end].dropFirst()
      afterHost = authority[authority.index(after: end)...]
      guard Self.isIPv6(host) else {
        throw refusal("'\(host)' is not an IPv6 address")
      }
    } else {
      host = authority.prefix { $0 != ":" }
      afterHost = authority[host.endIndex...]
      guard !afterHost.dropFirst().contains(":") else {
        throw refusal("an IPv6 address goes in brackets, as in [::1]:7000")
      }
      guard !host.isEmpty else {
        throw refusal(
          "the host before the port is missing; write 0.0.0.0 or [::] for every interface")
      }
      guard host.utf8.count <= 253, host.utf8.allSatisfy(Self.isHostByte) else {
        throw refusal("'\(host)' is not a host name")
      }
    }

    self.host = String(host)
    if afterHost.isEmpty {
      guard let defaultPort else { throw refusal("the port is missing, as in \(authority):7000") }
      port = defaultPort
      return
    }
    let digits = afterHost.dropFirst()
    guard
      afterHost.first == ":", !digits.isEmpty,
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(digits), number <= 65_535
    else {
      throw refusal("the port must be a number from \(dialable ? 1 : 0) to 65535")
    }
    guard number > 0 || !dialable else {
      throw refusal("port 0 can be listened on, not connected to")
    }
    port = number
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// Accepts a zone (`fe80::1%eth0`), which only the operating system can check.
  private static func isIPv6(_ text: Substring) -> Bool {
    let address = text.prefix { $0 != "%" }
    let zone = text[address.endIndex...]
    guard zone.isEmpty || (zone.utf8.count > 1 && zone.dropFirst().utf8.allSatisfy(isHostByte))
    else { return false }
    guard let parsed = try? SocketAddress(ipAddress: String(address), port: 0) else { return false }
    if case .v6 = parsed { return true }
    return false
  }
}
