package import Causality

/// The end of one origin's chain of segments as one side has it stored: what a peer needs to know
/// in order to send what follows, and to notice that the two hold different segments under one
/// number.
package struct ChainTip: Hashable, Sendable {
  package var origin: Origin
  /// The last sequence of the last stored segment, from 1.
  package var sequence: UInt64
  /// The first eight bytes, the most significant first, of that segment's chain hash.
  package var chainPrefix: UInt64

  package init(origin: Origin, sequence: UInt64, chainPrefix: UInt64) {
    self.origin = origin
    self.sequence = sequence
    self.chainPrefix = chainPrefix
  }
}

/// Where the chain of an origin begins: behind this sequence, and the segment with this hash.
package struct ChainBase: Hashable, Sendable {
  package var origin: Origin
  package var sequence: UInt64
  /// Of the whole segment: 32 bytes.
  package var hash: [UInt8]

  package init(origin: Origin, sequence: UInt64, hash: [UInt8]) {
    self.origin = origin
    self.sequence = sequence
    self.hash = hash
  }
}

/// What one end of a link is.
package enum PeerRole: UInt8, Sendable {
  case replica = 1
  /// Stores and forwards; has no changes of its own.
  case relay = 2
  /// Has an invitation and was not admitted yet.
  case joiner = 3
}

/// Which way segments are pushed on a link, said by one end about itself. What is asked for by
/// name is sent in any case.
package enum Flow: UInt8, Sendable {
  case both = 1
  /// "I push; do not push to me": the link to a ring's successor.
  case sendOnly = 2
  /// "Push to me; I do not push."
  case receiveOnly = 3
}

/// What one end wants pushed without asking.
package enum PushWish: UInt8, Sendable {
  /// All that it lacks: leaves, ring members, a one-shot sync, a relay.
  case everything = 1
  /// Only what the sender wrote itself or has from peers that wish everything. The rest is
  /// advertised and asked for: members of a mesh and the hubs of a star, which would otherwise get
  /// each payload from every side.
  case firstHand = 2
}

