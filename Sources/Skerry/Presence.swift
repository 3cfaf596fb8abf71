internal import Replication

/// What another device, or another process of this one, shows at the moment.
public struct Presence: Hashable, Sendable {
  /// The device's public key in hexadecimal.
  public let device: String
  public let name: String?
  /// Tells one run of a program on the device from another.
  public let run: UInt64
  /// As the app there has set it: a cursor, a name, what is open.
  public let value: JSONValue
}

// Presence is of the moment: it is sealed for the members of the workspace, sent to those who are
// linked, passed on by them and by relays where the topology needs that, and never stored. It
// expires half a minute after a device was heard of last, by the clock of whoever shows it.
extension Replica {
  /// The longest JSON text of a presence, in bytes.
  public static let presenceBytesMax = 1_024

  /// Shows the others something of this moment; nil takes it back. It is repeated until it is taken
  /// back or the replica is closed. What changes many times in a tenth of a second is sent once.
  ///
  /// It goes out over the links that this process keeps: without any, nobody sees it.
  ///
  /// - Throws: `invalid` for a value whose JSON text has more than ``presenceBytesMax`` bytes.
  public func setPresence(_ value: JSONValue?) async throws(ReplicaError) {
    try await core.setPresence(value)
  }

  /// Who is there, sorted by device: at once, and then whenever somebody comes, goes or shows
  /// something else. A reader that is slow gets the newest only. This process is not in it.
  ///
  /// Where other processes serve the store, what they know and show is in it, within a second.
  public func presence() -> AsyncStream<[Presence]> {
    core.followPresence()
  }

  /// Who is there, as those know it who keep links of this store.
  ///
  /// - Throws: `unreachable` when nobody does; `late` when they have not answered in time.
  public func presence(
    within patience: Duration
  ) async throws(ReplicaError) -> [Presence] {
    // As long as it is followed it is asked for.
    let following = core.followPresence()
    defer { withExtendedLifetime(following) {} }
    let deadline = ContinuousClock.now + patience
    while true {
      if let present = try await core.presenceAnswer() { return present }
      guard ContinuousClock.now < deadline, !Task.isCancelled else { break }
      try? await Task.sleep(for: .milliseconds(20))
    }
    throw ReplicaError(
      .late, "The process that serves this store has not told in time who is present.")
  }
}

extension ReplicaCore {
  func setPresence(_ value: JSONValue?) throws(ReplicaError) {
    let engine = try opened().engine
    var bytes: [UInt8] = []
    value?.write(to: &bytes)
    guard let effects = engine.setPresence(value == nil ? nil : bytes, at: .now) else {
      throw ReplicaError(
        .invalid,
        "A presence has at most \(Replica.presenceBytesMax) bytes of JSON; this one has "
          + "\(bytes.count).")
    }
    perform(effects)
  }

  nonisolated func followPresence() -> AsyncStream<[Presence]> {
    let stream = presenceFollowers.add()
    Task {
      await startPolling()
      await askForPresence()
      await tellPresence()
    }
    return stream
  }

  /// - Parameter isNews: also when it is what was told last.
  func tellPresence(isNews: Bool = true) {
    guard !presenceFollowers.isEmpty, state != nil else { return }
    let present = present()
    if isNews || present != toldPresence { presenceFollowers.tell(present) }
    toldPresence = present
  }
}
