import ByteCoding
import Causality
import ReplicaStore
import Sealing
import SegmentStore
import Segments
import SyncProtocol

/// A snapshot that is being taken over.
struct SnapshotTaking {
  let link: LinkID
  /// Behind which the next part is expected.
  var cursor: [UInt8]
  /// When the peer is given up, unless something comes.
  var deadline: UInt64
  /// When the peer is asked again, which had nothing to give.
  var askAgainAt: UInt64?
  /// That have come, and that there are, as far as is known.
  var documents: UInt64 = 0
  var documentsInAll: UInt64

  static let patienceMilliseconds: UInt64 = 500
  static let silenceMilliseconds: UInt64 = 60_000
  /// How long somebody else may take to send what is missing as segments.
  static let courtesyMilliseconds: UInt64 = 5_000
}

// Snapshots: for whoever lacks more than the segments of its peers hold, or has nothing yet.
extension Engine {
  /// What of snapshots belongs into a session with a peer.
  func configureSnapshots(of configuration: inout SessionConfiguration) throws(StoreError) {
    configuration.floor = try store.segmentFloor()
    guard let changesMin = limits.snapshotChangesMin else { return }
    configuration.takesSnapshots = true
    configuration.asksForSnapshot = hasNothingOfOthers
    let figures = try store.snapshotFigures()
    if !cannotGiveSnapshots {
      configuration.snapshot = SnapshotOffer(
        format: SnapshotFigures.format, language: figures.language, documents: figures.documents,
        changes: figures.changes)
    }
    configuration.prefersSnapshot = figures.changes >= changesMin
    configuration.knowsFolding = try store.knowsFolding()
  }

  private var hasNothingOfOthers: Bool {
    store.appliedVector.entries.allSatisfy { store.isOwn($0.origin) }
  }

  // MARK: Giving

  func giveSnapshot(after cursor: [UInt8], byteBudget: Int, _ connection: Connection) {
    // What nobody else may know of yet cannot be in it.
    seal(isWhole: true)
    do throws(StoreError) {
      let parts = try store.snapshotParts(after: cursor, byteBudget: byteBudget)
      session(connection.id) { $0.giveSnapshot(parts.map { $0.encoded() }, now: now) }
    } catch {
      // The next link is sent segments.
      if case .damaged = error { cannotGiveSnapshots = true }
      log(.error, "no snapshot can be given to \(connection.place): \(error)")
      refuse(connection, Self.status(of: error))
    }
  }

  /// History was folded: what of it is dropped can be sent to nobody any more.
  package func compacted(at instant: EngineInstant) -> [Effect] {
    input(at: instant) {
      do throws(StoreError) {
        let floor = try store.segmentFloor()
        for id in sortedLinks {
          session(id) { $0.tellFolding(now: now) }
          session(id) { $0.dropped(through: floor, now: now) }
        }
      } catch {
        log(.error, "\(error)")
      }
    }
  }

  func tellBases(of origins: [Origin], _ connection: Connection) {
    do throws(StoreError) {
      let bases = try store.chainBases(of: origins).map {
        ChainBase(origin: $0.origin, sequence: $0.position.sequence, hash: $0.position.hash.array)
      }
      session(connection.id) { $0.tellBases(bases, now: now) }
    } catch {
      fail(connection, error)
    }
  }

  /// Somebody has folded history: who comes back from before must know of it.
  func noteFolding() {
    do throws(StoreError) {
      guard try store.noteFolding() else { return }
      for id in sortedLinks { session(id) { $0.tellFolding(now: now) } }
      noteReturn()
    } catch {
      log(.error, "\(error)")
    }
  }

  // MARK: Taking

  func offered(_ offer: SnapshotOffer, _ connection: Connection) {
    connection.offer = offer
    connection.offeredAt = now
    if offer.format > SnapshotFigures.format || offer.language > store.highestOperation {
      complain(
        LinkFailure(
          .refused,
          "\(connection.place) offers a snapshot that only a newer version of this program can "
            + "read: update it"), of: connection)
      return endTaking(from: connection.id)
    }
    takeSnapshot()
  }

  /// The link whose snapshot is to be taken next; nil when there is none, or not yet.
  private func nextGiver() -> LinkID? {
    for id in sortedLinks {
      guard let connection = links[id], let session = connection.link.session, session.isOffered
      else { continue }
      // It may have decided before it knew what another one has given.
      let isOfUse = isReturning || !stored.covers(session.peerVector)
      guard isOfUse, session.peerVector.covers(floor) else {
        declineSnapshot(of: id)
        continue
      }
      // Who lacks little is better served with segments, as long as anybody has them.
      let due = connection.offeredAt + SnapshotTaking.courtesyMilliseconds
      if !isReturning, !hasNothingOfOthers, now < due, hasOtherSource(than: id) {
        offersDueAt = min(offersDueAt ?? .max, due)
        continue
      }
      return id
    }
    return nil
  }

  private var floor: VersionVector {
    do throws(StoreError) { return try store.segmentFloor() } catch { return VersionVector() }
  }

  private func hasOtherSource(than id: LinkID) -> Bool {
    links.contains { other, connection in
      guard other != id, let session = connection.link.session, !session.isOffered else {
        return false
      }
      return !session.isRunning || !stored.covers(session.peerVector)
    }
  }

  private func declineSnapshot(of link: LinkID) {
    do throws(StoreError) {
      if try store.snapshotProgress() != nil { try store.dropSnapshot() }
      try goOn([link])
    } catch {
      log(.error, "\(error)")
    }
  }

