import Causality
import Documents
import ReplicaStore
import Sealing
import SegmentStore
import Segments
import SyncProtocol

// Links: from a stream of bytes to a session, and to its end.
extension Engine {
  // MARK: Inputs

  /// Somebody has reached us.
  package func accepted(
    _ id: LinkID, from place: String, at instant: EngineInstant
  ) -> [Effect] {
    input(at: instant) {
      let identity = store.identity
      let served = LinkHandshake.ServedWorkspace(
        workspace: identity.workspace.bytes, secret: identity.key.linkSecret)
      let handshake = LinkHandshake(
        accepting: .replicas([served]), as: identity.device.signing, entropy: entropy)
      open(id, handshake, place: place, isInitiator: false, isRelay: false, flow: .both)
    }
  }

  /// An address that the engine wanted was reached.
  package func dialled(_ dial: DialID, _ id: LinkID, at instant: EngineInstant) -> [Effect] {
    input(at: instant) {
      guard let target = dialler?.dialled(dial, id) else {
        emit(.close(id, nil))
        return
      }
      connect(
        id, to: target.address, isRelay: EngineConfiguration.isRelay(target.address),
        flow: target.flow)
    }
  }

  package func dialFailed(
    _ dial: DialID, _ sentence: String, at instant: EngineInstant
  ) -> [Effect] {
    input(at: instant) {
      dialler?.dialFailed(dial, sentence, now: now)
      replan()
    }
  }

  /// The owner itself has reached somebody, outside any topology: for one exchange, to join, or in
  /// this process. A store that is not admitted yet redeems its invitation.
  package func connected(
    _ id: LinkID, to place: String, isRelay: Bool, at instant: EngineInstant
  ) -> [Effect] {
    input(at: instant) { connect(id, to: place, isRelay: isRelay, flow: .both) }
  }

  /// Bytes from the peer, in pieces of any size. What of them is accepted is durable and
  /// acknowledged when the effects are done and ``hasMore`` says no.
  package func received(
    _ id: LinkID, _ bytes: [UInt8], at instant: EngineInstant
  ) -> [Effect] {
    input(at: instant, takes: 1) {
      guard let connection = links[id] else { return }
      enqueue(connection.take { $0.receive(bytes, now: now) }, id)
    }
  }

  /// Bytes that were given out have left towards the peer. Without these reports a link ends when
  /// ``EngineLimits/queuedBytesMax`` were given out for it.
  package func sent(_ id: LinkID, byteCount: Int) {
    guard let connection = links[id] else { return }
    connection.queuedBytes = max(0, connection.queuedBytes - byteCount)
  }

  /// About how many bytes a link holds: what waits to leave, an unfinished frame and segment, and
  /// what is known of the peer. 0 for a link that is gone. Complexity: O(1).
  package func heldBytes(of id: LinkID) -> Int {
    links[id].map { $0.gauges.heldBytes + $0.queuedBytes + inbox.byteCount(of: id) } ?? 0
  }

  /// What all links hold together, between two inputs, and what those that are gone have left to be
  /// stored. Complexity: O(links).
  package var heldBytes: Int {
    links.values.reduce(0) { $0 + $1.gauges.heldBytes + $1.queuedBytes }
      + inbox.byteCount + unverified.count * Self.unverifiedEntryBytes
  }

  /// The most that one link holds.
  package var heldBytesOfLargestLink: Int {
    links.keys.reduce(0) { max($0, heldBytes(of: $1)) }
  }

  /// The most that one link may hold: the queue, a frame, a segment, what its credit lets come
  /// before it is stored, and vectors of so many origins. ``heldBytes`` is at most so much for each
  /// link, ``EngineLimits/unverifiedOriginsMax`` entries, and twice what credit lets come.
  package var heldBytesMaxOfLink: Int {
    limits.queuedBytesMax + limits.session.windowBytes + MessageLimits.segmentBytesMax
      + Link.heldBytesMax(limits.link, limits.session, originsHere: stored.entries.count)
  }

  private static let unverifiedEntryBytes = 32

  /// Gives bytes out, or ends the link of a peer that does not read.
  private func give(_ bytes: [UInt8], _ connection: Connection) {
    connection.queuedBytes += bytes.count
    guard connection.queuedBytes > limits.queuedBytesMax else {
      emit(.send(connection.id, bytes))
      return
    }
    let failure = LinkFailure(
      .silent,
      "\(connection.place) does not read: \(connection.queuedBytes) bytes wait to leave towards it")
    log(.warning, failure.sentence)
    connection.queuedBytes -= bytes.count
    forget(connection.id, failure)
    emit(.close(connection.id, failure))
    replan()
  }

