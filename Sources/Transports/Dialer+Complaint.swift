internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

extension Dialer {
  /// What is wrong with the certificate that is shown there: the TLS layer says only that it is not
  /// believed. So it is asked for once more, looked at, and turned down; nothing is ever sent over
  /// that connection.
  func complaint(about endpoint: Endpoint, _ context: NIOSSLContext) async -> String {
    let chain = await shownCertificates(endpoint, context)
    switch Validity(of: chain).verdict {
    case .hasExpired(let day) where !chain.isEmpty:
      return "its certificate expired on \(day); whoever runs it has to renew it, unless this "
        + "machine's clock is wrong"
    case .hasNotBegun(let day) where !chain.isEmpty:
      return "its certificate is not valid before \(day); this machine's clock may be wrong"
    default:
      return "its certificate is signed by nobody who is trusted here, or comes without those in "
        + "between; if it is meant to be, trust the certificate of who signed it (--trust FILE)"
    }
  }

  private func shownCertificates(
    _ endpoint: Endpoint, _ context: NIOSSLContext
  ) async -> [NIOSSLCertificate] {
    let shown = ShownCertificates()
    let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connectTimeout(.milliseconds(Int64(limits.connectMilliseconds)))
    let channel = try? await bootstrap.connect(
      host: endpoint.host, port: endpoint.port
    ) { channel in
      channel.eventLoop.makeCompletedFuture {
        let handler = try NIOSSLClientHandler(
          context: context, serverHostname: endpoint.serverName,
          customVerificationCallback: { chain, verdict in
            shown.chain.withLock { $0 = chain }
            verdict.succeed(.failed)
          })
        try channel.pipeline.syncOperations.addHandler(handler)
        return channel
      }
    }
    guard let channel else { return [] }
    let deadline = channel.eventLoop.scheduleTask(
      in: .milliseconds(Int64(limits.handshakeMilliseconds))
    ) {
      channel.close(promise: nil)
    }
    _ = try? await channel.closeFuture.get()
    deadline.cancel()
    return shown.chain.withLock { $0 }
  }
}

private final class ShownCertificates: Sendable {
  let chain = Mutex<[NIOSSLCertificate]>([])
}

extension Endpoint {
  /// The name to ask a TLS server for; nil for an IP address, which has no place there and is
  /// looked for in the certificate as what it is.
  var serverName: String? {
    let isIP = host.contains(":") || (try? SocketAddress(ipAddress: host, port: 0)) != nil
    return isIP ? nil : host
  }
}