  /// Asks the first one who has offered a snapshot, unless one is under way.
  func takeSnapshot() {
    offersDueAt = nil
    guard taking == nil, let next = nextGiver(), let connection = links[next] else { return }
    do throws(StoreError) {
      let before = try store.snapshotProgress()
      let offer = connection.offer
      taking = SnapshotTaking(
        link: next, cursor: before?.cursor ?? [],
        deadline: now + SnapshotTaking.silenceMilliseconds, documents: before?.documents ?? 0,
        documentsInAll: offer?.documents ?? 0)
      log(
        .info,
        "takes a snapshot of \(offer?.documents ?? 0) documents over from \(connection.place)")
      wantSnapshot(after: before?.cursor ?? [], from: next)
    } catch {
      fail(connection, error)
    }
  }

  private func wantSnapshot(after cursor: [UInt8], from link: LinkID) {
    // Whoever begins wants to see something soon.
    let bytes = cursor.isEmpty ? min(limits.snapshotBytes, Self.firstBytes) : limits.snapshotBytes
    session(link) { $0.wantSnapshot(after: cursor, byteBudget: bytes, now: now) }
  }

  private static let firstBytes = 128 << 10

  /// What is due of snapshots: asks a peer again that had nothing to give, and gives up one that
  /// is silent.
  func tickSnapshots() {
    if let due = offersDueAt, now >= due { takeSnapshot() }
    guard let current = taking else { return }
    if now >= current.deadline {
      log(.warning, "the snapshot is given up: nothing came of it for a minute")
      return endTaking(from: current.link)
    }
    guard let due = current.askAgainAt, now >= due else { return }
    taking?.askAgainAt = nil
    wantSnapshot(after: current.cursor, from: current.link)
  }

  /// When ``tickSnapshots()`` has something to do at the latest.
  var snapshotDeadline: UInt64 {
    var deadline = offersDueAt ?? .max
    if let taking { deadline = min(deadline, taking.deadline, taking.askAgainAt ?? .max) }
    return deadline
  }

  func keepSnapshot(_ bytes: [UInt8], isLast: Bool, _ connection: Connection) {
    guard let current = taking, current.link == connection.id else { return }
    taking?.deadline = now + SnapshotTaking.silenceMilliseconds
    guard !bytes.isEmpty else {
      taking?.askAgainAt = now + SnapshotTaking.patienceMilliseconds
      return
    }
    let part: SnapshotPart
    do throws(ByteDecodingError) {
      part = try SnapshotPart(decoding: bytes)
    } catch {
      return refuseSnapshot("it cannot be read: \(error)", connection)
    }
    do throws(StoreError) {
      if part.isFirst { taking?.documents = 0 }
      taking?.documents += UInt64(part.startedDocuments)
      taking?.documentsInAll = part.documentCount
      connection.snapshotDocuments += UInt64(part.startedDocuments)
      guard try store.stage(part, after: current.cursor) else {
        log(.info, "another process takes a snapshot over; this one leaves it to that")
        return endTaking(from: connection.id)
      }
      taking?.cursor = part.cursor
      if part.isLast { return try installSnapshot(from: connection) }
      if isLast { wantSnapshot(after: part.cursor, from: connection.id) }
      // There is more to look at; and what is told now may be heard when all has been taken over.
      emit(.changed([], isComplete: false))
    } catch {
      if case .refused(let reason) = error { return refuseSnapshot(reason, connection) }
      fail(connection, error)
    }
  }

  private func installSnapshot(from connection: Connection) throws(StoreError) {
    let before = store.membership
    let outcome = try store.installSnapshot(now: instant.wall, entropy: entropy)
    taking = nil
    if outcome?.hasNewOrigin == true { tellNewOrigin(since: before, connection) }
    if let outcome {
      log(
        .info,
        "has taken a snapshot of \(outcome.documents) documents over from \(connection.place)")
      emit(.changed([], isComplete: false))
    }
    isReturning = try store.isReturning()
    try goOn(sortedLinks)
    seal()
  }

  /// Nothing of what came is used; the peer is told why.
  private func refuseSnapshot(_ reason: String, _ connection: Connection) {
    complain(
      LinkFailure(
        .refused, "the snapshot of \(connection.place) was not taken over: \(reason)"),
      of: connection)
    do throws(StoreError) {
      try store.dropSnapshot()
    } catch {
      log(.warning, "\(error)")
    }
    endTaking(from: connection.id)
  }

  private func complain(_ failure: LinkFailure, of connection: Connection) {
    connection.complaint = failure
    note(failure, of: connection)
    log(.error, failure.sentence)
    emit(.reported(connection.id, failure))
  }

  /// A link goes on without its snapshot.
  private func endTaking(from link: LinkID) {
    if taking?.link == link { taking = nil }
    do throws(StoreError) {
      try goOn([link])
    } catch {
      log(.error, "\(error)")
    }
    takeSnapshot()
  }

  private func goOn(_ ids: [LinkID]) throws(StoreError) {
    let tips = try store.storedTips()
    stored = Self.vector(of: tips)
    planner.stored(stored, now: now)
    writeReceiptSoon(isAtRest: false)
    let told = tips.map { Self.tip($0.origin, $0.position) }
    let floor = try store.segmentFloor()
    for id in ids {
      session(id) { $0.goOn(with: told, now: now) }
      session(id) { $0.dropped(through: floor, now: now) }
    }
  }
}
