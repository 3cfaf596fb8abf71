internal import Causality
internal import SQLiteBridge
internal import Sabotages
internal import Sealing
internal import SegmentStore
internal import Segments
internal import SyncProtocol

/// One workspace as a relay holds it: sealed segments and signed records in one database, and what
/// is needed to check the next ones.
///
/// What arrives is checked and *staged* in memory, in order, and becomes durable for all who sent
/// it in one ``commit()``; nothing staged is acknowledged or passed on. After a commit that failed
/// the object must be dropped: what was staged is gone, and the peers send it again.
final class RelayWorkspace {
  let id: WorkspaceID
  let connection: SQLiteConnection
  let store: SegmentStore
  /// Who may write and connect, staged records included.
  private(set) var membership: Membership
  /// Where each origin's chain ends, staged segments included.
  private var positions: [Origin: ChainPosition] = [:]
  private var stagedSegments: [Segment] = []
  private var stagedHashes: [ChangeID: Digest] = [:]
  /// Which branch a chain is, staged segments included; nil for the chain of an origin. Of chains
  /// that were asked for.
  private var branches: [Origin: Branch?] = [:]
  private var stagedRecords: [MembershipRecord] = []
  /// Bytes of segments and records, staged ones included.
  private(set) var byteCount = 0
  private(set) var recordCount = 0

  init(_ id: WorkspaceID, _ connection: SQLiteConnection) throws(RelayError) {
    self.id = id
    self.connection = connection
    let store = SegmentStore(connection)
    self.store = store
    let place = "workspace \(id.description)"
    let records: [[UInt8]]
    do throws(SegmentStoreError) {
      (records, byteCount) = try connection.transaction(.read) {
        () throws(SegmentStoreError) in
        (try store.membershipRecords(), Int(clamping: try store.totals().bytes))
      }
    } catch {
      throw RelayError(error, at: place)
    }
    membership = Membership(workspace: id)
    recordCount = records.count
    do throws(MembershipError) {
      var parsed: [MembershipRecord] = []
      for bytes in records {
        byteCount += bytes.count
        parsed.append(try MembershipRecord(parsing: bytes))
      }
      try membership.insert(parsed)
    } catch {
      throw RelayError(.damaged, "\(place): a stored membership record: \(error).")
    }
  }

  func close() {
    connection.close()
  }

  var hasStaged: Bool { !stagedSegments.isEmpty || !stagedRecords.isEmpty }

  var recordDigest: [UInt8] { membership.digest.array }

  /// What is stored, staged segments left out. Of an origin whose branches are here, only up to
  /// where the first of them begins: whoever has those has the rest under their names.
  /// Complexity: O(origins).
  func tips() throws(RelayError) -> [ChainTip] {
    try read { () throws(SegmentStoreError) in
      let heads = try store.heads()
      var ends: [Origin: UInt64] = [:]
      for branch in membership.branchStatements.map(\.statement.branch)
      where heads.contains(where: { $0.origin == branch.origin }) {
        ends[branch.root] = min(ends[branch.root] ?? .max, branch.start)
      }
      var tips: [ChainTip] = []
      for head in heads {
        var position = head.position
        if let end = ends[head.origin], end < position.sequence {
          let change = ChangeID(origin: head.origin, sequence: end)
          guard end > 0, let hash = try store.chainHash(endingAt: change) else { continue }
          position = ChainPosition(sequence: end, hash: hash)
        }
        tips.append(ChainTip(head.origin, position))
      }
      return tips
    }
  }

  /// The branch that the last segment of a chain is on; nil for the chain of an origin. Where that
  /// segment is not held, as the chain was begun behind it, what members say of the name tells.
  private func branch(of chain: Origin) throws(RelayError) -> Branch? {
    if let known = branches[chain] { return known }
    let found = try read { () throws(SegmentStoreError) in
      let end = ChangeID(origin: chain, sequence: try store.position(of: chain).sequence)
      return try store.segment(containing: end)
    }
    let branch: Branch?
    do throws(SegmentError) {
      branch =
        if let found {
          try found.parsed().branch
        } else {
          membership.branchStatements.map(\.statement.branch).first { $0.origin == chain }
        }
    } catch {
      throw RelayError(.damaged, "workspace \(id.description): \(error)")
    }
    branches[chain] = .some(branch)
    return branch
  }

