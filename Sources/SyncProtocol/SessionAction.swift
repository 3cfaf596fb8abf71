package import Causality

/// A run of one origin's sequences: those above `after`, up to and with `through`.
package struct SegmentRange: Hashable, Sendable {
  package var origin: Origin
  package var after: UInt64
  package var through: UInt64

  package init(origin: Origin, after: UInt64, through: UInt64) {
    self.origin = origin
    self.after = after
    self.through = through
  }
}

/// What a session would send next, to be read from the store: the segments of these ranges in the
/// order in which they were stored, until their sizes reach the budget (so at least one).
package struct SegmentRequest: Equatable, Sendable {
  /// Sorted by origin; never empty.
  package var ranges: [SegmentRange]
  package var byteBudget: Int
}

/// A stored segment on its way to a peer.
package struct OutgoingSegment: Equatable, Sendable {
  package var origin: Origin
  package var first: UInt64
  package var last: UInt64
  package var bytes: [UInt8]

  package init(origin: Origin, first: UInt64, last: UInt64, bytes: [UInt8]) {
    self.origin = origin
    self.first = first
    self.last = last
    self.bytes = bytes
  }
}

/// A whole segment from a peer, as the peer announced it: nothing in it was verified.
package struct IncomingSegment: Equatable, Sendable {
  /// The change that it begins with, as the peer calls it.
  package var name: ChangeID { ChangeID(origin: origin, sequence: first) }

  package var origin: Origin
  package var first: UInt64
  package var last: UInt64
  package var bytes: [UInt8]

  package init(origin: Origin, first: UInt64, last: UInt64, bytes: [UInt8]) {
    self.origin = origin
    self.first = first
    self.last = last
    self.bytes = bytes
  }
}

/// What the peer said about itself in its hello and its tips.
package struct PeerHello: Equatable, Sendable {
  package var hello: Hello
  /// What it had stored.
  package var vector: VersionVector
}

/// What the owner of a session has to do, in the order of the list.
package enum SessionAction: Equatable, Sendable {
  case send(Message)
  /// Read from the store; answer with `provide`, once.
  case needSegments(SegmentRequest)
  /// Answer with `provideRecords`, once.
  case needRecords
  /// The peer's hello and tips are complete.
  case peerKnown(PeerHello)
  /// Tips of the peer below our own: compare them with the stored chains, answer with
  /// `chainsCompared`, once.
  case compareChains([ChainTip])
  /// Verify and store, then `stored` on every session and `settled` on this one.
  case accept(IncomingSegment)
  case storeRecords([[UInt8]])
  /// Of devices, as the peer has them: nothing in them was verified.
  case storeReceipts([[UInt8]])
  /// Of a device, and over how many more links it may go: nothing in it was verified.
  case presence([UInt8], hops: UInt8)
  /// What the peer has stored, in short.
  case chains(ChainDigest)
  /// The peer can give a snapshot and pushes nothing until it is told: ask with `wantSnapshot`, and
  /// say how it ended with `goOn`.
  case offered(SnapshotOffer)
  /// Answer with `giveSnapshot`, once.
  case needSnapshot(after: [UInt8], byteBudget: Int)
  /// A part of a snapshot, of which nothing was verified; empty when the peer has nothing to give
  /// now. `isLast`: nothing more comes until it is asked for.
  case storeSnapshot([UInt8], isLast: Bool)
  /// Answer with `giveDocument`, once.
  case needDocument([UInt8])
  /// A part of a document that was asked for, of which nothing was verified; empty when the peer
  /// has nothing to give.
  case storeDocument([UInt8], isLast: Bool)
  /// Somebody has folded history in this workspace.
  case folded
  /// The peer, a relay, lacks the beginnings of these chains, which were dropped here: answer with
  /// `tellBases`.
  case needBases([Origin])
  /// Where the chains of the peer begin: nothing in them was verified.
  case storeBases([ChainBase])
  /// Durable at the peer: the entries that moved.
  case acknowledged(VersionVector)
  /// The peer has this, and may not push it.
  case advertised(VersionVector)
  /// Both sides hold this number of this origin, with different hashes. The origin is left out on
  /// this link; the others go on.
  case forked(origin: Origin, sequence: UInt64)
  /// The peer holds more of our own origin than we do: this store is a restored backup or a clone
  /// and must go on under a new origin.
  case identityReused(sequence: UInt64)
  /// The peer has lost what it had acknowledged; it is believed and sent it again.
  case peerRegressed(from: VersionVector, to: VersionVector)
  /// The store did not have what its vector says it has.
  case missingHere([SegmentRange])
  /// Whether both sides have all of each other, as far as the flow of the link lets them.
  case level(Bool)
  /// What the peer has to say.
  case reported(Status)
  /// The session is over. Always the last action.
  case close(SessionEnding)
}

/// Why a session ended.
package enum SessionEnding: Equatable, Sendable, CustomStringConvertible {
  /// We left.
  case left
  /// The peer left in good order.
  case peerLeft
  /// Nothing came for this long.
  case silent(milliseconds: UInt64)
  /// The peer broke a rule of the protocol.
  case violation(Violation)
  /// The peer speaks other versions.
  case noCommonVersion(theirs: ClosedRange<UInt64>)
  /// The peer was not admitted in time.
  case notAdmitted

  package enum Violation: Error, Equatable, Sendable {
    /// A message that has no place in the session's present state.
    case unexpected(String)
    case creditExceeded
    case vectorTooLong
    case tipsOutOfOrder
    case segmentTooLong
    case notDecodable(String)
  }

  package var description: String {
    switch self {
    case .left: "left"
    case .peerLeft: "the peer left"
    case .silent(let milliseconds): "nothing was heard for \(milliseconds / 1000) s"
    case .violation(let violation):
      switch violation {
      case .unexpected(let name): "the peer sent \(name) where it has no place"
      case .creditExceeded: "the peer sent more than it was given credit for"
      case .vectorTooLong: "the peer's version vector names too many origins"
      case .tipsOutOfOrder: "the peer's version vector is not in order"
      case .segmentTooLong: "the peer sent more of a segment than it had announced"
      case .notDecodable(let reason): "the peer sent a message that cannot be read: \(reason)"
      }
    case .noCommonVersion(let theirs):
      "the peer speaks protocol versions \(theirs.lowerBound) to \(theirs.upperBound), this "
        + "program speaks \(SyncSession.versions.lowerBound) to "
        + "\(SyncSession.versions.upperBound); update the older one"
    case .notAdmitted: "the peer is not a member of the workspace"
    }
  }
}

/// What crossed a link so far.
package struct Traffic: Equatable, Sendable {
  package init() {}

  package var sentSegments: UInt64 = 0
  package var sentChanges: UInt64 = 0
  package var sentSegmentBytes: UInt64 = 0
  package var receivedSegments: UInt64 = 0
  package var receivedChanges: UInt64 = 0
  package var receivedSegmentBytes: UInt64 = 0
  /// Segments that came although they were stored here already.
  package var duplicateSegments: UInt64 = 0
}

/// How far a peer is behind and how the link to it is.
package struct Lag: Equatable, Sendable {
  /// Changes stored here that the peer is not known to have durably.
  package var changes: UInt64
  /// Segment bytes sent on this link and not acknowledged.
  package var bytesInFlight: Int
  /// How long the oldest change that waits for its acknowledgement has been waiting; nil when none
  /// does.
  package var oldestUnacknowledgedMilliseconds: UInt64?
  /// Time since the last byte from the peer.
  package var lastContactMilliseconds: UInt64
  /// Of the last heartbeat; nil before the first.
  package var roundTripMilliseconds: UInt64?
}
