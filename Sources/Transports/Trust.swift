internal import NIOCore
internal import NIOSSL

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Whose certificates a dialer believes when it speaks TLS: those that the system trusts, and those
/// in a file of somebody's own.
package struct Trust: Hashable, Sendable {
  /// A file of certificates in PEM form that are believed besides the system's.
  package var file: String?

  package init(file: String? = nil) {
    self.file = file
  }

  /// Reads the file, so that what is wrong with it is said before anything is dialled.
  /// - Throws: `badCertificate`.
  package func check() throws(TransportError) {
    if let file { _ = try PEMFile.certificates(file) }
  }

  /// Both are read at each call, so that a file that was replaced counts from the next link on. It
  /// reads files: not for an event loop.
  func context(shutdownMilliseconds: Int) throws(TransportError) -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.certificateVerification = .fullVerification
    // A server of several protocols would else be free to choose one that has no WebSockets.
    configuration.applicationProtocols = ["http/1.1"]
    configuration.shutdownTimeout = .milliseconds(Int64(shutdownMilliseconds))
    var own: [NIOSSLCertificate] = []
    if let file { own = try PEMFile.certificates(file) }
    configuration.additionalTrustRoots = own.isEmpty ? [] : [.certificates(own)]
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      guard let file else {
        throw TransportError(
          .untrusted, at: "TLS",
          "this machine has no list of whose certificates to trust; install its package "
            + "ca-certificates, or trust a file of certificates (--trust FILE)")
      }
      // A bare machine has no such list, and then there is only the file.
      configuration.trustRoots = .certificates(own)
      configuration.additionalTrustRoots = []
      do {
        return try NIOSSLContext(configuration: configuration)
      } catch {
        throw TransportError(
          .badCertificate, at: file, "its certificates cannot be used: \(tlsReason(error))")
      }
    }
  }
}

/// Files of certificates and keys, with sentences for what is wrong with them.
enum PEMFile {
  static func certificates(_ path: String) throws(TransportError) -> [NIOSSLCertificate] {
    try checkReadable(path)
    do {
      return try NIOSSLCertificate.fromPEMFile(path)
    } catch {
      throw TransportError(
        .badCertificate, at: path,
        "it does not hold certificates in PEM form, which begin with "
          + "'-----BEGIN CERTIFICATE-----'")
    }
  }

  static func key(_ path: String) throws(TransportError) -> NIOSSLPrivateKey {
    try checkReadable(path)
    do {
      return try NIOSSLPrivateKey(file: path, format: .pem)
    } catch {
      throw TransportError(
        .badCertificate, at: path,
        "it does not hold a private key in PEM form, or one that needs a passphrase, which cannot "
          + "be asked for here")
    }
  }

  private static func checkReadable(_ path: String) throws(TransportError) {
    guard access(path, R_OK) != 0 else { return }
    throw TransportError(.badCertificate, at: path, "it cannot be read: \(systemMessage(errno))")
  }
}
