internal import Replication
private import SyncProtocol
private import Transports

/// What the core asks of whoever serves it.
struct ServiceHooks: Sendable {
  var log: @Sendable (ServeLogLine) -> Void
  var dial: @Sendable (DialID, _ address: String) -> Void
  /// The replica is closed: nothing is served any more.
  var stop: @Sendable () -> Void
}

/// Keeps one replica connected: a listener and the links that its engine wants.
struct Service: Sendable {
  let core: ReplicaCore
  let configuration: ServeConfiguration
  let log: @Sendable (ServeLogLine) -> Void

  func run(listening: @Sendable (String) -> Void) async throws(ReplicaError) {
    let listener = try await listen()
    let core = core
    let (isOpen, opening) = AsyncStream<Void>.makeStream()
    let hooks = ServiceHooks(
      log: log, dial: { dial, address in Task { await core.dial(dial, address) } },
      stop: {
        opening.finish()
        Task { await listener?.close() }
      })
    do throws(ReplicaError) {
      try await core.beginService(
        configuration, boundTo: listener?.boundEndpoint.description, hooks: hooks)
    } catch {
      await listener?.close()
      throw error
    }
    if let listener {
      listening(listener.boundEndpoint.description)
      await withTaskCancellationHandler {
        for await connection in listener.connections {
          _ = try? await core.accept(NetworkChannel(connection: connection))
        }
      } onCancel: {
        Task { await listener.close() }
      }
    } else {
      for await _ in isOpen {}
    }
    await core.endService()
  }

  private func listen() async throws(ReplicaError) -> Listener? {
    guard let place = configuration.listen else { return nil }
    do {
      return try await Listener.bind(Endpoint(place))
    } catch let error as AddressError {
      throw ReplicaError(.invalid, error.description)
    } catch {
      throw ReplicaError(.io, Sentence.of("\(error)"))
    }
  }
}

extension ServeConfiguration {
  /// Checks `HOST:PORT` before anything is touched.
  public static func check(listen place: String) throws(ReplicaError) {
    do throws(AddressError) {
      _ = try Endpoint(place)
    } catch {
      throw ReplicaError(.invalid, Sentence.of(error.description))
    }
  }

  /// The declaration from which the engine derives its links.
  fileprivate func engine(boundTo place: String?) -> EngineConfiguration {
    var configuration = EngineConfiguration()
    guard topology != nil || !peers.isEmpty || !hubs.isEmpty else {
      configuration.followsDeclaration = true
      return configuration
    }
    let own = ownAddress(boundTo: place)
    configuration.selfAddress = own
    configuration.topology = SyncProtocol.Topology(
      kind: (topology ?? .mesh).kind, selfAddress: own, peers: peers.map(\.text),
      hubs: hubs.map(\.text))
    return configuration
  }

  /// The address by which the others know this replica: a hub's or peer's that names the port it
  /// listens on at this machine, else what it listens on.
  private func ownAddress(boundTo place: String?) -> String {
    guard let place else { return "" }
    let own = "tcp://\(place)"
    guard let endpoint = try? Endpoint(place) else { return own }
    let hosts = [endpoint.host, "localhost", "127.0.0.1", "::1"]
    return hubs.first { hub in
      guard case .tcp(let named)? = try? Transports.Address(hub.text) else { return false }
      return named.port == endpoint.port && hosts.contains(named.host)
    }?.text ?? own
  }
}

extension Topology {
  fileprivate var kind: SyncProtocol.Topology.Kind {
    switch self {
    case .mesh: .mesh
    case .ring: .ring
    case .star: .star
    }
  }
}

extension ReplicaCore {
  func beginService(
    _ configuration: ServeConfiguration, boundTo place: String?, hooks: ServiceHooks
  ) async throws(ReplicaError) {
    guard service == nil else {
      throw ReplicaError(.invalid, "The replica is served already.")
    }
    await endLinks()
    try renew(configuration.engine(boundTo: place))
    service = hooks
    startPolling()
    perform(try opened().engine.start(at: .now))
    // At once: other processes learn from it that the store is served.
    lookAtHealth()
  }

  func endService() async {
    guard service != nil else { return }
    await endLinks()
    endReport()
    service = nil
    try? renew(EngineConfiguration())
  }

  /// Dials for the engine and tells it how that went.
  func dial(_ dial: DialID, _ address: String) async {
    do throws(ReplicaError) {
      let channel = try await Dialling.channel(
        to: Address(address), from: path, trusting: trustedCertificates)
      guard service != nil else {
        await channel.close("")
        return
      }
      unreachable[address] = nil
      try dialled(dial, channel)
    } catch {
      guard service != nil, let engine = state?.engine else { return }
      // Said once, not at every attempt.
      if unreachable.updateValue(error.description, forKey: address) == nil {
        say("No link to \(address), which is tried again: \(error.description)", .warning)
      }
      perform(engine.dialFailed(dial, error.description, at: .now))
    }
  }
}
