import Causality
import Documents
import Sealing
import SyncProtocol

/// A link and what the engine remembers about it.
final class Connection {
  let id: LinkID
  private(set) var link: Link
  /// Those of the link: looked at after every input, and so beside it rather than inside.
  private(set) var gauges: Link.Gauges
  /// In the words of whoever opened the stream.
  let place: String
  let isInitiator: Bool
  /// The other end was dialled as a relay.
  let isRelay: Bool
  /// What we say of the link in our hello.
  let flow: Flow
  let connectedAt: Timestamp
  /// The peer has been told that its request to join waits.
  var hasReportedJoin = false
  /// Both sides know each other's vectors.
  var hasMet = false
  /// When they came to know them.
  var metAt: UInt64 = 0
  /// What the peer was asked to push; nil before the session began.
  var wish: PushWish?
  /// Until when the peer may show that it has what only this replica should have.
  var holdUntil: UInt64 = 0
  /// Given out and not reported as gone.
  var queuedBytes = 0
  /// Changes that the peer had acknowledged once and lacked when the link began.
  var lostByPeer: UInt64 = 0
  /// The peer has other receipts than this replica, and has not told them yet.
  var awaitsReceipts = false
  /// The snapshot that the peer has offered.
  var offer: SnapshotOffer?
  var offeredAt: UInt64 = 0
  /// Origins of which the peer's history is asked for, as it is another one.
  var seeking: [Origin: ForkSearch] = [:]
  /// In which turn the peer was last given a document that it had lost.
  var gaveDocumentIn: UInt64?
  /// How many documents came in it.
  var snapshotDocuments: UInt64 = 0
  /// Why a queue is known not to move; nil while both do.
  var wedgeReason: String?
  /// Presence notes that are looked at: more than all devices of a busy workspace send.
  var presenceLimit: RateLimit
  /// What the peer last complained about.
  var complaint: LinkFailure?

  init(
    id: LinkID, link: Link, place: String, isInitiator: Bool, isRelay: Bool, flow: Flow,
    connectedAt: Timestamp, now: UInt64
  ) {
    self.id = id
    self.link = link
    gauges = link.gauges
    self.place = place
    self.isInitiator = isInitiator
    self.isRelay = isRelay
    self.flow = flow
    self.connectedAt = connectedAt
    presenceLimit = RateLimit(perSecond: 200, burst: 500, now: now)
  }

  /// Hands an input to the link. All that changes it goes through here.
  func take(_ input: (inout Link) -> [LinkAction]) -> [LinkAction] {
    defer { gauges = link.gauges }
    return input(&link)
  }

  /// The device that the peer has proved to be.
  var peerKey: SigningKey.Public? { link.peer?.device }

  var isJoiner: Bool {
    if case .joiner = link.peer { true } else { false }
  }

  /// Both sides know each other's vectors, and the link lives.
  var isRunning: Bool { link.session?.isRunning ?? false }

  /// What comes over this link is first hand to the others: nobody else pushes it to them.
  var isFirstHand: Bool { gauges.peerWish != .firstHand }
}
