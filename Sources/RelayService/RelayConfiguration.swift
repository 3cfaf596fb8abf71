package import Relaying
internal import Transports

/// What a relay process is told on its command line.
package struct RelayConfiguration: Sendable {
  let listen: Endpoint
  /// The data folder.
  package let data: String
  let metrics: Endpoint?
  /// The files of the certificate and the key for TLS; nil where none is spoken.
  let identityFiles: (certificate: String, key: String)?
  package let limits: RelayLimits

  /// - Throws: a sentence about the address that is not one, or about one file of TLS without the
  ///   other.
  package init(
    listen: String, data: String, metrics: String? = nil, certificateFile: String? = nil,
    keyFile: String? = nil, limits: RelayLimits = RelayLimits()
  ) throws(RelayUsageError) {
    do throws(AddressError) {
      self.listen = try Endpoint(listen)
      if let metrics { self.metrics = try Endpoint(metrics) } else { self.metrics = nil }
    } catch {
      throw RelayUsageError(sentence: error.description)
    }
    guard !data.isEmpty else {
      throw RelayUsageError(sentence: "--data needs the path of a folder.")
    }
    switch (certificateFile, keyFile) {
    case (let certificate?, let key?): identityFiles = (certificate, key)
    case (nil, nil): identityFiles = nil
    default:
      throw RelayUsageError(
        sentence: "--tls-certificate and --tls-key need each other: TLS takes both files.")
    }
    self.data = data
    self.limits = limits
  }
}

/// A command line that cannot be meant.
package struct RelayUsageError: Error, Sendable, Equatable, CustomStringConvertible {
  package let sentence: String
  package var description: String { sentence }
}
