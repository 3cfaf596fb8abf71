package import ReplicaStore
package import SyncProtocol

/// Times and sizes of an engine. The defaults are what ships; tests use others.
package struct EngineLimits: Equatable, Sendable {
  /// Local changes are sealed so long after the last time at the earliest, so that the cost of a
  /// segment does not fall on each keystroke.
  package var sealMilliseconds: UInt64 = 20
  /// What commits leave in small pieces is put together when nobody has committed for so long.
  package var tidyMilliseconds: UInt64 = 100
  package var linksMax = 1_024
  /// How long a device that is not known to be a member may take to show that it is one.
  package var admissionMilliseconds: UInt64 = 10_000
  /// How long what peers have acknowledged may stay unsaved. It only decides what `status` says.
  package var savePeersMilliseconds: UInt64 = 5_000
  /// Before an address that failed is tried again: the first time, and at most.
  package var redialMilliseconds: UInt64 = 250
  package var redialMillisecondsMax: UInt64 = 30_000
  /// Two links with one peer that came to be within so long were dialled from both ends at once.
  package var doubleMilliseconds: UInt64 = 3_000
  /// How long after something was stored peers are told in short what there is, so that two
  /// histories of one origin are noticed though nobody writes on.
  package var chainsMilliseconds: UInt64 = 5_000
  /// How long a peer may say nothing that was asked for another history of an origin.
  package var forkSearchMilliseconds: UInt64 = 5_000
  /// A peer whose chains differ is met anew at most once in so long.
  package var doubtMilliseconds: UInt64 = 600_000
  /// Bytes that were given out for one link and have not left. With more of them it is closed: the
  /// peer does not read. More than a peer's credit allows for segments.
  package var queuedBytesMax = 32 << 20
  /// Origins of segments that came before the records that say whose they are, on one link.
  package var unverifiedOriginsMax = 64
  /// How long own changes that nobody has yet are kept back from the moment a peer is met, when it
  /// seems that somebody else has written under the same origin: the peer can show it meanwhile.
  package var publishHoldMilliseconds: UInt64 = 10_000
  /// How long after a receipt of this device the next one may follow; nil for a replica that
  /// neither writes receipts nor takes those of others.
  package var receiptMilliseconds: UInt64? = 60_000
  /// A peer that has nothing yet is given a snapshot instead of segments from so many changes on;
  /// nil for a replica that neither gives snapshots nor takes any.
  package var snapshotChangesMin: UInt64? = 2_000
  /// One turn takes over about so much of what arrived, and all else waits meanwhile: much when
  /// that costs the least, little while somebody works here or small changes come.
  package var work = WorkLimit.large
  package var workBesideOthers = WorkLimit(changes: 256, bytes: 64 << 10)
  /// How long after such a change the next one is expected.
  package var attentionMilliseconds: UInt64 = 1_000
  /// What arrives is small up to so much; of what is typed, thousands of changes take few bytes.
  package var small = WorkLimit(changes: 16, bytes: 4 << 10)
  /// One turn reads about so many bytes for peers, or seals so many; beside others no more than
  /// ``workBesideOthers``.
  package var turnBytes = 128 << 10
  /// About how many bytes of a snapshot are asked for at a time.
  package var snapshotBytes = 2 << 20
  package var session = SessionLimits()
  package var link = Link.Limits()

  package init() {}
}

/// Which links an engine keeps. Without a topology it keeps none by itself, unless it follows what
/// the members have declared.
package struct EngineConfiguration: Sendable {
  package var topology: Topology?
  /// Without a topology of its own: the links are those that the members have declared, and change
  /// when another declaration arrives.
  package var followsDeclaration = false
  /// Under which the topology names this replica.
  package var selfAddress: String?
  package var limits = EngineLimits()

  package init() {}

  package init(topology: Topology, selfAddress: String) {
    self.topology = topology
    self.selfAddress = selfAddress
  }

  /// Whether a relay listens at this address: relays speak WebSocket, replicas TCP.
  static func isRelay(_ address: String) -> Bool {
    address.hasPrefix("ws://") || address.hasPrefix("wss://")
  }
}
