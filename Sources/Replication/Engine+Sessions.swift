import Causality
import DequeModule
import Documents
import ReplicaStore
import Sabotages
import Sealing
import SegmentStore
import Segments
import SyncProtocol

// What sessions ask of the store and of the other links.
extension Engine {
  func perform(_ action: SessionAction, _ connection: Connection) {
    let id = connection.id
    switch action {
    case .send, .close: break  // The link has done it.
    case .needSegments(let request):
      if providedBytes < limits.turnBytes {
        provide(request, connection)
      } else {
        postponed.append((id, request))
      }
    case .needRecords:
      let records = store.membership.records.map(\.bytes)
      session(id) { $0.provideRecords(records, now: now) }
    case .peerKnown(let peer): met(peer, connection)
    case .compareChains(let tips): compare(tips, connection)
    case .accept(let segment):
      planner.received(over: id.rawValue, now: now)
      connection.seeking[segment.origin]?.heardAt = now
      // It has what it sends.
      if let key = connection.peerKey { noteUnsaved(key) }
      inbox.append(segment, from: connection)
    case .storeRecords(let records): keep(records, connection)
    case .storeReceipts(let receipts): keep(receipts: receipts, connection)
    case .folded: noteFolding()
    case .needBases(let origins): tellBases(of: origins, connection)
    case .storeBases: break  // Only relays begin in the middle of a chain.
    case .offered(let offer): offered(offer, connection)
    case .needSnapshot(let cursor, let byteBudget):
      giveSnapshot(after: cursor, byteBudget: byteBudget, connection)
    case .storeSnapshot(let bytes, let isLast): keepSnapshot(bytes, isLast: isLast, connection)
    case .needDocument(let id): giveDocument(id, connection)
    case .storeDocument(let bytes, let isLast): keepDocument(bytes, isLast: isLast, connection)
    case .presence(let note, let hops): take(presence: note, hops: hops, connection)
    case .chains(let digest): compare(digest, connection)
    case .acknowledged: if let key = connection.peerKey { noteUnsaved(key) }
    case .advertised(let vector):
      planner.advertised(vector, by: id.rawValue, now: now)
    case .forked(let origin, let sequence): met(forkOf: origin, at: sequence, connection)
    case .identityReused:
      // Only a claim so far: whoever lies would make us claim origins without end. A segment that
      // this device has signed is the proof; it is asked for at once, and nothing more is sealed
      // under the origin meanwhile.
      log(.warning, "\(connection.place) says that it has changes of this replica that it lacks")
      connection.holdUntil = now + limits.publishHoldMilliseconds
      let origin = store.identity.origin
      let want = Want(origin: origin, from: stored[origin] + 1)
      session(id) { $0.missing([want], now: now) }
    case .peerRegressed(let before, let after):
      let lost = before.changeCount(beyond: after)
      connection.lostByPeer = Sabotage.hideRegression.isPlanted ? 0 : lost
      log(
        .warning,
        "\(connection.place) has lost \(lost) changes that it had acknowledged; they are sent again"
      )
    case .missingHere(let ranges):
      log(
        .error,
        "\(connection.place) lacks changes of \(ranges.count) origins that cannot be read here: "
          + "they are sent when they have been fetched again")
    case .level(let isLevel): note(isLevel: isLevel, of: id)
    case .reported(let status):
      let failure = LinkFailure(status)
      connection.complaint = failure
      note(failure, of: connection)
      log(.warning, "\(connection.place) says: \(failure)")
      emit(.reported(id, failure))
      if status.code == .forked { meetAnew(connection, because: status.origin) }
    }
  }

  private func provide(_ request: SegmentRequest, _ connection: Connection) {
    if request.ranges.count == 1,
      let found = recent.segments(in: request.ranges[0], limitBytes: request.byteBudget)
    {
      providedBytes += found.reduce(0) { $0 + $1.bytes.count }
      session(connection.id) { $0.provide(found, now: now) }
      return
    }
    do {
      let found = try store.intactSegments(
        in: request.ranges.map {
          .init(origin: $0.origin, after: $0.after, through: $0.through)
        }, limitBytes: request.byteBudget)
      let segments = found.map {
        OutgoingSegment(
          origin: $0.origin, first: $0.firstSequence, last: $0.lastSequence, bytes: $0.bytes)
      }
      providedBytes += segments.reduce(0) { $0 + $1.bytes.count }
      session(connection.id) { $0.provide(segments, now: now) }
    } catch {
      log(.error, "\(error)")
      refuse(connection, Self.status(of: error))
    }
  }

  /// Answers what earlier turns have put off, in its order.
  func providePostponed() {
    while providedBytes < limits.turnBytes, let next = postponed.popFirst() {
      guard let connection = links[next.id] else { continue }
      provide(next.request, connection)
      drain()
    }
  }

