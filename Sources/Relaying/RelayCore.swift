internal import Causality
package import Sealing
internal import Segments
internal import SyncProtocol

/// The relay without sockets, clock or threads: links and time go in, effects come out.
///
/// It stores and forwards sealed segments of many workspaces. It never has a key to any of them; it
/// checks what can be checked without: that the records of a workspace make the signing device a
/// member, that the signature is that device's, and that an origin's segments follow each other.
///
/// What arrives is staged by ``received(_:bytes:at:)`` and becomes durable for all links at once in
/// ``flush(at:)``, which then acknowledges it and passes it on. Call `flush` after each batch of
/// arrivals; the more arrivals in a batch, the fewer disk syncs.
///
/// Same calls, same entropy: same effects, byte for byte.
package final class RelayCore {
  let signing: SigningKey
  let limits: RelayLimits
  let entropy: Entropy
  var shelf: WorkspaceShelf
  var links: [RelayLinkID: RelayLink] = [:]
  /// The links of a workspace that have begun a session, ascending.
  var linksOfWorkspace: [WorkspaceID: [RelayLinkID]] = [:]
  /// What was staged since the last flush, by workspace, and who sent it.
  var staged: [WorkspaceID: StagedBatch] = [:]
  /// Actions of links that wait for their turn: what was sealed first must leave first.
  var agenda: [(link: RelayLinkID, action: LinkAction)] = []
  var effects: [RelayEffect] = []
  var counters = RelayCounters()
  /// Which presence notes were passed on, of workspaces that have links. Only looked up in.
  var presence: [WorkspaceID: PresenceFilter] = [:]
  /// Why the last commit failed; nil after one that did not.
  var failure: String?
  var isShuttingDown = false

  struct StagedBatch {
    /// Origins of which a peer that wishes everything sent segments.
    var firstHand: Set<Origin> = []
    /// Where each new record came from.
    var recordSenders: [Digest: RelayLinkID] = [:]
  }

  /// - Throws: when the workspaces cannot be listed.
  package init(
    storage: RelayStorage, key: SigningKey, limits: RelayLimits = RelayLimits(), entropy: Entropy
  ) throws(RelayError) {
    signing = key
    self.limits = limits
    self.entropy = entropy
    shelf = try WorkspaceShelf(
      storage, openMax: limits.openWorkspacesMax, workspacesMax: limits.workspacesMax)
  }

  /// Who the relay is to its clients.
  package var publicKey: SigningKey.Public { signing.publicKey }

  // MARK: What happens

  /// A client has connected. `place` says where from, for the log.
  package func accepted(_ id: RelayLinkID, from place: String, at now: RelayInstant)
    -> [RelayEffect]
  {
    counters.linksAccepted += 1
    guard !isShuttingDown, links.count < limits.linksMax, links[id] == nil else {
      counters.linksRefused += 1
      return [.close(id, reason: isShuttingDown ? "shutting down" : "too many links")]
    }
    let handshake = LinkHandshake(accepting: .relay, as: signing, entropy: entropy)
    links[id] = RelayLink(
      id: id, place: place,
      link: Link(handshake, isInitiator: false, now: now.monotonic),
      bucket: limits.rateBytesPerSecond.map {
        TokenBucket(bytesPerSecond: $0, now: now.monotonic)
      }, presenceLimit: RateLimit(perSecond: 200, burst: 500, now: now.monotonic))
    return []
  }

  /// Bytes have arrived, in any pieces. What they say is staged, not yet durable: see
  /// ``flush(at:)``.
  package func received(_ id: RelayLinkID, bytes: [UInt8], at now: RelayInstant) -> [RelayEffect] {
    guard let link = links[id] else { return [] }
    counters.bytesReceived += UInt64(bytes.count)
    link.bucket?.take(bytes.count, now: now.monotonic)
    guard !link.isEnding else { return [] }
    schedule(link.link.receive(bytes, now: now.monotonic), of: id)
    return settleAgenda(now)
  }

  /// Bytes that the core handed out have left towards the client.
  package func sent(_ id: RelayLinkID, byteCount: Int, at now: RelayInstant) -> [RelayEffect] {
    guard let link = links[id] else { return [] }
    link.queuedBytes = max(link.queuedBytes - byteCount, 0)
    resume(link, now)
    return settleAgenda(now)
  }

  /// The client has gone.
  package func closed(_ id: RelayLinkID, at now: RelayInstant) {
    forget(id)
  }

  /// How long whoever drives the relay should read nothing more from this link: its rate is used
  /// up, or it does not read what it asked for. Milliseconds; 0 to read on.
  package func readingPause(_ id: RelayLinkID, at now: RelayInstant) -> UInt64 {
    guard let link = links[id] else { return 0 }
    let owed = link.bucket?.delay(now: now.monotonic) ?? 0
    return link.queuedBytes > limits.queuedBytesPause ? max(owed, 20) : owed
  }

  package func tick(at now: RelayInstant) -> [RelayEffect] {
    for id in links.keys.sorted() {
      guard let link = links[id] else { continue }
      if case .stranger(_, let until) = link.stage, until <= now.monotonic, !link.isEnding {
        refuseStranger(link, now)
      }
      if link.link.gauges.nextDeadline <= now.monotonic {
        schedule(link.link.tick(now: now.monotonic), of: id)
      }
      resume(link, now)
    }
    return settleAgenda(now)
  }

  /// When ``tick(at:)`` has something to do, in monotonic milliseconds. Complexity: O(links).
  package var nextDeadline: UInt64 {
    var next = UInt64.max
    for link in links.values {
      next = min(next, link.link.gauges.nextDeadline)
      if case .stranger(_, let until) = link.stage { next = min(next, until) }
      if link.deferred != nil, let bucket = link.bucket { next = min(next, bucket.readyAt) }
    }
    return next
  }

  /// Whether ``flush(at:)`` has something to do.
  package var hasStaged: Bool { !staged.isEmpty }

  /// Makes what has arrived durable, acknowledges it and passes it on.
  package func flush(at now: RelayInstant) -> [RelayEffect] {
    for id in staged.keys.sorted() { commit(id, now) }
    let effects = settleAgenda(now)
    shelf.trim()
    return effects
  }

  /// Stores what is staged, says goodbye to everybody and takes nobody else in.
  package func shutDown(at now: RelayInstant) -> [RelayEffect] {
    isShuttingDown = true
    var farewell = flush(at: now)
    for id in links.keys.sorted() {
      guard let link = links[id] else { continue }
      if link.link.session != nil {
        schedule(link.link.perform(now: now.monotonic) { $0.leave(now: now.monotonic) }, of: id)
      } else {
        effects.append(.close(id, reason: "shutting down"))
        forget(id)
      }
    }
    farewell += settleAgenda(now)
    shelf.closeAll()
    return farewell
  }

  /// How the relay is, for its operators.
  package var status: RelayStatus {
    RelayStatus(
      counters: counters, links: links.count, workspaces: shelf.count,
      openWorkspaces: shelf.openCount, failure: failure, isShuttingDown: isShuttingDown)
  }

  // MARK: The links' actions, in turn

  func schedule(_ actions: [LinkAction], of id: RelayLinkID) {
    for action in actions { agenda.append((id, action)) }
  }

  func perform(
    _ link: RelayLink, _ now: RelayInstant, _ input: (inout SyncSession) -> [SessionAction]
  ) {
    schedule(link.link.perform(now: now.monotonic, input), of: link.id)
  }

  func settleAgenda(_ now: RelayInstant) -> [RelayEffect] {
    var next = 0
    while next < agenda.count {
      let (id, action) = agenda[next]
      next += 1
      guard let link = links[id] else { continue }
      switch action {
      case .send(let bytes): send(bytes, link, now)
      case .authenticated(let identity, let workspace):
        admit(link, identity, WorkspaceID(workspace), now)
      case .session(let action): take(action, link, now)
      case .close(let ending):
        if link.link.session != nil, ending.isWorthTelling {
          log(.info, link, "has gone: \(ending)")
        }
        effects.append(.close(id, reason: "\(ending)"))
        forget(id)
      }
    }
    agenda.removeAll(keepingCapacity: true)
    defer { effects = [] }
    return effects
  }

  func send(_ bytes: [UInt8], _ link: RelayLink, _ now: RelayInstant) {
    counters.bytesSent += UInt64(bytes.count)
    link.queuedBytes += bytes.count
    link.bucket?.take(bytes.count, now: now.monotonic)
    guard link.queuedBytes <= limits.queuedBytesMax else {
      effects.append(.close(link.id, reason: "the client does not read what it asks for"))
      forget(link.id)
      return
    }
    effects.append(.send(link.id, bytes))
  }

  func forget(_ id: RelayLinkID) {
    guard let link = links.removeValue(forKey: id) else { return }
    guard let workspace = link.workspace else { return }
    linksOfWorkspace[workspace]?.removeAll { $0 == id }
    if linksOfWorkspace[workspace]?.isEmpty == true {
      linksOfWorkspace[workspace] = nil
      presence[workspace] = nil
    }
  }

  func take(_ action: SessionAction, _ link: RelayLink, _ now: RelayInstant) {
    guard !link.isEnding else { return }
    switch action {
    case .accept(let segment): accept(segment, link, now)
    case .storeRecords(let records): accept(records, link, now)
    case .storeReceipts(let receipts): accept(receipts: receipts, link, now)
    case .storeBases(let bases): accept(bases, link, now)
    case .chains: break  // The replicas tell each other.
    case .presence(let note, let hops): accept(presence: note, hops: hops, link, now)
    case .peerKnown(let peer): tellReceipts(link, havingThose: peer.hello.receipts, now)
    case .needSegments(let request):
      link.deferred = request
      resume(link, now)
    case .needRecords:
      guard let shown = find(link, now)?.membership.records.map(\.bytes) else { return }
      perform(link, now) { $0.provideRecords(shown, now: now.monotonic) }
    case .compareChains(let tips): compare(tips, link, now)
    case .peerRegressed:
      log(.warning, link, "has lost changes that it had acknowledged; they are sent again")
    case .forked(let origin, let sequence):
      log(.warning, link, "holds another segment of \(origin) at \(sequence)")
    case .missingHere(let ranges):
      let origins = ranges.map { "\($0.origin)" }.joined(separator: ", ")
      log(.error, link, "asks for segments that the store does not have any more: \(origins)")
    case .reported(let status): log(.info, link, "says: \(status.sentence)")
    case .acknowledged, .advertised, .identityReused, .level, .send, .close: break
    // A relay has told that it knows nothing of snapshots.
    case .offered, .needSnapshot, .storeSnapshot, .folded, .needBases, .needDocument,
      .storeDocument:
      break
    }
  }

  func log(_ level: RelayLogLevel, _ link: RelayLink, _ sentence: String) {
    let workspace = link.workspace.map { " (workspace \($0.description.prefix(16)))" } ?? ""
    effects.append(.log(level, "\(link.place)\(workspace) \(sentence)"))
  }

  // MARK: Who may come in

  func admit(
    _ link: RelayLink, _ identity: LinkHandshake.Identity, _ id: WorkspaceID, _ now: RelayInstant
  ) {
    link.identity = identity
    link.workspace = id
    let workspace: RelayWorkspace?
    do throws(RelayError) {
      workspace = try shelf.find(id)
    } catch {
      fail(link, error, now)
      return
    }
    if staged[id] != nil { commit(id, now) }
    switch identity {
    case .member:
      if let workspace, workspace.membership.mayConnect(identity) {
        begin(link, workspace, now)
      } else {
        let until = now.monotonic &+ limits.admissionMilliseconds
        link.stage = .stranger(workspace?.membership ?? Membership(workspace: id), until: until)
        var configuration = SessionConfiguration(
          role: .relay, origin: Origin(high: 0, low: 0), tips: [],
          recordDigest: Membership(workspace: id).digest.array)
        configuration.isGated = true
        configuration.receiptDigest = Receipt.digest(of: [])
        schedule(link.link.begin(configuration, now: now.monotonic), of: link.id)
      }
    case .joiner(let invite, let device):
      guard let workspace, workspace.welcomes(invite, device, wall: now.wall) else {
        counters.strangersRefused += 1
        end(
          link,
          Status(
            .joinRefused,
            "the relay knows no such invitation: it was used, has expired, or the device that gave "
              + "it out has not been in touch with this relay since"), now)
        return
      }
      guard workspace.membership.device(device) == nil else {
        // It was admitted since it last looked, and learns so from the records.
        begin(link, workspace, now)
        return
      }
      link.stage = .joiner(invite: invite)
      var configuration = SessionConfiguration(
        role: .relay, origin: Origin(high: 0, low: 0), tips: [],
        recordDigest: workspace.recordDigest)
      configuration.isGated = true
      configuration.sendsRecordsWhileGated = true
      enter(link, id)
      schedule(link.link.begin(configuration, now: now.monotonic), of: link.id)
    }
  }

  /// Starts the session of a member whose device the stored records name.
  func begin(_ link: RelayLink, _ workspace: RelayWorkspace, _ now: RelayInstant) {
    do throws(RelayError) {
      var configuration = SessionConfiguration(
        role: .relay, origin: Origin(high: 0, low: 0), tips: try workspace.tips(),
        recordDigest: workspace.recordDigest)
      configuration.receiptDigest = Receipt.digest(of: try workspace.receipts())
      configuration.floor = try workspace.floor()
      configuration.mergesForks = true
      link.stage = .member
      enter(link, workspace.id)
      schedule(link.link.begin(configuration, now: now.monotonic), of: link.id)
    } catch {
      fail(link, error, now)
    }
  }

  func enter(_ link: RelayLink, _ workspace: WorkspaceID) {
    var present = linksOfWorkspace[workspace] ?? []
    guard !present.contains(link.id) else { return }
    present.insert(link.id, at: present.firstIndex { link.id < $0 } ?? present.count)
    linksOfWorkspace[workspace] = present
  }

  func refuseStranger(_ link: RelayLink, _ now: RelayInstant) {
    counters.strangersRefused += 1
    end(
      link,
      Status(
        .notAMember, "this device is not a member of the workspace, as far as the relay knows"),
      now)
  }

  /// Tells the client why and closes the link.
  func end(_ link: RelayLink, _ status: Status, _ now: RelayInstant) {
    guard !link.isEnding else { return }
    link.isEnding = true
    effects.append(.log(.info, "\(link.place) is refused: \(status.sentence)"))
    schedule(link.link.refuse(status, now: now.monotonic), of: link.id)
  }

  func fail(_ link: RelayLink, _ error: RelayError, _ now: RelayInstant) {
    failure = error.sentence
    effects.append(.log(.error, error.sentence))
    end(link, RelayRefusal.failed(error.sentence).status, now)
  }
}

extension LinkEnding {
  /// Whether the operator may want to know. That somebody left in good order is no news, and that
  /// somebody was sent away was said before.
  fileprivate var isWorthTelling: Bool {
    switch self {
    case .session(.left), .session(.peerLeft), .refused: false
    default: true
    }
  }
}