  /// The stream has ended.
  package func closed(
    _ id: LinkID, _ reason: String, at instant: EngineInstant
  ) -> [Effect] {
    input(at: instant) {
      guard let connection = links[id] else { return }
      forget(id, failure(of: connection, closedBecause: reason))
      replan()
    }
  }

  /// Ends a link in good order.
  package func leave(_ id: LinkID, at instant: EngineInstant) -> [Effect] {
    input(at: instant) { part(with: id) }
  }

  /// Takes leave of a peer, without a word of one that has not proved who it is yet.
  func part(with id: LinkID) {
    guard let connection = links[id] else { return }
    if connection.link.session == nil {
      forget(id, nil)
      emit(.close(id, nil))
    } else {
      session(id) { $0.leave(now: now) }
    }
  }

  /// Seals what is not sealed and takes leave of all peers. The store stays open.
  package func shutDown(at instant: EngineInstant) -> [Effect] {
    input(at: instant, takes: .max) {
      dialler = nil
      hasShutDown = true
      seal(isWhole: true)
      drain()
      while !postponed.isEmpty {
        providedBytes = 0
        providePostponed()
      }
      sayGoodBye()
      for id in sortedLinks { session(id) { $0.leave(now: now) } }
      drain()
      for id in sortedLinks {
        forget(id, nil)
        emit(.close(id, nil))
      }
      savePeers()
      sealAt = nil
    }
  }

  /// What an unexpected end of the stream means.
  private func failure(of connection: Connection, closedBecause reason: String) -> LinkFailure {
    if let complaint = connection.complaint { return complaint }
    guard connection.isInitiator, connection.link.peer == nil else {
      return LinkFailure(.unreachable, reason)
    }
    // That is all that a stranger gets to know.
    return LinkFailure(
      .notPermitted,
      "\(connection.place) has closed the link without an answer: it does not share this "
        + "workspace, or it is not what the address says")
  }

  // MARK: Opening

  private func connect(_ id: LinkID, to place: String, isRelay: Bool, flow: Flow) {
    let identity = store.identity
    let credential: LinkHandshake.Credential
    if !store.isAdmitted, let invitation = identity.invitation {
      credential = .joiner(invite: invitation.inviteKey, device: identity.device.signing)
    } else {
      credential = .member(identity.device.signing)
    }
    let workspace = identity.workspace.bytes
    let handshake = LinkHandshake(
      connectingTo: isRelay
        ? .relay(workspace: workspace, pinned: nil)
        : .replica(workspace: workspace, secret: identity.key.linkSecret),
      as: credential, entropy: entropy)
    open(id, handshake, place: place, isInitiator: true, isRelay: isRelay, flow: flow)
  }

  private func open(
    _ id: LinkID, _ handshake: LinkHandshake, place: String, isInitiator: Bool, isRelay: Bool,
    flow: Flow
  ) {
    guard links[id] == nil, links.count < limits.linksMax else {
      log(.warning, "\(place) was turned away: there are \(links.count) links already")
      emit(.close(id, LinkFailure(.busy, "too many links")))
      return
    }
    let connection = Connection(
      id: id,
      link: Link(handshake, isInitiator: isInitiator, now: now, limits: limits.link),
      place: place, isInitiator: isInitiator, isRelay: isRelay, flow: flow,
      connectedAt: instant.wall, now: now)
    links[id] = connection
    enqueue(connection.take { $0.start(now: now) }, id)
  }

  // MARK: Actions of links

  func perform(_ action: LinkAction, _ id: LinkID) {
    guard let connection = links[id] else {
      // What was sealed before the link was closed still leaves.
      if case .send(let bytes) = action { emit(.send(id, bytes)) }
      return
    }
    switch action {
    case .send(let bytes): give(bytes, connection)
    case .authenticated(let peer, _): admit(peer, connection)
    case .session(let action): perform(action, connection)
    case .close(let ending):
      var failure = LinkFailure(ending)
      // A peer that says why before it leaves is believed.
      if failure == nil, case .session(.peerLeft) = ending { failure = connection.complaint }
      if let failure {
        log(.warning, "the link with \(connection.place) has ended: \(failure)")
      }
      forget(id, failure)
      emit(.close(id, failure))
      replan()
    }
  }

