import TestSupport
import Testing

@testable import Transports

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Everything with sockets, one test after the other: they keep time, and in a debug build a few of
/// them keep every core busy.
@Suite(.serialized, .timeLimit(.minutes(1)))
enum LinkTests {}

/// A long stream of bytes that anybody can check at any offset: a random block of prime length,
/// repeated.
struct Pattern: Sendable {
  static let shared = Pattern()
  private let block: [UInt8]
  private static let period = 1_000_003

  private init() {
    var random = SeededGenerator(seed: 42)
    var block: [UInt8] = []
    while block.count < Self.period {
      withUnsafeBytes(of: random.next()) { block.append(contentsOf: $0) }
    }
    self.block = Array(block.prefix(Self.period))
  }

  func bytes(at offset: Int, count: Int) -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count {
      let start = (offset + result.count) % Self.period
      let end = min(Self.period, start + count - result.count)
      result.append(contentsOf: block[start..<end])
    }
    return result
  }

  func matches(_ bytes: [UInt8], at offset: Int) -> Bool {
    let expected = self.bytes(at: offset, count: bytes.count)
    return expected.withUnsafeBytes { left in
      bytes.withUnsafeBytes { right in
        left.count == right.count
          && (left.isEmpty || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0)
      }
    }
  }
}

/// A listener on loopback and a handler for each link, for the length of `body`.
func withListener<Result>(
  on endpoint: Endpoint = Endpoint(host: "127.0.0.1", port: 0),
  limits: TransportLimits = TransportLimits(), identity: ListenerIdentity? = nil,
  respond: @escaping @Sendable (PlainRequest) async -> PlainResponse = PlainResponse.notFound,
  serve: @escaping @Sendable (Connection) async -> Void,
  body: (Listener) async throws -> Result
) async throws -> Result {
  let listener = try await Listener.bind(
    endpoint, limits: limits, identity: identity, respond: respond)
  let serving = Task {
    await withTaskGroup(of: Void.self) { group in
      for await connection in listener.connections {
        group.addTask { await serve(connection) }
      }
    }
  }
  defer { serving.cancel() }
  let result = try await body(listener)
  await listener.close()
  return result
}

@Sendable
func echo(_ connection: Connection) async {
  do {
    while let bytes = try await connection.receive() {
      try await connection.send(bytes)
    }
  } catch {}
  await connection.close()
}

/// A peer that is there and takes nothing.
@Sendable
func neverRead(_ connection: Connection) async {
  try? await Task.sleep(for: .seconds(60))
  await connection.close()
}

extension TransportLimits {
  /// Closing gives up soon on a peer that does not read.
  static var hasty: TransportLimits {
    var limits = TransportLimits()
    limits.closeMilliseconds = 200
    return limits
  }
}

/// What a link is made over.
enum LinkKind: CaseIterable {
  case tcp
  case webSocket
  case secureWebSocket

  var kind: Connection.Kind { self == .tcp ? .tcp : .webSocket }

  func identity() throws -> ListenerIdentity? {
    self == .secureWebSocket ? try TLSFiles.shared.identity(.local) : nil
  }
}

/// Files of certificates and keys, for as long as the tests run.
struct TLSFiles {
  static let shared = TLSFiles()
  let folder = TemporaryFolder()
  let root: String

  private init() {
    root = TestCertificate.root.write(to: folder, as: "root").certificate
  }

  func identity(_ shown: TestCertificate) throws -> ListenerIdentity {
    let folder = TemporaryFolder()
    let files = shown.write(to: folder, as: "shown")
    return try ListenerIdentity(certificateFile: files.certificate, keyFile: files.key)
  }
}

extension Listener {
  func address(_ kind: Connection.Kind) -> Address {
    switch kind {
    case .tcp: .tcp(boundEndpoint)
    case .webSocket: .webSocket(boundEndpoint, path: "/test")
    }
  }

  func dial(
    _ kind: LinkKind, limits: TransportLimits = TransportLimits()
  ) async throws -> Connection {
    let dialer = Dialer(limits: limits, trust: Trust(file: TLSFiles.shared.root))
    let address =
      kind == .secureWebSocket
      ? Address.secureWebSocket(boundEndpoint, path: "/test") : address(kind.kind)
    return try await dialer.connect(to: address)
  }
}

extension Connection {
  /// Exactly `count` bytes, or as many as came before the end.
  func receive(count: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count, let more = try await receive() { bytes += more }
    return bytes
  }

  func receiveToEnd() async throws -> [UInt8] {
    try await receive(count: .max)
  }

  func send(_ text: String) async throws {
    try await send(Array(text.utf8))
  }
}

/// Waits until something holds that other tasks bring about.
func eventually(
  _ what: Comment, within milliseconds: Int = 30_000, _ condition: () -> Bool
) async throws {
  for _ in 0..<(milliseconds / 5) {
    if condition() { return }
    try await Task.sleep(for: .milliseconds(5))
  }
  Issue.record(what)
}

/// A socket that listens and does nothing by itself: a server that is not ours.
final class RawServer: Sendable {
  let descriptor: CInt
  let endpoint: Endpoint

  init() throws {
    #if canImport(Glibc)
      descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    #else
      descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = bind(descriptor, address, size)
        _ = listen(descriptor, 8)
        _ = getsockname(descriptor, address, &size)
      }
    }
    endpoint = Endpoint(host: "127.0.0.1", port: Int(UInt16(bigEndian: address.sin_port)))
  }

  /// Accepts one connection, reads once, answers with `text`, and hangs up.
  func answerOnce(_ text: String) -> Task<Void, Never> {
    Task.detached { [descriptor] in
      let peer = accept(descriptor, nil, nil)
      var buffer = [UInt8](repeating: 0, count: 4096)
      _ = read(peer, &buffer, buffer.count)
      _ = Array(text.utf8).withUnsafeBytes { write(peer, $0.baseAddress, $0.count) }
      _ = shutdown(peer, CInt(SHUT_WR))
      _ = read(peer, &buffer, buffer.count)
      close(peer)
    }
  }

  deinit {
    close(descriptor)
  }
}
