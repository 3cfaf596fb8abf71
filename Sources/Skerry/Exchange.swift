private import ReplicaStore
internal import Replication
private import SyncProtocol

/// What became of a link that somebody waits for.
struct LinkOutcome {
  private(set) var hasEnded = false
  private(set) var failure: ReplicaError?
  /// Nobody who could answer the request to join has done so in time, or nothing moved any more.
  private(set) var isGivenUp = false
  /// The other side has no room: what it lacks will not become less.
  private(set) var isFull = false
  /// The two sides hold different changes under one name.
  private(set) var isForked = false
  var figures: LinkFigures?

  mutating func end(_ failure: ReplicaError?) {
    guard !hasEnded else { return }
    hasEnded = true
    self.failure = failure ?? self.failure
  }

  mutating func report(_ failure: ReplicaError, code: LinkFailure.Code) {
    // That the two sides differ for good says more than whatever comes later.
    guard !isForked else { return }
    self.failure = failure
    isFull = isFull || code == .full
    isForked = code == .forked
  }

  mutating func giveUp(_ failure: ReplicaError) {
    self.failure = failure
    isGivenUp = true
  }
}

/// Somebody who waits until a set of links is level.
struct ExchangeWait {
  var links: Set<LinkID>
  var continuation: CheckedContinuation<Void, Never>
}

extension ReplicaCore {
  /// How long a request to join may wait for the inviter before an exchange ends without it.
  private static let joiningSeconds = 5

  private func giveUpJoining(_ links: Set<LinkID>) {
    guard !isAdmitted else { return }
    for link in links where self.links[link] != nil {
      outcomes[link]?.giveUp(
        ReplicaError(
          .unreachable,
          "The request to join is left there, and waits for the device that made the invitation; "
            + "sync again when that has been in touch."))
    }
    settleExchanges()
  }

  /// Returns when each of the links is level, all at one moment, or has ended.
  func untilLevel(_ links: Set<LinkID>) async {
    let patience =
      isAdmitted
      ? nil
      : Task {
        try await Task.sleep(for: .seconds(Self.joiningSeconds))
        giveUpJoining(links)
      }
    let stall = ExchangeStall(limits: exchangeLimits)
    let watch = Task { try await giveUpStalled(links, stall) }
    defer {
      patience?.cancel()
      watch.cancel()
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        exchanges.append(ExchangeWait(links: links, continuation: continuation))
        if Task.isCancelled { giveUpCancelled(links) }
        settleExchanges()
      }
    } onCancel: {
      Task { await giveUpCancelled(links) }
    }
  }

  private func giveUpCancelled(_ links: Set<LinkID>) {
    for link in links {
      outcomes[link]?.giveUp(
        ReplicaError(.unreachable, "The exchange was called off before both sides were level."))
    }
    settleExchanges()
  }

  func settleExchanges() {
    guard !exchanges.isEmpty else { return }
    let isMember = state?.store.isAdmitted ?? false
    exchanges.removeAll { wait in
      let isDone = wait.links.allSatisfy { link in
        guard let attached = links[link] else { return true }
        if attached.isLevel && isMember { return true }
        guard let outcome = outcomes[link] else { return false }
        if outcome.isGivenUp || outcome.failure?.exitStatus == 4 { return true }
        // Who has no room can still give.
        return outcome.isFull && state?.engine.link(link, at: .now)?.lacking == 0
      }
      if isDone { wait.continuation.resume() }
      return isDone
    }
  }

  func endExchanges() {
    for wait in exchanges { wait.continuation.resume() }
    exchanges = []
  }

  /// Ends a link of an exchange in good order and says what came of it.
  func conclude(_ link: LinkID, _ address: String) async -> SyncReport {
    let outcome = outcomes.removeValue(forKey: link)
    let isLevel = (links[link]?.isLevel ?? false) && outcome?.isForked != true
    let figures = state?.engine.link(link, at: .now) ?? outcome?.figures
    if outcome?.isGivenUp ?? false {
      // Whoever does not move may not read either: nobody waits for a good-bye to be written.
      await cut(link, "The exchange was given up.")
    } else {
      await leave(link)
    }
    let isMember = state?.store.isAdmitted ?? false
    let failure: ReplicaError? =
      isLevel && isMember
      ? nil
      : outcome?.failure
        ?? ReplicaError(.unreachable, "The link ended before both sides were level.")
    return SyncReport(
      address: address, isLevel: isLevel, failure: failure,
      sentChanges: figures?.traffic.sentChanges ?? 0,
      receivedChanges: figures?.traffic.receivedChanges ?? 0,
      receivedDocuments: figures?.snapshotDocuments ?? 0,
      sentBytes: figures?.bytesSent ?? 0, receivedBytes: figures?.bytesReceived ?? 0)
  }

  func progress(of links: [LinkID]) -> SyncProgress? {
    guard let engine = state?.engine else { return nil }
    let figures = links.compactMap { engine.link($0, at: .now) }
    return SyncProgress(
      receivedChanges: figures.reduce(0) { $0 + $1.traffic.receivedChanges },
      sentChanges: figures.reduce(0) { $0 + $1.traffic.sentChanges },
      remainingChanges: figures.reduce(0) { $0 + $1.lacking + ($1.lag?.changes ?? 0) },
      receivedDocuments: figures.reduce(0) { $0 + $1.snapshotDocuments },
      remainingDocuments: figures.reduce(0) { $0 + $1.snapshotDocumentsToCome })
  }

  var isAdmitted: Bool { state?.store.isAdmitted ?? false }
}

