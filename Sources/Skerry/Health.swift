/// How a replica and its links are, as far as people should know. A value becomes another one when
/// something begins or ends, not with every change that is sent.
public struct Health: Hashable, Sendable {
  /// Another device of the workspace.
  public struct Peer: Hashable, Sendable {
    public enum State: String, Sendable {
      /// Linked, and what there is to send is acknowledged within seconds.
      case connected
      /// Linked, and a change has been waiting for its acknowledgement for
      /// ``Health/laggingAfter`` or longer.
      case lagging
      /// Linked, and something that should move does not; the reason says what.
      case stalled
      /// Not linked to this store.
      case away
    }

    /// The device's public key in hexadecimal.
    public let device: String
    public let name: String?
    /// Where it is linked.
    public let address: String?
    public let state: State
    /// Why it is stalled, or what went wrong last.
    public let reason: String?
  }

  /// An address that is kept dialled.
  public struct DialledAddress: Hashable, Sendable {
    public let address: String
    public let isConnected: Bool
    /// Why it does not answer.
    public let reason: String?
  }

  /// How long a change may wait for its acknowledgement before a peer counts as lagging.
  public static let laggingAfter = Duration.seconds(5)

  /// Sorted by device.
  public let peers: [Peer]
  public let addresses: [DialledAddress]
  /// Work of the store itself that does not move, in sentences.
  public let stalls: [String]
  /// What became of the store's identity, in sentences: it was copied, moved or restored once. That
  /// stays, and is nothing to be mended.
  public let history: [String]

  /// Whether nothing stands still: no peer is stalled, and nothing of the store itself.
  public var isWell: Bool { stalls.isEmpty && peers.allSatisfy { $0.state != .stalled } }
}

extension Health {
  /// What of a status people should know.
  init(_ status: Status) {
    peers = status.peers.map { Peer($0) }
    addresses = status.addresses.map {
      DialledAddress(
        address: $0.address, isConnected: $0.isConnected,
        reason: $0.isConnected ? nil : $0.lastError)
    }
    stalls = status.stalled.map { "Origin \($0.origin) does not move: \($0.reason)" }
    history = status.identityNotes
  }
}

extension Health.Peer {
  fileprivate init(_ peer: PeerStatus) {
    let isLate = peer.oldestUnacknowledged.map { $0 >= Health.laggingAfter } ?? false
    state =
      if !peer.isConnected {
        .away
      } else if peer.stalledBecause != nil {
        .stalled
      } else {
        isLate ? .lagging : .connected
      }
    device = peer.device
    name = peer.name
    address = peer.isConnected ? peer.address : nil
    reason = peer.stallReason ?? peer.stalledBecause ?? peer.lastError
  }
}

extension Replica {
  /// How the replica and its links are: at once, and then whenever something that people should
  /// know has changed, at most once in a second. A reader that is slow gets the newest value only.
  ///
  /// Links that other processes keep for the same store are in it.
  public func health() -> AsyncStream<Health> {
    core.followHealth()
  }
}
