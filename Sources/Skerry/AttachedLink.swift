internal import Replication

/// A link whose bytes this process carries: its channel, and what is to be written to it.
struct AttachedLink {
  let outbound: AsyncStream<[UInt8]>.Continuation
  /// Ends when everything is written and the channel is closed.
  let writer: Task<Void, Never>
  let channel: any ByteChannel
  /// How long the other side may take what was sent before the link ended.
  let patience: Duration
  var isLevel = false
  /// Whether it was said that this link has come to be.
  var isAnnounced = false

  /// Writes what was sent, then closes the channel; in time also where nobody reads any more.
  func finish() async {
    outbound.finish()
    let (writer, channel, patience) = (writer, channel, patience)
    let alarm = Task {
      try await Task.sleep(for: patience)
      writer.cancel()
      await channel.close("The other side has not taken in time what was still to be sent.")
    }
    await writer.value
    alarm.cancel()
  }
}

extension ReplicaCore {
  /// Takes over a channel that somebody else opened towards this replica.
  @discardableResult
  func accept(_ channel: any ByteChannel) throws(ReplicaError) -> LinkID {
    let engine = try opened().engine
    let link = attach(channel)
    perform(engine.accepted(link, from: channel.place, at: .now))
    return link
  }

  /// Takes over a channel that was opened outside any topology.
  func connect(_ channel: any ByteChannel, isRelay: Bool) throws(ReplicaError) -> LinkID {
    let engine = try opened().engine
    let link = attach(channel)
    outcomes[link] = LinkOutcome()
    perform(engine.connected(link, to: channel.place, isRelay: isRelay, at: .now))
    return link
  }

  /// Takes over a channel that the engine wanted dialled.
  func dialled(_ dial: DialID, _ channel: any ByteChannel) throws(ReplicaError) {
    let engine = try opened().engine
    let link = attach(channel)
    perform(engine.dialled(dial, link, at: .now))
  }

  func hasLink(_ link: LinkID) -> Bool { links[link] != nil }

  private func attach(_ channel: any ByteChannel) -> LinkID {
    lastLinkNumber += 1
    let link = LinkID(lastLinkNumber)
    // The engine hears what has left, and ends a link towards which too much waits.
    let (stream, outbound) = AsyncStream<[UInt8]>.makeStream()
    let writer = Task { [weak self] in
      do {
        for await bytes in stream {
          try await channel.send(bytes)
          await self?.left(link, bytes.count)
        }
        await channel.close("")
      } catch {
        await channel.close("")
        await self?.ended(link, ReplicaError(error).description)
      }
    }
    links[link] = AttachedLink(
      outbound: outbound, writer: writer, channel: channel, patience: goodByePatience)
    Task { [weak self] in
      do throws(ReplicaError) {
        while let bytes = try await channel.receive() {
          guard await self?.received(link, bytes) ?? false else { return }
        }
        await self?.ended(link, "The other side closed the link.", byPeer: true)
      } catch {
        await self?.ended(link, error.description)
      }
    }
    startPolling()
    return link
  }

  private func left(_ link: LinkID, _ byteCount: Int) {
    state?.engine.sent(link, byteCount: byteCount)
  }

  /// The channel ended, for the reason given.
  private func ended(_ link: LinkID, _ reason: String, byPeer: Bool = false) {
    guard let attached = links.removeValue(forKey: link) else { return }
    attached.outbound.finish()
    if let engine = state?.engine { perform(engine.closed(link, reason, at: .now)) }
    // Whoever does not know this device or its workspace ends the handshake without a word.
    let isStranger = byPeer && outcomes[link]?.figures?.device == nil
    outcomes[link]?.end(
      isStranger
        ? ReplicaError(
          .notPermitted,
          "The other side ended the handshake: it has another workspace, does not know this "
            + "device, or is no replica.")
        : ReplicaError(.unreachable, Sentence.of(reason)))
  }

