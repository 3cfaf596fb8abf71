import ArgumentParser
import RelayService
import Relaying

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve workspaces until SIGTERM.",
    discussion: """
      The first line on standard output is 'listening on HOST:PORT', once clients can connect. \
      They come with ws://HOST:PORT/ or tcp://HOST:PORT; with a certificate and its key, with \
      wss://HOST:PORT/ only. SIGHUP reads both files again: links that are up live on, and where \
      the files cannot be used, the ones before stay. SIGTERM stops accepting, finishes what has \
      arrived, and exits 0.

      EXAMPLES
        skerry-relay serve --listen 127.0.0.1:0 --data ./relay --metrics 127.0.0.1:9420
        skerry-relay serve --listen 0.0.0.0:443 --data ./relay --tls-certificate full.pem \
          --tls-key key.pem
      """)

  @Option(help: "The address to listen on, HOST:PORT; port 0 takes any free one.")
  var listen: String

  @Option(help: "The folder that everything is kept in; made when there is none.")
  var data: String

  @Option(help: "The address for GET /health, GET /metrics (Prometheus) and a page at /.")
  var metrics: String?

  @Option(
    help: "The certificate (PEM) for TLS, followed by those that lead to a trusted one.",
    completion: .file())
  var tlsCertificate: String?

  @Option(help: "The certificate's private key (PEM), without a passphrase.", completion: .file())
  var tlsKey: String?

  @Option(parsing: .unconditional, help: "Workspaces that may be stored; one more is refused.")
  var maxWorkspaces: Int?

  @Option(
    parsing: .unconditional,
    help: "Bytes that may be stored for one workspace; what is beyond is refused.")
  var quotaBytes: Int?

  @Option(
    parsing: .unconditional,
    help: "Bytes that one connection may move in a second, both directions together.")
  var rateBytesPerSecond: Int?

  func validate() throws {
    let limits = [
      ("--max-workspaces", maxWorkspaces), ("--quota-bytes", quotaBytes),
      ("--rate-bytes-per-second", rateBytesPerSecond),
    ]
    for (name, value) in limits {
      if let value, value < 1 { throw ValidationError("\(name) must be 1 or more.") }
    }
    _ = try relayConfiguration()
  }

  private func relayConfiguration() throws -> RelayConfiguration {
    var limits = RelayLimits()
    if let maxWorkspaces { limits.workspacesMax = maxWorkspaces }
    limits.workspaceBytesMax = quotaBytes
    limits.rateBytesPerSecond = rateBytesPerSecond
    do {
      return try RelayConfiguration(
        listen: listen, data: data, metrics: metrics, certificateFile: tlsCertificate,
        keyFile: tlsKey, limits: limits)
    } catch {
      throw ValidationError(error.sentence)
    }
  }

  func run() async throws {
    try await RelayProcess.serve(relayConfiguration()) { address in
      StandardStream.output.write("listening on \(address)\n")
    }
  }
}
