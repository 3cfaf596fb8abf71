internal import Replication
private import Sealing

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
  public func presence() -> AsyncStream<[Presence]> {
    core.followPresence()
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
    Task { await tellPresence() }
    return stream
  }

  func tellPresence() {
    guard !presenceFollowers.isEmpty, let open = state else { return }
    presenceFollowers.tell(
      open.engine.presentDevices(at: .now).compactMap { present in
        // What another release shows and this one cannot read is nothing that can be shown.
        guard let value = try? JSONValue(parsing: present.state) else { return nil }
        return Presence(
          device: present.device.hexadecimal, name: open.engine.name(of: present), run: present.run,
          value: value)
      })
  }
}