  // MARK: What arrives

  enum Verdict: Equatable {
    case staged
    /// Stored or staged already, the same bytes.
    case duplicate
  }

  /// Checks that the segment is this workspace's, comes next, and is signed by the member that owns
  /// its origin.
  func stage(
    _ incoming: IncomingSegment, bytesMax: Int?
  ) throws(RelayRefusal) -> Verdict {
    let origin = incoming.origin
    do {
      let sealed = try Segment(parsing: incoming.bytes)
      guard sealed.header.workspace == id,
        let segment = sealed.announced(as: incoming.name, through: incoming.last)
      else {
        throw RelayRefusal.origin(
          origin, .refused, "the segment is not the one that was announced, or not this workspace's"
        )
      }
      let position = try position(of: origin)
      guard try position == .start || branch(of: origin) == segment.branch else {
        throw RelayRefusal.origin(origin, .refused, "the segment belongs to another chain")
      }
      if segment.lastSequence <= position.sequence {
        let last = ChangeID(origin: origin, sequence: segment.lastSequence)
        // Of what lies before the beginning of a chain nothing can be compared.
        guard let known = try hash(of: last) else {
          if segment.lastSequence < (try floor())[origin] { return .duplicate }
          throw RelayRefusal.origin(
            origin, .forked, "the relay holds another segment under the same numbers")
        }
        if known == segment.hash { return .duplicate }
        throw RelayRefusal.origin(
          origin, .forked, "the relay holds another segment under the same numbers")
      }
      try segment.verifyFollows(position)
      try segment.verifySignature(by: try membership.verifier(for: segment.header.origin))
      try requireRoom(for: segment.bytes.count, bytesMax)
      stagedSegments.append(segment)
      branches[origin] = .some(segment.branch)
      stagedHashes[ChangeID(origin: origin, sequence: segment.lastSequence)] = segment.hash
      positions[origin] = segment.position
      byteCount += segment.bytes.count
      return .staged
    } catch let error as SegmentError {
      switch error {
      // What begins among the stored ones and ends behind them was sealed by somebody else.
      case .forked, .overlap: throw .origin(origin, .forked, "\(error)")
      default: throw .origin(origin, .refused, "\(error)")
      }
    } catch let error as MembershipError {
      throw .origin(origin, .refused, "\(error)")
    } catch let refusal as RelayRefusal {
      throw refusal
    } catch {
      throw .failed("\(error)")
    }
  }

  /// Takes the records that are new and complete; one that waits for others which nobody has sent
  /// is left out, so that nobody can fill the relay with records that mean nothing.
  ///
  /// - Returns: what was new.
  func stage(
    _ records: [MembershipRecord], recordsMax: Int, bytesMax: Int?
  ) throws(RelayRefusal) -> [MembershipRecord] {
    var grown = membership
    do {
      var taken = try grown.insert(records)
      let waiting = Set(grown.waiting.map(\.hash))
      if taken.contains(where: { waiting.contains($0.hash) }) {
        taken.removeAll { waiting.contains($0.hash) }
        grown = membership
        try grown.insert(taken)
      }
      guard recordCount + taken.count <= recordsMax else {
        throw RelayRefusal.full(
          "the relay keeps at most \(recordsMax) membership records of one workspace")
      }
      let size = taken.reduce(0) { $0 + $1.bytes.count }
      try requireRoom(for: size, bytesMax)
      membership = grown
      stagedRecords += taken
      recordCount += taken.count
      byteCount += size
      return taken
    } catch let refusal as RelayRefusal {
      throw refusal
    } catch {
      throw .violation("\(error)")
    }
  }

  private func requireRoom(for bytes: Int, _ bytesMax: Int?) throws(RelayRefusal) {
    guard let bytesMax, byteCount + bytes > bytesMax else { return }
    throw .full(
      "the relay keeps at most \(bytesMax) bytes of this workspace and has \(byteCount): ask its "
        + "operator for more room")
  }