/// How each end introduces itself. Its vector follows in `tips`.
package struct Hello: Equatable, Sendable {
  /// The protocol versions that the sender speaks, lowest and highest.
  package var versions: ClosedRange<UInt64> = 1...1
  /// Optional abilities, one bit each.
  package var features: UInt64 = 0
  package var role: PeerRole
  package var flow: Flow
  package var wish: PushWish
  /// The origin under which the sender writes; of a relay the id of its store, so that a relay that
  /// was wiped is noticed.
  package var origin: Origin
  /// Segment bytes that the receiver of this hello may have under way before credit returns.
  package var windowBytes: UInt64
  /// Of the set of membership records that the sender has: 32 bytes.
  package var recordDigest: [UInt8]
  /// What the sender has dropped when it says hello, of each origin up to this sequence: who lacks
  /// something of that need not wait for it to come. A hint, of at most ``floorEntriesMax``
  /// origins, and nothing for who is not admitted yet.
  package var floor = VersionVector()
  /// Room for later versions: ascending numbers with bytes that older readers step over.
  package var extensions: [Extension] = []

  /// An extension without content: the sender has changes of its own that it seals when it knows
  /// the receiver's vector. A `have` follows when it has.
  package static let sealsLater: UInt64 = 1
  /// An extension of 8 bytes: a number for the set of receipts that the sender has.
  package static let receiptDigest: UInt64 = 2
  /// An extension without content: the sender has nothing yet and takes a snapshot rather than many
  /// segments.
  package static let asksForSnapshot: UInt64 = 3
  /// An extension without content: somebody has folded history in this workspace.
  package static let knowsFolding: UInt64 = 5
  /// A feature: the sender knows what to do with the offer of a snapshot.
  package static let takesSnapshots: UInt64 = 1

  package struct Extension: Equatable, Sendable {
    package var number: UInt64
    package var bytes: [UInt8]

    package init(number: UInt64, bytes: [UInt8]) {
      self.number = number
      self.bytes = bytes
    }

    init(receiptDigest: UInt64) {
      number = Hello.receiptDigest
      bytes = (0..<8).map { UInt8(truncatingIfNeeded: receiptDigest >> (56 - 8 * $0)) }
    }
  }

  /// The digest of the sender's receipts; nil where it says nothing of any.
  package var receipts: UInt64? {
    guard let found = extensions.first(where: { $0.number == Hello.receiptDigest }),
      found.bytes.count == 8
    else { return nil }
    return found.bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A hello is one message, however many origins there are.
  package static let floorEntriesMax = 1_024

  /// Of a floor what a hello tells.
  static func told(floor: VersionVector) -> VersionVector {
    VersionVector(sorted: Array(floor.entries.prefix(floorEntriesMax)))
  }

  package var knowsFolding: Bool { extensions.contains { $0.number == Hello.knowsFolding } }

  var asksForSnapshot: Bool { extensions.contains { $0.number == Hello.asksForSnapshot } }

  package init(
    role: PeerRole, flow: Flow, wish: PushWish, origin: Origin, windowBytes: UInt64,
    recordDigest: [UInt8]
  ) {
    self.role = role
    self.flow = flow
    self.wish = wish
    self.origin = origin
    self.windowBytes = windowBytes
    self.recordDigest = recordDigest
  }
}

/// What a snapshot holds, in the words of whoever gives it.
package struct SnapshotOffer: Hashable, Sendable {
  /// Of the layout of the parts.
  package var format: UInt64
  /// The highest number of an operation that the giving release knows.
  package var language: UInt64
  package var documents: UInt64
  package var changes: UInt64

  package init(format: UInt64, language: UInt64, documents: UInt64, changes: UInt64) {
    self.format = format
    self.language = language
    self.documents = documents
    self.changes = changes
  }
}

/// Asks for one origin's segments from a sequence on.
package struct Want: Hashable, Sendable {
  package var origin: Origin
  /// The first sequence that is missing, from 1.
  package var from: UInt64

  package init(origin: Origin, from: UInt64) {
    self.origin = origin
    self.from = from
  }
}

/// What stands before the first part of a segment. The protocol does not look inside a segment:
/// whoever stores it checks that its header says the same.
package struct SegmentHead: Hashable, Sendable {
  package var origin: Origin
  package var first: UInt64
  package var last: UInt64
  /// The whole segment's length.
  package var byteCount: Int

  package init(origin: Origin, first: UInt64, last: UInt64, byteCount: Int) {
    self.origin = origin
    self.first = first
    self.last = last
    self.byteCount = byteCount
  }
}

/// A sentence for the people at the other end, with a code for their programs.
package struct Status: Equatable, Sendable {
  package struct Code: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
      self.rawValue = rawValue
    }

    /// The bytes break the rules of the protocol.
    package static let protocolViolation = Code(rawValue: 1)
    /// No protocol version, or a needed feature, in common.
    package static let unsupported = Code(rawValue: 2)
    /// The device is not a member of the workspace.
    package static let notAMember = Code(rawValue: 3)
    /// The request to join waits for the device that issued the invitation.
    package static let joinPending = Code(rawValue: 4)
    /// The invitation has been used, has expired or is unknown.
    package static let joinRefused = Code(rawValue: 5)
    /// Two different segments under one number.
    package static let forked = Code(rawValue: 6)
    /// A segment was refused; the origin says whose.
    package static let refused = Code(rawValue: 7)
    /// A quota is used up.
    package static let full = Code(rawValue: 8)
    /// Something failed on the sender's side, a disk for instance.
    package static let internalFailure = Code(rawValue: 9)
    /// More than the sender is willing to do now; later may do.
    package static let busy = Code(rawValue: 10)
    /// A membership record that is not valid.
    package static let invalidRecord = Code(rawValue: 11)
    /// The sender is about to stop.
    package static let shuttingDown = Code(rawValue: 12)
    /// What the receiver lacks was folded away at the sender.
    package static let historyGone = Code(rawValue: 13)
  }

  package static let sentenceBytesMax = 512

  package var code: Code
  /// The origin that this is about. `forked` and `refused` end its flow on the link.
  package var origin: Origin?
  /// At most `sentenceBytesMax` bytes, without control characters.
  package private(set) var sentence: String

  /// Control characters become spaces, what is too long is cut.
  package init(_ code: Code, origin: Origin? = nil, _ sentence: String) {
    self.code = code
    self.origin = origin
    var kept = String.UnicodeScalarView()
    var byteCount = 0
    for scalar in sentence.unicodeScalars {
      let printable = Status.isPrintable(scalar) ? scalar : " "
      byteCount += UTF8.width(printable)
      guard byteCount <= Status.sentenceBytesMax else { break }
      kept.append(printable)
    }
    self.sentence = String(kept)
  }

  /// Whether the origin it names flows no more on the link that it crossed.
  var endsFlow: Bool { code == .forked || code == .refused }

  static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value >= 0x20 && !(0x7F...0x9F ~= scalar.value)
  }
}

