internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// The certificate and the key with which a listener speaks TLS. Both can be read again while it
/// listens: whoever comes from then on is shown the new ones, and links that are up live on.
package final class ListenerIdentity: Sendable {
  private struct State {
    var context: NIOSSLContext
    var certificates: [NIOSSLCertificate]
  }

  private let certificateFile: String
  private let keyFile: String
  private let state: Mutex<State>

  /// - Parameters:
  ///   - certificateFile: the certificate in PEM form, followed by those that lead to a trusted
  ///     one.
  ///   - keyFile: its private key in PEM form, without a passphrase.
  /// - Throws: `badCertificate`, naming the file and what is wrong with it.
  package init(certificateFile: String, keyFile: String) throws(TransportError) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    state = Mutex(try Self.read(certificateFile, keyFile))
  }

  /// Reads both files again. When they cannot be used together, what was read before stays.
  /// - Throws: `badCertificate`.
  package func reread() throws(TransportError) {
    let read = try Self.read(certificateFile, keyFile)
    state.withLock { $0 = read }
  }

  /// Until when the certificate counts, for logs.
  package var validity: String {
    Validity(of: state.withLock { $0.certificates }).sentence
  }

  /// What those who come now are shown.
  var context: NIOSSLContext { state.withLock { $0.context } }

  private static func read(
    _ certificateFile: String, _ keyFile: String
  ) throws(TransportError) -> State {
    let certificates = try PEMFile.certificates(certificateFile)
    let key = try PEMFile.key(keyFile)
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    do {
      return State(
        context: try NIOSSLContext(configuration: configuration), certificates: certificates)
    } catch {
      throw TransportError(
        .badCertificate, at: keyFile,
        "the key is not that of the certificate in \(certificateFile)")
    }
  }
}
