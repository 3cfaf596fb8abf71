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
    await leaveTime(for: began)
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

  /// After a turn of the engine that began then: while somebody works here, half of the time is
  /// theirs.
  private func leaveTime(for began: ContinuousClock.Instant) async {
    let took = ContinuousClock.now - began
    guard let engine = state?.engine else { return }
    if took > Self.shortTurn, engine.isAttended(at: .now) {
      try? await Task.sleep(for: took)
    } else if engine.hasMore {
      await Task.yield()
    }
  }

  private static let shortTurn = Duration.microseconds(500)
}

/// Who waits for turns of the engine.
struct EngineTurns {
  /// Whether a task sees to what the engine has left.
  var isGoingOn = false
  /// Those who read from links and wait until what they read is taken over; one a link.
  var readers: [LinkID: CheckedContinuation<Void, Never>] = [:]
}
