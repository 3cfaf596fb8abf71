internal import Causality
internal import Sabotages
internal import Sealing
internal import Segments
internal import SyncProtocol

/// What clients send, on its way into the store and out to the other clients.
extension RelayCore {
  func accept(_ segment: IncomingSegment, _ link: RelayLink, _ now: RelayInstant) {
    guard case .member = link.stage, !link.isFull, let workspace = find(link, now) else { return }
    do throws(RelayRefusal) {
      let verdict = try workspace.stage(segment, bytesMax: limits.workspaceBytesMax)
      counters.segmentsReceived += 1
      link.stagedBytes += segment.bytes.count
      // What a duplicate repeats may be staged itself, and then is not durable yet.
      var batch = staged[workspace.id] ?? StagedBatch()
      if verdict == .duplicate { counters.segmentsDuplicate += 1 }
      if link.link.session?.peerWish == .everything { batch.firstHand.insert(segment.origin) }
      staged[workspace.id] = batch
    } catch {
      refuse(error, of: segment, link, now)
    }
  }

  /// Many refused origins on one link are no accident.
  static let refusedOriginsMax = 16

  private func refuse(
    _ refusal: RelayRefusal, of segment: IncomingSegment, _ link: RelayLink, _ now: RelayInstant
  ) {
    switch refusal {
    case .origin(_, _, let sentence):
      counters.segmentsRefused += 1
      log(.warning, link, "sent a segment that is refused: \(sentence)")
      link.refusedOriginCount += 1
      guard link.refusedOriginCount <= RelayCore.refusedOriginsMax else {
        end(link, Status(.refused, "too many of the segments were refused; \(sentence)"), now)
        return
      }
      perform(link, now) { $0.report(refusal.status, now: now.monotonic) }
      perform(link, now) { $0.settled(bytes: segment.bytes.count, now: now.monotonic) }
    case .full(let sentence):
      // No credit goes back, so the client stops sending and goes on receiving.
      counters.segmentsOverQuota += 1
      link.isFull = true
      log(.warning, link, "sent more than its workspace may store: \(sentence)")
      perform(link, now) { $0.report(refusal.status, now: now.monotonic) }
    case .violation:
      counters.segmentsRefused += 1
      end(link, refusal.status, now)
    case .failed(let sentence):
      failure = sentence
      effects.append(.log(.error, sentence))
      end(link, refusal.status, now)
    }
  }

  // MARK: Membership

  func accept(_ records: [[UInt8]], _ link: RelayLink, _ now: RelayInstant) {
    do {
      var parsed: [MembershipRecord] = []
      for bytes in records {
        let record = try MembershipRecord(parsing: bytes)
        guard record.workspace == link.workspace else { throw MembershipError.wrongWorkspace }
        parsed.append(record)
      }
      switch link.stage {
      case .handshake: break
      case .stranger(let shown, let until):
        try welcome(link, parsed, shown: shown, until: until, now)
      case .joiner(let invite): try takeRequest(parsed, link, invite: invite, now)
      case .member: try take(parsed, link, now)
      }
    } catch let refusal as RelayRefusal {
      counters.recordsRefused += 1
      refuse(refusal, link, now)
    } catch {
      counters.recordsRefused += 1
      end(link, Status(.refused, "\(error)"), now)
    }
  }

  private func refuse(_ refusal: RelayRefusal, _ link: RelayLink, _ now: RelayInstant) {
    if case .full = refusal, case .member = link.stage {
      perform(link, now) { $0.report(refusal.status, now: now.monotonic) }
    } else {
      end(link, refusal.status, now)
    }
  }

  private func take(
    _ records: [MembershipRecord], _ link: RelayLink, _ now: RelayInstant
  ) throws(RelayRefusal) {
    guard let workspace = find(link, now) else { return }
    let taken = try workspace.stage(
      records, recordsMax: limits.recordsMax, bytesMax: limits.workspaceBytesMax)
    guard !taken.isEmpty else { return }
    counters.recordsReceived += UInt64(taken.count)
    var batch = staged[workspace.id] ?? StagedBatch()
    for record in taken { batch.recordSenders[record.hash] = link.id }
    staged[workspace.id] = batch
  }

  /// The holder of an invitation may leave one request, and nothing else of what it sends counts.
  private func takeRequest(
    _ records: [MembershipRecord], _ link: RelayLink, invite: SigningKey.Public,
    _ now: RelayInstant
  ) throws(RelayRefusal) {
    guard let workspace = find(link, now), case .joiner(_, let device)? = link.identity else {
      return
    }
    let news = records.filter { !workspace.membership.contains($0.hash) }
    guard let request = news.first(where: { $0.author == invite }) else { return }
    guard case .request(let asking, _, _, _) = request.content, asking == device else {
      throw RelayRefusal.violation("an invitation allows a request to join, and nothing else")
    }
    guard !workspace.membership.requests.contains(where: { $0.invite == invite }) else {
      throw .violation("a request on this invitation is waiting already")
    }
    try take([request], link, now)
  }

