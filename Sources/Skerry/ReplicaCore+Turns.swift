internal import Replication

// An input is one turn of the engine, which does only so much. What it leaves is done turn by turn,
// and whoever waits for this replica has a turn between two of them.
extension ReplicaCore {
  /// Hands what came over a link to the engine, and returns when all of it is taken over, so that
  /// nothing more is read before.
  ///
  /// - Returns: false when the link is gone.
  func received(_ link: LinkID, _ bytes: [UInt8]) async -> Bool {
    guard links[link] != nil, let engine = state?.engine else { return false }
    let began = ContinuousClock.now
    perform(engine.received(link, bytes, at: .now))
    // What comes after something short, as an acknowledgement is, may be what somebody types.
    if bytes.count > Self.shortRead {
      await leaveTime(for: began)
    } else if engine.hasMore {
      await Task.yield()
    }
    if isTaking(link) {
      await withCheckedContinuation { turns.readers[link] = $0 }
    }
    return links[link] != nil
  }

  /// Whether something that came over a link is to be stored before more is read from it.
  private func isTaking(_ link: LinkID) -> Bool {
    links[link] != nil && state?.engine.holdsUnstored(of: link) == true
  }

  /// Sees to it that the engine goes on, and that those read on who can.
  func goOnSoon() {
    for link in turns.readers.keys.sorted() where !isTaking(link) {
      turns.readers.removeValue(forKey: link)?.resume()
    }
    guard !turns.isGoingOn, state?.engine.hasMore == true else { return }
    turns.isGoingOn = true
    Task { [weak self] in
      while await self?.goOn() ?? false {}
    }
  }

  /// False when nothing is left to do.
  private func goOn() async -> Bool {
    guard let engine = state?.engine, engine.hasMore else {
      turns.isGoingOn = false
      return false
    }
    let began = ContinuousClock.now
    perform(engine.goOn(at: .now))
    await leaveTime(for: began)
    return true
  }

  /// After a turn of the engine that began then.
  private func leaveTime(for began: ContinuousClock.Instant) async {
    let end = ContinuousClock.now
    guard let engine = state?.engine else { return }
    if let rest = rest(from: began, to: end) {
      try? await Task.sleep(for: rest)
    } else if engine.hasMore {
      await Task.yield()
    }
  }

  /// One turn of what is due by now. What it has left is due at once; while somebody works here it
  /// waits as other turns do.
  func takeTick(_ engine: Engine) -> [Effect] {
    let began = ContinuousClock.now
    let effects = engine.tick(at: .now)
    let end = ContinuousClock.now
    if let rest = rest(from: began, to: end) { turns.nextTick = end + rest }
    return effects
  }

  /// How long the engine leaves the time to others after a turn, while somebody works here: most
  /// of it is theirs then. Nil when nobody does, or the turn was short.
  private func rest(
    from began: ContinuousClock.Instant, to end: ContinuousClock.Instant
  ) -> Duration? {
    let took = end - began
    guard took > Self.shortTurn, state?.engine.isAttended(at: .now) == true else { return nil }
    return min(took * Self.restFactor, Self.restMax)
  }

  private static let shortTurn = Duration.microseconds(500)
  /// So much longer than the turn is the rest: what somebody commits meets a turn at one of two
  /// ends about once in three times.
  private static let restFactor = 4
  /// Links must be told in time that this end lives.
  private static let restMax = Duration.milliseconds(100)
  /// Bytes that were read at once, and are no part of much more.
  private static let shortRead = 4_096
}

/// Who waits for turns of the engine.
struct EngineTurns {
  /// Whether a task sees to what the engine has left.
  var isGoingOn = false
  /// Those who read from links and wait until what they read is taken over; one a link.
  var readers: [LinkID: CheckedContinuation<Void, Never>] = [:]
  /// Nothing that is due is done before.
  var nextTick = ContinuousClock.now
}
