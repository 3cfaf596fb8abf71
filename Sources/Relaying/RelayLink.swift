internal import Sealing
internal import Segments
internal import SyncProtocol

/// Names a link for as long as it lives; whoever drives the relay chooses the number.
package struct RelayLinkID: Hashable, Comparable, Sendable {
  package let number: UInt64

  package init(_ number: UInt64) {
    self.number = number
  }

  package static func < (left: RelayLinkID, right: RelayLinkID) -> Bool {
    left.number < right.number
  }
}

/// What whoever drives the relay has to do, in the order of the list.
package enum RelayEffect: Sendable, Equatable {
  case send(RelayLinkID, [UInt8])
  /// Let what was sent leave, then close. The link is forgotten already.
  case close(RelayLinkID, reason: String)
  /// Something worth telling the operator.
  case log(RelayLogLevel, String)
}

package enum RelayLogLevel: Sendable {
  case info, warning, error
}

/// A link as the relay sees it.
final class RelayLink {
  /// How far a link has come.
  enum Stage {
    /// Nobody knows yet who it is.
    case handshake
    /// A device that no stored record names. What it shows is kept here, not in the store, until it
    /// proves to be a member; until then it is told nothing.
    case stranger(Membership, until: UInt64)
    /// Holds an invitation: may read membership records and leave one request.
    case joiner(invite: SigningKey.Public)
    case member
  }

  let id: RelayLinkID
  /// Where it comes from, for logs.
  let place: String
  var link: Link
  var stage = Stage.handshake
  var workspace: WorkspaceID?
  var identity: LinkHandshake.Identity?
  /// Handed out and not reported as gone.
  var queuedBytes = 0
  var bucket: TokenBucket?
  /// Asked for while too much was queued.
  var deferred: SegmentRequest?
  /// Bytes of staged segments, to be settled when they are durable.
  var stagedBytes = 0
  var refusedOriginCount = 0
  /// The quota was used up: nothing more is taken, and no credit is given back.
  var isFull = false
  /// Refused or told to leave: what still arrives means nothing.
  var isEnding = false

  /// Presence notes that are looked at: more than all devices of a busy workspace send.
  var presenceLimit: RateLimit

  init(
    id: RelayLinkID, place: String, link: Link, bucket: TokenBucket?, presenceLimit: RateLimit
  ) {
    self.id = id
    self.place = place
    self.link = link
    self.bucket = bucket
    self.presenceLimit = presenceLimit
  }
}
