private import Transports

/// Opens channels to addresses, whatever their kind.
enum Dialling {
  /// - Parameters:
  ///   - store: the file of the store that dials.
  ///   - trusted: the file of the certificates that are believed besides the system's.
  static func channel(
    to address: Address, from store: String, trusting trusted: String?
  ) async throws(ReplicaError) -> any ByteChannel {
    if address.isPath {
      if Placement.areOne(address.text, store) { throw ReplicaError.isItself(address.text) }
      return try await path(address.text)
    }
    do {
      let connection = try await Dialer(trust: Trust(file: trusted)).connect(
        to: Transports.Address(address.text))
      return NetworkChannel(connection: connection)
    } catch let error as TransportError {
      throw ReplicaError(.unreachable, Sentence.of(error.description))
    } catch {
      throw ReplicaError(.invalid, Sentence.of("\(error)"))
    }
  }

  /// Opens another store of this machine in this process: its engine answers over a pipe, with the
  /// handshake of any other link.
  private static func path(_ path: String) async throws(ReplicaError) -> any ByteChannel {
    let other = try await Replica.open(at: path)
    let (near, far) = Pipe.pair(path)
    do throws(ReplicaError) {
      try await other.core.accept(far)
    } catch {
      await other.close()
      throw error
    }
    return PathChannel(pipe: near, other: other)
  }
}

/// A pipe to another store that this process opened, and closes with the link.
private struct PathChannel: ByteChannel {
  let pipe: Pipe
  let other: Replica

  var place: String { pipe.place }

  func receive() async throws(ReplicaError) -> [UInt8]? { await pipe.receive() }

  func send(_ bytes: [UInt8]) { pipe.send(bytes) }

  func close(_ reason: String) async {
    pipe.close(reason)
    // What was sent last is still taken in there.
    for _ in 0..<100 {
      guard await other.core.hasLinks else { break }
      try? await Task.sleep(for: .milliseconds(10))
    }
    await other.close()
  }
}

extension ReplicaError {
  static func isItself(_ path: String) -> ReplicaError {
    ReplicaError(.refused, "\(path) is this very store; name another one to exchange with.")
  }
}

extension ReplicaCore {
  fileprivate var hasLinks: Bool { !links.isEmpty }

  func trust(certificatesIn file: String?) throws(ReplicaError) {
    if let file { try Replica.check(certificates: file) }
    trustedCertificates = file
  }
}

extension Replica {
  /// Believes, where a `wss://` address is dialled, the certificates in a file besides those that
  /// the system trusts; nil for the system's only, as at first. It counts for this replica object
  /// from its next link on, and the file is read again for each.
  ///
  /// - Parameter file: certificates in PEM form, such as that of an authority of one's own.
  /// - Throws: `invalid` when it cannot be read or holds none.
  public func trust(certificatesIn file: String?) async throws(ReplicaError) {
    try await core.trust(certificatesIn: file)
  }

  /// Checks that a file holds certificates before anything is touched.
  public static func check(certificates file: String) throws(ReplicaError) {
    do throws(TransportError) {
      try Trust(file: file).check()
    } catch {
      throw ReplicaError(.invalid, Sentence.of(error.description))
    }
  }
}
