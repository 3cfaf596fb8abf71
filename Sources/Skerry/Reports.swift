/// What a transaction left behind. It is durable.
public struct Commit<Value: Sendable>: Sendable {
  /// What the transaction's body returned.
  public let value: Value
  /// The change that was made; nil when nothing was edited.
  public let change: ChangeID?
  /// What the replica shows now: a read elsewhere that covers this version sees the change.
  public let version: VersionVector
  /// The documents that the change edits, sorted.
  public let documents: [DocumentID]
}

/// A document as a list shows it.
public struct DocumentSummary: Hashable, Sendable {
  public let id: DocumentID
  /// Counts this store's applied changes; a document with a higher one was changed later here.
  public let position: Int64
  public let isDeleted: Bool
}

/// Which replica this is.
public struct Identity: Sendable {
  /// The workspace's id in hexadecimal.
  public let workspace: String
  public let origin: Origin
  /// What the device calls itself.
  public let name: String
  public let role: Role
  /// False after joining until the inviter has admitted this device.
  public let isAdmitted: Bool
}

/// What `info` tells.
public struct Info: Sendable {
  public let identity: Identity
  public let documentCount: Int
  public let changeCount: UInt64
  public let segmentCount: Int
  public let unsealedChangeCount: Int
  public let version: VersionVector
  /// Below it this store holds no history of most documents; empty while it holds all.
  public let floor: VersionVector
  public let fileBytes: Int64
  public let segmentBytes: Int64
  /// The BLAKE2b-256 hash, in hexadecimal, of what `exportCanonical` writes: equal states, equal
  /// digests.
  public let stateDigest: String
}

/// One change as the log shows it.
public struct LoggedChange: Sendable {
  public let id: ChangeID
  public let lamport: UInt64
  public let time: Timestamp
  /// Bytes of the change as it is encoded alone.
  public let byteCount: Int
  public let documents: [DocumentID]
}

/// What was exchanged with one address.
public struct SyncReport: Sendable {
  public let address: String
  /// Both sides had everything of each other, durably.
  public let isLevel: Bool
  /// Why not.
  public let failure: ReplicaError?
  public let sentChanges: UInt64
  /// Not counting those in a snapshot.
  public let receivedChanges: UInt64
  /// That came in a snapshot: what this replica lacked is not held as changes any more, or it had
  /// nothing yet.
  public let receivedDocuments: UInt64
  public let sentBytes: UInt64
  public let receivedBytes: UInt64
}

/// How far a `sync` is.
public struct SyncProgress: Sendable {
  public let receivedChanges: UInt64
  public let sentChanges: UInt64
  /// What is still to come and to go, as far as it is known.
  public let remainingChanges: UInt64
  /// Of a snapshot that is being taken over; both are 0 when none is.
  public let receivedDocuments: UInt64
  public let remainingDocuments: UInt64
}

/// What a replica says about its peers and about work that does not move.
public struct Status: Sendable {
  public let identity: Identity
  public let version: VersionVector
  public internal(set) var peers: [PeerStatus]
  /// The addresses that this process, or another one that serves the store, keeps dialled.
  public internal(set) var addresses: [AddressStatus]
  /// The numbers of the other processes that serve the store.
  public internal(set) var servers: [Int32] = []
  /// Changes that are stored and wait for others that they depend on.
  public let waitingChangeCount: Int
  public let unsealedChangeCount: Int
  public let stalled: [StalledOrigin]
  /// How much has come of a snapshot that is being taken over; nil when none is.
  public internal(set) var arrival: Arrival?
  /// What became of this store's identity: new origins, and why; changes with new names.
  public let identityNotes: [String]
}

public struct PeerStatus: Sendable {
  /// The device's public key in hexadecimal.
  public let device: String
  public let name: String?
  public internal(set) var address: String?
  /// Linked to this process, or to another one that serves the store.
  public internal(set) var isConnected: Bool
  public let lastContact: Timestamp?
  /// What this replica has and the peer has not acknowledged.
  public let changesBehind: UInt64
  /// What they take in segments; nothing for those that are in none yet.
  public let bytesBehind: UInt64
  /// How long the oldest change that the peer has not acknowledged has been waiting: for the link
  /// of this process, else by this device's clock since the change was made here. Nil when none
  /// waits, or only changes of others do.
  public internal(set) var oldestUnacknowledged: Duration?
  public let lastError: String?
  /// What does not move though the peer is linked, and why; nil while all is well.
  public internal(set) var stalledBecause: String?
  /// The same without figures, so that it is equal as long as the reason is.
  var stallReason: String?
}

/// How dialling an address goes.
public struct AddressStatus: Sendable {
  public let address: String
  public let isConnected: Bool
  /// In a row.
  public let failureCount: Int
  public let lastError: String?
}

/// How far a snapshot is that is being taken over.
public struct Arrival: Hashable, Sendable {
  public let documents: UInt64
  public let documentsInAll: UInt64
}

/// An origin of which no further change can be applied.
public struct StalledOrigin: Sendable {
  public let origin: Origin
  public let reason: String
}

/// Says that documents changed.
public struct ChangeNotice: Sendable {
  public enum Source: Sendable {
    case local
    case otherProcess
    case peer
  }

  /// Sorted.
  public let documents: [DocumentID]
  /// False when others may have changed too: read again what is shown.
  public let isComplete: Bool
  public let source: Source
}

/// How a replica is served.
public struct ServeConfiguration: Sendable {
  /// `HOST:PORT` to listen on; port 0 takes a free one; nil only dials.
  public var listen: String?
  /// Who is dialled, in the order of the ring.
  public var peers: [Address]
  /// Nil for a mesh with those peers. Without a topology, peers and hubs the links are those that
  /// the members have declared, see ``Replica/declareTopology(_:members:hubs:)``, and change with
  /// the declaration.
  public var topology: Topology?
  /// The hubs of a star, by rank.
  public var hubs: [Address]

  public init(
    listen: String? = nil, peers: [Address] = [], topology: Topology? = nil, hubs: [Address] = []
  ) {
    self.listen = listen
    self.peers = peers
    self.topology = topology
    self.hubs = hubs
  }
}

/// One plain sentence of a replica that is served.
public struct ServeLogLine: Sendable {
  public enum Level: String, Sendable {
    case info
    case warning
    case error
  }

  public let level: Level
  public let sentence: String
}
