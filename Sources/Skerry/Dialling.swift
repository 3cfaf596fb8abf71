private import Transports

/// Opens channels to addresses, whatever their kind.
enum Dialling {
  static func channel(to address: Address) async throws(ReplicaError) -> any ByteChannel {
    if address.isPath { return try await path(address.text) }
    do {
      let connection = try await Dialer().connect(to: Transports.Address(address.text))
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

extension ReplicaCore {
  fileprivate var hasLinks: Bool { !links.isEmpty }
}