  /// Ends a link at once; what was under way is lost.
  func cut(_ link: LinkID, _ reason: String) async {
    guard let attached = links[link] else { return }
    ended(link, reason)
    attached.writer.cancel()
    await attached.channel.close(reason)
  }

  /// Says good-bye on a link and waits until that is written.
  func leave(_ link: LinkID) async {
    guard let attached = links[link], let engine = state?.engine else { return }
    perform(engine.leave(link, at: .now))
    links[link] = nil
    await attached.finish()
  }

  /// Says good-bye on all links and waits until that is written.
  func endLinks() async {
    guard let engine = state?.engine, !links.isEmpty || service != nil else { return }
    let ending = links.values.map { $0 }
    perform(engine.shutDown(at: .now))
    links = [:]
    settleExchanges()
    await withTaskGroup(of: Void.self) { group in
      for link in ending { group.addTask { await link.finish() } }
    }
  }
}

// MARK: Effects

extension ReplicaCore {
  /// Does what the engine asks for, in its order.
  func perform(_ effects: [Effect], source: ChangeNotice.Source = .peer) {
    for effect in effects { perform(effect, source) }
    settleExchanges()
    settleWaits()
    scheduleTick()
    projectSoon()
    checkpointSoon()
    goOnSoon()
    if !effects.isEmpty { lookAtHealthSoon() }
  }

  private func perform(_ effect: Effect, _ source: ChangeNotice.Source) {
    switch effect {
    case .send(let link, let bytes):
      links[link]?.outbound.yield(bytes)
    case .close(let link, let failure):
      if let attached = links.removeValue(forKey: link) { Task { await attached.finish() } }
      outcomes[link]?.end(failure.map { ReplicaError($0) })
    case .ended(let link, let figures):
      outcomes[link]?.figures = figures
      if figures.device != nil { say("The link with \(figures.words) has ended.") }
    case .reported(let link, let failure):
      outcomes[link]?.report(ReplicaError(failure), code: failure.code)
    case .level(let link, let isLevel):
      links[link]?.isLevel = isLevel
      if isLevel, links[link]?.isAnnounced == false, let engine = state?.engine {
        links[link]?.isAnnounced = true
        if let figures = engine.link(link, at: .now) {
          say("Linked with \(figures.words); both sides are level.")
        }
      }
    case .changed(let documents, let isComplete):
      arrivals &+= 1
      subscribers.tell(
        ChangeNotice(documents: documents, isComplete: isComplete, source: source))
    case .membershipChanged, .admitted:
      subscribers.tell(ChangeNotice(documents: [], isComplete: true, source: source))
    case .presenceChanged: tellPresence()
    case .dial(let dial, let address):
      service?.dial(dial, address)
    case .log(let level, let sentence):
      say(Sentence.of(sentence), ServeLogLine.Level(level))
    }
  }

  /// Tells whoever serves this replica.
  func say(_ sentence: String, _ level: ServeLogLine.Level = .info) {
    service?.log(ServeLogLine(level: level, sentence: sentence))
  }
}

extension LinkFigures {
  /// Who and where, for people.
  fileprivate var words: String {
    let device = name ?? device.map { "device \($0.prefix(16))" } ?? "somebody"
    return "\(device) at \(place)"
  }
}

extension ServeLogLine.Level {
  fileprivate init(_ level: EngineLogLevel) {
    switch level {
    case .info: self = .info
    case .warning: self = .warning
    case .error: self = .error
    }
  }
}

extension ReplicaError {
  fileprivate init(_ failure: LinkFailure) {
    let code: Code
    switch failure.code {
    case .notPermitted: code = .notPermitted
    case .pending, .unreachable, .silent, .protocolError, .busy: code = .unreachable
    case .refused, .full, .forked: code = .refused
    case .storage: code = .io
    }
    self.init(code, Sentence.of(failure.sentence))
  }
}