/// A one-shot exchange with several peers, until everybody is level.
struct Exchange: Sendable {
  let core: ReplicaCore
  let progress: (@Sendable (SyncProgress) -> Void)?

  func run(with addresses: [Address]) async throws(ReplicaError) -> [SyncReport] {
    let wasAdmitted = try await core.identity().isAdmitted
    var reports = await attempt(addresses)
    // Who was admitted on a link comes back as a member.
    if !wasAdmitted, await core.isAdmitted, reports.contains(where: { $0.failure != nil }) {
      reports = await attempt(addresses)
    }
    return reports
  }

  private func attempt(_ addresses: [Address]) async -> [SyncReport] {
    let dials = await withTaskGroup(of: (Int, Result<LinkID, ReplicaError>).self) { group in
      for (index, address) in addresses.enumerated() {
        group.addTask { (index, await dial(address)) }
      }
      var dials: [Int: Result<LinkID, ReplicaError>] = [:]
      for await (index, dial) in group { dials[index] = dial }
      return dials
    }
    let links = dials.values.compactMap { try? $0.get() }
    let watcher = progress.map { progress in
      Task {
        while !Task.isCancelled {
          if let figures = await core.progress(of: links) { progress(figures) }
          try? await Task.sleep(for: .milliseconds(100))
        }
      }
    }
    await core.untilLevel(Set(links))
    watcher?.cancel()
    var reports: [SyncReport] = []
    for (index, address) in addresses.enumerated() {
      switch dials[index] {
      case .success(let link)?: reports.append(await core.conclude(link, address.text))
      case .failure(let failure)?:
        reports.append(SyncReport(address: address.text, failure: failure))
      case nil: break
      }
    }
    return reports
  }

  func run(with other: Replica) async -> SyncReport {
    do throws(ReplicaError) {
      if Placement.areOne(other.path, core.path) { throw ReplicaError.isItself(other.path) }
      let (near, far) = Pipe.pair(other.path)
      try await other.core.accept(far)
      let link = try await core.connect(near, isRelay: false)
      await core.untilLevel([link])
      return await core.conclude(link, other.path)
    } catch {
      return SyncReport(address: other.path, failure: error)
    }
  }

  private func dial(_ address: Address) async -> Result<LinkID, ReplicaError> {
    do throws(ReplicaError) {
      let channel = try await Dialling.channel(
        to: address, from: core.path, trusting: core.trustedCertificates)
      return .success(try await core.connect(channel, isRelay: address.isRelay))
    } catch {
      return .failure(error)
    }
  }
}

extension SyncReport {
  init(address: String, failure: ReplicaError) {
    self.init(
      address: address, isLevel: false, failure: failure, sentChanges: 0, receivedChanges: 0,
      receivedDocuments: 0, sentBytes: 0, receivedBytes: 0)
  }
}
