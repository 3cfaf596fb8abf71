package import Causality

/// Times and sizes of a session. The defaults are what ships; tests use others.
package struct SessionLimits: Equatable, Sendable {
  /// Segment bytes that the peer may have under way to us. One segment more may begin while any
  /// of it is left, so that a segment larger than the window can cross.
  package var windowBytes = 4 << 20
  /// Segment bytes that we have under way to the peer at most: a whole segment, and more than a
  /// peer keeps back before it returns credit.
  package var sendBytesMax = 16 << 20
  /// Segment bytes asked from the store at a time.
  package var readBytes = 128 << 10
  /// Silence after which a heartbeat is sent.
  package var heartbeatMilliseconds: UInt64 = 5_000
  /// Heartbeats that may be missed before the peer counts as dead.
  package var missedHeartbeatsMax: UInt64 = 3
  /// Heartbeats after which a queue that has not moved counts as wedged.
  package var wedgedHeartbeats: UInt64 = 3
  /// How long advertisements are gathered before they are sent.
  package var advertiseMilliseconds: UInt64 = 50
  /// The most origins that a peer's vector may name.
  package var originCountMax = VersionVector.originCountMax

  package init() {}
}

/// What one end of a link brings into its session.
package struct SessionConfiguration: Sendable {
  package var role: PeerRole
  /// Under which we write; of a relay the id of its store.
  package var origin: Origin
  package var flow: Flow = .both
  package var wish: PushWish = .everything
  /// The stored vector, sorted by origin.
  package var tips: [ChainTip]
  /// Of the set of membership records we have: 32 bytes.
  package var recordDigest: [UInt8]
  /// Of the set of receipts we have; nil for one who neither takes nor gives any.
  package var receiptDigest: UInt64?
  /// What this peer was last known to have durably, if that was kept.
  package var lastKnownPeerVector: VersionVector?
  /// The peer was not admitted yet: until `open` it is told nothing but our hello, and only its
  /// hello, tips and records are taken.
  package var isGated = false
  /// A gated peer that may have the membership records: one who holds an invitation.
  package var sendsRecordsWhileGated = false
  /// How long a gated peer may stay; nil for as long as it likes.
  package var gateMilliseconds: UInt64?
  /// There are own changes that are sealed only when the peer has told what it has. Until `sealed`
  /// neither side calls itself level.
  package var hasUnsealed = false
  /// What was dropped here: of each origin up to this sequence.
  package var floor = VersionVector()
  /// What a snapshot of this replica holds; nil for one who gives none.
  package var snapshot: SnapshotOffer?
  /// It is long, so that whoever has nothing is better served with a snapshot.
  package var prefersSnapshot = false
  /// We can take a snapshot over.
  package var takesSnapshots = false
  /// We have nothing yet.
  package var asksForSnapshot = false
  /// We keep both histories of an origin that is forked, each under a name of its own.
  package var mergesForks = false
  /// The chains that are forked here: behind where they are stored they go by other names.
  package var forked: Set<Origin> = []
  /// Somebody has folded history.
  package var knowsFolding = false
  package var limits = SessionLimits()

  package init(role: PeerRole, origin: Origin, tips: [ChainTip], recordDigest: [UInt8]) {
    self.role = role
    self.origin = origin
    self.tips = tips
    self.recordDigest = recordDigest
  }
}