  /// A device that the stored records do not name shows records of its own. Nothing is stored
  /// unless they make it a member.
  private func welcome(
    _ link: RelayLink, _ records: [MembershipRecord], shown: Membership, until: UInt64,
    _ now: RelayInstant
  ) throws {
    guard let identity = link.identity, let id = link.workspace else { return }
    var shown = shown
    try shown.insert(records)
    guard shown.records.count <= limits.recordsMax else { throw MembershipError.tooManyRecords }
    guard shown.mayConnect(identity) else {
      // More may follow; a client that has nothing else to show is not kept waiting.
      let soon = min(until, now.monotonic &+ RelayCore.strangerPatienceMilliseconds)
      link.stage = .stranger(shown, until: soon)
      return
    }
    guard let workspace = try shelf.find(id) ?? shelf.make(id) else {
      throw RelayRefusal.full(
        "the relay serves as many workspaces as it may; ask its operator for room")
    }
    link.stage = .member
    try take(shown.records, link, now)
    commit(id, now)
    guard !link.isEnding else { return }
    enter(link, id)
    let tips = try workspace.tips()
    let digest = workspace.recordDigest
    perform(link, now) { $0.open(tips: tips, recordDigest: digest, now: now.monotonic) }
  }

  static let strangerPatienceMilliseconds: UInt64 = 1_000

  // MARK: Durable, then told

  /// Makes what is staged for a workspace durable; then acknowledges it to those who sent it and
  /// passes it on to the others.
  func commit(_ id: WorkspaceID, _ now: RelayInstant) {
    guard let batch = staged.removeValue(forKey: id) else { return }
    do throws(RelayError) {
      guard let workspace = try shelf.find(id) else { return }
      let committed = try workspace.commit()
      failure = nil
      counters.commits += 1
      counters.segmentsStored += UInt64(committed.segmentCount)
      publish(committed, batch, workspace, now)
    } catch {
      counters.commitsFailed += 1
      failure = error.sentence
      effects.append(.log(.error, error.sentence))
      shelf.drop(id)
      let status = RelayRefusal.failed(error.sentence).status
      for link in links(of: id) { end(link, status, now) }
    }
  }

  private func publish(
    _ committed: RelayWorkspace.Committed, _ batch: StagedBatch, _ workspace: RelayWorkspace,
    _ now: RelayInstant
  ) {
    let near = committed.tips.filter { batch.firstHand.contains($0.origin) }
    let far = committed.tips.filter { !batch.firstHand.contains($0.origin) }
    let digest = workspace.recordDigest
    for link in links(of: workspace.id) where !link.isEnding {
      let news = committed.records.filter { batch.recordSenders[$0.hash] != link.id }
      if !committed.records.isEmpty {
        perform(link, now) {
          $0.recordsAdded(news.map(\.bytes), digest: digest, now: now.monotonic)
        }
      }
      upgrade(link, workspace, now)
      if Sabotage.relayTellsNobody.isPlanted { continue }
      guard case .member = link.stage else { continue }
      if !near.isEmpty {
        perform(link, now) { $0.stored(near, firstHand: true, now: now.monotonic) }
      }
      if !far.isEmpty {
        perform(link, now) { $0.stored(far, firstHand: false, now: now.monotonic) }
      }
      if link.stagedBytes > 0 {
        let bytes = link.stagedBytes
        link.stagedBytes = 0
        perform(link, now) { $0.settled(bytes: bytes, now: now.monotonic) }
      }
    }
  }

  /// A joiner that was admitted goes on as a member on the same link.
  private func upgrade(_ link: RelayLink, _ workspace: RelayWorkspace, _ now: RelayInstant) {
    guard case .joiner = link.stage, let device = link.identity?.device,
      workspace.membership.device(device) != nil
    else { return }
    do throws(RelayError) {
      let tips = try workspace.tips()
      let digest = workspace.recordDigest
      link.stage = .member
      perform(link, now) { $0.open(tips: tips, recordDigest: digest, now: now.monotonic) }
    } catch {
      fail(link, error, now)
    }
  }

  func links(of workspace: WorkspaceID) -> [RelayLink] {
    (linksOfWorkspace[workspace] ?? []).compactMap { links[$0] }
  }

  // MARK: What clients ask for

  /// Answers what a link asked for, when there is room in its queue and its rate.
  func resume(_ link: RelayLink, _ now: RelayInstant) {
    guard var request = link.deferred, !link.isEnding,
      link.queuedBytes <= limits.queuedBytesPause,
      (link.bucket?.delay(now: now.monotonic) ?? 0) == 0, let workspace = find(link, now)
    else { return }
    link.deferred = nil
    // No more at a time than a second may move; the session asks again for the rest.
    if let bucket = link.bucket {
      request.byteBudget = min(request.byteBudget, bucket.bytesPerSecond)
    }
    do throws(RelayError) {
      let segments = try workspace.segments(request)
      counters.segmentsSent += UInt64(segments.count)
      perform(link, now) { $0.provide(segments, now: now.monotonic) }
    } catch {
      fail(link, error, now)
    }
  }

  func compare(_ tips: [ChainTip], _ link: RelayLink, _ now: RelayInstant) {
    guard let workspace = find(link, now) else { return }
    do throws(RelayError) {
      let forked = try workspace.forked(tips)
      perform(link, now) { $0.chainsCompared(forked: forked, now: now.monotonic) }
    } catch {
      fail(link, error, now)
    }
  }

  /// The link's workspace, opened again if it was put away; nil ends the link.
  func find(_ link: RelayLink, _ now: RelayInstant) -> RelayWorkspace? {
    guard let id = link.workspace else { return nil }
    do throws(RelayError) {
      if let workspace = try shelf.find(id) { return workspace }
      throw RelayError(.inputOutput, "workspace \(id.description): its database has gone.")
    } catch {
      fail(link, error, now)
      return nil
    }
  }
}