  /// Decides whether a peer that has proved who it is gets a session, and how much of one.
  private func admit(_ peer: LinkHandshake.Identity, _ connection: Connection) {
    absorbOtherProcesses()
    do throws(StoreError) {
      var configuration = try sessionConfiguration(connection)
      let isKnown = store.membership.device(peer.device) != nil
      switch peer {
      case .member:
        // A device that we do not know to be a member may know more than we do. Between replicas it
        // has proved to have the workspace key; who joins takes what it is told.
        if !connection.isRelay, !isKnown, store.isAdmitted {
          configuration.isGated = true
          configuration.sendsRecordsWhileGated = true
          configuration.gateMilliseconds = limits.admissionMilliseconds
        }
      case .joiner(let key, let device):
        guard isKnown || store.membership.invite(key) != nil else {
          refuse(
            connection,
            Status(
              .joinRefused,
              "this replica does not know the invitation; ask the one who made it, or try later"))
          return
        }
        if let user = store.membership.invite(key)?.usedBy, user != device {
          refuse(
            connection,
            Status(.joinRefused, "the invitation was used already; ask for a new one"))
          return
        }
        configuration.isGated = !isKnown
        configuration.sendsRecordsWhileGated = true
      }
      enqueue(connection.take { $0.begin(configuration, now: now) }, connection.id)
    } catch {
      fail(connection, error)
    }
  }

  private func sessionConfiguration(
    _ connection: Connection
  ) throws(StoreError) -> SessionConfiguration {
    let tips = try store.storedTips().map { Self.tip($0.origin, $0.position) }
    var configuration = SessionConfiguration(
      role: store.isAdmitted ? .replica : .joiner, origin: store.identity.origin, tips: tips,
      recordDigest: store.membership.digest.array)
    configuration.flow = connection.flow
    configuration.wish = wish(of: connection)
    connection.wish = configuration.wish
    configuration.receiptDigest = receiptDigest
    configuration.mergesForks = true
    configuration.forked = Set(forks.keys)
    configuration.hasUnsealed = try store.unsealedCount() > 0
    configuration.limits = limits.session
    try configureSnapshots(of: &configuration)
    if let key = connection.peerKey {
      configuration.lastKnownPeerVector = try records { () throws(SegmentStoreError) in
        try store.segments.peer(key.array)?.acknowledged
      }
    }
    return configuration
  }

  func refuse(_ connection: Connection, _ status: Status) {
    enqueue(connection.take { $0.refuse(status, now: now) }, connection.id)
  }

  /// The store failed: nothing more can be done for this link.
  func fail(_ connection: Connection, _ error: StoreError) {
    log(.error, "\(error)")
    inbox.drop(connection.id)
    refuse(connection, Self.status(of: error))
  }

  /// What has gone wrong with the store, in words that hold at either end of the link and tell a
  /// stranger nothing.
  static func status(of error: any Error) -> Status {
    let reason =
      switch error as? StoreError {
      case let error? where error.isOfFullDisk:
        "cannot write to its store, as its disk is full; make room there, nothing is lost"
      case .readOnly: "may not write to its store"
      case .damaged: "has found its store damaged; run 'skerry doctor' there"
      default: "has had an error of its store, which its log tells"
      }
    return Status(.internalFailure, "the side that ended the link \(reason)")
  }

  /// Drops a link and all that depends on it.
  func forget(_ id: LinkID, _ failure: LinkFailure?) {
    guard let connection = links.removeValue(forKey: id) else { return }
    fetching.arriving[id] = nil
    fetching.awaitedUntil[id] = nil
    emit(.ended(id, figures(of: connection, at: instant)))
    planner.closed(id.rawValue, now: now)
    unverified.removeAll { $0.id == id }
    // What came is stored, as a peer may say good-bye with it. It was not acknowledged: where one
    // link after the other is cut, it comes again.
    if inbox.byteCount(where: { links[$0] == nil }) > limits.session.windowBytes { inbox.drop(id) }
    if taking?.link == id {
      taking = nil
      takeSnapshot()
    }
    postponed.removeAll { $0.id == id }
    dialler?.closed(id, failure?.sentence, now: now)
    note(failure, of: connection)
    if links.isEmpty { sealAt = nil }
  }
}
