package import Causality
import Sabotages

// Two histories of one origin. Whoever notices asks for the other one, from further and further
// back, until it comes to where the two part; then both are here, each under a name of its own, and
// go to whoever lacks them like any other.
extension SyncSession {
  /// These chains are forked here, and are stored up to these sequences: what was behind them has
  /// other names now, which ``stored(_:firstHand:now:)`` tells.
  package mutating func parted(
    _ ends: [VersionVector.Entry], now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    guard phase != .closed else { return [] }
    for end in ends {
      contested.remove(end.origin)
      parted.insert(end.origin)
      withhold(end.origin)
      local.set(end.origin, to: end.sequence)
      if phase == .running, pushes, peerWish == .everything {
        push(VersionVector(one: end.origin, end.sequence))
      }
    }
    return finish()
  }

  /// What the peer has sent under this name, up to this change, is stored under another one.
  package mutating func storedOtherwise(
    _ origin: Origin, through sequence: UInt64, now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    acknowledge(VersionVector(one: origin, sequence))
    return finish()
  }

  /// Tells the peer in short what is stored here.
  package mutating func tell(chains digest: ChainDigest, now: UInt64) -> [SessionAction] {
    advanceClock(now)
    guard phase == .running else { return [] }
    send(.chains(digest))
    return finish()
  }

  /// Asks for the peer's history of an origin from here on, though another one is stored.
  package mutating func askForFork(
    of origin: Origin, from sequence: UInt64, now: UInt64
  ) -> [SessionAction] {
    advanceClock(now)
    guard hasMet, sequence > 0, !excluded.contains(origin) else { return [] }
    if contested.insert(origin).inserted { withhold(origin) }
    send(.want([Want(origin: origin, from: sequence)], isAgain: true))
    return finish()
  }

  /// The peer's chain of an origin is another one than ours.
  mutating func fork(_ origin: Origin, at sequence: UInt64) {
    guard !excluded.contains(origin), !contested.contains(origin) else { return }
    actions.append(.forked(origin: origin, sequence: sequence))
    guard !configuration.mergesForks else {
      contested.insert(origin)
      return withhold(origin)
    }
    exclude(origin)
    send(
      .status(
        Status(
          .forked, origin: origin,
          "two different segments of origin \(origin) end at number \(sequence); one of the two "
            + "replicas went on after a restored backup or a copy")))
  }

  /// Whether an origin is left alone on this link, unless the peer asks for it.
  func isWithheld(_ origin: Origin) -> Bool {
    excluded.contains(origin) || contested.contains(origin)
  }
}
