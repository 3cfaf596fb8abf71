private import Transports

/// Where another replica or a relay is: `tcp://HOST:PORT` for a replica, `ws://HOST:PORT/` or
/// `wss://HOST:PORT/` for a relay, or the path of another store on this machine.
public struct Address: Hashable, Sendable, CustomStringConvertible {
  /// As it was given.
  public let text: String
  /// Whether this is another store on this machine.
  public let isPath: Bool
  /// Whether a relay answers there, which is told by its WebSocket.
  let isRelay: Bool

  /// - Throws: `invalid` with a sentence that says what an address looks like.
  public init(_ text: String) throws(ReplicaError) {
    do throws(AddressError) {
      let address = try Transports.Address(text)
      switch address {
      case .tcp: (isPath, isRelay) = (false, false)
      case .webSocket, .secureWebSocket: (isPath, isRelay) = (false, true)
      case .path: (isPath, isRelay) = (true, false)
      }
      self.text = text
    } catch {
      throw ReplicaError(.invalid, error.description)
    }
  }

  /// Takes a path as it is, whatever it looks like.
  public init(path: String) {
    text = path
    isPath = true
    isRelay = false
  }

  public var description: String { text }
}

/// Which links a replica keeps, and what it forwards on them.
public enum Topology: String, Sendable, CaseIterable {
  /// An author sends to all; others advertise.
  case mesh
  /// Each replica sends to its successor.
  case ring
  /// Leaves talk to the first hub that answers; hubs talk to each other.
  case star
}

/// What a member may do.
public enum Role: String, Sendable, CaseIterable {
  case writer
  case reader
}