  struct Committed {
    /// The origins that moved, sorted.
    var tips: [ChainTip]
    var records: [MembershipRecord]
    var segmentCount: Int
  }

  /// Makes everything staged durable, in one transaction.
  func commit() throws(RelayError) -> Committed {
    let segments = stagedSegments
    let records = stagedRecords
    guard hasStaged else { return Committed(tips: [], records: [], segmentCount: 0) }
    do throws(SegmentStoreError) {
      try connection.transaction { () throws(SegmentStoreError) in
        for record in records { _ = try store.insertMembership(record.bytes, hash: record.hash) }
        for segment in segments { _ = try store.append(segment) }
      }
    } catch {
      if !Sabotage.relaySwallowsFailure.isPlanted {
        throw RelayError(error, at: "workspace \(id.description)")
      }
    }
    stagedSegments = []
    stagedRecords = []
    stagedHashes = [:]
    let moved = Set(segments.map(\.origin)).sorted()
    return Committed(
      tips: moved.compactMap { origin in positions[origin].map { ChainTip(origin, $0) } },
      records: records, segmentCount: segments.count)
  }

  // MARK: What is asked for

  /// Segments of the ranges in store order, until their sizes reach the budget.
  func segments(_ request: SegmentRequest) throws(RelayError) -> [OutgoingSegment] {
    try read { () throws(SegmentStoreError) in
      try store.segments(
        in: request.ranges.map { ($0.origin, $0.after, $0.through) },
        limitBytes: request.byteBudget, limitCount: RelayWorkspace.segmentsReadMax)
    }.map {
      OutgoingSegment(
        origin: $0.origin, first: $0.firstSequence, last: $0.lastSequence, bytes: $0.bytes)
    }
  }

  private static let segmentsReadMax = 4_096

  /// The origins of `tips` for which another segment, or none, ends at that number here.
  func forked(_ tips: [ChainTip]) throws(RelayError) -> [Origin] {
    try read { () throws(SegmentStoreError) in
      var forked: [Origin] = []
      let floor = try store.floor()
      for tip in tips where tip.sequence >= floor[tip.origin] {
        let hash = try store.chainHash(
          endingAt: ChangeID(origin: tip.origin, sequence: tip.sequence))
        if hash.map(ChainTip.prefix) != tip.chainPrefix { forked.append(tip.origin) }
      }
      return forked
    }
  }

  /// Notes where a chain ends that was begun anew.
  func note(_ position: ChainPosition, of origin: Origin) { positions[origin] = position }

  func position(of origin: Origin) throws(RelayError) -> ChainPosition {
    if let known = positions[origin] { return known }
    let position = try read { () throws(SegmentStoreError) in try store.position(of: origin) }
    positions[origin] = position
    return position
  }

  private func hash(of change: ChangeID) throws(RelayError) -> Digest? {
    if let staged = stagedHashes[change] { return staged }
    return try read { () throws(SegmentStoreError) in try store.chainHash(endingAt: change) }
  }

  func read<R>(_ body: () throws(SegmentStoreError) -> R) throws(RelayError) -> R {
    do throws(SegmentStoreError) {
      return try connection.transaction(.read, body)
    } catch {
      throw RelayError(error, at: "workspace \(id.description)")
    }
  }
}

extension ChainTip {
  init(_ origin: Origin, _ position: ChainPosition) {
    self.init(
      origin: origin, sequence: position.sequence, chainPrefix: ChainTip.prefix(position.hash))
  }

  static func prefix(_ hash: Digest) -> UInt64 {
    hash.array.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension RelayWorkspace {
  /// Whether a device that holds an invitation may look in: it was admitted, or its invitation can
  /// still be used.
  func welcomes(_ invite: SigningKey.Public, _ device: SigningKey.Public, wall: UInt64) -> Bool {
    if membership.device(device) != nil { return true }
    guard let known = membership.invite(invite) else { return false }
    return known.admitted == nil && wall < known.expiresMillis
  }
}
