internal import Logging
internal import Relaying
internal import ServiceLifecycle
internal import Transports
internal import UnixSignals

/// A relay as a process: from its command line to the signal that ends it.
package enum RelayProcess {
  /// Serves until SIGTERM or SIGINT; then stops accepting, finishes what it has, and returns. What
  /// operators should know goes to standard error. At SIGHUP the certificate and its key are read
  /// again.
  ///
  /// - Parameter announce: is given the address that is listened on, once clients can connect.
  package static func serve(
    _ configuration: RelayConfiguration, announce: @escaping @Sendable (String) -> Void
  ) async throws {
    let logger = Logger(label: "skerry-relay") { StreamLogHandler.standardError(label: $0) }
    let server = try RelayServer(
      data: configuration.data, limits: configuration.limits, logger: logger)
    let service = RelayListening(
      configuration: configuration, server: server, logger: logger, announce: announce)
    var quiet = logger
    quiet.logLevel = .error
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [
          ServiceGroupConfiguration.ServiceConfiguration(
            service: service, successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .cancelGroup)
        ],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
    try await group.run()
  }
}

private struct RelayListening: Service {
  let configuration: RelayConfiguration
  let server: RelayServer
  let logger: Logger
  let announce: @Sendable (String) -> Void

  func run() async throws {
    var transport = TransportLimits()
    // Each open database has three files.
    let reserve = configuration.limits.openWorkspacesMax * 3 + 64
    transport.connectionsMax = max(
      min(configuration.limits.linksMax, FileLimit.raise() - reserve), 16)
    let identity = try readIdentity()
    let listener = try await bind(configuration.listen, transport, identity)
    let figures = try await openFigures()
    let hangUps = await UnixSignalsSequence(trapping: .sighup)
    announce("\(listener.boundEndpoint)")
    let publicKey = await server.publicKey
    logger.info("relay key \(publicKey)")

    await withTaskGroup(of: Void.self) { group in
      group.addTask { await server.keepTime() }
      group.addTask { await reread(identity, at: hangUps) }
      if let figures {
        // What comes there and is no request is dropped, which closes it.
        group.addTask { for await _ in figures.connections {} }
      }
      await withGracefulShutdownHandler {
        await withDiscardingTaskGroup { links in
          for await connection in listener.connections {
            links.addTask { await server.serve(connection) }
          }
          await server.shutDown()
        }
      } onGracefulShutdown: {
        Task { await listener.close() }
      }
      await figures?.close()
      group.cancelAll()
    }
  }

  private func readIdentity() throws -> ListenerIdentity? {
    guard let files = configuration.identityFiles else { return nil }
    do throws(TransportError) {
      let identity = try ListenerIdentity(certificateFile: files.certificate, keyFile: files.key)
      logger.info("\(identity.validity)")
      return identity
    } catch {
      throw RelayError(.inputOutput, "\(error).")
    }
  }

  /// Without TLS, too, a hang-up ends nothing.
  private func reread(
    _ identity: ListenerIdentity?, at hangUps: UnixSignalsSequence
  ) async {
    for await _ in hangUps {
      guard let identity else {
        logger.info("SIGHUP: there is no certificate to read again.")
        continue
      }
      do throws(TransportError) {
        try identity.reread()
        logger.info("The certificate was read again. \(identity.validity)")
      } catch {
        logger.error("The certificate was not changed, the one before stays: \(error).")
      }
    }
  }

  private func openFigures() async throws -> Listener? {
    guard let endpoint = configuration.metrics else { return nil }
    let figures = try await bind(endpoint, TransportLimits()) { await server.answer($0) }
    logger.info("metrics on http://\(figures.boundEndpoint)/metrics")
    return figures
  }

  private func bind(
    _ endpoint: Endpoint, _ limits: TransportLimits, _ identity: ListenerIdentity? = nil,
    respond: @escaping @Sendable (PlainRequest) async -> PlainResponse = PlainResponse.notFound
  ) async throws -> Listener {
    do throws(TransportError) {
      return try await Listener.bind(
        endpoint, limits: limits, identity: identity, respond: respond)
    } catch {
      throw RelayError(.cannotListen, "\(error)")
    }
  }
}