  private func compare(_ tips: [ChainTip], _ connection: Connection) {
    do {
      let forked = try store.read {
        // Of what was dropped nothing can be compared any more.
        let floor = try store.segmentFloor()
        return try tips.filter { tip in
          guard tip.sequence >= floor[tip.origin] else { return false }
          let change = ChangeID(origin: tip.origin, sequence: tip.sequence)
          return try store.segments.chainHash(endingAt: change).map(Self.chainPrefix)
            != tip.chainPrefix
        }
      }
      session(connection.id) { $0.chainsCompared(forked: forked.map(\.origin), now: now) }
    } catch {
      log(.error, "\(error)")
      refuse(connection, Self.status(of: error))
    }
  }

  private func met(_ peer: PeerHello, _ connection: Connection) {
    connection.metAt = now
    planner.linked(connection.id.rawValue, author: peer.hello.origin, now: now)
    dialler?.up(connection.id, now: now)
    if let key = connection.peerKey { noteUnsaved(key) }
    dropDouble(of: connection)
    replan()
    connection.hasMet = true
    if peer.hello.knowsFolding { noteFolding() }
    compareReceipts(with: connection, havingThose: peer.hello.receipts)
    if isReturning { noteReturn() }
    greeted.append(connection.id)
    connection.holdUntil = now + limits.publishHoldMilliseconds
    // Only now: what the peer has may show that somebody else writes under our origin.
    seal()
    fetchDamaged()
  }

  /// In a mesh and between hubs both ends dial; one of the two links is left.
  private func dropDouble(of connection: Connection) {
    guard let key = connection.peerKey, isMeshed(connection) else { return }
    let ours = store.identity.device.publicKey
    for id in sortedLinks where id != connection.id {
      // A copied store has the same device: it is another replica as long as it has other origins.
      guard let other = links[id], other.peerKey == key, isMeshed(other),
        other.isInitiator != connection.isInitiator,
        other.link.session?.peer?.origin == connection.link.session?.peer?.origin
      else { continue }
      if now > other.metAt + limits.doubleMilliseconds {
        // Nobody dials who has a link: the peer has lost the old one, and we have not heard of it.
        if other.isInitiator { dialler?.cover(other.id, by: connection.id) }
        session(other.id) { $0.leave(now: now) }
        return
      }
      let dialled = connection.isInitiator ? connection : other
      let taken = connection.isInitiator ? other : connection
      let keepsDialled = Topology.keeps(dialledByUs: true, ours: ours, theirs: key)
      if !keepsDialled { dialler?.cover(dialled.id, by: taken.id) }
      session((keepsDialled ? taken : dialled).id) { $0.leave(now: now) }
      return
    }
  }

  /// Both ends push only what is first hand, both ways: what only mesh members and hubs do.
  private func isMeshed(_ connection: Connection) -> Bool {
    guard wish == .firstHand, connection.flow == .both,
      let session = connection.link.session, session.isRunning || session.peer != nil
    else { return false }
    return session.peer?.wish == .firstHand && session.peer?.flow == .both
  }

  /// Asks for what was only advertised.
  func ask() {
    if Sabotage.neverAsk.isPlanted { return }
    for (link, wants) in planner.plan(now: now) {
      session(LinkID(link)) { $0.missing(wants, now: now) }
    }
  }

  // MARK: What is remembered of peers

  func noteUnsaved(_ key: SigningKey.Public) {
    unsavedPeers.insert(key)
    savePeersSoon()
  }

  /// Remembers what went wrong with a peer last, and what it has.
  func note(_ failure: LinkFailure?, of connection: Connection) {
    guard let key = connection.peerKey, store.membership.device(key) != nil || connection.isRelay
    else { return }
    let vector = connection.link.session.flatMap {
      $0.isRunning || $0.isClosed ? $0.peerVector : nil
    }
    unsavedPeers.remove(key)
    save([(key, vector, failure?.sentence)])
  }

  func savePeers() {
    savePeersAt = nil
    let keys = unsavedPeers.sorted()
    unsavedPeers = []
    var known: [(SigningKey.Public, VersionVector?, String?)] = []
    for id in sortedLinks {
      guard let connection = links[id], let key = connection.peerKey, keys.contains(key),
        let session = connection.link.session, session.isRunning
      else { continue }
      known.append((key, session.peerVector, nil))
    }
    save(known)
  }

  private func save(_ peers: [(key: SigningKey.Public, vector: VersionVector?, error: String?)]) {
    guard !peers.isEmpty else { return }
    let wall = instant.wall.milliseconds
    do throws(StoreError) {
      try store.write { () throws(StoreError) in
        try records { () throws(SegmentStoreError) in
          for peer in peers {
            if let vector = peer.vector, !vector.isEmpty {
              try store.segments.setAcknowledged(vector, peer: peer.key.array)
            }
            try store.segments.noteContact(peer: peer.key.array, atMilliseconds: wall)
            try store.segments.noteError(peer.error, peer: peer.key.array)
          }
        }
      }
    } catch {
      log(.warning, "what peers have acknowledged could not be saved: \(error)")
    }
  }
}
