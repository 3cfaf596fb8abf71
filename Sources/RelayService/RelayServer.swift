internal import Logging
internal import Relaying
internal import Sealing
internal import Transports

/// The relay with sockets and a clock around it: carries bytes between connections and the core.
///
/// The core and its databases live on a thread of their own. What all connections have brought
/// while a commit was waiting for the disk goes into the next one together.
actor RelayServer {
  private let executor = ThreadExecutor()
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private let folder: RelayFolder
  private let core: RelayCore
  private let logger: Logger
  private var connections: [RelayLinkID: (connection: Connection, outbox: Outbox)] = [:]
  private var isFlushDue = false

  init(data: String, limits: RelayLimits, logger: Logger) throws(RelayError) {
    folder = try RelayFolder(path: data, entropy: .system)
    core = try RelayCore(
      storage: folder.storage, key: folder.key, limits: limits, entropy: .system)
    self.logger = logger
  }

  /// The relay's long-term key, for people to compare.
  var publicKey: String { core.publicKey.description }

  var status: RelayStatus { core.status }

  /// Serves one connection to its end.
  nonisolated func serve(_ connection: Connection) async {
    let id = RelayLinkID(connection.id)
    let outbox = Outbox()
    await open(id, connection, outbox)
    await withDiscardingTaskGroup { group in
      group.addTask {
        await outbox.drain(into: connection) { await self.sent(id, $0) }
      }
      while let bytes = try? await connection.receive() {
        let pause = await self.received(id, bytes)
        if pause > 0 { try? await Task.sleep(for: .milliseconds(pause)) }
      }
      await self.close(id)
      outbox.close("")
    }
  }

  /// Keeps time until it is cancelled.
  nonisolated func keepTime() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(100))
      await tick()
    }
  }

  /// Stores what has come, says goodbye, and closes every connection within a few seconds.
  func shutDown() async {
    perform(core.shutDown(at: .now))
    for _ in 0..<30 where !connections.isEmpty {
      try? await Task.sleep(for: .milliseconds(100))
    }
    for (connection, _) in connections.values {
      Task { await connection.close("shutting down") }
    }
  }

  nonisolated func answer(_ request: PlainRequest) async -> PlainResponse {
    let status = await self.status
    switch (request.method, request.target.prefix { $0 != "?" }) {
    case ("GET", "/health"):
      guard let complaint = status.complaint else {
        return PlainResponse(status: 200, body: "ok\n")
      }
      return PlainResponse(status: 503, body: complaint + "\n")
    case ("GET", "/metrics"):
      return PlainResponse(
        status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8",
        body: status.prometheusText)
    case ("GET", "/"):
      return PlainResponse(
        status: 200, contentType: "text/html; charset=utf-8", body: status.page)
    default: return PlainResponse(status: 404, body: "Try /, /health or /metrics.\n")
    }
  }

  // MARK: On the relay's thread

  private func open(_ id: RelayLinkID, _ connection: Connection, _ outbox: Outbox) {
    connections[id] = (connection, outbox)
    perform(core.accepted(id, from: connection.remoteDescription, at: .now))
  }

  private func received(_ id: RelayLinkID, _ bytes: [UInt8]) -> UInt64 {
    let now = RelayInstant.now
    perform(core.received(id, bytes: bytes, at: now))
    return core.readingPause(id, at: now)
  }

  private func sent(_ id: RelayLinkID, _ byteCount: Int) {
    perform(core.sent(id, byteCount: byteCount, at: .now))
  }

  private func close(_ id: RelayLinkID) {
    connections[id] = nil
    core.closed(id, at: .now)
  }

  private func tick() {
    perform(core.tick(at: .now))
  }

  private func flush() {
    isFlushDue = false
    perform(core.flush(at: .now))
  }

  private func perform(_ effects: [RelayEffect]) {
    for effect in effects {
      switch effect {
      case .send(let id, let bytes): connections[id]?.outbox.add(bytes)
      case .close(let id, let reason):
        logger.debug("link closed", metadata: ["link": "\(id.number)", "reason": "\(reason)"])
        guard let (connection, outbox) = connections[id] else { continue }
        outbox.close(reason)
        Task {
          // A client that does not read would hold up the farewell for ever.
          try? await Task.sleep(for: .seconds(2))
          await connection.close(reason)
        }
      case .log(let level, let sentence): logger.log(level: level.forLogger, "\(sentence)")
      }
    }
    guard core.hasStaged, !isFlushDue else { return }
    isFlushDue = true
    // Behind everything that has arrived already, so that it shares the commit.
    Task { self.flush() }
  }
}

extension RelayLogLevel {
  fileprivate var forLogger: Logger.Level {
    switch self {
    case .info: .info
    case .warning: .warning
    case .error: .error
    }
  }
}
