import ByteCoding
import ReplicaStore
import Sealing
import Segments
import SyncProtocol

// Presence: who is there. Small notes that are passed on, expire, and are never stored.
extension Engine {
  /// Shows the others something of this moment, at most ``PresenceNote/stateBytesMax`` bytes; nil
  /// takes it back. It is repeated until it is taken back or the engine is gone; then it expires
  /// with the others. Only processes that hold links can show something.
  ///
  /// - Returns: nil for a state that is too long.
  package func setPresence(_ state: [UInt8]?, at instant: EngineInstant) -> [Effect]? {
    var isTaken = false
    let effects = input(at: instant) {
      isTaken = presence.show(state, now: now, entropy: entropy)
      sendOwnPresence()
    }
    return isTaken ? effects : nil
  }

  /// What another engine over the same store has shown is shown by this one from now on.
  package func takeOverPresence(from other: Engine) {
    presence = PresenceBoard(continuing: other.presence)
  }

  /// Tells those who are linked that this process goes. What it has shown it can show again.
  func sayGoodBye() {
    guard !links.isEmpty, store.isAdmitted, let note = presence.goodBye(seal) else { return }
    for id in sortedLinks {
      session(id) { $0.tell(presence: note.bytes, hops: PresenceBoard.hopsMax, now: now) }
    }
  }

  /// What other devices, and other processes of this one, show at the moment, sorted by device.
  package func presentDevices(at instant: EngineInstant) -> [PresentDevice] {
    _ = presence.expire(now: max(now, instant.monotonic))
    return presence.present
  }

  /// What this process shows; nil for nothing.
  package var shownPresence: PresentDevice? {
    guard let state = presence.own, let run = presence.run else { return nil }
    return PresentDevice(device: store.identity.device.publicKey, run: run, state: state)
  }

  /// When presence has something to do; `.max` when it has not.
  var presenceDeadline: UInt64 {
    let isHeard = !links.isEmpty && store.isAdmitted
    return min(presence.nextExpiry, isHeard ? presence.dueAt ?? .max : .max)
  }

  func tickPresence() {
    if presence.expire(now: now) { emit(.presenceChanged) }
    sendOwnPresence()
  }

  private func sendOwnPresence() {
    guard !links.isEmpty, store.isAdmitted, let note = presence.next(now: now, seal) else {
      return
    }
    for id in sortedLinks {
      session(id) { $0.tell(presence: note.bytes, hops: PresenceBoard.hopsMax, now: now) }
    }
  }

  private func seal(
    _ state: [UInt8], _ run: UInt64, _ number: UInt64, _ lifetime: UInt64
  ) -> PresenceNote? {
    let identity = store.identity
    return PresenceNote(
      state, run: run, number: number, lifetimeMilliseconds: lifetime,
      workspace: identity.workspace, key: identity.key, keyEpoch: identity.keyEpoch,
      by: identity.device.signing, entropy: entropy)
  }

  /// Whoever was just met learns who is there.
  func tellPresence(to connection: Connection) {
    presence.repeatSoon(now: now)
    sendOwnPresence()
    guard passesPresenceOn else { return }
    for (note, hops) in presence.notes(now: now) where hops > 0 {
      session(connection.id) { $0.tell(presence: note.bytes, hops: hops - 1, now: now) }
    }
  }

  /// How much may wait to leave on a link towards which presence is passed on.
  private static let presenceQueueMax = 64 << 10

  /// In a mesh everybody is linked with everybody.
  private var passesPresenceOn: Bool { place?.topology.kind != .mesh }

  func take(presence bytes: [UInt8], hops: UInt8, _ connection: Connection) {
    // What is too much or cannot be read is left: it is not worth a link.
    guard connection.presenceLimit.take(now: now) else { return }
    let note: PresenceNote
    do throws(ByteDecodingError) { note = try PresenceNote(parsing: bytes) } catch { return }
    let identity = store.identity
    guard note.workspace == identity.workspace, store.membership.device(note.device) != nil
    else { return }
    let hops = min(hops, PresenceBoard.hopsMax)
    let (isNews, hasChanged) = presence.take(note, hops: hops, now: now) { note in
      guard note.keyEpoch == identity.keyEpoch else { return nil }
      do throws(SealingError) { return try note.open(with: identity.key) } catch { return nil }
    }
    if hasChanged { emit(.presenceChanged) }
    guard isNews, hops > 0, passesPresenceOn else { return }
    // A link that is slow has more important things to carry, and hears of it with the next repeat.
    for id in sortedLinks
    where id != connection.id && (links[id]?.queuedBytes ?? 0) <= Self.presenceQueueMax {
      session(id) { $0.tell(presence: bytes, hops: hops - 1, now: now) }
    }
  }
}

extension Engine {
  /// At the end of each turn: tells peers that have just become ready who is there. O(1) when none
  /// has.
  func greet() {
    guard !greeted.isEmpty else { return }
    let ready = greeted.filter { links[$0]?.link.session?.isRunning == true }
    greeted.removeAll { links[$0] == nil || ready.contains($0) }
    for id in ready {
      if let connection = links[id] { tellPresence(to: connection) }
    }
    drain()
  }
}

extension Engine {
  /// What people call the device that shows something; nil where it is not known.
  package func name(of present: PresentDevice) -> String? {
    name(ofDevice: present.device.array)
  }
}
