import Causality
import Foundation
import RelayTestSupport
import Sealing
import Segments
import SyncProtocol
import Transports

/// A client over a real connection.
actor RemoteClient {
  private let client: FakeClient
  let origin: Origin
  private var connection: Connection?
  /// One writer, so that bytes leave in the order in which they were sealed.
  private var outbox: AsyncStream<[UInt8]>.Continuation?
  private var reader: Task<Void, Never>?

  init(_ client: sending FakeClient) {
    origin = client.origin
    self.client = client
  }

  /// Founder first, then members that it has admitted.
  static func team(of count: Int, seed: UInt64) throws -> [RemoteClient] {
    let founder = try FakeClient.founder("0", seed: seed)
    var members: [FakeClient] = []
    for number in 1..<max(count, 1) {
      members.append(
        try FakeClient.member("\(number)", of: founder, seed: seed + UInt64(number)))
    }
    let records = founder.membership.records
    return try ([founder] + members).map { client in
      try client.membership.insert(records)
      // Nobody else holds on to it.
      nonisolated(unsafe) let owned = client
      return RemoteClient(owned)
    }
  }

  private static var now: UInt64 {
    UInt64(ProcessInfo.processInfo.systemUptime * 1_000)
  }

  func connect(to address: String) async throws {
    await disconnect()
    let connection = try await Dialer().connect(to: Address(address))
    self.connection = connection
    let (bytes, outbox) = AsyncStream.makeStream(of: [UInt8].self)
    self.outbox = outbox
    Task {
      for await bytes in bytes { try? await connection.send(bytes) }
    }
    send(client.connect(now: Self.now))
    reader = Task {
      while let bytes = try? await connection.receive() {
        self.received(bytes, on: connection)
      }
      self.lost(connection)
    }
  }

  func disconnect() async {
    client.disconnect()
    let connection = self.connection
    self.connection = nil
    outbox?.finish()
    outbox = nil
    await connection?.close()
    await reader?.value
    reader = nil
  }

  private func received(_ bytes: [UInt8], on connection: Connection) {
    guard self.connection === connection else { return }
    send(client.receive(bytes, now: Self.now))
  }

  private func lost(_ connection: Connection) {
    guard self.connection === connection else { return }
    self.connection = nil
    outbox?.finish()
    outbox = nil
    client.disconnect()
  }

  private func send(_ bytes: [UInt8]) {
    outbox?.yield(bytes)
  }

  func write(_ text: String) throws {
    send(try client.write(text, now: Self.now))
  }

  var isConnected: Bool { connection != nil }
  var vector: VersionVector { client.vector }
  var acknowledged: VersionVector { client.acknowledged }
  var isLevel: Bool { client.isLevel }
  /// For a test that fails.
  var story: String {
    "\(isConnected ? "connected" : "not connected"), level \(isLevel), has \(vector.entries), "
      + "acknowledged \(acknowledged.entries), \(client.statuses), \(client.endings)"
  }
  var statuses: [Status] { client.statuses }
  var texts: [Origin: [String]] { get throws { try client.texts() } }

  /// Waits until `condition` holds, at most this long.
  func waits(
    seconds: Double = 60, until condition: @Sendable (isolated RemoteClient) -> Bool
  ) async -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while !condition(self) {
      guard Date() < end else { return false }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return true
  }
}
