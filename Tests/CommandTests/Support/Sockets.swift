import Foundation
import TestSupport

/// Throws bytes that mean nothing at a port.
enum Noise {
  static func throwAt(_ place: String, seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let port = UInt16(place.split(separator: ":").last ?? "") ?? 0
    for size in [1, 5, 64, 4_096, 70_000] {
      let socket = try Ports.connect(port)
      let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
      _ = bytes.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      close(socket)
    }
  }
}

enum Ports {
  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  static func connect(_ port: UInt16) throws -> Int32 {
    let socket = try makeSocket()
    var address = loopback(port)
    let status = withUnsafeBytes(of: &address) { bytes in
      Glibc.connect(
        socket, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
        socklen_t(bytes.count))
    }
    guard status == 0 else {
      close(socket)
      throw ToolError(description: "no connection to port \(port)")
    }
    return socket
  }

  /// A port that nobody listens on at this moment.
  static func free() throws -> Int {
    let (socket, port) = try bound()
    close(socket)
    return port
  }

  /// A socket that listens on a free port, and the port.
  static func listen() throws -> (Int32, Int) {
    let (socket, port) = try bound()
    guard Glibc.listen(socket, 64) == 0 else {
      close(socket)
      throw ToolError(description: "port \(port) cannot be listened on")
    }
    return (socket, port)
  }

  /// Whether a socket has something, waiting so long for it.
  static func isReadable(_ socket: Int32, withinMilliseconds milliseconds: Int32) -> Bool {
    var poll = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, milliseconds) > 0
  }

  private static func bound() throws -> (Int32, Int) {
    let socket = try makeSocket()
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutableBytes(of: &address) { bytes -> Int32 in
      let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
      return bind(socket, pointer, length) == 0 ? getsockname(socket, pointer, &length) : -1
    }
    guard status == 0 else {
      close(socket)
      throw ToolError(description: "no free port")
    }
    return (socket, Int(UInt16(bigEndian: address.sin_port)))
  }

  private static func makeSocket() throws -> Int32 {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard socket >= 0 else { throw ToolError(description: "no socket") }
    return socket
  }
}