/// What somebody has stored, in short: where the vectors are the same and the hashes are not, there
/// are two histories of some origin.
package struct ChainDigest: Hashable, Sendable {
  /// Of origins and sequences.
  package var vector: UInt64
  /// Of these with the hashes of their last segments.
  package var hashes: UInt64

  package init(vector: UInt64, hashes: UInt64) {
    self.vector = vector
    self.hashes = hashes
  }
}

/// What crosses a link after the handshake, one message a frame.
package enum Message: Equatable, Sendable {
  case hello(Hello)
  /// The sender's stored vector, in ascending order of origin over all messages until `isLast`.
  case tips([ChainTip], isLast: Bool)
  /// Membership records. `isLast` ends the transfer of a whole set; records that came later go
  /// without it.
  case records([[UInt8]], isLast: Bool)
  /// The first part of a segment. The other parts follow in order, before the next segment.
  case segment(SegmentHead, part: [UInt8])
  case segmentPart([UInt8])
  /// Durable at the sender: only the entries that moved.
  case acknowledge(VersionVector)
  /// The receiver of this may send so many segment bytes more.
  case credit(UInt64)
  /// Stored at the sender and not being pushed: only the entries that moved.
  case have(VersionVector)
  /// In ascending order of origin. `isAgain`: what came of these before was lost, so that it is to
  /// be sent again though it was sent on this link.
  case want([Want], isAgain: Bool)
  case ping(UInt64)
  /// The number of the ping that it answers.
  case pong(UInt64)
  case status(Status)
  /// The last message: the sender leaves in good order.
  case bye
  /// Receipts of devices, which an older reader steps over.
  case receipts([[UInt8]])
  /// A presence note, and over how many more links it may go; an older reader steps over it.
  case presence([UInt8], hops: UInt8)
  /// What the receiver lacks can be had as a snapshot; nothing is pushed until `snapshotDone`.
  case snapshotOffer(SnapshotOffer)
  /// Asks for the next parts behind a cursor that came with the last one; empty at the beginning. A
  /// budget of 0 asks for an offer.
  case snapshotWant(cursor: [UInt8], byteBudget: UInt64)
  /// The protocol does not look inside. `isLast`: of the answer to one want.
  case snapshotPart([UInt8], isLast: Bool)
  /// The snapshot is taken over, or not wanted.
  case snapshotDone
  /// Somebody has folded history in this workspace, as `Hello.knowsFolding` says.
  case folded
  /// Where chains begin at the sender of which the receiver, a relay, has less: what is before was
  /// dropped, as every member has it.
  case bases([ChainBase])
  /// Asks for all that the receiver holds of one document, of which what is stored at the sender is
  /// damaged.
  case documentWant([UInt8])
  /// A part of the answer. The protocol does not look inside. Empty when there is nothing to give.
  case documentPart([UInt8], isLast: Bool)
  /// What the sender has stored, in short; an older reader steps over it.
  case chains(ChainDigest)
  /// A kind from the future that says of itself that it may be stepped over.
  case ignorable(kind: UInt8)
}

/// Limits of messages, each on its own so that a whole message fits into a frame.
package enum MessageLimits {
  /// A message with the sealing around it is one frame.
  package static let messageBytesMax = Frame.payloadBytesMax - 64
  /// Small enough that a heartbeat never waits long behind a part.
  package static let partBytesMax = 256 << 10
  package static let segmentBytesMax = 8 << 20
  /// Entries of tips, acknowledge, have and want in one message.
  package static let entriesMax = 16_384
  package static let recordBytesMax = 4_096
  package static let recordsMax = 128
  package static let receiptBytesMax = 512 << 10
  package static let receiptsMax = 4_096
  package static let presenceBytesMax = 1_536
  package static let cursorBytesMax = 256
  package static let snapshotPartBytesMax = 512 << 10
  /// Of what names a document.
  package static let documentBytes = 16
  package static let extensionsMax = 32
  package static let extensionBytesMax = 1_024
  package static let digestBytes = 32
  /// The most credit in one message.
  package static let creditBytesMax: UInt64 = 1 << 40
}
